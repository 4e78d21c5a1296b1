# SPDX-License-Identifier: GPL-2.0-or-later
# tests/tools/run-bats beside bats itself. Runs on the host.
#
# The files for both are written here; in them, %test stands for @test, which bats would
# take for a test of this file.

bats_require_minimum_version 1.5.0
: "${BATS_LIB_PATH:=/usr/lib/bats}"
load "${BATS_LIB_PATH%%:*}/bats-support/load.bash"
load "${BATS_LIB_PATH%%:*}/bats-assert/load.bash"

setup() {
	runner=$(cd "$BATS_TEST_DIRNAME/../tools" && pwd)/run-bats
	cd "$BATS_TEST_TMPDIR" || return
}

# file [NAME]: a test file, from standard input
file() { sed 's/%test/@test/' >"${1:-file}.bats"; }

# alone COMMAND...: without the variables of this bats, and not for ever
alone() {
	env -i PATH="$PATH" HOME="$HOME" LANG=C.UTF-8 TMPDIR="$BATS_TEST_TMPDIR" \
		BATS_LIB_PATH="$BATS_LIB_PATH" EXPORTED=yes timeout 60 "$@" 3>&- 4>&-
}

# with_bats, with_runner [ARG]...: $status, $verdicts and $tap of the test files
with_bats() {
	run --separate-stderr alone "${BATS_ROOT:+$BATS_ROOT/bin/}bats" --formatter tap --timing "$@" ./*.bats
	look
}
with_runner() {
	run --separate-stderr alone "$runner" "$@" ./*.bats
	look
}
look() {
	tap=$(sed -E 's/^((not )?ok .*) in [0-9]+ms/\1/' <<<"$output")
	verdicts=$(awk '/^ok .*# skip/ { print "skip"; next } /^ok/ { print "ok" }
		/^not ok/ { print "not" }' <<<"$output" | paste -sd ' ')
}

# ends VERDICTS: of the last run, with the status that belongs to them
ends() {
	local expected=0
	[[ $1 != *not* ]] || expected=1
	assert_equal "$verdicts" "$1"
	assert_equal "$status" "$expected"
}

# agree VERDICTS [ARG]...: both print them, with the same numbers and names
agree() {
	local lines_of_bats
	with_bats "${@:2}"
	ends "$1"
	lines_of_bats=$(grep -E '^(not )?ok |^1\.\.' <<<"$tap")
	tap_of_bats=$tap
	with_runner "${@:2}"
	ends "$1"
	assert_equal "$(grep -E '^(not )?ok |^1\.\.' <<<"$tap")" "$lines_of_bats"
}

# agree_wholly VERDICTS: and every other line is the same
agree_wholly() {
	agree "$@"
	assert_equal "$tap" "$tap_of_bats"
}

# differ VERDICTS-OF-BATS VERDICTS-OF-THE-RUNNER: what the head of run-bats lists
differ() {
	with_bats
	ends "$1"
	with_runner
	ends "$2"
}

@test "a test that passes, and the commands that make one fail" {
	file <<-'END'
		helper() { false; true; }
		%test "passes" { true; }
		%test "in the middle" {
			echo "output of the test"
			false
			echo "not reached"
		}
		%test "in a function" {
			echo "to stderr" >&2
			helper
		}
		%test "with another status" {
			(exit 7)
		}
		%test "in a subshell" {
			(true; false; true)
			true
		}
		%test "in a substitution" {
			value=$(exit 3)
		}
		%test "a condition" {
			[[ a == b ]]
			true
		}
		%test "an arithmetic one" {
			((1 > 2))
			true
		}
		%test "no such command" {
			no-such-command
		}
		%test "empty" { }
	END
	agree "ok not not not not not not not not ok"
	assert_line --partial "output of the test"
	refute_line --partial "not reached"
}

@test "the rules of errexit: pipes, lists, negation, conditions" {
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

@test "setup and teardown: what fails in them fails the test" {
	file setup <<-'END'
		setup() { false; true; }
		teardown() { echo "# teardown after $value" >&3; }
		%test "not begun" { value=test; }
	END
	file teardown <<-'END'
		teardown() { true; false; }
		%test "passes but for teardown" { true; }
		%test "fails as well" { false; }
		%test "is skipped as well" { skip; }
	END
	file status <<-'END'
		teardown() { false; true; }
		%test "only the status of teardown counts" { true; }
	END
	file exit <<-'END'
		teardown() { exit 0; }
		%test "teardown exits" { true; }
	END
	agree "not not ok not not not"
	assert_line "# teardown after "
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

@test "skip: in the test, in a function, in setup, in teardown, in a subshell" {
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

@test "run: status, output, lines, stderr" {
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

@test "run: an exit status that is not the wanted one, and wrong options" {
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

@test "the report is that of bats: functions, file, line, command, output" {
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

@test "exit and errors of the shell end a test that fails" {
	file <<-'END'
		teardown() { echo "# teardown" >&3; }
		leave() { exit 3; }
		%test "0" { exit 0; }
		%test "3" { exit 3; }
		%test "function" { leave; }
		%test "unset" { set -u; : "$no_such_variable"; }
		%test "assert" { : "${no_such_variable?is not there}"; }
	END
	agree "not not not not not"
	assert_line --partial "ended with status 3, not by a command"
	assert_line --partial "is not there"
	assert_equal "$(grep -c '^# teardown' <<<"$tap")" 5
}

@test "a signal that ends a test is a failure" {
	file <<-'END'
		%test "before" { true; }
		%test "killed" { echo said; kill -KILL $BASHPID; }
		%test "terminated" { kill -TERM $BASHPID; }
		%test "after" { true; }
	END
	differ "ok not ok" "ok not not ok"
	assert_line --partial "#   ended by signal KILL, with status 137"
	assert_line --partial "#   ended by signal TERM, with status 143"
	assert_line "# said"
}

@test "a trap EXIT of a test hides no failure" {
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

@test "a process that a test leaves behind does not hold the runner up" {
	mkfifo never
	file <<-'END'
		%test "leaves" { sh -c 'exec <>never; read x' 3>&- 4>&- & echo $! >pid; }
		%test "after" { true; }
	END
	agree "ok ok"
	kill "$(cat pid)"
	# with all its files
	file <<-'END'
		setup_file() { sh -c 'exec <>never; read x' & echo $! >>pids; }
		%test "leaves" { sh -c 'exec <>never; read x' & echo $! >>pids; }
		%test "a shell" { while read x; do :; done <>never & echo $! >>pids; }
	END
	with_runner
	ends "ok ok"
	mapfile -t pids <pids
	assert_equal "${#pids[@]}" 3
	kill "${pids[@]}"
}

@test "setup_file and teardown_file: exports, the directory, once a file" {
	mkdir elsewhere
	file <<-'END'
		setup_file() {
			export VALUE="from setup_file" EXPORTED=changed
			echo "# setup_file" >&3
			cd elsewhere
			: >"$BATS_FILE_TMPDIR/made"
			own=1
		}
		teardown_file() { echo "# teardown_file $own $VALUE" >&3; }
		%test "a" { [ "$VALUE" = "from setup_file" ]; [ "$EXPORTED" = changed ]; VALUE=x; }
		%test "b" { [ "$(sh -c 'echo $VALUE')" = "from setup_file" ]; [ "${PWD##*/}" = elsewhere ]; }
		%test "c" { [ -e "$BATS_FILE_TMPDIR/made" ]; }
	END
	agree_wholly "ok ok ok"
	assert_line "# teardown_file 1 from setup_file"
}

