# SPDX-License-Identifier: GPL-2.0-or-later
# Virtual functions: their PF is their DSM, and decodes their memory.
# vm: --nvme 0 --qemu -device --qemu pcie-root-port,id=rpv,bus=pcie.0,addr=0x10,chassis=60,slot=60 --qemu -device --qemu nvme-subsys,id=sub0 --qemu -device --qemu nvme,serial=sriov,bus=rpv,subsys=sub0,max_ioqpairs=8,msix_qsize=9,sriov_max_vfs=2,sriov_vq_flexible=4,sriov_vi_flexible=2

# shellcheck disable=SC2154 # helpers.bash sets what is not set here
load helpers

setup_file() {
	load helpers
	load_all "$(find_pf)"
	connect "$(find_pf)"
	make_vfs
}

teardown_file() {
	load helpers
	echo tsm0 >"$pci/devices/$PF/tsm/disconnect"
	remove_vfs
	unload_all
}

setup() {
	for vf in "$VF0" "$VF1"; do
		mkdir "$configfs/$vf"
		assign "$vf"
		set_attr tdi_id 00:06.0 "$vf"
	done
}

teardown() {
	for vf in "$VF0" "$VF1"; do
		release "$vf"
		rmdir "$configfs/$vf"
	done
}

@test "the PF is the DSM of a VF, and the VF can be bound" {
	assert_equal "$(cat "$pci/devices/$VF0/tsm/dsm")" "$PF"
	run vfio-client "$VF0" open tsm-bind "sh:cat $debugfs/$VF0/state $debugfs/$PF/state $configfs/$VF0/tsm/tsm" \
		"sh:grep SR-IOV $debugfs/$VF0/regs" read:0:0:4 reset tsm-unbind read:0:0:4
	assert_line "tsm-bind OK"
	assert_line --index 1 CONFIG_LOCKED
	assert_line --index 2 CONFIG_UNLOCKED
	assert_line tsm0
	assert_line --partial "SR-IOV Control $PF"
	assert_line "reset EBUSY"
	assert_line "read:0:0:4 EBUSY"
	assert_line --regexp "^read:0:0:4 OK"
	assert_equal "$(sim violations "$VF0")" 0
}

@test "one VF's unbind leaves the other bound" {
	mkfifo "$BATS_TEST_TMPDIR/go"
	vfio-client "$VF1" open tsm-bind "sh:read x <$BATS_TEST_TMPDIR/go" &
	eventually bound attr state "$VF1"
	run vfio-client "$VF0" open tsm-bind tsm-unbind tsm-bind close
	refute_output --regexp ' E[A-Z]+$'
	assert_equal "$(attr state "$VF1")" bound
	assert_equal "$(sim state "$VF1")" CONFIG_LOCKED
	echo >"$BATS_TEST_TMPDIR/go"
	wait
	assert_equal "$(attr state "$VF1")" closed
	assert_equal "$(sim violations "$VF1")" 0
}

@test "a bind of a VF needs bus mastering of the VF, but no memory decode" {
	run vfio-client "$VF0" cdev kvm bind-iommufd ioas tsm-bind write:7:4:2:4 tsm-bind
	assert_equal "$(grep '^tsm-bind' <<<"$output")" "tsm-bind EHOSTDOWN
tsm-bind OK"
}

@test "a VF that goes away is absent; its policy stays" {
	set_attr region_mode shared "$VF1"
	echo 0 >"$pci/devices/$PF/sriov_numvfs"
	assert_equal "$(attr state "$VF1")" absent
	echo 2 >"$pci/devices/$PF/sriov_numvfs"
	assert_equal "$(attr state "$VF1")" unassigned
	assert_equal "$(attr region_mode "$VF1")" shared
}

@test "a reset of the PF is refused while a VF is bound" {
	# No reset before and after the bind: QEMU's VFs do not survive a reset of their PF.
	before=$(cat "$pci/devices/$PF/reset_method")
	run vfio-client "$VF0" open tsm-bind "sh:echo 1 >$pci/devices/$PF/reset || echo refused" \
		"sh:cat $debugfs/$VF0/state" tsm-unbind "sh:cat $pci/devices/$PF/reset_method"
	assert_line "tsm-bind OK"
	assert_line refused
	assert_line CONFIG_LOCKED
	assert_line "$before"
	assert_equal "$(sim violations "$VF0")" 0
}

@test "with two bound VFs, the PF's resets stay off until the last is unbound" {
	mkfifo "$BATS_TEST_TMPDIR/go"
	before=$(cat "$pci/devices/$PF/reset_method")
	vfio-client "$VF1" open tsm-bind "sh:read x <$BATS_TEST_TMPDIR/go" &
	eventually bound attr state "$VF1"
	vfio-client "$VF0" open tsm-bind close
	run cat "$pci/devices/$PF/reset_method"
	assert_output ""
	echo >"$BATS_TEST_TMPDIR/go"
	wait
	assert_equal "$(cat "$pci/devices/$PF/reset_method")" "$before"
}

