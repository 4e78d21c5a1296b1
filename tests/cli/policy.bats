#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2013,SC2016,SC2030,SC2031,SC2154
# tsmctl mode, tdi-id, allow, deny and requests, which read and write policy in configfs.
bats_require_minimum_version 1.5.0
load helpers

setup() {
	fake_host
	fake_assigned 0000:01:00.0
	fake_assigned 0000:02:00.0
}

@test "mode: reads and sets the mode; a second run changes nothing" {
	run tsmctl mode 01:00.0
	assert_success
	assert_output "0000:01:00.0: region_mode default"

	run_split tsmctl mode 01:00.0 shared --json
	assert_success
	assert_golden mode
	assert_equal "$(policy 0000:01:00.0 region_mode)" shared

	run_split tsmctl mode 01:00.0 shared --json
	assert_success
	assert_golden mode-again
	run tsmctl mode 01:00.0 shared
	assert_output "0000:01:00.0: region_mode shared (unchanged)"
	run tsmctl -q mode 01:00.0 exclusive
	assert_success
	assert_output ""
}

@test "mode: sets and reads the mode of several devices" {
	run_split tsmctl --json mode --set=exclusive all
	assert_success
	assert_equal "$(results value)" "exclusive
exclusive"
	run_split tsmctl --json mode all
	assert_success
	assert_golden mode-read
}

@test "mode: --default sets the default of the host, --bar-mmap the action of a device" {
	run tsmctl mode --default shared
	assert_output "default_region_mode shared (was exclusive)"
	assert_equal "$(< "$CFG/default_region_mode")" shared
	run tsmctl mode 01:00.0 --bar-mmap revoke
	assert_output "0000:01:00.0: bar_mmap revoke (was refuse)"
	assert_equal "$(policy 0000:01:00.0 bar_mmap)" revoke
	assert_equal "$(policy 0000:01:00.0 region_mode)" default
}

@test "mode: a mistyped device leaves the default unchanged" {
	for args in "nonsense" "nonsense 01:00.0 exclusive" "01:00.0 nonsense exclusive"; do
		# shellcheck disable=SC2086
		run_split tsmctl mode --default shared $args
		[ "$status" -eq 2 ] || fail "mode --default shared $args gave exit $status"
		assert_equal "$(< "$CFG/default_region_mode")" exclusive
	done
}

@test "mode: bad values are exit 2 and change nothing" {
	before=$(snapshot)
	for args in "01:00.0 private" "01:00.0 --set=Shared" "01:00.0 --set=" "--default=default" \
		"--default=none" "01:00.0 --bar-mmap=zap" "exclusive" "01:00.0 --set" \
		"01:00.0 exclusive shared"; do
		# shellcheck disable=SC2086
		run_split tsmctl mode $args
		[ "$status" -eq 2 ] || fail "mode $args gave exit $status"
		assert_one_line "see 'tsmctl mode --help'"
	done
	assert_equal "$(snapshot)" "$before"
}

@test "tdi-id: takes every form of an ID, and writes the form that the kernel shows" {
	while read -r given wanted; do
		run tsmctl tdi-id 01:00.0 "$given"
		assert_success
		assert_equal "$(policy 0000:01:00.0 tdi_id)" "$wanted"
		run_split tsmctl tdi-id 01:00.0 --set "$given" --json
		assert_changed false
	done <<- 'EOF'
		00:02.0 0000:00:02.0
		0001:0A:1f.7 0001:0a:1f.7
		0x10 0000:00:02.0
		0XffffFFFF ffff:ff:1f.7
		none none
	EOF
	run tsmctl tdi-id 01:00.0
	assert_output "0000:01:00.0: tdi_id none"
}

@test "tdi-id: reads two addresses as two devices; =ID and --set always write" {
	before=$(snapshot)
	for args in "01:00.0 02:00.0" "0000:01:00.0 0000:02:00.0" "01:00.0 02:00.0 01:00.0"; do
		# shellcheck disable=SC2086
		run_split tsmctl tdi-id $args
		assert_success
		assert_output "0000:01:00.0: tdi_id none
0000:02:00.0: tdi_id none"
	done
	run_split tsmctl tdi-id 01:00.0 02:00.0
	assert_one_line "02:00.0 is a device" "'=02:00.0' sets the ID"
	for args in "01:00.0 02:00.0 none" "01:00.0 02:00.0 0x10" "01:00.0 02:00.0=00:05.0" "=00:05.0" "01:00.0="; do
		# shellcheck disable=SC2086
		run_split tsmctl tdi-id $args
		[ "$status" -eq 2 ] || fail "$args gave exit $status"
	done
	assert_equal "$(snapshot)" "$before"
	run_split tsmctl tdi-id 01:00.0 02:00.0 =0x28
	assert_success
	assert_equal "$(policy 0000:01:00.0 tdi_id) $(policy 0000:02:00.0 tdi_id)" "0000:00:05.0 0000:00:05.0"
	run_split tsmctl tdi-id 02:00.0=none
	assert_success
	assert_equal "$(policy 0000:01:00.0 tdi_id) $(policy 0000:02:00.0 tdi_id)" "0000:00:05.0 none"
	run_split tsmctl tdi-id --json 01:00.0 =02:00.0
	assert_success
	assert_equal "$(policy 0000:01:00.0 tdi_id)" 0000:02:00.0
	run_split tsmctl tdi-id --json --get 01:00.0 02:00.0
	assert_success
	assert_equal "$(results value)" "0000:02:00.0
none"
}

