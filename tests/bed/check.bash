# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154
# For the tests of tests/check. They have a tree of their own, with fakes of the scripts that
# start virtual machines and build kernels.

load helpers

setup() {
	tree=$BATS_TEST_TMPDIR/tree
	mkdir -p "$tree"/tests/{bed,tools,vm,static,cli} "$BATS_TEST_TMPDIR/tmp"
	cp "$top/tests/check" "$tree/tests"
	cp "$top/tests/tools/jobs.bash" "$tree/tests/tools"
	cp "$top/tests/static/suite.bash" "$tree/tests/static"
	cp "$top/tests/cli/suite.bash" "$tree/tests/cli"
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
