# SPDX-License-Identifier: GPL-2.0-or-later
# Tests of tests/tools/run-bats: what fails is reported as a failure. They run on the host.
# runner-tests.bats and runner-files.bats have the rest.

load runner

@test "a test passes unless one of its commands fails" {
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

@test "a command that fails in setup or teardown fails the test" {
	file setup <<-'END'
		setup() { false; true; }
		teardown() { echo "# teardown after $value" >&3; }
		%test "not begun" { value=test; }
	END
	file teardown <<-'END'
		teardown() { true; false; }
		%test "only teardown fails" { true; }
		%test "the test and teardown fail" { false; }
		%test "a skipped test, and teardown fails" { skip; }
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

@test "a test with an exit or an error of the shell ends and fails" {
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

@test "if setup_file fails, each test fails, and teardown_file runs" {
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

@test "if a file cannot be parsed, each of its tests fails, and the other file runs" {
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
	rm b.bats
	broken "not not"
}

@test "output that cannot be written is a failure" {
	file <<-'END'
		%test "one" { true; }
	END
	"$runner" file.bats >/dev/full 2>err && status=0 || status=$?
	assert_equal "$status" 1
}
