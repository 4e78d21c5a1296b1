#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2013,SC2016,SC2030,SC2031,SC2154
# tsmctl monitor. The events come from a FIFO through fake-udev.c, and not from the kernel.
# leaks: it runs for a long time
bats_require_minimum_version 1.5.0
load helpers

setup_file() { build_preload udev; }

setup() {
	fake_host
	fake_assigned 0000:01:00.0
	fake_device 0000:02:00.0 nvme 1b36 0010
	fake_tsm_side 0000:02:00.0
	export FAKE_UEVENTS=$BATS_TEST_TMPDIR/uevents
	mkfifo "$FAKE_UEVENTS"
	OUT=$BATS_TEST_TMPDIR/out
}

teardown() { [ -z "${MONITOR:-}" ] || kill -KILL "$MONITOR" 2> /dev/null || true; }

# monitor ARG...: starts it in the background.
monitor() {
	# the output of an earlier one must not be taken for that of this one
	[ -p "$OUT" ] || : > "$OUT"
	env "LD_PRELOAD=$BATS_RUN_TMPDIR/udev.so" \
		"ASAN_OPTIONS=${ASAN_OPTIONS:-}:verify_asan_link_order=0" \
		tsmctl monitor "$@" > "$OUT" 2> "$OUT.err" 3>&- &
	MONITOR=$!
}

# events LINE...: waits until the monitor listens, and sends each LINE as an event.
events() { printf '%s\n' "$@" > "$FAKE_UEVENTS"; }

# ended STATUS: waits for the end of the monitor; $output is what it printed.
ended() {
	local rc=0

	gone() { ! kill -0 "$MONITOR" 2> /dev/null; }
	until_true gone || fail "it goes on: $(< "$OUT")"
	wait "$MONITOR" || rc=$?
	MONITOR=
	output=$(< "$OUT")
	mapfile -t lines < "$OUT"
	[ $rc -eq "$1" ] || fail "it ended with $rc: $output $(< "$OUT.err")"
}

bound='change pci 0000:01:00.0 VFIO_TSM_EVENT=bound VFIO_TSM_STATE=bound VFIO_TSM_REASON=none VFIO_TSM_GENERATION=4 VFIO_TSM_TDI_ID=0000:00:05.0'
lost='change pci 0000:01:00.0 VFIO_TSM_EVENT=lost VFIO_TSM_STATE=lost VFIO_TSM_REASON=reset VFIO_TSM_GENERATION=5 VFIO_TSM_TDI_ID=none'

@test "monitor: prints what has changed, the former state, and the reason" {
	monitor --count 5
	events "$bound" "$lost" "add pci 0000:02:10.0 PCI_ID=8086:10CA" \
		"bind pci 0000:02:10.0 DRIVER=nvme" "add tsm tsm0" "change pci 0000:02:00.0"
	ended 0
	assert_line --index 0 --regexp '^2[0-9-]{9}T[0-9:]{8}\.[0-9]{3}[+-][0-9]{2}:[0-9]{2}  0000:01:00.0  bound +bound \(was closed\)  tdi_id 0000:00:05.0$'
	assert_line --index 1 --regexp '  0000:01:00.0  lost +lost \(was bound\)  reason reset$'
	assert_line --index 2 --regexp '  0000:02:10.0  added *$'
	assert_line --index 3 --regexp '  0000:02:10.0  driver +driver nvme$'
	assert_line --index 4 --regexp '  tsm0 +tsm-added *$'
}

@test "monitor: prints the local time with its offset, and UTC in JSON" {
	for zone in UTC0:+00:00 IST-5:30:+05:30 NST3:30:-03:30 XYZ-14:+14:00; do
		TZ=${zone%:*:*} monitor --present --count 1 01:00.0
		ended 0
		printed=${lines[0]%% *}
		assert_equal "${printed: -6}" "${zone: -6}"
		# the same moment, as another program reads it
		printed=$(date -d "$printed" +%s)
		now=$(date +%s)
		[ "$printed" -le "$now" ] && [ "$printed" -ge $((now - 60)) ] || fail "$output is not about $now"
		TZ=${zone%:*:*} monitor --json --present --count 1 01:00.0
		ended 0
		[[ $(results time) =~ ^2[0-9-]{9}T[0-9:]{8}\.[0-9]{3}Z$ ]] || fail "$output"
	done
}

