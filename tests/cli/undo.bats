#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2030,SC2031,SC2154
# A verb restores what its opposite has changed, and a verb that fails leaves nothing behind.
bats_require_minimum_version 1.5.0
load helpers

setup_file() { build_kernel; }

setup() {
	fake_configured_host
	fake_capable 0000:01:00.0
	fake_driver vfio-pci
	DEV=$SYS/devices/pci0000:00/0000:01:00.0
}

driver() { basename "$(readlink "$DEV/driver")"; }
override() { cat "$DEV/driver_override"; }

# other_program: it has given the device to vfio-pci
other_program() {
	echo vfio-pci > "$DEV/driver_override"
	fake_set_driver 0000:01:00.0 vfio-pci
}

@test "release: restores a driver_override that another program had set" {
	other_program
	before=$(snapshot)
	run_split kernel tsmctl assign 01:00.0
	assert_success
	assert_output "0000:01:00.0: driver vfio-pci-tsm (was vfio-pci)
0000:01:00.0: note: its driver_override was 'vfio-pci': 'tsmctl release' restores that"
	assert_equal "$(override)" vfio-pci-tsm
	# a second assign does not change that
	run_split kernel tsmctl assign 01:00.0
	run_split kernel tsmctl release 01:00.0 --dry-run
	assert_success
	[[ $stderr == *"would write 'vfio-pci' to $SYS/bus/pci/devices/0000:01:00.0/driver_override"* ]]
	run_split kernel tsmctl release 01:00.0 --forget
	assert_success
	assert_line "0000:01:00.0: driver vfio-pci (was vfio-pci-tsm)"
	assert_line "0000:01:00.0: note: its driver_override is 'vfio-pci' again"
	rmdir "$RUN"
	assert_equal "$(snapshot)" "$before"
}

@test "release: clears its own driver_override, and keeps one that was set since" {
	run kernel tsmctl assign 01:00.0
	assert_success
	assert_equal "$(ls -A "$RUN")" ""
	run_split kernel tsmctl release 01:00.0
	assert_equal "$(override)" "(null)"
	assert_equal "$(driver)" nvme
	run kernel tsmctl assign 01:00.0
	echo vfio-pci > "$DEV/driver_override"
	run_split kernel tsmctl release 01:00.0
	assert_success
	assert_equal "$(override)" vfio-pci
	assert_equal "$(driver)" vfio-pci
}

@test "release: does not restore a driver_override that was given up since" {
	other_program
	run kernel tsmctl assign 01:00.0
	fake_set_driver 0000:01:00.0 nvme
	echo "(null)" > "$DEV/driver_override"
	run kernel tsmctl assign 01:00.0
	assert_success
	run_split kernel tsmctl release 01:00.0
	assert_equal "$(override)" "(null)"
	assert_equal "$(driver)" nvme
}

@test "apply: restores the former driver_override; a roll-back restores both" {
	other_program
	config '{ "device": "01:00.0", "assigned": true }'
	run kernel tsmctl apply
	assert_success
	config '{ "device": "01:00.0", "assigned": false, "tsm": "tsm0" }'
	before=$(snapshot)
	FAKE_REFUSE='*/connect=* 5' run_split kernel tsmctl apply
	assert_equal "$status" 1
	assert_equal "$(snapshot)" "$before"
	run_split kernel tsmctl apply
	assert_success
	assert_equal "$(override)" vfio-pci
	assert_equal "$(driver)" vfio-pci
}

@test "assign: leaves nothing behind if it fails" {
	for place in '*/driver_override' '*/vfio-pci/unbind'; do
		other_program
		before=$(snapshot)
		FAKE_REFUSE="$place=* 5" run_split kernel tsmctl assign 01:00.0
		assert_equal "$status" 1
		[ ! -d "$RUN" ] || rmdir "$RUN"
		assert_equal "$(snapshot)" "$before"
	done
	: > "$SYS/bus/pci/drivers/vfio-pci-tsm/takes_nothing"
	before=$(snapshot)
	run_split kernel tsmctl assign 01:00.0
	assert_equal "$status" 1
	rmdir "$RUN"
	assert_equal "$(snapshot)" "$before"
	# a directory that was there stays
	fake_policy 0000:01:00.0
	run_split kernel tsmctl assign 01:00.0
	assert_equal "$status" 1
	[ -d "$CFG/0000:01:00.0" ]
}

@test "mode, tdi-id, deny: leave no directory behind if they fail" {
	for args in "mode 01:00.0 shared" "tdi-id 01:00.0 0x20" "deny 01:00.0"; do
		# shellcheck disable=SC2086
		FAKE_REFUSE='*/@(region_mode|tdi_id|bind_allowed)=* 5' run_split kernel tsmctl $args
		assert_equal "$status" 1
		refute [ -e "$CFG/0000:01:00.0" ]
	done
}

@test "assign: does not overwrite a driver_override that it cannot keep" {
	other_program
	mkdir "$RUN"
	chmod 777 "$RUN"
	chmod 777 "$RUN"
	before=$(snapshot)
	run_split kernel tsmctl assign 01:00.0 --dry-run
	assert_equal "$status" 4
	[[ $stderr == *"cannot keep its driver_override 'vfio-pci' in $RUN"* ]] || fail "$stderr"
	run_split kernel tsmctl assign 01:00.0
	assert_equal "$status" 4
	assert_one_line "$RUN is not trusted: its mode is 0777"
	assert_equal "$(snapshot)" "$before"
}
