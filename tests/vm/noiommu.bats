# SPDX-License-Identifier: GPL-2.0-or-later
# A host without an IOMMU, or whose IOMMU is off.
# vm: --iommu none --timeout 600

# shellcheck disable=SC2154 # helpers.bash sets what is not set here
load helpers

@test "assign reports that there is no IOMMU, and the device keeps its driver" {
	modprobe nvme
	tsmctl --quiet load --sim "$dev"
	run tsmctl assign "$dev"
	assert_equal "$status" 5
	assert_equal "$(wc -l <<<"$output")" 1
	assert_output --partial IOMMU
	assert_equal "$(basename "$(readlink "$pci/devices/$dev/driver")")" nvme
	assert_equal "$(cat "$pci/devices/$dev/driver_override")" "(null)"
}
