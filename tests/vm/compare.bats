# SPDX-License-Identifier: GPL-2.0-or-later
# What works on vfio-pci works on a device on vfio-pci-tsm that is not bound, and
# what does not, fails in the same way: each test is a diff of what
# vfio-transcript (tests/tools/compare) is answered under one driver and under the other.
# kernels: normal
# vm: --timeout 2400 --qemu -device --qemu pcie-root-port,id=rpv,bus=pcie.0,addr=0x10,chassis=60,slot=60 --qemu -device --qemu nvme-subsys,id=sub0 --qemu -device --qemu nvme,serial=sriov,bus=rpv,subsys=sub0,max_ioqpairs=8,msix_qsize=9,sriov_max_vfs=2,sriov_vq_flexible=4,sriov_vi_flexible=2

# shellcheck disable=SC2154 # helpers.bash sets what is not set here
load helpers
load compare

setup_file() {
	load helpers
	load_all
	modprobe vfio_pci
	make_vfs
}

teardown_file() {
	load helpers
	remove_vfs
	modprobe -r vfio_pci
	unload_all
}

teardown() {
	local d
	for d in "$VF0" "$dev"; do
		release "$d"
	done
	echo exclusive >"$configfs/default_region_mode"
}

# put VALUE FILE: says how the write went
put() {
	local error
	if error=$( { echo "$1" >"$2"; } 2>&1); then
		echo "$1 to ${2##*/}: done"
	else
		echo "$1 to ${2##*/}: ${error##*: }"
	fi
}

# What sysfs has of a device, but for what vfio-pci-tsm alone has there.
list_files() {
	(cd "$pci/devices/$1" && find . -path ./vfio_tsm -prune -o -printf '%y %m %p\n' |
		sed 's/vfio[0-9][0-9]*/vfioN/g' | sort)
	grep -v '^DRIVER' "$pci/devices/$1/uevent"
	ls "$pci/devices/$1/iommu_group/"
	find "$pci/devices/$1/driver/" -maxdepth 1 ! -name '*:*' -printf '%m %f\n' |
		sed 's/vfio-pci-tsm/vfio-pci/' | sort
}

# transcribe_sysfs DRIVER MODULE, of the PF without VFs and of what comes of it
transcribe_sysfs() {
	local path=$pci/devices/$PF method
	list_files "$PF"
	grep -H . "$path"/{reset_method,sriov_totalvfs,sriov_numvfs,enable,driver_override,power/control} |
		sed "s/$1/DRIVER/"
	put 1 "$path/reset"
	put 0 "$path/reset"
	for method in flr bus pm device_specific default nonsense "bus flr" ""; do
		put "$method" "$path/reset_method"
		cat "$path/reset_method"
		put 1 "$path/reset"
	done
	put default "$path/reset_method"
	put 1 "$path/enable"
	put 0 "$path/enable"
	put 1 "$(readlink -f "$path/..")/reset_subordinate"

	put 0 "/sys/module/$2/parameters/enable_sriov"
	put 1 "$path/sriov_numvfs"
	put 1 "/sys/module/$2/parameters/enable_sriov"
	for count in 0 3 -1 2 1 2; do
		put "$count" "$path/sriov_numvfs"
		cat "$path/sriov_numvfs"
		find "$path/" -name 'virtfn*' | sort
	done
	# A VF of a PF in user space's hands: not without their common token.
	assign "$VF0" "$1"
	list_files "$VF0"
	put 1 "$pci/devices/$VF0/reset"
	vfio-transcript "$VF0" group 2>"$BATS_TEST_TMPDIR/refused" >/dev/null || cat "$BATS_TEST_TMPDIR/refused"
	vfio-client "$VF0" cdev bind-iommufd
	put 0 "$path/sriov_numvfs"
	[ ! -e "$pci/devices/$VF0" ] || echo still there
	put 0 "/sys/module/$2/parameters/enable_sriov"

	# While it is open, and after it has gone and come.
	vfio-client "$PF" cdev bind-iommufd ioas "sh:echo 1 >$path/reset" read:7:0:4 \
		"sh:echo bus >$path/reset_method; echo 1 >$path/reset" read:7:0:4 \
		"sh:echo default >$path/reset_method"
	put 1 "$path/remove"
	[ ! -e "$path" ] || echo still there
	put 1 "$pci/rescan"
	assign "$PF" "$1"
	list_files "$PF"
	vfio-client "$PF" cdev bind-iommufd ioas read:7:0:4 read:0:8:4
}

@test "NVMe, by its cdev" { compare "$dev" cdev; }
@test "NVMe, by its group" { compare "$dev" group; }
@test "a VF of NVMe, by its cdev" { compare "$VF0" cdev; }
@test "a VF of NVMe, by its group" { compare "$VF0" group; }

@test "sysfs: resets, SR-IOV, and a device that goes and comes" {
	local driver
	echo 0 >"$pci/devices/$PF/sriov_numvfs"
	# One that was there at boot has files that it has not when it comes later.
	echo 1 >"$pci/devices/$PF/remove"
	echo 1 >"$pci/rescan"
	for driver in vfio-pci vfio-pci-tsm; do
		assign "$PF" "$driver"
		transcribe_sysfs "$driver" "${driver//-/_}" >"$BATS_TEST_TMPDIR/$driver"
		release "$PF"
	done
	grep -q 'virtfn1$' "$BATS_TEST_TMPDIR/vfio-pci"
	same vfio-pci vfio-pci-tsm
}
