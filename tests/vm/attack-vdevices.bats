# SPDX-License-Identifier: GPL-2.0-or-later
# The attack program on an IOMMU that has vIOMMUs: binds by vDEVICE, while nest
# parents, vIOMMUs and vDEVICEs are made, destroyed and closed in every order.
# vm: --iommu amd --nvme 2 --cpus 2
# long: random operations for a minute and a half
# kernels: debug

# shellcheck disable=SC2154 # helpers.bash sets what is not set here
load helpers

setup_file() { load helpers; load_all; }
teardown_file() { load helpers; unload_all; }

setup() {
	can_find_vdevices || skip "this kernel has no kernel/patches"
	prepare "$dev"
	assign "$sibling"
}
teardown() { cleanup "$sibling"; }

sibling=0000:02:00.0


@test "vDEVICEs in any order, with opens, closes, binds and unbinds, cause no violation" {
	run vfio-attack --only vdevices,lifecycle,host --seed 4 --seconds 60 --until \
		vdevice-make=OK,bind-vdevice=OK,iommufd-destroy=OK,iommufd-destroy=EBUSY \
		"$dev" "$sibling"
	assert_success
	assert_line --partial ", no violation"
}

@test "vDEVICEs with everything else cause no violation" {
	run vfio-attack --seconds 30 "$dev" "$sibling"
	assert_success
	echo "# ${lines[0]}" >&3
}
