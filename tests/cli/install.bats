#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2013,SC2016,SC2030,SC2031,SC2154
# make install and make uninstall, and DKMS with what is installed for it.
# plain: it is about files that make and DKMS install
bats_require_minimum_version 1.5.0
load helpers

setup() {
	ROOT="$BATS_TEST_TMPDIR/a root"
	top=$BATS_TEST_DIRNAME/../..
	PATH=$PATH:/usr/sbin:/sbin
}

# cli_make TARGET [VARIABLE=VALUE]...: runs make with the programs that are built already
cli_make() {
	make -s -C "$top/cli" -o all O="$(dirname "$TSMCTL_BIN")" SAN= DESTDIR="$ROOT" "$@"
}

# tree: prints all files, with modes and contents
tree() {
	(cd "$ROOT" && find . -printf '%p %y %m %l\n' | LC_ALL=C sort && find . -type f -exec cksum {} + | LC_ALL=C sort)
}

# files: prints the installed files with their modes, except those for DKMS
files() { (cd "$ROOT" && find . -type f ! -path '*/src/*' -printf '%m /%P\n' | LC_ALL=C sort -k 2); }

@test "install: puts each file in its place with its mode, whatever the umask is" {
	(umask 077 && cli_make install prefix=/usr)
	run files
	for line in "755 /usr/bin/tsmctl" "755 /usr/libexec/tsmctl/tsm-bind-helper" \
		"644 /usr/include/linux/vfio_tsm.h" "644 /usr/share/man/man8/tsmctl.8" \
		"644 /usr/share/man/man5/tsmctl-config.5" "644 /usr/share/man/man5/vfio_tsm.5" \
		"644 /usr/share/bash-completion/completions/tsmctl" \
		"644 /usr/share/zsh/site-functions/_tsmctl" \
		"644 /usr/share/fish/vendor_completions.d/tsmctl.fish" \
		"644 /usr/lib/systemd/system/tsmctl.service" \
		"644 /usr/lib/systemd/system/tsmctl-device@.service" \
		"644 /usr/lib/udev/rules.d/90-tsmctl.rules"; do
		assert_line "$line"
	done
	refute_line --regexp '^(755 .*\.|644 .*/(bin|libexec)/|[^67])'
	run find "$ROOT/usr" -type d ! -perm 755
	assert_output ""
	[ "$(find "$ROOT/usr/share/man" -type f | wc -l)" -ge "$(find "$top/man" -name '*.[1-9]' | wc -l)" ]
	# every @word@ is replaced
	run grep -rlE '@[A-Za-z]+@' "$ROOT/usr/lib" "$ROOT/usr/src"
	assert_output ""
	"$ROOT/usr/bin/tsmctl" --version
	echo '#include <linux/vfio_tsm.h>' | cc -fsyntax-only -Wall -Werror -I"$ROOT/usr/include" -xc -
}

@test "install: every directory can be chosen, and the units contain the chosen ones" {
	cli_make install prefix=/p bindir=/1 libexecdir=/2 mandir=/3 includedir=/4 systemunitdir=/5 \
		udevrulesdir=/6 bashcompletionsdir=/7 zshcompletionsdir=/8 fishcompletionsdir=/9 dkmsdir=/10
	[ ! -e "$ROOT/p" ] || fail "$(find "$ROOT/p")"
	for file in 1/tsmctl 2/tsmctl/tsm-bind-helper 3/man8/tsmctl.8 4/linux/vfio_tsm.h 5/tsmctl.service \
		6/90-tsmctl.rules 7/tsmctl 8/_tsmctl 9/tsmctl.fish 10/dkms.conf; do
		[ -f "$ROOT/$file" ] || fail "no $file"
	done
	grep -q '^ExecStart=/1/tsmctl ' "$ROOT/5/tsmctl.service"
	grep -q '^ExecStart=/2/tsmctl/tsm-bind-helper ' "$ROOT/5/tsmctl-hold@.service"
	cli_make uninstall prefix=/p bindir=/1 libexecdir=/2 mandir=/3 includedir=/4 systemunitdir=/5 \
		udevrulesdir=/6 bashcompletionsdir=/7 zshcompletionsdir=/8 fishcompletionsdir=/9 dkmsdir=/10
	run find "$ROOT" -mindepth 1
	assert_output ""
}

@test "install, uninstall: remove an earlier tsmctl in sbindir, which root would find first" {
	for target in install uninstall; do
		mkdir -p "$ROOT/usr/local/sbin"
		echo old | tee "$ROOT/usr/local/sbin/tsmctl" > "$ROOT/usr/local/sbin/tsmctl-mine"
		cli_make "$target"
		[ ! -e "$ROOT/usr/local/sbin/tsmctl" ]
		[ -e "$ROOT/usr/local/sbin/tsmctl-mine" ]
	done
	# if both are one directory, the new file stays
	rm -r "$ROOT"
	mkdir -p "$ROOT/usr/bin"
	ln -s bin "$ROOT/usr/sbin"
	cli_make install prefix=/usr
	"$ROOT/usr/sbin/tsmctl" --version
}

