#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2030,SC2031,SC2154
# Devices that are quarantined, or bound by another module: free, and what other verbs report.
bats_require_minimum_version 1.5.0
load helpers

setup_file() { build_kernel; }

setup() {
	fake_capable_host
	fake_set_driver 0000:01:00.0 vfio-pci-tsm
	fake_policy 0000:01:00.0 quarantined
	policy 0000:01:00.0 quarantine 1
}

@test "free: ends a quarantine, and changes nothing without one" {
	before=$(snapshot)
	run_split kernel tsmctl free --dry-run 01:00.0 --json
	assert_success
	assert_equal "$(snapshot)" "$before"
	assert_equal "$(results "attribute value previous changed")" "quarantine \"0\" \"1\" true"
	run_split kernel tsmctl free 01:00.0
	assert_success
	assert_output "0000:01:00.0: quarantine 0 (was 1)"
	assert_equal "$(policy 0000:01:00.0 quarantine)" 0
	run_split kernel tsmctl free --json 01:00.0
	assert_success
	assert_golden free-again
}

@test "free: works on another driver, for an absent device, and without a directory in configfs" {
	fake_set_driver 0000:01:00.0 nvme
	policy 0000:01:00.0 state unassigned
	fake_policy 0000:99:00.0 absent
	policy 0000:99:00.0 quarantine 1
	run_split kernel tsmctl free 01:00.0 99:00.0
	assert_success
	assert_output "0000:01:00.0: quarantine 0 (was 1)
0000:99:00.0: quarantine 0 (was 1)
0000:99:00.0: note: this host has no such device now"
	# no policy stays behind
	run_split kernel tsmctl free 98:00.0
	assert_success
	assert_output "0000:98:00.0: quarantine 0 (unchanged)
0000:98:00.0: note: this host has no such device now"
	[ ! -e "$CFG/0000:98:00.0" ]
}

@test "free: fails if the quarantine does not end, or if the module has none" {
	FAKE_REFUSE='*/quarantine=0 5' run_split kernel tsmctl free 01:00.0
	assert_equal "$status" 1
	assert_one_line 0000:01:00.0 "cannot end the quarantine"
	run_split tsmctl free 01:00.0
	assert_success
	rm "$CFG/0000:01:00.0/tsm/quarantine"
	run_split tsmctl free 01:00.0
	assert_equal "$status" 5
	assert_one_line 0000:01:00.0 "does not support quarantine"
	rm -r "$CFG"
	run_split tsmctl free 01:00.0
	assert_equal "$status" 5
	assert_one_line "tsmctl load"
}

@test "quarantine: list and show show it; bind is refused with the commands that end it" {
	run_split tsmctl show 01:00.0 --json
	assert_equal "$(results "state origin quarantine")" "quarantined null true"
	run_split tsmctl list 01:00.0
	assert_output --partial quarantined
	for option in --verbose --dry-run; do
		run_split kernel tsmctl bind 01:00.0 $option --json
		assert_equal "$status" 6
		assert_golden "quarantine-bind${option#-}"
	done
	run_split kernel tsmctl unbind 01:00.0
	assert_success
	assert_output "0000:01:00.0: state quarantined (unchanged)"
}

@test "quarantine: the hint of bind disconnects the DSM" {
	fake_device 0000:01:10.0 vfio-pci-tsm
	fake_tsm_side 0000:01:10.0
	echo 0000:01:00.0 > "$SYS/devices/pci0000:00/0000:01:10.0/tsm/dsm"
	fake_policy 0000:01:10.0 quarantined
	policy 0000:01:10.0 quarantine 1
	run_split kernel tsmctl bind 01:10.0
	assert_one_line "tsmctl disconnect 0000:01:00.0" "tsmctl free 0000:01:10.0"
}

@test "quarantine: release refuses a quarantined device, open or closed" {
	policy 0000:01:00.0 region_mode_active exclusive
	run_split kernel tsmctl release 01:00.0
	assert_equal "$status" 6
	assert_one_line 0000:01:00.0 "a process out of sight"
	policy 0000:01:00.0 region_mode_active none
	run_split kernel tsmctl release 01:00.0
	assert_equal "$status" 6
	assert_one_line 0000:01:00.0 "cannot release it: it is quarantined" "tsmctl free"
	echo '{ "version": 1, "devices": [ { "device": "01:00.0", "assigned": false } ] }' > "$TSMCTL_ETC/config.json"
	chmod 644 "$TSMCTL_ETC/config.json"
	for option in --verbose --dry-run; do
		run_split kernel tsmctl apply $option
		assert_equal "$status" 6
	done
	policy 0000:01:00.0 quarantine 0
	policy 0000:01:00.0 state closed
	run_split kernel tsmctl release 01:00.0
	assert_success
}

@test "quarantine: assign notes it, and revoke reports one that begins" {
	fake_set_driver 0000:01:00.0 nvme
	run_split kernel tsmctl assign --json 01:00.0
	assert_success
	[[ $(results note) == *quarantined* ]] || fail "$output"
	policy 0000:01:00.0 bound 1
	FAKE_REFUSE='*/bound=0 5' run_split kernel tsmctl revoke 01:00.0 --json
	assert_equal "$status" 1
	assert_golden quarantine-revoke
}

@test "foreign: bind and unbind refuse a TDI of another module, and name the command that unbinds it" {
	fake_policy 0000:01:00.0 bound
	policy 0000:01:00.0 origin foreign
	for verb in bind unbind; do
		run_split kernel tsmctl $verb 01:00.0 --json
		assert_equal "$status" 6
		assert_golden "foreign-$verb"
	done
	run_split kernel tsmctl release 01:00.0
	assert_equal "$status" 6
	assert_one_line "another module of the kernel" "tsmctl revoke 0000:01:00.0"
	run_split tsmctl show --json 01:00.0
	assert_equal "$(results "state origin")" "bound foreign"
}
