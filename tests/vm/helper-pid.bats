# SPDX-License-Identifier: GPL-2.0-or-later
# A device that a VMM has open is bound and unbound through the VMM's own file. The
# client of the tests plays the VMM, which only waits meanwhile.
# vm: --nvme 2

# shellcheck disable=SC2154 # helpers.bash sets what is not set here
load helpers
load helper-service

setup_file() { load helpers; load_all; }
teardown_file() { load helpers; unload_all; }
setup() { prepare; }
teardown() { cleanup 0000:02:00.0; }

refused() { # EXIT ERRNO TEXT...
	local text
	assert_equal "$status" "$1"
	assert_output --partial "\"errno\":\"$2\""
	for text in "${@:3}"; do assert_output --partial "$text"; done
	assert_equal "$(sim state)" CONFIG_UNLOCKED
}

@test "bind --pid binds the device on the VMM's file, with its VM; the VMM goes on and is the owner" {
	vmm open "$ready" "$(wait_for_go)" reset tsm-unbind read:0:0:4
	before=$(files)
	helper bind --pid "$vmm"
	assert_success
	assert_output "{\"event\":\"bound\",\"device\":\"$dev\",\"pid\":$vmm,\"tdi_id\":\"0000:00:05.0\",\"vdevice_id\":null,\"fallback\":null,\"tdi_state\":\"locked\"}"
	assert_equal "$(attr state)" bound
	assert_equal "$(attr owner)" "$vmm"
	assert_equal "$(sim state)" CONFIG_LOCKED
	assert_equal "$(files)" "$before"
	helper bind --pid "$vmm"
	assert_equal "$status" 6
	assert_output --partial EALREADY
	helper unbind --pid "$vmm"
	assert_success
	assert_output "{\"event\":\"unbound\",\"device\":\"$dev\",\"reason\":\"command\"}"
	assert_equal "$(attr state)" open
	assert_equal "$(sysfs last_unbind)" ioctl
	# A device that is not bound needs nothing.
	helper unbind --pid "$vmm"
	assert_success
	helper bind --pid "$vmm"
	assert_success
	go
	run cat "$BATS_TEST_TMPDIR/vmm.log"
	assert_line "reset EBUSY"
	assert_line "tsm-unbind OK"
	assert_line --regexp "^read:0:0:4 OK"
	assert_equal "$(attr state)" closed
	assert_equal "$(sim violations)" 0
}

@test "tsmctl binds through the VMM that has the device open, else with a holder; options force either" {
	vmm open "$ready" "$(wait_for_go)"
	run tsmctl bind "$dev"
	assert_success
	assert_line "$dev: state bound (was open)"
	assert_line --regexp "note: used by process $vmm \(vfio-client\)"
	assert_equal "$(attr owner)" "$vmm"
	run tsmctl unbind "$dev" --hold
	assert_equal "$status" 6
	run tsmctl unbind "$dev" --vmm 1
	assert_equal "$status" 6
	assert_equal "$(attr state)" bound
	run tsmctl unbind "$dev"
	assert_success
	assert_line "$dev: state open (was bound)"
	run tsmctl bind "$dev" --hold
	assert_equal "$status" 6
	run tsmctl bind "$dev" --vmm "$vmm"
	assert_success
	run tsmctl unbind "$dev" --vmm "$vmm"
	assert_success
	go
	run tsmctl bind "$dev" --vmm $$
	assert_equal "$status" 1
	assert_output --partial "does not have the device open"
	run tsmctl bind "$dev"
	assert_success
	refute [ "$(attr owner)" = "$vmm" ]
	run tsmctl unbind "$dev"
	assert_success
	assert_equal "$(attr state)" closed
}

@test "if nothing reads the helper's result, it unbinds the device" {
	vmm open "$ready" "$(wait_for_go)"
	run bash -c "tsm-bind-helper bind --pid $vmm --device $dev | true; echo \${PIPESTATUS[0]}"
	refute_output 0
	assert_equal "$(attr state)" open
	assert_equal "$(sysfs last_unbind)" ioctl
	go
}

@test "kill -9 of the VMM while bound unlocks the TDI, and the device can be used again" {
	vmm open "$ready" "$(wait_for_go)"
	helper bind --pid "$vmm"
	assert_success
	kill -KILL "$vmm"
	eventually closed attr state
	assert_equal "$(sim state)" CONFIG_UNLOCKED
	assert_equal "$(sim violations)" 0
	helper bind --pid "$vmm"
	refused 1 ESRCH
	run client open read:0:0:4 tsm-bind
	assert_line "tsm-bind OK"
}

@test "with mapped BARs a bind is refused with a hint; with revoke it succeeds and the mapping is gone" {
	vmm open mmap:0 "$ready" "$(wait_for_go)" touch:0:0
	helper bind --pid "$vmm"
	refused 6 EBUSY '"stage":"mapped"' x-no-mmap=on "--bar-mmap revoke"
	run tsmctl bind "$dev"
	assert_equal "$status" 6
	assert_output --partial x-no-mmap=on
	assert_output --partial "tsmctl mode $dev --bar-mmap revoke"
	run tsmctl mode "$dev" --bar-mmap revoke
	assert_success
	run tsmctl bind "$dev"
	assert_success
	assert_equal "$(sim state)" CONFIG_LOCKED
	go
	run cat "$BATS_TEST_TMPDIR/vmm.log"
	assert_line "touch:0:0 EFAULT"
	assert_equal "$(sim violations)" 0
}

