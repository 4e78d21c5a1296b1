# SPDX-License-Identifier: GPL-2.0-or-later
# The journal: a journald of the tests' own, which also reads the kernel log.
# vm: --nvme 1

# shellcheck disable=SC2154 # helpers.bash sets what is not set here
load helpers

setup_file() {
	load helpers
	load_all
	# journald looks up the cgroup of each writer.
	mountpoint -q /sys/fs/cgroup || mount -t cgroup2 cgroup2 /sys/fs/cgroup
	mkdir -p /run/systemd
	# The machine id of the real machine, if it has one, is not used.
	if [ -e /etc/machine-id ]; then
		echo 0123456789abcdef0123456789abcdef >/run/tsm-machine-id
		mount --bind /run/tsm-machine-id /etc/machine-id
	else
		echo 0123456789abcdef0123456789abcdef >/etc/machine-id
	fi
	/lib/systemd/systemd-journald </dev/null >/run/tsm-journald.log 2>&1 3>&- &
	echo $! >/run/tsm-journald.pid
	wait_for 60 test -S /run/systemd/journal/socket
}
teardown_file() {
	load helpers
	kill "$(cat /run/tsm-journald.pid)" || true
	wait_for 60 test ! -e "/proc/$(cat /run/tsm-journald.pid)"
	umount /etc/machine-id || true
	rm -rf /run/systemd/journal /run/log/journal /run/tsm-*
	unload_all
}
setup() { prepare; }
teardown() {
	[ -z "${waiter:-}" ] || kill -KILL "$waiter" 2>/dev/null || true
	cleanup
}

# has PATTERN...: waits until 'tsmctl events' prints a line for each PATTERN
has() {
	local pattern
	for pattern; do
		found() { tsmctl events "$dev" | grep -qE "$pattern"; }
		wait_for 60 found || fail "no '$pattern': $(tsmctl events)"
	done
}

@test "the journal has the changes by tsmctl, and the loss that the driver detected" {
	tsmctl deny "$dev"
	tsmctl allow "$dev"
	run client open tsm-bind "sh:echo tsm0 >$pci/devices/$dev/tsm/disconnect" "is:$configfs/$dev/tsm/state=lost" close
	assert_line "tsm-bind OK"
	has "bind_allowed: 0 \(was 1\)  \(tsmctl deny, user 0, process [0-9]+\)$" \
		"the bound TDI is lost: lost  \(kernel\)$"
	# The fields can be read.
	run journalctl -t tsmctl -o json TSM_VERB=deny
	assert_output --partial '"TSM_TO":"0"'
	assert_output --partial "\"TSM_DEVICE\":\"$dev\""
	# A run that changes nothing is not in it.
	changes() { tsmctl events "$dev" | grep -c '(tsmctl '; }
	before=$(changes)
	tsmctl allow "$dev"
	tsmctl show "$dev" >/dev/null
	tsmctl mode "$dev" shared
	has "region_mode: shared \(was [a-z]+\)"
	assert_equal "$(changes)" $((before + 1))
}

@test "tsmctl wait sees a bind by an owner, by its uevent" {
	tsmctl wait "$dev" --state bound --timeout 60 >"$BATS_TEST_TMPDIR/out" 2>/dev/null 3>&- &
	waiter=$!
	listens() { readlink "/proc/$waiter/fd/"* | grep -q socket:; }
	wait_for 60 listens
	# The device is bound for a moment only.
	run client open tsm-bind tsm-unbind close
	assert_equal "$(answers tsm-bind)" OK
	wait "$waiter"
	run cat "$BATS_TEST_TMPDIR/out"
	assert_output --regexp "^$dev: state (bound|open|closed)$"
}
