#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2030,SC2031,SC2154
# tsmctl and devices whose TDI is not ours to use: free, and what other verbs report.
bats_require_minimum_version 1.5.0
load helpers

setup_file() { build_kernel; }

setup() {
	fake_capable_host
	fake_set_driver 0000:01:00.0 vfio-pci-tsm
	fake_policy 0000:01:00.0 quarantined
	policy 0000:01:00.0 quarantine 1
}

@test "free: ends a quarantine once; a device without one is left as it is" {
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
	assert_one_line 0000:01:00.0 "does not support quarantine"
	rm -r "$CFG"
	run_split tsmctl free 01:00.0
	assert_equal "$status" 5
	assert_one_line "tsmctl load"
}

@test "quarantine: list and show have it; bind is refused with what ends it" {
	run_split tsmctl show 01:00.0 --json
	json_is '[r[0][k] for k in ("state", "origin", "quarantine")]' '["quarantined", null, true]'
	run_split tsmctl list 01:00.0
	assert_output --partial quarantined
	for option in --verbose --dry-run; do
		run_split kernel tsmctl bind 01:00.0 $option --json
		assert_equal "$status" 6
		json_is '[[x["attribute"], x["value"], x["errno"], x["stage"]] for x in e]' '[["state", "quarantined", "EBUSY", "quarantined"]]' \
			'"tsmctl disconnect 0000:01:00.0" in e[0]["hint"] and "tsmctl free 0000:01:00.0" in e[0]["hint"]' true
	done
	run_split kernel tsmctl unbind 01:00.0
	assert_success
	assert_output "0000:01:00.0: state quarantined (unchanged)"
}

@test "quarantine: the session that ends it is that of the DSM" {
	fake_device 0000:01:10.0 vfio-pci-tsm
	fake_tsm_side 0000:01:10.0
	echo 0000:01:00.0 > "$SYS/devices/pci0000:00/0000:01:10.0/tsm/dsm"
	fake_policy 0000:01:10.0 quarantined
	policy 0000:01:10.0 quarantine 1
	run_split kernel tsmctl bind 01:10.0
	assert_one_line "tsmctl disconnect 0000:01:00.0" "tsmctl free 0000:01:10.0"
}

@test "quarantine: a device is not released to a driver that does not ask, open or closed" {
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

@test "quarantine: assign notes it; revoke reports one that it has begun" {
	fake_set_driver 0000:01:00.0 nvme
	run_split kernel tsmctl assign --json 01:00.0
	assert_success
	json_is '"quarantined" in r[0]["note"]' true
	policy 0000:01:00.0 bound 1
	FAKE_REFUSE='*/bound=0 5' run_split kernel tsmctl revoke 01:00.0 --json
	assert_equal "$status" 1
	json_is 'd["changed"]' true '[[x["errno"], x["stage"]] for x in e]' '[["EIO", "quarantined"]]' \
		'"tsmctl free 0000:01:00.0" in e[0]["hint"]' true
}

@test "foreign: bind and unbind leave it alone, and name what takes it back" {
	fake_policy 0000:01:00.0 bound
	policy 0000:01:00.0 origin foreign
	for verb in bind unbind; do
		run_split kernel tsmctl $verb 01:00.0 --json
		assert_equal "$status" 6
		json_is '[[x["attribute"], x["value"], x["errno"], x["stage"]] for x in e]' '[["origin", "foreign", "EBUSY", "foreign"]]' \
			'"tsmctl revoke" in e[0]["hint"]' true
	done
	run_split kernel tsmctl release 01:00.0
	assert_equal "$status" 6
	assert_one_line "another module of the kernel" "tsmctl revoke 0000:01:00.0"
	run_split tsmctl show --json 01:00.0
	json_is '[r[0][k] for k in ("state", "origin")]' '["bound", "foreign"]'
}
