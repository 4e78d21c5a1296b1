#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2030,SC2031,SC2154
# tsmctl assign and release of a device on which another tsmctl is at work: a step that
# finds its work done goes on, and a roll-back puts back only what its own run changed.
bats_require_minimum_version 1.5.0
load helpers

setup_file() { build_kernel; }

setup() {
	fake_capable_host
	OTHER=$BATS_TEST_TMPDIR/other
}

driver() { [ ! -e "$DEV/driver" ] || basename "$(readlink "$DEV/driver")"; }

# before WRITE COMMAND: another process runs COMMAND before that WRITE. It does not see the
# locks of the first one, as in a container with a run directory of its own.
before() { export FAKE_MEANWHILE="$1 env -u FAKE_REFUSE TSMCTL_RUN=$BATS_TEST_TMPDIR/run2 $2 > $OTHER 2>&1"; }

@test "meanwhile: two assigns at once succeed, whichever step the other one comes at" {
	for write in '*/driver_override=*' '*/nvme/unbind=*' '*/drivers_probe=*'; do
		rm -rf "$CFG/0000:01:00.0"
		fake_set_driver 0000:01:00.0 nvme
		echo '(null)' > "$DEV/driver_override"
		: > "$FAKE_LOG"
		before "$write" "tsmctl assign 01:00.0"
		run_split kernel tsmctl assign 01:00.0
		[ "$status" -eq 0 ] || fail "$write: $stderr"
		assert_output --partial "0000:01:00.0: driver vfio-pci-tsm"
		run cat "$OTHER"
		assert_output --partial "0000:01:00.0: driver vfio-pci-tsm"
		assert_equal "$(driver) $(< "$DEV/driver_override")" "vfio-pci-tsm vfio-pci-tsm"
		run grep vfio-pci-tsm/unbind "$FAKE_LOG"
		assert_output ""
	done
}

@test "meanwhile: an assign that fails does not undo one that succeeded" {
	before '*/drivers_probe=*' "tsmctl assign 01:00.0"
	FAKE_REFUSE='*/drivers_probe=* 5' run_split kernel tsmctl assign 01:00.0
	assert_equal "$status" 1
	assert_equal "$(driver) $(< "$DEV/driver_override")" "vfio-pci-tsm vfio-pci-tsm"
	run grep vfio-pci-tsm/unbind "$FAKE_LOG"
	assert_output ""
}

@test "meanwhile: after two assigns that the driver refuses, the former driver has the device again" {
	touch "$SYS/bus/pci/drivers/vfio-pci-tsm/takes_nothing"
	for write in '*/driver_override=*' '*/nvme/unbind=*' '*/drivers_probe=*'; do
		before "$write" "sh -c 'tsmctl assign 01:00.0 || true'"
		run_split kernel tsmctl assign 01:00.0
		assert_equal "$status" 1
		assert_equal "$write $(driver) $(< "$DEV/driver_override")" "$write nvme (null)"
	done
}

@test "meanwhile: two releases at once succeed, whichever step the other one comes at" {
	for write in '*/driver_override=*' '*/vfio-pci-tsm/unbind=*' '*/drivers_probe=*'; do
		fake_set_driver 0000:01:00.0 vfio-pci-tsm
		echo vfio-pci-tsm > "$DEV/driver_override"
		before "$write" "tsmctl release 01:00.0"
		run_split kernel tsmctl release 01:00.0
		[ "$status" -eq 0 ] || fail "$write: $stderr"
		assert_equal "$(driver) $(< "$DEV/driver_override")" "nvme (null)"
	done
}

