# SPDX-License-Identifier: GPL-2.0-or-later
# A device that an unmodified QEMU has, with a guest Linux on it.
# vm: --nvme 1 --mem 3072 --timeout 3000
# wants: qemu

# shellcheck disable=SC2154 # helpers.bash sets what is not set here
load helpers
load vmm/vmm

setup_file() {
	load helpers
	load vmm/vmm
	load_all
	modprobe -a vfio-pci nvme
	guest_image
}
teardown_file() { load helpers; unload_all; }
setup() { prepare; }
teardown() {
	vmm_stop -KILL
	cleanup
}

size=1048576
sum_of_disk="head -c $size /dev/nvme0n1 | md5sum | cut -d ' ' -f 1"

# host_disk COMMAND: with the host's own driver on the device
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
