# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# For tests/check: jobs in process groups of their own, and an end to all of them.

# in_group COMMAND...: start it as a job with a process group of its own
in_group() {
	set -m
	"$@" &
	set +m
}

# processes: prints those of the jobs: whatever a job has started, and its whole group
processes() {
	local jobs
	jobs=$(jobs -p)
	ps -e -o pid= -o ppid= -o pgid= | awk -v jobs="$jobs" '
		{ pid[NR] = $1; parent[NR] = $2; group[NR] = $3 }
		END {
			for (n = split(jobs, list); n > 0; n--) mine[list[n]]
			do {
				found = 0
				for (i = 1; i <= NR; i++) {
					if (pid[i] in mine || !(parent[i] in mine || group[i] in mine)) continue
					mine[pid[i]]
					found = 1
				}
			} while (found)
			for (i = 1; i <= NR; i++) if (pid[i] in mine) print pid[i]
		}'
}

# end_jobs: end all of that with SIGTERM, and what is there 10 s later with SIGKILL
end_jobs() {
	local all end=$((SECONDS + 10))
	mapfile -t all < <(processes)
	[ ${#all[@]} -gt 0 ] || return 0
	kill -TERM "${all[@]}" 2>/dev/null || true
	# A zombie has ended.
	while ps -o stat= -p "${all[*]}" | grep -qv '^Z'; do
		[ $SECONDS -lt $end ] || { kill -KILL "${all[@]}" 2>/dev/null || true; break; }
		sleep 0.2
	done
}

# ended SIGNAL: the end of tests/check by a signal
ended() {
	trap '' HUP INT TERM PIPE
	echo "check: ended by SIG$1, with everything that it has started" >&2 || true
	end_jobs
	exit $((128 + $(kill -l "$1")))
}
