# SPDX-License-Identifier: GPL-2.0-or-later
# Which tests tests/check runs, and what it prints. check-ends.bats has the rest.

load check

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

@test "check: the end of the output has what failed tests and their VM said first" {
	script tests/vm/run <<-'END'
		echo 1..4
		echo "not ok 1 first in 1ms"
		printf '# line %s\n' {1..30}
		echo "ok 2 second in 1ms"
		echo "# about the second"
		echo "not ok 3 third in 1ms"
		echo "# about the third"
		echo "run: the kernel log is not clean"
		exit 99
	END
	run -1 check vm
	run -0 sed -n '/^Failed:/,/s in all/p' <<<"$output"
	assert_line "  vm: a (normal): first in 1ms"
	assert_line "    # line 20"
	refute_line "    # line 21"
	refute_line --partial "about the second"
	assert_line "    # about the third"
	assert_line "  vm: a (normal): 3 of 4 tests ran, and the status is 99"
	assert_line "  vm: a (normal): the kernel log is not clean"
}

@test "check: a file over fake trees runs with sanitizers in the fast set, and without in the long set" {
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

@test "check: as root, the fast set runs again the tests that need root, and the long set whole files" {
	[ "$(id -u)" -eq 0 ] || skip "only root runs them"
	printf '%s\n' '# as root: it gives files away' '@test "a file (of another)" {' $'\tas_root' '}' \
		'@test "its own" { true; }' >"$tree/tests/cli/rooted.bats"
	script tests/tools/run-bats <<-'END'
		echo "$@" >>"$here/runs"
		echo 1..1
		echo ok 1 test
	END
	run -0 check asan
	assert_line --partial "# asan, as root:"
	run -0 sort runs
	assert_output $'--filter ^(a file \\(of another\\))$ tests/cli/rooted.bats\ntests/cli/rooted.bats'
	rm runs
	run -0 check --long cli
	run -0 sort runs
	assert_output $'--filter  tests/cli/rooted.bats\ntests/cli/rooted.bats'
	sed -i '/as_root/d' "$tree/tests/cli/rooted.bats"
	run -2 check asan
	assert_line "check: tests/cli/rooted.bats: no test has the line 'as_root'"
}
