#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2013,SC2016,SC2030,SC2031,SC2154
# Selectors: every form, and every mistake.
bats_require_minimum_version 1.5.0
load helpers

setup() {
	fake_host
	fake_device 0000:01:00.0 e1000e 8086 10c9
	fake_device 0000:01:00.1 e1000e 8086 10c9
	fake_device 0000:02:10.0 "" 8086 10ca
	fake_device 0001:01:00.0 "" 10de 2330
	fake_device 10000:e1:00.0 "" 144d a80a
	fake_tsm_side 0000:02:10.0
}

selected() {
	run_split tsmctl list --json "$@"
	assert_success
	results address | LC_ALL=C sort | xargs
}

@test "select: takes full and short addresses in either case" {
	assert_equal "$(selected 0000:01:00.0)" 0000:01:00.0
	assert_equal "$(selected 01:00.0)" 0000:01:00.0
	assert_equal "$(selected 0001:01:00.0)" 0001:01:00.0
	assert_equal "$(selected 10000:E1:00.0)" 10000:e1:00.0
}

@test "select: takes globs over addresses, with and without the domain" {
	assert_equal "$(selected '0000:01:00.*')" "0000:01:00.0 0000:01:00.1"
	assert_equal "$(selected '01:00.[0-9]')" "0000:01:00.0 0000:01:00.1"
	assert_equal "$(selected '*:01:00.0')" "0000:01:00.0 0001:01:00.0"
	assert_equal "$(selected '????:02:*')" 0000:02:10.0
	fake_policy 0000:05:00.0 absent
	assert_equal "$(selected '0000:05:*')" 0000:05:00.0
}

@test "select: vendor:device is not taken for an address" {
	assert_equal "$(selected 8086:10c9)" "0000:01:00.0 0000:01:00.1"
	assert_equal "$(selected 10DE:2330)" 0001:01:00.0
}

@test "select: driver=NAME and pf=ADDRESS select by the present state of the host" {
	ln -s ../0000:01:00.0 "$SYS/devices/pci0000:00/0000:01:00.1/physfn"
	assert_equal "$(selected driver=e1000e)" "0000:01:00.0 0000:01:00.1"
	assert_equal "$(selected pf=01:00.0)" 0000:01:00.1
	assert_equal "$(selected pf=0000:01:00.0 driver=e1000e)" "0000:01:00.0 0000:01:00.1"
	run_split tsmctl list driver=e1000
	assert_equal "$status" 3
	assert_one_line "no device has this driver"
	run_split tsmctl list pf=02:10.0
	assert_equal "$status" 3
	assert_one_line "it has no virtual function"
	# events are about the past or the future, when the driver may be another one
	for verb in monitor events; do
		for text in driver=e1000e pf=01:00.0; do
			run_split timeout 60 tsmctl $verb "$text"
			assert_equal "$status" 2
			assert_one_line "'$text' selects by the present driver or PF"
		done
	done
	# a second = comes before the ID of a TDI
	fake_policy 0000:01:00.0
	fake_policy 0000:01:00.1
	run_split tsmctl tdi-id driver=e1000e
	assert_success
	assert_output "0000:01:00.0: tdi_id none
0000:01:00.1: tdi_id none"
	run_split tsmctl tdi-id pf=01:00.0=00:05.0
	assert_success
	assert_output "0000:01:00.1: tdi_id 0000:00:05.0 (was none)"
	run_split tsmctl tdi-id 01:00.0 pf=01:00.0
	assert_success
	# an absent device has no driver
	fake_policy 0000:05:00.0 absent
	run_split tsmctl revoke driver=nvme
	assert_equal "$status" 3
	# a configuration describes what is wanted, and not what the host has now
	for text in driver=e1000e pf=01:00.0; do
		printf '{ "version": 1, "devices": [ { "device": "%s", "assigned": true } ] }' "$text" > "$BATS_TEST_TMPDIR/config.json"
		run_split tsmctl diff --file "$BATS_TEST_TMPDIR/config.json"
		assert_equal "$status" 2
		assert_one_line "$text" "is not a device"
	done
}

