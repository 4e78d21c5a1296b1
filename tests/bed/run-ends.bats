# SPDX-License-Identifier: GPL-2.0-or-later
# How tests/vm/run ends: after what the command, the kernel, QEMU and signals do. They run on
# the host.
# long: it boots 14 VMs, and tests/vm/run changes rarely; run.bats proves what tests rely on

load run

@test "run: a missing command is status 127, a command that signal N ends is status 128+N" {
	run -127 vm -- /no/such/command
	assert_output --partial "/no/such/command"
	run -137 vm -- sh -c 'kill -9 $$' <&- 2>&-
}

@test "run: processes that the command leaves do not delay the end" {
	run -0 vm -- sh -c 'sleep 1000 & echo done'
	assert_output "done"
}

@test "run: output that cannot be written ends it with status 141" {
	vm -- yes >/dev/full 2>"$BATS_TEST_TMPDIR/err" && status=0 || status=$?
	assert_equal "$status" 141
}

@test "run: a crash of the kernel is a failure and is printed" {
	run -99 vm -- sh -c 'echo c >/proc/sysrq-trigger; sleep 1000'
	assert_output --partial "Kernel panic"
}

@test "run: after a fault before the command begins, the VM is booted again" {
	run -99 vm --kernel normal --nvme 0 --qemu -append --qemu "console=ttyS0 no_timer_check \
		loglevel=7 root=rootfs rootfstype=9p rootflags=trans=virtio,version=9p2000.L,msize=512000 \
		ro init=\"$top/tests/bed/init\" sysctl.kernel.tainted=512" -- echo began
	assert_output --partial "before the command began (attempt 3 of 3)"
	assert_output --partial "init: tainted by W (512)"
	refute_line began
}

@test "run: a VM that ends without an exit status is status 125" {
	run -125 vm -- sh -c 'echo b >/proc/sysrq-trigger; sleep 1000'
	assert_output --partial "ended without an answer"
}

@test "run: an error of QEMU is printed" {
	run -125 vm --qemu -no-such-option -- true
	assert_output --partial "-no-such-option"
}

@test "run: the limits of time and of silence end the VM with status 124" {
	run -124 vm --timeout 5 -- sleep 1000
	assert_output --partial "time limit of 5 s"
	run -124 vm --silence 3 -- sh -c 'echo said; exec sleep 1000'
	assert_line said
	assert_output --partial "nothing was written for 3 s"
	assert_output --partial "task:sleep"
}

# start COMMAND...: starts a VM in the background, and waits for the first output of its
# kernel; sets $pid
start() {
	local tries
	mkdir "$BATS_TEST_TMPDIR/t"
	TMPDIR=$BATS_TEST_TMPDIR/t "$top/tests/vm/run" --cpus 1 --kernel "${TSMCTL_KERNEL:-debug}" -- \
		"$@" >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- 4>&- &
	pid=$!
	for ((tries = 0; tries < 300; tries++)); do
		[ ! -s "$(echo "$BATS_TEST_TMPDIR"/t/*/console)" ] || return 0
		sleep 0.1
	done
}

@test "run: a crash of QEMU is status 123, apart from failures of the command" {
	local pid status=0
	start sleep 1000
	pkill -SEGV -f "^qemu-system.*$BATS_TEST_TMPDIR/t"
	wait $pid || status=$?
	assert_equal "$status" 123
	run cat "$BATS_TEST_TMPDIR/out"
	assert_output --partial "QEMU crashed with signal 11"
}

@test "run: a signal also ends QEMU, and leaves nothing behind" {
	local pid status=0
	start sleep 1000
	kill -TERM $pid
	wait $pid || status=$?
	assert_equal "$status" 143
	run -1 pgrep -f "$BATS_TEST_TMPDIR/t"
	run -0 ls -A "$BATS_TEST_TMPDIR/t"
	assert_output ""
}

@test "run: on a terminal the command has a terminal, and without a command there is a shell" {
	cat >"$BATS_TEST_TMPDIR/sh" <<-'SH'
		stty rows 33 cols 77
		"$@"
	SH
	# a FIFO that is open for writing: it has no end, and no process has to keep it open
	mkfifo "$BATS_TEST_TMPDIR/in"
	exec 5<>"$BATS_TEST_TMPDIR/in"
	echo 'test -t 0 -a -t 1 -a -t 2 && echo is-a-tty; stty size; exit 7' >&5
	run -7 script -qefc "bash '$BATS_TEST_TMPDIR/sh' '$top/tests/vm/run' --cpus 1 --kernel ${TSMCTL_KERNEL:-debug}" /dev/null <&5
	assert_output --partial "is-a-tty"
	assert_output --partial "33 77"
}
