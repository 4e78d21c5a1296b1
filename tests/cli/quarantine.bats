#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2030,SC2031,SC2154
# tsmctl and devices whose TDI is not ours to use: free, and what other verbs report.
bats_require_minimum_version 1.5.0
load helpers

setup_file() { build_kernel; }

setup() {
	fake_configured_host
	fake_capable 0000:01:00.0
	fake_set_driver 0000:01:00.0 vfio-pci-tsm
	fake_policy 0000:01:00.0 quarantined
	policy 0000:01:00.0 quarantine 1
}

@test "free: ends a quarantine once; a device without one is left as it is" {
	before=$(snapshot)
	run_split kernel tsmctl free --dry-run 01:00.0 --json
	assert_success
	assert_equal "$(snapshot)" "$before"
	json_is '[[x["attribute"], x["value"], x["previous"], x["changed"]] for x in r]' '[["quarantine", "0", "1", true]]'
	run_split kernel tsmctl free 01:00.0
	assert_success
	assert_output "0000:01:00.0: quarantine 0 (was 1)"
	assert_equal "$(policy 0000:01:00.0 quarantine)" 0
	run_split kernel tsmctl free --json 01:00.0
	assert_success
	assert_envelope 'list(r[0])' "$OUTCOME_KEYS" 'd["changed"]' false
}

@test "free: a device on another driver, one that is absent, one without a directory" {
	fake_set_driver 0000:01:00.0 nvme
	policy 0000:01:00.0 state unassigned
	fake_policy 0000:99:00.0 absent
	policy 0000:99:00.0 quarantine 1
	run_split kernel tsmctl free 01:00.0 99:00.0
	assert_success
	assert_output "0000:01:00.0: quarantine 0 (was 1)
0000:99:00.0: quarantine 0 (was 1)"
	# no policy stays behind
	run_split kernel tsmctl free 98:00.0
	assert_success
	assert_output "0000:98:00.0: quarantine 0 (unchanged)"
	[ ! -e "$CFG/0000:98:00.0" ]
}

@test "free: what does not end, cannot be written, or is unknown to the module" {
	FAKE_REFUSE='*/quarantine=0 5' run_split kernel tsmctl free 01:00.0
	assert_equal "$status" 1
	assert_one_line 0000:01:00.0 "cannot end the quarantine"
	run_split tsmctl free 01:00.0
	assert_success
	rm "$CFG/0000:01:00.0/tsm/quarantine"
	run_split tsmctl free 01:00.0
	assert_equal "$status" 5
	assert_one_line 0000:01:00.0 "this vfio_tsm has no quarantine"
	rm -r "$CFG"
	run_split tsmctl free 01:00.0
	assert_equal "$status" 5
	assert_one_line "tsmctl load"
}
