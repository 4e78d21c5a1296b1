# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# For tests/check: start jobs in process groups of their own, and end all of them.

# in_group COMMAND...: starts it as a job with a process group of its own
in_group() {
	set -m
	"$@" &
	set +m
}

# processes ROOT...: prints these processes, all that they have started, and their groups
processes() {
	ps -e -o pid= -o ppid= -o pgid= -o stat= | awk -v roots="$*" '
		{ pid[NR] = $1; parent[NR] = $2; group[NR] = $3; ended[NR] = $4 ~ /^Z/ }
		END {
			for (n = split(roots, list); n > 0; n--) mine[list[n]]
			do {
				found = 0
				for (i = 1; i <= NR; i++) {
					if (pid[i] in mine || !(parent[i] in mine || group[i] in mine)) continue
					mine[pid[i]]
					found = 1
				}
			} while (found)
			for (i = 1; i <= NR; i++) if (pid[i] in mine && !ended[i]) print pid[i]
		}'
}

# end_jobs: ends all of these with SIGTERM, and those that are left 10 s later with SIGKILL.
# A process can start another one before it ends, so this looks until none is left.
end_jobs() {
	local all pid end=$((SECONDS + 10))
	local -A told=()
	for pid in $(jobs -p); do told[$pid]=; done
	while [ $SECONDS -lt $((end + 10)) ]; do
		mapfile -t all < <(processes "${!told[@]}")
		[ ${#all[@]} -gt 0 ] || break
		for pid in "${all[@]}"; do
			[ -n "${told[$pid]:-}" ] || kill -TERM "$pid" 2>/dev/null || true
			told[$pid]=y
		done
		[ $SECONDS -lt $end ] || kill -KILL "${all[@]}" 2>/dev/null || true
		sleep 0.2
	done
}

# ended SIGNAL: ends tests/check after a signal
ended() {
	trap '' HUP INT TERM PIPE
	echo "check: ended by SIG$1, with everything that it has started" >&2 || true
	end_jobs
	exit $((128 + $(kill -l "$1")))
}
