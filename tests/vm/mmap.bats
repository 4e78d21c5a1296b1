# SPDX-License-Identifier: GPL-2.0-or-later
# Mapped BARs and a bind: with refuse, the default, and with revoke.

# shellcheck disable=SC2154 # helpers.bash sets what is not set here
load helpers

setup_file() { load helpers; load_all; }
teardown_file() { load helpers; unload_all; }
setup() { prepare; }
teardown() { cleanup; }

@test "refuse: a mapping that was never touched also counts" {
	run client open mmap:0 tsm-bind munmap:0 tsm-bind
	assert_equal "$(grep '^tsm-bind' <<<"$output")" "tsm-bind EBUSY
tsm-bind OK"
}

@test "revoke: a touch is SIGBUS while bound, and works again after the unbind" {
	set_attr bar_mmap revoke
	run client open mmap:0 touch:0 tsm-bind touch:0 tsm-unbind touch:0 tsm-bind touch:0
	mapfile -t answers < <(grep '^touch:0' <<<"$output")
	[[ ${answers[0]} = "touch:0 OK"* ]]
	assert_equal "${answers[1]}" "touch:0 EFAULT"
	assert_equal "${answers[2]}" "${answers[0]}"
	assert_equal "${answers[3]}" "touch:0 EFAULT"
}

@test "revoke: a bind that is refused leaves the mapping as it was" {
	set_attr bar_mmap revoke
	echo tsm0 >"$pci/devices/$dev/tsm/disconnect"
	run client open mmap:0 touch:0 tsm-bind touch:0
	assert_line "tsm-bind ENXIO"
	refute_line --regexp '^touch:0 E'
}

@test "revoke: a device with a mapping that was zapped can be closed" {
	set_attr bar_mmap revoke
	run client open mmap:0 touch:0 tsm-bind kvm-close close
	assert_line "close OK"
	assert_equal "$(attr state)" closed
}

@test "a write to bar_mmap fails with EBUSY while bound" {
	run client open tsm-bind "sh:echo revoke >$configfs/$dev/tsm/bar_mmap || echo busy" \
		"sh:cat $configfs/$dev/tsm/bar_mmap" tsm-unbind \
		"sh:echo revoke >$configfs/$dev/tsm/bar_mmap && cat $configfs/$dev/tsm/bar_mmap"
	assert_line busy
	assert_line refuse
	assert_line revoke
}
