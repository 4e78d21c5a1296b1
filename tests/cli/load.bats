#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2013,SC2016,SC2030,SC2031,SC2154
# tsmctl load and unload, as far as they go without a kernel of our own.
bats_require_minimum_version 1.5.0
load helpers

setup() { fake_host; }

@test "load, unload: refuse when a root was moved: the kernel's own is never touched" {
	before=$(snapshot)
	for verb in load unload "unload --forget" "load --sim 0000:01:00.0"; do
		# shellcheck disable=SC2086
		run_split tsmctl $verb
		[ "$status" -eq 5 ] || fail "$verb gave exit $status"
		assert_one_line "was moved" SYSFS_PATH
		# shellcheck disable=SC2086
		run_split env -u SYSFS_PATH TSMCTL_CONFIGFS="$CFG/.." tsmctl $verb --json
		[ "$status" -eq 5 ] || fail "$verb gave exit $status"
		assert_envelope
		assert_equal "$stderr" ""
	done
	assert_equal "$(snapshot)" "$before"
}

@test "load, unload: take no devices, and a list of devices for --sim" {
	for args in "load x" "unload 01:00.0" "load --sim=" "load --sim 01:00.0;x" "load --sim a=b" \
		"load --sim" "unload --sim x"; do
		# shellcheck disable=SC2086
		run_split tsmctl $args
		[ "$status" -eq 2 ] || fail "$args gave exit $status"
		assert_one_line "--help"
	done
	run_split tsmctl load --sim "01:00.0 dyndbg=x"
	assert_equal "$status" 2
	run_split tsmctl load --sim "$(head -c 400 /dev/zero | tr '\0' 0)"
	assert_equal "$status" 2
}

@test "load: a module that is not there is exit 5 and one line" {
	unset SYSFS_PATH
	[ ! -e /sys/module/vfio_tsm ] || skip "vfio_tsm is loaded on this machine"
	mkdir "$BATS_TEST_TMPDIR/modules"
	run_split tsmctl load --modules "$BATS_TEST_TMPDIR/modules"
	assert_equal "$status" 5
	assert_one_line vfio_tsm "make modules_install"
	run_split tsmctl load --modules "$BATS_TEST_TMPDIR/modules" --json
	assert_equal "$status" 5
	assert_envelope
	json_is 'e[0]["value"]' vfio_tsm
}

@test "unload: nothing loaded is nothing to do" {
	unset SYSFS_PATH
	[ ! -e /sys/module/vfio_tsm ] || skip "vfio_tsm is loaded on this machine"
	run_split tsmctl unload --json
	assert_success
	assert_envelope
	json_is 'd["changed"]' false
	json_is '[list(x) for x in r]' "[$OUTCOME_KEYS, $OUTCOME_KEYS, $OUTCOME_KEYS]"
}
