# SPDX-License-Identifier: GPL-2.0-or-later
# What the host and a sibling do to a bound function: resets by root through sysfs,
# resets by the sibling, and a change of the domain that both have. They are two functions
# of one device, so they share the bus and, without ACS, the IOMMU group.
# vm: --nvme 0 --qemu -device --qemu pcie-root-port,id=rpm,bus=pcie.0,addr=0x10,chassis=60,slot=60 --qemu -device --qemu nvme,serial=f0,bus=rpm,addr=0x0,multifunction=on --qemu -device --qemu nvme,serial=f1,bus=rpm,addr=0x0.0x1

# shellcheck disable=SC2154 # helpers.bash sets what is not set here
load helpers

setup_file() {
	load helpers
	find_functions
	PORT=$(basename "$(dirname "$(readlink -f "$pci/devices/$F0")")")
	export PORT
	load_all "$F0"
	modprobe vfio-pci
}
teardown_file() {
	load helpers
	unload_all
	modprobe -r vfio-pci
}
setup() {
	dev=$F0
	prepare
	assign "$F1"
}
teardown() { cleanup "$F1"; }

# refused_to_root FILE: a write of 1 to FILE fails while bound, and only then
refused_to_root() {
	[ -w "$1" ]
	run client open "sh:echo 1 >$1 && echo before" tsm-bind "sh:echo 1 >$1 || echo refused" \
		"sh:cat $debugfs/$dev/state $pci/devices/$dev/vfio_tsm/state" \
		tsm-unbind "sh:echo 1 >$1 && echo after"
	assert_line before
	assert_line refused
	assert_line CONFIG_LOCKED
	assert_line bound
	assert_line after
	assert_equal "$(sim violations)" 0
}

@test "a reset of the function by root is refused while bound" {
	refused_to_root "$pci/devices/$dev/reset"
}

@test "a reset of function 0 first unbinds a TDI of another module that the driver has not seen" {
	modprobe other_bind
	echo "$F1,$F0" >/sys/module/other_bind/parameters/bind_reset
	modprobe -r other_bind
	assert_equal "$(cat "$pci/devices/$F1/vfio_tsm/state" "$pci/devices/$F1/vfio_tsm/last_unbind" | paste -sd ' ')" \
		"closed reset"
	assert_equal "$(sim state "$F1") $(sim violations "$F1")" "CONFIG_UNLOCKED 0"
}

@test "reset_subordinate of the port is refused while bound" {
	refused_to_root "$pci/devices/$PORT/reset_subordinate"
}

@test "a hot reset by a sibling that is not bound is refused" {
	run client open "sibling:$F1" on-sibling:hot-reset config-read:0:4:2 config-set:0:4:2:6 tsm-bind \
		on-sibling:hot-reset "sh:cat $debugfs/$dev/state" tsm-unbind on-sibling:hot-reset
	assert_equal "$(answers tsm-bind)" OK
	assert_equal "$(answers on-sibling:hot-reset)" "OK ENODEV OK"
	assert_line CONFIG_LOCKED
	assert_equal "$(sim violations)" 0
}

@test "a bind is refused while a sibling is on another driver, which could change the domain of both" {
	assign "$F1" vfio-pci
	run client open tsm-bind "sh:cat $configfs/$dev/tsm/last_error"
	assert_equal "$(answers tsm-bind)" EBUSY
	assert_line "-16 group"
	release "$F1"
	run client open tsm-bind
	assert_equal "$(answers tsm-bind)" OK
}

