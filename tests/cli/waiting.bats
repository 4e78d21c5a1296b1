#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2016,SC2030,SC2031,SC2154
# A driver, a TSM or a helper that takes long: tsmctl prints what it waits for. --timeout and
# signals end the wait, and the error names what they leave. A FIFO plays what takes long: the
# write ends when the test opens it.
# plain: a minute of waiting; meanwhile.bats has the same steps with sanitizers
bats_require_minimum_version 1.5.0
load helpers

setup_file() { build_kernel; }

setup() {
	fake_configured_host
	fake_capable 0000:01:00.0
	DEV=$SYS/devices/pci0000:00/0000:01:00.0
	ERR=$BATS_TEST_TMPDIR/stderr
}

# Ends all writes and reads that the tests leave.
teardown() {
	local fifo

	for file in "$BATS_TEST_TMPDIR"/{helper,holder}.pid; do
		[ ! -e "$file" ] || kill -KILL "$(< "$file")" 2> /dev/null || true
	done
	find "$SYS" -type p > "$BATS_TEST_TMPDIR/fifos"
	# opened for reading and writing, it ends both
	while read -r fifo; do
		: <> "$fifo"
	done < "$BATS_TEST_TMPDIR/fifos"
}

# slow FILE: a write to FILE ends when the test calls answer FILE.
slow() { rm -f "$1" && mkfifo "$1"; }
answer() { timeout 60 cat "$1" > /dev/null; }

# begin COMMAND...: runs it in the background; its output and errors are in files.
begin() {
	# the output of an earlier one must not be taken for that of this one
	: > "$ERR"
	# exec, so that a signal reaches the program and not a shell
	(exec timeout --foreground 120 env "LD_PRELOAD=$BATS_RUN_TMPDIR/kernel.so" \
		"ASAN_OPTIONS=${ASAN_OPTIONS:-}:verify_asan_link_order=0" "$@") \
		> "$BATS_TEST_TMPDIR/stdout" 2> "$ERR" 3>&- &
	RUNNING=$!
}
# said TEXT: waits until the command prints that it waits for TEXT
said() { until_true grep -q "waiting for $1 (" "$ERR" || fail "not said: $(< "$ERR")"; }
ended() { status=0; wait "$RUNNING" || status=$?; }

# helper SCRIPT: a stand-in for tsm-bind-helper, in the directory of tsmctl
helper() {
	mkdir "$BATS_TEST_TMPDIR/bin"
	cp "$TSMCTL_BIN/tsmctl" "$BATS_TEST_TMPDIR/bin"
	PATH=$BATS_TEST_TMPDIR/bin:$PATH
	printf '#!/bin/bash\nT=%q\n%s\n' "$BATS_TEST_TMPDIR" "$1" > "$BATS_TEST_TMPDIR/bin/tsm-bind-helper"
	chmod +x "$BATS_TEST_TMPDIR/bin/tsm-bind-helper"
}

# each_is_named: for each line "FILE|VERB|TEXT|RESULT" of standard input, the verb prints that
# it waits for TEXT while FILE is slow, and then RESULT
each_is_named() {
	local file verb text result

	while IFS='|' read -r file verb text result; do
		fake_set_driver 0000:01:00.0 nvme
		echo tsm0 > "$DEV/tsm/connect"
		fake_policy 0000:01:00.0
		case $verb in
		release) fake_set_driver 0000:01:00.0 vfio-pci-tsm ;;
		esac
		cp "$SYS/$file" "$BATS_TEST_TMPDIR/before"
		slow "$SYS/$file"
		begin tsmctl "$verb" 01:00.0
		said "$text"
		assert_equal "$(wc -l < "$ERR")" 1
		grep -q '^tsmctl: 0000:01:00.0: waiting' "$ERR" || fail "$(< "$ERR")"
		answer "$SYS/$file"
		ended
		[ "$status" -eq 0 ] || fail "$verb: $(< "$ERR")"
		assert_equal "$(< "$BATS_TEST_TMPDIR/stdout")" "0000:01:00.0: $result"
		mv "$BATS_TEST_TMPDIR/before" "$SYS/$file"
	done
}

