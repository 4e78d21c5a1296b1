# SPDX-License-Identifier: GPL-2.0-or-later
# Debian 12 and 13: what README promises is true on the release that this machine does
# not have. The kernel is this machine's, from the cache.

load helpers

# a copy of the project without the build directory
setup_file() {
	local status=0
	export copy=$BATS_FILE_TMPDIR/copy
	mkdir "$copy"
	(cd "$top" && tar -c --exclude=./build --exclude=./.git .) | tar -x -C "$copy"
	# Files that are built there belong to root. This directory belongs to us, for the modules.
	mkdir -p "$copy/build/vm"
	"$top/tests/bed/other-release" "$copy" true 2>"$BATS_FILE_TMPDIR/err" || status=$?
	unavailable=
	[ $status -ne 125 ] || unavailable=$(tail -n 1 "$BATS_FILE_TMPDIR/err")
	export unavailable
	[ $status -eq 0 ] || [ $status -eq 125 ]
}

# bats cannot remove files that belong to root.
teardown_file() { [ -n "${unavailable:-}" ] || there find /mnt -mindepth 1 -delete; }

setup() {
	[ -z "${unavailable:-}" ] || [ -n "${CI:-}" ] || skip "$unavailable"
}

there() { "$top/tests/bed/other-release" "$copy" "$@"; }

@test "other release: make builds the programs without a warning, and make install installs them" {
	run -0 there sh -c 'make 2>&1 && make install DESTDIR=/mnt/dest 2>&1'
	refute_output --partial warning
	run -0 there sh -c '/mnt/dest/usr/local/*bin/tsmctl --version'
	assert_output --partial tsmctl
	[ -s "$copy/dest/usr/local/share/man/man8/tsmctl.8" ]
	[ -s "$copy/dest/usr/local/include/linux/vfio_tsm.h" ]
}

@test "other release: the demo's virtual machine runs the session to its end" {
	local image='' modules='' release='' build=''
	eval "$("$top/tests/bed/find-kernel" "${TSMCTL_KERNEL:-normal}")"
	"$top/tests/bed/stage-modules" "${TSMCTL_KERNEL:-normal}"
	cp -r "$top/build/vm/${TSMCTL_KERNEL:-normal}" "$copy/build/vm/$release"
	run -0 there sh -c "make && make -C tests/tools/vmm && tests/vm/run --cpus 1 --kernel '$build' -- tests/vm/demo"
	assert_line "# Done"
	assert_line --partial "state bound (was closed)"
}
