# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# bash completion for tsmctl. Verbs, options, values and devices come from the program
# itself, so this file does not list them. It does not need the package bash-completion.

# _tsmctl_names DIRECTORY: prints the names in a directory of sysfs
_tsmctl_names() {
	local entry

	for entry in "${SYSFS_PATH:-/sys}/$1"/*; do
		[ "${entry##*/}" = '*' ] || printf '%s\n' "${entry##*/}"
	done
}

# _tsmctl_value KIND TEXT: completes the value of an option
_tsmctl_value() {
	local before='' word=$2 words

	case $1 in
	@file | @directory)
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen "-${1:1:1}" -- "$word")
		return
		;;
	@address) words=$(_tsmctl_names bus/pci/devices) ;;
	@tsm) words=$(_tsmctl_names class/tsm) ;;
	@driver) words=$(_tsmctl_names bus/pci/drivers) ;;
	@pid) words=$(tsmctl help owners 2> /dev/null) ;;
	*) words=${1//|/ } ;;
	esac
	# the value may be a list: complete the word after the last comma
	[[ $word != *,* ]] || before=${word%,*}, word=${word##*,}
	mapfile -t COMPREPLY < <(compgen -P "$before" -W "$words" -- "$word")
}

# _tsmctl_glue: sets words, cword and cur of the caller. bash breaks words at the colons of
# addresses and at =, and makes words of these: put them together again
_tsmctl_glue() {
	local i word glue=

	words=()
	for ((i = 0; i < ${#COMP_WORDS[@]}; i++)); do
		word=${COMP_WORDS[i]}
		if [[ $i -gt 0 && (-n $glue || $word =~ ^[:=]+$) ]]; then
			words[${#words[@]} - 1]+=$word
		else
			words+=("$word")
		fi
		[[ $word =~ ^[:=]+$ ]] && glue=y || glue=
		[ "$i" -ne "$COMP_CWORD" ] || cword=$((${#words[@]} - 1))
	done
	cur=${words[cword]}
}

# _tsmctl_trim TEXT: cuts off from each reply what bash has before the last colon of TEXT
_tsmctl_trim() {
	[[ $1 != *:* || ${COMP_WORDBREAKS-:} != *:* ]] ||
		COMPREPLY=("${COMPREPLY[@]#"${1%"${1##*:}"}"}")
}

_tsmctl() {
	local cur words cword
	local tables verb line kind options arguments values option value names i
	local -a fields

	_tsmctl_glue
	tables=$(tsmctl help verbs 2> /dev/null) || return 0

	verb=
	for ((i = 1; i < cword; i++)); do
		case ${words[i]} in
		-*) ;;
		*) verb=${words[i]}; break ;;
		esac
	done
	if [ -z "$verb" ] || [ "$verb" = help ]; then
		[ "$verb" != help ] || [ $((i + 1)) -eq "$cword" ] || return 0
		options=
		[ "$verb" = help ] || options="help $(cut -f3 <<< "$tables" | head -n 1)"
		mapfile -t COMPREPLY < <(compgen -W "$(cut -f1 <<< "$tables") $options" -- "$cur")
		return 0
	fi

	line=$(grep "^$verb"$'\t' <<< "$tables") || return 0
	# read would merge the tabs around an empty field, but not \x1f
	IFS=$'\x1f' read -r -a fields <<< "${line//$'\t'/$'\x1f'}"
	kind=${fields[1]} options=${fields[2]} arguments=${fields[3]:-} values=${fields[4]:-}

	# the option and its value: --option=value, or --option value
	option=${words[cword - 1]} value=$cur
	case $cur in
	-*=*) option=${cur%%=*} value=${cur#*=} ;;
	esac
	for i in $values; do
		[ "${i%%=*}" = "$option" ] || continue
		_tsmctl_value "${i#*=}" "$value"
		# if bash does not break words at =, the option is part of this word
		[[ $cur != -*=* || ${COMP_WORDBREAKS-=} = *=* ]] || COMPREPLY=("${COMPREPLY[@]/#/$option=}")
		_tsmctl_trim "$value"
		return 0
	done

	case $cur in
	-*)
		mapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur")
		[[ ${COMPREPLY[0]:-} != *= ]] || compopt -o nospace
		;;
	driver=* | pf=*)
		option=${cur%%=*} cur=${cur#*=}
		[ "$option" = pf ] && names=devices || names=drivers
		mapfile -t COMPREPLY < <(compgen -W "$(_tsmctl_names bus/pci/$names)" -- "$cur")
		# if bash does not break words at =, the first part is in this word
		[[ ${COMP_WORDBREAKS-=} = *=* ]] || COMPREPLY=("${COMPREPLY[@]/#/$option=}")
		;;
	*)
		[ "$kind" != device ] || arguments+=" $(tsmctl help devices "$verb" "$cur" 2> /dev/null) all"
		mapfile -t COMPREPLY < <(compgen -W "${arguments/@file/}" -- "$cur")
		# complete a file name if no other word fits
		if [[ " $arguments " = *" @file "* && -z ${COMPREPLY[0]:-} ]]; then
			_tsmctl_value @file "$cur"
		fi
		;;
	esac
	_tsmctl_trim "$cur"
}

complete -F _tsmctl tsmctl
