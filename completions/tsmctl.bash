# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# bash completion for tsmctl. Verbs, options and values come from the program
# itself, so this file need not know them.

_tsmctl_devices() {
	local dir name

	for dir in /sys/bus/pci/devices/*; do
		name=${dir##*/}
		[ "$name" = '*' ] || printf '%s\n' "$name"
	done
	printf 'all\n'
}

_tsmctl() {
	local cur words cword
	local tables verb line kind options values i
	local -a fields

	# addresses have colons, which bash would break words at
	if declare -F _get_comp_words_by_ref > /dev/null; then
		_get_comp_words_by_ref -n :,= cur words cword
	else
		cur=${COMP_WORDS[COMP_CWORD]} words=("${COMP_WORDS[@]}") cword=$COMP_CWORD
	fi
	tables=$(tsmctl help verbs 2> /dev/null) || return 0

	verb=
	for ((i = 1; i < cword; i++)); do
		case ${words[i]} in
		-*) ;;
		*) verb=${words[i]}; break ;;
		esac
	done
	if [ -z "$verb" ] || [ "$verb" = help ]; then
		options=$(cut -f3 <<< "$tables" | head -n 1)
		[ "$verb" = help ] || options+=" help"
		mapfile -t COMPREPLY < <(compgen -W "$(cut -f1 <<< "$tables") $options" -- "$cur")
		return 0
	fi

	line=$(grep "^$verb"$'\t' <<< "$tables") || return 0
	IFS=$'\t' read -r -a fields <<< "$line"
	kind=${fields[1]} options=${fields[2]} values=${fields[3]:-}
	case $cur in
	-*)
		mapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur")
		[[ ${COMPREPLY[0]:-} != *= ]] || compopt -o nospace
		;;
	*)
		[ "$kind" != device ] || values+=" $(_tsmctl_devices)"
		mapfile -t COMPREPLY < <(compgen -W "$values" -- "$cur")
		;;
	esac
	! declare -F __ltrim_colon_completions > /dev/null || __ltrim_colon_completions "$cur"
}

complete -F _tsmctl tsmctl
