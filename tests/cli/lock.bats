#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2016,SC2030,SC2031,SC2154
# Only one apply, and only one save of a file, runs at a time, and no other user can block
# them.
bats_require_minimum_version 1.5.0
load helpers

setup_file() { build_kernel; }

setup() {
	fake_host
	fake_assigned 0000:01:00.0
	export TSMCTL_ETC=$BATS_TEST_TMPDIR/etc
	mkdir -m 755 "$TSMCTL_ETC" "$RUN"
	echo '{"version":1,"devices":[{"device":"01:00.0","bind_allowed":false}]}' > "$TSMCTL_ETC/config.json"
}

teardown() {
	[ -z "${LOCKER:-}" ] || kill "$LOCKER" 2> /dev/null || true
}

# locker FILE COMMAND: a process that locks FILE, a file or a directory, writes its number to a
# file, and runs COMMAND.
locker() {
	# shellcheck disable=SC2094
	bash -c 'umask 077
		if [ -d "$1" ]; then exec 9< "$1"; else exec 9<> "$1"; fi
		flock 9
		[ -d "$1" ] || echo $$ >&9
		touch "$2/locked"
		'"$2" - "$1" "$BATS_TEST_TMPDIR" > /dev/null 2>&1 3>&- &
	LOCKER=$!
	disown
	until_true test -e "$BATS_TEST_TMPDIR/locked"
}

@test "apply, save: a lock on the directory, which any user can take, does not block them" {
	locker "$RUN" 'exec sleep 60'
	run_split timeout 60 tsmctl apply
	assert_success
	assert_equal "$stderr" ""
	kill "$LOCKER"
	rm "$BATS_TEST_TMPDIR/locked"
	locker "$TSMCTL_ETC" 'exec sleep 60'
	run_split timeout 60 tsmctl save
	assert_success
	assert_equal "$stderr" ""
	# no other user can open their own locks
	assert_equal "$(stat -c %a "$RUN/apply.lock")" 600
	assert_equal "$(find "$TSMCTL_ETC" -name '*lock*')" ""
}

@test "apply: gives up after --wait seconds, and names the process that has the lock; diff does not wait" {
	locker "$RUN/apply.lock" 'exec sleep 60'
	run_split timeout 60 tsmctl apply --wait 0
	assert_equal "$status" 6
	assert_one_line "gave up after 0 s of waiting for process $LOCKER (sleep 60), which has locked $RUN/apply.lock" "ps -fp $LOCKER"
	run_split timeout 60 tsmctl apply --json --wait=0
	assert_equal "$status" 6
	assert_envelope
	assert_equal "$stderr" ""
	assert_equal "$(errors "errno stage value")" "EBUSY lock $RUN/apply.lock"
	assert_equal "$(policy 0000:01:00.0 bind_allowed)" 1
	run_split timeout 60 tsmctl diff
	assert_equal "$status" 8
	for wait in -1 x "" 86401; do
		run_split tsmctl apply --wait "$wait"
		assert_equal "$status" 2
	done
}

@test "apply, save: wait until the lock is free, and make a lock file anew that is removed meanwhile" {
	locker "$RUN/apply.lock" 'until [ -s "$2/stderr" ]; do sleep 0.05; done'
	run timeout 60 bash -c 'tsmctl apply 2> "$1/stderr"' - "$BATS_TEST_TMPDIR"
	assert_success
	assert_output "0000:01:00.0: bind_allowed no (was yes)"
	rm "$BATS_TEST_TMPDIR"/{locked,stderr}
	locker "$TSMCTL_ETC/.config.json.lock" 'until [ -s "$2/stderr" ]; do sleep 0.05; done; rm "$1"'
	run timeout 60 bash -c 'tsmctl save 2> "$1/stderr"' - "$BATS_TEST_TMPDIR"
	assert_success
	[[ $(< "$BATS_TEST_TMPDIR/stderr") == "tsmctl: waiting for process $LOCKER (bash -c umask 077"*"), which has locked $TSMCTL_ETC/.config.json.lock ("* ]] ||
		fail "$(< "$BATS_TEST_TMPDIR/stderr")"
	assert_equal "$(find "$TSMCTL_ETC" -name '*lock*')" ""
}

