#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2013,SC2016,SC2030,SC2031,SC2154
# tsm-bind-helper on another process's file. /dev/null plays the cdev: it has a
# device number, and answers ENOTTY to the ioctls, which shows how far they got.
bats_require_minimum_version 1.5.0
load helpers

setup_file() { build_preload stall; }

setup() {
	fake_host
	fake_device 0000:01:00.0 vfio-pci-tsm 8086 10c9 7
	DEV=$SYS/devices/pci0000:00/0000:01:00.0
	mkdir -p "$DEV/vfio-dev/vfio4093" "$SYS/devices/virtual/vfio/7"
	echo 1:3 > "$DEV/vfio-dev/vfio4093/dev"
	echo 511:7 > "$SYS/devices/virtual/vfio/7/dev"
	if [ "$(id -u)" -ne 0 ] && [ "$(cat /proc/sys/kernel/yama/ptrace_scope 2> /dev/null || echo 0)" -gt 0 ]; then
		skip "ptrace_scope lets only root look into processes"
	fi
}

teardown() { [ -z "${vmm:-}" ] || kill -KILL "$vmm" 2> /dev/null || true; }

helper() {
	run_split timeout 60 tsm-bind-helper --sysfs "$SYS" --run-dir "$RUN" --device 01:00.0 "$@"
}

# vmm [path:]FILE...: a process with these files open, on 5, 6 and so on, with O_PATH for
# path:; none else of note
vmm() {
	rm -f "$BATS_TEST_TMPDIR/ready"
	python3 - "$BATS_TEST_TMPDIR/ready" "$@" > "$BATS_TEST_TMPDIR/vmm.log" 2>&1 3>&- <<- 'EOF' &
		import os, sys, time
		for fd in range(5): os.dup2(os.open("/dev/zero", os.O_RDWR), fd)
		for n, file in enumerate(sys.argv[2:]):
		    flags = os.O_PATH if file.startswith("path:") else os.O_RDWR
		    os.dup2(os.open(file.removeprefix("path:"), flags), 5 + n)
		os.closerange(5 + len(sys.argv[2:]), 64)
		open(sys.argv[1], "w").write("ready")
		time.sleep(600)
	EOF
	vmm=$!
	disown
	until_true test -s "$BATS_TEST_TMPDIR/ready"
}

assert_said() { # STEP ERRNO CODE TEXT...
	local text

	[[ $output == '{"event":"error"'*'"step":"'"$1"'","errno":"'"$2"'"'* ]] || fail "$output"
	assert_equal "$status" "$3"
	assert_equal "$stderr" ""
	shift 3
	for text; do [[ $output == *"$text"* ]] || fail "no '$text' in: $output"; done
}

@test "pid: the cdev is found by its number, among other files, and gets the ioctl" {
	vmm /dev/zero /dev/full /dev/null
	helper --pid "$vmm" bind
	assert_said bind ENOTTY 5
	helper --pid "$vmm" bind --vdevice-id 5
	assert_said bind ENOTTY 5
	helper --pid "$vmm" unbind
	assert_said unbind ENOTTY 5
	kill -0 "$vmm"
	# no lock is taken: it is not a holder
	refute [ -e "$RUN" ]
}

@test "pid: the exit code of a bind that the TSM refuses is that of its errno" {
	mkdir "$DEV/vfio_tsm"
	vmm /dev/null
	while read -r err name code; do
		echo "-$err tsm" > "$DEV/vfio_tsm/last_error"
		run_split env "LD_PRELOAD=$BATS_RUN_TMPDIR/stall.so" "BIND_FAILS=$DEV/vfio_tsm/last_error" \
			"ASAN_OPTIONS=${ASAN_OPTIONS:-}:verify_asan_link_order=0" timeout 60 \
			tsm-bind-helper --sysfs "$SYS" --run-dir "$RUN" --device 01:00.0 --pid "$vmm" bind
		assert_said bind "$name" "$code" "the TSM refused"
	done <<- 'EOF'
		1 EPERM 4
		5 EIO 1
		6 ENXIO 5
		13 EACCES 4
		16 EBUSY 6
		95 EOPNOTSUPP 5
	EOF
}

@test "pid: a file that can do nothing does not hide the one that can" {
	vmm "path:/dev/null" /dev/null
	helper --pid "$vmm" bind
	assert_said bind ENOTTY 5
}

@test "pid: a path that looks like the cdev's is not one" {
	mkdir -p "$BATS_TEST_TMPDIR/dev/vfio/devices"
	: > "$BATS_TEST_TMPDIR/dev/vfio/devices/vfio4093"
	vmm /dev/zero "$BATS_TEST_TMPDIR/dev/vfio/devices/vfio4093"
	helper --pid "$vmm" bind
	assert_said "take file" ENXIO 1 "does not have the device open"
	echo 1:8 > "$DEV/vfio-dev/vfio4093/dev"
	helper --pid "$vmm" bind
	assert_said "take file" ENXIO 1
}