@test "waiting: assign and release name the driver that is slow to detach, and wait for it" {
	each_is_named <<- EOF
		bus/pci/drivers/nvme/unbind|assign|driver nvme to detach from it|driver vfio-pci-tsm (was nvme)
		bus/pci/drivers/vfio-pci-tsm/unbind|release|driver vfio-pci-tsm to detach from it|driver nvme (was vfio-pci-tsm)
	EOF
}

@test "waiting: verbs name a driver that is slow to probe, or a TSM that is slow to disconnect" {
	each_is_named <<- EOF
		bus/pci/drivers_probe|assign|driver vfio-pci-tsm to take it|driver vfio-pci-tsm (was nvme)
		bus/pci/drivers_probe|release|its driver to take it|driver nvme (was vfio-pci-tsm)
		devices/pci0000:00/0000:01:00.0/tsm/disconnect|disconnect|tsm0 to disconnect it|tsm none (was tsm0)
	EOF
}

@test "waiting: connect and revoke name a slow TSM" {
	slow "$DEV/tsm/connect"
	# PCI/TSM shows what is connected only when it is at rest
	begin tsmctl connect 01:00.0
	said "PCI/TSM, which is at work"
	timeout 60 bash -c 'echo > "$1"' - "$DEV/tsm/connect"
	# now tsmctl writes to it
	timeout 60 bash -c 'read -r line < "$1"; echo "$line" > "$1.new"' - "$DEV/tsm/connect"
	mv "$DEV/tsm/connect.new" "$DEV/tsm/connect"
	ended
	[ "$status" -eq 0 ] || fail "$(< "$ERR")"
	assert_equal "$(< "$BATS_TEST_TMPDIR/stdout")" "0000:01:00.0: tsm tsm0 (was none)"
	fake_policy 0000:01:00.0
	slow "$CFG/0000:01:00.0/tsm/bound"
	begin tsmctl revoke 01:00.0 --timeout 6
	timeout 60 bash -c 'echo 1 > "$1"' - "$CFG/0000:01:00.0/tsm/bound"
	said "the TSM to unbind it"
	ended
	assert_equal "$status" 6
	grep -q "gave up after [0-9]* s of waiting for the TSM to unbind it; the kernel goes on with it, for process [0-9]*; it may be unbound in the end" "$ERR" ||
		fail "$(< "$ERR")"
}

@test "waiting: --timeout gives up with exit 6, and the output with --json stays JSON" {
	slow "$SYS/bus/pci/drivers/nvme/unbind"
	run_split timeout 60 tsmctl assign 01:00.0 --timeout 6 --json
	assert_equal "$status" 6
	assert_golden waiting-timeout
	assert_one_line "waiting for driver nvme to detach from it ("
	answer "$SYS/bus/pci/drivers/nvme/unbind"
	run_split timeout 60 tsmctl assign 01:00.0 --timeout 1 --quiet
	assert_equal "$status" 6
	assert_one_line "gave up after " " s of waiting for driver nvme to detach from it"
	for seconds in -1 x "" 86401; do
		run_split tsmctl assign 01:00.0 --timeout "$seconds"
		assert_equal "$status" 2
	done
}

@test "waiting: a quick step is silent, also with --timeout 0" {
	for verb in assign connect disconnect release "mode shared" deny "tdi-id 00:05.0"; do
		# shellcheck disable=SC2086
		set -- $verb
		run_split kernel tsmctl "$1" 01:00.0 "${@:2}" --timeout 0
		[ "$status" -eq 0 ] || fail "$verb: $stderr"
		assert_equal "$stderr" ""
	done
}