@test "monitor: prints a driver that leaves the device as a sentence, and a new driver with the former one" {
	monitor --events driver --count 4
	events "unbind pci 0000:02:00.0" "bind pci 0000:02:00.0 DRIVER=vfio-pci-tsm" \
		"bind pci 0000:02:00.0 DRIVER=nvme" "unbind pci 0000:05:00.0"
	ended 0
	assert_line --index 0 --regexp '  0000:02:00.0  driver +detached from the driver nvme$'
	assert_line --index 1 --regexp '  0000:02:00.0  driver +driver vfio-pci-tsm$'
	assert_line --index 2 --regexp '  0000:02:00.0  driver +driver nvme \(was vfio-pci-tsm\)$'
	# the monitor has not seen its driver before
	assert_line --index 3 --regexp '  0000:05:00.0  driver +detached from the driver that it had$'
	monitor --json --events driver --count 2
	events "unbind pci 0000:02:00.0" "bind pci 0000:02:00.0 DRIVER=nvme"
	ended 0
	assert_golden monitor-driver
}

@test "monitor: with --json, prints one answer a line, with the same keys in each" {
	monitor --json --present --count 4
	events "$bound" "remove pci 0000:02:00.0"
	ended 0
	assert_equal "$(wc -l < "$OUT")" 4
	assert_golden monitor
	assert_equal "$(< "$OUT.err")" ""
}

@test "monitor: filters by device and by event, even for a device that is gone" {
	monitor --events lost,removed --count 2 1b36:0010 '0000:01:*'
	events "$bound" "add pci 0000:02:00.0 PCI_ID=1B36:0010" "remove pci 0000:05:00.0 PCI_ID=8086:0010" \
		"remove pci 0000:06:00.0 PCI_ID=1B36:0010" "remove tsm tsm0" "$lost"
	ended 0
	assert_equal "$(awk '{ print $2, $3 }' <<< "$output")" "0000:06:00.0 removed
0000:01:00.0 lost"
}

@test "monitor: reports lost events, if the kernel reports them or a generation is missing" {
	monitor --count 4
	events "${bound/GENERATION=4/GENERATION=9}" LOST "${lost/GENERATION=5/GENERATION=10}"
	ended_soon() { [ "$(wc -l < "$OUT")" -eq 4 ]; }
	until_true ended_soon
	ended 0
	assert_equal "$(awk '{ print $2, $3 }' <<< "$output")" "0000:01:00.0 missed
0000:01:00.0 bound
- missed
0000:01:00.0 lost"
}

@test "monitor: goes on while the modules are loaded anew" {
	monitor --count 3
	events "$bound"
	first() { [ "$(wc -l < "$OUT")" -ge 1 ]; }
	until_true first
	mv "$CFG" "$CFG.away"
	events "change pci 0000:01:00.0 VFIO_TSM_EVENT=released VFIO_TSM_STATE=unassigned VFIO_TSM_REASON=none VFIO_TSM_GENERATION=5 VFIO_TSM_TDI_ID=none"
	mv "$CFG.away" "$CFG"
	events "change pci 0000:01:00.0 VFIO_TSM_EVENT=assigned VFIO_TSM_STATE=closed VFIO_TSM_REASON=none VFIO_TSM_GENERATION=1 VFIO_TSM_TDI_ID=none"
	ended 0
	assert_line --index 2 --partial "closed (was unassigned)"
	refute_output --partial missed
}

