# SPDX-License-Identifier: GPL-2.0-or-later
# Every result of the two ioctls. The table is in <linux/vfio_tsm.h>.

# shellcheck disable=SC2154 # helpers.bash sets what is not set here
load helpers

setup_file() { load helpers; load_all; }
teardown_file() { load helpers; unload_all; }
setup() { prepare; }
teardown() {
	cleanup
	[ ! -e /sys/module/no_address ] || modprobe -r no_address
}

# refused WANTED STAGE STEP...: the bind in STEP... is refused at STAGE and changes nothing
refused() {
	local wanted=$1 stage=$2
	shift 2
	run client "$@" "sh:cat $configfs/$dev/tsm/state $configfs/$dev/tsm/last_error"
	assert_line "$wanted"
	assert_line open
	[ -z "$stage" ] || assert_line --regexp "^-[0-9]+ $stage\$"
	[ ! -e "$debugfs/$dev" ] || assert_equal "$(sim state)" CONFIG_UNLOCKED
}

@test "EFAULT: a pointer to nothing" {
	refused "tsm-bind-at:0 EFAULT" "" open tsm-bind-at:0
	refused "tsm-bind-at:0xffffffffffffff00 EFAULT" "" open tsm-bind-at:0xffffffffffffff00
	refused "tsm-unbind-at:0 EFAULT" "" open tsm-unbind-at:0
}

@test "EINVAL: argsz too small, flags, pad" {
	refused "tsm-bind:1 EINVAL" "" open tsm-bind:1
	refused "tsm-bind:15 EINVAL" "" open tsm-bind:15
	refused "tsm-bind:0:1 EINVAL" "" open tsm-bind:0:1
	refused "tsm-bind:0:0x80000000 EINVAL" "" open tsm-bind:0:0x80000000
	refused "tsm-bind:0:0:0:1 EINVAL" "" open tsm-bind:0:0:0:1
	refused "tsm-unbind:7 EINVAL" "" open tsm-unbind:7
	refused "tsm-unbind:0:1 EINVAL" "" open tsm-unbind:0:1
}

@test "E2BIG: bytes that are unknown to this kernel and are not zero" {
	refused "tsm-bind-long:17:1 E2BIG" "" open tsm-bind-long:17:1
	refused "tsm-bind-long:4096:255 E2BIG" "" open tsm-bind-long:4096:255
	refused "tsm-bind-long:1000000:0 E2BIG" "" open tsm-bind-long:1000000:0
}

@test "a longer argument with zeros is accepted" {
	run client open tsm-bind-long:64:0
	assert_line "tsm-bind-long:64:0 OK"
}

@test "ENOTTY: a device of plain vfio-pci" {
	modprobe vfio-pci
	assign "$dev" vfio-pci
	run client open tsm-bind tsm-unbind
	assert_line "tsm-bind ENOTTY"
	assert_line "tsm-unbind ENOTTY"
}

@test "ENOTTY: a file that came through the group" {
	run client group tsm-bind tsm-unbind
	assert_line "group OK"
	assert_line "tsm-bind ENOTTY"
	assert_line "tsm-unbind ENOTTY"
}

@test "EPERM: opened with shared regions" {
	set_attr region_mode shared
	refused "tsm-bind EPERM" regions open tsm-bind
}

@test "ENOSPC: a BAR without an address" {
	release
	modprobe no_address "device=$dev" bar=0
	dmesg --clear
	assign
	run dmesg
	assert_line --partial "$dev: BAR 0 has no address: the function cannot be bound"
	refute_line --partial "BAR 1 "
	refused "tsm-bind ENOSPC" bar open tsm-bind
	release
	modprobe -r no_address
	assign
	run client open tsm-bind
	assert_line "tsm-bind OK"
}

@test "EACCES: the administrator does not allow a bind" {
	set_attr bind_allowed 0
	refused "tsm-bind EACCES" denied open tsm-bind
	set_attr bind_allowed 1
	run client open tsm-bind
	assert_line "tsm-bind OK"
}

@test "EBUSY: a BAR is mapped" {
	refused "tsm-bind EBUSY" mapped open mmap:0 touch:0 tsm-bind touch:0
	refute_line --regexp "^touch:0 E"
}

@test "EBUSY: an ioeventfd exists" {
	refused "tsm-bind EBUSY" ioeventfd open ioeventfd:0:0x1000 tsm-bind
	run client open ioeventfd:0:0x1000 ioeventfd-del:0:0x1000 tsm-bind
	assert_line "tsm-bind OK"
}

@test "EINVAL: no VM before BIND_IOMMUFD" {
	refused "tsm-bind EINVAL" kvm cdev bind-iommufd ioas enable tsm-bind
	refused "tsm-bind EINVAL" kvm cdev bind-iommufd kvm ioas enable tsm-bind
}

@test "ENODATA: neither a vdevice nor a tdi_id" {
	set_attr tdi_id none
	refused "tsm-bind ENODATA" tdi-id open tsm-bind
	rmdir "$configfs/$dev" # there is no directory, so there is no id
	run client open tsm-bind
	assert_line "tsm-bind ENODATA"
}

@test "ENOENT: the id is not a vdevice; EOPNOTSUPP on a kernel without kernel/patches" {
	local wanted=EOPNOTSUPP
	! can_find_vdevices || wanted=ENOENT
	refused "tsm-bind:0:0:1 $wanted" vdevice open tsm-bind:0:0:1
	refused "tsm-bind:0:0:0xffffffff $wanted" vdevice open tsm-bind:0:0:0xffffffff
}

@test "ENXIO: the device is not connected" {
	echo tsm0 >"$pci/devices/$dev/tsm/disconnect"
	refused "tsm-bind ENXIO" not-connected open tsm-bind
}

@test "EHOSTDOWN: bus mastering or memory decode is off" {
	refused "tsm-bind EHOSTDOWN" command cdev kvm bind-iommufd ioas tsm-bind
	refused "tsm-bind EHOSTDOWN" command open write:7:4:2:2 tsm-bind
	refused "tsm-bind EHOSTDOWN" command open write:7:4:2:4 tsm-bind
	run client open write:7:4:2:0 write:7:4:2:6 tsm-bind
	assert_line "tsm-bind OK"
}

@test "last_error has the first check that failed" {
	set_attr region_mode shared
	set_attr bind_allowed 0
	set_attr tdi_id none
	refused "tsm-bind EPERM" regions open tsm-bind
	set_attr region_mode exclusive
	refused "tsm-bind EACCES" denied open tsm-bind
	set_attr bind_allowed 1
	refused "tsm-bind ENODATA" tdi-id open tsm-bind
}

@test "a bind that succeeds sets last_error to 0" {
	set_attr tdi_id none
	client open tsm-bind
	assert_equal "$(attr last_error)" "-61 tdi-id"
	set_attr tdi_id 00:05.0
	client open tsm-bind
	assert_equal "$(attr last_error)" 0
}

@test "vfio-pci handles all other ioctls" {
	run client open reset
	assert_line "reset OK"
	run vfio-client "$dev" open "region-info:99"
	assert_line "region-info:99 EINVAL"
}
