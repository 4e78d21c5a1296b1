#compdef tsmctl
# SPDX-License-Identifier: GPL-2.0-or-later
# zsh completion for tsmctl. Verbs, options and values come from the program itself,
# so this file need not know them.

_tsmctl() {
	local -a tables fields words_of
	local verb line word

	tables=("${(@f)$(tsmctl help verbs 2> /dev/null)}")
	for word in "${(@)words[2,CURRENT-1]}"; do
		[[ $word = -* ]] || { verb=$word; break; }
	done
	if [[ -z $verb || $verb = help ]]; then
		words_of=("${(@)tables%%$'\t'*}")
		[[ $verb = help ]] || words_of+=(help)
		fields=("${(@ps:\t:)tables[1]}")
		words_of+=(${=fields[3]})
		compadd -a words_of
		return
	fi
	for line in "${(@)tables}"; do
		fields=("${(@ps:\t:)line}")
		[[ $fields[1] = $verb ]] || continue
		words_of=(${=fields[3]} ${=fields[4]})
		[[ $fields[2] != device ]] || words_of+=(/sys/bus/pci/devices/*(N:t) all)
		# what takes a value is followed by it, not by a blank
		compadd -S '' -- ${(M)words_of:#*=}
		compadd -- ${words_of:#*=}
	done
}

_tsmctl "$@"