@test "setup_file that fails: each test fails, teardown_file runs" {
	file a <<-'END'
		setup_file() { echo "# begun" >&3; echo said; false; }
		teardown_file() { echo "# teardown_file" >&3; }
		%test "one" { true; }
		%test "two" { true; }
	END
	file b <<-'END'
		%test "three" { true; }
	END
	differ "not ok" "not not ok"
	assert_line "not ok 2 two"
	assert_line "#   \`setup_file() { echo \"# begun\" >&3; echo said; false; }' failed"
	assert_line "# begun"
	assert_line "# said"
	assert_line "# teardown_file"
}

@test "setup_file that exits or skips: each test fails" {
	file a <<-'END'
		setup_file() { exit 0; }
		%test "one" { true; }
	END
	file b <<-'END'
		setup_file() { skip; }
		%test "two" { true; }
	END
	file c <<-'END'
		setup_file() { trap true EXIT; exit 0; }
		%test "three" { true; }
	END
	file d <<-'END'
		setup_file() { kill -KILL $BASHPID; }
		%test "four" { true; }
	END
	with_runner
	ends "not not not not"
}

@test "teardown_file that fails or exits is a failure that is told" {
	file <<-'END'
		teardown_file() { echo said; false; }
		%test "one" { true; }
	END
	agree "ok not"
	assert_line "# said"
	file <<-'END'
		teardown_file() { exit 0; }
		%test "one" { true; }
	END
	with_runner
	ends "ok not"
	assert_line "not ok 2 teardown_file failed"
}

