# SPDX-License-Identifier: GPL-2.0-or-later
# Writes to the configuration space of a bound function: a write that would move its
# TDI to ERROR fails with EBUSY and has no effect, and every other write works.
# config_overlay gives the NVMe the capabilities that it lacks.

# shellcheck disable=SC2154 # helpers.bash sets what is not set here
load helpers

setup_file() {
	load helpers
	modprobe config_overlay device="$dev"
	load_all
}
teardown_file() {
	load helpers
	unload_all
	modprobe -r config_overlay
}
setup() { prepare; }
teardown() { cleanup; }

# Bytes of the overlay that were written
written() { cat /sys/module/config_overlay/parameters/written; }

PM=1 VNDR=9 EXP=0x10 AF=0x13
EXT_VNDR=0x100b DVSEC=0x1023
MEMORY=2 MASTER=4

@test "Command: clearing Memory Space Enable is refused" {
	run client open tsm-bind config-clear:0:4:2:$MEMORY config-clear:0:4:1:$MEMORY tsm-unbind \
		config-clear:0:4:2:$MEMORY
	assert_equal "$(answers config-clear:0:4:2:$MEMORY)" "EBUSY OK"
	assert_equal "$(answers config-clear:0:4:1:$MEMORY)" EBUSY
	assert_equal "$(blocked config-command)" 2
	assert_equal "$(sim violations)" 0
}

@test "Command: clearing Bus Master Enable is refused" {
	run client open tsm-bind config-clear:0:4:2:$MASTER config-clear:0:4:4:$MASTER tsm-unbind \
		config-clear:0:4:2:$MASTER
	assert_equal "$(answers config-clear:0:4:2:$MASTER)" "EBUSY OK"
	assert_equal "$(answers config-clear:0:4:4:$MASTER)" EBUSY
	assert_equal "$(blocked config-command)" 2
	assert_equal "$(sim violations)" 0
}

@test "Command: INTx Disable and SERR still work, in the hardware and in vfio's view" {
	# Bit 8 is SERR, which the hardware has. Bit 10 is INTx Disable, which vfio has.
	run client open tsm-bind config-set:0:4:2:0x500 config-read:0:4:2 \
		"sh:od -An -tx2 -j4 -N2 $pci/devices/$dev/config" \
		config-clear:0:4:2:0x500 config-read:0:4:2 config-set:0:4:1:0 config-set:0:5:1:4 config-read:0:4:2
	refute_output --regexp ' E[A-Z]+$'
	mapfile -t values < <(sed -n 's/^config-read:0:4:2 OK //p' <<<"$output")
	assert_equal $((values[0] & 0x506)) $((0x506))
	assert_equal $((values[1] & 0x506)) $((0x006))
	assert_equal $((values[2] & 0x406)) $((0x406))
	hardware=$(sed -n 's/^ \([0-9a-f]\{4\}\)$/0x\1/p' <<<"$output")
	assert_equal $((hardware & 0x106)) $((0x106))
	assert_equal "$(sim violations)" 0
}

@test "Command: a write is not undone while interrupts are set up" {
	modprobe hold_lock
	lock=/sys/module/hold_lock/parameters/msi
	run client open msix msix-off tsm-bind "put:$lock=$dev" bg:msix \
		"$(until_in pci_alloc_irq_vectors)" \
		"$(when_in vfio_pci_tsm_write "echo >$lock")" \
		config-set:0:4:2:0x100 "sh:echo >$lock" bg-end "sh:setpci -s $dev COMMAND"
	modprobe -r hold_lock
	refute_output --regexp ' E[A-Z]+$'
	assert_equal $((0x${lines[-2]} & 0x106)) $((0x106))
	assert_equal "$(sim violations)" 0
}

@test "Command: I/O Space Enable still works" {
	works config-flip:0:4:2:1
}

@test "a write to BIST is refused" {
	refused config-bist config-write:0:0xf:1:0
}

@test "a change of the power state is refused" {
	run client open tsm-bind config-write:$PM:4:2:3 config-write:$PM:4:1:1 config-write:$PM:4:4:0 \
		config-write:$PM:4:2:8 config-write:$PM:5:1:0 \
		tsm-unbind config-write:$PM:4:2:3 config-write:$PM:4:2:0
	assert_equal "$(answers config-write:$PM:4:2:3)" "EBUSY OK"
	assert_equal "$(answers config-write:$PM:4:1:1)" EBUSY
	assert_equal "$(answers config-write:$PM:4:4:0)" OK
	assert_equal "$(answers config-write:$PM:4:2:8)" OK
	assert_equal "$(answers config-write:$PM:5:1:0)" OK
	assert_equal "$(blocked config-power-state)" 2
	assert_equal "$(sim violations)" 0
}

