# SPDX-License-Identifier: GPL-2.0-or-later
# What tests/install-deps prints and does, with scripts instead of the package tools.

load helpers

# tool NAME LINE...: makes a script that is found before the real NAME
tool() {
	local name=$1
	shift
	printf '%s\n' '#!/bin/sh' "$@" >"$BATS_TEST_TMPDIR/bin/$name"
	chmod +x "$BATS_TEST_TMPDIR/bin/$name"
}

setup() {
	mkdir "$BATS_TEST_TMPDIR/bin"
	tool dpkg-query 'exit 1'
	tool apt-cache 'case $* in *fish*|*zsh*) exit 100 ;; esac'
	tool apt-get 'echo "$@" >>"$LOG"; case " $* " in *" install "*) exit 100 ;; esac'
	tool sudo '[ "$1" != -n ] || shift' 'exec "$@"'
	export LOG=$BATS_TEST_TMPDIR/log PATH=$BATS_TEST_TMPDIR/bin:$PATH
}

@test "install-deps: if the release lacks packages, it prints their names and a hint" {
	run -1 "$top/tests/install-deps" check </dev/null
	assert_output --partial "this release has no package zsh fish: install what it contains by other means, or use Debian 12 or 13"
	# It has updated the lists before it printed that.
	run cat "$LOG"
	assert_line --partial update
}

@test "install-deps: if no package is missing, it does nothing" {
	tool dpkg-query 'for n; do case $n in -*) ;; *) echo "$n installed" ;; esac; done'
	run -0 "$top/tests/install-deps"
	assert_output ""
	[ ! -e "$LOG" ]
}

@test "install-deps: --print prints the packages of a group, each once" {
	run -0 "$top/tests/install-deps" --print build vm
	assert_line libpopt-dev
	assert_line qemu-system-x86
	assert_equal "$(sort -u <<<"$output")" "$(sort <<<"$output")"
	run -1 "$top/tests/install-deps" nonsense
	assert_output --partial "unknown group 'nonsense'"
}

@test "install-deps: for an ordinary user without sudo, it prints the command" {
	tool id 'echo 1000'
	tool sudo 'exit 1'
	run -1 "$top/tests/install-deps" check </dev/null
	assert_output --partial "as root: apt-get update && apt-get install --no-install-recommends bats"
	[ ! -e "$LOG" ]
}