@test "a bound function is lost before another VFIO driver gets its sibling" {
	release "$F1"
	run client open event tsm-bind "put:$pci/devices/$F1/driver_override=vfio-pci" "put:$pci/drivers_probe=$F1" \
		event-wait "sh:cat $pci/devices/$dev/vfio_tsm/state $pci/devices/$dev/vfio_tsm/last_unbind" info tsm-unbind \
		"sh:cat $debugfs/$dev/state" tsm-bind "sh:cat $configfs/$dev/tsm/last_error"
	assert_equal "$(basename "$(readlink "$pci/devices/$F1/driver")")" vfio-pci
	assert_line --index 5 lost
	assert_line --index 6 driver
	assert_line --regexp '^info OK 2 . 0 0 9 '
	assert_line CONFIG_UNLOCKED
	assert_equal "$(answers tsm-bind)" "OK EBUSY"
	assert_line "-16 group"
	assert_equal "$(sim violations)" 0
}

# The bind has checked the group, and waits for interrupts that are being set up. The probe
# of the other driver waits for the bind.
@test "a bind fails if another VFIO driver gets a sibling during the bind" {
	local lock=/sys/module/hold_lock/parameters/msi
	release "$F1"
	modprobe hold_lock
	cat >"$BATS_TEST_TMPDIR/probe" <<-EOF
		echo $F1 >$pci/drivers_probe &
		while kill -0 \$! && ! grep -q vfio_assign_device_set /proc/\$!/stack; do :; done
		echo >$lock
		wait
	EOF
	run client open msix msix-off "put:$lock=$dev" bg:msix "$(until_in pci_alloc_irq_vectors)" \
		"put:$pci/devices/$F1/driver_override=vfio-pci" \
		"$(when_in vfio_pci_tsm_bind "bash $BATS_TEST_TMPDIR/probe >/dev/null 2>&1")" \
		tsm-bind bg-end "sh:cat $configfs/$dev/tsm/last_error"
	modprobe -r hold_lock
	eventually "$pci/drivers/vfio-pci" realpath "$pci/devices/$F1/driver"
	assert_equal "$(answers tsm-bind)" EBUSY
	assert_line "-16 group"
	assert_equal "$(sim state) $(sim violations)" "CONFIG_UNLOCKED 0"
}

@test "a bound function stays bound if its sibling loses this driver and does not get it again" {
	run client open tsm-bind "put:$pci/drivers/vfio-pci-tsm/unbind=$F1" "put:$pci/drivers_probe=$F1" \
		"sh:ls -d $pci/devices/$F1/driver || echo none; cat $pci/devices/$dev/vfio_tsm/state"
	assert_line none
	assert_line bound
}

@test "another IOAS for a sibling is refused, because the bound function would get it" {
	run client open "sibling:$F1" on-sibling:attach tsm-bind on-sibling:ioas "sh:cat $debugfs/$dev/state"
	assert_equal "$(answers tsm-bind)" OK
	assert_equal "$(answers on-sibling:attach)" OK
	assert_equal "$(answers on-sibling:ioas)" EBUSY
	assert_equal "$(blocked attach)" 1
	assert_line CONFIG_LOCKED
}

@test "a sibling can leave the domain and come back" {
	run client open "sibling:$F1" on-sibling:attach tsm-bind on-sibling:detach on-sibling:attach
	assert_equal "$(answers on-sibling:detach)" OK
	assert_equal "$(answers on-sibling:attach)" "OK OK"
	assert_equal "$(sim violations)" 0
}

@test "a sibling's own reset does not end the bind" {
	run client open tsm-bind "sibling:$F1" on-sibling:reset "sh:echo 1 >$pci/devices/$F1/reset" \
		"sh:cat $debugfs/$dev/state"
	assert_equal "$(answers on-sibling:reset)" OK
	assert_line CONFIG_LOCKED
	assert_equal "$(sim violations)" 0
}

