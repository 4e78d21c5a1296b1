# SPDX-License-Identifier: GPL-2.0-or-later
# A TSM that fails to stop a TDI leaves a locked function, which PCI/TSM takes for
# unbound. No process may use it until the TDI is known to be stopped.

# shellcheck disable=SC2154 # helpers.bash sets what is not set here
load helpers

setup_file() { load helpers; load_all; modprobe other_bind; }
teardown_file() { load helpers; modprobe -r other_bind pull_device; unload_all; }
setup() {
	prepare
	echo 1 >"$debugfs/$dev/inject/report_unbind"
	fail_stop 5
}
teardown() {
	fail_stop 0
	echo 0 >"$debugfs/$dev/inject/report_unbind"
	kill_holders
	set_attr quarantine 0
	cleanup
}

fail_stop() { echo "$1" >"$debugfs/$dev/inject/error_unbind"; }

other_bind="echo $dev >/sys/module/other_bind/parameters/bind"
other_unbind="echo $dev >/sys/module/other_bind/parameters/unbind"
disconnect="echo tsm0 >$pci/devices/$dev/tsm/disconnect"
reconnect="echo tsm0 >$pci/devices/$dev/tsm/connect"
books="sh:cd $configfs/$dev/tsm && echo \$(cat state bound quarantine tsm)"

@test "after a failed stop in an unbind, the owner can only close the device" {
	steps=(read:0:0:4 read:6:0:2 ioeventfd:0:0x1000 config-clear:0:4:2:6 reset hot-reset attach low-power)
	set_attr bar_mmap revoke
	run client uevents open mmap:0 touch:0 tsm-bind tsm-unbind "$books" tsm-bind tsm-unbind touch:0 "${steps[@]}" \
		mmap:0 "sh:cat $debugfs/$dev/state $configfs/$dev/tsm/last_error" uevents-show close open
	assert_line "quarantined 0 1 none"
	assert_equal "$(answers tsm-unbind)" "EIO EIO"
	assert_equal "$(answers tsm-bind)" "OK EBUSY"
	assert_line "-16 quarantined"
	assert_equal "$(answers touch:0)" "OK EFAULT"
	assert_equal "$(answers mmap:0)" "OK EBUSY"
	for step in "${steps[@]}"; do
		assert_equal "$step $(answers "$step")" "$step EBUSY"
	done
	assert_line CONFIG_LOCKED
	assert_equal "$(blocked config-command) $(blocked reset) $(blocked fault)" "1 1 1"
	assert_line --regexp '^uevent EVENT=quarantined STATE=quarantined REASON=ioctl'
	assert_line "bind-iommufd EBUSY"
	assert_equal "$(attr state) $(sysfs last_unbind)" "quarantined ioctl"
}

@test "a failed stop in a close puts the device in quarantine" {
	client open tsm-bind close
	assert_equal "$(attr state) $(attr owner)" "quarantined none"
	run client open
	assert_line "bind-iommufd EBUSY"
}

@test "a failed stop in a revoke puts the device in quarantine, and the write fails with EIO" {
	run client open tsm-bind "put:$configfs/$dev/tsm/bound=0" "$books"
	assert_line "put:$configfs/$dev/tsm/bound=0 EIO"
	assert_line "quarantined 0 1 none"
}

@test "a failed stop after a forced reset puts the device in quarantine" {
	run client open event tsm-bind "sh:echo flr >$pci/devices/$dev/reset_method; echo 1 >$pci/devices/$dev/reset" \
		"$books" event-wait info tsm-unbind
	assert_line "quarantined 0 1 none"
	assert_line --regexp '^event-wait OK'
	assert_line --regexp '^info OK 4 . 0 0 4 '
	assert_equal "$(answers tsm-unbind)" EIO
	assert_equal "$(sysfs last_unbind)" reset
}

@test "INFO reports a quarantine, the event signals its begin and end, and no request passes" {
	run client open event tsm-bind tsm-unbind event-wait info req-arg:0:0:0:0:8:8 \
		"put:$configfs/$dev/tsm/quarantine=0" event-wait info \
		"put:$configfs/$dev/tsm/quarantine=1" event-wait info "put:$configfs/$dev/tsm/quarantine=0"
	assert_equal "$(awk '$1 == "info" { print $3, $7 }' <<<"$output")" "4 1
0 1
4 1"
	assert_equal "$(answers event-wait)" "OK OK OK"
	assert_line "req-arg:0:0:0:0:8:8 ENXIO"
}

@test "a failed stop in an unbind by another module puts the device in quarantine" {
	run client open "put:/sys/module/other_bind/parameters/bind=$dev" "$books" \
		"put:/sys/module/other_bind/parameters/unbind=$dev" read:0:0:4 "$books"
	assert_line "bound 1 0 tsm0"
	assert_equal "$(answers read:0:0:4)" EBUSY
	assert_line "quarantined 0 1 none"
}

