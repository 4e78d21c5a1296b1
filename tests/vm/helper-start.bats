# SPDX-License-Identifier: GPL-2.0-or-later
# tsm-bind-helper hold --start: a TDI in RUN, for tests.
# vm: --nvme 2
# kernels: normal oldest

# shellcheck disable=SC2154 # helpers.bash sets what is not set here
load helpers

setup_file() { load helpers; load_all; }
teardown_file() { load helpers; unload_all; }
setup() { prepare; }
teardown() {
	for knob in error_guest_req error_state_after_bind; do
		[ ! -e "$debugfs/$dev" ] || echo 0 >"$debugfs/$dev/inject/$knob"
	done
	cleanup
}

# start: a holder in the background whose TDI is in RUN
start() {
	said=$BATS_TEST_TMPDIR/said
	tsm-bind-helper hold --device "$dev" --start >"$said" 3>&- &
	helper=$!
	eventually RUN sim state
	eventually 1 grep -c event "$said"
}

ended() {
	local rc=0
	wait "$helper" || rc=$?
	assert_equal "$rc" "$1"
	unlocked
}

# unlocked: the device is closed and the TDI unlocked
unlocked() {
	assert_equal "$(attr state) $(sim state)" "closed CONFIG_UNLOCKED"
	assert_equal "$(sim violations)" 0
	[ "$(sysfs tdi_state)" != run ]
}

@test "hold --start: the holder, sysfs, the TSM and INFO report RUN, and SIGTERM ends it" {
	start
	run cat "$said"
	assert_output --partial '"event":"bound"'
	assert_output --partial '"tdi_state":"run"}'
	assert_equal "$(sysfs tdi_state) $(attr state)" "run bound"
	# The ioctl needs the holder's own file: only the owner can issue it.
	run python3 -c "
import ctypes, fcntl, os, struct
pidfd = os.pidfd_open($helper)
for name in os.listdir('/proc/$helper/fd'):
    if os.readlink('/proc/$helper/fd/' + name).startswith('/dev/vfio/devices/'):
        fd = ctypes.CDLL(None).syscall(438, pidfd, int(name), 0)
info = bytearray(struct.pack('<12I', 48, *[0] * 11))
fcntl.ioctl(fd, ord(';') << 8 | 100 + 25, info)
print(*struct.unpack('<4I', info[:16])[2:])"
	assert_output "1 3" # bound, in RUN
	run tsm-bind-helper --device "$dev" --start
	assert_equal "$status" 6
	assert_equal "$(sim state)" RUN
	kill -TERM "$helper"
	ended 0
}

@test "no TDI stays in RUN after the holder is killed or the device is lost" {
	start
	kill -KILL "$helper"
	wait "$helper" || true
	eventually closed attr state
	unlocked
	start
	echo tsm0 >"$pci/devices/$dev/tsm/disconnect"
	eventually 1 grep -c '"event":"lost"' "$said"
	wait "$helper" || true
	assert_equal "$(attr state)" closed
	assert_equal "$(sysfs tdi_state)" unknown
}

@test "if the TSM does not start the TDI, the holder reports message and code, and unbinds" {
	set_attr guest_requests info
	run tsm-bind-helper hold --device "$dev" --start
	assert_equal "$status" 4
	assert_output --partial '"step":"start tdi","errno":"EACCES"'
	assert_output --partial 'START_INTERFACE_REQUEST'
	unlocked
	set_attr guest_requests all

	echo 1 >"$debugfs/$dev/inject/error_state_after_bind"
	run tsm-bind-helper hold --device "$dev" --start
	assert_equal "$status" 1
	assert_output --partial '"step":"start tdi","errno":"EPROTO"'
	assert_output --partial 'GET_DEVICE_INTERFACE_REPORT: TDISP_ERROR 0x4 (INVALID_INTERFACE_STATE)'
	unlocked
	echo 0 >"$debugfs/$dev/inject/error_state_after_bind"

	echo 5 >"$debugfs/$dev/inject/error_guest_req"
	run tsm-bind-helper hold --device "$dev" --start
	assert_equal "$status" 1
	assert_output --partial '"errno":"EIO"'
	assert_output --partial 'GET_DEVICE_INTERFACE_REPORT'
	unlocked
	echo 0 >"$debugfs/$dev/inject/error_guest_req"

	start
	kill -TERM "$helper"
	ended 0
}
