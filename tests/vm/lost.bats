# SPDX-License-Identifier: GPL-2.0-or-later
# A bound device is lost by something that cannot be refused: the owner gets an event, the
# TDI is unlocked, and the device can be bound again.
# vm: --nvme 2

# shellcheck disable=SC2154 # helpers.bash sets what is not set here
load helpers

setup_file() { load helpers; load_all; }
teardown_file() { load helpers; unload_all; }
setup() { prepare; }
teardown() { cleanup; }

disconnect() { echo "echo tsm0 >$pci/devices/$dev/tsm/disconnect"; }
reconnect() { echo "echo tsm0 >$pci/devices/$dev/tsm/connect"; }

# count: how many binds were lost since the driver has the device
count() { sysfs loss_count; }

# lost REASON COMMAND [STEP...]: COMMAND causes a loss with REASON; the STEPs follow
lost() {
	local reason=$1 command=$2
	shift 2
	before=$(count)
	run client open event tsm-bind event-none "sh:$command" event-wait \
		"sh:cd $pci/devices/$dev/vfio_tsm && cat state last_unbind bound tdi_id" read:0:0:4 \
		tsm-bind "$@" tsm-unbind tsm-bind close
	assert_line "event-none OK"
	assert_line "event-wait OK 1"
	assert_output --partial "lost
$reason
0
0000:00:05.0"
	assert_line --regexp '^read:0:0:4 OK'
	assert_equal "$(answers tsm-bind)" "OK ENXIO OK"
	assert_equal "$(sim violations)" 0
	assert_equal "$(sim state)" CONFIG_UNLOCKED
	# the binds that the owner has ended do not count
	assert_equal "$(count)" $((before + 1))
}

@test "a disconnect of the TSM is a loss, and the event is signalled" {
	lost lost "$(disconnect)" "sh:$(reconnect)"
}

@test "a disconnect of the TSM is a loss, even if it is connected again" {
	lost lost "$(disconnect); $(reconnect)"
}

@test "unregistering the TSM is a loss" {
	lost lost "rmmod tsm_sim" "sh:modprobe tsm_sim 'devices=0000:0[1-9]:00.*'; $(reconnect)"
}

inject() { echo "$top/tests/bed/monitor pcie_aer_inject_error rp0 $1"; }

@test "an error that is not fatal does not end the TDI" {
	recovered="timeout 60 sh -c 'until dmesg | grep -q \"device recovery successful\"; do :; done'"
	dmesg --clear
	run client open event tsm-bind "sh:$(inject COMP_ABORT)" "sh:$recovered" event-none \
		"sh:cat $configfs/$dev/tsm/state $debugfs/$dev/state" tsm-unbind tsm-bind
	assert_line "event-none OK"
	assert_line bound
	assert_line CONFIG_LOCKED
	assert_equal "$(answers tsm-bind)" "OK OK"
	assert_equal "$(sim violations)" 0
}

@test "an error whose recovery never ends keeps the device from a bind until it is reset" {
	modprobe tell_error
	run client open "put:/sys/module/tell_error/parameters/device=$dev" tsm-bind reset tsm-bind close \
		"put:/sys/module/tell_error/parameters/device=$dev" open tsm-bind
	modprobe -r tell_error
	assert_equal "$(answers tsm-bind)" "EHOSTDOWN OK OK"
}

@test "a fatal error, after which the link is reset, is a loss, and the device works after a close" {
	# While the link is being reset, an open fails with EAGAIN.
	local recovered="timeout 60 sh -c 'until dmesg | grep -q \"device recovery successful\"; do :; done'"
	dmesg --clear
	run client open event tsm-bind "sh:$(inject SDN)" event-wait \
		"sh:cd $pci/devices/$dev/vfio_tsm && cat state last_unbind" close "sh:$recovered" open tsm-bind read:7:0:4 close
	assert_output --partial "lost
aer"
	assert_equal "$(answers tsm-bind)" "OK OK"
	# No check of violations: the TSM may see the reset of the link before the unbind.
}