@test "a failed stop in an unbind by another module revokes the owner's old mappings" {
	run client open mmap:0 touch:0 "sh:$other_bind; $other_unbind" touch-refused:0 "$books"
	assert_line --regexp '^touch-refused:0 OK'
	assert_line "quarantined 0 1 none"
}

@test "a failed stop in an unbind by another module counts before the driver has looked" {
	run client open "sh:$other_bind; $other_unbind" reset tsm-bind mmap:0 "$books" "sh:cat $debugfs/$dev/state"
	assert_equal "$(answers reset) $(answers tsm-bind) $(answers mmap:0)" "EBUSY EBUSY EBUSY"
	assert_line "quarantined 0 1 none"
	assert_line CONFIG_LOCKED
}

@test "a failed stop in an unbind by another module counts for a closed device, and without the driver" {
	eval "$other_bind; $other_unbind"
	run client open
	assert_line "bind-iommufd EBUSY"
	assert_equal "$(attr state)" quarantined
	set_attr quarantine 0
	fail_stop 0
	release
	eval "$other_bind"
	fail_stop 5
	eval "$other_unbind"
	rmdir "$configfs/$dev"
	mkdir "$configfs/$dev"
	assign
	assert_equal "$(attr state) $(attr quarantine)" "quarantined 1"
	run client open
	assert_line "bind-iommufd EBUSY"
	assert_equal "$(sim state)" CONFIG_LOCKED
}

@test "a TSM that can lock the TDI again ends its quarantine, but not the administrator's" {
	client open tsm-bind close
	assert_equal "$(attr state)" quarantined
	fail_stop 0
	eval "$other_bind"
	assert_equal "$(attr state) $(attr origin) $(attr quarantine)" "bound foreign 0"
	eval "$other_unbind"
	assert_equal "$(attr state)" closed
	set_attr quarantine 1
	eval "$other_bind"
	assert_equal "$(attr state) $(attr origin) $(attr quarantine)" "bound foreign 1"
	eval "$other_unbind"
	assert_equal "$(attr state)" quarantined
}

@test "a disconnect ends a quarantine, also if the TSM is connected again before the driver looks" {
	client open tsm-bind close
	assert_equal "$(attr state)" quarantined
	eval "$disconnect; $reconnect"
	assert_equal "$(attr state) $(attr quarantine)" "closed 0"
	run client open tsm-bind
	assert_line "tsm-bind OK"
}

@test "a failed stop that the TSM's driver does not report is not detected" {
	echo 0 >"$debugfs/$dev/inject/report_unbind"
	run client open tsm-bind tsm-unbind "$books"
	assert_line "open 0 0 none"
}

@test "a disconnect ends a quarantine, open or closed" {
	run client open tsm-bind tsm-unbind "sh:$disconnect" "$books" read:0:0:4 "sh:$reconnect" tsm-bind close "$books" \
		"sh:$disconnect" "$books"
	assert_line "open 0 0 none"
	assert_equal "$(answers read:0:0:4 | cut -d ' ' -f 1)" OK
	assert_equal "$(answers tsm-bind)" "OK OK"
	assert_line "quarantined 0 1 none"
	assert_line "closed 0 0 none"
	fail_stop 0
	connect
	run client open tsm-bind
	assert_line "tsm-bind OK"
}

@test "the administrator can end a quarantine, open or closed" {
	run client uevents open tsm-bind tsm-unbind "sh:echo 0 >$configfs/$dev/tsm/quarantine" "$books" reset mmap:0 touch:0 \
		uevents-show
	assert_line "open 0 0 none"
	assert_line "reset OK"
	assert_line --regexp "^touch:0 OK"
	assert_line --regexp '^uevent EVENT=freed STATE=open REASON=none'
	# The TDI is in fact still locked. A bind stops it.
	fail_stop 0
	client open tsm-bind "put:$debugfs/$dev/inject/error_unbind=5" close
	assert_equal "$(attr state)" quarantined
	set_attr quarantine 0
	assert_equal "$(attr state)" closed
	fail_stop 0
	run client open tsm-bind
	assert_line "tsm-bind OK"
}

@test "the administrator can quarantine a device, and a disconnect does not end that" {
	run client open "sh:echo 1 >$configfs/$dev/tsm/quarantine" "$books" read:0:0:4 tsm-bind close "sh:$disconnect" "$books"
	assert_equal "$(grep -cx "quarantined 0 1 none" <<<"$output")" 2
	assert_line "read:0:0:4 EBUSY"
	assert_line "tsm-bind EBUSY"
	set_attr quarantine 0
	fail_stop 0
	connect
	run client open tsm-bind "put:$configfs/$dev/tsm/quarantine=1" "$books"
	assert_line "put:$configfs/$dev/tsm/quarantine=1 EBUSY"
	assert_line "bound 1 0 tsm0"
	run set_attr quarantine 2
	assert_output --partial "Invalid argument"
}

