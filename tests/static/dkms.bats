#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2154
# DKMS builds the modules from the files of "make install", for the kernel that KDIR=DIR
# in the environment names. This machine's own DKMS is not touched.
bats_require_minimum_version 1.5.0

export BATS_LIB_PATH=${BATS_LIB_PATH:-/usr/lib/bats}
bats_load_library bats-support
bats_load_library bats-assert

setup() {
	PATH=$PATH:/usr/sbin:/sbin
	top=$BATS_TEST_DIRNAME/../..
	tmp=$BATS_TEST_TMPDIR
	[ -n "${KDIR:-}" ] || fail "KDIR is not set to the build directory of a kernel"
	release=$(cat "$KDIR/include/config/kernel.release")
	mkdir -p "$tmp/tree" "$tmp/src" "$tmp/lib/$release"
	# The programs are not needed.
	mkdir "$tmp/bin"
	touch "$tmp"/bin/{tsmctl,tsm-bind-helper}
	"${MAKE:-make}" -s -C "$top/cli" -o all install O="$tmp" verb_pages= DESTDIR="$tmp/root"
	source=$(echo "$tmp/root/usr/local/src"/tsmctl-*)
	version=$(sed -n 's/^PACKAGE_VERSION="\(.*\)"$/\1/p' "$source/dkms.conf")
}

# dkms 3.2 works for root alone, though it writes only into the directories that it is given.
run_dkms() {
	run fakeroot dkms "$@" --no-depmod -k "$release" -a "$(uname -m)" --kernelsourcedir "$KDIR" \
		--dkmstree "$tmp/tree" --sourcetree "$tmp/src" --installtree "$tmp/lib"
}

machine() { ls -lR /var/lib/dkms /usr/src 2> /dev/null; }

@test "dkms: builds and installs the modules for the given kernel, and removes them" {
	command -v dkms > /dev/null || skip "no dkms"
	before=$(machine)
	[ "$release" != "$(uname -r)" ] || skip "this is the running kernel"
	run_dkms install "$source"
	[ "$status" -eq 0 ] || {
		cat "$tmp"/tree/tsmctl/*/build/make.log
		fail "$output"
	}
	for module in vfio_tsm vfio_pci_tsm tsm_sim; do
		file=$(find "$tmp/lib/$release" -name "$module.ko*")
		[ -n "$file" ] || fail "no $module: $(find "$tmp/lib")"
		run modinfo -F vermagic "$file"
		assert_output --partial "$release "
		run modinfo -F version "$file"
		assert_output "$version"
	done
	assert_equal "$(find "$tmp/lib" -name '*.ko*' | wc -l)" 3
	# It has not written into the sources.
	run find "$source" "$tmp/src" -name '*.o' -o -name '*.ko' -o -name 'Module.symvers'
	assert_output ""
	run_dkms remove "tsmctl/$version"
	assert_success
	assert_equal "$(find "$tmp/lib" -name '*.ko*')" ""
	assert_equal "$(machine)" "$before"
}
