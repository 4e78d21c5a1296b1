# SPDX-License-Identifier: GPL-2.0-or-later
# Another module of the kernel binds a VF. The driver then turns off the resets of the other
# functions of its slot, and their owners must not be able to prevent that. The last test is
# about a VF in quarantine.
# vm: --nvme 0 --qemu -device --qemu pcie-root-port,id=rpv,bus=pcie.0,addr=0x10,chassis=60,slot=60 --qemu -device --qemu nvme-subsys,id=sub0 --qemu -device --qemu nvme,serial=sriov,bus=rpv,subsys=sub0,max_ioqpairs=8,msix_qsize=9,sriov_max_vfs=2,sriov_vq_flexible=4,sriov_vi_flexible=2

# shellcheck disable=SC2154 # helpers.bash sets what is not set here
load helpers

foreign=/sys/module/other_bind/parameters
lock=/sys/module/hold_lock/parameters

setup_file() {
	load helpers
	PF=$(find_pf)
	load_all "$PF"
	modprobe -a other_bind reset_flags hold_lock
	load_nvme "$PF"
	echo 0 >"$pci/devices/$PF/sriov_drivers_autoprobe"
	connect "$PF"
	echo 2 >"$pci/devices/$PF/sriov_numvfs"
	VF0=$(basename "$(readlink -f "$pci/devices/$PF/virtfn0")")
	VF1=$(basename "$(readlink -f "$pci/devices/$PF/virtfn1")")
	export PF VF0 VF1
}

teardown_file() {
	load helpers
	echo 0 >"$pci/devices/$PF/sriov_numvfs"
	echo tsm0 >"$pci/devices/$PF/tsm/disconnect"
	modprobe -r nvme other_bind reset_flags hold_lock
	unload_all
}

setup() {
	for vf in "$VF0" "$VF1"; do
		mkdir "$configfs/$vf"
		assign "$vf"
	done
}

teardown() {
	echo >$lock/config
	echo "$VF0" >$foreign/unbind
	kill_holders
	for vf in "$VF0" "$VF1"; do
		release "$vf"
		rmdir "$configfs/$vf"
	done
}

# refuses FUNCTION: whether FUNCTION refuses a reset of its bus or slot
refuses() { grep -q " $1\b" /sys/module/reset_flags/parameters/no_bus_reset && echo yes || echo no; }

@test "a function that is being reset does not delay that the others of the slot refuse resets" {
	# This acts as a reset that does not end. The PF comes before its VFs.
	echo "$PF" >$lock/config
	echo "$VF0" >$foreign/bind
	eventually yes refuses "$VF1"
	assert_equal "$(attr state "$VF0") $(refuses "$VF0") $(refuses "$PF")" "bound yes yes"
	echo >$lock/config
	echo "$VF0" >$foreign/unbind
	eventually no refuses "$VF1"
	assert_equal "$(attr state "$VF0")" closed
}

@test "the owner of the other VF does not harm the bound one by repeated resets" {
	run vfio-client "$VF1" open "put:$foreign/bind=$VF0" "repeat:200:reset" \
		"sh:until grep -q $VF1 /sys/module/reset_flags/parameters/no_bus_reset; do :; done" \
		"repeat:20:reset" "sh:cat $debugfs/$VF0/state $configfs/$VF0/tsm/state"
	assert_line "repeat:20:reset OK"
	assert_line CONFIG_LOCKED
	assert_line bound
	assert_equal "$(sim violations "$VF0")" 0
}

@test "the owner of the other VF cannot reset its VF by the slot" {
	run vfio-client "$VF1" open "put:$pci/devices/$VF1/reset_method=bus" "put:$foreign/bind=$VF0" \
		"sh:until grep -q $VF1 /sys/module/reset_flags/parameters/no_bus_reset; do :; done" \
		reset "sh:cat $debugfs/$VF0/state $configfs/$VF0/tsm/state"
	echo >"$pci/devices/$VF1/reset_method"
	echo default >"$pci/devices/$VF1/reset_method"
	assert_equal "$(answers reset)" ENOTTY
	assert_line CONFIG_LOCKED
	assert_line bound
	assert_equal "$(sim violations "$VF0")" 0
}

@test "SR-IOV cannot be changed while a VF is quarantined, and a new VF keeps the quarantine" {
	release "$VF0"
	release "$VF1"
	echo 0 >"$pci/devices/$PF/sriov_numvfs"
	echo 1 >/sys/module/vfio_pci_tsm/parameters/enable_sriov
	assign "$PF"
	echo 2 >"$pci/devices/$PF/sriov_numvfs"
	assign "$VF0"
	set_attr quarantine 1 "$VF0"
	run bash -c "echo 0 >$pci/devices/$PF/sriov_numvfs"
	refused=$output
	release "$VF0"
	echo 0 >"$pci/devices/$PF/sriov_numvfs"
	echo 2 >"$pci/devices/$PF/sriov_numvfs"
	kept=$(attr quarantine "$VF0")
	set_attr quarantine 0 "$VF0"
	echo 0 >"$pci/devices/$PF/sriov_numvfs"
	release "$PF"
	echo "$PF" >"$pci/drivers_probe"
	echo 2 >"$pci/devices/$PF/sriov_numvfs"
	[[ $refused == *"Device or resource busy"* ]]
	assert_equal "$kept" 1
}