@test "policy: notes an absent device, whatever is set" {
	for args in "deny 99:00.0" "deny 99:00.0" "allow 99:00.0" "mode 99:00.0 shared" "mode 99:00.0 --bar-mmap revoke" \
		"tdi-id 99:00.0 00:05.0" "tdi-id 99:00.0 --set none" "requests 99:00.0 info"; do
		# as in the kernel, the directory has all attributes
		fake_policy 0000:99:00.0
		# shellcheck disable=SC2086
		run_split tsmctl --json $args
		assert_success
		[[ $(results note) == *"no such device"* ]] || fail "$output"
		# shellcheck disable=SC2086
		run_split tsmctl --dry-run $args
		assert_line "0000:99:00.0: note: this host has no such device now: the policy waits for it"
	done
	run_split tsmctl deny --json 01:00.0
	assert_equal "$(results note)" null
}

@test "tdi-id: bad values are exit 2 and change nothing" {
	before=$(snapshot)
	for id in 0x 0x100000000 0xg 16 -1 10000:00:02.0 00:20.0 00:02.8 "" nonesuch 00:02 0x1\ ; do
		run_split tsmctl tdi-id 01:00.0 "$id"
		[ "$status" -eq 2 ] || fail "tdi-id '$id' gave exit $status"
		assert_one_line "see 'tsmctl tdi-id --help'"
	done
	run_split tsmctl tdi-id 01:00.0 --get --set none
	assert_equal "$status" 2
	assert_equal "$(snapshot)" "$before"
}

@test "mode: a mistyped mode is not taken for a device" {
	run_split tsmctl mode 01:00.0 exclusice
	assert_equal "$status" 2
	assert_one_line "'exclusice' is neither a device nor a mode (default, exclusive, shared)"
	run_split tsmctl mode exclusice
	assert_equal "$status" 2
	assert_one_line "'exclusice' is not a device"
}

@test "allow, deny: write 1 and 0; a second run changes nothing" {
	run tsmctl deny 01:00.0
	assert_output "0000:01:00.0: bind_allowed no (was yes)"
	assert_equal "$(policy 0000:01:00.0 bind_allowed)" 0
	run tsmctl deny 01:00.0
	assert_output "0000:01:00.0: bind_allowed no (unchanged)"
	run_split tsmctl allow all --json
	assert_success
	assert_equal "$(results changed)" "true
false"
	assert_equal "$(policy 0000:01:00.0 bind_allowed)" 1
}

@test "requests: reads and sets the requests; 'all' can be devices or the value" {
	run tsmctl requests 01:00.0
	assert_success
	assert_output "0000:01:00.0: guest_requests all"
	run tsmctl requests 01:00.0 none
	assert_output "0000:01:00.0: guest_requests none (was all)"
	assert_equal "$(policy 0000:01:00.0 guest_requests)" none
	run_split tsmctl requests 01:00.0 02:00.0 none --json
	assert_success
	assert_golden requests
	run tsmctl requests all
	assert_output "0000:01:00.0: guest_requests none
0000:02:00.0: guest_requests none"
	run tsmctl requests all info
	assert_success
	run tsmctl requests 01:00.0 all
	assert_output "0000:01:00.0: guest_requests all (was info)"
	run tsmctl requests --set none all
	assert_success
	assert_equal "$(policy 0000:01:00.0 guest_requests) $(policy 0000:02:00.0 guest_requests)" "none none"
	run tsmctl -q requests all all
	assert_success
	assert_output ""
	assert_equal "$(policy 0000:01:00.0 guest_requests) $(policy 0000:02:00.0 guest_requests)" "all all"
}

@test "requests: modules that are too old for them are exit 5, and the hint loads newer ones" {
	rm "$CFG/0000:01:00.0/tsm/guest_requests"
	for args in "01:00.0" "01:00.0 all" "01:00.0 none"; do
		# shellcheck disable=SC2086 # several arguments
		run_split tsmctl requests $args --json
		assert_failure 5
		assert_equal "$(errors "stage attribute")" "module guest_requests"
		[[ $output == *"is older than tsmctl: it has no guest_requests"*"tsmctl unload && tsmctl load"* ]]
	done
}

