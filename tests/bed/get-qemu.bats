# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2154
# tests/bed/get-qemu: a QEMU that gives devices to guests by iommufd.
# long: it downloads QEMU into an empty cache

load helpers

# not in BATS_TEST_TMPDIR, into which no other user can look
setup() { dir=$(mktemp -d); }

teardown() { rm -rf "$dir"; }

# Root can lock dpkg, and another user cannot.
@test "get-qemu: an ordinary user gets a QEMU that starts" {
	local user=()
	if [ "$(id -u)" -eq 0 ]; then
		chown 65534:65534 "$dir"
		user=(setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all)
		"${user[@]}" test -x "$top/tests/bed" -a -r "$top/tests/bed/apt.bash" ||
			skip "another user cannot read this clone"
	fi
	run --separate-stderr "${user[@]}" env TSMCTL_CACHE="$dir" "$top/tests/bed/get-qemu"
	assert_success
	read -r -a qemu <<<"$output"
	run "${user[@]}" "${qemu[@]}" --version
	assert_success
	assert_output --regexp '^QEMU emulator version [1-9][0-9]\.'
}