@test "a loss is reported once, and an operation that was refused works afterwards" {
	set_attr bar_mmap revoke
	run client open uevents mmap:0 tsm-bind reset touch:0 "sh:$(disconnect)" reset write:7:4:2:6 touch:0 \
		"sh:cat $configfs/$dev/tsm/state" uevents-show
	assert_equal "$(answers reset)" "EBUSY OK"
	assert_equal "$(answers touch:0)" "EFAULT OK"
	assert_equal "$(grep -c '^uevent EVENT=lost' <<<"$output")" 1
	assert_line lost
	run tsmctl show "$dev"
	assert_line --regexp "^lost_binds +$(count)\$"
	assert_line --regexp '^last_unbind +lost$'
	assert_line --regexp '^refused +(.*, )?reset [1-9]'
	run tsmctl metrics
	assert_line "tsmctl_lost_binds_total{address=\"$dev\"} $(count)"
}

@test "after a loss the device can be closed, opened and bound" {
	client open tsm-bind "sh:$(disconnect)" "sh:cat $configfs/$dev/tsm/state" close
	assert_equal "$(attr state)" closed
	assert_equal "$(sysfs last_unbind)" lost
	connect
	run client open tsm-bind
	assert_line "tsm-bind OK"
	assert_equal "$(sysfs last_unbind)" close
}

@test "an UNBIND in the middle of a bind of a lost device does not make the bind succeed" {
	modprobe hold_lock
	group=/sys/module/hold_lock/parameters/group
	run client open tsm-bind "sh:$(disconnect); $(reconnect); cat $configfs/$dev/tsm/state" \
		"put:$group=$dev" bg:tsm-bind "$(until_in iommu_group_for_each_dev)" \
		tsm-unbind "sh:echo >$group" bg-end \
		"sh:cat $configfs/$dev/tsm/state $debugfs/$dev/state $configfs/$dev/tsm/last_error" tsm-bind
	modprobe -r hold_lock
	assert_line lost
	assert_equal "$(answers tsm-unbind)" OK
	assert_line "bg-end ENXIO"
	assert_output --partial "open
CONFIG_UNLOCKED
-6 not-connected"
	assert_equal "$(answers tsm-bind)" "OK ENXIO OK"
}

@test "a disconnect of another function is not a loss of this one" {
	prepare 0000:02:00.0
	run client open tsm-bind "sh:echo tsm0 >$pci/devices/0000:02:00.0/tsm/disconnect" \
		"sh:cat $configfs/$dev/tsm/state"
	assert_line bound
	cleanup 0000:02:00.0
}

# pull: removes the device without notice; modprobe returns when the driver has detached
pull() { echo "modprobe pull_device device=$dev >/dev/null 2>&1 </dev/null &"; }

# The device is found again at its address.
plug() {
	local path=$pci/devices/$dev
	gone() { [ -e "$path" ] || echo gone; }
	eventually gone gone
	modprobe -r pull_device
	echo 1 >"$pci/rescan"
	[ -e "$path" ]
}

@test "a device that is pulled without notice is lost at once, and is removed when the owner closes it" {
	run client open uevents request-eventfd event tsm-bind request-none "sh:$(pull)" request-wait \
		event-wait "sh:cat $configfs/$dev/tsm/state" info req-arg:0:0:0:0:8:8 event \
		read:7:4:2 reset tsm-bind uevents-show close
	assert_line "request-wait OK"
	assert_line "event-wait OK 1"
	assert_line lost
	# The three ioctls still have answers.
	assert_line --regexp '^info OK 2 . 0 0 7 '
	assert_line --regexp '^req-arg.* ENXIO'
	assert_equal "$(answers event)" "OK OK"
	assert_equal "$(answers tsm-bind)" "OK ENXIO"
	assert_line --regexp '^uevent EVENT=lost .*REASON=removed'
	plug
	assert_equal "$(attr state)" unassigned
	prepare
	run client open tsm-bind
	assert_line "tsm-bind OK"
}

@test "tsm-bind-helper closes a device that is pulled without notice" {
	tsm-bind-helper --device "$dev" >"$BATS_TEST_TMPDIR/said" 3>&- &
	helper=$!
	eventually bound attr state
	eval "$(pull)"
	plug
	rc=0
	wait "$helper" || rc=$?
	assert_equal $rc 1
	run tail -n 1 "$BATS_TEST_TMPDIR/said"
	assert_output "{\"event\":\"lost\",\"device\":\"$dev\",\"reason\":\"removed\"}"
}
