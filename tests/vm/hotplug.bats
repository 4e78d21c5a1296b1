# SPDX-License-Identifier: GPL-2.0-or-later
# A device is unplugged through the QEMU monitor while it is closed, open or bound.
# vm: --nvme 2 --timeout 1200

# shellcheck disable=SC2154 # helpers.bash sets what is not set here
load helpers

setup_file() { load helpers; load_all; }
teardown_file() { load helpers; unload_all; }

setup() {
	[ -e "$pci/devices/$dev" ] || plug
	prepare
}

teardown() { cleanup; }

monitor() { "$top/tests/bed/monitor" "$@"; }
unplug() { monitor device_del nvme0; }

present() { [ -e "$pci/devices/$dev" ] && echo yes || echo no; }
in_slot() { monitor info qtree | grep -q 'id "nvme0"' && echo yes || echo no; }

plug() {
	monitor device_add nvme,id=nvme0,bus=rp0,drive=drive0,serial=again
	eventually yes present
}

# gone: the device is gone in the VM, and then in the slot
gone() {
	eventually no present
	eventually absent attr state
	assert_equal "$(attr bound)" 0
	assert_equal "$(attr owner)" none
	assert_equal "$(attr region_mode_active)" none
	assert_equal "$(attr tdi_id)" 0000:00:05.0
	eventually no in_slot
}

@test "a closed device can be unplugged, its policy stays, and it can come back" {
	unplug
	gone
	plug
	assert_equal "$(attr state)" unassigned
	prepare
	run client open tsm-bind
	assert_line "tsm-bind OK"
}

# goes_late STATE STEP...: the owner closes the device when the test lets it, not when asked
goes_late() {
	local state=$1
	shift
	mkfifo "$BATS_TEST_TMPDIR/go"
	dmesg --clear
	vfio-client "$dev" open "$@" "sh:read x <$BATS_TEST_TMPDIR/go" tsm-unbind close \
		>"$BATS_TEST_TMPDIR/answers" &
	eventually "$state" attr state
	unplug
	asked() { dmesg | grep -q "$dev: No device request channel registered" && echo yes; }
	eventually yes asked
	assert_equal "$(attr state)" "$state"
	echo >"$BATS_TEST_TMPDIR/go"
	wait
	run cat "$BATS_TEST_TMPDIR/answers"
	assert_line "tsm-unbind OK"
	assert_line "close OK"
	gone
}

@test "the unplug of an open device waits for the owner" {
	goes_late open
}

@test "the unplug of a bound device waits for the owner, and it stays bound until then" {
	goes_late bound tsm-bind
}

@test "the unplug of a bound device succeeds once the owner is killed" {
	vfio-client "$dev" open tsm-bind "sh:exec sleep infinity" &
	eventually bound attr state
	unplug
	pkill -KILL -P $! || true
	kill -KILL $!
	wait || true
	gone
}

@test "tsm-bind-helper closes a device that is unplugged" {
	tsmctl bind "$dev"
	assert_equal "$(attr state)" bound
	unplug
	gone
	run pgrep tsm-bind-helper
	assert_failure
}
