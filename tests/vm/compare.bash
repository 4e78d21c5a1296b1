# SPDX-License-Identifier: GPL-2.0-or-later
# For tests that compare how a device behaves under vfio-pci and under vfio-pci-tsm.

: "${configfs:?}"

# transcribe DEVICE cdev|group DRIVER NAME
transcribe() {
	assign "$1" "$3"
	vfio-transcript "$1" "$2" >"$BATS_TEST_TMPDIR/$4"
	release "$1"
	[ "$(tail -n 1 "$BATS_TEST_TMPDIR/$4")" = "The end." ]
}

# compare DEVICE cdev|group
compare() {
	local mode
	transcribe "$1" "$2" vfio-pci vfio-pci
	for mode in exclusive shared; do
		echo "$mode" >"$configfs/default_region_mode"
		transcribe "$1" "$2" vfio-pci-tsm "$mode"
		same vfio-pci "$mode"
	done
}

# same NAME NAME: two transcripts are equal; prints where they begin to differ
same() {
	local at=$BATS_TEST_TMPDIR
	[ -s "$at/$1" ]
	diff -U 3 "$at/$1" "$at/$2" >"$at/differences" || { head -n 60 "$at/differences"; return 1; }
}
