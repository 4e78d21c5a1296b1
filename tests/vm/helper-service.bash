# SPDX-License-Identifier: GPL-2.0-or-later
# For tests of tsm-bind-helper with a VMM's file: a VMM, and the socket service, which
# runs without privileges.

: "${dev:?}" "${configfs:?}"

ask=$BATS_TEST_DIRNAME/../cli/ask.py
export PYTHONPATH=$BATS_TEST_DIRNAME/../cli PYTHONDONTWRITEBYTECODE=1

prepare_service() {
	prepare
	run_dir=/run/helper-test
	hold_dir=/run/helper-test-root
	install -d -o 1234 -m 755 $run_dir
	export sock=$run_dir/helper.sock
	config=$BATS_TEST_TMPDIR/helper.json
	chmod 755 "$BATS_RUN_TMPDIR" "$BATS_TEST_TMPDIR"
}

clean_service() {
	cleanup 0000:02:00.0
	rm -rf $run_dir $hold_dir
}

# vmm STEP...: a VMM in the background that does these steps; after $ready and
# wait_for_go it waits, and does the rest when go is called
vmm() {
	mkfifo "$BATS_TEST_TMPDIR/go"
	vfio-client "$dev" "$@" >"$BATS_TEST_TMPDIR/vmm.log" 2>&1 3>&- &
	vmm=$!
	eventually 1 grep -c "^sh:echo ready" "$BATS_TEST_TMPDIR/vmm.log"
}
wait_for_go() { echo "sh:read x <$BATS_TEST_TMPDIR/go"; }
ready="sh:echo ready >/dev/null"
go() {
	echo >"$BATS_TEST_TMPDIR/go"
	wait "$vmm"
}

# files: the number of files that the VMM has open
files() { find "/proc/$vmm/fd" -mindepth 1 | wc -l; }

helper() { run --separate-stderr tsm-bind-helper --device "$dev" "$@"; }

# serve: a service that runs as user 1234
serve() {
	[ -e "$config" ] || echo '{"allow":[]}' >"$config"
	setpriv --reuid 1234 --regid 1234 --clear-groups "$(type -P tsm-bind-helper)" serve \
		--listen $sock --config "$config" >"$BATS_TEST_TMPDIR/said" 3>&- &
	service=$!
	eventually 1 grep -c listening "$BATS_TEST_TMPDIR/said"
	files=$(find "/proc/$service/fd" -mindepth 1 | wc -l)
}

line() { printf '{"version":1,"request":"%s","device":"%s"}' "$1" "${2:-$dev}"; }
req() { echo "ask:$sock $(line "$@")"; }
is_state() { echo "is:$configfs/$dev/tsm/state=$1"; }

# said N KEY...: member of the N-th reply to the VMM
said() {
	sed -n 's/^said //p' <<<"$output" | sed -n "$1p" | python3 -c '
import json, sys
d = json.load(sys.stdin)
for key in sys.argv[1:]: d = d[key]
print(d)' "${@:2}"
}

unharmed() {
	eventually "$files" eval 'find "/proc/$service/fd" -mindepth 1 | wc -l'
	eventually "" eval 'pgrep -P "$service" || true'
	assert_equal "$(attr state)" closed
	assert_equal "$(sim violations)" 0
	run client open "$(req state)"
	assert_equal "$(said 1 ok)" True
}
