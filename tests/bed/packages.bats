# SPDX-License-Identifier: GPL-2.0-or-later
# The Debian packages: they build in a clean root file system of both releases without a
# word from lintian, and install, upgrade and go away without a trace. And the tarball of a release.
# long: the packages are built four times, and installed in a VM

load helpers
version=$(sed -n 's/^TSMCTL_VERSION := //p' "$top/version.mk")
built=$top/build/deb/$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)

setup_file() {
	local status=0
	"$top/tests/bed/build-deb" --run true 2>"$BATS_FILE_TMPDIR/err" || status=$?
	unavailable=
	[ $status -ne 125 ] || unavailable=$(tail -n 1 "$BATS_FILE_TMPDIR/err")
	export unavailable
	[ $status -eq 0 ] || [ $status -eq 125 ]
}

setup() {
	[ -z "${unavailable:-}" ] || [ -n "${CI:-}" ] || skip "$unavailable"
}

@test "packages: two builds in different directories are the same, and lintian finds nothing" {
	"$top/tests/bed/build-deb"
	"$top/tests/bed/build-deb" --in a/longer-name --out "$BATS_TEST_TMPDIR/again"
	for package in tsmctl tsmctl-dkms tsmctl-lab libtsmbind0 libtsmbind-dev tsmctl-dbgsym; do
		first=$(echo "$built/${package}_${version}"_*.deb)
		cmp "$first" "$BATS_TEST_TMPDIR/again/${first##*/}"
	done
}

@test "packages: the other release builds them too, and lintian finds nothing" {
	"$top/tests/bed/build-deb" --release "$("$top/tests/bed/other-release" --name)" --out "$BATS_TEST_TMPDIR/other"
	[ -f "$BATS_TEST_TMPDIR/other/tsmctl-dkms_${version}_all.deb" ]
}

@test "packages: installing and purging them leaves a root file system as it was" {
	# shellcheck disable=SC2016 # a shell there expands it
	run -0 "$top/tests/bed/build-deb" --run sh -ec '
		files() { find / -xdev -path /var/log -prune -o -path /var/cache -prune -o -path /var/lib/dpkg -prune -o -print | sort; }
		mkdir -p /etc/systemd/system/multi-user.target.wants
		files >/tmp/before
		dpkg -i tsmctl_*.deb libtsmbind0_*.deb libtsmbind-dev_*.deb
		test "$(tsmctl --version)" = "tsmctl $1"
		echo "#include <linux/vfio_tsm.h>" | gcc -fsyntax-only -xc -
		mkdir /etc/tsmctl && echo "{}" >/etc/tsmctl/config.json
		ln -s /lib/systemd/system/tsmctl-hold@.service \
			/etc/systemd/system/multi-user.target.wants/tsmctl-hold@0000:41:00.0.service
		dpkg --purge tsmctl libtsmbind-dev libtsmbind0
		files | diff /tmp/before - && echo same' - "$version"
	assert_line same
}

# next_version DIR: the packages as the next version would be, for an upgrade
next_version() {
	local deb dir next=$version.1 pattern="\\b${version//./\\.}\\b"
	for deb in "$built"/{tsmctl,tsmctl-dkms}_"$version"_*.deb; do
		dir=$BATS_TEST_TMPDIR/$(basename "$deb" .deb)
		dpkg-deb -R "$deb" "$dir"
		sed -i "s/$pattern/$next/" "$dir"/DEBIAN/*
		[ ! -d "$dir/usr/src" ] || {
			mv "$dir/usr/src/tsmctl-$version" "$dir/usr/src/tsmctl-$next"
			sed -i "s/$pattern/$next/" "$dir/usr/src/tsmctl-$next"/{dkms.conf,version.mk}
		}
		dpkg-deb --root-owner-group -b "$dir" "$1" >/dev/null
	done
}

@test "packages: an upgrade and a removal in the VM take no device away" {
	rm -rf "$top/build/deb/next"
	mkdir "$top/build/deb/next"
	next_version "$top/build/deb/next"
	make -s -C "$top" all
	"$top/tests/bed/stage-modules" "${TSMCTL_KERNEL:-normal}"
	TSMCTL_DEB=$built run "$top/tests/vm/run" --kernel "${TSMCTL_KERNEL:-normal}" \
		--cpus 1 --timeout 1800 -- tests/tools/run-bats tests/vm/packages.bats
	echo "$output"
	assert_success
}

@test "dist: the same commit gives the same tarball, with the name of the version" {
	for clone in one another; do
		git -c 'safe.directory=*' clone -q "$top" "$BATS_TEST_TMPDIR/$clone"
		GNUPGHOME=$BATS_TEST_TMPDIR make -s -C "$BATS_TEST_TMPDIR/$clone" dist
	done
	cmp "$BATS_TEST_TMPDIR"/{one,another}/build/dist/"tsmctl-$version.tar.xz"
	run tar -tf "$BATS_TEST_TMPDIR/one/build/dist/tsmctl-$version.tar.xz"
	assert_line "tsmctl-$version/version.mk"
}

@test "dist: signs the tarball if gpg has a secret key" {
	export GNUPGHOME=$BATS_TEST_TMPDIR/gpg
	mkdir -m 700 "$GNUPGHOME"
	git -c 'safe.directory=*' clone -q "$top" "$BATS_TEST_TMPDIR/clone"
	gpg --batch --quiet --passphrase '' --quick-gen-key test@example.org ed25519 sign
	make -s -C "$BATS_TEST_TMPDIR/clone" dist
	gpgconf --kill gpg-agent
	run -0 gpg --verify "$BATS_TEST_TMPDIR/clone/build/dist/tsmctl-$version.tar.xz.asc"
	assert_output --partial "Good signature"
}
