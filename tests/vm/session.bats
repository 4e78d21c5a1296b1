# SPDX-License-Identifier: GPL-2.0-or-later
# tsmctl on the real kernel, used as by an operator and as by a role of ansible.
# vm: --nvme 2

# shellcheck disable=SC2154 # helpers.bash sets what is not set here
load helpers

setup() { modprobe -a nvme iommufd; }

teardown() {
	tsmctl --quiet unbind all 2>/dev/null || true
	kill_holders
	! mountpoint -q /sys/kernel/config || {
		! modprobe vfio_tsm 2>/dev/null || unload_all
	}
	for d in "$dev" 0000:02:00.0; do
		release "$d"
		echo "$d" >"$pci/drivers_probe"
	done
}

json() { python3 -c 'import json, sys; print(eval(sys.argv[1], {"d": json.load(sys.stdin)}))' "$1"; }

ready() {
	tsmctl --quiet load --sim '0000:0[12]:00.0'
	tsmctl --quiet assign "$dev"
	tsmctl --quiet connect "$dev"
	tsmctl --quiet tdi-id "$dev" 00:05.0
}

@test "an operator can load, assign, connect, bind, unbind, release and unload" {
	run tsmctl load --sim '0000:0[12]:00.0'
	assert_success
	[ -d "$configfs" ]
	run tsmctl assign "$dev"
	assert_success
	assert_equal "$(basename "$(readlink "$pci/devices/$dev/driver")")" vfio-pci-tsm
	run tsmctl mode "$dev" exclusive
	assert_success
	run tsmctl connect "$dev"
	assert_success
	run tsmctl tdi-id "$dev" 00:05.0
	assert_success
	run tsmctl bind "$dev"
	assert_success
	assert_equal "$(attr state)" bound
	assert_equal "$(sim state)" CONFIG_LOCKED
	assert_equal "$(sim tdi_id)" 0x28
	run tsmctl show "$dev"
	assert_output --partial bound
	assert_output --partial tsm0
	assert_output --partial 0000:00:05.0
	run tsmctl unbind "$dev"
	assert_success
	assert_equal "$(attr state)" closed
	assert_equal "$(sim violations)" 0
	run tsmctl release --forget "$dev"
	assert_success
	assert_equal "$(basename "$(readlink "$pci/devices/$dev/driver")")" nvme
	[ ! -e "$configfs/$dev" ]
	assert_equal "$(cat "$pci/devices/$dev/driver_override")" "(null)"
	run tsmctl disconnect "$dev"
	assert_success
	run tsmctl unload
	assert_success
	[ ! -d "$configfs" ]
}

@test "every verb reports a change the first time and no change the second time" {
	for verb in "load --sim 0000:0[12]:00.0" "assign $dev" "mode $dev shared" "connect $dev" \
		"tdi-id $dev 00:05.0" "mode $dev exclusive" "deny $dev" "allow $dev" "bind $dev" \
		"unbind $dev" "disconnect $dev" "release --forget $dev" unload; do
		# shellcheck disable=SC2086
		assert_equal "$verb: $(tsmctl --json $verb | json 'd["changed"]')" "$verb: True"
		[ "$verb" != "mode $dev shared" ] || continue
		# shellcheck disable=SC2086
		assert_equal "$verb: $(tsmctl --json $verb | json 'd["changed"]')" "$verb: False"
	done
}

@test "list --json has the same keys with one and with two devices, and parses without any" {
	keys='sorted(d), sorted(d["result"][0]) if d["result"] else None, len(d["result"])'
	before=$(tsmctl list --json | json "$keys")
	assert_equal "$before" "(['changed', 'errors', 'result', 'schema_version'], None, 0)"
	tsmctl list --json | python3 -m json.tool >/dev/null
	tsmctl --quiet load --sim "$dev"
	one=$(tsmctl list --json | json "$keys")
	tsmctl --quiet unload
	tsmctl --quiet load --sim '0000:0[12]:00.0'
	two=$(tsmctl list --json | json "$keys")
	[[ $one = *", 1)" && $two = *", 2)" ]]
	assert_equal "${one%, 1)}" "${two%, 2)}"
}