@test "waiting: a signal ends the wait, and the error names what it leaves" {
	for signal in INT TERM; do
		slow "$SYS/bus/pci/drivers/nvme/unbind"
		# a shell makes what it starts in the background ignore SIGINT
		begin env --default-signal=INT tsmctl assign 01:00.0
		said "driver nvme to detach from it"
		kill -"$signal" "$RUNNING"
		ended
		assert_equal "$status" $((128 + $(kill -l "$signal")))
		grep -q "SIG$signal after [0-9]* s of waiting for driver nvme to detach from it; the kernel goes on.* nvme may still have it, its driver_override is vfio-pci-tsm: .*'tsmctl release 0000:01:00.0'" "$ERR" ||
			fail "$(< "$ERR")"
		# the driver core has removed the link, and the driver still has the device
		refute [ -e "$DEV/driver" ]
		answer "$SYS/bus/pci/drivers/nvme/unbind"
		# the hint is right; the step has the lock until it has ended
		rm "$SYS/bus/pci/drivers/nvme/unbind"
		: > "$SYS/bus/pci/drivers/nvme/unbind"
		run_split kernel timeout 60 tsmctl release 01:00.0
		assert_output "0000:01:00.0: driver nvme (was none)"
	done
}

@test "waiting: on a terminal, the message is one line that is updated, and erased at the end" {
	slow "$SYS/bus/pci/drivers/nvme/unbind"
	TERM=xterm COLUMNS=80 pty timeout 60 tsmctl assign 01:00.0 --timeout 6
	line=$'\r\e[Ktsmctl: '
	[[ $output == *"${line}0000:01:00.0: waiting for driver nvme to detach from it ("*" s)$line"*" s)"$'\r\e[K'*"${line}0000:01:00.0: gave up after "* ]] ||
		fail "$output"
	assert_equal "${#lines[@]}" 1
}

@test "waiting: bind gives up a helper that prints nothing, and tells it to end" {
	fake_set_driver 0000:01:00.0 vfio-pci-tsm
	fake_policy 0000:01:00.0
	helper 'trap "touch $T/told; exit" TERM; echo $$ > $T/helper.pid; while :; do sleep 0.1; done'
	run_split timeout 60 tsmctl bind 01:00.0 --timeout 6
	assert_equal "$status" 6
	pid=$(< "$BATS_TEST_TMPDIR/helper.pid")
	[[ ${stderr_lines[0]} == "tsmctl: 0000:01:00.0: waiting for the TSM to bind it (tsm-bind-helper, process $pid) ("* ]] ||
		fail "$stderr"
	[[ ${stderr_lines[1]} == *"gave up after "*" s of waiting for the TSM to bind it"*"process $pid, ends, and unbinds it, when the TSM has answered"* ]] ||
		fail "$stderr"
	until_true test -e "$BATS_TEST_TMPDIR/told"
}

@test "waiting: unbind gives up a holder that does not end" {
	fake_set_driver 0000:01:00.0 vfio-pci-tsm
	fake_policy 0000:01:00.0 bound
	holder : :
	run_split timeout 60 tsmctl unbind 01:00.0 --timeout 6
	assert_equal "$status" 6
	[[ ${stderr_lines[0]} == "tsmctl: 0000:01:00.0: waiting for process $HOLDER (bash) to unbind it ("* ]] ||
		fail "$stderr"
	[[ ${stderr_lines[1]} == *"gave up after "*"it was told to unbind it"* ]] || fail "$stderr"
}

@test "waiting: apply goes on with the next device, and keeps what the step that it gave up may need" {
	fake_capable 0000:02:00.0
	config '{ "device": "01:00.0", "bind_allowed": false, "tsm": "tsm0" },
		{ "device": "02:00.0", "bind_allowed": false }'
	echo tsm1 > "$DEV/tsm/connect"
	slow "$DEV/tsm/disconnect"
	run_split kernel timeout 60 tsmctl apply --timeout 1 --json
	assert_equal "$status" 7
	assert_golden waiting-apply
	assert_equal "$(policy 0000:01:00.0 bind_allowed)" 0
}

