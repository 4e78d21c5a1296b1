# SPDX-License-Identifier: GPL-2.0-or-later
# The selftest of PCI/TSM that is offered to the kernel, on the software TSM of this project.

# shellcheck disable=SC2154 # helpers.bash sets what is not set here
load helpers

setup() {
	cp -r "$top/kernel/patches/selftests/pci_tsm" "$BATS_TEST_TMPDIR"
	ln -s "/lib/modules/$(uname -r)/build/source/tools/testing/selftests/kselftest" "$BATS_TEST_TMPDIR"
	# The test bed has its module under another name.
	export BIND=other_bind
}

@test "the selftest of PCI/TSM passes, and leaves no module and no connection" {
	modules=$(cut -d ' ' -f 1 /proc/modules)
	DEVICE=$dev run -0 "$BATS_TEST_TMPDIR/pci_tsm/tsm_sim.sh"
	assert_line --regexp '^# Totals: pass:[1-9][0-9]+ fail:0 xfail:0 xpass:0 skip:0 error:0$'
	assert_equal "$(cut -d ' ' -f 1 /proc/modules)" "$modules"
	[ ! -e "$pci/devices/$dev/tsm" ]
}

@test "the selftest of PCI/TSM is skipped, with the reason, if its function is not there" {
	DEVICE=0000:7f:00.0 run -4 "$BATS_TEST_TMPDIR/pci_tsm/tsm_sim.sh"
	assert_line --partial "1..0 # SKIP "
}
