# SPDX-License-Identifier: GPL-2.0-or-later
# Tests of tests/tools/run-bats: what a file can do, and the options. They run on the host.
# long: the runner changes rarely; runner.bats proves that no failure is hidden

load runner

@test "a process that a test leaves behind does not delay the runner" {
	mkfifo never
	file <<-'END'
		%test "leaves" { sh -c 'exec <>never; read x' 3>&- 4>&- & echo $! >pid; }
		%test "after" { true; }
	END
	agree "ok ok"
	kill "$(cat pid)"
	# with all of its file descriptors
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

@test "setup_file and teardown_file run once for a file; exports and directory reach the tests" {
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

@test "if setup_file exits or skips, each test fails" {
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

@test "a teardown_file that fails or exits is reported as a failure" {
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

@test "names may contain quotes, brackets, umlauts, and special characters of the shell and TAP" {
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

@test "functions, variables, directories and options of a file do not reach the next file" {
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

@test "load finds helpers beside the file, with and without .bash, and fails for a missing one" {
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
	broken "not"
	assert_line --partial "missing"
	echo 'false' >fails.bash
	sed -i s/missing/fails/ a.bats
	broken "not"
	printf '%s\n' 'bats_load_library missing' '@test "one" { true; }' >a.bats
	broken "not"
}

@test "the variables of bats are set" {
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

@test "if a file's own code fails, each of its tests fails" {
	file <<-'END'
		true
		false
		%test "one" { true; }
		%test "two" { true; }
	END
	broken "not not"
	assert_line "#   \`false' failed"
	assert_line --regexp "in test file .*file.bats, line 2\)"
	file <<-'END'
		[ 1 = 2 ] && true
		%test "one" { true; }
	END
	agree "ok"
	# bats 1.11 refuses this, but 1.8 does not
	echo '[ 1 = 2 ] && true' >>file.bats
	with_runner
	ends "not"
}

@test "no file, a missing file, no test and two tests of one name are errors" {
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
