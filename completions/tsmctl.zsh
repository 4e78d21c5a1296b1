#compdef tsmctl
# SPDX-License-Identifier: GPL-2.0-or-later
# zsh completion for tsmctl. Verbs, options, values and devices come from the program itself,
# so this file does not list them.

# _tsmctl_value KIND: completes the value of an option
_tsmctl_value() {
	local sysfs=${SYSFS_PATH:-/sys}
	local -a words_of

	case $1 in
	@file) _files; return ;;
	@directory) _files -/; return ;;
	@address) words_of=($sysfs/bus/pci/devices/*(N:t)) ;;
	@tsm) words_of=($sysfs/class/tsm/*(N:t)) ;;
	@pid) words_of=(${(f)"$(tsmctl help owners 2> /dev/null)"}) ;;
	@driver) words_of=($sysfs/bus/pci/drivers/*(N:t)) ;;
	*) words_of=(${(s:|:)1}) ;;
	esac
	# the value may be a list: complete the word after the last comma
	compset -P '*,'
	compadd -a words_of
}

_tsmctl() {
	local -a tables fields words_of
	local verb line word value
	local -i at

	tables=("${(@f)$(tsmctl help verbs 2> /dev/null)}")
	for ((at = 2; at < CURRENT; at++)); do
		[[ $words[at] = -* ]] || { verb=$words[at]; break; }
	done
	if [[ -z $verb || $verb = help ]]; then
		words_of=("${(@)tables%%$'\t'*}")
		if [[ $verb = help ]]; then
			((at + 1 == CURRENT)) || return
		else
			fields=("${(@ps:\t:)tables[1]}")
			words_of+=(help ${=fields[3]})
		fi
		compadd -a words_of
		return
	fi
	for line in "${(@)tables}"; do
		fields=("${(@ps:\t:)line}")
		[[ $fields[1] = $verb ]] || continue
		for value in ${=fields[5]}; do
			if [[ ${value%%=*} = $words[CURRENT-1] ]]; then
				_tsmctl_value "${value#*=}"
				return
			elif [[ $words[CURRENT] = ${value%%=*}=* ]]; then
				compset -P '*='
				_tsmctl_value "${value#*=}"
				return
			fi
		done
		words_of=(${=fields[3]} ${${=fields[4]}:#@file})
		[[ $fields[2] != device ]] || words_of+=(${(f)"$(tsmctl help devices $verb "$PREFIX" 2> /dev/null)"} all)
		# no blank after an option that takes a value
		compadd -S '' -- ${(M)words_of:#*=}
		compadd -- ${words_of:#*=}
		[[ " $fields[4] " != *" @file "* ]] || _files
	done
}

_tsmctl "$@"
