# SPDX-License-Identifier: GPL-2.0-or-later
# A device on vfio-pci-tsm that is not bound behaves as on vfio-pci: the same operations
# work, and the same fail, with the same errors. Each test is a diff of the transcripts that
# vfio-transcript (tests/tools/compare) writes under the two drivers.
# kernels: normal oldest
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

# put VALUE FILE: writes VALUE, and prints the result
put() {
	local error
	if error=$( { echo "$1" >"$2"; } 2>&1); then
		echo "$1 to ${2##*/}: done"
	else
		echo "$1 to ${2##*/}: ${error##*: }"
	fi
}

# The files of a device in sysfs, except those that only vfio-pci-tsm makes.
list_files() {
	(cd "$pci/devices/$1" && find . -path './vfio_tsm*' -prune -o -printf '%y %m %p\n' |
		sed 's/vfio[0-9][0-9]*/vfioN/g' | sort)
	grep -v '^DRIVER' "$pci/devices/$1/uevent"
	ls "$pci/devices/$1/iommu_group/"
	find "$pci/devices/$1/driver/" -maxdepth 1 ! -name '*:*' -printf '%m %f\n' |
		sed 's/vfio-pci-tsm/vfio-pci/' | sort
}

# transcribe_sysfs DRIVER MODULE: begins with the PF without VFs
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
	# A VF of a PF on a VFIO driver can be opened only with their common token.
	assign "$VF0" "$1"
	list_files "$VF0"
	put 1 "$pci/devices/$VF0/reset"
	vfio-transcript "$VF0" group 2>"$BATS_TEST_TMPDIR/refused" >/dev/null || cat "$BATS_TEST_TMPDIR/refused"
	vfio-client "$VF0" cdev bind-iommufd
	put 0 "$path/sriov_numvfs"
	[ ! -e "$pci/devices/$VF0" ] || echo still there
	put 0 "/sys/module/$2/parameters/enable_sriov"

	# While it is open, and after it was removed and found again.
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

@test "NVMe behaves as on vfio-pci, by its cdev" { compare "$dev" cdev; }
@test "NVMe behaves as on vfio-pci, by its group" { compare "$dev" group; }
@test "a VF of NVMe behaves as on vfio-pci, by its cdev" { compare "$VF0" cdev; }
@test "a VF of NVMe behaves as on vfio-pci, by its group" { compare "$VF0" group; }

@test "resets, SR-IOV and removal through sysfs behave as on vfio-pci" {
	local driver
	echo 0 >"$pci/devices/$PF/sriov_numvfs"
	# A device that was present at boot has files that a later one does not have.
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
