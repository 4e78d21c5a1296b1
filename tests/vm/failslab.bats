# SPDX-License-Identifier: GPL-2.0-or-later
# Each allocation of open, bind, a request, unbind and close fails in turn: the operation fails
# with an error for that, or succeeds without that memory. Nothing stays half done, and the
# device works afterwards. init finds leaks at the end.
# vm: --timeout 1500
# long: each allocation fails in turn
# kernels: debug

# shellcheck disable=SC2154 # helpers.bash sets what is not set here
load helpers

failslab=/sys/kernel/debug/failslab

setup_file() {
	load helpers
	[ -d $failslab ] || return 0
	# Do not fail at random: /proc/thread-self/fail-nth selects the allocation.
	echo 0 >$failslab/probability
	echo 0 >$failslab/verbose
	echo N >$failslab/ignore-gfp-wait
	# When the device is released, the IOMMU core attaches its default domain, and
	# warns if that fails. Attaching the identity domain needs no memory.
	echo identity >"$pci/devices/$dev/iommu_group/type"
	load_all
	# iommufd has points of its own at which it fails. They also count.
	echo 0 >/sys/kernel/debug/fail_iommufd/verbose
	# Leave out the allocations that the kernel's own checkers make behind each other
	# one, and those of ACPI's interpreter. It runs when an open looks a device's
	# interrupt up, and uses freed memory after a failure of its own.
	local cache
	for cache in /sys/kernel/slab/*/failslab; do
		case $cache in
		*/kmemleak_*|*/debug_objects_cache/*|*/Acpi-*) ;;
		*) echo 1 >"$cache" ;;
		esac
	done
	echo Y >$failslab/cache-filter
}

teardown_file() {
	load helpers
	[ ! -d $failslab ] || unload_all
}

setup() {
	[ -d $failslab ] || skip "this kernel has no CONFIG_FAILSLAB; the debug kernel has it"
	prepare
	c=$configfs/$dev/tsm s=$debugfs/$dev
	first=
	opening=cdev,kvm,bind-iommufd,ioas,enable
	closed="is:$c/state=closed,is:$c/region_mode_active=none,is:$c/owner=none,is:$s/state=CONFIG_UNLOCKED"
	open="is:$c/state=open,is:$c/region_mode_active=exclusive,is:$s/state=CONFIG_UNLOCKED"
	bound="is:$c/state=bound,is:$s/state=CONFIG_LOCKED"
}

teardown() {
	[ -d $failslab ] || return 0
	# Afterwards the device works as before.
	run client open read:0:0:4 tsm-bind tsm-unbind tsm-bind close
	refute_output --regexp ' E[A-Z]+'
	assert_equal "$(attr state)" closed
	assert_equal "$(sim violations)" 0
	cleanup
}

# fail_each BEFORE STEP FAILED DONE AFTER [ERRNO]...: STEP may fail with ENOMEM and these
# ERRNOs. See tests/tools/client/main.c. The steps in $first come once.
fail_each() {
	local step="fail-each:$1;$2;$3;$4;$5" errnos answer
	errnos=$(IFS='|'; echo "OK|ENOMEM${6:+|${*:6}}")
	# shellcheck disable=SC2086 # several steps
	run client ${first:-} "$step" close
	echo "$output"
	assert_success
	assert_line --partial "$step OK "
	refute_line --regexp "^[^ ]* E[A-Z]+"
	answer=$(grep '^fail-each' <<<"$output")
	answer=${answer##* OK }
	echo "# $2: $answer" >&3
	[[ $answer =~ ^[0-9]+\ faults(,\ [0-9]+\ ($errnos))*$ ]]
}

@test "each allocation can fail in an open of the cdev" {
	fail_each "" cdev "$closed" "$closed" "close,$closed"
}

@test "each allocation can fail while the file is added to a VM" {
	first=cdev
	fail_each "" kvm "$closed" "$closed" "kvm-close,$closed"
}

@test "each allocation can fail in a bind to an iommufd, which opens the device" {
	# vfio-pci returns EBUSY for a BAR when there is no memory for the claim on it.
	fail_each cdev bind-iommufd "$closed" "$open" "close,$closed" EBUSY
}

@test "each allocation can fail in an attach to an IOAS" {
	first="cdev bind-iommufd"
	# iommufd's own points fail with these: iommufd_get_object() and
	# iopt_table_enforce_dev_resv_regions()
	fail_each "" ioas "$open" "$open" detach ENOENT EINVAL
}

@test "each allocation can fail in TSM_BIND" {
	first=open
	fail_each "" tsm-bind "$open" "$bound" "tsm-unbind,$open"
}

@test "each allocation can fail in TSM_UNBIND" {
	first=open
	fail_each tsm-bind tsm-unbind "$bound" "$open" "tsm-unbind,$open"
}

@test "each allocation can fail in a request of the guest, and the TDI stays bound" {
	first="open tsm-bind"
	# GET_DEVICE_INTERFACE_STATE of requester ID 01:00.0
	fail_each "" req:0:10850000000100000000000000000000 "$bound" "$bound" ""
}

@test "each allocation can fail in TSM_INFO" {
	first="open tsm-bind"
	fail_each "" info "$bound" "$bound" ""
}

@test "each allocation can fail while an eventfd is set, and the next one is signalled" {
	first=open
	fail_each "" event "$open" "$open" "event,tsm-bind,put:$c/bound=0,event-wait,tsm-unbind"
}

@test "each allocation can fail in a revoke" {
	first=open
	fail_each tsm-bind "put:$c/bound=0" "$bound" "$open" "tsm-unbind,$open"
}

@test "each allocation can fail in a close while bound" {
	fail_each $opening,tsm-bind close "$closed" "$closed" ""
}

@test "each allocation can fail in a mkdir in configfs" {
	rmdir "$configfs/$dev"
	fail_each "" "mkdir:$configfs/$dev" "" "is:$c/state=closed,rmdir:$configfs/$dev" ""
	mkdir "$configfs/$dev"
	set_attr tdi_id 00:05.0
}

@test "each allocation can fail in a mkdir in configfs for a device that is open" {
	rmdir "$configfs/$dev"
	fail_each cdev,bind-iommufd "mkdir:$configfs/$dev" close \
		"is:$c/state=open,close,rmdir:$configfs/$dev" ""
	mkdir "$configfs/$dev"
	set_attr tdi_id 00:05.0
}
