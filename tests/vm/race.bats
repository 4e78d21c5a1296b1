# SPDX-License-Identifier: GPL-2.0-or-later
# Two random verbs on one device at once have the same exit statuses, changes and end state
# as one after the other. RACE_SEED in the environment repeats a run.
# long: 20 pairs of verbs run at once and in both orders
# kernels: normal
# vm: --nvme 2

# shellcheck disable=SC2154 # helpers.bash sets what is not set here
load helpers

setup() {
	modprobe -a nvme iommufd
	tsmctl --quiet load --sim "$dev"
}

teardown() {
	tsmctl --quiet unbind "$dev" 2>/dev/null || true
	kill_holders
	unload_all
	release "$dev"
}

@test "twenty random pairs of verbs on one device behave as one after the other" {
	run "$BATS_TEST_DIRNAME/../tools/race.py" real "$dev"
	echo "# $(grep -m 1 RACE_SEED <<<"$output"), $(tail -n 1 <<<"$output")" >&3
	assert_success
	assert_line "20 pairs, 20 times at once, 0 faults"
}