@test "function 0, the DSM of a bound function 1, cannot be reset, and so not be opened" {
	mkdir "$configfs/$F1"
	set_attr tdi_id 00:06.0 "$F1"
	assert_equal "$(cat "$pci/devices/$F1/tsm/dsm")" "$F0"
	method=$(cat "$pci/devices/$F0/reset_method")
	run vfio-client "$F1" open tsm-bind "sh:echo 1 >$pci/devices/$F0/reset || echo refused" \
		"sibling:$F0" "sh:cat $debugfs/$F1/state" tsm-unbind \
		"sh:cat $pci/devices/$F0/reset_method" on-sibling:bind-iommufd
	assert_line refused
	assert_equal "$(answers "sibling:$F0")" EBUSY
	assert_equal "$(answers on-sibling:bind-iommufd)" OK
	assert_line CONFIG_LOCKED
	assert_line "$method"
	run vfio-client "$F1" open event tsm-bind \
		"sh:echo flr >$pci/devices/$F0/reset_method; echo 1 >$pci/devices/$F0/reset" event-wait \
		"sh:cat $configfs/$F1/tsm/state"
	assert_line lost
	echo default >"$pci/devices/$F0/reset_method"
	assert_equal "$(sim violations "$F1")" 0
}

@test "the owner of function 0 cannot change what a bound function 1 depends on" {
	mkdir "$configfs/$F1"
	set_attr tdi_id 00:06.0 "$F1"
	# The owner of function 0 was first. It tries power, FLR, and what vfio-pci passes through.
	run vfio-client "$F1" open "sibling:$F0" tsm-bind on-sibling:config-write:1:4:2:3 \
		on-sibling:config-set:0x10:8:2:0x8000 on-sibling:write:7:0xf4:4:0 \
		on-sibling:config-flip:0:4:2:4 on-sibling:config-flip:0:4:2:4 "sh:cat $debugfs/$F1/state" \
		tsm-unbind on-sibling:config-write:1:4:2:3 tsm-bind on-sibling:config-write:1:4:2:0 \
		on-sibling:write:7:0xf4:4:0 tsm-bind
	assert_equal "$(answers on-sibling:config-write:1:4:2:3)" "EBUSY OK"
	assert_equal "$(answers on-sibling:config-set:0x10:8:2:0x8000)" EBUSY
	assert_equal "$(answers on-sibling:write:7:0xf4:4:0)" "EBUSY OK"
	# Writes on which function 1 does not depend still work.
	assert_equal "$(answers on-sibling:config-flip:0:4:2:4)" "OK OK"
	assert_line CONFIG_LOCKED
	# With a DSM in low power, a bind is refused.
	assert_equal "$(answers tsm-bind)" "OK EHOSTDOWN OK"
	assert_equal "$(blocked config-power-state "$F0")" 1
	assert_equal "$(sim violations "$F1")" 0
}

@test "function 0 stays awake for a function 1 to which a TSM can be connected" {
	asleep() { cat "$pci/devices/$F0/power/runtime_status"; }
	cleanup "$F1"
	assign "$F0" vfio-pci
	eventually suspended asleep
	assign "$F1"
	assert_equal "$(asleep)" active
	release "$F1"
	eventually suspended asleep
	release "$F0"
	# After a connect, a bind and a close it can sleep as before.
	prepare
	assign "$F1"
	run client open tsm-bind close
	assert_equal "$(answers tsm-bind)" OK
	cleanup "$F1"
	assign "$F0" vfio-pci
	eventually suspended asleep
	release "$F0"
}

@test "a function of the same slot can get the driver before a bind or after the unbind only" {
	release "$F1"
	run client open tsm-bind \
		"sh:echo vfio-pci-tsm >$pci/devices/$F1/driver_override; echo $F1 >$pci/drivers_probe" \
		"sh:readlink $pci/devices/$F1/driver || echo none" close
	assert_equal "$(answers tsm-bind)" OK
	assert_line none
	assign "$F1"
	# Both are in one set, so they can be reset together.
	run client open "sibling:$F1" on-sibling:hot-reset
	assert_equal "$(answers on-sibling:hot-reset)" OK
}