@test "names: quotes, brackets, umlauts, signs that the shell and TAP know" {
	file <<-'END'
		value=expanded
		%test "it's a name: 100 %s of \"quotes\", \$HOME and \\" { [[ $BATS_TEST_DESCRIPTION == "it's a "* ]]; }
		%test 'single, with "double" inside' { true; }
		%test "ärger & more > less; (all) [of] {them} * ? ! ~ #1" { true; }
		%test without_quotes { true; }
		  %test	"blanks before"   {
			true
		}
		%test "two   blanks" { true; }
		function_form() { # %test
			true
		}
		%test "-dash" { false; }
	END
	agree "ok ok ok ok ok ok ok not"
	assert_line --regexp "^ok 1 it's a name: 100 %s of \"quotes\", \\\$HOME and .* in [0-9]+ms$"
}

@test "file descriptor 3 is TAP, 1 and 2 are kept for a failure" {
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

@test "functions, variables, directories and options of a file do not reach the next" {
	file a <<-'END'
		helper() { true; }
		setup() { first=1; }
		teardown() { false; }
		export VALUE=1
		cd /
		set -f
		%test "a" { skip; }
	END
	file b <<-'END'
		%test "b" { ! declare -F helper; [ -z "${VALUE-}${first-}" ]; }
		%test "directory" { [ "$PWD" = "$OF_FILE" ]; [[ $- != *f* ]]; }
		OF_FILE=$BATS_TEST_DIRNAME
		%test "c" {
			last=1
			helper() { true; }
			export OTHER=1
		}
		%test "d" { [ -z "${last-}${OTHER-}" ]; ! declare -F helper; }
	END
	agree "not ok ok ok ok"
}

@test "load: helpers beside the file, with and without .bash, and what is not there" {
	mkdir lib
	echo 'loaded=${loaded-}1; declare -A of_load=([a]=b)' >helper.bash
	echo 'of_lib() { echo "$loaded"; }' >lib/more.bash
	file a <<-'END'
		load helper
		load lib/more.bash
		%test "both" { [ "$(of_lib)" = 1 ]; }
		%test "declare is local to load" { [ -z "${of_load[a]-}" ]; }
		%test "in a test" { load "$BATS_TEST_DIRNAME/lib/more"; of_lib; }
		%test "in a test, missing" { load missing; }
	END
	agree "ok ok ok not"
	file a <<-'END'
		load helper
		loaded=own
		setup_file() { load helper; }
		%test "what is loaded is not loaded again" { [ "$loaded" = own ]; }
	END
	agree "ok"
	file a <<-'END'
		load missing
		%test "one" { true; }
	END
	differ "not" "not"
	assert_line --partial "missing"
	echo 'false' >fails.bash
	sed -i s/missing/fails/ a.bats
	differ "not" "not"
	printf '%s\n' 'bats_load_library missing' '@test "one" { true; }' >a.bats
	differ "not" "not"
}

@test "the variables of bats" {
	file a <<-'END'
		%test "of another file" { true; }
	END
	file b <<-'END'
		here=$BATS_TEST_DIRNAME file=$BATS_TEST_FILENAME
		%test "files" {
			[ "$here/b.bats" = "$file" ]
			[ "$file" = "$BATS_TEST_FILENAME" ]
			[ "$here" = "$BATS_TEST_DIRNAME" ]
			[[ $here == /* && $here != */./* && $here != */. ]]
			[ "$(type -t "$BATS_TEST_NAME")" = function ]
		}
		%test "numbers" { [ "$BATS_TEST_NUMBER:$BATS_SUITE_TEST_NUMBER:$BATS_TEST_DESCRIPTION" = 2:3:numbers ]; }
		%test "directories" {
			for dir in TEST FILE SUITE RUN; do
				dir=BATS_${dir}_TMPDIR
				[ -d "${!dir}" ]
				[ "$(printenv $dir)" = "${!dir}" ]
				[ -w "${!dir}" ]
			done
			: >"$BATS_TEST_TMPDIR/of-directories"
			[ "$(stat -c %a "$BATS_RUN_TMPDIR")" = 700 ]
		}
		%test "a directory for each test" { [ -z "$(ls -A "$BATS_TEST_TMPDIR")" ]; }
		%test "versions" { bats_require_minimum_version 1.5.0; }
		%test "no such version" { bats_require_minimum_version 2.0.0; }
	END
	agree "ok ok ok ok ok ok not"
	run find . -name 'bats-run-*'
	assert_output ""
}

@test "a file that cannot be parsed: each test fails, the other file runs" {
	file a <<-'END'
		%test "one" { true; }
		%test "two" {
			if true; then
		}
	END
	file b <<-'END'
		%test "three" { true; }
	END
	with_runner
	ends "not not ok"
	assert_line --regexp "^# .*/a.bats: line 4: syntax error"
	run alone "${BATS_ROOT:+$BATS_ROOT/bin/}bats" a.bats
	assert_equal "$status" 1
}

@test "a file whose own code fails: each test fails" {
	file <<-'END'
		true
		false
		%test "one" { true; }
		%test "two" { true; }
	END
	differ "not" "not not"
	assert_line "#   \`false' failed"
	assert_line --regexp "in test file .*file.bats, line 2\)"
	file <<-'END'
		%test "one" { true; }
		[ 1 = 2 ] && true
	END
	agree "ok"
}

@test "an error before the first test: no file, no such file, no test, two of a name" {
	run -1 "$runner"
	assert_output --partial "no file is given"
	run -1 "$runner" missing.bats
	assert_output "run-bats: cannot read the file missing.bats"
	run -1 "$runner" .
	: >file.bats
	run -1 "$runner" file.bats
	assert_output "run-bats: file.bats has no test"
	printf '@test "same" { true; }\n@test "same" { true; }\n' >file.bats
	run -1 "$runner" file.bats
	assert_output "run-bats: file.bats: two tests have the name 'same'"
	run -1 "$runner" --jobs 2 file.bats
	assert_output --partial "unknown option '--jobs'"
	run -0 "$runner" --help
	assert_line --index 0 "run-bats: run test files of bats in one bash."
	refute_line --partial "set -"
}

@test "--filter runs the tests with a name that matches" {
	file a <<-'END'
		%test "one" { true; }
		%test "two" { false; }
		%test "three" { [ "$BATS_TEST_NUMBER" = 2 ]; }
	END
	file b <<-'END'
		setup_file() { echo "not to be run" >&3; }
		%test "four" { false; }
	END
	agree_wholly "ok ok" --filter '^(one|th)'
	run -1 "$runner" --filter five a.bats
	assert_output "run-bats: no test has a name that matches 'five'"
}

@test "output that cannot be written is a failure" {
	file <<-'END'
		%test "one" { true; }
	END
	"$runner" file.bats >/dev/full 2>err && status=0 || status=$?
	assert_equal "$status" 1
}

@test "a test costs one fork and no program; run costs one of each" {
	command -v strace >/dev/null || skip "no strace"
	# calls COMMANDS: the difference that ten tests make
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
