# SPDX-License-Identifier: GPL-2.0-or-later
# The region mode, which an open of the device latches.

# shellcheck disable=SC2154 # helpers.bash sets what is not set here
load helpers

setup_file() { load helpers; load_all; }
teardown_file() { load helpers; unload_all; }
setup() { prepare; }
teardown() {
	echo exclusive >"$configfs/default_region_mode"
	cleanup
}

@test "exclusive: sysfs resource0 cannot be mapped while the device is open" {
	run client resource:0 open resource:0 close resource:0
	mapfile -t answers < <(grep '^resource:0' <<<"$output")
	assert_equal "${answers[*]}" "resource:0 OK resource:0 EINVAL resource:0 OK"
}

@test "shared: sysfs resource0 can be mapped while the device is open" {
	set_attr region_mode shared
	run client open "sh:cat $configfs/$dev/tsm/region_mode_active" resource:0
	assert_line shared
	assert_line "resource:0 OK"
}

@test "the claim is below vfio's own, and ends with the close" {
	run client open "sh:grep -c vfio-pci-tsm /proc/iomem" close
	assert_line 1
	run grep vfio /proc/iomem
	assert_failure
}

@test "a write to region_mode fails with EBUSY while the device is open" {
	run client open "sh:echo shared >$configfs/$dev/tsm/region_mode || echo busy" \
		"sh:cat $configfs/$dev/tsm/region_mode" close \
		"sh:echo shared >$configfs/$dev/tsm/region_mode && cat $configfs/$dev/tsm/region_mode"
	assert_line busy
	assert_line default
	assert_line shared
}

@test "the mode default follows default_region_mode, with and without a directory" {
	run client open "sh:cat $configfs/$dev/tsm/region_mode_active"
	assert_line exclusive

	echo shared >"$configfs/default_region_mode"
	run client open "sh:cat $configfs/$dev/tsm/region_mode_active"
	assert_line shared
	rmdir "$configfs/$dev"
	run client open resource:0
	assert_line "resource:0 OK"

	mkdir "$configfs/$dev"
	set_attr region_mode exclusive
	run client open resource:0
	assert_line "resource:0 EINVAL"
}

@test "default_region_mode changes nothing for a device that is open" {
	run client open "sh:echo shared >$configfs/default_region_mode" resource:0 \
		"sh:cat $configfs/$dev/tsm/region_mode_active"
	assert_line "resource:0 EINVAL"
	assert_line exclusive
}
