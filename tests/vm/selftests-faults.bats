# SPDX-License-Identifier: GPL-2.0-or-later
# The kernel's own test of iommufd with each allocation failing in turn.
# vm: --mem 3072
# by hand: its mock devices leak when an allocation fails (iommu_mock_device_add(), kmemleak)

# shellcheck disable=SC2154 # helpers.bash sets what is not set here
load helpers

setup_file() { modprobe iommufd; }
teardown_file() { modprobe -r iommufd; }

@test "the kernel's own iommufd_fail_nth passes" {
	[ -e /sys/kernel/debug/failslab ] || skip "needs CONFIG_FAILSLAB, which the debug kernel has"
	run "$top/build/selftests/$(uname -r)/iommu/iommufd_fail_nth"
	assert_line --regexp '^# Totals: pass:[1-9][0-9]* fail:0 xfail:0 xpass:0 skip:0 error:0$'
}
