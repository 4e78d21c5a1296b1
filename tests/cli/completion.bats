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

# fish LINE: what it offers.
fish_offers() {
	command -v fish > /dev/null || skip "no fish"
	HOME=$BATS_TEST_TMPDIR run fish --no-config -c "source $BATS_TEST_DIRNAME/../../completions/tsmctl.fish; complete -C '$1'"
	assert_success
}

@test "completion: fish offers verbs, options and values of the tables" {
	fish_offers "tsmctl "
	for verb in $(tsmctl help verbs | cut -f1) help; do assert_line "$verb"; done
	fish_offers "tsmctl mode ex"
	assert_output exclusive
	fish_offers "tsmctl mode --ba"
	assert_output --bar-mmap=
	fish_offers "tsmctl --json un"
	assert_output $'unbind\nunload'
}

# zsh_line LINE: the line after a tab, on a terminal of a real zsh.
zsh_line() {
	command -v zsh > /dev/null || skip "no zsh"
	mkdir -p "$BATS_TEST_TMPDIR/functions"
	cp "$BATS_TEST_DIRNAME/../../completions/tsmctl.zsh" "$BATS_TEST_TMPDIR/functions/_tsmctl"
	cat > "$BATS_TEST_TMPDIR/drive.zsh" <<- 'END'
		zmodload zsh/zpty
		zpty shell zsh -f -i
		zpty -w shell "PS1=; unsetopt zle_bracketed_paste beep; fpath=($1 \$fpath); autoload -U compinit; compinit -u -D"
		zpty -w shell 'show() { print -r -- "<$BUFFER>"; BUFFER=; zle accept-line }; zle -N show; bindkey "^X" show'
		zpty -w shell 'print rea""dy'
		zpty -r shell line '*ready*'
		zpty -n -w shell "$2"$'\t\x18'
		zpty -r shell line '*<*>*'
		print -r -- "${${line##*<}%%>*}"
		zpty -d shell
	END
	run timeout 20 zsh -f "$BATS_TEST_TMPDIR/drive.zsh" "$BATS_TEST_TMPDIR/functions" "$1"
	assert_success
}

@test "completion: a real zsh completes verbs, options and values" {
	zsh_line "tsmctl mon"
	assert_output "tsmctl monitor "
	zsh_line "tsmctl mode ex"
	assert_output "tsmctl mode exclusive "
	zsh_line "tsmctl mode --bar"
	assert_output "tsmctl mode --bar-mmap="
}
