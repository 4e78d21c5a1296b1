#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2013,SC2016,SC2030,SC2031,SC2154
# Completions of bash, fish and zsh: they offer what the tables of the program contain.
bats_require_minimum_version 1.5.0
load helpers

# complete_words WORD...: what bash offers for the last WORD. It does not break words at colons.
complete_words() {
	run bash -c '
		. "$1"; shift
		COMP_WORDBREAKS=${COMP_WORDBREAKS//:/}
		COMP_WORDS=(tsmctl "$@") COMP_CWORD=$# COMPREPLY=()
		compopt() { :; }
		_tsmctl
		printf "%s\n" "${COMPREPLY[@]}"' - "$BATS_TEST_DIRNAME/../../completions/tsmctl.bash" "$@"
	assert_success
}

@test "completion: offers every verb that begins with the word" {
	complete_words ""
	for verb in $(tsmctl help verbs | cut -f1) help; do assert_line "$verb"; done
	complete_words re
	assert_output $'requests\nrelease\nrevoke'
	complete_words --json un
	assert_output $'unload\nunbind'
}

@test "completion: offers a verb's own options and the global ones" {
	complete_words mode --
	assert_line --set=
	assert_line --bar-mmap=
	assert_line --json
	complete_words connect --ts
	assert_output --tsm=
}

@test "completion: offers values and devices where a verb takes them" {
	complete_words mode ex
	assert_output exclusive
	complete_words requests inf
	assert_output info
	complete_words requests --set=no
	assert_output none
	complete_words bind al
	assert_output all
	complete_words load al
	assert_output ""
}

# a_host: a host with functions and a TSM, and files in a directory of their own
a_host() {
	export SYSFS_PATH=$BATS_TEST_TMPDIR/sys
	mkdir -p "$SYSFS_PATH"/{bus/pci/drivers/{nvme,igb},bus/pci/devices/0000:{01,02}:00.0,class/tsm/tsm3} "$BATS_TEST_TMPDIR/here/saved.d"
	cd "$BATS_TEST_TMPDIR/here" || return
	touch saved.json other.json
}

@test "completion: offers the values of options, and no global options after help" {
	a_host
	complete_words assign driver=n
	assert_output nvme
	complete_words connect pf=0000:02
	assert_output 0000:02:00.0
	complete_words save --file saved
	assert_output $'saved.d\nsaved.json'
	for words in "save -f" "save --file =" "apply --file" "diff -f"; do
		# shellcheck disable=SC2086
		complete_words $words sa
		assert_output $'saved.d\nsaved.json'
	done
	complete_words save --file=saved.j
	assert_output saved.json
	complete_words load --modules sa
	assert_output saved.d
	complete_words connect --tsm ""
	assert_output tsm3
	complete_words connect --tsm =
	assert_output tsm3
	complete_words list --driver n
	assert_output nvme
	complete_words list --state closed,lo
	assert_output closed,lost
	complete_words list -o STATE,TDI-S
	assert_output STATE,TDI-STATE
	complete_words list --sort GEN
	assert_output GENERATION
	complete_words load --sim 0000:01:00.0,0000:02
	assert_output 0000:01:00.0,0000:02:00.0
	complete_words load --sim ""
	assert_output $'0000:01:00.0\n0000:02:00.0'
	complete_words config sh
	assert_output show
	complete_words config show 0000:01
	assert_output 0000:01:00.0
	complete_words config check sa
	assert_output $'saved.d\nsaved.json'
	complete_words config @
	assert_output ""
	complete_words mode --default ""
	assert_output $'exclusive\nshared'
	complete_words mode --bar-mmap re
	assert_output $'refuse\nrevoke'
	complete_words monitor --events bound,un
	assert_output bound,unbound
	# a word of --events is not a device
	complete_words monitor bou
	assert_output ""
	complete_words bind --vmm ""
	assert_output ""
	complete_words help --
	assert_output ""
	complete_words help bi
	assert_output bind
	complete_words help bind ""
	assert_output ""
}

# a_busy_host: devices in several states
a_busy_host() {
	fake_host
	fake_device 0000:01:00.0 nvme
	fake_tsm_side 0000:01:00.0
	fake_assigned 0000:02:00.0
	fake_assigned 0000:03:00.0 bound
	policy 0000:03:00.0 owner 4711
	fake_assigned 0000:04:00.0 lost
	policy 0000:04:00.0 owner 4711
	fake_assigned 0000:05:00.0 quarantined
	policy 0000:05:00.0 quarantine 1
	policy 0000:05:00.0 owner 815
	fake_policy 0001:06:00.0 absent
	fake_device 0000:07:00.0 pcieport
	echo 0x060400 > "$SYS/devices/pci0000:00/0000:07:00.0/class"
}

@test "completion: offers the devices that make sense for the verb" {
	a_busy_host
	while read -r verbs wanted; do
		for verb in ${verbs//,/ }; do
			complete_words "$verb" 000
			assert_equal "$(cut -d : -f 2 <<< "$output" | xargs)" "$wanted"
		done
	done <<- 'END'
		assign 01
		prepare 01 02 04 05
		release,disconnect 02 03 04 05
		connect 01
		bind 02 04
		unbind 03 04
		revoke 03
		free 05
		show,mode,tdi-id,allow,wait 01 02 03 04 05 07 06
	END
	for verb in bind unbind; do
		complete_words $verb --vmm ""
		assert_output $'4711\n815'
	done
	complete_words unbind --vmm=4
	assert_output 4711
	complete_words bind ""
	assert_line all
}

@test "completion: offers short addresses if no whole one begins with the word" {
	a_busy_host
	complete_words bind 02
	assert_output 02:00.0
	complete_words show 0
	refute_line 01:00.0
	complete_words show 06
	assert_output ""
	complete_words unbind 03:00.0 04
	assert_output 04:00.0
}

@test "completion: puts addresses together that bash has split at colons" {
	a_busy_host
	run -0 timeout 60 bash --norc -c '
		. "$1"
		for line in "tsmctl bind 0000:02" "tsmctl bind 0000:" "tsmctl bind 02:" "tsmctl connect pf=0000:02" \
			"tsmctl show 0000:01:00.0 0001:06" "tsmctl load --sim=0000:01:00.0,0000:02" "tsmctl bi"; do
			line=${line//:/ : }
			read -r -a COMP_WORDS <<< "${line//=/ = }"
			COMP_CWORD=$((${#COMP_WORDS[@]} - 1)) COMPREPLY=()
			compopt() { :; }
			_tsmctl
			echo "${COMPREPLY[@]}"
		done' - "$BATS_TEST_DIRNAME/../../completions/tsmctl.bash"
	assert_output "02:00.0
02:00.0 04:00.0
00.0
02:00.0
06:00.0
02:00.0
bind"
}

@test "completion: takes both parts of an option that bash has split at = for one" {
	a_host
	run -0 timeout 60 bash --norc -c '
		. "$1"
		for line in "tsmctl connect --tsm=" "tsmctl save --file saved" "tsmctl help mon"; do
			read -r -a COMP_WORDS <<< "${line//=/ = }"
			[[ $line != *= ]] || COMP_WORDS+=("")
			COMP_CWORD=$((${#COMP_WORDS[@]} - 1)) COMPREPLY=()
			compopt() { :; }
			_tsmctl
			echo "${COMPREPLY[@]}"
		done' - "$BATS_TEST_DIRNAME/../../completions/tsmctl.bash"
	assert_line --index 0 tsm3
	assert_line --index 1 "saved.d saved.json"
	assert_line --index 2 monitor
}

# fish_offers LINE: what fish offers for the end of LINE.
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

@test "completion: fish offers the values of options, and no global options after help" {
	a_host
	fish_offers "tsmctl save --file saved"
	assert_output $'saved.d/\nsaved.json'
	fish_offers "tsmctl save --file=saved"
	assert_output $'--file=saved.d/\n--file=saved.json'
	fish_offers "tsmctl config check saved"
	assert_output $'saved.d/\nsaved.json'
	fish_offers "tsmctl config sh"
	assert_output show
	fish_offers "tsmctl connect --tsm="
	assert_output --tsm=tsm3
	fish_offers "tsmctl load --sim 0000:01:00.0,"
	assert_output $'0000:01:00.0,0000:01:00.0\n0000:01:00.0,0000:02:00.0'
	fish_offers "tsmctl list --driver n"
	assert_output nvme
	fish_offers "tsmctl list --output=STATE,OWN"
	assert_line --output=STATE,OWNER
	fish_offers "tsmctl monitor --events bound,un"
	assert_output bound,unbound
	fish_offers "tsmctl help --"
	assert_output ""
	fish_offers "tsmctl help bin"
	assert_output bind
}

@test "completion: fish offers the devices that make sense for the verb" {
	a_busy_host
	fish_offers "tsmctl unbind 000"
	assert_output $'0000:03:00.0\n0000:04:00.0'
	fish_offers "tsmctl bind 02"
	assert_output 02:00.0
	fish_offers "tsmctl unbind --vmm="
	assert_equal "$(sort <<< "$output")" $'--vmm=4711\n--vmm=815'
}

# zsh_lines LINE...: prints each LINE as zsh completes it after a tab, on a terminal.
zsh_lines() {
	command -v zsh > /dev/null || skip "no zsh"
	mkdir -p "$BATS_TEST_TMPDIR/functions"
	cp "$BATS_TEST_DIRNAME/../../completions/tsmctl.zsh" "$BATS_TEST_TMPDIR/functions/_tsmctl"
	cat > "$BATS_TEST_TMPDIR/drive.zsh" <<- 'END'
		zmodload zsh/zpty
		zpty shell zsh -f -i
		zpty -w shell "PS1=; unsetopt zle_bracketed_paste beep; fpath=($1 \$fpath); autoload -U compinit; compinit -u -D"
		zpty -w shell 'show() { print -r -- "<$BUFFER>"; BUFFER=; zle accept-line }; zle -N show; bindkey "^X" show'
		zpty -w shell 'print rea""dy'
		zpty -r shell answer '*ready*'
		for line in "${@:2}"; do
			zpty -n -w shell "$line"$'\t\x18'
			zpty -r shell answer '*<*>*'
			print -r -- "${${answer##*<}%%>*}"
		done
		zpty -d shell
	END
	run timeout 60 zsh -f "$BATS_TEST_TMPDIR/drive.zsh" "$BATS_TEST_TMPDIR/functions" "$@"
	assert_success
}

@test "completion: a real zsh completes verbs, options and values" {
	zsh_lines "tsmctl mon" "tsmctl mode ex" "tsmctl mode --bar"
	assert_output "$(printf '%s\n' "tsmctl monitor " "tsmctl mode exclusive " "tsmctl mode --bar-mmap=")"
}

@test "completion: a real zsh completes the values of options, and no global options after help" {
	a_host
	zsh_lines "tsmctl config che" "tsmctl config check oth" "tsmctl save --file oth" "tsmctl save --file=oth" "tsmctl connect --tsm " \
		"tsmctl monitor --events bound,unb" "tsmctl list --driver nv" "tsmctl list -o STATE,GEN" \
		"tsmctl help --js" "tsmctl help bin"
	assert_output "$(printf '%s\n' "tsmctl config check " "tsmctl config check other.json " "tsmctl save --file other.json " "tsmctl save --file=other.json " \
		"tsmctl connect --tsm tsm3 " "tsmctl monitor --events bound,unbound " \
		"tsmctl list --driver nvme " "tsmctl list -o STATE,GENERATION " "tsmctl help --js" "tsmctl help bind ")"
}

@test "completion: a real zsh completes the devices that make sense for the verb" {
	a_busy_host
	zsh_lines "tsmctl revoke 000" "tsmctl bind 02" "tsmctl bind --vmm 8"
	assert_output "$(printf '%s\n' "tsmctl revoke 0000:03:00.0 " "tsmctl bind 02:00.0 " "tsmctl bind --vmm 815 ")"
}
