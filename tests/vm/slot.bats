# SPDX-License-Identifier: GPL-2.0-or-later
# The functions of one slot share the reset of that slot. The kernel checks only on the
# function to be reset whether that is allowed, so a bound VF depends on the other VF.
# The last test resets the slot without the kernel, and the PF does not work afterwards. So
# the file has a VM of its own.
# vm: --timeout 1500 --nvme 0 --qemu -device --qemu pcie-root-port,id=rpv,bus=pcie.0,addr=0x10,chassis=60,slot=60 --qemu -device --qemu nvme-subsys,id=sub0 --qemu -device --qemu nvme,serial=sriov,bus=rpv,subsys=sub0,max_ioqpairs=8,msix_qsize=9,sriov_max_vfs=2,sriov_vq_flexible=4,sriov_vi_flexible=2

# shellcheck disable=SC2154 # helpers.bash sets what is not set here
load helpers

setup_file() {
	load helpers
	PF=$(find_pf)
	load_all "$PF"
	modprobe -a vfio-pci reset_flags
	load_nvme "$PF"
	echo 0 >"$pci/devices/$PF/sriov_drivers_autoprobe"
	export PF
}

teardown_file() {
	load helpers
	modprobe -r reset_flags nvme
	unload_all
	modprobe -r vfio-pci
}

# Each test has new VFs: a test that fails may leave broken ones.
setup() {
	before=()
	connect "$PF"
	echo 2 >"$pci/devices/$PF/sriov_numvfs"
	VF0=$(basename "$(readlink -f "$pci/devices/$PF/virtfn0")")
	VF1=$(basename "$(readlink -f "$pci/devices/$PF/virtfn1")")
	mkdir -p "$configfs/$VF0" "$configfs/$VF1"
	assign "$VF0"
	set_attr tdi_id 00:06.0 "$VF0"
}

teardown() {
	kill_holders
	release "$VF0"
	release "$VF1"
	modprobe -r config_overlay
	echo 0 >"$pci/devices/$PF/sriov_numvfs"
	echo tsm0 >"$pci/devices/$PF/tsm/disconnect"
	rmdir "$configfs/$VF0" "$configfs/$VF1"
}

refute_regex() { ! [[ $1 =~ $2 ]] || fail "'$1' matches '$2'"; }

# The functions that refuse a reset of bus and slot now
refusing() { cat /sys/module/reset_flags/parameters/no_bus_reset; }

# survives STEP...: VF0 is still locked after STEPs; the array "before" has the steps before
# the bind
survives() {
	run vfio-client "$VF0" open "${before[@]}" tsm-bind "$@" \
		"sh:echo \$(cat $debugfs/$VF0/state $configfs/$VF0/tsm/state)"
	assert_equal "$(answers tsm-bind)" OK
	assert_line "CONFIG_LOCKED bound"
	assert_equal "$(sim violations "$VF0")" 0
}

# by_bus: VF1 is reset by the bus from now on, which VF0 would not survive unbound either
by_bus() { before+=("put:$pci/devices/$VF1/reset_method=bus"); }

# survives_ones DRIVER STEP...: VF0 survives STEPs while VF1, which is on DRIVER, reads as all
# ones. Before 7.3, each FLR waits a minute for such a function. So a test has two at most.
survives_ones() {
	local ones=/sys/module/config_overlay/parameters/all_ones
	modprobe config_overlay device="$VF1"
	assign "$VF1" "$1"
	assert_regex "$(cat "$pci/devices/$VF1/reset_method")" '^flr.* bus$'
	survives "put:$ones=Y" "${@:2}" "put:$ones=N"
}

# survives_owner DRIVER: VF1 reads as all ones while its owner resets and closes it
survives_owner() {
	before=("sibling:$VF1")
	survives_ones "$1" on-sibling:reset on-sibling:close
}