@test "save: keeps what another run has written before it gets the lock" {
	locker "$TSMCTL_ETC/.config.json.lock" 'until [ -s "$2/stderr" ]; do sleep 0.05; done
		echo "{\"version\":1,\"devices\":[{\"device\":\"41:00.0\",\"assigned\":true}]}" > "$2/etc/config.json"
		rm "$1"'
	run timeout 60 bash -c 'tsmctl save 2> "$1/stderr"' - "$BATS_TEST_TMPDIR"
	assert_success
	assert_equal "$(grep -o '"device": "[^"]*"' "$TSMCTL_ETC/config.json" | xargs)" \
		"device: 41:00.0 device: 0000:01:00.0"
}

@test "save: makes a lock file anew that another save removes between open and check" {
	LOCK_REMOVED=$BATS_TEST_TMPDIR/removed run_split kernel timeout 60 tsmctl save
	assert_success
	assert_equal "$stderr" ""
	assert_equal "$(< "$BATS_TEST_TMPDIR/removed")" "$TSMCTL_ETC/.config.json.lock"
	assert_equal "$(find "$TSMCTL_ETC" -name '*lock*')" ""
}

@test "apply: reads the configuration after it has the lock" {
	locker "$RUN/apply.lock" 'until [ -s "$2/stderr" ]; do sleep 0.05; done
		echo "{\"version\":1,\"devices\":[{\"device\":\"01:00.0\",\"bar_mmap\":\"revoke\"}]}" > "$2/etc/config.json"'
	run timeout 60 bash -c 'tsmctl apply 2> "$1/stderr"' - "$BATS_TEST_TMPDIR"
	assert_success
	assert_output "0000:01:00.0: bar_mmap revoke (was refuse)"
	assert_equal "$(policy 0000:01:00.0 bind_allowed)" 1
}

@test "apply: refuses a lock file that others can open, or that is a link, a hard link or a FIFO" {
	: > "$RUN/apply.lock"
	chmod 644 "$RUN/apply.lock"
	run_split timeout 60 tsmctl apply
	assert_equal "$status" 4
	assert_one_line "$RUN/apply.lock" "its mode is 0644" "chmod go= "
	rm "$RUN/apply.lock"
	ln -s "$BATS_TEST_TMPDIR/victim" "$RUN/apply.lock"
	run_split timeout 60 tsmctl apply
	assert_failure
	refute [ -e "$BATS_TEST_TMPDIR/victim" ]
	rm "$RUN/apply.lock"
	(umask 077; echo 1 > "$BATS_TEST_TMPDIR/victim")
	ln "$BATS_TEST_TMPDIR/victim" "$RUN/apply.lock"
	run_split timeout 60 tsmctl apply
	assert_equal "$status" 4
	assert_one_line "$RUN/apply.lock" "it has a second hard link" "rm "
	assert_equal "$(< "$BATS_TEST_TMPDIR/victim")" 1
	rm "$RUN/apply.lock"
	mkfifo -m 600 "$RUN/apply.lock"
	run_split timeout 60 tsmctl apply
	assert_equal "$status" 4
	assert_equal "$(policy 0000:01:00.0 bind_allowed)" 1
}

@test "apply: reads each file of the configuration once" {
	command -v strace > /dev/null || skip "no strace"
	config '{ "device": "all", "bind_allowed": true }'
	ASAN_OPTIONS=detect_leaks=0 strace -f -qq -e trace=openat -o "$BATS_TEST_TMPDIR/trace" tsmctl apply
	assert_equal "$(grep -c '"[^"]*/config\.json"' "$BATS_TEST_TMPDIR/trace")" 1
}
