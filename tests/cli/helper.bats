#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2013,SC2016,SC2030,SC2031,SC2154
# tsm-bind-helper, as far as it gets without a real device.
# as root: only root can be several users
bats_require_minimum_version 1.5.0
load helpers

setup() {
	fake_host
	fake_device 0000:01:00.0 vfio-pci-tsm
	DEV=$SYS/devices/pci0000:00/0000:01:00.0
}

helper() { run_split timeout 60 tsm-bind-helper --sysfs "$SYS" --run-dir "$RUN" "$@"; }

# assert_said STEP ERRNO STATUS: the output is one line, an error with all members, of which
# these are two; STATUS is the exit status.
assert_said() {
	local text='(null|"([^"\\[:cntrl:]]|\\.)*")' error

	error='^\{"event":"error","device":'$text',"step":"'$1'","errno":"'$2'","stage":'$text
	error+=',"message":'$text',"hint":'$text
	[ "$1" != usage ] || error+=',"value":'$text
	[[ $output =~ $error\}$ ]] || fail "not this error: $output"
	assert_equal "$status" "$3"
	assert_equal "$stderr" ""
}

# assert_distrust FILE WHY COMMAND: the error names the file, the fault and the fix.
assert_distrust() {
	[[ $output == *"\"message\":\"$1 is not trusted: $2\",\"hint\":\"$3 $1\""* ]] || fail "$output"
}

@test "helper: wrong usage is exit 2, and the error has the argument" {
	for args in "" "--device" "--device x" "--device 01:00" "--device 0000:01:00.0 more" "--nonesuch" \
		"--device 8086:10c9" "--device ../../x" "--device 01:00.0 --sysfs x" \
		"--device 01:00.0 --run-dir x" "--device 01:00.0 --vdevice maybe" \
		"--device 01:00.0 --guest-id none" "--device 01:00.0 --guest-id 0x100000000" \
		"--device 01:00.0 --guest-id"; do
		# shellcheck disable=SC2086
		run_split tsm-bind-helper $args
		assert_said usage EINVAL 2
	done
	run_split tsm-bind-helper --device $'\xff\n"'
	assert_said usage EINVAL 2
	# an argument that is not the device is at fault
	run_split tsm-bind-helper --device 01:00.0 --guest-id 1/2
	assert_said usage EINVAL 2
	[[ $output == *'"device":null,'*'"value":"1/2"}' ]] || fail "$output"
	run_split tsm-bind-helper
	[[ $output == *'"device":null,'*'"value":null}' ]] || fail "$output"
}

@test "helper: prints help and version, and its manual page has every option" {
	for option in -h --help '-?'; do
		run_split tsm-bind-helper "$option"
		assert_success
		assert_line --partial --device=ADDRESS
		assert_line --regexp '-h, --help +show this help'
	done
	run_split tsm-bind-helper --usage
	assert_success
	assert_output --partial --device
	for option in -V --version; do
		run_split tsm-bind-helper "$option"
		assert_success
		assert_output --regexp '^tsm-bind-helper [0-9.]+$'
	done
	# the manual page has all options
	run bash -c 'tsm-bind-helper --help | grep -oE -- "--[a-z-]+"'
	for option in "${lines[@]}"; do
		grep -qE "^\.It .*Fl -${option#--}\b" "$BATS_TEST_DIRNAME/../../man/tsm-bind-helper.8" || fail "$option"
	done
}

@test "helper: fails if the device is absent, not on VFIO, or without a node" {
	helper --device 99:00.0
	assert_said "find cdev" ENODEV 3
	fake_set_driver 0000:01:00.0 nvme
	helper --device 01:00.0
	assert_said "find cdev" ENXIO 5
	# a kernel without cdevs
	fake_set_driver 0000:01:00.0 vfio-pci-tsm
	helper --device 01:00.0
	assert_said "find cdev" EOPNOTSUPP 5
	mkdir -p "$DEV/vfio-dev/vfio4093"
	helper --device 01:00.0
	assert_said "find cdev" EOPNOTSUPP 5
	echo 511:4093 > "$DEV/vfio-dev/vfio4093/dev"
	helper --device 01:00.0
	assert_said "open cdev" ENOENT 5
	for text in "" x 1 1:x 1:2:3; do
		echo "$text" > "$DEV/vfio-dev/vfio4093/dev"
		helper --device 01:00.0
		assert_said "find cdev" EIO 1
	done
	rm -r "$DEV/vfio-dev"
	mkdir -p "$DEV/vfio-dev/vfio0..x" "$DEV/vfio-dev/vfio"
	helper --device 01:00.0
	assert_said "find cdev" EOPNOTSUPP 5
}

