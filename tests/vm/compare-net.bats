# SPDX-License-Identifier: GPL-2.0-or-later
# The same as compare.bats, with a device that has I/O ports and queues to notify.
# kernels: normal
# long: it does the same as compare.bats, with one more device
# vm: --nvme 0 --timeout 2400 --qemu -device --qemu pcie-root-port,id=rpn,bus=pcie.0,addr=0x11,chassis=61,slot=61 --qemu -device --qemu virtio-net-pci,bus=rpn,disable-legacy=off,mac=52:54:00:00:00:01

# shellcheck disable=SC2154 # helpers.bash sets what is not set here
load helpers
load compare

setup_file() {
	load helpers
	load_all
	modprobe vfio_pci
	NET=$(basename "$(dirname "$(grep -l 0x020000 "$pci"/devices/*/class)")")
	export NET
}

teardown_file() {
	load helpers
	modprobe -r vfio_pci
	unload_all
}

teardown() {
	release "$NET"
	echo exclusive >"$configfs/default_region_mode"
}

@test "virtio-net behaves as on vfio-pci, by its cdev" { compare "$NET" cdev; }
@test "virtio-net behaves as on vfio-pci, by its group" { compare "$NET" group; }
