# SPDX-License-Identifier: GPL-2.0-or-later
# tests/bed/find-kernel chooses a kernel, and the virtual machine runs a packaged one. A
# package with the kernel of the test bed is used instead of a distribution's.

load helpers
PATH=$PATH:/usr/sbin:/sbin

setup() {
	root=$BATS_TEST_TMPDIR/root
	export TSMCTL_BOOT=$root/boot
	mkdir -p "$TSMCTL_BOOT"
}

teardown() {
	# Each run makes another package, so the cache has no use for it.
	[ ! -f "${deb:-}" ] || rm -rf \
		"${TSMCTL_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/tsmctl}/packaged/$(sha256sum <"$deb" | cut -c1-12)"
}

# find_kernel KERNEL: prints its parts; standard error has the reason
find_kernel() { run --separate-stderr "$top/tests/bed/find-kernel" "$@"; }

# a_kernel RELEASE [OPTION=VALUE]...: makes a kernel as a package installs it. It has every
# option as a module, except the given ones, which have their VALUE.
a_kernel() {
	local release=$1 build=$root/lib/modules/$1/build option
	shift
	mkdir -p "$build/include/config"
	touch "$TSMCTL_BOOT/vmlinuz-$release" "$root/lib/modules/$release/modules.dep"
	echo "$release" >"$build/include/config/kernel.release"
	sed -n 's/^\(CONFIG_.*\)=y$/\1=m/p' "$top/tests/bed/config/needed.config" \
		>"$TSMCTL_BOOT/config-$release"
	for option; do
		sed -i "/^CONFIG_${option%%=*}=/d" "$TSMCTL_BOOT/config-$release"
		[ "${option#*=}" = n ] || echo "CONFIG_$option" >>"$TSMCTL_BOOT/config-$release"
	done
}

@test "kernel: an installed kernel with every option is found with its parts" {
	a_kernel 7.3.9-generic
	find_kernel installed
	assert_success
	assert_line "image=$root/boot/vmlinuz-7.3.9-generic"
	assert_line "config=$root/boot/config-7.3.9-generic"
	assert_line "release=7.3.9-generic"
	assert_line "modules=$root/lib/modules"
	assert_line "build=$root/lib/modules/7.3.9-generic/build"
}

@test "kernel: the newest kernel that can be used is chosen, and newer ones are listed with the reason" {
	a_kernel 7.3.2-a
	a_kernel 7.3.10-b
	a_kernel 7.3.11-c IOMMUFD=n
	a_kernel 7.4.0-d
	find_kernel installed
	assert_success
	assert_line "release=7.3.10-b"
	assert_equal "$stderr" "find-kernel: the installed kernel 7.3.10-b is used (7.4.0-d: it is not Linux 7.0 or 7.2 or 7.3; 7.3.11-c: its configuration lacks CONFIG_IOMMUFD)"
}

@test "kernel: if none can be used, one line has the reasons, and the test bed's kernel is chosen" {
	a_kernel 7.3.1-a VFIO_DEVICE_CDEV=n
	a_kernel 6.12.0-b
	a_kernel 7.3.2-c
	rm -r "$root/lib/modules/7.3.2-c/build"
	a_kernel 7.3.3-d
	rm -r "$root/lib/modules/7.3.3-d"
	# With LINUX_SRC nothing is downloaded.
	LINUX_SRC=$root find_kernel --choose
	assert_success
	assert_output normal
	[[ ${stderr_lines[0]} = *"7.3.1-a: its configuration lacks CONFIG_VFIO_DEVICE_CDEV"* ]]
	[[ ${stderr_lines[0]} = *"6.12.0-b: it is not Linux 7.0 or 7.2 or 7.3"* ]]
	[[ ${stderr_lines[0]} = *"7.3.2-c: its headers are not installed"* ]]
	[[ ${stderr_lines[0]} = *"7.3.3-d: its modules are not installed"* ]]
}

@test "kernel: the choice is reported in one line" {
	a_kernel 7.3.9-generic
	find_kernel --choose
	assert_success
	assert_output installed
	assert_equal "${#stderr_lines[@]}" 1
	[[ $stderr = *7.3.9-generic* ]]
}

@test "kernel: an image that lacks an option is refused with the name of the option" {
	a_kernel 7.3.9-x PCI_TSM=n
	find_kernel "$TSMCTL_BOOT/vmlinuz-7.3.9-x"
	assert_failure
	[[ $stderr = *"vmlinuz-7.3.9-x cannot be used: its configuration lacks CONFIG_PCI_TSM" ]]
	run -125 "$top/tests/vm/run" --kernel "$TSMCTL_BOOT/vmlinuz-7.3.9-x" -- true
	assert_output --partial "lacks CONFIG_PCI_TSM"
}