@test "root cannot reset the other VF by the bus" {
	by_bus
	survives "sh:echo 1 >$pci/devices/$VF1/reset || echo refused"
	assert_line refused
	# Resets of the function alone are allowed.
	before=()
	echo flr >"$pci/devices/$VF1/reset_method"
	survives "sh:echo 1 >$pci/devices/$VF1/reset || echo refused"
	refute_line refused
}

@test "the owner of the other VF, on vfio-pci, cannot reset it by the bus" {
	assign "$VF1" vfio-pci
	before=("sibling:$VF1")
	by_bus
	survives on-sibling:reset on-sibling:close
	assert_equal "$(answers on-sibling:reset)" ENOTTY
}

@test "the owner of the other VF, on vfio-pci-tsm, cannot reset it by the bus" {
	assign "$VF1"
	before=("sibling:$VF1")
	by_bus
	survives on-sibling:reset on-sibling:close
	assert_equal "$(answers on-sibling:reset)" ENOTTY
}

@test "an open and a close of the other VF do not reset it by the bus" {
	assign "$VF1" vfio-pci
	by_bus
	survives "sh:vfio-client $VF1 cdev bind-iommufd close"
	assert_line "bind-iommufd OK"
	# vfio-pci-tsm refuses the open: without a reset, the next owner would find it as left.
	release "$VF1"
	assign "$VF1"
	survives "sh:vfio-client $VF1 cdev bind-iommufd close"
	assert_line "bind-iommufd EBUSY"
}

# The FLR of a VF that reads as all ones fails, and the kernel tries the bus.

@test "if the other VF reads as all ones, its owner, on vfio-pci, does not reset it by the bus" {
	survives_owner vfio-pci
}

@test "if the other VF reads as all ones, its owner, on vfio-pci-tsm, does not reset it by the bus" {
	survives_owner vfio-pci-tsm
}

@test "if the other VF reads as all ones, its open and close, on vfio-pci, do not reset it by the bus" {
	survives_ones vfio-pci "sh:vfio-client $VF1 cdev bind-iommufd close"
}

@test "if the other VF reads as all ones, its open and close, on vfio-pci-tsm, do not reset it by the bus" {
	survives_ones vfio-pci-tsm "sh:vfio-client $VF1 cdev bind-iommufd close"
}

@test "all functions of the slot refuse a reset of it, and only while one is bound" {
	unbound=$(refusing)
	refute_regex "$unbound" "$VF1"
	run vfio-client "$VF0" open tsm-bind "sh:cat /sys/module/reset_flags/parameters/no_bus_reset" tsm-unbind
	for function in "$VF0" "$VF1" "$PF"; do
		assert_output --partial " $function"
	done
	assert_equal "$(refusing)" "$unbound"
}

@test "with two bound VFs, the slot can be reset again when the last is unbound" {
	unbound=$(refusing)
	assign "$VF1"
	set_attr tdi_id 00:07.0 "$VF1"
	run vfio-client "$VF0" open tsm-bind "sh:vfio-client $VF1 open tsm-bind close" \
		"sh:cat /sys/module/reset_flags/parameters/no_bus_reset" tsm-unbind
	assert_equal "$(answers tsm-bind)" "OK OK"
	assert_output --partial " $VF1"
	assert_equal "$(refusing)" "$unbound"
}

@test "the watch detects a reset that cannot be refused" {
	port=$(basename "$(dirname "$(readlink -f "$pci/devices/$PF")")")
	run vfio-client "$VF0" open event tsm-bind event-none \
		"sh:setpci -s $port BRIDGE_CONTROL=0040:0040; setpci -s $port BRIDGE_CONTROL=0:0040" \
		event-wait "sh:cd $configfs/$VF0/tsm && cat state; cat $pci/devices/$VF0/vfio_tsm/last_unbind"
	assert_line "event-none OK"
	assert_line "event-wait OK 1"
	assert_line lost
	assert_line reset
}