@test "list, connect and disconnect work with the kernel's PCI/TSM alone" {
	modprobe tsm_sim "devices=$dev"
	run tsmctl list
	assert_success
	assert_output --partial "$dev"
	run tsmctl connect "$dev"
	assert_success
	assert_equal "$(cat "$pci/devices/$dev/tsm/connect")" tsm0
	run tsmctl disconnect "$dev"
	assert_success
	run tsmctl mode "$dev" shared
	assert_equal "$status" 5
	assert_output --partial "tsmctl load"
	modprobe -r tsm_sim
}

@test "a refused bind has a hint and the exit status of its cause" {
	ready
	tsmctl --quiet deny "$dev"
	run tsmctl bind "$dev"
	assert_equal "$status" 4
	assert_output --partial "tsmctl allow"
	tsmctl --quiet allow "$dev"

	tsmctl --quiet tdi-id "$dev" none
	run tsmctl bind "$dev"
	assert_failure
	assert_output --partial "tsmctl tdi-id"
	tsmctl --quiet tdi-id "$dev" 00:05.0

	tsmctl --quiet mode "$dev" shared
	run tsmctl bind "$dev"
	assert_failure
	assert_output --partial "tsmctl mode"
	tsmctl --quiet mode "$dev" exclusive

	tsmctl --quiet disconnect "$dev"
	run tsmctl bind "$dev"
	assert_failure
	assert_output --partial "tsmctl connect"
	assert_equal "$(attr state)" closed
}

@test "a device that is not assigned, one that does not exist, and an unknown verb are errors" {
	tsmctl --quiet load --sim "$dev"
	run tsmctl bind "$dev"
	assert_failure
	assert_output --partial "tsmctl assign"
	run tsmctl show 0000:7f:00.0
	assert_equal "$status" 3
	run tsmctl frobnicate
	assert_equal "$status" 2
}

@test "a bound device cannot be released or changed, and the modules not be unloaded" {
	ready
	tsmctl --quiet bind "$dev"
	for verb in "release $dev" "mode $dev shared" "tdi-id $dev none" unload; do
		# shellcheck disable=SC2086
		run tsmctl $verb
		assert_equal "$verb: $status" "$verb: 6"
	done
	assert_equal "$(attr state)" bound
	run tsmctl revoke "$dev"
	assert_success
	assert_equal "$(attr state)" open
	run tsmctl unbind "$dev"
	assert_success
	assert_equal "$(attr state)" closed
}

@test "if another process has the device open, release fails and names the process" {
	ready
	mkfifo "$BATS_TEST_TMPDIR/go"
	vfio-client "$dev" open tsm-bind "sh:read x <$BATS_TEST_TMPDIR/go" 3>&- &
	eventually bound attr state
	for verb in release "unbind --hold"; do
		# shellcheck disable=SC2086
		run tsmctl $verb "$dev"
		assert_equal "$verb: $status" "$verb: 6"
		assert_output --partial "vfio-client"
		assert_equal "$(attr state)" bound
	done
	run tsmctl revoke "$dev"
	assert_success
	assert_equal "$(attr state)" open
	echo >"$BATS_TEST_TMPDIR/go"
	wait
}

@test "without modules, without configfs or without root, a verb fails with a hint" {
	run tsmctl mode "$dev" shared
	assert_equal "$status" 5
	assert_equal "$(wc -l <<<"$output")" 1
	assert_output --partial "tsmctl load"
	run tsmctl assign "$dev"
	assert_equal "$status" 5
	assert_equal "$(basename "$(readlink "$pci/devices/$dev/driver")")" nvme

	tsmctl --quiet load --sim "$dev"
	run setpriv --reuid=65534 --regid=65534 --clear-groups "$top/build/bin/tsmctl" assign "$dev"
	assert_equal "$status" 4
	run setpriv --reuid=65534 --regid=65534 --clear-groups "$top/build/bin/tsmctl" list
	assert_success
	run setpriv --reuid=65534 --regid=65534 --clear-groups "$top/build/bin/tsmctl" mode "$dev" shared
	assert_equal "$status" 4
}

