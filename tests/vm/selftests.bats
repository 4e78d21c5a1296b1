# SPDX-License-Identifier: GPL-2.0-or-later
# The kernel's own tests of iommufd, on mock devices, with kernel/patches applied.
# vm: --mem 3072
# long: the tests are the kernel's own
# kernels: debug

# shellcheck disable=SC2154 # helpers.bash sets what is not set here
load helpers

setup_file() {
	load helpers
	modprobe iommufd
	# for the variants with huge pages
	echo 192 >/proc/sys/vm/nr_hugepages
}
teardown_file() {
	echo 0 >/proc/sys/vm/nr_hugepages
	modprobe -r iommufd
}

# In 7.3 the kernel's side of these returns 0 where its user expects a file descriptor
# (iommufd_test_dmabuf_get() in drivers/iommu/iommufd/selftest.c).
broken_upstream='\.dmabuf_(simple|revoke)$'

@test "all of the kernel's own tests of iommufd pass, except those that are broken upstream" {
	"$top/build/selftests/$(uname -r)/iommu/iommufd" >"$BATS_TEST_TMPDIR/log" 2>&1 || true
	run grep '^# Totals' "$BATS_TEST_TMPDIR/log"
	assert_line --regexp '^# Totals: pass:[1-9][0-9]+ fail:[0-9]+ xfail:0 xpass:0 skip:[0-9]+ error:0$'
	echo "$output" >&3
	run grep -E '^not ok' "$BATS_TEST_TMPDIR/log"
	run grep -vE "$broken_upstream" <<<"$output"
	[ -z "$output" ] || tail -n 100 "$BATS_TEST_TMPDIR/log"
	assert_output ""
}
