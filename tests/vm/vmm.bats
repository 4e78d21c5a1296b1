# SPDX-License-Identifier: GPL-2.0-or-later
# A device in an unmodified QEMU, with a guest Linux on it.
# vm: --nvme 1 --mem 3072 --timeout 1200
# kernels: normal oldest
# wants: qemu

# shellcheck disable=SC2154 # helpers.bash sets what is not set here
load helpers
load vmm

setup_file() {
	load helpers
	load vmm
	load_all
	modprobe -a vfio-pci nvme
	guest_image
}
teardown_file() { load helpers; unload_all; }
setup() { prepare; }
teardown() {
	vmm_stop -KILL || true
	cleanup
}

size=1048576
sum_of_disk="head -c $size /dev/nvme0n1 | md5sum | cut -d ' ' -f 1"

# host_disk COMMAND: runs COMMAND while the host's own driver has the device
host_disk() {
	local rc=0
	assign "$dev" nvme
	block_device() { [ -b /dev/nvme0n1 ] && echo yes; }
	eventually yes block_device
	eval "$1" || rc=$?
	assign
	return $rc
}

@test "a guest reads and writes its NVMe as it does through vfio-pci" {
	local driver sum
	host_disk "head -c $size /dev/urandom >/dev/nvme0n1"
	sum=$(host_disk "$sum_of_disk")
	for driver in vfio-pci vfio-pci-tsm; do
		assign "$dev" "$driver"
		vmm_start
		assert_equal "$(guest "$sum_of_disk")" "$sum"
		guest "yes $driver | head -c $size >/dev/nvme0n1 && sync"
		vmm_stop
		assert_equal "$(host_disk "$sum_of_disk")" "$(yes "$driver" | head -c "$size" | md5sum | cut -d ' ' -f 1)"
		host_disk "head -c $size /dev/urandom >/dev/nvme0n1"
		sum=$(host_disk "$sum_of_disk")
	done
}


# The guest detaches its driver before a bind, because the device is about to become
# private. Decode and bus mastering stay on.
guest_dev=0000:00:05.0
in_guest=/sys/bus/pci/devices/$guest_dev
guest_lets_go() {
	guest "echo $guest_dev >/sys/bus/pci/drivers/nvme/unbind"
	guest "printf '\\006' | dd of=/sys/bus/pci/devices/$guest_dev/config bs=1 seek=4 conv=notrunc 2>/dev/null"
}
guest_takes() { guest "echo $guest_dev >/sys/bus/pci/drivers/nvme/bind && test -b /dev/nvme0n1"; }

# bound_by_vmm: the device is bound on QEMU's own file, without a helper
bound_by_vmm() {
	assert_equal "$(attr state)" bound
	assert_equal "$(attr owner)" "$vmm"
	assert_equal "$(sim state)" CONFIG_LOCKED
	assert_equal "$(sim violations)" 0
	run pgrep tsm-bind-helper
	assert_failure
}

@test "the device of a running QEMU can be bound and unbound, and the guest goes on" {
	vmm_start x-no-mmap=on
	guest_lets_go
	run -0 tsmctl bind "$dev"
	bound_by_vmm
	guest true
	run -0 tsmctl unbind "$dev"
	assert_equal "$(attr state)" open
	assert_equal "$(sim state)" CONFIG_UNLOCKED
	assert_equal "$(sim violations)" 0
	guest_takes
	guest "dd if=/dev/nvme0n1 of=/dev/null bs=64k count=16 2>/dev/null"
}

@test "while bound, resets by the guest and by QEMU are refused, and QEMU survives" {
	vmm_start x-no-mmap=on
	guest_lets_go
	tsmctl bind "$dev"
	guest "echo 1 >$in_guest/reset" || true
	bound_by_vmm
	qmp system_reset
	guest_answer
	vmm_runs
	bound_by_vmm
	tsmctl unbind "$dev"
	qmp system_reset
	guest_answer
	guest "dd if=/dev/nvme0n1 of=/dev/null bs=64k count=16 2>/dev/null"
}

@test "a kill of QEMU while bound unlocks the TDI, and the device can be used again" {
	vmm_start x-no-mmap=on
	guest_lets_go
	tsmctl bind "$dev"
	vmm_stop -KILL
	eventually closed attr state
	assert_equal "$(sim state)" CONFIG_UNLOCKED
	assert_equal "$(sim violations)" 0
	vmm_start x-no-mmap=on
	guest "dd if=/dev/nvme0n1 of=/dev/null bs=64k count=16 2>/dev/null"
}

