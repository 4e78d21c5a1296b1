# SPDX-License-Identifier: GPL-2.0-or-later
# Five operations at once, each of which waits for the next. A disconnect has PCI/TSM's
# semaphore and waits for the list of functions. A hot-add waits to write to that list.
# Error recovery reads the list and waits for the device lock. A reset has the device lock
# and waits for the unbind. The unbind waits for PCI/TSM's semaphore.
# vm: --nvme 1 --timeout 900

# shellcheck disable=SC2154 # helpers.bash sets what is not set here
load helpers

setup_file() { load helpers; load_all; }
teardown_file() { load helpers; unload_all; }
setup() {
	prepare
	mkfifo "$BATS_TEST_TMPDIR/go"
}
teardown() {
	inject delay_unbind_ms 0
	kill_holders
	"$top/tests/bed/monitor" device_del late || true
	eventually gone late
	echo default >"$pci/devices/$dev/reset_method"
	echo 10 >/sys/module/vfio_pci_tsm/parameters/reset_wait
	cleanup
}

inject() { echo "$2" >"$debugfs/$dev/inject/$1"; }

# The function that is hot-added, or "gone"
late() { ls -d "$pci"/devices/0000:02:00.0 2>/dev/null || echo gone; }

# state_of PID: D if the process sleeps in the kernel
state_of() { cut -d' ' -f3 "/proc/$1/stat" 2>/dev/null || echo gone; }
waits() { [ "$(state_of "$1")" = D ] && echo yes; }
thread_waits() {
	awk -v name="$1" '/^Name:/ { hit = index($2, name) } /^State:/ && hit && $2 == "D" { print "yes"; exit }' \
		/proc/[0-9]*/status 2>/dev/null
}

@test "a reset does not wait for a TSM for ever" {
	client open tsm-bind "sh:read x <$BATS_TEST_TMPDIR/go" >"$BATS_TEST_TMPDIR/said" &
	owner=$!
	eventually bound attr state
	# enough time for all of them to wait for each other
	echo 60 >/sys/module/vfio_pci_tsm/parameters/reset_wait

	inject delay_unbind_ms 60000
	echo tsm0 >"$pci/devices/$dev/tsm/disconnect" &
	disconnect=$!
	eventually unbind sim inject/delayed

	(echo flr >"$pci/devices/$dev/reset_method"; echo 1 >"$pci/devices/$dev/reset") &
	reset=$!
	eventually yes waits $reset

	"$top/tests/bed/monitor" pcie_aer_inject_error rp0 COMP_ABORT
	eventually yes thread_waits aerdrv

	"$top/tests/bed/monitor" device_add nvme,id=late,bus=hp0,drive=spare,serial=late
	eventually yes thread_waits pciehp

	inject delay_unbind_ms 0
	ended() { [[ $(state_of $disconnect)$(state_of $reset) =~ ^(gone|Z)(gone|Z)$ ]]; }
	wait_for 110 ended
	wait $disconnect $reset
	eventually lost attr state
	assert_equal "$(cat "$pci/devices/$dev/tsm/connect")" ""
	eventually "$pci/devices/0000:02:00.0" late

	# Afterwards everything works as before.
	echo >"$BATS_TEST_TMPDIR/go"
	wait $owner
	eventually closed attr state
	connect
	run client open tsm-bind
	assert_line "tsm-bind OK"
}
