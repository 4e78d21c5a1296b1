#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2154
# tsmctl diff. fake-kernel.c plays the kernel's part.
bats_require_minimum_version 1.5.0
load helpers

setup_file() { build_kernel; }

setup() { fake_capable_host; }

everything='{ "device": "0000:01:00.0", "assigned": true, "region_mode": "exclusive",
	"bar_mmap": "revoke", "bind_allowed": false, "guest_requests": "none", "tdi_id": "00:05.0",
	"tsm": "tsm0" }'

@test "diff: shows what apply would do and exits with 8, or with 0 without a difference" {
	config "$everything"
	before=$(snapshot)
	run_split kernel tsmctl diff --json
	assert_equal "$status" 8
	assert_golden diff
	run_split kernel tsmctl diff
	assert_equal "$status" 8
	assert_line "0000:01:00.0: would set driver vfio-pci-tsm (now nvme)"
	assert_equal "$stderr" ""
	run_split kernel tsmctl apply --dry-run --json
	assert_success
	assert_golden diff
	assert_equal "$(snapshot)" "$before"
	run_split kernel tsmctl apply --json
	assert_golden diff
	run_split kernel tsmctl diff
	assert_success
	assert_output ""
	# an error has its own exit status, whatever differs
	run_split kernel tsmctl diff --file /nonexistent
	assert_equal "$status" 1
}

@test "diff: notes what apply would fail for, and a dry run of apply fails for it" {
	while IFS='|' read -r break note; do
		config "$everything"
		eval "$break"
		run_split kernel tsmctl diff --json
		[ "$status" -eq 8 ] || fail "after $break: exit $status"
		assert_equal "$(results "changed note" | tail -n 1)" "false apply will fail: $note"
		run_split kernel tsmctl apply --dry-run
		[ "$status" -eq 5 ] || fail "after $break: apply --dry-run gives exit $status"
	done <<- 'EOF'
		rmdir "$SYS/class/tsm/tsm0"|this host has no such TSM
		rm -r "$SYS/devices/pci0000:00/0000:01:00.0/tsm"|it cannot connect to a TSM: no tsm/connect in sysfs
		rm "$SYS/devices/pci0000:00/0000:01:00.0/iommu_group"|it is in no IOMMU group
		rm -r "$SYS/bus/pci/drivers/vfio-pci-tsm"|the driver vfio-pci-tsm is not loaded
	EOF
}
