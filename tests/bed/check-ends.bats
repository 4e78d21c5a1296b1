# SPDX-License-Identifier: GPL-2.0-or-later
# How tests/check ends after a signal, what it leaves out if time is short or a kernel is
# missing, and the turns of the long set.
# long: tests/check changes rarely; check.bats proves which tests run

load check

# hang: prints a script that waits for ever. So do the processes that it starts: one in a
# process group of its own, one whose parent has ended, and one that it starts on SIGTERM.
hang() {
	cat <<-'END'
		cd "$here"
		waiter='echo $$ >>pids; exec <>never; read x'
		timeout 600 sh -c "$waiter" &
		(sh -c "$waiter" &)
		until [ "$(wc -l <pids)" -eq 2 ]; do :; done
		echo $$ >>pids
		trap 'sh -c "$waiter" & until [ "$(wc -l <pids)" -eq 4 ]; do :; done; exit 1' TERM
		echo >started
		wait
	END
}

# ends_by SIGNAL ARG...: SIGNAL ends check and all processes of "hang"
ends_by() {
	local signal=$1 pid status=0
	shift
	: >pids
	check "$@" >out 2>err &
	read -r _ <started
	kill -"$signal" $!
	wait $! || status=$?
	assert_equal "$status" $((128 + $(kill -l "$signal")))
	run -0 cat err
	assert_line "check: ended by SIG$signal, with everything that it has started"
	assert_equal "$(wc -l <pids)" 4
	while read -r pid; do
		[[ $(ps -o stat= -p "$pid") == @(|Z*) ]] || fail "process $pid lives: $(ps -o args= -p "$pid")"
	done <pids
	assert_equal "$(ls tmp)" ""
}

@test "check: a signal while a VM runs ends every process that it has started" {
	local signal
	hang | script tests/vm/run
	for signal in TERM INT HUP; do
		ends_by $signal vm
	done
}

@test "check: a signal during a build ends every process that it has started" {
	hang | script tests/bed/stage-modules
	ends_by TERM vm
}

@test "check: a kernel that is not built yet is not built if time is short" {
	a_file both '# long: it takes long'
	a_file normal '# long: it takes long\n# kernels: normal'
	script tests/bed/stage-modules <<<'echo "$1" >>"$here/staged"'
	script tests/bed/build-kernel <<<'[ "$*" != "--cached debug" ] || exit 1'
	run -0 check --long --budget 800 vm
	assert_line "  both (debug kernel): no time to build the kernel"
	assert_line "  a (debug kernel): no time to build the kernel"
	assert_line --partial "vm: both normal (normal)"
	refute_line --partial "(debug):"
	assert_equal "$(paste -sd " " staged)" "normal oldest"

	run -0 check --long --budget 2000 vm
	refute_line --partial "no time"
	assert_line --partial "vm: a both (debug):"
	script tests/bed/build-kernel <<<true
	run -0 check --long --budget 800 vm
	refute_line --partial "no time"
	assert_line --partial "vm: a both (debug):"
}

@test "check: kernels that are not built yet share the time that is left for building" {
	script tests/bed/stage-modules <<<'echo "$1" >>"$here/staged"'
	script tests/bed/build-kernel <<<'[ "$1" != --cached ]'
	run -0 check --long --budget 1700 vm
	assert_line --partial "vm: a (debug):"
	assert_line "  a (oldest kernel): no time to build the kernel"
	assert_equal "$(cat staged)" debug
	run -0 check --long --budget 2000 vm
	refute_line --partial "no time"
	assert_line --partial "vm: a (oldest):"
}

@test "check: without a source of the oldest kernel, what needs it is listed with the reason" {
	script tests/bed/stage-modules <<<'echo "$1" >>"$here/staged"'
	script tests/bed/build-kernel <<<'[ "$*" != "--source oldest" ] || { echo "build-kernel: there is no source" >&2; exit 3; }'
	run -0 check --long vm
	assert_line --partial "vm: a (debug):"
	refute_line --partial "(oldest):"
	assert_line "  a (oldest kernel): there is no source"
	assert_equal "$(cat staged)" debug
	script tests/bed/build-kernel <<<true
	: >staged
	run -0 check --long vm
	assert_line --partial "vm: a (oldest):"
	# The programs of the tests are those of the normal kernel.
	assert_equal "$(paste -sd ' ' staged)" "debug normal oldest"
}

@test "check: Debian's kernel is used if it is complete" {
	a_file a '# kernels: normal debian'
	script tests/bed/stage-modules <<<'echo "$1" >>"$here/staged"'
	script tests/bed/complete-kernel <<<'[ "$*" != --cached ]'
	run -1 check --long vm
	assert_line "  a (debian kernel): Debian's kernel is not complete here; make demo KERNEL=debian completes it"
	script tests/bed/complete-kernel <<<'[ "$*" = --cached ]'
	run -0 check --long vm
	assert_line --partial "vm: a (debian):"
	assert_equal "$(paste -sd ' ' staged)" "debian normal"
}

@test "check: each part of the long set runs in one of four turns" {
	local turn n
	for n in {1..12}; do a_file "long$n" "# long: it takes long\n# kernels: debug\n# vm: --nvme $n"; done
	for turn in 0 1 2 3; do
		run -0 check --long --turn $((turn + 4)) --list vm
		[ ${#lines[@]} -lt 12 ]
		printf '%s\n' "${lines[@]}" >>turns
	done
	run -0 sort turns
	assert_equal "$output" "$( { printf 'vm: a (%s)\n' debug oldest; printf 'vm: long%s (debug)\n' {1..12}; } | sort)"
	run -0 check --long --turn 1 vm
	assert_line --regexp '^  long[0-9]+ \(debug kernel\): not its turn$'
}
