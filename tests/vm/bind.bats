# SPDX-License-Identifier: GPL-2.0-or-later
# A bind, and every way back.

# shellcheck disable=SC2016,SC2154 # helpers.bash sets what is not set here
load helpers

setup_file() { load helpers; load_all; }
teardown_file() { load helpers; unload_all; }
setup() { prepare; }
teardown() { cleanup; }

# What must be true while the device is bound, in configfs, in sysfs and in the TSM.
looks_bound='grep -qx bound $C/state &&
	grep -qx 1 $C/bound &&
	grep -qx tsm0 $C/tsm &&
	grep -qx none $C/vdevice_id &&
	grep -qx 0000:00:05.0 $C/tdi_id &&
	grep -qx 0 $C/last_error &&
	grep -qx tsm0 $P/tsm/bound &&
	grep -qx CONFIG_LOCKED $S/state &&
	grep -qx 0x28 $S/tdi_id &&
	grep -qx 0 $S/violations'

# What must be true after the unbind.
looks_open='grep -qx open $C/state &&
	grep -qx 0 $C/bound &&
	grep -qx none $C/tsm &&
	! grep -q . $P/tsm/bound &&
	grep -qx CONFIG_UNLOCKED $S/state &&
	grep -qx none $S/tdi_id &&
	grep -qx 0 $S/violations'

see() {
	export C=$configfs/$dev/tsm P=$pci/devices/$dev S=$debugfs/$dev
	vfio-client "$dev" "$@"
}

@test "after a bind the device is bound in configfs, in sysfs and in the TSM" {
	run see open tsm-bind "sh:$looks_bound"
	assert_line "tsm-bind OK"
	assert_line --partial "OK status 0"
}

@test "after an unbind the device is open and unlocked, and its BARs work through VFIO" {
	run see open read:0:0:4 tsm-bind tsm-unbind "sh:$looks_open" read:0:8:4 mmap:0 touch:0
	assert_line "tsm-unbind OK"
	assert_line --partial "OK status 0"
	assert_line --regexp '^read:0:8:4 OK'
	assert_line --regexp '^touch:0 OK'
}

@test "an unbind of a device that is not bound returns 0" {
	run client open tsm-unbind tsm-bind tsm-unbind tsm-unbind
	refute_line --regexp '^tsm-unbind E'
}

@test "revoke: writing 0 to bound unbinds the device, and the owner can bind it again" {
	run see open tsm-bind "sh:echo 0 >\$C/bound && $looks_open" read:0:0:4 tsm-bind
	assert_line --partial "OK status 0"
	assert_line --regexp '^read:0:0:4 OK'
	assert_equal "$(grep -c '^tsm-bind OK' <<<"$output")" 2
}

@test "revoke does nothing to a device that is not bound, and 1 cannot be written to bound" {
	run set_attr bound 0
	assert_success
	run set_attr bound 1
	assert_failure
	assert_output --partial "Operation not supported"
	run set_attr bound 2
	assert_output --partial "Invalid argument"
}

@test "a close unlocks the TDI before it resets the function, without a violation" {
	run client open tsm-bind close
	assert_line "close OK"
	assert_equal "$(attr state)" closed
	assert_equal "$(attr bound)" 0
	assert_equal "$(attr region_mode_active)" none
	assert_equal "$(attr owner)" none
	assert_equal "$(sim state)" CONFIG_UNLOCKED
	assert_equal "$(sim violations)" 0
	run client open read:0:0:4
	assert_line --regexp '^read:0:0:4 OK'
}

@test "a VM that keeps the file keeps the device bound" {
	run see cdev kvm bind-iommufd ioas enable tsm-bind "sh:$looks_bound" kvm-close "sh:$looks_bound"
	assert_equal "$(grep -c 'OK status 0' <<<"$output")" 2
}

@test "a second bind by the same file fails with EALREADY and changes nothing" {
	run see open tsm-bind tsm-bind "sh:$looks_bound"
	assert_line "tsm-bind EALREADY"
	assert_line --partial "OK status 0"
}

@test "generation grows by one with every change of state" {
	before=$(attr generation)
	client open tsm-bind tsm-unbind tsm-bind close
	# open, bound, open, bound, open, closed
	assert_equal "$(attr generation)" $((before + 6))
}

@test "owner is the process that opened the device" {
	run client open "sh:echo owner \$(cat $configfs/$dev/tsm/owner) parent \$PPID"
	assert_line --regexp '^owner ([0-9]+) parent \1$'
}

@test "the TSM gets the configured TDI id, and each spelling of it is accepted" {
	for id in 0x28 00:05.0 0000:00:05.0; do
		set_attr tdi_id "$id"
		assert_equal "$(attr tdi_id)" 0000:00:05.0
	done
	set_attr tdi_id 0001:80:1f.7
	run client open tsm-bind "sh:cat $debugfs/$dev/tdi_id"
	assert_line 0x180ff
}

@test "if root clears bus mastering or memory decode, the TSM sees a violation and the device is lost" {
	run client open tsm-bind "sh:setpci -s $dev COMMAND=0:2; cat $configfs/$dev/tsm/state" \
		tsm-unbind "sh:echo 0 >/proc/self/fd/1"
	assert_line lost
	assert_equal "$(sim violations)" 1
	assert_equal "$(sim state)" CONFIG_UNLOCKED
}

@test "a disconnect of the TSM leaves the device lost until an unbind" {
	run client open tsm-bind \
		"sh:echo tsm0 >$pci/devices/$dev/tsm/disconnect; cat $configfs/$dev/tsm/state" \
		tsm-bind "sh:cat $configfs/$dev/tsm/last_error" \
		"sh:echo tsm0 >$pci/devices/$dev/tsm/connect" read:0:0:4 tsm-unbind tsm-bind
	assert_line lost
	assert_line "tsm-bind ENXIO"
	assert_line "-6 not-connected"
	assert_line --regexp '^read:0:0:4 OK'
	assert_equal "$(tail -n 1 <<<"$output")" "tsm-bind OK"
}
