# SPDX-License-Identifier: GPL-2.0-or-later
# Another module of the kernel calls pci_tsm_bind() on a function of the driver. The driver
# guards and shows the TDI as one of its own, and the TDI belongs to that module.

# shellcheck disable=SC2154 # helpers.bash sets what is not set here
load helpers

foreign=/sys/module/other_bind/parameters

setup_file() { load helpers; load_all; modprobe -a other_bind reset_flags hold_lock; }
teardown_file() { load helpers; modprobe -r other_bind reset_flags hold_lock; unload_all; }
setup() { prepare; }
teardown() {
	echo >$lock/bus
	echo >$lock/group
	[ ! -d "$pci/devices/$dev" ] || echo "$dev" >$foreign/unbind
	cleanup
	"$top/tests/bed/monitor" device_del late || true
	eventually gone late
}

bind=put:$foreign/bind=$dev
unbind=put:$foreign/unbind=$dev
rebind=put:$foreign/rebind=$dev
lock=/sys/module/hold_lock/parameters
# Steps that show the state of the TSM, and that of the driver
tsm="sh:cat $debugfs/$dev/state"
books="sh:cd $configfs/$dev/tsm && echo \$(cat state origin bound tdi_id tsm)"

# The function that is hot-added, or "gone"
late() { ls -d "$pci"/devices/0000:02:00.0 2>/dev/null || echo gone; }

# hot_plug_waits: whether the thread of a hot-plug slot sleeps in the kernel
hot_plug_waits() {
	awk '/^Name:/ { hit = /pciehp/ } /^State:/ && hit && $2 == "D" { print "yes"; exit }' \
		/proc/[0-9]*/status 2>/dev/null
}

# is_held: whether the driver has turned resets off for the function; this file does not make
# the driver look
is_held() { grep -q "$dev" /sys/module/reset_flags/parameters/no_bus_reset && echo yes; }

@test "the device is shown as bound, with its origin, and the owner can bind it afterwards" {
	run client uevents open "$books" "$bind" "$books" tsm-bind "sh:cat $configfs/$dev/tsm/last_error" tsm-unbind "$tsm" "$unbind" "$books" tsm-bind \
		"$books" tsm-unbind uevents-show
	assert_line "open none 0 0000:00:05.0 none"
	assert_line "bound foreign 1 0000:42:08.2 tsm0"
	assert_line CONFIG_LOCKED
	assert_equal "$(answers tsm-bind)" "EBUSY OK"
	assert_line "-16 foreign"
	assert_equal "$(answers tsm-unbind)" "EBUSY OK"
	assert_line "bound vfio 1 0000:00:05.0 tsm0"
	assert_line --regexp '^uevent EVENT=bound STATE=bound REASON=none GENERATION=[0-9]+ TDI_ID=0000:42:08.2'
	assert_line --regexp '^uevent EVENT=unbound STATE=open REASON=foreign'
	assert_equal "$(sim violations)" 0
}

@test "INFO reports the bind to the owner, and no request of the guest passes" {
	echo 11 >"$debugfs/$dev/inject/error_guest_req"
	run client open info "$bind" info req-arg:0:0:0:0:8:8 "$tsm" "$unbind" info tsm-bind \
		req-arg:0:0:1:0:8:8
	echo 0 >"$debugfs/$dev/inject/error_guest_req"
	assert_equal "$(awk '$1 == "info" { print $3, $5, $7 }' <<<"$output")" "0 0 0
3 0x4242 0
0 0 8"
	assert_line --regexp '^req-arg:0:0:0:0:8:8 ENXIO'
	assert_line --regexp '^req-arg:0:0:1:0:8:8 EAGAIN'
	assert_equal "$(cat "$pci/devices/$dev/vfio_tsm/requests")" "info 0 0
state-change 1 1"
}

@test "a request that began in a bind of the owner does not reach another module's TDI" {
	echo 11 >"$debugfs/$dev/inject/error_guest_req"
	run client open tsm-bind req-stall:1:64 tsm-unbind "$bind" req-go "$unbind"
	echo 0 >"$debugfs/$dev/inject/error_guest_req"
	assert_line "req-go ENXIO"
}

# guarded STEP [PREPARATION...]: STEP is refused as soon as the function is bound
guarded() {
	local step=$1
	shift
	run client open "$@" "$bind" "$step" "$tsm" "$unbind" "$step"
	assert_equal "$(answers "$step")" "EBUSY OK"
	assert_line CONFIG_LOCKED
	assert_equal "$(sim violations)" 0
}

