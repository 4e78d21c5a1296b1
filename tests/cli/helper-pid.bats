#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2013,SC2016,SC2030,SC2031,SC2154
# tsm-bind-helper --pid, which uses a file of another process. /dev/null plays the cdev: it has
# a device number, and its ioctls fail with ENOTTY, which shows that they were issued.
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

# vmm ARGUMENT...: vmm.py in the background, $vmm
vmm() {
	rm -f "$BATS_TEST_TMPDIR/ready"
	"$BATS_TEST_DIRNAME/vmm.py" "$BATS_TEST_TMPDIR/ready" "$@" > "$BATS_TEST_TMPDIR/vmm.log" 2>&1 3>&- &
	vmm=$!
	disown
	until_true test -s "$BATS_TEST_TMPDIR/ready"
}

# assert_said STEP ERRNO STATUS TEXT...: the output is this error and contains each TEXT
assert_said() {
	local text

	[[ $output == '{"event":"error"'*'"step":"'"$1"'","errno":"'"$2"'"'* ]] || fail "$output"
	assert_equal "$status" "$3"
	assert_equal "$stderr" ""
	shift 3
	for text; do [[ $output == *"$text"* ]] || fail "no '$text' in: $output"; done
}

@test "pid: finds the cdev by its number among other files, and issues the ioctl on it" {
	vmm /dev/zero /dev/full /dev/null
	helper --pid "$vmm" bind
	assert_said bind ENOTTY 5
	helper --pid "$vmm" bind --vdevice-id 5
	assert_said bind ENOTTY 5
	helper --pid "$vmm" unbind
	assert_said unbind ENOTTY 5
	kill -0 "$vmm"
	# only a holder takes the lock
	refute [ -e "$RUN" ]
}

@test "pid: the exit status of a bind that the TSM refuses depends on the errno" {
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

@test "pid: skips a file that was opened with O_PATH" {
	vmm "path:/dev/null" /dev/null
	helper --pid "$vmm" bind
	assert_said bind ENOTTY 5
}

@test "pid: does not take a file with the path of a cdev for the cdev" {
	mkdir -p "$BATS_TEST_TMPDIR/dev/vfio/devices"
	: > "$BATS_TEST_TMPDIR/dev/vfio/devices/vfio4093"
	vmm /dev/zero "$BATS_TEST_TMPDIR/dev/vfio/devices/vfio4093"
	helper --pid "$vmm" bind
	assert_said "take file" ENXIO 1 "does not have the device open"
	echo 1:8 > "$DEV/vfio-dev/vfio4093/dev"
	helper --pid "$vmm" bind
	assert_said "take file" ENXIO 1
}

@test "pid: has an error of its own for a VMM that uses the group API" {
	echo 1:7 > "$SYS/devices/virtual/vfio/7/dev"
	vmm /dev/zero /dev/full
	helper --pid "$vmm" bind
	assert_said "take file" EPROTOTYPE 5 "group API" "iommufd"
}

@test "pid: refuses a process that has ended, or that the user may not look into" {
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

@test "pid: refuses a zombie" {
	vmm zombie
	helper --pid "$(< "$BATS_TEST_TMPDIR/ready")" bind
	[[ $output == *'"errno":"ESRCH"'* || $output == *'"errno":"EACCES"'* ]] || fail "$output"
}

@test "pid: refuses a thread" {
	vmm thread
	helper --pid "$(< "$BATS_TEST_TMPDIR/ready")" bind
	assert_said "open process" EINVAL 1 thread
}

@test "pid: refuses a process of another PID namespace, and a /proc of another one" {
	unshare -Urmp --fork true 2> /dev/null || skip "no user namespaces here"
	vmm /dev/null
	run_split unshare -Urp --fork tsm-bind-helper --sysfs "$SYS" --device 01:00.0 --pid "$vmm" bind
	assert_said "open process" ESRCH 1 "pid namespace"
	# sanitizers need a /proc that contains them
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

@test "pid: wrong usage is exit 2" {
	for args in "bind" "unbind" "--pid 1" "--pid 1 hold" "--pid 0 bind" "--pid -1 bind" \
		"--pid 2147483648 bind" "--pid x bind" "--pid 1 bind more" "--pid 1 state" \
		"--pid 1 unbind --vdevice-id 1" "--pid 1 bind --vdevice-id 0" "--vdevice-id 1" \
		"--pid 1 bind --vdevice-id x" "--pid 1 bind --vdevice auto" "--pid 1 bind --guest-id 0x28"; do
		# shellcheck disable=SC2086
		helper $args
		assert_said usage EINVAL 2
	done
}

@test "pid: opens no file for writing" {
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

@test "pid: does not wait for the server of a file to learn the kind of the file" {
	vmm /dev/zero /dev/null
	run_split timeout 60 strace -o "$BATS_TEST_TMPDIR/trace" tsm-bind-helper --sysfs "$SYS" \
		--device 01:00.0 --pid "$vmm" bind
	[ -s "$BATS_TEST_TMPDIR/trace" ] || skip "strace cannot trace here"
	run grep -A 1 ^pidfd_getfd "$BATS_TEST_TMPDIR/trace"
	assert_equal "${#lines[@]}" 2
	assert_line -n 1 --regexp '^statx\([0-9]+, (""|0x[0-9a-f]+), .*AT_STATX_DONT_SYNC'
}
