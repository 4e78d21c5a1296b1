# SPDX-License-Identifier: GPL-2.0-or-later
# Waits for what has no event, in the tests in the VM and in the lab.

# wait_for SECONDS COMMAND...: waits until COMMAND succeeds, at most SECONDS
wait_for() {
	local end=$((SECONDS + $1)) never=${BATS_TEST_TMPDIR:-${BATS_FILE_TMPDIR:-/run}}/never
	shift
	until "$@"; do
		[ "$SECONDS" -lt "$end" ] || return 1
		[ -p "$never" ] || mkfifo "$never" 2>/dev/null || true
		read -r -t 0.05 _ <>"$never" || true
	done
}

# eventually VALUE COMMAND...: waits until COMMAND prints VALUE, at most 30 s
eventually() {
	local value=$1
	shift
	is_value() { [ "$("$@")" = "$value" ]; }
	wait_for 30 is_value "$@"
}