@test "helper: refuses a device that another helper has locked" {
	mkdir "$RUN"
	(flock 9 && echo 4711 >&9 && exec sleep 20) 9> "$RUN/0000:01:00.0.lock" > /dev/null 2>&1 3>&- &
	other=$!
	until_true grep -q 4711 "$RUN/0000:01:00.0.lock"
	helper --device 01:00.0
	kill "$other"
	assert_said lock EBUSY 6
	[[ $output == *"process 4711"* ]] || fail "$output"
}

@test "helper: no other user can open the lock file; every user can read the pid file" {
	helper --device 01:00.0
	assert_equal "$(stat -c %a "$RUN")" 755
	assert_equal "$(stat -c %a:%s "$RUN/0000:01:00.0.lock")" 600:0
	assert_equal "$(stat -c %a:%s "$RUN/0000:01:00.0.pid")" 644:0
	# an existing file
	chmod 644 "$RUN/0000:01:00.0.lock"
	helper --device 01:00.0
	assert_equal "$(stat -c %a "$RUN/0000:01:00.0.lock")" 600
	# a link is not followed
	echo secret > "$BATS_TEST_TMPDIR/secret"
	ln -sf "$BATS_TEST_TMPDIR/secret" "$RUN/0000:01:00.0.pid"
	helper --device 01:00.0
	assert_said lock ELOOP 4
	assert_equal "$(< "$BATS_TEST_TMPDIR/secret")" secret
	# the lock is free
	assert_equal "$(stat -c %s "$RUN/0000:01:00.0.lock")" 0
}

@test "helper: another user cannot take its lock" {
	as_root
	chmod 755 "$BATS_RUN_TMPDIR" "$BATS_TEST_TMPDIR" "${BATS_TEST_TMPDIR%/*}"
	helper --device 01:00.0
	run setpriv --reuid 2001 --regid 2001 --clear-groups flock -n "$RUN/0000:01:00.0.lock" true
	assert_failure
	run setpriv --reuid 2001 --regid 2001 --clear-groups cat "$RUN/0000:01:00.0.pid"
	assert_success
	# a file of another user is not a lock
	for file in lock pid; do
		chown 2001 "$RUN/0000:01:00.0.$file"
		helper --device 01:00.0
		assert_said lock EPERM 4
		assert_distrust "$RUN/0000:01:00.0.$file" "it belongs to user 2001" "chown root"
		chown 0 "$RUN/0000:01:00.0.$file"
	done
}

@test "helper: refuses links and directories of other users in the place of the lock" {
	mkdir "$RUN" "$BATS_TEST_TMPDIR/other"
	echo secret > "$BATS_TEST_TMPDIR/secret"
	ln -s "$BATS_TEST_TMPDIR/secret" "$RUN/0000:01:00.0.lock"
	helper --device 01:00.0
	assert_said lock ELOOP 4
	assert_distrust "$RUN/0000:01:00.0.lock" "it is a symbolic link" rm
	ln -f "$BATS_TEST_TMPDIR/secret" "$RUN/0000:01:00.0.lock"
	helper --device 01:00.0
	assert_said lock EPERM 4
	assert_distrust "$RUN/0000:01:00.0.lock" "it has a second hard link" rm
	rm "$RUN/0000:01:00.0.lock"
	mkfifo "$RUN/0000:01:00.0.lock"
	helper --device 01:00.0
	assert_said lock EPERM 4
	assert_distrust "$RUN/0000:01:00.0.lock" "it is not a regular file" rm
	rm -r "$RUN"
	ln -s other "$RUN"
	helper --device 01:00.0
	assert_said lock ENOTDIR 1
	rm "$RUN"
	mkdir "$RUN"
	chmod 0777 "$RUN"
	helper --device 01:00.0
	assert_said lock EPERM 4
	assert_equal "$(< "$BATS_TEST_TMPDIR/secret")" secret
}

@test "helper: no variable of the environment moves its files" {
	run_split env SYSFS_PATH="$SYS" TSMCTL_RUN="$RUN/elsewhere" timeout 60 \
		tsm-bind-helper --run-dir "$RUN" --device 99:00.0
	assert_said "find cdev" ENODEV 3
	refute [ -e "$RUN/elsewhere" ]
	assert [ -e "$RUN/0000:99:00.0.lock" ]
}

@test "helper: does not hang if its output cannot be written" {
	run_split bash -c 'timeout 60 tsm-bind-helper --device x > /dev/full'
	assert_equal "$status" 2
	run_split bash -c 'timeout 60 tsm-bind-helper --device x >&- 2>&- <&-'
	assert_equal "$status" 2
}
