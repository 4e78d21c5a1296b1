# SPDX-License-Identifier: GPL-2.0-or-later
# A kernel without kernel/patches: the IOMMU has vDEVICEs, but a bind cannot name one.
# vm: --iommu amd --nvme 2
# kernels: normal oldest

# shellcheck disable=SC2154 # helpers.bash sets what is not set here
load helpers

setup_file() { load helpers; load_all; }
teardown_file() { load helpers; unload_all; }
setup() {
	! can_find_vdevices || skip "this kernel has kernel/patches"
	prepare
}
teardown() { cleanup; }

guest=(nest-parent viommu vdevice:0x28)

@test "EOPNOTSUPP: the kernel cannot look vDEVICEs up, whatever the id names" {
	run client open "${guest[@]}" bind-by:vdevice bind-by:ioas bind-by:nothing \
		"sh:cat $configfs/$dev/tsm/last_error" destroy:vdevice tsm-bind
	assert_line "bind-by:vdevice EOPNOTSUPP"
	assert_line "bind-by:ioas EOPNOTSUPP"
	assert_line "bind-by:nothing EOPNOTSUPP"
	assert_line "-95 vdevice"
	assert_line "destroy:vdevice OK"
	assert_line "tsm-bind OK"
}

