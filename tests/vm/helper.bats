# SPDX-License-Identifier: GPL-2.0-or-later
# tsm-bind-helper on a real device, which is bound as long as the helper lives.

# shellcheck disable=SC2154 # helpers.bash sets what is not set here
load helpers

setup_file() { load helpers; load_all; }
teardown_file() { load helpers; unload_all; }
setup() { prepare; }
teardown() { cleanup; }

# start: a helper in the background; its lines go to $said, its pid to $helper
start() {
	said=$BATS_TEST_TMPDIR/said
	tsm-bind-helper --device "$dev" >"$said" 3>&- &
	helper=$!
	eventually bound attr state
}

@test "the helper binds, prints one line of JSON, and holds" {
	start
	eventually 1 grep -c bound "$said"
	run jq_like "$said"
	assert_output "bound $dev $helper"
	assert_equal "$(attr owner)" "$helper"
	assert_equal "$(sim state)" CONFIG_LOCKED
	assert_equal "$(sim tdi_id)" 0x28
	assert_equal "$(cat "$pci/devices/$dev/tsm/bound")" tsm0
}

# The three keys on which tsmctl relies.
jq_like() {
	python3 -c 'import json, sys
for line in open(sys.argv[1]):
    answer = json.loads(line)
    print(answer["event"], answer["device"], answer.get("pid", answer.get("errno", "")))' "$1"
}

works_again() {
	assert_equal "$(attr state)" closed
	assert_equal "$(sim state)" CONFIG_UNLOCKED
	assert_equal "$(sim violations)" 0
	run client open read:0:0:4 tsm-bind
	assert_line --regexp '^read:0:0:4 OK'
	assert_line "tsm-bind OK"
}

@test "without vIOMMUs the helper binds by the configured id and reports why, or with always fails" {
	start
	run cat "$said"
	assert_output --partial '"tdi_id":"0000:00:05.0","vdevice_id":null,"fallback":"no nest parent: '
	kill -TERM "$helper"
	eventually closed attr state
	run tsm-bind-helper --device "$dev" --vdevice always
	assert_equal "$status" 5
	assert_output --partial '"step":"make vdevice","errno":"EOPNOTSUPP"'
	works_again
}

@test "after SIGTERM the helper unbinds, closes and exits with status 0" {
	start
	kill -TERM "$helper"
	rc=0
	wait "$helper" || rc=$?
	assert_equal "$rc" 0
	works_again
}

@test "after SIGKILL the kernel unbinds" {
	start
	kill -KILL "$helper"
	eventually closed attr state
	works_again
}

@test "after a revoke the helper still has the device open" {
	start
	set_attr bound 0
	assert_equal "$(attr state)" open
	assert_equal "$(sim state)" CONFIG_UNLOCKED
	kill -TERM "$helper"
	eventually closed attr state
	works_again
}

@test "a second helper fails because the device is busy, and harms nothing" {
	start
	run --separate-stderr tsm-bind-helper --device "$dev"
	assert_equal "$status" 6
	assert_output --partial '"event":"error"'
	assert_output --partial EBUSY
	assert_equal "$(attr state)" bound
	assert_equal "$(attr owner)" "$helper"
}

@test "the helper fails if another process has the device open" {
	mkfifo "$BATS_TEST_TMPDIR/go"
	vfio-client "$dev" open "sh:read x <$BATS_TEST_TMPDIR/go" &
	eventually open attr state
	run tsm-bind-helper --device "$dev"
	assert_equal "$status" 6
	assert_equal "$(attr state)" open
	echo >"$BATS_TEST_TMPDIR/go"
	wait
}

@test "a refused bind is reported with its errno and exit status, and nothing stays open" {
	set_attr tdi_id none
	run tsm-bind-helper --device "$dev"
	assert_failure
	assert_output --partial ENODATA
	assert_output --partial tdi-id
	set_attr tdi_id 00:05.0

	set_attr bind_allowed 0
	run tsm-bind-helper --device "$dev"
	assert_equal "$status" 4
	assert_output --partial EACCES
	set_attr bind_allowed 1

	set_attr region_mode shared
	run tsm-bind-helper --device "$dev"
	assert_failure
	assert_output --partial EPERM
	set_attr region_mode exclusive

	echo tsm0 >"$pci/devices/$dev/tsm/disconnect"
	run tsm-bind-helper --device "$dev"
	assert_failure
	assert_output --partial ENXIO
	connect

	works_again
}

@test "a device that does not exist is exit status 3, and wrong usage is exit status 2" {
	run tsm-bind-helper --device 0000:7f:00.0
	assert_equal "$status" 3
	run tsm-bind-helper --device ../../etc
	assert_equal "$status" 2
	run tsm-bind-helper
	assert_equal "$status" 2
	run tsm-bind-helper --device "$dev" extra
	assert_equal "$status" 2
}

@test "without KVM the helper names /dev/kvm and exits with status 5" {
	vendor=$(lsmod | awk '/^kvm_(amd|intel)/ { print $1 }')
	modprobe -r "$vendor"
	run tsm-bind-helper --device "$dev"
	assert_equal "$status" 5
	assert_output --partial /dev/kvm
	modprobe "$vendor"
}

@test "if nothing reads its first line, the helper closes the device and fails" {
	run bash -c "tsm-bind-helper --device $dev | true; echo \${PIPESTATUS[0]}"
	refute_output 0
	assert_equal "$(attr state)" closed
	run pgrep tsm-bind-helper
	assert_failure
	works_again
}

@test "if nothing reads its last line, the helper still closes the device" {
	mkfifo "$BATS_TEST_TMPDIR/fifo"
	tsm-bind-helper --device "$dev" >"$BATS_TEST_TMPDIR/fifo" 3>&- &
	read -r line <"$BATS_TEST_TMPDIR/fifo"
	[[ $line = *bound* ]]
	kill -TERM $!
	rc=0
	wait $! || rc=$?
	assert_equal "$rc" 0
	works_again
}

@test "after a disconnect the helper reports the loss, closes and exits with status 1" {
	start
	echo tsm0 >"$pci/devices/$dev/tsm/disconnect"
	rc=0
	wait "$helper" || rc=$?
	assert_equal "$rc" 1
	run tail -n 1 "$said"
	assert_output --partial '"event":"lost","device":"0000:01:00.0","reason":"lost"'
	assert_equal "$(attr state)" closed
	assert_equal "$(sysfs last_unbind)" lost
	connect
	works_again
}
