#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2016,SC2030,SC2031,SC2154
# tsmctl apply, diff and assign on devices that somebody uses.
bats_require_minimum_version 1.5.0
load helpers

setup_file() { build_kernel; }

setup() {
	fake_host
	export TSMCTL_ETC=$BATS_TEST_TMPDIR/etc FAKE_LOG=$BATS_TEST_TMPDIR/log
	mkdir -m 755 "$TSMCTL_ETC"
	: > "$FAKE_LOG"
	fake_driver vfio-pci-tsm
	fake_tsm 0
	fake_tsm 1
	fake_device 0000:01:00.0 nvme
	default_driver 0000:01:00.0 nvme
	fake_tsm_side 0000:01:00.0 tsm0
	DEV=$SYS/devices/pci0000:00/0000:01:00.0
}

teardown() {
	[ -z "${HOLDER:-}" ] || kill "$HOLDER" 2> /dev/null || true
}

# document ENTRIES: a configuration on standard input of the command that follows.
document() { printf '{ "version": 1, "devices": [ %s ] }\n' "$1"; }

# bound_function ADDR: a virtual function of 01:00.0 that is bound.
bound_function() {
	fake_device "$1" vfio-pci-tsm
	fake_tsm_side "$1"
	rm "$SYS/devices/pci0000:00/$1/tsm/connect"
	echo 0000:01:00.0 > "$SYS/devices/pci0000:00/$1/tsm/dsm"
	echo tsm0 > "$SYS/devices/pci0000:00/$1/tsm/bound"
}

@test "apply: no change of the TSM while a function that has the device for its DSM is bound" {
	bound_function 0000:01:10.3
	before=$(snapshot)
	for entry in '"tsm": null' '"tsm": "tsm1"' '"tsm": null, "bind_allowed": false'; do
		run_split kernel tsmctl apply --file - < <(document "{ \"device\": \"01:00.0\", $entry }")
		[ "$status" -eq 6 ] || fail "$entry gave exit $status"
		assert_one_line 0000:01:00.0 0000:01:10.3
	done
	run_split kernel tsmctl apply --json --prune --file - < <(document '{ "device": "0000:01:10.3" }')
	assert_equal "$status" 7
	assert_envelope
	json_is '[[x["device"], x["errno"], x["stage"]] for x in e]' '[["0000:01:00.0", "EBUSY", "disconnect"]]'
	assert_equal "$(cat "$FAKE_LOG")" ""
	# the rest of it may change
	run_split kernel tsmctl apply --file - < <(document '{ "device": "01:00.0", "tsm": "tsm0", "bind_allowed": false }')
	assert_success
	assert_equal "$(policy 0000:01:00.0 bind_allowed)" 0
}
