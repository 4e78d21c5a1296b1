#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# long: pairs of verbs run 200 times at once, and each pair in both orders
# Two verbs on one device at once: exit statuses, changes and the final state are as if one
# had run after the other. RACE_SEED in the environment repeats a run.
bats_require_minimum_version 1.5.0
load helpers

setup_file() { build_kernel; }

@test "race: of twenty random pairs of verbs on one device, each result is that of one after the other" {
	fake_configured_host
	fake_capable 0000:01:00.0
	config '{ "device": "01:00.0", "assigned": true, "tsm": "tsm0", "bind_allowed": false }'
	mkdir "$BATS_TEST_TMPDIR/tree"
	mv "$SYS" "$BATS_TEST_TMPDIR/tree/sys"
	run python3 "$BATS_TEST_DIRNAME/../tools/race.py" fake "$BATS_TEST_TMPDIR/tree" 0000:01:00.0 \
		env "LD_PRELOAD=$BATS_RUN_TMPDIR/kernel.so" \
		"ASAN_OPTIONS=${ASAN_OPTIONS:-}:verify_asan_link_order=0"
	echo "# $(grep -m 1 RACE_SEED <<< "$output"), $(tail -n 1 <<< "$output")" >&3
	assert_success
	assert_line "20 pairs, 200 times at once, 0 faults"
}
