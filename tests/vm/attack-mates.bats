# SPDX-License-Identifier: GPL-2.0-or-later
# The attack program on a VF that shares its PF, slot and bus with another VF. While the
# victim is bound, which is all the time, every reset that would also reset it is tried all
# the time. In QEMU the PF does not survive such a reset, so it is left out without a bind.
# vm: --nvme 0 --cpus 2 --qemu -device --qemu pcie-root-port,id=rpv,bus=pcie.0,addr=0x10,chassis=60,slot=60 --qemu -device --qemu nvme-subsys,id=sub0 --qemu -device --qemu nvme,serial=sriov,bus=rpv,subsys=sub0,max_ioqpairs=8,msix_qsize=9,sriov_max_vfs=2,sriov_vq_flexible=4,sriov_vi_flexible=2
# long: random operations for minutes
# kernels: debug

# shellcheck disable=SC2154 # helpers.bash sets what is not set here
load helpers

setup_file() {
	load helpers
	PF=$(find_pf)
	load_all "$PF"
	modprobe -a other_bind reset_flags
	load_nvme "$PF"
	echo 0 >"$pci/devices/$PF/sriov_drivers_autoprobe"
	export PF
}

teardown_file() {
	load helpers
	modprobe -r other_bind reset_flags nvme
	unload_all
}

setup() {
	connect "$PF"
	echo 2 >"$pci/devices/$PF/sriov_numvfs"
	VF0=$(basename "$(readlink -f "$pci/devices/$PF/virtfn0")")
	VF1=$(basename "$(readlink -f "$pci/devices/$PF/virtfn1")")
	mkdir -p "$configfs/$VF0"
	assign "$VF0"
	assign "$VF1"
	set_attr tdi_id 00:06.0 "$VF0"
}

teardown() {
	kill_holders
	release "$VF0"
	release "$VF1"
	echo 0 >"$pci/devices/$PF/sriov_numvfs"
	echo tsm0 >"$pci/devices/$PF/tsm/disconnect"
	rmdir "$configfs/$VF0"
}

# attack OPTION...: attacks VF0, with VF1 as its sibling
attack() { vfio-attack --seconds "${TSMCTL_ATTACK_SECONDS:-60}" "$@" "$VF0" "$VF1"; }

shared() {
	assert_line "mate $PF: slot bus pf dsm"
	assert_line "mate $VF1: slot bus pf dsm"
}

@test "while a VF is bound, every reset of its slot, bus and PF is refused" {
	run attack --bound --until mate-bus-reset=ENOTTY,mate-reset=ENOTTY,mate-reset=OK
	assert_success
	shared
	assert_line --partial ", no violation"
	echo "# ${lines[0]}" >&3
}

# QEMU's VFs have a Memory Space Enable that can be written. The simulated TSM expects it to
# stay as it was at the bind, but a VF does not depend on it: so no writes to Command.
@test "everything else, with binds by another module, causes no violation" {
	run attack --without config,bar-from-bar,bridge-reset,hot-reset,sibling-hot-reset,mate-reset,mate-bus-reset \
		--until foreign-bind=OK,foreign-unbind=OK
	assert_success
	shared
	assert_line --partial ", no violation"
	echo "# ${lines[0]}" >&3
}