@test "waiting: a roll-back has its own time, whatever ended the change" {
	local probe=$SYS/bus/pci/drivers_probe

	touch "$SYS/bus/pci/drivers/vfio-pci-tsm/takes_nothing"
	# a signal that comes before the roll-back does not end it
	while IFS='|' read -r seconds meanwhile code; do
		rm -f "$probe"
		: > "$probe"
		# the roll-back's probe is longer than --timeout, and than two seconds
		FAKE_MEANWHILE=$meanwhile FAKE_LATER="*/driver_override= rm $probe && mkfifo $probe" \
			begin tsmctl assign 01:00.0 --timeout "$seconds"
		said "driver nvme to take it"
		answer "$probe"
		ended
		assert_equal "$status" "$code"
		grep -q "vfio-pci-tsm did not take it" "$ERR" || fail "$(< "$ERR")"
		refute grep -qE "gave up|Success|cannot give it back" "$ERR"
		assert_equal "$(basename "$(readlink "$DEV/driver")") $(< "$DEV/driver_override")" "nvme (null)"
	done <<- 'EOF'
		1||1
		60|*/driver_override=vfio* kill -TERM $PPID|143
	EOF
}

@test "waiting: no step begins when the time is over, or after a signal" {
	while IFS='|' read -r meanwhile seconds code text; do
		: > "$FAKE_LOG"
		FAKE_MEANWHILE="*/driver_override=vfio* $meanwhile" run_split kernel timeout 60 tsmctl assign 01:00.0 --timeout "$seconds"
		assert_equal "$status" "$code"
		assert_one_line "cannot detach it from driver nvme: $text"
		assert_equal "$(basename "$(readlink "$DEV/driver")") $(< "$DEV/driver_override")" "nvme (null)"
		run grep unbind "$FAKE_LOG"
		assert_output ""
	done <<- 'EOF'
		sleep 1.1|1|6|the time of --timeout was over before this step
		sleep 2.1; kill -TERM $PPID|60|143|a signal came before this step
	EOF
}

@test "waiting: release fails and is undone if its probe was not made" {
	run kernel tsmctl assign 01:00.0
	assert_success
	# the writing process is killed once, as by the OOM killer
	FAKE_MEANWHILE="*/drivers_probe=* [ -e $BATS_TEST_TMPDIR/once ] || { touch $BATS_TEST_TMPDIR/once; kill -KILL \$PPID; }" \
		run_split kernel timeout 60 tsmctl release 01:00.0
	assert_failure
	[[ $stderr == *"cannot probe for its driver"* ]] || fail "$stderr"
	assert_equal "$(basename "$(readlink "$DEV/driver")") $(< "$DEV/driver_override")" "vfio-pci-tsm vfio-pci-tsm"
}

@test "waiting: a connect and a disconnect that are given up count as a change" {
	mkfifo "$BATS_TEST_TMPDIR/go"
	for verb in connect disconnect; do
		[ "$verb" = connect ] || echo tsm0 > "$DEV/tsm/connect"
		# a step that was given up still has the lock
		TSMCTL_RUN=$RUN.$verb FAKE_MEANWHILE="*/tsm/$verb=* read -r line < $BATS_TEST_TMPDIR/go" \
			begin tsmctl "$verb" 01:00.0 --timeout 1 --json
		ended
		timeout 60 bash -c 'echo > "$1"' - "$BATS_TEST_TMPDIR/go"
		assert_equal "$status" 6
		output=$(< "$BATS_TEST_TMPDIR/stdout")
		assert_golden "waiting-$verb"
	done
}