@test "a reset by its owner is refused" { guarded reset; }
@test "a hot reset by its owner is refused" { guarded hot-reset; }
@test "clearing memory decode and bus mastering is refused" { guarded config-clear:0:4:2:6; }
@test "access to a BAR is refused" { guarded read:0:0:4; }
@test "a new mapping of a BAR is refused" {
	run client open "$bind" mmap:0 "$tsm" "$unbind" "$books" mmap:0
	assert_equal "$(answers mmap:0)" "EBUSY OK"
	assert_line CONFIG_LOCKED
}
@test "another IOAS is refused" { guarded attach; }

@test "a fault on a mapping from before the bind is refused" {
	run client open mmap:0 "$bind" touch:0 "$tsm" "$unbind" reset touch:0
	assert_equal "$(answers touch:0)" "EFAULT OK"
	assert_line CONFIG_LOCKED
}

@test "resets by the host are refused within seconds, even if no operation makes the driver look" {
	client open "$bind" "sh:until grep -q $dev /sys/module/reset_flags/parameters/no_bus_reset; do :; done" \
		"sh:! echo 1 >$pci/devices/$dev/reset" "$tsm" "$unbind" reset >"$BATS_TEST_TMPDIR/said"
	run cat "$BATS_TEST_TMPDIR/said"
	assert_line CONFIG_LOCKED
	assert_equal "$(answers reset)" OK
	assert_equal "$(sim violations)" 0
	# The resets are on again.
	[ -s "$pci/devices/$dev/reset_method" ]
	[ "$(is_held)" != yes ]
}

@test "a reset by root before the driver has looked unbinds the function first" {
	run client open "put:$foreign/bind_reset=$dev" "$books" "$tsm" tsm-unbind tsm-bind
	assert_line "put:$foreign/bind_reset=$dev OK"
	assert_line "lost none 0 0000:00:05.0 none"
	assert_line CONFIG_UNLOCKED
	assert_line "tsm-unbind OK"
	assert_line "tsm-bind OK"
	assert_equal "$(sim violations)" 0
}

@test "a TDI that is bound again before the driver has looked is guarded and shown" {
	run client uevents open "$bind" "$books" "$rebind" reset mmap:0 "$books" "$tsm" uevents-show
	assert_line "bound foreign 1 0000:42:08.2 tsm0"
	assert_equal "$(answers reset) $(answers mmap:0)" "EBUSY EBUSY"
	assert_line "bound foreign 1 0000:43:08.3 tsm0"
	assert_line CONFIG_LOCKED
	assert_line --regexp '^uevent EVENT=bound STATE=bound REASON=none GENERATION=[0-9]+ TDI_ID=0000:43:08.3'
	assert_equal "$(sim violations)" 0
}

@test "a TDI that replaces the owner's own stays bound and is shown" {
	run client open tsm-bind "$rebind" "sh:until grep -q foreign $configfs/$dev/tsm/origin || grep -q UNLOCKED $debugfs/$dev/state; do :; done" \
		"$books" "$tsm" tsm-unbind "$unbind" "$books" tsm-bind
	assert_line "bound foreign 1 0000:43:08.3 tsm0"
	assert_line CONFIG_LOCKED
	assert_equal "$(answers tsm-unbind)" EBUSY
	assert_line "open none 0 0000:00:05.0 none"
	assert_equal "$(answers tsm-bind)" "OK OK"
}

@test "a TDI that is bound again is unbound by the last close, and by a revoke" {
	client open "$bind" "$books" "$rebind" close
	assert_equal "$(sim state) $(attr state)" "CONFIG_UNLOCKED closed"
	run client open "$bind" "$books" "$rebind" "put:$configfs/$dev/tsm/bound=0" "$tsm" "$books" reset
	assert_line CONFIG_UNLOCKED
	assert_line --partial "open none 0"
	assert_line "reset OK"
	assert_equal "$(sim violations)" 0
}