@test "Device Control: FLR is refused" {
	refused config-device-control config-set:$EXP:8:2:0x8000
}

@test "Device Control: changes of extended tags, phantom functions and no snoop are refused" {
	for bit in 0x100 0x200 0x800; do
		run client open tsm-bind config-flip:$EXP:8:2:$bit tsm-unbind config-flip:$EXP:8:2:$bit
		assert_equal "$(answers config-flip:$EXP:8:2:$bit)" "EBUSY OK"
	done
	assert_equal "$(blocked config-device-control)" 3
	assert_equal "$(sim violations)" 0
}

@test "Device Control: error reporting, ordering and read request size still work" {
	run client open tsm-bind config-flip:$EXP:8:2:0x1f config-write:$EXP:9:1:0x50 config-read:$EXP:9:1 \
		config-write:$EXP:9:1:0x20 config-read:$EXP:9:1
	refute_output --regexp ' E[A-Z]+$'
	mapfile -t values < <(sed -n 's/^config-read:0x10:9:1 OK //p' <<<"$output")
	assert_equal $((values[0] & 0x70)) $((0x50))
	assert_equal $((values[1] & 0x70)) $((0x20))
	assert_equal "$(sim violations)" 0
}

@test "Device Control 2: a change of 10-bit tags is refused; the rest still works" {
	run client open tsm-bind config-flip:$EXP:0x28:2:0x1000 config-flip:$EXP:0x28:2:0x0410 \
		config-flip:$EXP:0x28:2:0x0410 tsm-unbind config-flip:$EXP:0x28:2:0x1000
	assert_equal "$(answers config-flip:$EXP:0x28:2:0x1000)" "EBUSY OK"
	assert_equal "$(answers config-flip:$EXP:0x28:2:0x0410)" "OK OK"
	assert_equal "$(blocked config-device-control-2)" 1
	assert_equal "$(sim violations)" 0
}

@test "Advanced Features: FLR is refused" {
	refused config-advanced-features config-write:$AF:4:1:1
	works config-write:$AF:4:1:0
}

@test "writes to vendor-specific capabilities are refused" {
	before=$(written)
	for cap in $VNDR $EXT_VNDR $DVSEC; do
		run client open tsm-bind config-write:$cap:12:1:1
		assert_equal "$(answers config-write:$cap:12:1:1)" EBUSY
	done
	assert_equal "$(written)" "$before"
	assert_equal "$(blocked config-vendor)" 3
	run client open config-write:$VNDR:12:1:1 config-write:$EXT_VNDR:12:2:1 config-write:$DVSEC:12:4:1
	assert_equal "$(written)" $((before + 7))
	refute_output --regexp ' E[A-Z]+$'
}

@test "writes to what vfio-pci hides are refused, because they reach the hardware: PASID's control, gaps" {
	before=$(written)
	run client open tsm-bind write:7:0x146:2:1 write:7:0xf4:4:0 tsm-unbind write:7:0x146:2:1 \
		write:7:0xf4:4:0
	assert_equal "$(answers write:7:0x146:2:1)" "EBUSY OK"
	assert_equal "$(answers write:7:0xf4:4:0)" "EBUSY OK"
	assert_equal "$(written)" $((before + 2))
	assert_equal "$(blocked config-unknown)" 2
}

@test "DOE and IDE belong to the host, bound or not, if a TSM can be connected" {
	before=$(written)
	steps=(write:7:0x168:4:1 write:7:0x188:4:1 write:7:0x15e:4:0)
	run client open "${steps[@]}" write:7:0x146:2:1 tsm-bind "${steps[@]}" tsm-unbind \
		"sh:echo tsm0 >$pci/devices/$dev/tsm/disconnect" "${steps[@]}"
	assert_equal "$(answers tsm-bind)" OK
	for step in "${steps[@]}"; do
		assert_equal "$(answers "$step")" "EBUSY EBUSY EBUSY"
	done
	assert_equal "$(answers write:7:0x146:2:1)" OK
	# only the two bytes of PASID
	assert_equal "$(written)" $((before + 2))
	assert_equal "$(blocked config-unknown)" 9
}