# with_pf_open STEP...: has the PF on vfio-pci-tsm or on $pf_driver, open, because QEMU's VFs
# do not survive the reset of a close. Then it makes the VFs, binds VF0, and does the STEPs.
with_pf_open() {
	local script=$BATS_TEST_TMPDIR/script driver=${pf_driver:-vfio-pci-tsm} step
	release "$VF0"
	release "$VF1"
	echo 0 >"$pci/devices/$PF/sriov_numvfs"
	echo 1 >"/sys/module/${driver//-/_}/parameters/enable_sriov"
	assign "$PF" "$driver"
	{
		echo "echo 2 >$pci/devices/$PF/sriov_numvfs"
		# vfio-pci binds to the VFs of its own PFs by itself.
		echo "[ ! -e $pci/devices/$VF0/driver ] || echo $VF0 >$pci/devices/$VF0/driver/unbind"
		echo "echo vfio-pci-tsm >$pci/devices/$VF0/driver_override"
		echo "echo $VF0 >$pci/drivers_probe"
		printf 'vfio-client %s cdev kvm bind-iommufd:1 ioas enable tsm-bind' "$VF0"
		for step in "$@"; do printf " '%s'" "$step"; done
		printf '\ncat %s\n' "$debugfs/$VF0/violations"
		echo "echo 0 >$pci/devices/$PF/sriov_numvfs"
	} >"$script"
	run vfio-client "$PF" cdev bind-iommufd vf-token "sh:sh $script" close
	BLOCKED=$(blocked sriov "$PF" 2>/dev/null) || true
	release "$PF"
	echo "$PF" >"$pci/drivers_probe"
	echo 2 >"$pci/devices/$PF/sriov_numvfs"
}

@test "SR-IOV of the PF cannot be disabled or resized while a VF is bound" {
	try="grep -q bound $pci/devices/$VF0/vfio_tsm/state && { echo 0 >$pci/devices/$PF/sriov_numvfs || echo refused; }"
	with_pf_open "sh:$try" "sh:echo 1 >$pci/devices/$PF/sriov_numvfs || echo refused" \
		"sh:cat $debugfs/$VF0/state $pci/devices/$PF/sriov_numvfs"
	assert_line "tsm-bind OK"
	assert_equal "$(grep -c '^refused' <<<"$output")" 2
	assert_line CONFIG_LOCKED
	assert_line 2
	assert_line 0
	# The kernel itself refuses a change from 2 VFs to 1, without a call of the driver.
	assert_equal "$BLOCKED" 1
}

@test "a reset of the PF that root forces first unbinds its VFs" {
	with_pf_open "sh:echo flr >$pci/devices/$PF/reset_method; echo 1 >$pci/devices/$PF/reset" \
		"sh:cd $pci/devices/$VF0/vfio_tsm && cat state last_unbind"
	echo default >"$pci/devices/$PF/reset_method"
	assert_line "tsm-bind OK"
	assert_output --partial "lost
reset"
	assert_line 0
}

@test "an error on the way to the PF that is not fatal does not end a VF's TDI" {
	dmesg --clear
	with_pf_open "sh:$top/tests/bed/monitor pcie_aer_inject_error rpv COMP_ABORT" \
		"sh:until dmesg | grep -q device.recovery; do :; done" \
		"sh:cat $pci/devices/$VF0/vfio_tsm/state" tsm-unbind tsm-bind
	assert_line bound
	assert_equal "$(answers tsm-bind)" "OK OK"
	assert_line 0
}

@test "SR-IOV cannot be enabled on a PF that is bound itself" {
	release "$VF0"
	release "$VF1"
	echo 0 >"$pci/devices/$PF/sriov_numvfs"
	echo 1 >/sys/module/vfio_pci_tsm/parameters/enable_sriov
	assign "$PF"
	mkdir "$configfs/$PF"
	set_attr tdi_id 00:07.0 "$PF"
	run vfio-client "$PF" open tsm-bind "sh:echo 2 >$pci/devices/$PF/sriov_numvfs || echo refused" \
		"sh:cat $debugfs/$PF/state" tsm-unbind \
		"sh:echo 2 >$pci/devices/$PF/sriov_numvfs && echo after; echo 0 >$pci/devices/$PF/sriov_numvfs"
	count=$(blocked sriov "$PF")
	release "$PF"
	rmdir "$configfs/$PF"
	echo "$PF" >"$pci/drivers_probe"
	echo 2 >"$pci/devices/$PF/sriov_numvfs"
	assert_line "tsm-bind OK"
	assert_line refused
	assert_line CONFIG_LOCKED
	assert_line after
	assert_equal "$count" 1
	assert_equal "$(sim violations "$PF")" 0
}

@test "assign refuses a PF that has VFs" {
	for args in "assign $PF" "assign --dry-run $PF"; do
		# shellcheck disable=SC2086
		run -6 tsmctl $args
		assert_output --partial "$PF: the host uses it: it has 2 virtual functions"
	done
	assert_equal "$(basename "$(readlink "$pci/devices/$PF/driver")")" nvme
	assert_equal "$(cat "$pci/devices/$PF/sriov_numvfs")" 2
}

@test "a bind of a VF is refused while another VFIO driver has the PF, on which the VF depends" {
	modprobe vfio-pci
	pf_driver=vfio-pci with_pf_open "sh:cat $configfs/$VF0/tsm/last_error"
	assert_line "tsm-bind EBUSY"
	assert_line "-16 group"
}