@test "with QEMU's mappings a bind is refused with a hint, or with revoke takes them away" {
	vmm_start
	guest_lets_go
	run tsmctl bind "$dev"
	assert_equal "$status" 6
	assert_output --partial x-no-mmap=on
	assert_output --partial "--bar-mmap revoke"
	assert_equal "$(attr state)" open
	tsmctl mode "$dev" --bar-mmap revoke
	run -0 tsmctl bind "$dev"
	bound_by_vmm
	guest true
	tsmctl unbind "$dev"
	guest_takes
	guest "dd if=/dev/nvme0n1 of=/dev/null bs=64k count=16 2>/dev/null"
}

@test "a device that QEMU got as an open file can be bound" {
	local file
	exec {file}<>"/dev/vfio/devices/$(ls "$pci/devices/$dev/vfio-dev")"
	vmm_launch kvm "fd=$file,x-no-mmap=on"
	exec {file}>&-
	guest_answer
	guest_lets_go
	run -0 tsmctl bind "$dev"
	bound_by_vmm
	run -0 tsmctl unbind "$dev"
	assert_equal "$(sim state)" CONFIG_UNLOCKED
}

@test "a bind is refused for QEMU without KVM, with the reason, and QEMU goes on" {
	vmm_launch tcg "host=$dev,x-no-mmap=on" -S
	prelaunch() { qmp query-status 2>/dev/null | grep -o prelaunch; }
	eventually prelaunch prelaunch
	assert_equal "$(attr state)" open
	run tsmctl bind "$dev"
	assert_failure
	assert_output --partial "-accel kvm"
	assert_equal "$(attr state)" open
	assert_equal "$(sim state)" CONFIG_UNLOCKED
	assert_equal "$(prelaunch)" prelaunch
}

@test "a bind is refused for QEMU on the group API, with the option that it needs, and QEMU goes on" {
	local api=group
	modprobe vfio_iommu_type1
	vmm_start x-no-mmap=on
	guest_lets_go
	run tsmctl bind "$dev"
	assert_equal "$status" 5
	assert_output --partial "group API"
	assert_output --partial "-object iommufd"
	assert_equal "$(attr state)" open
	assert_equal "$(sim state)" CONFIG_UNLOCKED
	guest_takes
	guest "dd if=/dev/nvme0n1 of=/dev/null bs=64k count=16 2>/dev/null"
}

# asked_to_unplug: prints whether QEMU has asked the guest to release the device
asked_to_unplug() {
	local bsel
	if [ "$hotplug" = native ]; then
		guest "dmesg | grep -q 'Button press'" && echo yes || echo no
		return
	fi
	# The registers of QEMU's docs/specs/acpi_pci_hotplug.rst: select a bus, read "slot removal".
	bsel=$(qmp qom-get '{"path": "/machine/peripheral/port0/port0", "property": "acpi-pcihp-bsel"}')
	qmp human-monitor-command "{\"command-line\": \"o /4 0xcd0 $bsel\"}" >/dev/null
	qmp human-monitor-command '{"command-line": "i /4 0xcc4"}' | grep -q 'portl.* = 0x0*1\b' && echo yes || echo no
}

# keeps_device: after a loss the device stays in QEMU and in the guest
keeps_device() {
	local guest_dev=0000:01:00.0
	vmm_start x-no-mmap=on
	guest_lets_go
	tsmctl bind "$dev"
	bound_by_vmm
	echo tsm0 >"$pci/devices/$dev/tsm/disconnect"
	assert_equal "$(attr state)" lost
	qmp query-status
	assert_equal "$(asked_to_unplug)" no
	guest "test -e /sys/bus/pci/devices/$guest_dev"
	run -0 tsmctl unbind "$dev"
	tsmctl connect "$dev"
	run -0 tsmctl bind "$dev"
	bound_by_vmm
	tsmctl unbind "$dev"
	guest_takes
	guest "dd if=/dev/nvme0n1 of=/dev/null bs=64k count=16 2>/dev/null"
	assert_equal "$(asked_to_unplug)" no
	# The same check detects a real request to unplug.
	qmp device_del '{"id": "dev0"}'
	eventually yes asked_to_unplug
}

@test "after a disconnect while bound, QEMU keeps the device, and it can be bound again (native hot-plug)" {
	local hotplug=native
	keeps_device
}

@test "after a disconnect while bound, QEMU keeps the device, and it can be bound again (ACPI hot-plug)" {
	local hotplug=acpi
	keeps_device
}
