#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2030,SC2031,SC2154
# tsmctl wait. The events come from a FIFO through fake-udev.c, and not from the kernel.
bats_require_minimum_version 1.5.0
load helpers

setup_file() { build_preload udev; }

setup() {
	fake_host
	for i in 1 2; do
		fake_assigned 0000:0$i:00.0
		fake_policy 0000:0$i:00.0
		policy 0000:0$i:00.0 state open
	done
	export FAKE_UEVENTS=$BATS_TEST_TMPDIR/uevents
	mkfifo "$FAKE_UEVENTS"
	# an open end for reading, so that no writer waits for a command that has ended
	exec 8<> "$FAKE_UEVENTS"
}

teardown() {
	[ -z "${noise:-}" ] || kill -KILL "$noise" 2> /dev/null || true
	[ -z "${WAITER:-}" ] || kill -KILL "$WAITER" 2> /dev/null || true
}

with_events() {
	env "LD_PRELOAD=$BATS_RUN_TMPDIR/udev.so" \
		"ASAN_OPTIONS=${ASAN_OPTIONS:-}:verify_asan_link_order=0" "$@"
}

# waiter ARG...: tsmctl wait in the background; ended STATUS waits for its end.
waiter() {
	# exec, so that a signal reaches the program and not a shell
	(exec env "LD_PRELOAD=$BATS_RUN_TMPDIR/udev.so" \
		"ASAN_OPTIONS=${ASAN_OPTIONS:-}:verify_asan_link_order=0" \
		tsmctl wait "$@") > "$BATS_TEST_TMPDIR/out" 2>&1 3>&- &
	WAITER=$!
}
ended() {
	local rc=0

	wait "$WAITER" || rc=$?
	WAITER=
	output=$(< "$BATS_TEST_TMPDIR/out")
	[ $rc -eq "$1" ] || fail "it ended with $rc: $output"
}

# event ADDR STATE: changes the state, and sends the event
event() {
	policy "$1" state "$2"
	sent "$1" "$2"
}
# sent ADDR STATE: sends the event alone, as of a state that has passed
sent() { echo "change pci $1 VFIO_TSM_EVENT=$2 VFIO_TSM_STATE=$2" >&8; }

@test "wait: returns at once for a device that is in the state, or in one of several" {
	run with_events tsmctl wait 01:00.0 02:00.0 --state open --timeout 0
	assert_success
	assert_output "0000:01:00.0: state open
0000:02:00.0: state open"
	run with_events tsmctl wait 01:00.0 --state bound,lost,open --json
	assert_success
	run with_events tsmctl wait 03:00.0 --state absent
	assert_success
}

@test "wait: returns when each device has reached the state" {
	waiter 01:00.0 02:00.0 --state bound
	event 0000:02:00.0 bound
	event 0000:01:00.0 lost
	event 0000:01:00.0 bound
	ended 0
	assert_output "0000:01:00.0: state bound
0000:02:00.0: state bound"
}

@test "wait: a state that has passed counts, even while it waits for another device" {
	waiter 01:00.0 02:00.0 --state bound,quarantined
	sent 0000:02:00.0 bound
	sent 0000:03:00.0 quarantined
	sent 0000:01:00.0 bound
	ended 0
	assert_output "0000:01:00.0: state open
0000:02:00.0: state open"
}

@test "wait: ends on a signal, even while events come without a pause" {
	waiter 01:00.0 --state bound
	(while sent 0000:02:00.0 open; do :; done) 3>&- &
	noise=$!
	until_true grep -q "waiting for the state bound (" "$BATS_TEST_TMPDIR/out"
	kill -TERM "$WAITER"
	ended 143
	kill "$noise" 2> /dev/null || true
	[[ $output == *"SIGTERM after"*"waiting for the state bound; its state is open"* ]] || fail "$output"
}

@test "wait: waits for an absent device, and for modules that are not loaded" {
	mv "$CFG" "$BATS_TEST_TMPDIR/cfg"
	waiter 03:00.0 --state unassigned
	echo "add pci 0000:04:00.0" >&8
	mv "$BATS_TEST_TMPDIR/cfg" "$CFG"
	fake_device 0000:03:00.0 nvme
	echo "add pci 0000:03:00.0" >&8
	ended 0
	assert_output "0000:03:00.0: state unassigned"
}

@test "wait: exits with 6 when --timeout is over, which counts for all devices together" {
	run --separate-stderr with_events tsmctl wait 01:00.0 --state bound --timeout 0
	assert_equal "$status" 6
	assert_one_line "0000:01:00.0: gave up after 0 s of waiting for the state bound; its state is open" \
		"tsmctl show 0000:01:00.0"
	run --separate-stderr with_events tsmctl wait 01:00.0 02:00.0 --state lost,open --timeout 0 --json
	assert_success
	run --separate-stderr with_events tsmctl wait 01:00.0 02:00.0 --state bound --timeout 1 --json
	assert_equal "$status" 6
	assert_golden wait-timeout
	[[ $(errors message device=0000:02:00.0) == *"after 0 s"* ]] || fail "$output"
}

@test "wait: wrong usage is exit 2" {
	for args in 01:00.0 "--state open" "01:00.0 --state" "01:00.0 --state bond" "01:00.0 --state=" \
		"01:00.0 --state open," "01:00.0 --state open --timeout x"; do
		# shellcheck disable=SC2086
		run with_events tsmctl wait $args
		[ "$status" -eq 2 ] || fail "$args: exit $status, $output"
	done
	run with_events tsmctl wait 01:00.0 --state open,unasigned
	assert_output --partial "'unasigned' in --state is not a state, but there is 'unassigned'; --state takes absent, "
}