@test "the owner cannot use an open device that the administrator has quarantined" {
	quarantine=put:$configfs/$dev/tsm/quarantine
	run client open mmap:0 touch:0 "$quarantine=1" touch:0 reset ioeventfd:0:0x1000 "$quarantine=0" touch:0 reset
	assert_line "$quarantine=1 OK"
	assert_equal "$(answers touch:0)" "OK EFAULT OK"
	assert_equal "$(answers reset)" "EBUSY OK"
	assert_equal "$(answers ioeventfd:0:0x1000)" EBUSY
	assert_equal "$(blocked fault)" 1
}

@test "the TSM does not end a quarantine that the administrator has also begun" {
	client open tsm-bind close
	set_attr quarantine 1
	eval "$disconnect"
	assert_equal "$(attr state) $(attr quarantine)" "quarantined 1"
	release
	set_attr quarantine 1
	assign
	assert_equal "$(attr state)" quarantined
	set_attr quarantine 0
	assert_equal "$(attr state)" closed
}

@test "a quarantine outlives the function, unless the function is pulled out of its slot" {
	set_attr quarantine 1
	echo 1 >"$pci/devices/$dev/remove"
	assert_equal "$(attr state) $(attr quarantine)" "absent 1"
	echo 1 >"$pci/rescan"
	assert_equal "$(attr state) $(attr quarantine)" "unassigned 1"
	modprobe pull_device device="$dev"
	assert_equal "$(attr state) $(attr quarantine)" "absent 0"
	echo 1 >"$pci/rescan"
	assign
	assert_equal "$(attr state)" closed
}

@test "the module cannot be unloaded while a device is quarantined" {
	count=$(cat /sys/module/vfio_tsm/refcnt)
	set_attr quarantine 1
	set_attr quarantine 1
	assert_equal "$(cat /sys/module/vfio_tsm/refcnt)" $((count + 1))
	set_attr quarantine 0
	set_attr quarantine 0
	assert_equal "$(cat /sys/module/vfio_tsm/refcnt)" "$count"
}

@test "a quarantine belongs to the function, not to the driver or the directory" {
	client open tsm-bind close
	release
	assert_equal "$(attr state) $(attr quarantine)" "unassigned 1"
	rmdir "$configfs/$dev"
	mkdir "$configfs/$dev"
	assert_equal "$(attr quarantine)" 1
	assign
	assert_equal "$(attr state)" quarantined
	run client open
	assert_line "bind-iommufd EBUSY"
	release
	eval "$disconnect"
	assign
	assert_equal "$(attr state) $(attr quarantine)" "closed 0"
}

@test "the administrator can end a quarantine also without the driver" {
	client open tsm-bind close
	release
	set_attr quarantine 0
	assign
	assert_equal "$(attr state)" closed
}

@test "the system can suspend while a device is quarantined" {
	client open tsm-bind close
	echo freezer >/sys/power/pm_test
	echo 0 >/sys/module/suspend/parameters/pm_test_delay
	echo freeze >/sys/power/state
}

@test "tsmctl doctor names what ends a quarantine, and disconnect and free end it" {
	client open tsm-bind close
	run -6 tsmctl doctor "$dev"
	assert_line --partial "it is quarantined"
	assert_line --partial "tsmctl disconnect $dev"
	run -6 tsmctl bind "$dev"
	assert_line --partial "tsmctl free $dev"
	run -6 tsmctl unload --forget
	run -0 tsmctl show "$dev"
	assert_line --regexp "^state +quarantined$"
	run -0 tsmctl disconnect "$dev"
	run -0 tsmctl connect "$dev"
	assert_equal "$(attr state)" closed
	client open tsm-bind close
	run -6 tsmctl release --forget "$dev"
	release
	run -6 tsmctl unload
	assert_line --partial "keeps devices in quarantine: $dev; 'tsmctl doctor $dev'"
	rmdir "$configfs/$dev"
	run -0 tsmctl free --dry-run "$dev"
	run -0 tsmctl free "$dev"
	assert_line "$dev: quarantine 0 (was 1)"
	[ ! -d "$configfs/$dev" ]
	run -0 tsmctl free "$dev"
	assert_line "$dev: quarantine 0 (unchanged)"
	mkdir "$configfs/$dev"
	assign
	set_attr tdi_id 00:05.0
	fail_stop 0
	run client open tsm-bind
	assert_line "tsm-bind OK"
}

@test "tsmctl revoke and unbind report that the device is quarantined" {
	run -0 tsmctl bind "$dev"
	run -1 tsmctl unbind "$dev"
	assert_line --partial "quarantined"
	set_attr quarantine 0
	fail_stop 0
	run client open tsm-bind "put:$debugfs/$dev/inject/error_unbind=5" "sh:tsmctl revoke $dev" "$books"
	assert_line --partial "the TSM may not have stopped its TDI"
	assert_line "quarantined 0 1 none"
}
