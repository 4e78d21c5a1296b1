# SPDX-License-Identifier: GPL-2.0-or-later
# How tests/check ends, and what it leaves out. The tests have a tree of their own, with
# fakes of the scripts that start virtual machines and build kernels.

load helpers

setup() {
	tree=$BATS_TEST_TMPDIR/tree
	mkdir -p "$tree"/tests/{bed,tools,vm,static} "$BATS_TEST_TMPDIR/tmp"
	cp "$top/tests/check" "$tree/tests"
	cp "$top/tests/tools/jobs.bash" "$tree/tests/tools"
	cp "$top/tests/static/suite.bash" "$tree/tests/static"
	cd "$BATS_TEST_TMPDIR" || return
	mkfifo started never
	script tests/bed/stage-modules <<<true
	script tests/vm/run <<<'echo 1..1; echo ok 1 test'
	a_file a
}

teardown() {
	local pids=()
	[ ! -s pids ] || mapfile -t pids <pids
	[ ${#pids[@]} -eq 0 ] || kill "${pids[@]}" 2>/dev/null || true
}

# script FILE: makes FILE of the tree an executable script, from standard input
script() {
	{ printf '#!/usr/bin/env bash\n'; cat; } >"$tree/$1"
	chmod +x "$tree/$1"
}

# a_file NAME [LINE]: makes a test file for the virtual machine, with one test
a_file() { printf '%b\n@test "test" { true; }\n' "${2:-}" >"$tree/tests/vm/$1.bats"; }

# check ARG...: replaces this shell with tests/check, with "true" instead of make and the
# default action for signals
check() {
	exec env -i PATH="$PATH" HOME="$HOME" LANG=C.UTF-8 TMPDIR="$BATS_TEST_TMPDIR/tmp" MAKE="${make:-true}" \
		here="$BATS_TEST_TMPDIR" env --default-signal=HUP,INT,TERM "$tree/tests/check" "$@" 3>&-
}

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
	assert_equal "$(cat staged)" normal

	run -0 check --long --budget 2000 vm
	refute_line --partial "no time"
	assert_line --partial "vm: a both (debug):"
	script tests/bed/build-kernel <<<true
	run -0 check --long --budget 800 vm
	refute_line --partial "no time"
	assert_line --partial "vm: a both (debug):"
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

@test "check: a file is in the fast set or in the long set, and a file in neither is listed" {
	a_file many '# long: it takes long'
	a_file mine '# by hand: it is not ready'
	a_file normal '# kernels: normal'
	run -0 check vm
	assert_line --partial "vm: a normal (normal):"
	refute_output --partial many
	assert_line "  vm mine.bats: it has to be named"
	run -0 check --long vm
	assert_line --partial "vm: a many (debug):"
	assert_line --partial "vm: many (normal):"
	assert_line "  vm mine.bats: it has to be named"
	run -0 check tests/vm/mine.bats
	assert_line --partial "vm: mine (normal):"
	refute_output --partial "has to be named"
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
	assert_equal "$output" "$( { echo "vm: a (debug)"; printf 'vm: long%s (debug)\n' {1..12}; } | sort)"
	run -0 check --long --turn 1 vm
	assert_line --regexp '^  long[0-9]+ \(debug kernel\): not its turn$'
}

@test "check: the end of the output has the times, the slowest tests and the number of restarted VMs" {
	script tests/vm/run <<-'END'
		echo "run: the VM did not come up (attempt 1 of 3)"
		echo 1..12
		for n in {1..12}; do echo "ok $n test $n in ${n}000ms"; done
	END
	run -0 check vm
	assert_line --regexp '^ +[0-9]+  vm: a \(normal\)$'
	assert_line --regexp '^ +[0-9]+  vm$'
	assert_line "   12000  vm: a (normal): test 12"
	assert_line "    3000  vm: a (normal): test 3"
	refute_line --partial "(normal): test 2"
	assert_line "VMs that were started again: 1"
	assert_line "12 passed, 0 failed, 0 skipped"
}

@test "check: a file over fake trees runs with sanitizers in the fast set, and without in the long set" {
	mkdir "$tree/tests/cli"
	for name in usual plain both slow leaky; do printf '@test "test" { true; }\n' >"$tree/tests/cli/$name.bats"; done
	sed -i '1i # plain: it builds its own program' "$tree/tests/cli/plain.bats"
	sed -i '1i # both: sanitizers need more' "$tree/tests/cli/both.bats"
	sed -i '1i # long: it takes long' "$tree/tests/cli/slow.bats"
	sed -i '1i # leaks: it runs for a long time' "$tree/tests/cli/leaky.bats"
	script tests/tools/run-bats <<-'END'
		cd "$here"
		name=cli
		[[ $TSMCTL_BIN != */san/* ]] || name=${ASAN_OPTIONS%%:*}
		echo "$name" "$@" >>builds
		echo 1..1
		echo ok 1 test
	END
	# files SET: prints each build with its files
	files() {
		rm -f builds
		run -0 check $1 cli asan
		run -0 eval "sed 's,tests/cli/,,g; s/detect_//' builds | sort"
	}
	files ''
	assert_output $'cli both.bats plain.bats\nleaks=0 both.bats usual.bats\nleaks=1 leaky.bats'
	files --long
	assert_output $'cli slow.bats leaky.bats usual.bats\nleaks=1 slow.bats both.bats plain.bats usual.bats'
	run -0 check tests/cli/usual.bats
	assert_line --partial "# cli: "
}
