#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The parser of requests under libFuzzer, for a while; tests/fuzz does so for longer.
bats_require_minimum_version 1.5.0
load helpers

@test "fuzz: 100,000 mutated requests" {
	# it has sanitizers of its own, and needs no second run with those of the programs
	[[ $TSMCTL_BIN != */san/* ]] || skip "run with the plain programs"
	cp -r "$BATS_TEST_DIRNAME/../fuzz/seeds" "$BATS_TEST_TMPDIR"
	run make -s -C "$BATS_TEST_DIRNAME/../fuzz" O="$BATS_TEST_TMPDIR"
	assert_success
	run "$BATS_TEST_TMPDIR/request-fuzzer" -runs=100000 -seed=1 -max_len=1024 -timeout=60 \
		-dict="$BATS_TEST_DIRNAME/../fuzz/request.dict" \
		-artifact_prefix="$BATS_TEST_TMPDIR/" "$BATS_TEST_TMPDIR/seeds"
	assert_success
	assert_output --partial "Done 100000 runs"
	# it has found its way into what is taken, not only to what is refused
	[ "$(find "$BATS_TEST_TMPDIR/seeds" -type f | wc -l)" -gt 20 ]
}
