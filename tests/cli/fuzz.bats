#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# What parses the text of users under libFuzzer, for a while; tests/fuzz does so for
# longer.
# long: three fuzzers are compiled, and run 100,000 times each
bats_require_minimum_version 1.5.0
load helpers

@test "fuzz: requests, configurations and selectors, each mutated 100,000 times" {
	# it has sanitizers of its own, and needs no second run with those of the programs
	[[ $TSMCTL_BIN != */san/* ]] || skip "run with the plain programs"
	run make -C "$BATS_TEST_DIRNAME/../fuzz" O="$BATS_TEST_TMPDIR" RUNS=100000 run
	assert_success
	assert_equal "$(grep -c 'number_of_executed_units: 100000$' <<<"$output")" 3
	# it has found its way into what is taken, not only to what is refused
	for name in request config selector; do
		[ "$(find "$BATS_TEST_TMPDIR/$name.found" -type f | wc -l)" -gt 20 ]
	done
}
