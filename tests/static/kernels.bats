#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2154
# The kernels in kernels.mk: the modules build for each without a warning, and everything
# that names kernels names these.
bats_require_minimum_version 1.5.0

export BATS_LIB_PATH=${BATS_LIB_PATH:-/usr/lib/bats}
bats_load_library bats-support
bats_load_library bats-assert

setup() {
	top=$BATS_TEST_DIRNAME/../..
	kernels=$(sed -n 's/^TSMCTL_KERNELS := //p' "$top/kernels.mk")
}

# has_modules DIRECTORY: each module is there
has_modules() {
	local name
	for name in configfs/vfio_tsm kernel/vfio_pci_tsm kernel/sim/tsm_sim; do
		[ -f "$1/$name.ko" ] || fail "$name was not built: $output"
	done
}

# builds SERIES: compiles the modules for the series
builds() {
	local kdir release built
	run --separate-stderr "$top/tests/bed/kernel-headers" "$1"
	[ "$status" -ne 3 ] || {
		[ -z "${CI:-}" ] || [ "$1" = 7.0 ] || fail "$stderr"
		skip "${stderr##*: }"
	}
	[ "$status" -eq 0 ] || fail "$stderr"
	kdir=$output
	release=$(< "$kdir/include/config/kernel.release")
	if [ "$kdir" = "$("$top/tests/bed/build-kernel" --cached normal)" ]; then
		# The part "modules" of tests/check compiles the same modules.
		echo "# Linux $release, the kernel of the test bed" >&3
		run "$top/tests/bed/stage-modules" --strict normal
		assert_success
		has_modules "$top/build/strict/${kdir##*/}"
		return
	fi
	echo "# Linux $release, headers only" >&3
	rm -rf "$top/build/static/linux-$1"
	# Debian's kernels do not export what iommufd has. modpost only reports that here.
	run "${MAKE:-make}" -C "$top" -j2 modules KDIR="$kdir" MO="$top/build/static/linux-$1" \
		KCFLAGS=-Werror KBUILD_MODPOST_WARN=1
	assert_success
	built=$output
	has_modules "$top/build/static/linux-$1"
	[ -f "$kdir/Module.symvers" ] || return 0
	run grep "symbol '.*' undefined" <<< "$(grep -v "symbol 'vfio_iommufd_" <<< "$built")"
	assert_output ""
}

@test "Linux 7.0: the modules compile without a warning" { builds 7.0; }
@test "Linux 7.2: the modules compile without a warning" { builds 7.2; }
@test "Linux 7.3: the modules compile without a warning" { builds 7.3; }

@test "each kernel in kernels.mk is compiled above, and has a row of the matrix in README.md" {
	run sed -n 's/^@test "Linux \([0-9.]*\): .*/\1/p' "$BATS_TEST_FILENAME"
	assert_equal "${output//$'\n'/ }" "$kernels"
	run sed -nE 's/^\| Linux ([0-9.]+)[ ,|].*\| (compile|run) \|.*/\1/p' "$top/README.md"
	assert_equal "$(sort <<< "$output" | paste -sd ' ')" "$kernels"
	for names in ${kernels% *}; do
		run grep "^| Linux ${names}[ ,|]" "$top/README.md"
		[[ $output = *"| compile |"*"tests/check static"* || $output = *"| run |"*"tests/check --kernel oldest vm"* ]] ||
			fail "the row of Linux $names does not have the command that proves it: $output"
	done
	# as sentences have it
	names=${kernels% *}
	names="Linux ${names// /, }"
	for file in README.md CONTRIBUTING.md; do
		grep -qE "$names (and|or) ${kernels##* }" "$top/$file" || fail "$file does not name Linux $kernels"
	done
	run grep -n "^TSMCTL_OPTIONS" "$top/kernels.mk"
	for option in ${output#*:= }; do
		grep -q "CONFIG_$option" "$top/README.md" || fail "README.md does not name CONFIG_$option"
	done
}
