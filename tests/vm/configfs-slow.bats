# SPDX-License-Identifier: GPL-2.0-or-later
# A TSM that is slow with one device does not delay a reader of configfs or sysfs: not for
# that device, and not for another one with the same DSM.
# vm: --nvme 0 --qemu -device --qemu pcie-root-port,id=rpv,bus=pcie.0,addr=0x10,chassis=60,slot=60 --qemu -device --qemu nvme-subsys,id=sub0 --qemu -device --qemu nvme,serial=sriov,bus=rpv,subsys=sub0,max_ioqpairs=8,msix_qsize=9,sriov_max_vfs=2,sriov_vq_flexible=4,sriov_vi_flexible=2

# shellcheck disable=SC2154 # helpers.bash sets what is not set here
load helpers

setup_file() {
	load helpers
	load_all "$(find_pf)"
	make_vfs
}

teardown_file() {
	load helpers
	remove_vfs
	unload_all
}

setup() {
	connect "$PF"
	for vf in "$VF0" "$VF1"; do
		mkdir "$configfs/$vf"
		assign "$vf"
	done
	set_attr tdi_id 00:06.0 "$VF0"
}

teardown() {
	[ ! -e "$debugfs/$VF0" ] || { delay bind 0 && delay unbind 0; }
	wait
	cleanup "$VF0" "$VF1" "$PF"
}

delay() { echo "$2" >"$debugfs/$VF0/inject/delay_$1_ms"; }

# waits_for_ever PID: the process sleeps in the kernel, and only SIGKILL could wake it
waits_for_ever() { grep -q '^State:	D' "/proc/$1/status" 2>/dev/null; }

# all_are_read OPERATION STATE: the files can be read while the TSM is at work on VF0, which
# is in STATE. A disconnect waits for the TSM, and all of PCI/TSM waits for the disconnect.
all_are_read() {
	eventually "$1" sim inject/delayed "$VF0"
	bash -c "echo tsm0 >$pci/devices/$PF/tsm/disconnect" 3>&- &
	wait_for 30 waits_for_ever $!
	cat "$configfs/$VF0"/tsm/* "$configfs/$VF1"/tsm/*
	cat "$pci/devices/$VF0"/vfio_tsm/* "$pci/devices/$VF1"/vfio_tsm/*
	assert_equal "$(attr state "$VF0") $(attr state "$VF1")" "$2 closed"
	# PCI/TSM publishes the TSM and the DSM; list does not wait for them.
	run timeout -s KILL 60 tsmctl list
	assert_line --regexp "^$VF0 +$2 +vfio-pci-tsm "
	assert_line --regexp "^$VF1 +closed +vfio-pci-tsm "
	assert_line --partial "a TSM is slow"
	run rmdir "$configfs/$VF0"
	assert_failure
	mkdir "$configfs/0000:7f:1f.7"
	rmdir "$configfs/0000:7f:1f.7"
	assert_equal "$(sim inject/delayed "$VF0")" "$1"
	delay "$1" 0
	wait
}

@test "all files can be read while the TSM is slow to bind" {
	delay bind 60000
	vfio-client "$VF0" open tsm-bind 3>&- &
	all_are_read bind open
}

@test "all files can be read while the TSM is slow to unbind" {
	delay unbind 60000
	vfio-client "$VF0" open tsm-bind tsm-unbind 3>&- &
	all_are_read unbind bound
}

@test "all files can be read while the TSM is slow to unbind for a revoke" {
	delay unbind 60000
	mkfifo "$BATS_TEST_TMPDIR/go"
	vfio-client "$VF0" open tsm-bind "sh:read x <$BATS_TEST_TMPDIR/go" 3>&- &
	eventually bound attr state "$VF0"
	bash -c "echo 0 >$configfs/$VF0/tsm/bound; echo >$BATS_TEST_TMPDIR/go" 3>&- &
	all_are_read unbind bound
}