@test "--dry-run changes nothing" {
	ready
	generation=$(attr generation)
	for verb in "mode $dev shared" "tdi-id $dev none" "deny $dev" "release $dev" \
		"disconnect $dev" "bind $dev" unload; do
		# shellcheck disable=SC2086
		run tsmctl --dry-run $verb
	done
	assert_equal "$(attr generation)" "$generation"
	assert_equal "$(attr region_mode) $(attr tdi_id) $(attr bind_allowed)" "default 0000:00:05.0 1"
	assert_equal "$(cat "$pci/devices/$dev/tsm/connect")" tsm0
}

@test "two runs can assign one device at once, and release it at once" {
	tsmctl --quiet load --sim "$dev"
	for verb in assign release assign release assign release; do
		tsmctl $verb "$dev" >"$BATS_TEST_TMPDIR/first" 2>&1 &
		run -0 tsmctl $verb "$dev"
		wait $! || fail "$verb: $(cat "$BATS_TEST_TMPDIR/first")"
		wanted=nvme
		[ $verb = release ] || wanted=vfio-pci-tsm
		assert_equal "$(basename "$(readlink "$pci/devices/$dev/driver")")" $wanted
	done
}

@test "two runs can load the modules at once" {
	for _ in 1 2 3; do
		tsmctl --json load --sim "$dev" >"$BATS_TEST_TMPDIR/first" 2>&1 &
		run -0 tsmctl --json load --sim "$dev"
		wait $! || fail "$(cat "$BATS_TEST_TMPDIR/first")"
		# Only one of the two has loaded it.
		changed=$(cat "$BATS_TEST_TMPDIR/first" <(echo "$output") |
			grep -A 4 '"attribute": "vfio_tsm"' | grep '"changed"' | sort | xargs)
		assert_equal "$changed" "changed: false, changed: true,"
		tsmctl --quiet unload
	done
}

@test "two runs can connect, bind, unbind and disconnect one device at once" {
	tsmctl --quiet load --sim "$dev"
	tsmctl --quiet assign "$dev"
	tsmctl --quiet tdi-id "$dev" 00:05.0
	for verb in connect bind unbind bind unbind disconnect; do
		tsmctl $verb "$dev" >"$BATS_TEST_TMPDIR/first" 2>&1 &
		run -0 tsmctl $verb "$dev"
		wait $! || fail "$verb: $(cat "$BATS_TEST_TMPDIR/first")"
		case $verb in
		connect) assert_equal "$(cat "$pci/devices/$dev/tsm/connect")" tsm0 ;;
		disconnect) assert_equal "$(cat "$pci/devices/$dev/tsm/connect")" "" ;;
		bind) assert_equal "$(attr state)" bound ;;
		unbind) assert_equal "$(attr state)" closed ;;
		esac
	done
}

@test "a slow connect is reported, can be given up, and keeps the device locked for other runs" {
	tsmctl --quiet load --sim "$dev"
	tsmctl --quiet deny "$dev"
	echo 20000 >"$debugfs/$dev/inject/delay_connect_ms"
	run -6 tsmctl connect "$dev" --timeout 4
	assert_line --regexp "tsmctl: $dev: waiting for tsm0 to connect it \\([0-9]+ s\\)"
	assert_line --regexp "$dev: gave up after [0-9]+ s of waiting for tsm0 to connect it; .*process [0-9]+"
	# The policy stays.
	run -143 timeout --preserve-status 3 tsmctl unload --forget
	assert_line --regexp "$dev: SIGTERM after [0-9]+ s of waiting for process [0-9]+ \\(tsmctl connect $dev --timeout 4\\), which is changing it; it was not changed"
	assert_equal "$(attr bind_allowed)" 0
	echo 0 >"$debugfs/$dev/inject/delay_connect_ms"
	run -0 tsmctl disconnect "$dev"
	assert_output --partial "tsm none (was tsm0)"
}
