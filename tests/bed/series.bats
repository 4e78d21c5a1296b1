# SPDX-License-Identifier: GPL-2.0-or-later
# tests/bed/make-series makes a series of the patches in kernel/patches that can be sent.

bats_require_minimum_version 1.5.0
: "${BATS_LIB_PATH:=/usr/lib/bats}"
load "${BATS_LIB_PATH%%:*}/bats-support/load.bash"
load "${BATS_LIB_PATH%%:*}/bats-assert/load.bash"

top=$(cd "$BATS_TEST_DIRNAME/../.." && pwd -P)

setup_file() {
	export series=$BATS_FILE_TMPDIR/series
	"$top/tests/bed/make-series" "$series"
}

# copy: the tool with patches of its own, in $copy
copy() {
	copy=$BATS_TEST_TMPDIR/copy
	mkdir -p "$copy/tests" "$copy/kernel"
	cp -a "$top/tests/bed" "$copy/tests"
	cp -a "$top/kernel/patches" "$copy/kernel"
}

@test "series: each patch has its number, a cover letter goes first, and no change is lost" {
	patches=("$top"/kernel/patches/*.patch)
	count=${#patches[@]}
	run -0 grep -h '^Subject: ' "$series"/*.patch
	for ((number = 0; number <= count; number++)); do
		assert_line --index "$number" --partial "[PATCH $number/$count] "
	done
	assert_equal "${#lines[@]}" $((count + 1))
	for patch in "${patches[@]}"; do git patch-id <"$patch"; done >"$BATS_TEST_TMPDIR/ids"
	for patch in "$series"/*.patch; do git patch-id <"$patch"; done | diff "$BATS_TEST_TMPDIR/ids" -
	refute grep -q '<!--' "$series/0000-cover-letter.patch"
}

@test "series: the letter names the recipients of each patch, and only these" {
	number=0
	for list in "$series"/*.recipients; do
		number=$((number + 1))
		run -0 sed -n "/^| patch | to | cc |/,/^\$/s/^| $number | \(.*\) |\$/\1/p" "$series/0000-cover-letter.patch"
		named=$(sed 's/ | /, /g; s/, /\n/g' <<<"$output")
		# A person is named without quotes, remark and address.
		assert_equal "$named" "$(sed -E 's/ <.*//; s/^"(.*)"$/\1/; s/ \([^)]*\)$//' "$list")"
	done
	[ $number -gt 0 ]
}

@test "series: the same patches always give the same series" {
	"$top/tests/bed/make-series" "$BATS_TEST_TMPDIR/again"
	diff -r "$series" "$BATS_TEST_TMPDIR/again"
}

@test "series: a patch that does not apply exactly is named" {
	copy
	sed -i '0,/^ #include\|^ static\|^ \t/s//&x/' "$copy"/kernel/patches/0002-*.patch
	run -1 "$copy/tests/bed/make-series"
	assert_line --partial "make-series: 0002-PCI-TSM-Check-for-the-bind-and-guest_req-operations.patch does not apply to "
}

@test "series: a patch with a finding of checkpatch fails" {
	copy
	sed -i '0,/^+\t\/\* Not every/s//+        \/* Not every/' "$copy"/kernel/patches/0002-*.patch
	run ! "$copy/tests/bed/make-series"
	assert_line --partial ":CODE_INDENT: "
}