@test "install, uninstall: print a line for each directory, and nothing with -s" {
	run_split make --no-print-directory -C "$top/cli" -o all O="$(dirname "$TSMCTL_BIN")" SAN= DESTDIR="$ROOT" install
	assert_success
	assert_equal "$stderr" ""
	assert_line "  INSTALL $ROOT/usr/local/bin/tsmctl"
	assert_line "  INSTALL $ROOT/usr/local/libexec/tsmctl/tsm-bind-helper"
	assert_line --regexp "^  INSTALL $ROOT/usr/local/share/man/man8/ \([0-9]+ files\)$"
	assert_line --regexp "^  INSTALL $ROOT/usr/local/src/tsmctl-[0-9.]+/ \([0-9]+ files\)$"
	# each file is counted once
	counted=$(sed -nE 's/.*\(([0-9]+) files\)$/\1/p; t; s/.*/1/p' <<< "$output" | paste -sd +)
	assert_equal "$((counted))" "$(find "$ROOT" -type f | wc -l)"
	[ "${#lines[@]}" -le 20 ] || fail "$output"
	run make --no-print-directory -C "$top/cli" O="$(dirname "$TSMCTL_BIN")" SAN= DESTDIR="$ROOT" uninstall
	assert_line "  REMOVE  $ROOT/usr/local/bin/tsmctl"
	run cli_make install
	assert_output ""
	run cli_make uninstall
	assert_output ""
}

@test "make: prints a line for each step, the commands with V=1, and only warnings with -s" {
	build() { make --no-print-directory -C "$top/cli" O="$BATS_TEST_TMPDIR/build" "$@" "$BATS_TEST_TMPDIR/build/obj/cli/$file.o"; }
	file=common/bdf
	run build
	assert_success
	assert_output "  CC      cli/common/bdf.c"
	run build
	assert_output ""
	file=common/util
	run build V=1
	assert_output --regexp "^[^ ]+ .* -c -o .*/util\.o common/util\.c$"
	refute_output --partial "  CC "
	file=common/exitcode
	run build -s
	assert_success
	assert_output ""
	file=verbs/choice
	echo '#warning "seen"' > "$BATS_TEST_TMPDIR/warn.h"
	run build -s CPPFLAGS="-include $BATS_TEST_TMPDIR/warn.h"
	assert_success
	assert_output --partial '#warning "seen"'
}

@test "make: the directory of the checkout does not change what is built" {
	for dir in one another; do
		mkdir -p "$BATS_TEST_TMPDIR/$dir/kernel"
		cp -r "$top"/{cli,lib,version.mk,kernels.mk} "$BATS_TEST_TMPDIR/$dir"
		cp -r "$top/kernel/uapi" "$BATS_TEST_TMPDIR/$dir/kernel"
		build=$BATS_TEST_TMPDIR/$dir/build
		make -s -C "$BATS_TEST_TMPDIR/$dir/cli" O="$build" "$build/obj/cli/common/bdf.o"
		make -s -C "$BATS_TEST_TMPDIR/$dir/lib" O="$build" "$build/lib/libtsmbind.so.0"
	done
	# the debugging information has the name of the source
	grep -q "common/bdf\.c" "$build/obj/cli/common/bdf.o"
	for file in obj/cli/common/bdf.o lib/libtsmbind.so.0; do
		cmp "$BATS_TEST_TMPDIR"/{one,another}/build/$file
	done
}

@test "uninstall: removes what install has put there, and nothing else" {
	# directories that a system has, and files of others in directories of tsmctl
	mkdir -p "$ROOT"/usr/local/{bin,lib,sbin,share/man,src,include} "$ROOT"/etc/tsmctl \
		"$ROOT"/usr/local/lib/systemd/system "$ROOT"/usr/local/share/man/man8 "$ROOT"/usr/share/man
	echo mine | tee "$ROOT/etc/tsmctl/config.json" "$ROOT/usr/local/lib/systemd/system/other.service" \
		"$ROOT/usr/local/share/man/man8/tsmctl.8.local" > "$ROOT/usr/local/sbin/tsmctl-mine"
	before=$(tree)
	cli_make install
	[ "$(tree)" != "$before" ]
	cli_make uninstall
	assert_equal "$(tree)" "$before"
	# without installed files, there is nothing to do
	cli_make uninstall
	assert_equal "$(tree)" "$before"
}

@test "uninstall: leaves only the directories that every system has" {
	mkdir "$ROOT"
	cli_make install prefix=/usr
	cli_make uninstall prefix=/usr
	run find "$ROOT" ! -type d
	assert_output ""
	run sh -c 'cd "$1" && find . -mindepth 1 | LC_ALL=C sort | xargs' - "$ROOT"
	assert_output "./usr ./usr/bin ./usr/include ./usr/lib ./usr/share ./usr/share/man ./usr/src"
}

