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

@test "connect: connects to the only TSM; a second run changes nothing" {
	run_split tsmctl connect 01:00.0 --json
	assert_success
	assert_golden connect
	assert_equal "$(< "$DEV/tsm/connect")" tsm0
	run_split tsmctl connect 01:00.0 --json
	assert_success
	assert_changed false
	run tsmctl connect 01:00.0
	assert_output "0000:01:00.0: tsm tsm0 (unchanged)"
}

@test "connect: refuses another TSM with exit 6, and names the present one" {
	fake_tsm 1
	echo tsm0 > "$DEV/tsm/connect"
	run_split tsmctl connect 01:00.0 --tsm tsm1
	assert_equal "$status" 6
	assert_one_line 0000:01:00.0 "connected to tsm0" "tsmctl disconnect"
	assert_equal "$(< "$DEV/tsm/connect")" tsm0
}

@test "connect: needs --tsm with several TSMs, fails without a TSM, and refuses bad names" {
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

@test "connect: a device without a TSM side fails with exit 5, and others are connected" {
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

@test "disconnect: writes the name of the TSM, and changes nothing if not connected" {
	echo tsm0 > "$DEV/tsm/connect"
	run_split tsmctl disconnect 01:00.0 --json
	assert_success
	assert_golden disconnect
	assert_equal "$(< "$DEV/tsm/disconnect")" tsm0
	echo > "$DEV/tsm/connect"
	run_split tsmctl disconnect 01:00.0 --json
	assert_success
	assert_golden disconnect-again
}

@test "disconnect: refuses a DSM one of whose functions is bound, and names that" {
	echo tsm0 > "$DEV/tsm/connect"
	for vf in 0000:01:10.0 0000:01:10.1 0000:02:00.0; do
		fake_device "$vf"
		fake_tsm_side "$vf"
		rm "$SYS/devices/pci0000:00/$vf/tsm/connect"
		echo 0000:01:00.0 > "$SYS/devices/pci0000:00/$vf/tsm/dsm"
	done
	echo tsm0 > "$SYS/devices/pci0000:00/0000:01:10.1/tsm/bound"
	# a bound function of another DSM
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

@test "disconnect: refuses a bound device with exit 6" {
	echo tsm0 > "$DEV/tsm/connect"
	echo tsm0 > "$DEV/tsm/bound"
	run_split tsmctl disconnect 01:00.0
	assert_equal "$status" 6
	assert_one_line 0000:01:00.0 bound "tsmctl revoke"
	assert_equal "$(< "$DEV/tsm/disconnect")" ""
}

@test "disconnect: the work for each device does not grow with the number of devices" {
	command -v strace > /dev/null || skip "no strace"
	build_preload clock
	for count in 8 64; do
		"$BATS_TEST_DIRNAME/../bench/tree" "$BATS_TEST_TMPDIR/$count" "$count" 1
		SYSFS_PATH=$BATS_TEST_TMPDIR/$count run_split strace -f -qq -E LD_PRELOAD="$BATS_RUN_TMPDIR/clock.so" \
			-E ASAN_OPTIONS=detect_leaks=0:verify_asan_link_order=0 -e trace=/^openat \
			-o "$BATS_TEST_TMPDIR/trace" tsmctl disconnect all
		assert_success
		assert_equal "$(grep -c 'tsm none (was tsm0)$' <<< "$output")" "$count"
		calls=$(grep -c /devices/0000 "$BATS_TEST_TMPDIR/trace")
		[ "$calls" -le $((count * 8)) ] || fail "$calls of them for $count devices"
	done
}