@test "pid: a VMM that uses the group API is told from one that does not hold it" {
	echo 1:7 > "$SYS/devices/virtual/vfio/7/dev"
	vmm /dev/zero /dev/full
	helper --pid "$vmm" bind
	assert_said "take file" EPROTOTYPE 5 "group API" "iommufd"
}

@test "pid: gone, no process, none of ours" {
	vmm /dev/null
	dead=$vmm
	kill -KILL "$vmm"
	while kill -0 "$vmm" 2> /dev/null; do :; done
	helper --pid "$dead" bind
	assert_said "open process" ESRCH 1 "no such process" "tsmctl show"
	if [ "$(id -u)" -ne 0 ]; then
		helper --pid 1 bind
		assert_said "open process" EACCES 4 "no permission" "as root"
	fi
}

@test "pid: a zombie has no files" {
	python3 -c 'import os, sys, time
pid = os.fork()
if not pid: os._exit(0)
os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
print(pid, flush=True)
time.sleep(600)' > "$BATS_TEST_TMPDIR/zombie" 2> /dev/null 3>&- &
	vmm=$!
	disown
	until_true test -s "$BATS_TEST_TMPDIR/zombie"
	helper --pid "$(cat "$BATS_TEST_TMPDIR/zombie")" bind
	[[ $output == *'"errno":"ESRCH"'* || $output == *'"errno":"EACCES"'* ]] || fail "$output"
}

@test "pid: a thread is not a process" {
	python3 -c 'import threading, time
t = threading.Thread(target=time.sleep, args=(600,), daemon=True); t.start()
print(t.native_id, flush=True)
time.sleep(600)' > "$BATS_TEST_TMPDIR/thread" 3>&- &
	vmm=$!
	disown
	until_true test -s "$BATS_TEST_TMPDIR/thread"
	helper --pid "$(cat "$BATS_TEST_TMPDIR/thread")" bind
	assert_said "open process" EINVAL 1 thread
}

@test "pid: another pid namespace, seen from inside, and with its /proc" {
	unshare -Urmp --fork true 2> /dev/null || skip "no user namespaces here"
	vmm /dev/null
	run_split unshare -Urp --fork tsm-bind-helper --sysfs "$SYS" --device 01:00.0 --pid "$vmm" bind
	assert_said "open process" ESRCH 1 "pid namespace"
	# sanitizers want a /proc that they are in
	[[ $TSMCTL_BIN != */san/* ]] || return 0
	run_split unshare -Urm bash -c '
		mkfifo "$1/up" "$1/down"
		unshare -p --fork bash -c "mount -t proc proc /proc && echo >\"$1/up\"; read -r _ <\"$1/down\"" &
		read -r _ < "$1/up"
		timeout 60 tsm-bind-helper --sysfs "$2" --device 01:00.0 --pid "$3" bind; rc=$?
		echo > "$1/down"
		wait
		exit $rc' - "$BATS_TEST_TMPDIR" "$SYS" "$vmm"
	assert_said "open process" EXDEV 1 "pid namespace"
}

@test "pid: usage" {
	for args in "bind" "unbind" "--pid 1" "--pid 1 hold" "--pid 0 bind" "--pid -1 bind" \
		"--pid 2147483648 bind" "--pid x bind" "--pid 1 bind more" "--pid 1 state" \
		"--pid 1 unbind --vdevice-id 1" "--pid 1 bind --vdevice-id 0" "--vdevice-id 1" \
		"--pid 1 bind --vdevice-id x" "--pid 1 bind --vdevice auto" "--pid 1 bind --guest-id 0x28"; do
		# shellcheck disable=SC2086
		helper $args
		assert_said usage EINVAL 2
	done
}

@test "pid: no file is opened for writing" {
	vmm /dev/zero /dev/null
	for mode in bind unbind; do
		run_split timeout 60 strace -o "$BATS_TEST_TMPDIR/trace" tsm-bind-helper --sysfs "$SYS" \
			--device 01:00.0 --pid "$vmm" "$mode"
		[ -s "$BATS_TEST_TMPDIR/trace" ] || skip "strace cannot trace here"
		run grep -E '^openat\(.*(O_WRONLY|O_RDWR|O_CREAT)' \
			<(sed -n '/^prctl(PR_SET_NO_NEW_PRIVS/,$p' "$BATS_TEST_TMPDIR/trace")
		assert_output ""
	done
}

@test "pid: what kind of file it is is not asked of the file's server" {
	vmm /dev/zero /dev/null
	run_split timeout 60 strace -o "$BATS_TEST_TMPDIR/trace" tsm-bind-helper --sysfs "$SYS" \
		--device 01:00.0 --pid "$vmm" bind
	[ -s "$BATS_TEST_TMPDIR/trace" ] || skip "strace cannot trace here"
	run grep -A 1 ^pidfd_getfd "$BATS_TEST_TMPDIR/trace"
	assert_equal "${#lines[@]}" 2
	assert_line -n 1 --regexp '^statx\([0-9]+, (""|0x[0-9a-f]+), .*AT_STATX_DONT_SYNC'
}