@test "kernel: something that is not a kernel is refused in one line" {
	local name
	a_kernel 7.3.9-x
	cp "$TSMCTL_BOOT/vmlinuz-7.3.9-x" "$BATS_TEST_TMPDIR/bzImage"
	touch "$TSMCTL_BOOT/vmlinuz-7.3.8-y"
	for name in nonsense "$BATS_TEST_TMPDIR/none.deb" "$BATS_TEST_TMPDIR/bzImage" "$root" "$BATS_TEST_TMPDIR"; do
		find_kernel "$name"
		assert_failure
		assert_output ""
		assert_equal "${#stderr_lines[@]}" 1
	done
}

@test "kernel: packages that complete-kernel needs are installed before it runs" {
	local tests=$BATS_TEST_TMPDIR/tests name
	mkdir -p "$tests/bed/config"
	cp "$top"/tests/bed/{find-kernel,apt.bash} "$tests/bed"
	cp "$top/kernels.mk" "$BATS_TEST_TMPDIR"
	cp "$top/tests/bed/config/needed.config" "$tests/bed/config"
	for name in install-deps bed/complete-kernel; do
		printf '#!/bin/sh\necho "%s $*" >>"%s/called"\n' "${name##*/}" "$tests" >"$tests/$name"
		chmod +x "$tests/$name"
	done
	run -0 --separate-stderr env -u LINUX_SRC "$tests/bed/find-kernel" --choose
	assert_output debian
	assert_equal "${stderr_lines[-1]}" "find-kernel: Debian's kernel, with the modules that it lacks, is used"
	run -0 cat "$tests/called"
	assert_output "install-deps kernel
complete-kernel "
}

# package: packages the test bed's normal kernel as a distribution does; sets $deb, $release
package() {
	local image='' config='' modules='' build=''
	eval "$("$top/tests/bed/find-kernel" normal)"
	root=$BATS_TEST_TMPDIR/package deb=$BATS_TEST_TMPDIR/linux-image.deb
	mkdir -p "$root"/{boot,lib/modules,DEBIAN}
	cp "$image" "$root/boot/vmlinuz-$release"
	cp "$config" "$root/boot/config-$release"
	cp -r "$modules/$release" "$root/lib/modules/"
	# Packages have the headers here: the link is right once they are installed.
	rm -f "$root/lib/modules/$release"/{build,source}
	mkdir -p "$root/usr/src"
	ln -s "$build" "$root/usr/src/linux-headers-$release"
	ln -s "/usr/src/linux-headers-$release" "$root/lib/modules/$release/build"
	printf '%s: %s\n' Package linux-image Version 1 Architecture all \
		Maintainer nobody Description stand-in >"$root/DEBIAN/control"
	dpkg-deb --root-owner-group -b "$root" "$deb" >/dev/null
}

@test "kernel: the VM runs a packaged kernel, with our modules built for it" {
	export TSMCTL_KEEP=$BATS_TEST_TMPDIR/keep
	package
	mkdir -p "$top/build/vm"
	touch "$top/build/vm/initrd-gone"
	rm -f "$top/build/vm/initrd-gone.for"
	ln -s "$BATS_TEST_TMPDIR/gone" "$top/build/vm/initrd-gone.for"
	"$top/tests/bed/stage-modules" "$deb"
	run -0 "$top/tests/vm/run" --cpus 1 --kernel "$deb" -- sh -c 'uname -r && modprobe vfio_pci_tsm && ls /sys/bus/pci/drivers'
	assert_line "$release"
	assert_line vfio-pci-tsm
	# A new initrd removes those of kernels that are gone.
	assert_equal "$(find "$top/build/vm" -name 'initrd-gone*')" ""
}