@test "monitor: exits with 0 on SIGINT and SIGTERM, and when its reader ends, even without an event" {
	# a command in the background ignores SIGINT, unless it changes that itself
	for signal in INT TERM; do
		monitor --present
		present() { [ "$(wc -l < "$OUT")" -eq 2 ]; }
		until_true present
		kill -$signal "$MONITOR"
		ended 0
		assert_equal "$(< "$OUT.err")" ""
	done
	OUT=$BATS_TEST_TMPDIR/pipe
	mkfifo "$OUT"
	monitor
	exec 9< "$OUT"
	events "$bound"
	head -n 1 <&9 | grep -q bound
	exec 9<&-
	OUT=$BATS_TEST_TMPDIR/end
	: > "$OUT"
	cp "$BATS_TEST_TMPDIR/pipe.err" "$OUT.err"
	ended 0
	assert_equal "$(< "$OUT.err")" ""
}

@test "monitor: a full disk is exit 1 and one message" {
	OUT=/dev/full
	env "LD_PRELOAD=$BATS_RUN_TMPDIR/udev.so" "ASAN_OPTIONS=${ASAN_OPTIONS:-}:verify_asan_link_order=0" \
		tsmctl monitor --present > /dev/full 2> "$BATS_TEST_TMPDIR/err" && fail "it succeeded"
	assert_equal "$(< "$BATS_TEST_TMPDIR/err")" "tsmctl: cannot write the output: No space left on device"
}

@test "monitor: bad arguments are exit 2" {
	for args in "--events nonesuch" "--events bound,,lost" "--events=" "--count -1" "--count x" \
		"--count 0" "--count=" "--count 4294967296" "nvme0"; do
		# shellcheck disable=SC2086
		run_split timeout 10 tsmctl monitor $args
		[ "$status" -eq 2 ] || fail "$args gave exit $status"
		assert_one_line "--help"
		[[ $args != --count* ]] || assert_one_line "--count"
	done
	run_split tsmctl monitor --events bound,bonud,lost
	assert_one_line "'bonud' in --events is not an event, but there is 'bound'; --events takes "
	for event in present assigned released opened closed bound unbound lost acknowledged quarantined freed added \
		tdi-state connected disconnected policy removed driver tsm-added tsm-removed missed; do
		assert_one_line " $event"
	done
	run_split tsmctl monitor --json --events bound,bonud,lost
	assert_equal "$(errors value)" bonud
	run_split tsmctl monitor --events nonesuch
	assert_one_line "'nonesuch' in --events is not an event; --events takes "
}

@test "monitor: prints the begin and the end of a quarantine" {
	monitor --events quarantined,freed --count 2
	events "${bound//bound/quarantined}" "$bound" "${bound//=bound/=freed}"
	ended 0
	assert_line --index 0 --regexp '  0000:01:00.0  quarantined +quarantined \(was closed\)'
	assert_line --index 1 --regexp '  0000:01:00.0  freed '
}

# has_lines N: whether N lines were printed
has_lines() { [ "$(wc -l < "$OUT")" -ge "$1" ]; }
# tdi ADDR STATE: writes another state into the file that the monitor has open, and so not as
# put() does; it is never empty either
tdi() { echo "$2" 1<> "$SYS/devices/pci0000:00/$1/vfio_tsm/tdi_state"; }

@test "monitor: prints each change of the TDI's state, with the former state" {
	fake_tdi 0000:01:00.0 locked
	monitor --present --count 5
	until_true has_lines 2
	tdi 0000:01:00.0 run
	until_true has_lines 3
	# written with the same value
	tdi 0000:01:00.0 run
	tdi 0000:01:00.0 error
	until_true has_lines 4
	tdi 0000:01:00.0 unknown
	ended 0
	assert_line --index 0 --regexp '  0000:01:00.0  present +closed  driver vfio-pci-tsm  tdi_state locked$'
	assert_line --index 1 --regexp '  0000:02:00.0  present +unassigned  driver nvme$'
	assert_line --index 2 --regexp '  0000:01:00.0  tdi-state +run \(was locked\)$'
	assert_line --index 3 --regexp '  0000:01:00.0  tdi-state +error \(was run\)$'
	assert_line --index 4 --regexp '  0000:01:00.0  tdi-state +unknown \(was error\)$'
}

