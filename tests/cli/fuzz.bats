#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# libFuzzer runs the parsers of what users write and devices send, for a short time. 'make -C tests/fuzz run'
# runs them for longer.
# long: six fuzzers are compiled, and run 100,000 times each
bats_require_minimum_version 1.5.0
load helpers

@test "fuzz: no input of 100,000 breaks the parser of requests, of configurations, of selectors, of evidence, of lists, or of answers" {
	# the fuzzers have sanitizers of their own: one run is enough
	[[ $TSMCTL_BIN != */san/* ]] || skip "run with the plain programs"
	run make -C "$BATS_TEST_DIRNAME/../fuzz" O="$BATS_TEST_TMPDIR" RUNS=100000 run
	assert_success
	assert_equal "$(grep -c 'number_of_executed_units: 100000$' <<<"$output")" 6
	# the inputs that were found are enough to reach valid ones
	for name in request config selector evidence allowed firmware; do
		[ "$(find "$BATS_TEST_TMPDIR/$name.found" -type f | wc -l)" -gt 20 ]
	done
}