# fake_apt VERSION...: puts an apt first in PATH whose suite has only these versions of the
# kernel's source. The file "downloaded" lists what it downloads, into an empty cache.
fake_apt() {
	local bin=$BATS_TEST_TMPDIR/bin made series version
	export TSMCTL_CACHE=$BATS_TEST_TMPDIR/cache
	mkdir -p "$bin" "$BATS_TEST_TMPDIR/packages"
	for version; do
		series=${version%.*} made=$BATS_TEST_TMPDIR/made/$version
		mkdir -p "$made"/{DEBIAN,usr/src} "$root/linux-source-$series"
		echo VERSION = 7 >"$root/linux-source-$series/Makefile"
		tar -C "$root" -cJf "$made/usr/src/linux-source-$series.tar.xz" "linux-source-$series"
		printf '%s: %s\n' Package "linux-source-$series" Version "$version" Architecture all \
			Maintainer nobody Description stand-in >"$made/DEBIAN/control"
		dpkg-deb --root-owner-group -b "$made" "$BATS_TEST_TMPDIR/packages" >/dev/null
	done
	cat >"$bin/apt-get" <<-END
		#!/bin/sh
		case "\$*" in
		*indextargets*) echo http://127.0.0.1 main trixie stable ;;
		*download*) echo "\${*##* }" >>"$BATS_TEST_TMPDIR/downloaded"
			package=\${*##* } && cp "$BATS_TEST_TMPDIR/packages/\${package%%=*}"_*.deb . ;;
		esac
	END
	cat >"$bin/apt-cache" <<-END
		#!/bin/sh
		version=\$(ls "$BATS_TEST_TMPDIR/packages" | sed -n "s/^\${*##* }_\(.*\)_all.deb/\1/p")
		[ -n "\$version" ] || { echo "E: No packages found" >&2; exit 100; }
		echo "Version: \$version"
	END
	chmod +x "$bin"/*
	PATH=$bin:$PATH
}

@test "kernel: the source that was downloaded to complete Debian's kernel is not downloaded again" {
	fake_apt 7.3.9-1
	# the same as in complete-kernel
	run -0 bash -ec ". '$top/tests/bed/apt.bash'; download_source packaged 7.3 7.3.9-1; source_package 7.3.9-1"
	assert [ -f "$output" ]
	run -0 --separate-stderr env -u LINUX_SRC "$top/tests/bed/build-kernel" --source
	assert_output "$TSMCTL_CACHE/linux/7.3.9"
	assert [ -f "$output/Makefile" ]
	assert_equal "$(cat "$BATS_TEST_TMPDIR/downloaded")" "linux-source-7.3=7.3.9-1"
	assert_equal "$(ls "$TSMCTL_CACHE/packages")" ""
}

# source_of VARIANT [VARIABLE=VALUE]: prints the source directory of this kernel
source_of() {
	run --separate-stderr env -u LINUX_SRC -u LINUX_TREES "${@:2}" "$top/tests/bed/build-kernel" --source "$1"
}

@test "kernel: the oldest kernel is that of the oldest series that Debian has, beside the newest" {
	fake_apt 7.2.10-1 7.3.9-1
	source_of oldest
	assert_output "$TSMCTL_CACHE/linux/7.2.10"
	source_of normal
	assert_output "$TSMCTL_CACHE/linux/7.3.9"
	source_of oldest
	assert_output "$TSMCTL_CACHE/linux/7.2.10"
	assert_equal "$(paste -sd ' ' "$BATS_TEST_TMPDIR/downloaded")" "linux-source-7.2=7.2.10-1 linux-source-7.3=7.3.9-1"
}

@test "kernel: without a source of the oldest kernel, the reason is printed, and a given tree is used" {
	local tree=$BATS_TEST_TMPDIR/tree
	fake_apt 7.3.9-1
	source_of oldest
	assert_failure 3
	assert_equal "${stderr##*$'\n'}" "build-kernel: trixie-backports has no source of Linux 7.0 7.2; name a source tree of Linux 7.0 7.2 in LINUX_TREES"
	mkdir -p "$tree"/{new,old}
	touch "$tree"/{new,old}/Kconfig
	printf 'kernelversion:\n\t@echo 7.3.1\n' >"$tree/new/Makefile"
	printf 'kernelversion:\n\t@echo 7.0.5\n' >"$tree/old/Makefile"
	source_of oldest LINUX_TREES="$tree/new $tree/old"
	assert_success
	assert_output "$tree/old"
}

@test "kernel: the package of tsmctl-lab has what it takes to choose one" {
	lab=$BATS_TEST_TMPDIR/lab
	while read -r from to; do
		[[ $to = usr/share/tsmctl-lab* ]] || continue
		mkdir -p "$lab${to#usr/share/tsmctl-lab}"
		# shellcheck disable=SC2086 # some are patterns
		(cd "$top" && cp -r $from "$lab${to#usr/share/tsmctl-lab}")
	done <"$top/debian/tsmctl-lab.install"
	rm -rf "$lab"/tests/bed/*.bats
	a_kernel 7.3.1-test
	run -0 --separate-stderr "$lab/tests/bed/find-kernel" --choose
	assert_output installed
}