@test "a TDI that is bound in the middle of a bind by the owner stays bound and guarded" {
	run client open "put:$lock/group=$dev" bg:tsm-bind "$(until_in iommu_group_for_each_dev)" "$bind" \
		"sh:echo >$lock/group" bg-end "sh:cat $configfs/$dev/tsm/last_error" reset "$books" "$tsm" \
		"sh:until grep -q $dev /sys/module/reset_flags/parameters/no_bus_reset; do :; done" \
		"sh:! echo 1 >$pci/devices/$dev/reset" "$tsm" "$unbind" tsm-bind
	assert_line "bg-end EBUSY"
	assert_line "-16 foreign"
	assert_equal "$(answers reset)" EBUSY
	assert_line "bound foreign 1 0000:42:08.2 tsm0"
	assert_equal "$(grep -cx CONFIG_LOCKED <<<"$output")" 2
	assert_equal "$(answers tsm-bind)" "EBUSY OK"
	assert_equal "$(sim violations)" 0
}

# Error recovery reads the list of functions and waits for a device lock. A hot-add
# waits for the recovery. The removal of the driver has the device lock.
@test "the driver guards a function and detaches from it while a hot-add waits for the list of functions" {
	echo "$dev" >"$lock/bus"
	"$top/tests/bed/monitor" device_add nvme,id=late,bus=hp0,drive=spare,serial=late
	eventually yes hot_plug_waits
	echo "$dev" >$foreign/bind
	eventually yes is_held
	release
	assert_equal "$(attr state) $(sim state)" "unassigned CONFIG_UNLOCKED"
	assert_equal "$(sim violations)" 0
	echo >"$lock/bus"
	eventually "$pci/devices/0000:02:00.0" late
}

@test "the last close unbinds the TDI before the device is reset" {
	client open "$bind" close
	assert_equal "$(sim state)" CONFIG_UNLOCKED
	assert_equal "$(sim violations)" 0
	assert_equal "$(attr state)" closed
	assert_equal "$(sysfs last_unbind)" close
}

@test "the administrator can revoke the bind" {
	run client open "$bind" "sh:echo 0 >$configfs/$dev/tsm/bound" "$books" "$tsm" tsm-bind
	assert_line --partial "open none 0"
	assert_line CONFIG_UNLOCKED
	assert_line "tsm-bind OK"
	assert_equal "$(sim violations)" 0
}

@test "a disconnect ends the bind, and the device is not lost for its owner" {
	run client open request-eventfd event "$bind" "$books" event-wait "sh:echo tsm0 >$pci/devices/$dev/tsm/disconnect" "$books" \
		request-none event-wait info "sh:cat $pci/devices/$dev/vfio_tsm/last_unbind" "sh:echo tsm0 >$pci/devices/$dev/tsm/connect" tsm-bind
	assert_line --partial "open none 0"
	assert_line foreign
	assert_line "request-none OK"
	assert_equal "$(answers event-wait)" "OK OK"
	assert_line --regexp '^info OK 0 . 0 0 8 '
	assert_line "tsm-bind OK"
}

@test "a closed function that is bound cannot be opened" {
	echo "$dev" >$foreign/bind
	eventually yes is_held
	assert_equal "$(attr state) $(attr origin) $(attr owner)" "bound foreign none"
	run client open
	assert_line "bind-iommufd EBUSY"
	assert_equal "$(sim state)" CONFIG_LOCKED
	echo "$dev" >$foreign/unbind
	run client open tsm-bind close
	assert_line "tsm-bind OK"
	assert_equal "$(attr state)" closed
	assert_equal "$(sim violations)" 0
}

@test "the driver unbinds a function before it detaches from it" {
	echo "$dev" >$foreign/bind
	release
	assert_equal "$(sim state)" CONFIG_UNLOCKED
	assert_equal "$(sim violations)" 0
	assert_equal "$(attr state)" unassigned
	assign
	assert_equal "$(attr state)" closed
}

@test "suspend is refused while the function is bound" {
	echo freezer >/sys/power/pm_test
	echo 0 >/sys/module/suspend/parameters/pm_test_delay
	run client open "$bind" "sh:echo freeze >/sys/power/state || echo refused" "$unbind"
	assert_line refused
	assert_equal "$(blocked suspend)" 1
}

@test "tsmctl shows the origin, refuses bind and unbind, and can revoke the bind" {
	echo "$dev" >$foreign/bind
	run -0 tsmctl show "$dev"
	assert_line --regexp "^origin +foreign$"
	for verb in bind unbind; do
		run -6 tsmctl "$verb" "$dev"
		assert_line --partial "tsmctl revoke $dev"
	done
	run -6 tsmctl doctor "$dev"
	assert_line --partial "another module of the kernel has bound it"
	run -6 tsmctl release "$dev"
	run -0 tsmctl revoke "$dev"
	assert_equal "$(sim state) $(attr state)" "CONFIG_UNLOCKED closed"
}
