# SPDX-License-Identifier: GPL-2.0-or-later
# What is refused while bound works before the bind and after the unbind, is
# EBUSY in between, and leaves no trace in the TSM.

# shellcheck disable=SC2154 # helpers.bash sets what is not set here
load helpers

setup_file() { load helpers; load_all; }
teardown_file() { load helpers; unload_all; }
setup() { prepare; }
teardown() { cleanup; }

# refused_while_bound STEP [PREPARATION...]
refused_while_bound() {
	local step=$1
	shift
	run client open "$@" "$step" tsm-bind "$step" tsm-unbind "$step" \
		"sh:cat $debugfs/$dev/violations"
	assert_line "tsm-bind OK"
	mapfile -t answers < <(grep "^$step " <<<"$output")
	assert_equal "${#answers[@]}" 3
	assert_regex "${answers[0]}" "^$step OK"
	assert_equal "${answers[1]}" "$step EBUSY"
	assert_regex "${answers[2]}" "^$step OK"
	assert_line 0
}

assert_regex() { [[ $1 =~ $2 ]] || fail "'$1' does not match '$2'"; }

@test "VFIO_DEVICE_RESET" {
	refused_while_bound reset
}

@test "VFIO_DEVICE_PCI_HOT_RESET" {
	refused_while_bound hot-reset
}

@test "BAR read" {
	refused_while_bound read:0:0:4
	refused_while_bound read:0:8:8
}

@test "BAR write" {
	refused_while_bound write:0:0x1000:4:0
}

@test "new ioeventfds" {
	run client open tsm-bind ioeventfd:0:0x1000 tsm-unbind ioeventfd:0:0x1000
	assert_line "ioeventfd:0:0x1000 EBUSY"
	assert_line "ioeventfd:0:0x1000 OK"
}

@test "mmap of a BAR" {
	run client open mmap:0 munmap:0 tsm-bind mmap:0 tsm-unbind mmap:0 touch:0
	mapfile -t answers < <(grep '^mmap:0 ' <<<"$output")
	assert_equal "${answers[*]}" "mmap:0 OK mmap:0 EBUSY mmap:0 OK"
	assert_line --regexp '^touch:0 OK'
}

@test "another IOAS" {
	refused_while_bound attach
}

@test "detach has no effect" {
	run client open tsm-bind detach tsm-unbind attach \
		"sh:cat $debugfs/$dev/violations" detach attach
	refute_line --regexp '^(detach|attach) E'
	assert_line 0
}

@test "low power" {
	run client open tsm-bind low-power "sh:cat $debugfs/$dev/state" tsm-unbind low-power
	mapfile -t answers < <(grep '^low-power ' <<<"$output")
	assert_equal "${answers[*]}" "low-power EBUSY low-power OK"
	assert_line CONFIG_LOCKED
}

@test "reset by root through sysfs" {
	run client open "sh:echo 1 >$pci/devices/$dev/reset && echo before" tsm-bind \
		"sh:echo 1 >$pci/devices/$dev/reset || echo refused" \
		"sh:cat $debugfs/$dev/state" \
		tsm-unbind "sh:echo 1 >$pci/devices/$dev/reset && echo after"
	assert_line before
	assert_line refused
	assert_line CONFIG_LOCKED
	assert_line after
	assert_equal "$(sim violations)" 0
}

@test "a reset that root forces through reset_method unbinds first" {
	run client open tsm-bind \
		"sh:echo flr >$pci/devices/$dev/reset_method; echo 1 >$pci/devices/$dev/reset" \
		"sh:cat $configfs/$dev/tsm/state" read:0:0:4 tsm-bind tsm-unbind tsm-bind
	assert_line lost
	assert_line --regexp '^read:0:0:4 OK'
	assert_line "tsm-bind ENXIO"
	assert_equal "$(tail -n 1 <<<"$output")" "tsm-bind OK"
	assert_equal "$(sim violations)" 0
}

@test "reset methods are as they were after an unbind" {
	before=$(cat "$pci/devices/$dev/reset_method")
	[ -n "$before" ]
	run client open tsm-bind "sh:cat $pci/devices/$dev/reset_method" tsm-unbind \
		"sh:cat $pci/devices/$dev/reset_method"
	refute_line --index 1 "$before"
	assert_line "$before"
	client open tsm-bind close
	assert_equal "$(cat "$pci/devices/$dev/reset_method")" "$before"
}

@test "configuration space, interrupts and dma-buf go on working" {
	run client open tsm-bind read:7:0:4 read:7:4:2 write:7:0x3c:1:0x0b dma-buf:0 tsm-unbind
	refute_output --regexp ' E[A-Z]+'
	assert_equal "$(sim violations)" 0
}
