# SPDX-License-Identifier: GPL-2.0-or-later
# What tests/install-deps says and does, with the machine's package tools played by scripts.

bats_require_minimum_version 1.5.0
: "${BATS_LIB_PATH:=/usr/lib/bats}"
load "${BATS_LIB_PATH%%:*}/bats-support/load.bash"
load "${BATS_LIB_PATH%%:*}/bats-assert/load.bash"

top=$(cd "$BATS_TEST_DIRNAME/../.." && pwd -P)

# tool NAME LINE...: a script that is found before the real NAME
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
	tool sudo 'exec "$@"'
	export LOG=$BATS_TEST_TMPDIR/log PATH=$BATS_TEST_TMPDIR/bin:$PATH
}

@test "install-deps: a release that lacks packages: their names, and what to do" {
	run -1 "$top/tests/install-deps" check </dev/null
	assert_output --partial "this release has no package zsh fish: install what it contains by other means, or use Debian 12 or 13"
	# The lists were fetched before that was said.
	run cat "$LOG"
	assert_line --partial update
}

@test "install-deps: nothing is done where nothing is missing" {
	tool dpkg-query 'for n; do case $n in -*) ;; *) echo "$n installed" ;; esac; done'
	run -0 "$top/tests/install-deps"
	assert_output ""
	[ ! -e "$LOG" ]
}

@test "install-deps: --print names the packages of a group, each once" {
	run -0 "$top/tests/install-deps" --print build vm
	assert_line libpopt-dev
	assert_line qemu-system-x86
	assert_equal "$(sort -u <<<"$output")" "$(sort <<<"$output")"
	run -1 "$top/tests/install-deps" nonsense
	assert_output --partial "unknown group 'nonsense'"
}

@test "install-deps: an ordinary user without sudo is told the command" {
	tool id 'echo 1000'
	tool sudo 'exit 1'
	run -1 "$top/tests/install-deps" check </dev/null
	assert_output --partial "as root: apt-get update && apt-get install --no-install-recommends bats"
	[ ! -e "$LOG" ]
}