@test "a bind is refused for a VMM without KVM, with the group API, or without an iommufd" {
	vmm cdev bind-iommufd ioas attach enable "$ready" "$(wait_for_go)"
	helper bind --pid "$vmm"
	refused 1 EINVAL '"stage":"kvm"'
	run tsmctl bind "$dev"
	assert_failure
	assert_output --partial KVM_DEV_VFIO_FILE_ADD
	go
	rm "$BATS_TEST_TMPDIR/go"

	vmm group enable "$ready" "$(wait_for_go)"
	helper bind --pid "$vmm"
	refused 5 EPROTOTYPE "group API" "-object iommufd"
	run tsmctl bind "$dev"
	assert_equal "$status" 5
	assert_output --partial "group API"
	go
	rm "$BATS_TEST_TMPDIR/go"

	vmm cdev kvm "$ready" "$(wait_for_go)"
	helper bind --pid "$vmm"
	refused 1 ENOTCONN "has not bound it to an iommufd"
	go
}

@test "a second file of the same cdev without an iommufd is not used for the bind" {
	# The file without an iommufd has the lower number.
	exec 7<>"/dev/vfio/devices/$(basename "$pci/devices/$dev"/vfio-dev/vfio*)"
	vmm open "$ready" "$(wait_for_go)"
	exec 7>&-
	[ "$(find "/proc/$vmm/fd" -lname '/dev/vfio/devices/*' | wc -l)" -eq 2 ]
	helper bind --pid "$vmm"
	assert_success
	assert_equal "$(attr owner)" "$vmm"
	go
}

@test "a bind is refused on the VMM of another device, when denied, without an id, when not connected" {
	vmm open "$ready" "$(wait_for_go)"
	prepare 0000:02:00.0
	run tsm-bind-helper --device 0000:02:00.0 bind --pid "$vmm"
	refused 1 ENXIO "does not have"
	set_attr bind_allowed 0
	helper bind --pid "$vmm"
	refused 4 EACCES '"stage":"denied"'
	set_attr bind_allowed 1
	set_attr tdi_id none
	helper bind --pid "$vmm"
	refused 1 ENODATA '"stage":"tdi-id"'
	set_attr tdi_id 00:05.0
	helper bind --pid "$vmm" --vdevice-id 4242
	assert_failure
	assert_equal "$(attr state)" open
	echo tsm0 >"$pci/devices/$dev/tsm/disconnect"
	helper bind --pid "$vmm"
	assert_equal "$status" 5
	assert_output --partial ENXIO
	connect
	helper bind --pid "$vmm"
	assert_success
	go
}

@test "root can bind on the file of another user's VMM; a caller without CAP_SYS_PTRACE is refused" {
	chmod 666 /dev/vfio/devices/* /dev/iommu /dev/kvm
	vmm_as() {
		mkfifo -m 666 "$BATS_TEST_TMPDIR/go"
		setpriv --reuid 65534 --regid 65534 --clear-groups \
			"$(type -P vfio-client)" "$dev" "$@" >"$BATS_TEST_TMPDIR/vmm.log" 2>&1 3>&- &
		vmm=$!
		eventually 1 grep -c "^sh:echo ready" "$BATS_TEST_TMPDIR/vmm.log"
	}
	chmod 755 "$BATS_TEST_TMPDIR" "$BATS_RUN_TMPDIR"
	vmm_as open "$ready" "$(wait_for_go)"
	run setpriv --reuid 1234 --regid 1234 --clear-groups "$(type -P tsm-bind-helper)" \
		--device "$dev" --pid "$vmm" bind
	refused 4 EACCES CAP_SYS_PTRACE
	helper bind --pid "$vmm"
	assert_success
	# root with the capability, then without it
	helper unbind --pid "$vmm"
	assert_success
	run setpriv --bounding-set=-sys_ptrace -- "$(type -P tsm-bind-helper)" \
		--device "$dev" --pid "$vmm" bind
	refused 4 EACCES CAP_SYS_PTRACE
	go
}

@test "the pid of a VMM does not exist in another pid namespace" {
	vmm open "$ready" "$(wait_for_go)"
	run unshare -p --fork --mount-proc tsm-bind-helper --device "$dev" --pid "$vmm" bind
	refused 1 ESRCH "pid namespace"
	go
}

@test "a lost device can be bound again after tsmctl unbind" {
	vmm open "$ready" "$(wait_for_go)"
	helper bind --pid "$vmm"
	assert_success
	echo tsm0 >"$pci/devices/$dev/tsm/disconnect"
	eventually lost attr state
	connect
	run tsmctl bind "$dev"
	assert_equal "$status" 6
	assert_output --partial "tsmctl unbind"
	run tsmctl unbind "$dev"
	assert_success
	assert_equal "$(attr state)" open
	run tsmctl bind "$dev"
	assert_success
	assert_equal "$(attr state)" bound
	go
}
