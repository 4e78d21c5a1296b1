# SPDX-License-Identifier: GPL-2.0-or-later
# The attack of attack.bats with seeds that are new each time, for
# $TSMCTL_ATTACK_SECONDS seconds each (60 by default).
# vm: --nvme 0 --cpus 2 --qemu -device --qemu pcie-root-port,id=rpa,bus=pcie.0,addr=0x10,chassis=60,slot=60 --qemu -device --qemu nvme,serial=victim,bus=rpa,addr=0.0,multifunction=on --qemu -device --qemu nvme,serial=sibling,bus=rpa,addr=0.1
# long: random operations for minutes
# kernels: debug

# shellcheck disable=SC2154 # helpers.bash sets what is not set here
load helpers

setup_file() { load helpers; load_all; modprobe -a other_bind reset_flags; }
teardown_file() { load helpers; modprobe -r other_bind reset_flags; unload_all; }

setup() {
	dev=0000:02:00.0
	sibling=0000:02:00.1
	prepare "$dev"
	assign "$sibling"
}
teardown() { cleanup "$sibling"; }

# attack OPTION...: attacks the device, with its sibling
attack() { vfio-attack "$@" "$dev" "$sibling"; }

new_seed() {
	run attack --seconds "${TSMCTL_ATTACK_SECONDS:-60}"
	assert_success
	assert_line --partial ", no violation"
	echo "# ${lines[0]}" >&3
}

@test "a new seed finds no fault" { new_seed; }
@test "a second new seed finds no fault" { new_seed; }
@test "a third new seed finds no fault" { new_seed; }
@test "a fourth new seed finds no fault" { new_seed; }
