# SPDX-License-Identifier: GPL-2.0-or-later
# rpm/tsmctl.spec: rpmbuild of Debian builds the packages, without the packages that they need.
# long: everything is compiled once more

load helpers
spec=$top/rpm/tsmctl.spec

setup_file() {
	command -v rpmbuild >/dev/null || return 0
	version=$(sed -n 's/^TSMCTL_VERSION := //p' "$top/version.mk")
	tar -C "$top" -cz --exclude=./build --exclude=./.git --transform="s,^\.,tsmctl-$version," \
		-f "$BATS_FILE_TMPDIR/tsmctl-$version.tar.gz" .
	# Debian's rpm has no find-debuginfo.
	rpmbuild -bb --quiet --nodeps --define "_topdir $BATS_FILE_TMPDIR/top" --define 'debug_package %{nil}' \
		--define "_sourcedir $BATS_FILE_TMPDIR" "$spec" >"$BATS_FILE_TMPDIR/log" 2>&1 ||
		{ tail -n 30 "$BATS_FILE_TMPDIR/log"; return 1; }
}

setup() {
	command -v rpmbuild >/dev/null || skip "no rpmbuild: tests/install-deps long installs it"
	packages=("$BATS_FILE_TMPDIR"/top/RPMS/*/*.rpm)
}

@test "rpm: the spec file has the version of the project" {
	run -0 rpmspec -q --srpm --queryformat '%{VERSION}' "$spec"
	assert_output "$(sed -n 's/^TSMCTL_VERSION := //p' "$top/version.mk")"
}

@test "rpm: it builds four packages without a warning of the compiler, and only DKMS is for each architecture" {
	run -0 rpm -qp --queryformat '%{NAME} %{ARCH}\n' "${packages[@]}"
	assert_equal "$(sort <<<"$output" | sed "s/ $(uname -m)$/ this/")" \
		$'libtsmbind this\nlibtsmbind-devel this\ntsmctl this\ntsmctl-dkms noarch'
	run grep -F 'warning:' "$BATS_FILE_TMPDIR/log"
	refute_output --regexp '\.[ch]:'
}

# files PACKAGE...: its files without directories, licences and documents
files() {
	rpm -qp --noartifact --queryformat '[%{FILEMODES:perms} %{FILENAMES}\n]' "$@" |
		sed -n '/^d/d; /share\/\(doc\|licenses\)\//d; /\.build-id\//d; s/^[^ ]* //p'
}

@test "rpm: the packages have each file that make install installs, once" {
	dest=$BATS_TEST_TMPDIR/dest
	make -s -C "$top" install O="$BATS_TEST_TMPDIR/build" DESTDIR="$dest" prefix=/usr libdir=/usr/lib64
	rm "$dest"/usr/src/*/COPYING
	assert_equal "$(files "${packages[@]}" | sed 's/\.gz$//' | sort)" \
		"$(cd "$dest" && find . ! -type d | sed 's/^\.//' | sort)"
	run files "$BATS_FILE_TMPDIR"/top/RPMS/*/tsmctl-0*.rpm
	assert_line /usr/bin/tsmctl
	assert_line /usr/lib/systemd/system/tsmctl-load.service
	refute_line --regexp '^/usr/(src|include)/'
}

@test "rpm: an upgrade stops nothing, and a removal is refused while a device is bound" {
	run -0 rpm -qp --scripts "$BATS_FILE_TMPDIR"/top/RPMS/*/tsmctl-0*.rpm
	refute_output --regexp 'try-restart|systemctl (re)?start'
	assert_output --partial "if [ \"\$1\" -eq 0 ] && grep -qsx bound"
}

# Debian's rpmlint has the rules of other distributions: names of libraries, tags and signatures
# that their builders add, a hash section that they no longer use. It takes ".json.5" for a language.
@test "rpm: rpmlint finds no error, except by rules of one distribution" {
	command -v rpmlint >/dev/null || skip "no rpmlint"
	run rpmlint "$spec" "${packages[@]}"
	assert_output --partial "4 packages and 1 specfiles checked"
	run grep -E ': E: ' <<<"$output"
	run grep -vE ' (no-(changelogname|group|packager)-tag|no-signature|shlib-policy-name-error|lib-package-without-%mklibname|outside-libdir-files|non-versioned-file-in-library-package|missing-hash-section|static-library-without-debuginfo|hardcoded-library-path|bad-manual-page-folder)' <<<"$output"
	assert_output ""
}
