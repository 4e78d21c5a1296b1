# SPDX-License-Identifier: GPL-2.0-or-later
# Binding by iommufd vDEVICE, on an IOMMU that has vIOMMUs: by id, with every error,
# and held for as long as the bind lasts.
# vm: --iommu amd --nvme 2
# kernels: patched debug

# shellcheck disable=SC2154 # helpers.bash sets what is not set here
load helpers

setup_file() { load helpers; load_all; }
teardown_file() { load helpers; unload_all; }
setup() {
	can_find_vdevices || skip "this kernel has no kernel/patches"
	prepare
	set_attr tdi_id none
}
teardown() { cleanup "$other"; }

other=0000:02:00.0

# The objects of a guest's IOMMU, up to a vDEVICE
viommu=(nest-parent viommu)
guest=("${viommu[@]}" vdevice:0x28)

# refused WANTED STEP...: the last STEP fails with WANTED, changes nothing, and releases
# the vDEVICE
refused() {
	run client open "${guest[@]}" "${@:2}" "sh:cat $configfs/$dev/tsm/last_error" destroy:vdevice
	refute_line "bind-by:vdevice OK"
	assert_line --regexp "^${*: -1} $1\$"
	assert_line --regexp "^-[0-9]+ "
	assert_line "destroy:vdevice OK"
	[ ! -e "$debugfs/$dev" ] || assert_equal "$(sim state)" CONFIG_UNLOCKED
}

@test "this IOMMU has nest parents, vIOMMUs and vDEVICEs" {
	run client open "${guest[@]}" destroy:vdevice destroy:viommu destroy:hwpt
	refute_line --regexp ' E'
	assert_line "vdevice:0x28 OK"
}

@test "a bind by a vDEVICE's id gives its virt_id to the TSM, and needs no tdi_id" {
	run client open "${guest[@]}" bind-by:vdevice \
		"sh:cd $configfs/$dev/tsm && grep . state tdi_id vdevice_id" \
		"sh:cd $pci/devices/$dev && grep . vfio_tsm/tdi_id vfio_tsm/vdevice_id" \
		"sh:cd $debugfs/$dev && cat state tdi_id"
	assert_line --regexp '^bind-by:vdevice OK [0-9]+$'
	local id
	id=$(sed -n 's/^bind-by:vdevice OK //p' <<<"$output")
	assert_line "state:bound"
	assert_line "tdi_id:0000:00:05.0"
	assert_line "vdevice_id:$id"
	assert_line "vfio_tsm/tdi_id:0000:00:05.0"
	assert_line "vfio_tsm/vdevice_id:$id"
	assert_line CONFIG_LOCKED
	assert_line 0x28
	assert_equal "$(attr tdi_id)" none
	assert_equal "$(attr vdevice_id)" none
}

@test "the vDEVICE's virt_id is used instead of the configured tdi_id" {
	set_attr tdi_id 00:07.0
	run client open "${viommu[@]}" vdevice:0xffffffff bind-by:vdevice \
		"sh:cat $debugfs/$dev/tdi_id $configfs/$dev/tsm/tdi_id" \
		tsm-unbind "sh:cat $configfs/$dev/tsm/tdi_id" tsm-bind "sh:cat $debugfs/$dev/tdi_id"
	assert_line 0xffffffff
	assert_line ffff:ff:1f.7
	assert_line 0000:00:07.0
	assert_line 0x38
}

@test "EBUSY: a vDEVICE, its vIOMMU and nest parent cannot be destroyed while bound" {
	run client open "${guest[@]}" bind-by:vdevice destroy:vdevice destroy:viommu destroy:hwpt \
		tsm-unbind destroy:viommu destroy:vdevice destroy:viommu destroy:hwpt
	assert_equal "$(answers destroy:vdevice)" "EBUSY OK"
	assert_equal "$(answers destroy:viommu)" "EBUSY EBUSY OK"
	assert_equal "$(answers destroy:hwpt)" "EBUSY OK"
	assert_equal "$(sim violations)" 0
}

@test "ENOENT: the object does not exist, or is of another kind" {
	local what
	for what in nothing viommu hwpt ioas device; do
		refused ENOENT "bind-by:$what"
		assert_line "-2 vdevice"
	done
	run client open "${guest[@]}" destroy:vdevice bind-by:vdevice
	assert_line "bind-by:vdevice ENOENT"
}

@test "ENOENT: the vDEVICE of another device, in the same iommufd" {
	assign "$other"
	run client open "${viommu[@]}" sibling:"$other" on-sibling:vdevice:0x30 \
		bind-by:sibling-vdevice vdevice:0x28 bind-by:sibling-vdevice bind-by:vdevice \
		destroy:sibling-vdevice
	refute_line --regexp '^(on-sibling|vdevice):.* E'
	assert_equal "$(answers bind-by:sibling-vdevice)" "ENOENT ENOENT"
	assert_line --regexp '^bind-by:vdevice OK'
	assert_line "destroy:sibling-vdevice OK"
}

