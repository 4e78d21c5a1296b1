# SPDX-License-Identifier: GPL-2.0-or-later
# The kernel's own tests of iommufd, on mock devices: with kernel/patches as without.
# vm: --mem 3072
# kernels: debug normal

# shellcheck disable=SC2154 # helpers.bash sets what is not set here
load helpers

setup_file() {
	load helpers
	modprobe iommufd
	# For the variants with huge pages
	echo 32 >/proc/sys/vm/nr_hugepages
}
teardown_file() {
	echo 0 >/proc/sys/vm/nr_hugepages
	modprobe -r iommufd
}

# selftest NAME: all pass; those that skip themselves are counted
selftest() {
	run "$top/build/selftests/$(uname -r)/$1"
	grep '^not ok\|# .*:.*:.*Expected\|^# Totals' <<<"$output" || true
	assert_success
	assert_line --regexp '^# Totals: pass:[1-9][0-9]* fail:0 xfail:0 xpass:0 skip:'
	echo "# $(grep '^# Totals' <<<"$output")" >&3
}

@test "iommufd" { selftest iommufd; }

@test "iommufd_fail_nth: each allocation failing in turn" {
	[ -e /sys/kernel/debug/failslab ] || skip "needs CONFIG_FAILSLAB, which the debug kernel has"
	selftest iommufd_fail_nth
}
