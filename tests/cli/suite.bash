# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
# For tests/check: the suites "cli" and "asan".

# unprivileged COMMAND...: runs it as another user if this is root and that user can read
# the checkout
unprivileged() {
	local drop=(setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all)
	if [ "$(id -u)" -eq 0 ] && "${drop[@]}" test -x "$top/tests/cli" -a -r "$top/tests/check" 2>/dev/null; then
		HOME=/nonexistent "${drop[@]}" "$@"
	else
		"$@"
	fi
}

# cli_parts NAME WEIGHT VARIABLE...: adds parts with tests/cli and VARIABLEs in the
# environment; a test takes WEIGHT seconds. Files marked "as root" also run as root.
cli_parts() {
	local name=$1 each=$2 list=() rooted=() file count names=''
	shift 2
	while read -r file; do
		its_turn "$name ${file##*/}" || continue
		list+=("$file")
		! marked 'as root' "$file" || rooted+=("$file")
	done < <(suite_files cli | of_build "$name")
	tests_in "${list[@]}"
	[ ${#list[@]} -eq 0 ] ||
		part $((REPLY * each)) "$name" unprivileged env -u TSMCTL_KEEP "$@" \
			tests/tools/run-bats "${list[@]}"
	[ ${#rooted[@]} -gt 0 ] || return 0
	tests_in "${rooted[@]}" && count=$REPLY
	if [ "$set" = fast ] && [ ${#files[@]} -eq 0 ]; then
		count=0
		for file in "${rooted[@]}"; do
			marked @root "$file" || die "$file: no test has the line 'as_root'"
			names+=${marks[$file:@names]} count=$((count + REPLY))
		done
		names="^(${names#|})\$"
	fi
	if [ "$(id -u)" -eq 0 ]; then
		part $((count * each)) "$name, as root" env -u TSMCTL_KEEP "$@" \
			tests/tools/run-bats --filter "$names" "${rooted[@]}"
	else
		notrun+=("$name, as root: this is not root")
	fi
}

# of_build BUILD: prints those of the files on stdin that run with BUILD, which is cli, asan,
# or "asan, leaks". The long set also has what the fast set leaves out.
of_build() {
	local file
	while read -r file; do
		if [ "$set" = fast ] && [ ${#files[@]} -eq 0 ]; then
			! in_fast "$file" "$1" || echo "$file"
		elif [ "$1" != asan ]; then
			echo "$file"
		fi
	done
	[ "$set" = long ] && [ ${#files[@]} -eq 0 ] && [ "$1" != asan ] || return 0
	for file in tests/cli/*.bats; do
		marked long "$file" || marked 'by hand' "$file" ||
			in_fast "$file" "$1" || echo "$file"
	done
}

# in_fast FILE BUILD: whether the fast set runs FILE with BUILD
in_fast() {
	local asan=asan
	! marked leaks "$1" || asan='asan, leaks'
	case $2 in
	cli) marked plain "$1" || marked both "$1" ;;
	*) [ "$2" = "$asan" ] && ! marked plain "$1" ;;
	esac
}

suite_cli() {
	prepare "programs" "$make" "${parallel[@]}" all || return 0
	cli_parts cli 1 TSMCTL_BIN="$top/build/bin"
}

suite_asan() {
	local both=(TSMCTL_BIN="$top/build/san/bin"
		UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1:exitcode=99)
	prepare "programs with sanitizers" "$make" "${parallel[@]}" -C cli SAN=1 || return 0
	cli_parts asan 2 "${both[@]}" ASAN_OPTIONS=detect_leaks=0:abort_on_error=0:exitcode=99
	cli_parts 'asan, leaks' 3 "${both[@]}" ASAN_OPTIONS=detect_leaks=1:abort_on_error=0:exitcode=99
}
