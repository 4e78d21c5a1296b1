# SPDX-License-Identifier: GPL-2.0-or-later
# Tests of tests/tools/run-bats: what a test can do. They run on the host.
# long: the runner changes rarely; runner.bats proves that no failure is hidden

load runner

@test "pipes, lists, negation and conditions follow the rules of errexit" {
	file <<-'END'
		both() { true; [ 1 = 1 ] && [ 1 = 2 ]; }
		%test "the middle of a pipe" { true | false | true; }
		%test "the end of a pipe" { true | false; true; }
		%test "a negation in the middle" { ! true; true; }
		%test "a negation at the end" { ! true; }
		%test "a negation that holds" { ! false; }
		%test "a list in the middle" { [ 1 = 1 ] && [ 1 = 2 ]; true; }
		%test "the first of a list in the middle" { [ 1 = 2 ] && [ 1 = 1 ]; true; }
		%test "a list at the end" { [ 1 = 1 ] && [ 1 = 2 ]; }
		%test "the first of a list at the end" { [ 1 = 2 ] && [ 1 = 1 ]; }
		%test "a function that ends with a list" { both; true; }
		%test "an alternative" { false || true; }
		%test "a condition" { if false; then :; fi; while false; do :; done; }
		in_condition() { false; true; }
		%test "a function in a condition" { in_condition || false; }
		%test "without errexit" { set +e; false; true; }
		%test "return" { return 0; false; }
		%test "return with a status" { return 4; }
	END
	agree "ok not ok not ok not ok not not not ok ok ok ok ok not"
}

@test "teardown runs in the process of the test and sees its variables" {
	file <<-'END'
		setup() { process=$BASHPID; }
		teardown() {
			echo "# $BATS_TEST_DESCRIPTION: $value, ${inner-none}, $((process == BASHPID))" >&3
		}
		%test "a" { value=1; }
		%test "b" { local inner=2; value=$inner; false; }
		outer() { local value=5; true && helper; }
		helper() { local inner=6; false; }
		%test "c" { value=3; exit 1; }
		%test "d" { value=4; skip; }
		%test "e" { value=7; outer; }
		%test "f" { value=8; helper | outer; }
		%test "g" { value=8; while true; do helper; done <file.bats; }
	END
	agree "ok not not skip not not not"
	assert_equal "$(grep '^# .:' <<<"$tap")" "$(grep '^# .:' <<<"$tap_of_bats")"
	assert_line "# b: 2, none, 1"
}

@test "skip works in the test, in a function and in setup, but not in a subshell" {
	file <<-'END'
		setup() { [ "$BATS_TEST_NUMBER" -ne 4 ] || skip "in setup"; }
		teardown() { skip; false; }
		helper() { skip "in a function"; }
		%test "no reason" { skip; false; }
		%test "a reason" { skip "it is # not here"; }
		%test "function" { helper; false; }
		%test "setup" { false; }
		%test "subshell" { (skip); true; }
		%test "run" { run skip; false; }
		%test "teardown alone" { true; }
	END
	agree_wholly "skip skip skip skip ok not ok"
}

@test "run sets status, output, lines and stderr" {
	file <<-'END'
		bats_require_minimum_version 1.5.0
		both() { echo "  out"; echo; echo "err *" >&2; return ${1:-0}; }
		%test "output and status" {
			run both 3
			[ "$status" -eq 3 ]
			[ "$output" = $'  out\n\nerr *' ]
			[ "${#lines[@]}" -eq 2 ]
			[ "${lines[0]}" = "  out" ]
			[ "${lines[1]}" = "err *" ]
		}
		%test "programs" {
			run sh -c 'echo a; echo b >&2; exit 9'
			[ "$status:$output" = $'9:a\nb' ]
			run -137 sh -c 'kill -9 $$'
			run -127 no-such-command
			run printf ''
			[ "$status:$output:${#lines[@]}" = 0::0 ]
		}
		%test "separate" {
			run --separate-stderr both
			[ "$output:$stderr" = "  out:err *" ]
			[ "${#lines[@]}:${#stderr_lines[@]}:${stderr_lines[0]}" = "1:1:err *" ]
			run --separate-stderr -- true
			[ "$output:$stderr:${#lines[@]}:${#stderr_lines[@]}" = "::0:0" ]
		}
		%test "empty lines" {
			run --keep-empty-lines printf 'a\n\n\nb'
			[ "$output" = $'a\n\n\nb' ]
			[ "${#lines[@]}:${lines[1]}:${lines[3]}" = 4::b ]
			run printf '\n\na\n\n\nb\n\n'
			[ "$output" = $'\n\na\n\n\nb' ]
			[ "${#lines[@]}:${lines[1]}" = 2:b ]
			run --keep-empty-lines --separate-stderr both
			[ "$output" = $'  out\n\n' ]
			run --keep-empty-lines true
			[ "$output:${#lines[@]}" = :0 ]
		}
		%test "wanted" {
			run -0 true
			run -255 sh -c 'exit 255'
			run ! false
			run -3 --separate-stderr both 3
		}
		%test "no errexit inside" {
			helper() { false; [[ $- != *e* ]] && echo reached; }
			run -0 helper
			[ "$output" = reached ]
			[[ $- == *e* ]]
		}
		%test "nested" {
			inner() { run -4 --separate-stderr sh -c 'echo a; echo b >&2; exit 4'; echo "$output $stderr"; }
			outer() { run -0 inner; echo "<$output>"; echo c >&2; }
			run -0 --separate-stderr outer
			[ "$output:$stderr" = "<a b>:c" ]
		}
		%test "in the shell itself nothing changes" {
			value=before
			change() { value=after; cd /; exit 5; }
			run change
			[ "$status:$value:$PWD" = "5:before:$OLDPWD_OF_TEST" ]
		}
		setup() { OLDPWD_OF_TEST=$PWD; IFS=$' \t\n'; }
	END
	agree "ok ok ok ok ok ok ok ok"
}

