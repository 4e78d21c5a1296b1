# SPDX-License-Identifier: GPL-2.0-or-later
# tests/bed/make-series makes a series of kernel/patches, the software TSM and its selftest that
# can be sent.

load helpers

# What make-series makes itself, after kernel/patches
made=2

setup_file() {
	export series=$BATS_FILE_TMPDIR/series
	"$top/tests/bed/make-series" "$series"
}

# copy: the tool with patches and a software TSM of its own, in $copy
copy() {
	copy=$BATS_TEST_TMPDIR/copy
	mkdir -p "$copy/tests" "$copy/kernel"
	cp -a "$top/tests/bed" "$copy/tests"
	cp -a "$top/kernel/patches" "$top/kernel/sim" "$copy/kernel"
}

# tree: a source tree of what the series changes, with all of it, in $tree
tree() {
	local src
	tree=$BATS_TEST_TMPDIR/tree
	src=$("$top/tests/bed/build-kernel" --source)
	git init -q "$tree"
	(cd "$src" && sed -n 's,^--- a/\([^[:space:]]*\).*,\1,p' "$series"/*.patch | sort -u |
		xargs -d '\n' cp --parents -t "$tree")
	git -C "$tree" add .
	git -C "$tree" -c user.name=x -c user.email=x@example.org commit -qm base
	git -C "$tree" -c user.name=x -c user.email=x@example.org am -q "$series"/000[1-9]-*.patch
}

@test "series: each patch has its number, a cover letter goes first, and no change is lost" {
	patches=("$top"/kernel/patches/*.patch)
	count=$((${#patches[@]} + made))
	run -0 grep -h '^Subject: ' "$series"/*.patch
	for ((number = 0; number <= count; number++)); do
		assert_line --index "$number" --partial "[PATCH $number/$count] "
	done
	assert_equal "${#lines[@]}" $((count + 1))
	for patch in "${patches[@]}"; do git patch-id <"$patch"; done >"$BATS_TEST_TMPDIR/ids"
	for patch in "$series"/*.patch; do git patch-id <"$patch"; done | head -n ${#patches[@]} |
		diff "$BATS_TEST_TMPDIR/ids" -
	refute grep -q '<!--' "$series/0000-cover-letter.patch"
}

@test "series: the letter has the subject and the recipients of each patch, and only these" {
	number=0
	for list in "$series"/*.recipients; do
		number=$((number + 1))
		subject=$(git mailinfo /dev/null /dev/null <"${list%.recipients}.patch" | sed -n 's/^Subject: //p')
		grep -xF "$number. $subject" "$series/0000-cover-letter.patch"
		run -0 sed -n "/^| patch | to | cc |/,/^\$/s/^| $number | \(.*\) |\$/\1/p" "$series/0000-cover-letter.patch"
		named=$(sed 's/ | /, /g; s/, /\n/g' <<<"$output" | sort)
		# A person is named without quotes, remark and address.
		assert_equal "$named" "$(sed -E 's/ <.*//; s/^"(.*)"$/\1/; s/ \([^)]*\)$//' "$list" | sort)"
	done
	[ $number -gt 0 ]
}

@test "series: the same patches always give the same series, which replaces an older one" {
	mkdir "$BATS_TEST_TMPDIR/again"
	"$top/tests/bed/make-series" "$BATS_TEST_TMPDIR/again"
	echo old >"$BATS_TEST_TMPDIR/again/0009-old.patch"
	"$top/tests/bed/make-series" "$BATS_TEST_TMPDIR/again"
	diff -r "$series" "$BATS_TEST_TMPDIR/again"
}

@test "series: a directory with anything else is refused, and stays as it is" {
	mkdir "$BATS_TEST_TMPDIR/mine"
	dir=$BATS_TEST_TMPDIR/mine
	refused() {
		ls -lR "$dir" >"$BATS_TEST_TMPDIR/before"
		run -1 "$top/tests/bed/make-series" "$dir"
		assert_output --partial "make-series: $dir $1"
		ls -lR "$dir" | diff "$BATS_TEST_TMPDIR/before" -
	}
	echo hello >"$dir/notes"
	refused "has other files than a series: $dir/notes"
	mv "$dir/notes" "$dir/0001-notes.patch"
	refused "has patches of another origin"
	rm "$dir/0001-notes.patch"
	"$top/tests/bed/make-series" "$dir"
	mkdir "$dir/0000-sent"
	refused "has other files than a series: $dir/0000-sent"
	dir=$BATS_TEST_TMPDIR/file
	echo hello >"$dir"
	refused "is not a directory"
}