@test "monitor: an unknown state of the TDI is null in JSON" {
	fake_tdi 0000:01:00.0 run
	monitor --json --present --events present,tdi-state --count 4
	until_true has_lines 2
	tdi 0000:01:00.0 unlocked
	until_true has_lines 3
	tdi 0000:01:00.0 unknown
	ended 0
	assert_golden monitor-tdi-state
}

@test "monitor: follows the TDI of a device that is assigned later, until it is released, and if no filter excludes it" {
	fake_tdi 0000:01:00.0 run
	fake_set_driver 0000:02:00.0 vfio-pci-tsm
	monitor --count 3 02:00.0
	events "change pci 0000:02:00.0 VFIO_TSM_EVENT=assigned VFIO_TSM_STATE=closed VFIO_TSM_REASON=none VFIO_TSM_GENERATION=1 VFIO_TSM_TDI_ID=none"
	until_true has_lines 1
	tdi 0000:01:00.0 error
	fake_tdi 0000:02:00.0 unlocked
	events "bind pci 0000:02:00.0 DRIVER=vfio-pci-tsm"
	ended 0
	assert_equal "$(awk '{ print $2, $3, $4 }' <<< "$output")" "0000:02:00.0 assigned closed
0000:02:00.0 driver driver
0000:02:00.0 tdi-state unlocked"
	monitor --present --count 5
	until_true has_lines 2
	# in the kernel, an open attribute that is gone has no contents
	exec 9<> "$SYS/devices/pci0000:00/0000:02:00.0/vfio_tsm/tdi_state"
	rm -r "$SYS/devices/pci0000:00/0000:02:00.0/vfio_tsm"
	: > /proc/self/fd/9
	exec 9>&-
	events "change pci 0000:02:00.0 VFIO_TSM_EVENT=released VFIO_TSM_STATE=unassigned VFIO_TSM_REASON=none VFIO_TSM_GENERATION=2 VFIO_TSM_TDI_ID=none" \
		"unbind pci 0000:02:00.0" "add tsm tsm0"
	ended 0
	assert_equal "$(tail -n 3 "$OUT" | awk '{ print $3 }' | xargs)" "released driver tsm-added"
}

@test "monitor: follows the TDI of a device even if the event of its assignment was lost" {
	monitor --count 3
	# the event of vfio_tsm is lost, and that of the PCI core is not
	events "add tsm tsm0"
	until_true has_lines 1
	fake_device 0000:05:00.0 vfio-pci-tsm
	fake_tdi 0000:05:00.0 run
	events "bind pci 0000:05:00.0 DRIVER=vfio-pci-tsm"
	ended 0
	assert_equal "$(tail -n 1 "$OUT" | awk '{ print $2, $3, $4 }')" "0000:05:00.0 tdi-state run"
	# both events are lost
	: > "$OUT"
	monitor --count 3
	events "add tsm tsm0"
	until_true has_lines 1
	fake_device 0000:06:00.0 vfio-pci-tsm
	fake_tdi 0000:06:00.0 error
	events LOST
	ended 0
	assert_equal "$(tail -n 2 "$OUT" | awk '{ print $2, $3, $4 }')" "- missed 
0000:06:00.0 tdi-state error"
}

@test "monitor: without tdi-state among --events, no attribute is kept open" {
	fake_tdi 0000:01:00.0 run
	open_files() { find "/proc/$MONITOR/fd" -lname '*/tdi_state' | wc -l; }
	monitor --present --events present,bound
	until_true has_lines 2
	assert_equal "$(open_files)" 0
	kill -TERM "$MONITOR"
	ended 0
	monitor --present
	until_true has_lines 2
	assert_equal "$(open_files)" 1
	kill -TERM "$MONITOR"
	ended 0
}

