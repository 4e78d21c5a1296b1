# SPDX-License-Identifier: GPL-2.0-or-later
# A TSM without a bind operation, such as AMD's. PCI/TSM calls the operation without a
# check, so a bind must not get there.
# vm: --nvme 2

# shellcheck disable=SC2154 # helpers.bash sets what is not set here
load helpers

other=0000:02:00.0

setup_file() { load helpers; load_all; modprobe other_bind; }
teardown_file() { load helpers; modprobe -r other_bind; unload_all; }
setup() {
	prepare
	echo 1 >"$debugfs/no_bind_tsm"
}
teardown() {
	sim_delay 0
	kill_holders
	echo 0 >"$debugfs/no_bind_tsm"
	cleanup "$other"
}

tsm() { echo "$2" >"$pci/devices/$3/tsm/$1"; }
sim_delay() { echo "$1" >"$debugfs/$other/inject/delay_connect_ms"; }

# D: the process sleeps in the kernel, and only SIGKILL wakes it, as on PCI/TSM's semaphore
state_of() { cut -d' ' -f3 "/proc/$1/stat" 2>/dev/null || echo gone; }
stuck() { eventually D state_of "$1"; }

@test "a bind is refused while the host has a TSM that cannot bind" {
	run client open tsm-bind "sh:cat $configfs/$dev/tsm/last_error"
	assert_line "tsm-bind ENXIO"
	assert_line -- "-6 no-bind"
	echo 0 >"$debugfs/no_bind_tsm"
	run client open tsm-bind
	assert_line "tsm-bind OK"
}

@test "can_bind, list and doctor show a TSM that cannot bind, without a bind" {
	can_bind() { cat "$pci/devices/$dev/vfio_tsm/can_bind"; }
	assert_equal "$(can_bind)" 0
	run tsmctl list "$dev"
	assert_line --regexp "^$dev .* no-bind "
	run tsmctl doctor "$dev"
	assert_output --partial "a TSM of this host cannot bind"
	echo 0 >"$debugfs/no_bind_tsm"
	assert_equal "$(can_bind)" 1
	tsm disconnect tsm0 "$dev"
	assert_equal "$(can_bind)" unknown
}

@test "a bind is refused if the function is connected to such a TSM while the bind waits" {
	# A slow connect has PCI/TSM's semaphore. The disconnect from tsm0, the connect to
	# tsm1 and the bind wait for it, in this order.
	sim_delay 60000
	tsm connect tsm0 "$other" &
	eventually connect sim inject/delayed "$other"
	tsm disconnect tsm0 "$dev" &
	stuck $!
	tsm connect tsm1 "$dev" &
	stuck $!
	client open tsm-bind >"$BATS_TEST_TMPDIR/said" &
	bind=$!
	done_or_stuck() { [[ $(state_of $bind) =~ ^[DZ]|gone$ ]] && echo yes; }
	eventually yes done_or_stuck
	sim_delay 0
	wait
	assert_equal "$(cat "$pci/devices/$dev/tsm/connect")" tsm1
	assert_equal "$(cat "$BATS_TEST_TMPDIR/said")" "tsm-bind ENXIO"
	tsm disconnect tsm1 "$dev"
}

@test "with kernel/patches, PCI/TSM refuses by itself" {
	can_find_vdevices || skip "this kernel would jump to NULL"
	tsm disconnect tsm0 "$dev"
	tsm connect tsm1 "$dev"
	run bash -c "echo $dev >/sys/module/other_bind/parameters/bind"
	assert_failure
	assert_output --partial "No such device or address"
	tsm disconnect tsm1 "$dev"
}