@test "DOE and IDE belong to the host also while the function reads as all ones" {
	before=$(written)
	ones=/sys/module/config_overlay/parameters/all_ones
	run client open "put:$ones=Y" write:7:0x168:4:1 write:7:0x188:4:1 "put:$ones=N"
	assert_equal "$(answers write:7:0x168:4:1)" EBUSY
	assert_equal "$(answers write:7:0x188:4:1)" EBUSY
	assert_equal "$(written)" "$before"
}

@test "BARs, MSI-X, interrupt line and read-only registers accept writes as before" {
	works config-write:0:0x10:4:0xffffffff
	works config-write:0:0x30:4:0xfffffffe
	works config-flip:0x11:2:2:0x4000
	works config-write:0:0:4:0
	works config-write:0:0x3c:1:0x0b
	works config-write:0:0xc:2:0
}

@test "a write to several registers is done as a whole or not at all" {
	# Interrupt Line is at 0x3c, Cache Line Size at 0xc, BIST at 0xf.
	run client open write:7:0xc:1:0x08 tsm-bind write:7:0xc:4:0x00000010 config-read:0:0xc:1 \
		write:7:0xb:3:0 config-clear:0:3:4:0x400 config-clear:0:2:8:0 config-set:0:4:8:0x100
	assert_equal "$(answers write:7:0xc:4:0x00000010)" EBUSY
	assert_line "config-read:0:0xc:1 OK 0x8"
	assert_equal "$(answers write:7:0xb:3:0)" OK
	assert_equal "$(answers config-clear:0:3:4:0x400)" EBUSY
	assert_equal "$(answers config-clear:0:2:8:0)" OK
	assert_equal "$(answers config-set:0:4:8:0x100)" OK
	assert_equal "$(sim violations)" 0
}

@test "one write of any length and alignment can cover the header, except BIST" {
	run client open tsm-bind config-long:0:15 config-long:1:13 config-long:3:3 config-long:5:9 config-long:16:48 \
		config-long:0:16 config-long:0:4096 config-long:1:4096 config-long:4095:2
	assert_equal "$(grep -c ' OK$' <<<"$output")" 6
	assert_equal "$(answers config-long:0:16)" EBUSY
	assert_equal "$(answers config-long:0:4096)" EBUSY
	assert_equal "$(answers config-long:1:4096)" EFAULT
	assert_equal "$(answers config-long:4095:2)" EFAULT
	assert_equal "$(sim violations)" 0
}

@test "a buffer that changes between the check and the write does no harm" {
	# Command has BME and MSE first on, then off.
	run client open tsm-bind config-race:4:0x006:0x000:10000 "sh:cat $debugfs/$dev/state"
	assert_line --regexp '^config-race.* OK [1-9]'
	assert_line CONFIG_LOCKED
	[ "$(blocked config-command)" -gt 0 ]
	assert_equal "$(sim violations)" 0
}

# find_cap ID: where a capability starts
find_cap() {
	local pos
	pos=$(setpci -s "$dev" 34.b)
	while [ "$((0x$pos))" -gt 0 ] && [ "$((0x$(setpci -s "$dev" "$pos.b")))" -ne "$(($1))" ]; do
		pos=$(setpci -s "$dev" "$(printf %x $((0x$pos + 1))).b")
	done
	echo $((0x$pos))
}

@test "a write to a capability does not finish the reset that another write has begun" {
	modprobe hold_lock
	lock=/sys/module/hold_lock/parameters/config
	exp=$(find_cap $EXP)
	control=$((0x80 | 0x$(setpci -s "$dev" "$(printf %x $((exp + 9))).b")))
	# The first stops with the virtual FLR bit set; the second is to a byte that is read-only.
	run client open "put:$lock=$dev" "bg:write:7:$((exp + 9)):1:$control" \
		"$(until_in pci_wait_cfg)" \
		"$(when_in vfio_pci_tsm_write "cat /proc/\$PPID/stack; echo >$lock")" \
		"write:7:$((exp + 2)):1:0" bg-end tsm-bind
	modprobe -r hold_lock
	refute_output --partial vfio_exp_config_write
	assert_line "write:7:$((exp + 2)):1:0 OK"
	assert_line "bg-end OK"
	assert_equal "$(answers tsm-bind)" OK
	assert_equal "$(sim violations)" 0
}