# at_work [OPTION...]: a tsmctl that has the lock of the device, and waits for its driver.
# set_free: the driver detaches from the device
at_work() {
	# the output of an earlier one must not be taken for that of this one
	: > "$OTHER"
	rm "$SYS/bus/pci/drivers/nvme/unbind"
	mkfifo "$SYS/bus/pci/drivers/nvme/unbind"
	(exec env "LD_PRELOAD=$BATS_RUN_TMPDIR/kernel.so" \
		"ASAN_OPTIONS=${ASAN_OPTIONS:-}:verify_asan_link_order=0" tsmctl assign 01:00.0 "$@") \
		> "$OTHER" 2>&1 3>&- &
	AT_WORK=$!
	until_true grep -qs "waiting for driver nvme" "$OTHER" || fail "$(< "$OTHER")"
}
set_free() { timeout 60 cat "$SYS/bus/pci/drivers/nvme/unbind" > /dev/null; }
# ended PID: waits for the end of a process in the background, and sets $status
ended() {
	until_true gone "$1" || kill -KILL "$1"
	status=0
	wait "$1" || status=$?
}
gone() { ! kill -0 "$1" 2> /dev/null; }

@test "meanwhile: each verb that changes a device waits for the run that is changing it, and names it" {
	config '{ "device": "01:00.0", "bind_allowed": false }'
	fake_policy 0000:01:00.0
	at_work
	for verb in assign release connect disconnect prepare bind unbind free apply allow deny "mode shared" "tdi-id 00:05.0" "requests none"; do
		# shellcheck disable=SC2086
		set -- $verb
		run_split timeout 60 tsmctl "$1" 01:00.0 "${@:2}" --timeout 0 --json
		[ "$status" -eq 6 ] || fail "$verb gave exit $status"
		assert_golden meanwhile-locked
		[[ $(errors "message hint") == *"of waiting for process $AT_WORK (tsmctl assign 01:00.0), which is changing it "*"ps -fp $AT_WORK"* ]] ||
			fail "$output"
	done
	# verbs that only read do not wait; nor do plans, other devices, and revoke
	fake_capable 0000:02:00.0
	for args in "mode 01:00.0" "tdi-id 01:00.0" "requests 01:00.0" "show 01:00.0" "revoke 01:00.0" "assign 01:00.0 --dry-run" diff "deny 02:00.0"; do
		# shellcheck disable=SC2086
		run_split kernel timeout 60 tsmctl $args
		[[ $status = [08] && $stderr != *waiting* ]] || fail "$args: $status $stderr"
	done
	kernel tsmctl mode 01:00.0 shared > "$OTHER.2" 2>&1 3>&- &
	second=$!
	until_true grep -q "^tsmctl: 0000:01:00.0: waiting for process $AT_WORK (tsmctl assign 01:00.0), which is changing it (" "$OTHER.2" ||
		fail "$(< "$OTHER.2")"
	set_free
	ended "$AT_WORK"
	ended "$second"
	assert_equal "$(tail -n 1 "$OTHER.2")" "0000:01:00.0: region_mode shared (was default)"
	# the lock leaves nothing behind
	assert_equal "$(find "$RUN" -name '*.change')" ""
}

@test "meanwhile: a step that was given up keeps the lock of the device until it has ended" {
	at_work --timeout 6
	ended "$AT_WORK"
	assert_equal "$status" 6
	writer=$(sed -n 's/.*for process \([0-9]*\);.*/\1/p' "$OTHER")
	run_split timeout 60 tsmctl release 01:00.0 --timeout 0
	assert_equal "$status" 6
	assert_one_line "of waiting for process $writer (tsmctl assign 01:00.0 --timeout 6), which is changing it"
	set_free
	run_split kernel timeout 60 tsmctl assign 01:00.0
	assert_success
	assert_equal "$(driver)" vfio-pci-tsm
}