@test "run fails for an unexpected exit status and for wrong options" {
	file <<-'END'
		bats_require_minimum_version 1.5.0
		say() { echo "output of say"; return 3; }
		%test "-0" { run -0 say; }
		%test "-4" { run -4 say; true; }
		%test "!" { run ! true; true; }
		helper() { run -0 say; true; }
		%test "in a function" { helper; true; }
		%test "too large" { run -256 say; true; }
		%test "not a number" { run -1x say; true; }
		%test "unknown" { run --merge say; true; }
	END
	agree "not not not not not not not"
	assert_line "# output of say"
	assert_line --partial "exit status 3, not 0: say"
}

@test "bats-assert works, and a failure in it is reported at the line of the test" {
	file <<-'END'
		bats_require_minimum_version 1.5.0
		bats_load_library bats-support
		bats_load_library bats-assert
		%test "passes" {
			run -0 echo "one two"
			assert_output --partial two
			refute_line three
		}
		%test "differs" {
			run echo one
			assert_output two
		}
		%test "of a helper" {
			same() { assert_equal "$1" b; }
			same a
		}
		%test "fail" { fail "a message"; }
	END
	agree "ok not not not"
	assert_line "#  in test file file.bats, line 11)"
	assert_line "#   \`assert_output two' failed"
	assert_line "# actual   : one"
	assert_line --regexp "^# \(from function \`assert_equal' in file .*/assert_equal.bash, line [0-9]+,$"
	assert_line --regexp "^#  from function \`same' in file .*file.bats, line 14,$"
	assert_line "#   \`same a' failed"
	assert_line "# a message"
}

@test "the report of a failure is that of bats: functions, file, line, command, output" {
	file <<-'END'
		inner() {
			echo "said"
			sh -c "exit 5"
		}
		outer() {
			inner
		}
		%test "a" {
			true
			outer
			true
		}
		%test "b" {
			run cat <<-'EOT'
				%test is a word
			EOT
			[ "$output" = "@test is a word" ]
			[ "$status" -eq 1 ]
		}
	END
	agree_wholly "not not"
	assert_line "#   \`outer' failed with status 5"
}

@test "a trap EXIT of a test does not hide a failure" {
	file <<-'END'
		%test "passes" { trap 'true' EXIT; }
		%test "fails" { trap 'true' EXIT; false; }
		%test "exits" { trap 'exit 0' EXIT; exit 0; }
		%test "no trap" { trap - EXIT; exit 0; }
		%test "no trap ERR" { trap - ERR; false; }
		%test "another program" { exec true; }
	END
	differ "ok not" "ok not not not not not"
}

@test "file descriptor 3 is TAP; 1 and 2 are printed for a failure" {
	file <<-'END'
		echo "# of the file" >&3
		setup() { echo "# of setup" >&3; echo hidden; }
		%test "passes" { echo "# of the test" >&3; echo "not a comment" >&3; echo hidden; }
		%test "fails" { echo shown; echo "shown, too" >&2; echo "# before" >&3; printf "no newline"; false; }
	END
	with_runner
	ends "ok not"
	assert_equal "$tap" "1..2
# of the file
# of setup
# of the test
not a comment
ok 1 passes
# of setup
# before
not ok 2 fails
# (in test file file.bats, line 4)
#   \`@test \"fails\" { echo shown; echo \"shown, too\" >&2; echo \"# before\" >&3; printf \"no newline\"; false; }' failed
# hidden
# shown
# shown, too
# no newline"
}

@test "a test starts one process and no program, and run starts one of each" {
	command -v strace >/dev/null || skip "no strace"
	# calls COMMANDS: prints how many more calls ten tests make
	calls() {
		local n i counts=()
		for n in 1 11; do
			for ((i = 0; i < n; i++)); do printf '@test "%s" { %s; }\n' $i "$1"; done >file.bats
			strace -f -qq -o trace -e trace=fork,vfork,clone,clone3,execve "$runner" file.bats >/dev/null
			counts+=("$(grep -cE '(fork|clone3?)\(' trace)" "$(grep -c 'execve(' trace)")
		done
		echo "$((counts[2] - counts[0])) $((counts[3] - counts[1]))"
	}
	assert_equal "$(calls :)" "10 0"
	assert_equal "$(calls 'run /bin/true')" "20 10"
	assert_equal "$(calls 'run --separate-stderr /bin/true')" "20 10"
}
