#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2030,SC2031,SC2154
# tsmctl assign and release of a device on which another tsmctl is at work: a step that
# finds its work done goes on, and a roll-back puts back only what its own run changed.
bats_require_minimum_version 1.5.0
load helpers

setup_file() { build_kernel; }

setup() {
	fake_configured_host
	fake_capable 0000:01:00.0
	DEV=$SYS/devices/pci0000:00/0000:01:00.0
	OTHER=$BATS_TEST_TMPDIR/other
}

driver() { [ ! -e "$DEV/driver" ] || basename "$(readlink "$DEV/driver")"; }

# before WRITE COMMAND: what another process does before that write
before() { export FAKE_MEANWHILE="$1 env -u FAKE_REFUSE $2 > $OTHER 2>&1"; }

@test "meanwhile: two assigns, the other one at each step: both succeed" {
	for write in '*/driver_override=*' '*/nvme/unbind=*' '*/drivers_probe=*'; do
		rm -rf "$CFG/0000:01:00.0"
		fake_set_driver 0000:01:00.0 nvme
		echo '(null)' > "$DEV/driver_override"
		: > "$FAKE_LOG"
		before "$write" "tsmctl assign 01:00.0"
		run_split kernel tsmctl assign 01:00.0
		[ "$status" -eq 0 ] || fail "$write: $stderr"
		assert_output --partial "0000:01:00.0: driver vfio-pci-tsm"
		run cat "$OTHER"
		assert_output --partial "0000:01:00.0: driver vfio-pci-tsm"
		assert_equal "$(driver) $(cat "$DEV/driver_override")" "vfio-pci-tsm vfio-pci-tsm"
		run grep vfio-pci-tsm/unbind "$FAKE_LOG"
		assert_output ""
	done
}

@test "meanwhile: an assign that fails does not undo one that succeeded" {
	before '*/drivers_probe=*' "tsmctl assign 01:00.0"
	FAKE_REFUSE='*/drivers_probe=* 5' run_split kernel tsmctl assign 01:00.0
	assert_equal "$status" 1
	assert_equal "$(driver) $(cat "$DEV/driver_override")" "vfio-pci-tsm vfio-pci-tsm"
	run grep vfio-pci-tsm/unbind "$FAKE_LOG"
	assert_output ""
}

@test "meanwhile: two assigns that the driver refuses: the former driver has it again" {
	touch "$SYS/bus/pci/drivers/vfio-pci-tsm/takes_nothing"
	for write in '*/driver_override=*' '*/nvme/unbind=*' '*/drivers_probe=*'; do
		before "$write" "sh -c 'tsmctl assign 01:00.0 || true'"
		run_split kernel tsmctl assign 01:00.0
		assert_equal "$status" 1
		assert_equal "$write $(driver) $(cat "$DEV/driver_override")" "$write nvme (null)"
	done
}

@test "meanwhile: two releases, the other one at each step: both succeed" {
	for write in '*/driver_override=*' '*/vfio-pci-tsm/unbind=*' '*/drivers_probe=*'; do
		fake_set_driver 0000:01:00.0 vfio-pci-tsm
		echo vfio-pci-tsm > "$DEV/driver_override"
		before "$write" "tsmctl release 01:00.0"
		run_split kernel tsmctl release 01:00.0
		[ "$status" -eq 0 ] || fail "$write: $stderr"
		assert_equal "$(driver) $(cat "$DEV/driver_override")" "nvme (null)"
	done
}
