# SPDX-License-Identifier: GPL-2.0-or-later
# A cross build to arm64: programs, library, pages and modules, and nothing that was built runs.
# long: everything is compiled once more, for another architecture

load helpers
cross=aarch64-linux-gnu-

setup() {
	command -v ${cross}gcc >/dev/null || skip "no ${cross}gcc: tests/install-deps long installs it"
}

# get WHAT: sets directory, or skips the test
get() {
	local status=0
	directory=$("$top/tests/bed/arm64" "$1" 2>"$BATS_TEST_TMPDIR/err") || status=$?
	[ $status -ne 3 ] || skip "$(tail -n 1 "$BATS_TEST_TMPDIR/err")"
	[ $status -eq 0 ] || { cat "$BATS_TEST_TMPDIR/err"; return 1; }
}

# is_arm64 FILE...
is_arm64() {
	local file
	for file; do
		run -0 env LC_ALL=C ${cross}readelf -h "$file"
		assert_output --regexp 'Machine: +AArch64'
	done
}

@test "arm64: a cross build makes programs, library and pages without a warning" {
	get sysroot
	out=$BATS_TEST_TMPDIR/out
	for dir in cli lib; do
		run -0 make -C "$top/$dir" O="$out" CC="${cross}gcc --sysroot=$directory" CFLAGS='-O2 -g -Werror'
	done
	is_arm64 "$out"/bin/* "$out/lib/libtsmbind.so.0" "$out/lib/tsmbind.o"
	# The archive has an index of the symbols.
	run -0 ${cross}nm -s "$out/lib/libtsmbind.a"
	assert_output --partial 'tsmbind_bind in tsmbind.o'
	# The pages are those of a build for this machine.
	run -0 make -s -C "$top" all O="$BATS_TEST_TMPDIR/native"
	run -0 diff -r -x 'tables*' "$BATS_TEST_TMPDIR/native/man" "$out/man"
	run -0 diff "$BATS_TEST_TMPDIR/native/man/tables" "$out/man/tables"
}

@test "arm64: CROSS_COMPILE names the compiler and ar" {
	run -0 make -n -C "$top/cli" O="$BATS_TEST_TMPDIR" V=1 CROSS_COMPILE=$cross
	assert_line --regexp "^${cross}gcc .*-o $BATS_TEST_TMPDIR/bin/tsmctl "
	refute_line --regexp "^gcc |^cc .*-c "
	run -0 make -n -C "$top/lib" O="$BATS_TEST_TMPDIR" V=1 CROSS_COMPILE=$cross
	assert_line --regexp "&& .*aarch64-linux-gnu.*ar rcs $BATS_TEST_TMPDIR/lib/libtsmbind.a"
}

@test "arm64: the modules compile without a warning" {
	get headers
	out=$BATS_TEST_TMPDIR/out
	# Without the last step: modpost of the package needs the C library of Debian 13, and would
	# not find the symbols of PCI/TSM.
	run -0 make -s -C "$directory" M="$top" MO="$out" ARCH=arm64 CROSS_COMPILE=$cross \
		configfs/ kernel/ kernel/sim/
	refute_output --regexp '\.[ch]:[0-9].* warning:'
	is_arm64 "$out"/configfs/vfio_tsm.o "$out"/kernel/vfio_pci_tsm.o "$out"/kernel/sim/tsm_sim.o
}