@test "requests: bad values are exit 2 and change nothing" {
	before=$(snapshot)
	while IFS='|' read -r args message; do
		# shellcheck disable=SC2086
		run_split tsmctl requests $args
		[ "$status" -eq 2 ] || fail "requests $args gave exit $status"
		assert_one_line "$message" "see 'tsmctl requests --help'"
	done <<- 'EOF'
		|DEVICE is missing
		none|'none' is not a device
		01:00.0 some|'some' is neither a device nor one of none, info and all
		01:00.0 None|'None' is neither a device nor one of none, info and all
		01:00.0 --set=some|'some' is not a set of requests: none, info or all
		01:00.0 --set=|'' is not a set of requests
		01:00.0 --set|
		01:00.0 none info|'none' is not a device
	EOF
	assert_equal "$(snapshot)" "$before"
}

@test "policy: --dry-run changes nothing, and prints what it would do" {
	before=$(snapshot)
	for args in "mode 01:00.0 shared" "mode --default shared" "tdi-id 01:00.0 0x10" "deny 01:00.0" \
		"mode 0000:99:00.0 shared" "mode 01:00.0 --bar-mmap revoke" "requests 01:00.0 none"; do
		# shellcheck disable=SC2086
		run_split tsmctl --dry-run $args
		assert_success
		[[ $output == *"would set"* ]] || fail "$args: $output"
		[[ $stderr == *"would write"* ]] || fail "$args: $stderr"
		# shellcheck disable=SC2086
		run_split tsmctl --dry-run --json $args
		assert_success
		assert_changed true
		assert_equal "$stderr" ""
	done
	assert_equal "$(snapshot)" "$before"
}

@test "policy: --verbose traces each write" {
	run_split tsmctl -v mode 01:00.0 shared
	assert_success
	assert_one_line "write 'shared' to $CFG/0000:01:00.0/tsm/region_mode"
}

@test "policy: a failed change removes the directory that was made for an absent device" {
	# a real configfs fills the directory; this one stays empty, so that the write fails
	run_split tsmctl -v deny 0000:99:00.0
	assert_equal "$status" 1
	[[ $stderr == *"create $CFG/0000:99:00.0"*"remove $CFG/0000:99:00.0"* ]] || fail "$stderr"
	refute [ -e "$CFG/0000:99:00.0" ]
	run_split tsmctl mode 0000:98:00.0
	assert_success
	assert_output "0000:98:00.0: region_mode default"
	refute [ -e "$CFG/0000:98:00.0" ]
}

@test "policy: a failed write names device, attribute, value and errno, and exits with 4" {
	chmod 0444 "$CFG/0000:01:00.0/tsm/region_mode"
	run_restricted tsmctl mode --json 01:00.0 shared
	assert_equal "$status" 4
	assert_golden mode-not-allowed
	[ "$(id -u)" -eq 0 ] || assert_equal "$(errors hint)" "run it as root"
	assert_equal "$stderr" ""
	assert_equal "$(policy 0000:01:00.0 region_mode)" default

	run_restricted tsmctl mode 01:00.0 02:00.0 shared
	assert_equal "$status" 7
	assert_one_line 0000:01:00.0 region_mode "'shared'" "Permission denied"
}

@test "policy: does not follow links in the place of attributes and directories" {
	echo secret > "$BATS_TEST_TMPDIR/secret"
	ln -sf "$BATS_TEST_TMPDIR/secret" "$CFG/0000:01:00.0/tsm/region_mode"
	run_split tsmctl mode 01:00.0 shared
	assert_equal "$status" 1
	ln -s 0000:02:00.0 "$CFG/0000:03:00.0"
	fake_device 0000:03:00.0
	run_split tsmctl mode 03:00.0 shared
	assert_equal "$status" 1
	assert_equal "$(< "$BATS_TEST_TMPDIR/secret")" secret
	assert_equal "$(policy 0000:02:00.0 region_mode)" default
}

@test "policy: exits with 5 without the module or configfs, and the hint is the next step" {
	for args in "mode 01:00.0" "mode 01:00.0 shared" "mode --default shared" "tdi-id 01:00.0 none" \
		"allow 01:00.0" "requests 01:00.0" "requests 01:00.0 all" "bind 01:00.0" "unbind 01:00.0" "revoke 01:00.0"; do
		mv "$CFG" "$CFG.away"
		# shellcheck disable=SC2086
		run_split tsmctl $args
		mv "$CFG.away" "$CFG"
		[ "$status" -eq 5 ] || fail "$args gave exit $status"
		assert_one_line "vfio_tsm is not loaded" "tsmctl load"
		# shellcheck disable=SC2086
		TSMCTL_CONFIGFS=$BATS_TEST_TMPDIR/none run_split tsmctl $args
		[ "$status" -eq 5 ] || fail "$args gave exit $status"
		assert_one_line "configfs is not mounted" "tsmctl load"
	done
}

@test "policy: a path in the environment that is relative or missing is an error" {
	TSMCTL_CONFIGFS=relative run_split tsmctl list
	assert_equal "$status" 2
	TSMCTL_RUN=relative run_split tsmctl list
	assert_equal "$status" 2
	SYSFS_PATH=relative run_split tsmctl list
	assert_equal "$status" 2
	SYSFS_PATH=/nonexistent run_split tsmctl list
	assert_equal "$status" 5
	assert_one_line /nonexistent SYSFS_PATH
}
