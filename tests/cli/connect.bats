#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2013,SC2016,SC2030,SC2031,SC2154
# tsmctl connect and disconnect: the kernel's own PCI/TSM, without our modules.
bats_require_minimum_version 1.5.0
load helpers

setup() {
	fake_host
	rm -r "$CFG"
	fake_tsm 0
	fake_device 0000:01:00.0
	fake_tsm_side 0000:01:00.0
	DEV=$SYS/devices/pci0000:00/0000:01:00.0
}

@test "connect: to the only TSM; a second time changes nothing" {
	run_split tsmctl connect 01:00.0 --json
	assert_success
	assert_envelope 'r[0]' '{"device": "0000:01:00.0", "attribute": "tsm", "value": "tsm0", "previous": null, "changed": true, "note": null}'
	assert_equal "$(cat "$DEV/tsm/connect")" tsm0
	run_split tsmctl connect 01:00.0 --json
	assert_success
	json_is 'd["changed"]' false
	run tsmctl connect 01:00.0
	assert_output "0000:01:00.0: tsm tsm0 (unchanged)"
}

@test "connect: to another TSM than now: exit 6, names it" {
	fake_tsm 1
	echo tsm0 > "$DEV/tsm/connect"
	run_split tsmctl connect 01:00.0 --tsm tsm1
	assert_equal "$status" 6
	assert_one_line 0000:01:00.0 "connected to tsm0" "tsmctl disconnect"
	assert_equal "$(cat "$DEV/tsm/connect")" tsm0
}

@test "connect: several TSMs, none, and bad names" {
	fake_tsm 1
	run_split tsmctl connect 01:00.0
	assert_equal "$status" 2
	assert_one_line tsm0 tsm1 --tsm
	run tsmctl connect 01:00.0 --tsm tsm1
	assert_success
	for tsm in "" tsm tsmx ../tsm0 "tsm0 " tsm-1 tsm00000000000 tsm4294967296 $'tsm0\n'; do
		run_split tsmctl connect 01:00.0 --tsm "$tsm"
		[ "$status" -eq 2 ] || fail "--tsm '$tsm' gave exit $status"
	done
	rmdir "$SYS"/class/tsm/*
	run_split tsmctl connect 01:00.0
	assert_equal "$status" 5
	assert_one_line "no TSM" "tsmctl load --sim"
	rmdir "$SYS/class/tsm"
	run_split tsmctl connect 01:00.0 --json
	assert_equal "$status" 5
	assert_envelope
}

@test "connect: a device without a TSM side: exit 5; the others: exit 7" {
	fake_device 0000:02:00.0
	run_split tsmctl connect 02:00.0
	assert_equal "$status" 5
	assert_one_line 0000:02:00.0 "cannot connect to a TSM"
	run_split tsmctl connect 02:00.0 01:00.0
	assert_equal "$status" 7
	assert_output "0000:01:00.0: tsm tsm0 (was none)"
}

@test "connect, disconnect: --dry-run changes nothing" {
	before=$(snapshot)
	run tsmctl connect 01:00.0 --dry-run
	assert_success
	assert_line "0000:01:00.0: would set tsm tsm0 (now none)"
	assert_equal "$(snapshot)" "$before"
	echo tsm0 > "$DEV/tsm/connect"
	before=$(snapshot)
	run tsmctl disconnect 01:00.0 --dry-run
	assert_success
	assert_line "0000:01:00.0: would set tsm none (now tsm0)"
	assert_equal "$(snapshot)" "$before"
}

@test "connect: an attribute that cannot be written is exit 4" {
	chmod 0444 "$DEV/tsm/connect"
	run_restricted tsmctl connect 01:00.0
	assert_equal "$status" 4
	assert_one_line 0000:01:00.0 "Permission denied"
}

@test "disconnect: writes the name of the TSM; nothing if not connected" {
	echo tsm0 > "$DEV/tsm/connect"
	run_split tsmctl disconnect 01:00.0 --json
	assert_success
	json_is 'r[0]["previous"]' tsm0 \
		'r[0]["value"]' null
	assert_equal "$(cat "$DEV/tsm/disconnect")" tsm0
	echo > "$DEV/tsm/connect"
	run_split tsmctl disconnect 01:00.0 --json
	assert_success
	json_is 'd["changed"]' false \
		'list(r[0])' "$OUTCOME_KEYS"
}

@test "disconnect: refused while a function that has it for its DSM is bound, and names it" {
	echo tsm0 > "$DEV/tsm/connect"
	for vf in 0000:01:10.0 0000:01:10.1 0000:02:00.0; do
		fake_device "$vf"
		fake_tsm_side "$vf"
		rm "$SYS/devices/pci0000:00/$vf/tsm/connect"
		echo 0000:01:00.0 > "$SYS/devices/pci0000:00/$vf/tsm/dsm"
	done
	echo tsm0 > "$SYS/devices/pci0000:00/0000:01:10.1/tsm/bound"
	# bound, but of another DSM
	echo 0000:03:00.0 > "$SYS/devices/pci0000:00/0000:02:00.0/tsm/dsm"
	echo tsm0 > "$SYS/devices/pci0000:00/0000:02:00.0/tsm/bound"
	before=$(snapshot)
	for args in "" --dry-run; do
		# shellcheck disable=SC2086
		run_split tsmctl disconnect 01:00.0 $args
		assert_equal "$status" 6
		assert_one_line 0000:01:00.0 ": 0000:01:10.1; " "tsmctl revoke"
	done
	assert_equal "$(snapshot)" "$before"
	echo > "$SYS/devices/pci0000:00/0000:01:10.1/tsm/bound"
	run_split tsmctl disconnect 01:00.0
	assert_success
	assert_output "0000:01:00.0: tsm none (was tsm0)"
}

@test "disconnect: a bound device is refused, exit 6" {
	echo tsm0 > "$DEV/tsm/connect"
	echo tsm0 > "$DEV/tsm/bound"
	run_split tsmctl disconnect 01:00.0
	assert_equal "$status" 6
	assert_one_line 0000:01:00.0 bound "tsmctl revoke"
	assert_equal "$(cat "$DEV/tsm/disconnect")" ""
}
