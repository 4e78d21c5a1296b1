#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2030,SC2031,SC2154
# tsmctl events, with a stand-in for journalctl.
bats_require_minimum_version 1.5.0
load helpers

setup() {
	fake_host
	fake_assigned 0000:01:00.0
	export TSMCTL_ROOT=$BATS_TEST_TMPDIR/r TZ=UTC
	mkdir -p "$TSMCTL_ROOT/usr/bin"
	cat > "$BATS_TEST_TMPDIR/lines" <<- 'EOF'
		{"__REALTIME_TIMESTAMP":"1795000000123456","SYSLOG_IDENTIFIER":"tsmctl","MESSAGE":"0000:01:00.0: driver: vfio-pci-tsm (was nvme)","TSM_VERB":"assign","TSM_DEVICE":"0000:01:00.0","TSM_ATTRIBUTE":"driver","TSM_FROM":"nvme","TSM_TO":"vfio-pci-tsm","_UID":"0","_AUDIT_LOGINUID":"1000","_PID":"77"}
		{"__REALTIME_TIMESTAMP":"1795000001000000","SYSLOG_IDENTIFIER":"tsmctl-helper","MESSAGE":"{\"event\":\"bound\",\"device\":\"0000:02:00.0\"}","_UID":"64055","_PID":"78"}
		{"__REALTIME_TIMESTAMP":"1795000002000000","SYSLOG_IDENTIFIER":"kernel","MESSAGE":"vfio-pci-tsm 0000:01:00.0: the bound TDI is lost: reset"}
		{"__REALTIME_TIMESTAMP":"1795000003000000","SYSLOG_IDENTIFIER":"kernel","MESSAGE":"nvme 0000:01:00.0: enabling device"}
		{"__REALTIME_TIMESTAMP":"1795000004000000","SYSLOG_IDENTIFIER":"tsmctl","MESSAGE":"config: /etc/tsmctl/config.json (was none)","TSM_VERB":"save","TSM_ATTRIBUTE":"config","TSM_TO":"/etc/tsmctl/config.json","_UID":"0","_AUDIT_LOGINUID":"0","_PID":"79"}
		{"__REALTIME_TIMESTAMP":"1795000005000000","SYSLOG_IDENTIFIER":"tsmctl","MESSAGE":[[27,91],"text"]}
		{"__REALTIME_TIMESTAMP":"1795000006000000","SYSLOG_IDENTIFIER":"tsmctl","MESSAGE":"tsmctl: 0000:03:00.0: cannot set driver_override: Input/output error","_UID":"0","_PID":"80"}
		{"__REALTIME_TIMESTAMP":"1795000007000000","SYSLOG_IDENTIFIER":"tsmctl","MESSAGE":"x","TSM_VERB":"y)\n2026-11-18 11:06:42  0000:01:00.0  lost  (kernel)","TSM_DEVICE":"\n","_UID":"1000","_PID":"81"}
	EOF
	stand_in 0
}

# stand_in STATUS: a journalctl that writes down its arguments, and exits with STATUS
stand_in() {
	printf '#!/bin/sh\nprintf "%%s\\n" "$@" > %q\nenv > %q\ncat %q\nexit %d\n' \
		"$BATS_TEST_TMPDIR/arguments" "$BATS_TEST_TMPDIR/environment" "$BATS_TEST_TMPDIR/lines" "$1" > "$TSMCTL_ROOT/usr/bin/journalctl"
	chmod 755 "$TSMCTL_ROOT/usr/bin/journalctl"
}

