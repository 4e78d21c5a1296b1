#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2013,SC2016,SC2030,SC2031,SC2154
# bash completion: what it offers is what the program has.
bats_require_minimum_version 1.5.0
load helpers

# complete WORD...: what is offered for the last word.
complete_words() {
	run bash -c '
		. "$1"; shift
		COMP_WORDS=(tsmctl "$@") COMP_CWORD=$# COMPREPLY=()
		compopt() { :; }
		_tsmctl
		printf "%s\n" "${COMPREPLY[@]}"' - "$BATS_TEST_DIRNAME/../../completions/tsmctl.bash" "$@"
	assert_success
}

@test "completion: every verb, by its beginning" {
	complete_words ""
	for verb in $(tsmctl help verbs | cut -f1) help; do assert_line "$verb"; done
	complete_words re
	assert_output $'release\nrevoke'
	complete_words --json un
	assert_output $'unload\nunbind'
}

@test "completion: a verb's own options and the global ones" {
	complete_words mode --
	assert_line --set=
	assert_line --bar-mmap=
	assert_line --json
	complete_words connect --ts
	assert_output --tsm=
}

@test "completion: values and devices where a verb takes them" {
	complete_words mode ex
	assert_output exclusive
	complete_words bind al
	assert_output all
	complete_words load al
	assert_output ""
}