@test "uninstall: fails while DKMS uses the installed source" {
	cli_make install prefix=/usr
	before=$(tree)
	mkdir -p "$ROOT/var/lib/dkms/tsmctl/0.1"
	ln -s /usr/src/tsmctl-0.1 "$ROOT/var/lib/dkms/tsmctl/0.1/source"
	run_split cli_make uninstall prefix=/usr VERSION=0.1
	assert_failure
	[[ $stderr == *"run 'dkms remove tsmctl/0.1 --all' first"* ]] || fail "$stderr"
	rm -r "${ROOT:?}/var"
	assert_equal "$(tree)" "$before"
}

# dkms_for RELEASE OPTION=VALUE...: runs DKMS for a kernel with that configuration and nothing
# else; exit status 77 means that DKMS skips the kernel.
dkms_for() {
	local dir=$BATS_TEST_TMPDIR/dkms

	rm -rf "$dir"
	mkdir -p "$dir"/{tree,lib} "$dir/kernel/include"
	printf '%s\n' "${@:2}" > "$dir/kernel/.config"
	run dkms build tsmctl/"$version" -k "$1" -a "$(uname -m)" --kernelsourcedir "$dir/kernel" \
		--dkmstree "$dir/tree" --sourcetree "$ROOT/usr/src" --installtree "$dir/lib"
}

@test "version: programs, pages and the source for DKMS have the version of version.mk or of VERSION=" {
	ours=$(sed -n 's/^TSMCTL_VERSION := //p' "$top/version.mk")
	assert_equal "$(tsmctl --version)" "tsmctl $ours"
	assert_equal "$("$TSMCTL_BIN/tsm-bind-helper" --version)" "tsm-bind-helper $ours"
	# the Debian packages
	assert_equal "$(sed -n '1s/^tsmctl (\(.*\)) .*/\1/p' "$top/debian/changelog")" "$ours"
	for version in "" 7.0~rc1; do
		cli_make install prefix=/usr ${version:+VERSION="$version"}
		version=${version:-$ours}
		run grep -c "^\.Os tsmctl $version\$" "$ROOT/usr/share/man/man8"/{tsmctl,tsmctl-bind}.8
		assert_output --regexp '^.*:1
.*:1$'
		source=$ROOT/usr/src/tsmctl-$version
		run grep -hE "^(TSMCTL_VERSION := |PACKAGE_VERSION=\"|# .*dkms install tsmctl/)$version" "$source/version.mk" "$source/dkms.conf"
		assert_equal "${#lines[@]}" 3
	done
	run grep -rl "@VERSION@" "$ROOT"
	assert_output ""
}

@test "dkms: builds for the kernels in kernels.mk, skips others, and prints why" {
	command -v dkms > /dev/null || skip "no dkms"
	cli_make install prefix=/usr
	version=$(sed -n 's/^PACKAGE_VERSION="\(.*\)"$/\1/p' "$ROOT/usr/src"/tsmctl-*/dkms.conf)
	options=(CONFIG_PCI_TSM=y CONFIG_IOMMUFD=m CONFIG_VFIO_PCI=m CONFIG_VFIO_DEVICE_CDEV=y CONFIG_CONFIGFS_FS=m)
	for release in 6.12.63+deb13-amd64 7.1.9 7.4.0 7.30.1 8.0.0 17.2.0; do
		dkms_for "$release" "${options[@]}"
		[ "$status" -eq 77 ] || fail "$release: $status, $output"
		assert_line "tsmctl: no modules for $release: they are for Linux $(sed -n 's/^TSMCTL_KERNELS := //p' "$top/kernels.mk")"
	done
	# it tries to build, and fails because the kernel has no files for that
	for release in 7.0.0 7.0.12-3-generic 7.2.0 7.2-rc1 7.3.4+deb14-amd64; do
		dkms_for "$release" "${options[@]}"
		{ [ "$status" -ne 77 ] && [[ $output == *"Building module"* ]]; } || fail "$release: $status, $output"
		refute_output --partial "no modules for"
	done
	for i in "${!options[@]}"; do
		dkms_for 7.3.4 "${options[@]/${options[$i]}/# ${options[$i]%=*} is not set}"
		[ "$status" -eq 77 ] || fail "without ${options[$i]}: $status, $output"
		assert_line "tsmctl: no modules for 7.3.4: $BATS_TEST_TMPDIR/dkms/kernel/.config lacks ${options[$i]%=*}"
	done
	run dkms status --dkmstree "$BATS_TEST_TMPDIR/dkms/tree" --sourcetree "$ROOT/usr/src"
	refute_output --partial "no modules for"
}