@test "waiting: apply changes nothing if it gives up reading the state" {
	config '{ "device": "01:00.0", "bind_allowed": false, "tsm": "tsm0" }'
	slow "$DEV/tsm/connect"
	begin tsmctl apply
	said "PCI/TSM, which is at work"
	kill -TERM "$RUNNING"
	ended
	assert_equal "$status" 143
	assert_equal "$(wc -l < "$ERR")" 2
	grep -q "SIGTERM after [0-9]* s of waiting for PCI/TSM" "$ERR" || fail "$(< "$ERR")"
	refute [ -e "$CFG/0000:01:00.0" ]
	assert_equal "$(find "$RUN" -name '*.change')" ""
}

@test "waiting: apply fails if it gives up looking whether an admission is missing" {
	fake_policy 0000:01:00.0
	fake_set_driver 0000:01:00.0 vfio-pci-tsm
	policy 0000:01:00.0 admission required
	policy 0000:01:00.0 admitted 0
	config '{ "device": "01:00.0", "admission": "required", "tsm": "tsm0" }'
	slow "$DEV/tsm/connect"
	# PCI/TSM is at work after the first read
	exec 8<> "$DEV/tsm/connect"
	echo tsm0 >&8
	begin tsmctl apply --timeout 2
	ended
	exec 8>&-
	assert_equal "$status" 6
	grep -q "gave up after [0-9]* s of waiting for PCI/TSM" "$ERR" || fail "$(< "$ERR")"
}

@test "waiting: apply keeps what a connect that it cannot verify may need" {
	local connect=$DEV/tsm/connect

	config '{ "device": "01:00.0", "assigned": true, "tsm": "tsm0" }'
	# the write succeeds, and PCI/TSM is at work afterwards
	FAKE_MEANWHILE="*/tsm/connect=* rm $connect && mkfifo $connect && { timeout 60 cat $connect > /dev/null & }" \
		begin tsmctl apply --timeout 3
	ended
	assert_equal "$status" 6
	assert_equal "$(basename "$(readlink "$DEV/driver")")" vfio-pci-tsm
	assert_equal "$(< "$BATS_TEST_TMPDIR/stdout")" "0000:01:00.0: driver vfio-pci-tsm (was nvme)"
	grep -q "gave up after [0-9]* s of waiting for PCI/TSM" "$ERR" || fail "$(< "$ERR")"
}

@test "waiting: a run waits only once for PCI/TSM that is at work on another device" {
	fake_capable 0000:02:00.0
	config '{ "device": "0000:0[12]:00.0", "assigned": true, "tsm": "tsm0" }'
	slow "$DEV/tsm/connect"
	slow "$SYS/devices/pci0000:00/0000:02:00.0/tsm/connect"
	begin tsmctl apply --timeout 1 --json
	ended
	assert_equal "$status" 6
	output=$(< "$BATS_TEST_TMPDIR/stdout")
	assert_golden waiting-slow-tsm
	: <> "$DEV/tsm/connect"
	# a function that may depend on it
	echo tsm0 > "$BATS_TEST_TMPDIR/connect"
	mv "$BATS_TEST_TMPDIR/connect" "$DEV/tsm/connect"
	slow "$SYS/devices/pci0000:00/0000:02:00.0/tsm/dsm"
	begin tsmctl disconnect 01:00.0 --timeout 1
	ended
	assert_equal "$status" 6
	grep -q "^tsmctl: 0000:01:00.0: gave up .* PCI/TSM" "$ERR" || fail "$(< "$ERR")"
	slow "$DEV/tsm/bound"
	# a step that was given up still has the lock
	TSMCTL_RUN=$RUN.2 begin tsmctl apply 01:00.0 --timeout 1
	ended
	assert_equal "$status" 6
	grep -q "^tsmctl: 0000:01:00.0: gave up .* PCI/TSM" "$ERR" || fail "$(< "$ERR")"
	assert_equal "$(cat "$FAKE_LOG" 2> /dev/null)" ""
}