@test "ENOENT: a vDEVICE in another iommufd" {
	assign "$other"
	# The other iommufd has more objects, so its id does not exist in this one.
	run client "sibling:$other" on-sibling:ioas on-sibling:ioas on-sibling:nest-parent \
		on-sibling:viommu on-sibling:vdevice:0x28 open bind-by:sibling-vdevice \
		"${guest[@]}" bind-by:sibling-vdevice bind-by:vdevice
	refute_line --regexp '^on-sibling:.* E'
	assert_equal "$(answers bind-by:sibling-vdevice)" "ENOENT ENOENT"
	assert_line --regexp '^bind-by:vdevice OK'
}

@test "EOVERFLOW: a virt_id of more than 32 bits" {
	local guest
	guest=("${viommu[@]}" vdevice:0x100000028)
	refused EOVERFLOW bind-by:vdevice
	assert_line "-75 vdevice"
	guest=("${viommu[@]}" vdevice:0xffffffffffffffff)
	refused EOVERFLOW bind-by:vdevice
}

@test "a bind that fails after the look-up releases the vDEVICE" {
	refused EHOSTDOWN write:7:4:2:0 bind-by:vdevice
	assert_line "-112 command"
	echo 110 >"$debugfs/$dev/inject/error_bind"
	refused ETIMEDOUT bind-by:vdevice
	echo 0 >"$debugfs/$dev/inject/error_bind"
	echo tsm0 >"$pci/devices/$dev/tsm/disconnect"
	refused ENXIO bind-by:vdevice
}

@test "checks before the look-up of the vDEVICE are reported first" {
	set_attr bind_allowed 0
	refused EACCES bind-by:nothing
	set_attr bind_allowed 1
	set_attr region_mode shared
	refused EPERM bind-by:vdevice
}

@test "a revoke, a disconnect and a reset release the vDEVICE" {
	run client open "${guest[@]}" bind-by:vdevice "put:$configfs/$dev/tsm/bound=0" destroy:vdevice
	assert_line "destroy:vdevice OK"

	run client open "${guest[@]}" bind-by:vdevice "put:$pci/devices/$dev/tsm/disconnect=tsm0" \
		"is:$configfs/$dev/tsm/state=lost" destroy-soon:vdevice
	assert_line --partial "state=lost OK"
	assert_line "destroy-soon:vdevice OK"
	connect

	run client open "${guest[@]}" bind-by:vdevice "put:$pci/devices/$dev/reset_method=flr" \
		"put:$pci/devices/$dev/reset=1" "is:$configfs/$dev/tsm/state=lost" destroy-soon:vdevice \
		"put:$pci/devices/$dev/reset_method=default"
	assert_line --partial "state=lost OK"
	assert_line "destroy-soon:vdevice OK"
	assert_equal "$(sim violations)" 0
}

@test "files that are closed while bound, in any order, leave nothing behind" {
	local order
	for order in "iommufd-close kvm-close" "kvm-close iommufd-close" "device-close kvm-close" \
		"device-close iommufd-close" "kvm-close device-close" "iommufd-close device-close"; do
		# shellcheck disable=SC2086 # words
		run client open "${guest[@]}" bind-by:vdevice $order close open tsm-unbind "${guest[@]}" \
			bind-by:vdevice
		assert_equal "$(answers bind-by:vdevice | tr -d '0-9 ')" OKOK
		assert_equal "$(attr state)" closed
		assert_equal "$(sim state)" CONFIG_UNLOCKED
	done
	assert_equal "$(sim violations)" 0
}

@test "a device with a vDEVICE can be closed while bound, detached from the driver, and bound again" {
	run client open "${guest[@]}" bind-by:vdevice destroy:vdevice close
	assert_line "destroy:vdevice EBUSY"
	release
	assign
	run client open "${guest[@]}" bind-by:vdevice
	assert_line --regexp '^bind-by:vdevice OK'
}

@test "tsm-bind-helper binds on a VMM's file by the VMM's own vDEVICE" {
	run client open "${guest[@]}" bind-by:vdevice
	local id
	id=$(sed -n 's/^bind-by:vdevice OK //p' <<<"$output")
	run client open "${guest[@]}" \
		"sh:tsm-bind-helper bind --pid \$PPID --device $dev --vdevice-id $id" \
		"sh:cat $debugfs/$dev/tdi_id $configfs/$dev/tsm/vdevice_id" destroy:vdevice \
		tsm-unbind destroy:vdevice
	assert_line 0x28
	assert_line "$id"
	assert_equal "$(answers destroy:vdevice)" "EBUSY OK"
	assert_equal "$(sim violations)" 0
}