@test "monitor: a limit of open files that is too small is one error, and events go on" {
	for i in {0..9}{0..7}; do
		fake_assigned "0000:03:1${i:0:1}.${i:1}"
		fake_tdi "0000:03:1${i:0:1}.${i:1}"
	done
	(ulimit -n 48 && exec env "LD_PRELOAD=$BATS_RUN_TMPDIR/udev.so" \
		"ASAN_OPTIONS=${ASAN_OPTIONS:-}:verify_asan_link_order=0:detect_leaks=0" \
		tsmctl monitor --count 1 > "$OUT" 2> "$OUT.err" 3>&-) &
	MONITOR=$!
	events "$bound"
	ended 7
	assert_output --partial "0000:01:00.0  bound"
	# shellcheck disable=SC2034 # assert_one_line reads it
	stderr=$(< "$OUT.err")
	assert_one_line 0000:03:1 "cannot wait for changes of its TDI's state: Too many open files"
}

@test "monitor: --events present prints the devices and ends; with other events, it goes on" {
	monitor --events present
	ended 0
	assert_equal "$(awk '{ print $2, $3 }' <<< "$output")" "0000:01:00.0 present
0000:02:00.0 present"
	monitor --events lost,present --count 3
	events "$bound" "$lost"
	ended 0
	assert_equal "$(awk '{ print $3 }' <<< "$output" | xargs)" "present present lost"
}

# connect ADDR [TSM]: changes the attribute as the kernel does after a connect or disconnect
connect() { put "$SYS/devices/pci0000:00/$1/tsm/connect" "${2:-}"; }

@test "monitor: prints each connect and disconnect of a device, whatever process has written" {
	monitor --count 4
	events "add pci 0000:07:00.0"
	until_true has_lines 1
	connect 0000:02:00.0 tsm1
	until_true has_lines 2
	# written with the same value
	connect 0000:02:00.0 tsm1
	connect 0000:02:00.0
	until_true has_lines 3
	connect 0000:01:00.0
	ended 0
	assert_line --index 1 --regexp '  0000:02:00.0  connected +tsm tsm1$'
	assert_line --index 2 --regexp '  0000:02:00.0  disconnected +tsm tsm1$'
	assert_line --index 3 --regexp '  0000:01:00.0  disconnected +tsm tsm0$'
}

@test "monitor: prints connections that end with their TSM, and follows devices that a new TSM can connect" {
	monitor --events present,connected,disconnected --count 4
	until_true has_lines 2
	# the file changes without a write: the TSM is gone
	echo > "$BATS_TEST_TMPDIR/none"
	mv "$BATS_TEST_TMPDIR/none" "$SYS/devices/pci0000:00/0000:01:00.0/tsm/connect"
	events "remove tsm tsm0"
	until_true has_lines 3
	fake_device 0000:03:00.0 nvme
	fake_tsm_side 0000:03:00.0
	events "add tsm tsm1"
	connect 0000:03:00.0 tsm1
	ended 0
	assert_line --index 2 --regexp '  0000:01:00.0  disconnected +tsm tsm0$'
	assert_line --index 3 --regexp '  0000:03:00.0  connected +tsm tsm1$'
}

@test "monitor: prints each change of policy, and of the host's default, in the words of the kernel" {
	monitor --events present,policy --count 8
	until_true has_lines 2
	n=2
	while read -r attribute value; do
		policy 0000:01:00.0 "$attribute" "$value"
		n=$((n + 1))
		until_true has_lines $n || [ $n -eq 8 ]
	done <<- 'EOF'
		region_mode shared
		bar_mmap revoke
		bind_allowed 0
		guest_requests none
		tdi_id 0000:00:02.0
	EOF
	put "$CFG/default_region_mode" shared
	ended 0
	assert_equal "$(sed 1,2d "$OUT" | cut -d ' ' -f 3- | tr -s ' ')" "0000:01:00.0 policy region_mode shared (was default)
0000:01:00.0 policy bar_mmap revoke (was refuse)
0000:01:00.0 policy bind_allowed 0 (was 1)
0000:01:00.0 policy guest_requests none (was all)
0000:01:00.0 policy tdi_id 0000:00:02.0 (was none)
- policy default_region_mode shared (was exclusive)"
}

