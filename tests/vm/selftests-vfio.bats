# SPDX-License-Identifier: GPL-2.0-or-later
# The kernel's own tests of VFIO, with iommufd and with the type 1 container: each has the
# same verdict on vfio-pci-tsm as on vfio-pci.
# vm: --mem 3072
# long: the tests are the kernel's own
# kernels: debug

# shellcheck disable=SC2154 # helpers.bash sets what is not set here
load helpers

setup_file() {
	load helpers
	load_all
	modprobe -a vfio-pci vfio_iommu_type1
	# for the variants with huge pages
	echo 64 >/proc/sys/vm/nr_hugepages
}
teardown_file() {
	load helpers
	echo 0 >/proc/sys/vm/nr_hugepages
	modprobe -r vfio-pci vfio_iommu_type1
	unload_all
	# It uses iommufd, which the next file removes.
	modprobe -r vfio
}
teardown() { cleanup; }

# verdicts PROGRAM DRIVER: the cases that PROGRAM passes, fails and skips on DRIVER
verdicts() {
	assign "$dev" "$2"
	"$top/build/selftests/$(uname -r)/vfio/$1" "$dev" >"$BATS_TEST_TMPDIR/$2.log" 2>&1 || true
	grep -E '^(not )?ok ' "$BATS_TEST_TMPDIR/$2.log" >"$BATS_TEST_TMPDIR/$2" || true
	release "$dev"
}

same_verdicts() {
	verdicts "$1" vfio-pci
	verdicts "$1" vfio-pci-tsm
	echo "# $1: $(grep -c '^ok' "$BATS_TEST_TMPDIR/vfio-pci-tsm") ok, $(grep -c SKIP "$BATS_TEST_TMPDIR/vfio-pci-tsm") of them skipped" >&3
	diff "$BATS_TEST_TMPDIR/vfio-pci" "$BATS_TEST_TMPDIR/vfio-pci-tsm" ||
		{ tail -n 50 "$BATS_TEST_TMPDIR/vfio-pci-tsm.log"; return 1; }
	grep -vq SKIP "$BATS_TEST_TMPDIR/vfio-pci-tsm"
}

@test "vfio_pci_device_test has the same verdicts as on vfio-pci" { same_verdicts vfio_pci_device_test; }
@test "vfio_dma_mapping_test has the same verdicts as on vfio-pci" { same_verdicts vfio_dma_mapping_test; }
@test "vfio_dma_mapping_mmio_test has the same verdicts as on vfio-pci" { same_verdicts vfio_dma_mapping_mmio_test; }
@test "vfio_iommufd_setup_test has the same verdicts as on vfio-pci" { same_verdicts vfio_iommufd_setup_test; }