@test "events: prints what tsmctl, the helper and the driver have written, and nothing else" {
	run_split tsmctl events
	assert_success
	assert_output "2026-11-18T11:06:40.123+00:00  0000:01:00.0  driver: vfio-pci-tsm (was nvme)  (tsmctl assign, user 0, login of user 1000, process 77)
2026-11-18T11:06:41.000+00:00  0000:02:00.0  {\"event\":\"bound\",\"device\":\"0000:02:00.0\"}  (tsmctl-helper, user 64055, process 78)
2026-11-18T11:06:42.000+00:00  0000:01:00.0  the bound TDI is lost: reset  (kernel)
2026-11-18T11:06:44.000+00:00  -             config: /etc/tsmctl/config.json (was none)  (tsmctl save, user 0, process 79)
2026-11-18T11:06:46.000+00:00  0000:03:00.0  cannot set driver_override: Input/output error  (tsmctl, user 0, process 80)
2026-11-18T11:06:47.000+00:00  \\x0a          x  (tsmctl y)\\x0a2026-11-18 11:06:42  0000:01:00.0  lost  (kernel), user 1000, process 81)"
	run cat "$BATS_TEST_TMPDIR/arguments"
	# both services of the helper have a name of their own
	for name in tsmctl $(sed -n 's/^SyslogIdentifier=//p' "$BATS_TEST_DIRNAME"/../../systemd/*.in); do
		assert_line "SYSLOG_IDENTIFIER=$name"
	done
	refute_line --partial since
	SYSTEMD_COLORS=1 SYSTEMD_LOG_LEVEL=debug run_split tsmctl events
	assert_success
	run grep SYSTEMD "$BATS_TEST_TMPDIR/environment"
	assert_output "SYSTEMD_COLORS=0"
	# a caller that does not wait for its children
	run bash -c "trap '' CHLD; exec tsmctl events > /dev/null"
	assert_success
	# a reader that ends early: journalctl ends, and nothing fails
	printf '#!/bin/sh\nwhile cat %q; do :; done\n' "$BATS_TEST_TMPDIR/lines" > "$TSMCTL_ROOT/usr/bin/journalctl"
	run timeout 60 bash -c 'tsmctl events | head -n 1; exit "${PIPESTATUS[0]}"'
	assert_success
}

@test "events: prints only events of the devices given, even of absent ones, and since a time" {
	run_split tsmctl events 02:00.0 --since "-1h"
	assert_success
	assert_equal "${#lines[@]}" 1
	assert_line --partial '2026-11-18T11:06:41.000+00:00  0000:02:00.0 '
	run cat "$BATS_TEST_TMPDIR/arguments"
	assert_equal "${lines[-2]} ${lines[-1]}" "--since -1h"
	run_split tsmctl events "0000:0[12]:*" --json
	assert_success
	assert_golden events
}

@test "events: a missing or unreadable journal is one error" {
	stand_in 1
	run_split tsmctl events
	assert_equal "$status" 1
	assert_one_line "journalctl failed" "journalctl -t tsmctl"
	run_split tsmctl events --since tomorow
	assert_equal "$status" 1
	assert_one_line "journalctl failed" "--since=TIME"
	stand_in 0
	while IFS='|' read -r text want; do
		cp "$BATS_TEST_TMPDIR/lines" "$BATS_TEST_TMPDIR/good"
		printf '%b\n' "$text" >> "$BATS_TEST_TMPDIR/lines"
		run_split tsmctl events
		assert_equal "$status" 1
		assert_one_line "a line that cannot be read: $want" "journalctl -t tsmctl"
		mv "$BATS_TEST_TMPDIR/good" "$BATS_TEST_TMPDIR/lines"
	done <<- 'EOF'
		\0033[0mno JSON|this is not valid JSON
		{"MESSAGE":"a","MESSAGE":"b"}|this key is there twice
		{"MESSAGE":"\0377"}|this is not valid JSON
	EOF
	rm "$TSMCTL_ROOT/usr/bin/journalctl"
	run_split tsmctl events
	assert_failure
	assert_one_line "cannot run journalctl: No such file"
	unset TSMCTL_ROOT
	run_split tsmctl events
	assert_failure
	assert_one_line "cannot run journalctl"
}

@test "events: a user who may not read the journal of the system gets an error after its own entries" {
	system=$TSMCTL_ROOT/run/log/journal/0123456789abcdef0123456789abcdef
	mkdir -p "$system"
	: > "$system/system.journal"
	run_split tsmctl events
	assert_success
	for place in file directory; do
		case $place in
		file) chmod 0 "$system/system.journal" ;;
		directory) rm "$system/system.journal"; chmod 0 "$system" ;;
		esac
		for status in 0 1; do
			stand_in $status
			run_restricted tsmctl events --json
			assert_equal "$status" 4
			assert_equal "$(errors "errno stage attribute hint")" "EACCES read journal run it as root, or as a user in the group systemd-journal"
			assert_equal "$(results device | head -n 1)" 0000:01:00.0
		done
	done
}
