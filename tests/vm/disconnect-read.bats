# SPDX-License-Identifier: GPL-2.0-or-later
# Reads of PCI/TSM's attributes while it disconnects. It removes the attributes of a VF with its
# semaphore held, and waits for their readers, which wait for the semaphore. So a program that
# waits must end a read. The same can happen in a connect, for a moment that no test can hit.
# vm: --nvme 0 --qemu -device --qemu pcie-root-port,id=rpv,bus=pcie.0,addr=0x10,chassis=60,slot=60 --qemu -device --qemu nvme-subsys,id=sub0 --qemu -device --qemu nvme,serial=sriov,bus=rpv,subsys=sub0,max_ioqpairs=8,msix_qsize=9,sriov_max_vfs=2,sriov_vq_flexible=4,sriov_vi_flexible=2
# The debug kernel reports these locks of PCI/TSM.
# kernels: normal oldest

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
	mkdir "$configfs/$VF0"
	assign "$VF0"
	set_attr tdi_id 00:06.0 "$VF0"
	mkfifo "$BATS_TEST_TMPDIR/go"
	vfio-client "$VF0" open tsm-bind "sh:read x <$BATS_TEST_TMPDIR/go" &
	eventually bound attr state "$VF0"
}

# The end of its readers ends a disconnect that still waits for them.
teardown() {
	go_on
	pkill -KILL tsmctl || true
	kill_holders
	wait $disconnect
	release "$VF0"
	rmdir "$configfs/$VF0"
}

# begin: has PCI/TSM disconnect the PF, up to go_on
begin() {
	echo 60000 >"$debugfs/$VF0/inject/delay_unbind_ms"
	echo tsm0 >"$pci/devices/$PF/tsm/disconnect" &
	disconnect=$!
	eventually unbind cat "$debugfs/$VF0/inject/delayed"
}

go_on() { echo 0 >"$debugfs/$VF0/inject/delay_unbind_ms"; }
ended() { ! kill -0 $disconnect 2>/dev/null; }
waits() { grep -q "waiting for PCI/TSM, which is at work" "$BATS_TEST_TMPDIR/said"; }

@test "a verb that waits for PCI/TSM lets a disconnect go on" {
	begin
	tsmctl disconnect "$VF1" 2>"$BATS_TEST_TMPDIR/said" &
	reader=$!
	wait_for 30 waits
	go_on
	wait_for 30 ended
	wait $reader
}

@test "a verb that was given up leaves nothing that reads" {
	begin
	run -6 tsmctl disconnect "$VF1" --timeout 1
	assert_output --partial "gave up after"
	refute pgrep tsmctl
	go_on
	wait_for 30 ended
}

reads() { cat /proc/[0-9]*/stack 2>/dev/null | grep -Eq '(connect|bound|dsm)_show'; }

@test "show lets a disconnect go on" {
	begin
	touch "$BATS_TEST_TMPDIR/again"
	while [ -e "$BATS_TEST_TMPDIR/again" ]; do tsmctl show "$VF1" || true; done >/dev/null 2>&1 &
	reader=$!
	wait_for 30 reads
	go_on
	wait_for 30 ended
	rm "$BATS_TEST_TMPDIR/again"
	wait $reader
}
