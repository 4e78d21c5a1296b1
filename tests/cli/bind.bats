#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2013,SC2016,SC2030,SC2031,SC2154
# tsmctl bind, unbind and revoke, with a stand-in for tsm-bind-helper.
bats_require_minimum_version 1.5.0
load helpers

setup() {
	fake_host
	fake_assigned 0000:01:00.0
	policy 0000:01:00.0 tdi_id 0000:00:02.0
	# tsmctl runs the helper in its own directory
	mkdir "$BATS_TEST_TMPDIR/bin"
	cp "$TSMCTL_BIN/tsmctl" "$BATS_TEST_TMPDIR/bin"
	PATH=$BATS_TEST_TMPDIR/bin:$PATH
}

teardown() {
	local pid

	for pid in $(cat "$BATS_TEST_TMPDIR"/*.pid 2> /dev/null); do
		kill -KILL "$pid" 2> /dev/null || true
	done
}

# helper SCRIPT: the stand-in runs it with the arguments of the helper.
helper() {
	printf '#!/bin/bash\nT=%q\n%s\n' "$BATS_TEST_TMPDIR" "$1" > "$BATS_TEST_TMPDIR/bin/tsm-bind-helper"
	chmod +x "$BATS_TEST_TMPDIR/bin/tsm-bind-helper"
}

# error_line STEP ERRNO [STAGE]: an error as the helper prints it.
error_line() {
	local stage=null
	[ -z "${3:-}" ] || stage="\"$3\""
	printf '{"event":"error","device":"0000:01:00.0","step":"%s","errno":"%s","stage":%s,"message":"it broke","hint":"mend it"}' "$1" "$2" "$stage"
}

@test "bind: starts the helper, which stays in a session of its own" {
	helper 'echo $$ > $T/helper.pid; printf "%s\n" "$@" > $T/args; env > $T/env
		echo "{\"event\":\"bound\",\"device\":\"$2\",\"pid\":$$}"; exec sleep 60'
	run_split timeout 60 tsmctl bind 01:00.0 --json
	assert_success
	assert_golden bind
	pid=$(< "$BATS_TEST_TMPDIR/helper.pid")
	assert_equal "$(results note)" "held by process $pid"
	kill -0 "$pid"
	assert_equal "$(ps -o sid= -p "$pid" | tr -d ' ')" "$pid"
	assert_equal "$(< "$BATS_TEST_TMPDIR/args")" "--device
0000:01:00.0
--run-dir
$RUN
--sysfs
$SYS"
	run grep -E '^(HOME|PATH|SYSFS_PATH)=/(root|work|home)' "$BATS_TEST_TMPDIR/env"
	assert_output ""
}

@test "bind: a caller that waits for the end of output does not wait for the helper" {
	helper 'echo $$ > $T/helper.pid; echo "{\"event\":\"bound\",\"device\":\"$2\",\"pid\":$$}"
		exec sleep 60'
	out=$(timeout 60 tsmctl bind 01:00.0 2>&1)
	[[ $out == *"state bound (was closed)"* ]]
}

@test "bind: reports a failure of the helper once, with its exit status" {
	helper "echo '$(error_line "open kvm" ENOENT)'; exit 5"
	run_split tsmctl bind 01:00.0
	assert_equal "$status" 5
	assert_one_line 0000:01:00.0 "it broke" "mend it"
	run_split tsmctl bind 01:00.0 --json
	assert_equal "$status" 5
	assert_golden bind-helper-failed
}

@test "bind: an error of the driver has the hint of its stage" {
	while read -r name stage code hint; do
		helper "echo '$(error_line bind "$name" "$stage")'; exit 1"
		run_split tsmctl bind 01:00.0
		[ "$status" -eq "$code" ] || fail "$stage gave exit $status"
		assert_one_line 0000:01:00.0 "bind refused" "$hint" "$name"
		run_split tsmctl bind 01:00.0 --json
		assert_equal "$(errors stage)" "$stage"
	done <<- 'EOF'
		EPERM regions 4 tsmctl mode 0000:01:00.0 exclusive
		EBUSY mapped 6 --bar-mmap revoke
		EBUSY ioeventfd 6 x-no-kvm-ioeventfd=on
		ENOSPC bar 1 pci=realloc
		EACCES denied 4 tsmctl allow 0000:01:00.0
		EINVAL kvm 1 KVM_DEV_VFIO_FILE_ADD
		EOPNOTSUPP vdevice 5 tsmctl tdi-id 0000:01:00.0
		ENODATA tdi-id 1 tsmctl tdi-id 0000:01:00.0
		EHOSTDOWN power 1 power/control
		EHOSTDOWN command 1 Command
		ENXIO not-connected 5 tsmctl connect 0000:01:00.0
		EIO tsm 1 dmesg
		EBUSY tsm 6 dmesg
		EBUSY foreign 6 tsmctl revoke 0000:01:00.0
		EBUSY quarantined 6 tsmctl free 0000:01:00.0
		EBUSY group 6 iommu_group/devices
		ENOENT vdevice 1 IOMMU_VDEVICE_ALLOC
	EOF
}

@test "bind: the table has each stage that the driver can name" {
	stages=$(grep -oP '^\t\[VFIO_TSM_STAGE_\w+\] = "\K[a-z-]+' "$BATS_TEST_DIRNAME/../../configfs/words.c" | grep -vx none)
	[[ $stages == *regions*tsm* ]] || fail "only $stages"
	for stage in $stages; do
		grep -qF "{ \"$stage\", " "$BATS_TEST_DIRNAME/../../cli/common/stage.c" || fail "no $stage"
	done
}

@test "bind: ignores a last_error with another errno" {
	policy 0000:01:00.0 last_error "-16 mapped"
	helper "echo '$(error_line bind EINVAL)'; exit 1"
	run_split tsmctl bind 01:00.0
	assert_one_line "it broke"
}

@test "bind: the stage is that of the helper, whatever last_error has become" {
	policy 0000:01:00.0 last_error "-16 mapped"
	helper "echo '$(error_line bind EBUSY ioeventfd)'; exit 6"
	run_split tsmctl bind 01:00.0
	assert_one_line "bind refused" x-no-kvm-ioeventfd=on
	helper "echo '$(error_line bind EBUSY a-later-stage)'; exit 6"
	run_split tsmctl bind 01:00.0
	assert_equal "$status" 6
	assert_one_line "it broke" "mend it"
}

@test "bind: a helper that dies, is silent, or prints nonsense is an error" {
	for script in 'exit 0' 'kill -9 $$' 'echo "{"; sleep 60' 'echo "[]"' 'echo "{\"event\":1}"' \
		'head -c 10000 /dev/zero'; do
		helper "$script"
		run_split timeout 60 tsmctl bind 01:00.0
		[ "$status" -eq 1 ] || fail "'$script' gave exit $status"
		assert_one_line 0000:01:00.0 tsm-bind-helper
	done
	helper 'echo "{\"event\":\"bound\",\"event\":\"bound\"}"'
	run_split timeout 60 tsmctl bind 01:00.0
	assert_equal "$status" 1
	assert_one_line "nothing that can be read: this key is there twice"
}

@test "bind: a helper that is missing is an error" {
	[ ! -L "$TSMCTL_BIN/tsmctl" ] || skip "the programs are installed, so there is a helper"
	helper 'exit 0'
	rm "$BATS_TEST_TMPDIR/bin/tsm-bind-helper"
	run_split tsmctl bind 01:00.0
	assert_equal "$status" 1
	assert_one_line "cannot find tsm-bind-helper"
}

@test "bind: --dry-run starts nothing" {
	helper 'touch $T/started'
	fake_cdev 0000:01:00.0
	before=$(snapshot)
	run tsmctl bind 01:00.0 --dry-run
	assert_success
	assert_line "0000:01:00.0: would set state bound (now closed)"
	refute [ -e "$BATS_TEST_TMPDIR/started" ]
	assert_equal "$(snapshot)" "$before"
}

# asked: the arguments of the stand-in, without those of the trees.
asked() { grep -vxE -e "--(run-dir|sysfs)|$RUN|$SYS" "$BATS_TEST_TMPDIR/args" | paste -sd ' '; }

# answering LINE: a helper that writes down its arguments, and prints LINE.
answering() { helper "printf '%s\n' \"\$@\" > \$T/args; echo '$1'"; }

@test "bind: uses the file of a VMM that has the device open, and waits for the helper" {
	fake_cdev 0000:01:00.0
	policy 0000:01:00.0 state open
	policy 0000:01:00.0 owner $$
	answering '{"event":"bound","device":"0000:01:00.0","pid":1}'
	run_split timeout 60 tsmctl bind 01:00.0 --json
	assert_success
	assert_golden bind-vmm
	assert_equal "$(asked)" "--device 0000:01:00.0 --pid $$ bind"
	[[ $(results note) == "used by process $$ ("* ]] || fail "$output"
	run_split timeout 60 tsmctl bind 01:00.0 --vmm $$ --vdevice-id 7
	assert_success
	assert_equal "$(asked)" "--device 0000:01:00.0 --pid $$ bind --vdevice-id 7"
	rm "$BATS_TEST_TMPDIR/args"
	run_split tsmctl bind 01:00.0 --dry-run
	assert_success
	[[ $stderr == *"--device 0000:01:00.0 --pid $$ bind"* ]] || fail "$stderr"
	refute [ -e "$BATS_TEST_TMPDIR/args" ]
}

@test "bind, unbind: --vmm and --hold fail unless that process has the device" {
	policy 0000:01:00.0 state open
	policy 0000:01:00.0 owner $$
	answering '{}'
	for verb in bind unbind; do
		[ $verb = bind ] || policy 0000:01:00.0 state bound
		run_split tsmctl $verb 01:00.0 --hold
		assert_equal "$status" 6
		assert_one_line "process $$ (" "not tsm-bind-helper" "leave out --hold to $verb on its file"
		run_split tsmctl $verb 01:00.0 --vmm 1
		assert_equal "$status" 6
		assert_one_line "process $$ (" "not process 1" "leave out --vmm"
		for args in "--vmm 0" "--vmm x" "--vmm -1" "--vmm 4294967296" "--vmm 2147483648" "--vmm 1 --hold"; do
			# shellcheck disable=SC2086
			run_split tsmctl $verb 01:00.0 $args
			assert_equal "$status" 2
		done
	done
	for args in "--vdevice-id 0" "--vdevice-id x" "--vdevice-id 1 --hold"; do
		# shellcheck disable=SC2086
		run_split tsmctl bind 01:00.0 $args
		assert_equal "$status" 2
	done
	policy 0000:01:00.0 state closed
	policy 0000:01:00.0 owner none
	run_split tsmctl bind 01:00.0 --vdevice-id 1
	assert_equal "$status" 1
	assert_one_line "no VMM has it open"
	refute [ -e "$BATS_TEST_TMPDIR/args" ]
	# no owner is known: the helper reports what is wrong with the process
	answering "$(error_line "take file" ENXIO)"
	run_split tsmctl bind 01:00.0 --vmm 77
	assert_equal "$(asked)" "--device 0000:01:00.0 --pid 77 bind"
	assert_one_line "it broke"
}

@test "bind: an error of the driver has the hint of its stage for a VMM" {
	policy 0000:01:00.0 state open
	policy 0000:01:00.0 owner $$
	helper "echo '$(error_line bind EBUSY mapped)'; exit 6"
	run_split tsmctl bind 01:00.0
	assert_equal "$status" 6
	assert_one_line x-no-mmap=on "tsmctl mode 0000:01:00.0 --bar-mmap revoke"
}

@test "bind: refuses a device whose owner is out of sight, or whose last bind was lost" {
	answering '{"event":"bound"}'
	policy 0000:01:00.0 state open
	run_split tsmctl bind 01:00.0
	assert_equal "$status" 6
	assert_one_line "out of sight" "outside of a container"
	policy 0000:01:00.0 owner $$
	policy 0000:01:00.0 state lost
	run_split tsmctl bind 01:00.0
	assert_equal "$status" 6
	assert_one_line lost "tsmctl unbind" "tsmctl doctor 0000:01:00.0' fails on:"
	assert_equal "$(grep -o doctor <<< "$stderr" | wc -l)" 1
	refute [ -e "$BATS_TEST_TMPDIR/args" ]
	# unbind acknowledges that
	answering '{"event":"unbound","device":"0000:01:00.0","reason":"command"}'
	run_split tsmctl unbind 01:00.0
	assert_success
	assert_equal "$(asked)" "--device 0000:01:00.0 --pid $$ unbind"
}

@test "bind: leaves a bound device alone, and refuses a device on another driver" {
	helper 'touch $T/started'
	policy 0000:01:00.0 state bound
	policy 0000:01:00.0 owner $$
	run_split tsmctl bind 01:00.0 --json
	assert_success
	assert_changed false
	run_split tsmctl bind 01:00.0 --vmm 1
	assert_equal "$status" 6
	policy 0000:01:00.0 state closed
	policy 0000:01:00.0 owner none
	fake_set_driver 0000:01:00.0 nvme
	run_split tsmctl bind 01:00.0
	assert_equal "$status" 5
	assert_one_line "its driver is nvme" "tsmctl assign 0000:01:00.0"
	refute [ -e "$BATS_TEST_TMPDIR/started" ]
}

@test "bind: succeeds if another run binds the device at the same time" {
	holder true
	policy 0000:01:00.0 owner none
	# the other run is first while our helper fails
	helper "echo $HOLDER > $CFG/0000:01:00.0/tsm/owner; echo bound > $CFG/0000:01:00.0/tsm/state
		echo '$(error_line lock EBUSY)'; exit 6"
	run_split timeout 60 tsmctl bind 01:00.0 --json
	assert_success
	assert_golden bind-meanwhile
	kill -0 "$HOLDER"
	kill "$HOLDER"
	# one that is not bound yet is still an error
	policy 0000:01:00.0 state closed
	policy 0000:01:00.0 owner none
	helper "echo '$(error_line lock EBUSY)'; exit 6"
	run_split timeout 60 tsmctl bind 01:00.0
	assert_equal "$status" 6
}

@test "unbind: stops the holder, waits for it, and verifies the result" {
	policy 0000:01:00.0 state bound
	holder "echo closed > $CFG/0000:01:00.0/tsm/state; sleep 0.5"
	run_split timeout 60 tsmctl unbind 01:00.0 --json
	assert_success
	assert_golden unbind
	run kill -0 "$HOLDER"
	assert_failure
}

@test "unbind: exits with 6 if the device is still bound afterwards" {
	policy 0000:01:00.0 state bound
	holder true
	run_split timeout 60 tsmctl unbind 01:00.0
	assert_equal "$status" 6
	assert_one_line "still bound"
}

@test "unbind: unbinds on the file of an owner that is not the helper, and does not stop it" {
	policy 0000:01:00.0 state bound
	sleep 60 > /dev/null 2>&1 3>&- &
	disown
	echo $! > "$BATS_TEST_TMPDIR/other.pid"
	victim=$!
	policy 0000:01:00.0 owner "$victim"
	helper 'printf "%s\n" "$@" > $T/args; echo open > '"$CFG"'/0000:01:00.0/tsm/state
		echo "{\"event\":\"unbound\"}"'
	run_split tsmctl unbind 01:00.0 --json
	assert_success
	assert_equal "$(asked)" "--device 0000:01:00.0 --pid $victim unbind"
	assert_golden unbind-on-file
	# a lock file with its number, but without a lock; then a lock of another process
	policy 0000:01:00.0 state bound
	mkdir -p "$RUN"
	echo "$victim" > "$RUN/0000:01:00.0.lock"
	run_split tsmctl unbind 01:00.0
	assert_success
	policy 0000:01:00.0 state bound
	kill -0 "$victim"
	holder true
	policy 0000:01:00.0 owner "$victim"
	run_split tsmctl unbind 01:00.0
	assert_success
	kill -0 "$victim"
	kill -0 "$HOLDER"
	# still bound afterwards
	policy 0000:01:00.0 state bound
	answering '{"event":"unbound"}'
	run_split tsmctl unbind 01:00.0
	assert_equal "$status" 6
	assert_one_line "still bound"
	# a process has it open, and which one is not known
	rm "$BATS_TEST_TMPDIR/args"
	policy 0000:01:00.0 owner none
	run_split tsmctl unbind 01:00.0 --json
	assert_equal "$status" 6
	assert_golden unbind-unknown-owner
	refute [ -e "$BATS_TEST_TMPDIR/args" ]
}

@test "unbind: changes nothing if nothing is bound; --dry-run stops no process" {
	run_split tsmctl unbind 01:00.0 --json
	assert_success
	assert_changed false
	policy 0000:01:00.0 state bound
	holder true
	run_split tsmctl unbind 01:00.0 --dry-run
	assert_success
	assert_output "0000:01:00.0: would set state closed (now bound)"
	kill -0 "$HOLDER"
}

@test "revoke: unbinds a bound device, and changes nothing otherwise or with --dry-run" {
	policy 0000:01:00.0 bound 1
	run tsmctl revoke 01:00.0 --dry-run
	assert_success
	assert_equal "$(policy 0000:01:00.0 bound)" 1
	run_split tsmctl revoke 01:00.0 --json
	assert_success
	assert_golden revoke
	assert_equal "$(policy 0000:01:00.0 bound)" 0
	run_split tsmctl revoke 01:00.0 --json
	assert_success
	assert_changed false
	fake_device 0000:02:00.0
	run_split tsmctl revoke 02:00.0 --json
	assert_success
	assert_changed false
}

@test "revoke: exits with 4 if it may not write, and with 6 if the device stays bound" {
	policy 0000:01:00.0 bound 1
	chmod 0444 "$CFG/0000:01:00.0/tsm/bound"
	run_restricted tsmctl revoke 01:00.0
	assert_equal "$status" 4
	rm "$CFG/0000:01:00.0/tsm/bound"
	mkfifo "$CFG/0000:01:00.0/tsm/bound"
	bash -c 'echo 1 > "$1"; cat "$1"; echo 1 > "$1"' - "$CFG/0000:01:00.0/tsm/bound" \
		> /dev/null 3>&- &
	run_split timeout 60 tsmctl revoke 01:00.0
	assert_equal "$status" 6
	assert_one_line "still bound"
}