@test "series: the software TSM calls PCI/TSM alone, and builds without a warning; its selftest passes" {
	build=$("$top/tests/bed/build-kernel" normal)
	tree
	sim=$tree/drivers/virt/coco/tsm-sim tests=$tree/tools/testing/selftests/pci_tsm
	run ! grep -rniE 'vfio_tsm|tsmctl|symbol_get|transport' "$sim" "$tests"
	make -s -C "$build" M="$sim" CONFIG_TSM_SIM=m W=1 KCFLAGS=-Werror
	make -s -C "$build" M="$tests/test_modules" W=1 KCFLAGS=-Werror
	run ! grep -i vfio "$sim/tsm_sim.mod.c"

	# modprobe gets that tsm_sim, and the kernel's own modules.
	release=$(<"$build/include/config/kernel.release")
	dir=$BATS_TEST_TMPDIR/modules/lib/modules/$release
	mkdir -p "$dir"
	cp "$sim/tsm_sim.ko" "$dir"
	PATH=$PATH:/usr/sbin:/sbin depmod -b "$BATS_TEST_TMPDIR/modules" "$release"
	ln -s "$build/source/tools/testing/selftests/kselftest" "$tests/.."
	TSMCTL_KEEP=$BATS_TEST_TMPDIR/keep run -0 "$top/tests/vm/run" --nvme 1 -- \
		env MODPROBE_OPTIONS="-d $BATS_TEST_TMPDIR/modules" \
		sh -c "modprobe -nv tsm_sim && $tests/tsm_sim.sh"
	assert_line --partial "insmod $dir/tsm_sim.ko"
	assert_line --regexp '^# Totals: pass:[1-9][0-9]+ fail:0 xfail:0 xpass:0 skip:0 error:0$'
}

@test "series: a patch that does not apply exactly is named" {
	copy
	sed -i '0,/^ #include\|^ static\|^ \t/s//&x/' "$copy"/kernel/patches/0002-*.patch
	run -1 "$copy/tests/bed/make-series"
	assert_line --partial "make-series: 0002-PCI-TSM-Check-for-the-bind-and-guest_req-operations.patch does not apply to "
	cp "$top"/kernel/patches/0002-*.patch "$copy/kernel/patches"
	sed -i 's/^ F:/ G:/' "$copy/kernel/patches/tsm-sim/tree.diff"
	run -1 "$copy/tests/bed/make-series"
	assert_line --partial "make-series: tsm-sim/tree.diff does not apply to "
}

@test "series: a patch with a finding of checkpatch fails" {
	copy
	sed -i '0,/^+\t\/\* Not every/s//+        \/* Not every/' "$copy"/kernel/patches/0002-*.patch
	run ! "$copy/tests/bed/make-series"
	assert_line --partial ":CODE_INDENT: "
}

@test "series: a line of the software TSM that cannot be left out is named" {
	copy
	fails() { # SED-SCRIPT WHY
		cp "$top/kernel/sim/tdisp.c" "$copy/kernel/sim"
		sed -i "$1" "$copy/kernel/sim/tdisp.c"
		run -1 "$copy/tests/bed/make-series"
		assert_line --regexp "^make-series: kernel/sim/tdisp.c:[0-9]+: $2"
	}
	fails 's/^\tsim_report_state(fn);/\tif (state)\n\t&/' "the line belongs to the one before it"
	fails 's/^\tsim_report_state(fn);/\tsim_report_state(\n\t\tfn);/' "the line goes on"
	fails 's/^\tsim_report_state(fn);/\tif (sim_report_is_on())\n\t\tfn->state = max(state,\n\t\t\tfn->state);/' "the statement after the if"
}