@test "meanwhile: two connects, or two disconnects, at once succeed" {
	refused="$DEV/tsm/connect=tsm0 16"
	export FAKE_REFUSE=$refused
	before '*/tsm/connect=tsm0' "tsmctl connect 01:00.0"
	run_split kernel tsmctl connect 01:00.0 --json
	assert_success
	assert_golden meanwhile-connect
	export FAKE_REFUSE="$DEV/tsm/disconnect=tsm0 6"
	before '*/tsm/disconnect=tsm0' "tsmctl disconnect 01:00.0"
	run_split kernel tsmctl disconnect 01:00.0 --json
	assert_success
	assert_golden meanwhile-disconnect
	assert_equal "$(< "$OTHER")" "0000:01:00.0: tsm none (was tsm0)"
}

@test "meanwhile: apply does not report a change that another run has made" {
	fake_policy 0000:01:00.0
	config '{ "device": "01:00.0", "bind_allowed": false, "tsm": "tsm0" }'
	export FAKE_REFUSE="$DEV/tsm/connect=tsm0 16"
	before '*/tsm/connect=tsm0' "tsmctl connect 01:00.0"
	run_split kernel tsmctl apply --json
	assert_success
	assert_equal "$(results "attribute changed")" "bind_allowed true
tsm false"
}

@test "meanwhile: after a tsmctl is killed, its step goes on and keeps the lock" {
	at_work
	kill -KILL "$AT_WORK"
	ended "$AT_WORK"
	run_split timeout 60 tsmctl release 01:00.0 --timeout 0
	assert_equal "$status" 6
	assert_one_line "of waiting for the rest of a tsmctl that was killed" "try again"
	set_free
	run_split kernel timeout 60 tsmctl assign 01:00.0
	assert_success
	assert_equal "$(driver)" vfio-pci-tsm
}

@test "meanwhile: a process of another PID namespace is not taken for one of this one" {
	mkdir "$RUN"
	(
		umask 077
		exec 9> "$RUN/0000:01:00.0.change"
		flock 9
		printf '%d\n1 1\n' "$$" >&9
		run_split timeout 60 tsmctl deny 01:00.0 --timeout 0
		assert_equal "$status" 6
		assert_one_line "of waiting for process $$ of another PID namespace" "try again"
	) 3>&-
}

@test "meanwhile: two runs with the same devices in another order do not block each other" {
	fake_capable 0000:02:00.0
	kernel tsmctl assign 01:00.0 02:00.0 > "$OTHER" 2>&1 3>&- &
	first=$!
	kernel tsmctl assign 02:00.0 01:00.0 > "$OTHER.2" 2>&1 3>&- &
	second=$!
	for run in "$first" "$second"; do
		ended "$run"
		[ "$status" -eq 0 ] || fail "$(cat "$OTHER" "$OTHER.2")"
	done
	assert_equal "$(find "$RUN" -name '*.change')" ""
}

@test "meanwhile: changes a device without a lock if there is no place for one, and notes that" {
	fake_policy 0000:01:00.0
	export TSMCTL_RUN=$BATS_TEST_TMPDIR/none/run
	run_split tsmctl deny 01:00.0
	assert_success
	assert_equal "$stderr" "tsmctl: note: no lock is taken: $TSMCTL_RUN: No such file or directory"
	for option in --quiet --json; do
		run_split tsmctl allow 01:00.0 "$option"
		assert_success
		assert_equal "$stderr" ""
	done
}

@test "meanwhile: changes a device without a lock if the user may not take it" {
	fake_policy 0000:01:00.0
	mkdir -m 555 "$BATS_TEST_TMPDIR/closed"
	for run in closed/run closed; do
		TSMCTL_RUN=$BATS_TEST_TMPDIR/$run run_restricted tsmctl deny 01:00.0
		[ "$status" -eq 0 ] || fail "$run: $stderr"
		assert_equal "$stderr" ""
		policy 0000:01:00.0 bind_allowed 1
	done
	# a lock that other users could take is refused
	chmod 777 "$BATS_TEST_TMPDIR/closed"
	TSMCTL_RUN=$BATS_TEST_TMPDIR/closed run_split tsmctl deny 01:00.0
	assert_equal "$status" 4
	assert_one_line "is not trusted"
}