@test "select: takes an address as a path of sysfs, and in the form of libvirt" {
	assert_equal "$(selected /sys/bus/pci/devices/0000:01:00.0)" 0000:01:00.0
	assert_equal "$(selected /sys/devices/pci0000:00/0000:00:1c.0/0000:01:00.1/)" 0000:01:00.1
	assert_equal "$(selected pci_0001_01_00_0 pci_10000_e1_00_0)" "0001:01:00.0 10000:e1:00.0"
}

@test "select: 'all' selects what has a TSM side, is assigned, or has policy" {
	assert_equal "$(selected all)" 0000:02:10.0
	fake_policy 0000:01:00.1
	assert_equal "$(selected all)" "0000:01:00.1 0000:02:10.0"
}

@test "select: takes each device once, in the order of the arguments" {
	run_split tsmctl list --json 02:10.0 8086:10c9 01:00.0 '*:02:*' 02:10.0
	assert_success
	assert_equal "$(results address | xargs)" "0000:02:10.0 0000:01:00.0 0000:01:00.1"
}

@test "select: a selector that matches nothing is exit 3, and the error names it" {
	for s in 0000:99:00.0 99:00.0 '0000:99:*' 1234:5678; do
		run_split tsmctl list "$s"
		assert_equal "$status" 3
		assert_one_line "tsmctl: $s: " "no "
		run_split tsmctl --json list "$s"
		assert_equal "$status" 3
		assert_envelope
		assert_equal "$(errors "device errno")" "$s ENODEV"
		assert_equal "$stderr" ""
	done
	rm -r "$SYS/bus/pci/devices/0000:02:10.0/tsm"
	run_split tsmctl show all
	assert_equal "$status" 3
}

@test "select: if only some selectors match, their devices are done, with exit 7" {
	run_split tsmctl list --json 01:00.0 99:00.0
	assert_equal "$status" 7
	assert_equal "$(results address) $(errors "device errno")" "0000:01:00.0 99:00.0 ENODEV"
}

@test "select: a bad selector is exit 2, before anything is done" {
	fake_policy 0000:01:00.0
	before=$(snapshot)
	for s in "" x 1:00.0 01:00 01:00.8 01:20.0 000:01:00.0 0000:01:00.00 8086:10c9: 8086:10cg \
		:8086:10c9 0000:01:00.0x " 01:00.0" 01:00.0$'\n' ../../etc/passwd 0000:001:00.0 \
		123456789:01:00.0 0x01:00.0 -- ALL driver= driver=a/b 'driver=n*' pf= pf=x 'pf=0000:*' \
		pci_0000_01_00 pci_0000_01_00_0_0 pci_0000:01:00.0 / /sys 0000:01:00.0/ /sys/0000:01:00.0x $'\033]2J' $'\xff'; do
		run_split tsmctl deny 01:00.0 -- "$s"
		[ "$status" -eq 2 ] || fail "selector '$s' gave exit $status"
		assert_one_line "see 'tsmctl deny --help'"
		run_split tsmctl deny --json 01:00.0 -- "$s"
		assert_equal "$status" 2
		assert_envelope
		assert_equal "$(errors stage)" usage
	done
	assert_equal "$(snapshot)" "$before"
}

@test "select: no device at all is exit 2" {
	for verb in mode tdi-id allow deny assign release disconnect bind unbind revoke; do
		run_split tsmctl $verb
		assert_equal "$status" 2
		assert_one_line "DEVICE is missing"
	done
}

@test "select: only verbs that set policy take an absent device" {
	for verb in list show assign release disconnect bind unbind revoke; do
		run_split tsmctl $verb 0000:99:00.0
		[ "$status" -eq 3 ] || fail "$verb gave exit $status"
	done
	for args in "mode exclusive" "tdi-id 00:02.0" allow deny; do
		# shellcheck disable=SC2086
		set -- $args
		run_split tsmctl --dry-run "$1" 0000:99:00.0 ${2:+"$2"}
		[ "$status" -eq 0 ] || fail "$1 gave exit $status: $stderr"
	done
}
