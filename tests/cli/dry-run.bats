#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2016,SC2030,SC2031,SC2154
# --dry-run shows what would happen, as far as that can be read; and each change is
# reported as one.
bats_require_minimum_version 1.5.0
load helpers

setup() {
	fake_host
	fake_tsm 0
	fake_assigned 0000:01:00.0
	fake_cdev 0000:01:00.0
	policy 0000:01:00.0 tdi_id 0000:00:02.0
}

@test "bind --dry-run: reports what a bind would be refused for, with the error of the bind" {
	while read -r attr value usual stage code hint; do
		policy 0000:01:00.0 "$attr" "$value"
		run_split tsmctl bind 01:00.0 --dry-run --json
		[ "$status" -eq "$code" ] || fail "$attr $value gave exit $status"
		assert_golden "dry-run-$stage"
		[[ $(errors hint) == *"$hint"* ]] || fail "$output"
		policy 0000:01:00.0 "$attr" "$usual"
	done <<- 'EOF'
		bind_allowed 0 1 denied 4 tsmctl allow 0000:01:00.0
		tdi_id none 0000:00:02.0 tdi-id 1 tsmctl tdi-id 0000:01:00.0
		region_mode shared default regions 4 tsmctl mode 0000:01:00.0 exclusive
	EOF
	echo shared > "$CFG/default_region_mode"
	run_split tsmctl bind 01:00.0 --dry-run
	assert_equal "$status" 4
	policy 0000:01:00.0 region_mode exclusive
	run_split tsmctl bind 01:00.0 --dry-run
	assert_success
	assert_output "0000:01:00.0: would set state bound (now closed)"
}

# open_with MAPPING...: a VMM that has the device open as vfio0, and has these mappings
open_with() {
	export TSMCTL_ROOT=$BATS_TEST_TMPDIR/root
	mkdir -p "$TSMCTL_ROOT/proc/77" "$TSMCTL_ROOT/dev/vfio/devices" \
		"$SYS/devices/pci0000:00/0000:01:00.0/vfio-dev/vfio0"
	: > "$TSMCTL_ROOT/dev/vfio/devices/vfio0"
	printf '7f00-7f01 rw-s 0 00:0f 5 %s\n' "$@" > "$TSMCTL_ROOT/proc/77/maps"
	policy 0000:01:00.0 state open
	policy 0000:01:00.0 owner 77
	policy 0000:01:00.0 region_mode_active exclusive
	echo D0 > "$SYS/devices/pci0000:00/0000:01:00.0/power_state"
}

@test "bind, bind --dry-run: on a kernel without VFIO cdevs, both say so, and what helps" {
	rm "$SYS/devices/pci0000:00/0000:01:00.0/vfio-dev/vfio0/dev"
	policy 0000:01:00.0 region_mode shared
	for directory in there gone; do
		for option in --verbose --dry-run; do
			run_split tsmctl bind 01:00.0 $option --json
			assert_equal "$status" 5
			assert_equal "$(errors "errno stage message hint" | cut -d ';' -f 1)" \
				"EOPNOTSUPP find cdev the kernel has no VFIO cdev of it use a kernel with CONFIG_VFIO_DEVICE_CDEV"
		done
		rm -rf "$SYS/devices/pci0000:00/0000:01:00.0/vfio-dev"
	done
}

@test "bind --dry-run: only the mappings of this device are in the way" {
	open_with /dev/vfio/devices/vfio1 /dev/vfio/devices/vfio01 '[vfio-device]' /dev/zero
	run_split tsmctl bind 01:00.0 --dry-run
	assert_success
	assert_line "0000:01:00.0: would set state bound (now open)"
	for path in /dev/vfio/devices/vfio0 '/dev/vfio/devices/vfio0 (deleted)'; do
		open_with /dev/vfio/devices/vfio1 "$path"
		run_split tsmctl bind 01:00.0 --dry-run --json
		assert_equal "$status" 6
		assert_golden dry-run-mapped
	done
}

@test "bind --dry-run: the message and the hint are about the same fault" {
	policy 0000:01:00.0 region_mode shared
	run_split tsmctl bind 01:00.0 --dry-run
	assert_equal "$status" 4
	assert_one_line "a bind would be refused: its regions are shared: region_mode is shared" "tsmctl mode 0000:01:00.0 exclusive"
	rm -r "$SYS"/kernel/iommu_groups/* "$SYS/devices/pci0000:00/0000:01:00.0/iommu_group"
	run_split tsmctl bind 01:00.0 --dry-run --json
	assert_equal "$status" 5
	assert_golden dry-run-no-iommu-group
}

@test "connect --dry-run: exits with 5 if the host does not have a TSM of that name" {
	echo > "$SYS/devices/pci0000:00/0000:01:00.0/tsm/connect"
	run_split tsmctl connect 01:00.0 --tsm tsm9 --dry-run
	assert_equal "$status" 5
	[[ $stderr == *"cannot connect it to tsm9"* ]] || fail "$stderr"
	run_split tsmctl connect 01:00.0 --tsm tsm0 --dry-run
	assert_success
}

@test "tdi-id, mode --dry-run: exits with 6 for what cannot change while the device is in use" {
	policy 0000:01:00.0 state open
	policy 0000:01:00.0 owner $$
	run_split tsmctl mode 01:00.0 shared --dry-run
	assert_equal "$status" 6
	assert_one_line "process $$ ("
	run_split tsmctl tdi-id 01:00.0 0x20 --dry-run
	assert_success
	policy 0000:01:00.0 state bound
	run_split tsmctl tdi-id 01:00.0 0x20 --dry-run
	assert_equal "$status" 6
	run_split tsmctl deny 01:00.0 --dry-run
	assert_success
	run_split tsmctl requests 01:00.0 none --dry-run
	assert_success
}

@test "release --dry-run: does not name a driver, because the kernel chooses it" {
	run_split tsmctl release 01:00.0 --dry-run --json
	assert_success
	assert_golden dry-run-release
}

@test "allow, mode: allow needs no directory in configfs; mode creates it once" {
	fake_device 0000:05:00.0
	before=$(snapshot)
	run_split tsmctl allow 05:00.0 --json
	assert_success
	assert_changed false
	assert_equal "$(snapshot)" "$before"
	run_split tsmctl --dry-run mode 05:00.0 shared
	assert_success
	assert_equal "$(grep -c "would create" <<< "$stderr")" 1
}

@test "release --forget: reports the removed policy apart from the driver" {
	fake_device 0000:05:00.0 nvme
	mkdir "$CFG/0000:05:00.0"
	run_split tsmctl release --forget 05:00.0
	assert_success
	assert_output "0000:05:00.0: driver nvme (unchanged)
0000:05:00.0: policy none (was kept)"
	run_split tsmctl release --forget 05:00.0 --json
	assert_success
	assert_golden dry-run-released-again
}
