# SPDX-License-Identifier: GPL-2.0-or-later
# What tests/vm/run promises: what a command gets, its exit status, and that the kernel log is
# read. The tests run on the host, and share a boot where they can. run-ends.bats has the rest.

load run

# Many tests share one boot. Each of them looks at one result.
setup_file() {
	cd "$top/tests/bed" || return
	head -c 5000000 /dev/urandom >"$BATS_FILE_TMPDIR/data"
	local status=0
	# shellcheck disable=SC2016 # the arguments are to arrive as they are
	vm --nvme 3 -- bash ./inside.sh 'a b' '' $'new\nline' "q'\"" '$HOME' '*' \
		<"$BATS_FILE_TMPDIR/data" >"$BATS_FILE_TMPDIR/out" 2>"$BATS_FILE_TMPDIR/err" || status=$?
	echo $status >"$BATS_FILE_TMPDIR/status"
}

answer() { run -0 cat "$BATS_FILE_TMPDIR/keep/$1"; }

@test "run: the exit status is that of the command" {
	run -0 cat "$BATS_FILE_TMPDIR/status" "$BATS_FILE_TMPDIR/err"
	assert_line --index 0 42
}

@test "run: stdin and stdout pass every byte unchanged" {
	run -0 cmp "$BATS_FILE_TMPDIR/data" "$BATS_FILE_TMPDIR/out"
}

@test "run: stderr is separate, and contains nothing else" {
	# A VM that did not come up is started again, with a message.
	run -0 sed '/^run: .*attempt [12] of 3/d' "$BATS_FILE_TMPDIR/err"
	assert_output "to stderr"
}

@test "run: arguments arrive unchanged" {
	answer args
	assert_output "<a b><><new
line><q'\"><\$HOME><*>"
}

@test "run: the command has the caller's directory, TERM and TSMCTL_*, and no other variable" {
	answer env
	assert_line "PWD $top/tests/bed"
	assert_line "TERM vt220"
	assert_line "WORD two words"
	assert_line "SECRET unset"
}

@test "run: the machine's files are read-only, and /tmp, /var and /run can be written" {
	answer files
	assert_output "/usr read-only
/tmp writable
/var writable
/run writable"
	[ ! -e "$top/tests/bed/write-test" ] && [ ! -e /tmp/write-test ] && [ ! -e /var/write-test ]
}

@test "run: no module is loaded and configfs is not mounted" {
	answer setup
	assert_output "configfs not mounted
modules none"
}

@test "run: each processor has a periodic timer" {
	answer timers
	assert_output "1 of 1"
}

@test "run: the NVMe controllers are at 01:00.0 and up, each in an IOMMU group" {
	answer devices
	assert_output "0000:01:00.0 grouped
0000:02:00.0 grouped
0000:03:00.0 grouped"
}

@test "run: KVM and vfio-pci can be used" {
	answer kvm
	assert_output "/dev/iommu
/dev/kvm"
}

@test "run: the monitor adds a device to hp0, removes it, and reports errors" {
	answer hotplug
	assert_output "added
gone
Error: Device 'nothing' not found
status 1"
}

@test "run: a warning in the kernel log is a failure and is printed" {
	run -99 vm -- sh -c 'echo "WARNING: a test" >/dev/kmsg'
	assert_output --partial "the kernel log is not clean"
	assert_output --partial "WARNING: a test"
}

@test "run: wrong usage is reported in one line" {
	run -125 vm --nvme many -- true
	assert_output "run: --nvme takes a number from 0 to 16, not 'many'"
	run -125 vm --wrong
	assert_output "run: unknown option '--wrong'; see tests/vm/run --help"
	run -125 vm true
	assert_output "run: a command goes after '--'; see tests/vm/run --help"
	run -0 vm --help
	assert_line --partial "tests/vm/run [OPTION]"
}

@test "log-check: each kind of report is found" {
	local line
	while read -r line; do
		echo "[    1.000000] $line" >"$BATS_TEST_TMPDIR/log"
		run -1 "$top/tests/bed/log-check" "$BATS_TEST_TMPDIR/log"
		assert_output --partial "$line"
	done <<-'LINES'
		WARNING: CPU: 0 PID: 1 at kernel/x.c:1 f+0x1/0x2
		BUG: KASAN: slab-use-after-free in f+0x1/0x2
		BUG: sleeping function called from invalid context at x.c:1
		Oops: general protection fault, probably for non-canonical address
		UBSAN: array-index-out-of-bounds in x.c:1:1
		WARNING: possible circular locking dependency detected
		INFO: task bash:1 blocked for more than 120 seconds.
		rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:
		unreferenced object 0xffff888100000000 (size 64):
		refcount_t: underflow; use-after-free.
	LINES
}

@test "log-check: the kernel's own report on hot-plug is ignored, and a similar one is not" {
	cat >"$BATS_TEST_TMPDIR/log" <<-'LOG'
		[    1.000000] WARNING: possible circular locking dependency detected
		[    1.000000] irq/28-pciehp/48 is trying to acquire lock:
		[    1.000000] ff11 (&ctrl->reset_lock){.+.+}-{4:4}, at: pciehp_configure_device+0xf2/0x180
		[    1.000000] but task is already holding lock:
		[    1.000000] ff12 (pci_rescan_remove_lock){+.+.}-{4:4}, at: pci_lock_rescan_remove+0x12/0x20
		[    1.000000] Call Trace:
		[    1.000000]  </TASK>
	LOG
	run -0 "$top/tests/bed/log-check" "$BATS_TEST_TMPDIR/log"
	sed -i 's/reset_lock/other_lock/' "$BATS_TEST_TMPDIR/log"
	run -1 "$top/tests/bed/log-check" "$BATS_TEST_TMPDIR/log"
	assert_output --partial "possible circular locking"
}
