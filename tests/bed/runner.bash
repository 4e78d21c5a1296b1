# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154
# For the tests of tests/tools/run-bats: run small test files under bats and run-bats.

load helpers

setup() {
	runner=$top/tests/tools/run-bats
	cd "$BATS_TEST_TMPDIR" || return
}

# file [NAME]: writes a test file from standard input, in which %test stands for @test. bats
# would take @test for a test of the file that contains the text.
file() { sed 's/%test/@test/' >"${1:-file}.bats"; }

# alone COMMAND...: runs it without the variables of this bats, for at most a minute
alone() {
	env -i PATH="$PATH" HOME="$HOME" LANG=C.UTF-8 TMPDIR="$BATS_TEST_TMPDIR" \
		BATS_LIB_PATH="$BATS_LIB_PATH" EXPORTED=yes timeout 60 "$@" 3>&- 4>&-
}

# with_bats, with_runner [ARG]...: runs the test files, and sets $status, $verdicts and $tap
with_bats() {
	run --separate-stderr alone "${BATS_ROOT:+$BATS_ROOT/bin/}bats" --formatter tap --timing "$@" ./*.bats
	look
}
with_runner() {
	run --separate-stderr alone "$runner" "$@" ./*.bats
	look
}
look() {
	tap=$(sed -E 's/^((not )?ok .*) in [0-9]+ms/\1/' <<<"$output")
	verdicts=$(awk '/^ok .*# skip/ { print "skip"; next } /^ok/ { print "ok" }
		/^not ok/ { print "not" }' <<<"$output" | paste -sd ' ')
}

# ends VERDICTS: the last run printed VERDICTS and had the exit status for them
ends() {
	local expected=0
	[[ $1 != *not* ]] || expected=1
	assert_equal "$verdicts" "$1"
	assert_equal "$status" "$expected"
}

# agree VERDICTS [ARG]...: both print VERDICTS, with the same numbers and names
agree() {
	local lines_of_bats
	with_bats "${@:2}"
	ends "$1"
	lines_of_bats=$(grep -E '^(not )?ok |^1\.\.' <<<"$tap")
	tap_of_bats=$tap
	with_runner "${@:2}"
	ends "$1"
	assert_equal "$(grep -E '^(not )?ok |^1\.\.' <<<"$tap")" "$lines_of_bats"
}

# agree_wholly VERDICTS [ARG]...: both print the same lines, except for the times
agree_wholly() {
	agree "$@"
	assert_equal "$tap" "$tap_of_bats"
}

# differ VERDICTS-OF-BATS VERDICTS-OF-RUN-BATS: a difference that the head of run-bats lists
differ() {
	with_bats
	ends "$1"
	with_runner
	ends "$2"
}

# broken VERDICTS: run-bats prints VERDICTS; bats runs no test and fails. The output of
# bats depends on its version.
broken() {
	with_bats
	assert_equal "$status" 1
	[[ $verdicts == @(|not) ]] || fail "bats: $verdicts"
	with_runner
	ends "$1"
}