@test "an error that is not fatal does not end the TDI, even if recovery fails" {
	# Recovery fails because a function without a driver does not take part.
	release "$F1"
	dmesg --clear
	run client open event tsm-bind \
		"sh:$top/tests/bed/monitor pcie_aer_inject_error rpm COMP_ABORT" \
		"sh:timeout 60 sh -c 'until dmesg | grep -q \"device recovery failed\"; do :; done'" \
		event-none "sh:cat $configfs/$dev/tsm/state $debugfs/$dev/state" \
		tsm-unbind tsm-bind close open tsm-bind
	assert_line "event-none OK"
	assert_line bound
	assert_line CONFIG_LOCKED
	assert_equal "$(answers tsm-bind)" "OK OK OK"
}

# unbind_in_turn LAST STEP...: binds both functions, does STEPs, of which the first unbinds one
# and the second the other, and the port's reset after each. LAST is bound between the two.
unbind_in_turn() {
	local last=$1 reset="sh:echo 1 >$pci/devices/$PORT/reset_subordinate && echo done || echo refused"
	mkdir "$configfs/$F1"
	set_attr tdi_id 00:06.0 "$F1"
	run client open "sibling-cdev:$F1" on-sibling:kvm on-sibling:bind-iommufd on-sibling:attach \
		on-sibling:enable tsm-bind on-sibling:tsm-bind "$reset" "$2" "$reset" \
		"sh:cat $debugfs/$last/state $pci/devices/$last/vfio_tsm/state" "$3" "$reset"
	assert_equal "$(answers on-sibling:tsm-bind)" OK
	assert_equal "$(grep -xE 'done|refused|bound|CONFIG_LOCKED' <<<"$output" | paste -sd ' ')" \
		"refused refused CONFIG_LOCKED bound done"
	assert_equal "$(sim violations) $(sim violations "$F1")" "0 0"
}

@test "of two bound siblings, the one that stays bound after the other's unbind keeps the port's reset off" {
	unbind_in_turn "$F1" tsm-unbind on-sibling:tsm-unbind
}

@test "of two bound siblings, function 0 keeps the port's reset off after the other's unbind" {
	unbind_in_turn "$F0" on-sibling:tsm-unbind tsm-unbind
}

@test "with the siblings connected and one bound, the port's reset is refused until the close" {
	connect "$F1" 2>/dev/null || true
	run client open tsm-bind "sh:echo 1 >$pci/devices/$PORT/reset_subordinate || echo refused" close
	assert_line refused
	run cat "$pci/devices/$dev/reset_method"
	assert_output --partial flr
	echo 1 >"$pci/devices/$PORT/reset_subordinate"
}

@test "a reset that root forces through reset_method unbinds first, and is a loss" {
	run client open event tsm-bind event-none \
		"sh:echo flr >$pci/devices/$dev/reset_method; echo 1 >$pci/devices/$dev/reset" event-wait \
		"sh:cat $configfs/$dev/tsm/state" read:0:0:4 tsm-bind tsm-unbind tsm-bind
	assert_line lost
	assert_line "event-none OK"
	assert_line "event-wait OK 1"
	assert_line --regexp '^read:0:0:4 OK'
	assert_equal "$(answers tsm-bind)" "OK ENXIO OK"
	assert_equal "$(sim violations)" 0
	echo default >"$pci/devices/$dev/reset_method"
}

@test "an unbind restores the reset methods" {
	before=$(cat "$pci/devices/$dev/reset_method")
	[ -n "$before" ]
	run client open tsm-bind "sh:cat $pci/devices/$dev/reset_method" tsm-unbind \
		"sh:cat $pci/devices/$dev/reset_method"
	refute_line --index 1 "$before"
	assert_line "$before"
	client open tsm-bind close
	assert_equal "$(cat "$pci/devices/$dev/reset_method")" "$before"
}

@test "a reset_method that root wrote while bound stays" {
	client open tsm-bind "sh:echo flr >$pci/devices/$dev/reset_method"
	assert_equal "$(cat "$pci/devices/$dev/reset_method")" flr
	echo default >"$pci/devices/$dev/reset_method"
}