@test "monitor: prints connections and policy in JSON" {
	monitor --json --events present,connected,disconnected,policy --count 5 02:00.0
	until_true has_lines 1
	# changes of other devices and of the host are not printed
	connect 0000:01:00.0
	put "$CFG/default_region_mode" shared
	connect 0000:02:00.0 tsm1
	until_true has_lines 2
	connect 0000:02:00.0
	until_true has_lines 3
	# a directory that comes, with a policy in it, and goes
	mkdir "$BATS_TEST_TMPDIR/configfs"
	CFG=$BATS_TEST_TMPDIR/configfs fake_policy 0000:02:00.0
	echo none > "$BATS_TEST_TMPDIR/configfs/0000:02:00.0/tsm/guest_requests"
	mv "$BATS_TEST_TMPDIR/configfs/0000:02:00.0" "$CFG"
	until_true has_lines 4
	mv "$CFG/0000:02:00.0" "$BATS_TEST_TMPDIR/configfs"
	ended 0
	assert_golden monitor-policy
}

@test "monitor: prints the first policy of an absent device" {
	monitor --events present,policy --count 3
	until_true has_lines 2
	CFG=$BATS_TEST_TMPDIR fake_policy 0000:05:00.0 absent
	echo 0 > "$BATS_TEST_TMPDIR/0000:05:00.0/tsm/bind_allowed"
	mv "$BATS_TEST_TMPDIR/0000:05:00.0" "$CFG"
	ended 0
	assert_line --index 2 --regexp '  0000:05:00.0  policy +bind_allowed 0 \(was 1\)$'
}

@test "monitor: does not print the requester ID of a bound device as policy" {
	monitor --events present,policy --count 3
	until_true has_lines 2
	policy 0000:01:00.0 bound 1
	policy 0000:01:00.0 tdi_id 0000:00:02.0
	policy 0000:01:00.0 bar_mmap revoke
	ended 0
	assert_line --index 2 --regexp '  0000:01:00.0  policy +bar_mmap revoke \(was refuse\)$'
}

@test "monitor: follows policy once the module is loaded" {
	mv "$CFG" "$BATS_TEST_TMPDIR/cfg"
	monitor --events present,policy --count 3
	until_true has_lines 2
	policy_dir=$BATS_TEST_TMPDIR/cfg/0000:02:00.0/tsm
	CFG=$BATS_TEST_TMPDIR/cfg fake_policy 0000:02:00.0
	echo 0 > "$policy_dir/bind_allowed"
	mv "$BATS_TEST_TMPDIR/cfg" "$CFG"
	changed() { policy 0000:01:00.0 bind_allowed 0; policy 0000:01:00.0 bind_allowed 1; has_lines 3; }
	until_true changed
	ended 0
	assert_line --index 2 --regexp '  0000:0[12]:00.0  policy +bind_allowed '
}

@test "monitor: does not wait for a slow TSM, and reads its connection later" {
	rm "$SYS/devices/pci0000:00/0000:02:00.0/tsm/connect"
	mkfifo "$SYS/devices/pci0000:00/0000:02:00.0/tsm/connect"
	monitor --events connected,disconnected,bound --count 2
	events "$bound"
	until_true has_lines 1
	rm "$SYS/devices/pci0000:00/0000:02:00.0/tsm/connect"
	connect 0000:02:00.0
	connected() { connect 0000:02:00.0; connect 0000:02:00.0 tsm1; has_lines 2; }
	until_true connected
	ended 0
	assert_line --index 1 --regexp '  0000:02:00.0  (dis)?connected +tsm tsm1$'
}

@test "monitor: watches no file if --events has neither connections nor policy" {
	watches() { find "/proc/$MONITOR/fd" -lname '*inotify*' | wc -l; }
	monitor --events present,bound
	until_true has_lines 2
	assert_equal "$(watches)" 0
	kill -TERM "$MONITOR"
	ended 0
	monitor --present
	until_true has_lines 2
	assert_equal "$(watches)" 1
	kill -TERM "$MONITOR"
	ended 0
}
