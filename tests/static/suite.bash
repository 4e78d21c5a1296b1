# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
# For tests/check: the suite "static".

# sources GLOB...: prints the files of the project whose name matches a GLOB
sources() {
	local args=() glob
	for glob in "$@"; do args+=(-o -name "$glob"); done
	find . \( -path ./build -o -path ./.git \) -prune -o -type f \( "${args[@]:1}" \) -print | sort
}

shell_scripts() {
	sources '*.sh' '*.bash' '*.bats'
	find . \( -path ./build -o -path ./.git \) -prune -o -type f -perm -u+x -print |
		while read -r file; do
			case $file in *.sh|*.bash|*.bats) continue ;; esac
			! head -n 1 "$file" | grep -qE '^#!.*\b(ba)?sh\b' || echo "$file"
		done
}

# bats sets variables, and a loaded file sets them for the files that load it.
check_shell() {
	shell_scripts | grep -E '\.(bats|bash)$' | xargs -d '\n' shellcheck -x -S warning -e SC2154,SC2034 &&
		shell_scripts | grep -vE '\.(bats|bash)$' | xargs -d '\n' shellcheck -x -S warning
}
# Each version of clang-format breaks some lines in its own way. This one is in Debian 12 and 13.
check_format() { sources '*.[ch]' | xargs -d '\n' clang-format-19 --dry-run -Werror; }
check_spelling() {
	# .Nd is a macro of man pages, AER a capability, iput() a function of the kernel. Tests
	# misspell words on purpose.
	{ sources '*.[ch]' '*.md' '*.[1-9]' 'sysfs-*' 'configfs-*'; shell_scripts; } |
		xargs -d '\n' codespell -L nd,exclusiv,aer,iput
}
check_length() {
	local long
	long=$(sources '*.[ch]' '*.bash' '*.bats' | cat - <(shell_scripts) |
		xargs -d '\n' wc -l | awk '$1 >= 500 && $2 != "total"')
	[ -z "$long" ] || { echo "500 lines or more:"; echo "$long"; return 1; }
}

# check_licences: each path has a copyright holder, and one licence: if it names a licence
# itself, debian/copyright has the same
check_licences() {
	reuse lint >"$tmp/reuse" || { cat "$tmp/reuse"; return 1; }
	reuse spdx 2>/dev/null >"$tmp/spdx" || return
	awk '/^FileName: / { name = $2; licence = "" }
		/^LicenseInfoInFile: GPL/ && licence && licence != $2 { print name ": both " licence " and " $2; other = 1 }
		/^LicenseInfoInFile: GPL/ { licence = $2; found++ }
		END { exit other || !found }' "$tmp/spdx"
}

check_patch() {
	local src
	src=$(tests/bed/build-kernel --source)
	# checkpatch leaves a file in its working directory.
	cd "$tmp" || return
	find "$top/kernel" "$top/configfs" -name '*.[ch]' | sort |
		xargs -d '\n' perl "$src/scripts/checkpatch.pl" --strict --no-tree --terse \
			--no-summary --show-types --max-line-length=100 -f &&
		perl "$src/scripts/checkpatch.pl" --strict --no-tree --terse --no-summary \
			--show-types "$top"/kernel/patches/*.patch
}

# check_modules: compiles the modules with more warnings, while sparse reads the same files. If
# the modules have been staged for a VM, nothing is left to compile.
check_modules() { MAKE=$make tests/bed/stage-modules --strict normal; }

check_build() { # COMPILER
	local dir
	for dir in cli lib; do
		"$make" -C "$dir" O="$top/build/static/$1" CC="$1" CFLAGS='-O2 -Werror' || return
	done
	"$make" -C tests/tools/vmm O="$top/build/static/$1/bin" CC="$1" CFLAGS='-O2 -Werror'
}

check_dkms() {
	KDIR=$(tests/bed/build-kernel normal) MAKE=$make \
		bats --formatter tap --timing tests/static/dkms.bats
}

# check_kernels [VARIABLE=VALUE]...
check_kernels() { env MAKE="$make" "$@" bats --formatter tap --timing tests/static/kernels.bats; }

suite_static() {
	if [ "$set" = long ]; then
		# with the configuration of Debian for each series, although the kernel "normal" is of one
		! its_turn "static: kernels" || part 180 "static: kernels" check_kernels TSMCTL_HEADERS=debian
		return
	fi
	# Some parts need a configured kernel. Build it here, where the progress is printed.
	prepare "the normal kernel" tests/bed/build-kernel normal || true
	part 20 "static: shellcheck" one "shellcheck" check_shell
	part 5 "static: clang-format" one "clang-format" check_format
	part 5 "static: spelling" one "spelling" check_spelling
	part 1 "static: file sizes" one "no file of 500 lines" check_length
	part 1 "static: rooms" one "rooms of cli/" tests/static/rooms
	part 10 "static: licences" one "licences: reuse lint" check_licences
	part 20 "static: checkpatch" one "checkpatch --strict" check_patch
	part 60 "static: modules" one "modules: W=1, sparse" check_modules
	part 40 "static: gcc" one "programs: gcc -Werror" check_build gcc
	part 40 "static: clang" one "programs: clang -Werror" check_build clang-19
	part 60 "static: dkms" check_dkms
	part 90 "static: kernels" check_kernels
}
