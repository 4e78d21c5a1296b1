# SPDX-License-Identifier: GPL-2.0-or-later
# The TSM in software fails on request, and detects what it must detect.
# vm: --nvme 1 --timeout 1800 --qemu -device --qemu pcie-root-port,id=rpv,bus=pcie.0,addr=0x10,chassis=60,slot=60 --qemu -device --qemu nvme-subsys,id=sub0 --qemu -device --qemu nvme,serial=sriov,bus=rpv,subsys=sub0,max_ioqpairs=8,msix_qsize=9,sriov_max_vfs=2,sriov_vq_flexible=4,sriov_vi_flexible=2

# shellcheck disable=SC2154,SC2016 # helpers.bash sets what is not set here
load helpers

setup_file() {
	load helpers
	PF=$(find_pf)
	export PF
	load_all "$dev,$PF"
}

teardown_file() { load helpers; unload_all; }
setup() { prepare; }

teardown() {
	local knob
	for knob in "$debugfs/$dev"/inject/{error,delay}_*; do echo 0 >"$knob"; done
	echo 0 >"$debugfs/no_bind_tsm"
	cleanup
}

# see STEP...: runs the client, with short names for its shell
see() {
	export C=$configfs/$dev/tsm P=$pci/devices/$dev S=$debugfs/$dev I=$debugfs/$dev/inject
	client "$@"
}

inject() { echo "$2" >"$debugfs/$dev/inject/$1"; }

binds() {
	run client open tsm-bind "sh:cat $configfs/$dev/tsm/last_error $debugfs/$dev/state" tsm-unbind
	assert_output --partial "tsm-bind OK
0
CONFIG_LOCKED"
	assert_equal "$(sim violations)" 0
}

@test "an error at connect is returned by the write, and the device is not connected" {
	echo tsm0 >"$pci/devices/$dev/tsm/disconnect"
	inject error_connect 5
	run connect
	assert_failure
	assert_output --partial "Input/output error"
	assert_equal "$(cat "$pci/devices/$dev/tsm/connect")" ""
	inject error_connect 0
	connect
	binds
}

@test "an error at bind is returned by the ioctl, last_error has the stage tsm, nothing is locked" {
	for error in 5:EIO 13:EACCES 16:EBUSY 95:EOPNOTSUPP 110:ETIMEDOUT; do
		inject error_bind "${error%:*}"
		run see open tsm-bind 'sh:cat $C/last_error $C/state $S/state; grep -c . $P/tsm/bound'
		assert_line "tsm-bind ${error#*:}"
		assert_line -- "-${error%:*} tsm"
		assert_line open
		assert_line CONFIG_UNLOCKED
		assert_line 0
	done
	assert_equal "$(sim binds)" 0
	inject error_bind 0
	binds
}

@test "once the error at bind is off, the same file can bind" {
	inject error_bind 12
	run see open read:0:0:4 tsm-bind read:0:0:4 'sh:echo 0 >$I/error_bind' tsm-bind read:0:0:4
	assert_equal "$(sed 's/ 0x.*//' <<<"$output" | tail -n 6)" "read:0:0:4 OK
tsm-bind ENOMEM
read:0:0:4 OK
sh:echo 0 >\$I/error_bind OK status 0
tsm-bind OK
read:0:0:4 EBUSY"
	assert_equal "$(sim violations)" 0
}

@test "after an error at unbind, the TDI stays locked until another bind or a disconnect stops it" {
	run see open tsm-bind 'sh:echo 5 >$I/error_unbind' tsm-unbind \
		'sh:cat $C/state $S/state $S/tdi_id' tsm-bind 'sh:cat $C/last_error' \
		'sh:echo 0 >$I/error_unbind' tsm-bind 'sh:cat $S/state'
	assert_line "tsm-unbind OK"
	assert_output --partial "open
CONFIG_LOCKED
0x28"
	assert_output --partial "tsm-bind EBUSY
-16 tsm"
	assert_equal "$(tail -n 3 <<<"$output" | head -n 2)" "tsm-bind OK
CONFIG_LOCKED"
	assert_equal "$(sim state)" CONFIG_UNLOCKED
	assert_equal "$(sim violations)" 0

	inject error_unbind 5
	client open tsm-bind tsm-unbind close
	# The close has reset the device, and the TDI was never stopped.
	assert_equal "$(sim state)" ERROR
	assert_equal "$(sim violations)" 1
	echo tsm0 >"$pci/devices/$dev/tsm/disconnect"
	assert_equal "$(sim state)" CONFIG_UNLOCKED
	inject error_unbind 0
	connect
	binds
}

@test "an error at a guest's request is returned by the write" {
	run see open 'sh:/bin/echo STATE >$S/guest_request' tsm-bind \
		'sh:echo 11 >$I/error_guest_req; /bin/echo STATE >$S/guest_request; cat $S/guest_request' \
		'sh:/bin/echo RUN >$S/guest_request; cat $S/state' \
		'sh:echo 0 >$I/error_guest_req; /bin/echo STATE >$S/guest_request; cat $S/guest_request' \
		'sh:/bin/echo RUN >$S/guest_request; cat $S/guest_request $S/state' \
		'sh:/bin/echo RUN >$S/guest_request'
	assert_line --partial "No such device or address"
	assert_line --partial "Resource temporarily unavailable"
	assert_line none
	assert_line --partial "Invalid argument"
	assert_equal "$(grep -cx CONFIG_LOCKED <<<"$output")" 2
	assert_equal "$(grep -cx RUN <<<"$output")" 2
	assert_equal "$(sim violations)" 0
}

@test "a TDI that goes to ERROR after the bind is bound, but the guest cannot start it" {
	inject error_state_after_bind 1
	run see open tsm-bind 'sh:cat $C/state $S/state' 'sh:/bin/echo RUN >$S/guest_request' tsm-unbind \
		'sh:cat $C/state $S/state'
	assert_line "tsm-bind OK"
	assert_output --partial "bound
ERROR"
	assert_line --partial "Invalid argument"
	assert_output --partial "open
CONFIG_UNLOCKED"
	assert_equal "$(sim violations)" 0
	inject error_state_after_bind 0
	binds
}

# A delay lasts until the test ends it, however slow the machine is.
@test "connect, bind, guest request and unbind can be delayed" {
	local client
	for op in connect bind guest_req unbind; do inject delay_${op}_ms 60000; done
	released() { eventually "$1" sim inject/delayed && inject "delay_$1_ms" 0; }

	echo tsm0 >"$pci/devices/$dev/tsm/disconnect"
	connect 3>&- &
	released connect
	wait $!

	see open tsm-bind 'sh:cat $C/state' 'sh:/bin/echo RUN >$S/guest_request; cat $S/state' tsm-unbind \
		'sh:cat $C/state' 3>&- >"$BATS_TEST_TMPDIR/answers" &
	client=$!
	eventually bind sim inject/delayed
	# Readers do not wait for the TSM.
	assert_equal "$(attr state) $(sim state) $(sim binds)" "open CONFIG_UNLOCKED 0"
	released bind
	eventually guest_req sim inject/delayed
	assert_equal "$(attr state) $(sim state)" "bound CONFIG_LOCKED"
	released guest_req
	eventually unbind sim inject/delayed
	assert_equal "$(sim state)" RUN
	released unbind
	wait $client
	run cat "$BATS_TEST_TMPDIR/answers"
	refute_line --regexp ' E[A-Z]+$'
	assert_line RUN
	assert_equal "$(sim inject/delayed)" none
	assert_equal "$(sim violations)" 0
}

@test "a delay comes before an error, and a kill does not shorten it" {
	inject delay_bind_ms 60000
	inject error_bind 5
	vfio-client "$dev" open tsm-bind 3>&- &
	eventually bind sim inject/delayed
	kill -KILL $!
	assert_equal "$(sim inject/delayed)" bind
	inject delay_bind_ms 0
	wait $! || true
	eventually closed attr state
	assert_equal "$(attr last_error)" "-5 tsm"
	inject error_bind 0
	binds
}

@test "no_bind_tsm adds a TSM that cannot bind" {
	assert_equal "$(cat "$debugfs/no_bind_tsm")" none
	echo 1 >"$debugfs/no_bind_tsm"
	echo 1 >"$debugfs/no_bind_tsm"
	assert_equal "$(cat "$debugfs/no_bind_tsm")" tsm1
	echo tsm0 >"$pci/devices/$dev/tsm/disconnect"
	echo tsm1 >"$pci/devices/$dev/tsm/connect"
	run see open tsm-bind 'sh:cat $C/last_error $S/state'
	assert_line "tsm-bind ENXIO"
	assert_line -- "-6 no-bind"
	assert_line CONFIG_UNLOCKED
	echo 0 >"$debugfs/no_bind_tsm"
	assert_equal "$(cat "$pci/devices/$dev/tsm/connect")" ""
	connect
	binds
}

@test "hostile values are refused and change nothing" {
	inject error_bind 7
	inject delay_bind_ms 8
	for knob in error_bind delay_bind_ms error_state_after_bind; do
		before=$(sim "inject/$knob")
		for value in '' ' ' x -1 1.5 0x10 '1 2' 5x "$(printf '%0100d' 1)"; do
			run inject $knob "$value"
			assert_failure
			assert_output --partial "Invalid argument"
		done
		for value in 60001 4294967296 18446744073709551616; do
			run inject $knob "$value"
			assert_failure
			assert_output --partial "out of range"
		done
		run eval "printf '1\0' >$debugfs/$dev/inject/$knob"
		assert_failure
		assert_equal "$(sim "inject/$knob")" "$before"
	done
	run inject error_bind 4096
	assert_failure
	for file in no_bind_tsm "$dev/guest_request" "$dev/state"; do
		for value in '' 2 RUNNING "$(printf '%05000d' 1)"; do
			run eval "echo '$value' >$debugfs/$file"
			assert_failure
			assert_output --partial "Invalid argument"
		done
	done
}

# sees COMMAND REGISTER [DEVICE]: COMMAND, by root and unseen by the driver, moves the
# TDI to ERROR
sees() {
	dmesg --clear
	total=$(cat "$debugfs/violations") before=$(sim violations "${3:-$dev}")
	run vfio-client "${3:-$dev}" open tsm-bind "sh:$1" "sh:cat $debugfs/${3:-$dev}/state" tsm-unbind
	# It is unlocked if the driver has detected the change meanwhile and has unbound it.
	assert_line --regexp '^(ERROR|CONFIG_UNLOCKED)$'
	dmesg | grep "${3:-$dev}: TDI in ERROR: $2"
	assert_equal "$(sim violations "${3:-$dev}")" $((before + 1))
	assert_equal "$(cat "$debugfs/violations")" $((total + 1))
}

@test "changes of locked registers are violations" {
	sees "setpci -s $dev COMMAND=0:4" "Command was 0x6, is 0x2"
	sees "setpci -s $dev COMMAND=0:2" "Command was 0x6, is 0x4"
	sees "setpci -s $dev BASE_ADDRESS_0=0" BAR0
	# D3hot, and back. If the driver finds the device in D3hot, the device is lost.
	sees "setpci -s $dev CAP_PM+4.w=3:3; cat $debugfs/$dev/state >/dev/null
		setpci -s $dev CAP_PM+4.w=0:3" "Power Management was 0x0, is 0x3"
}

@test "registers that QEMU never changes are also locked" {
	run client open tsm-bind "sh:cat $debugfs/$dev/regs"
	for name in "Device Control" "Device Control 2" "Power Management" BIST "Expansion ROM BAR"; do
		assert_line --partial "$name $dev 0x"
	done
	assert_equal "$(sim regs)" ""
}

@test "changes of other registers are not violations" {
	run client open tsm-bind "sh:setpci -s $dev COMMAND=400:400 INTERRUPT_LINE=5 CACHE_LINE_SIZE=8" \
		"sh:setpci -s $dev CAP_EXP+8.w=2000:7000" "sh:cat $debugfs/$dev/state"
	assert_line CONFIG_LOCKED
	assert_equal "$(sim violations)" 0
}

@test "a reset by the kernel is a violation, although it restores every register" {
	# The driver unbinds the function before a reset, so have the simulated TSM fail
	# that unbind.
	run see open tsm-bind 'sh:echo 5 >$I/error_unbind' tsm-unbind 'sh:cat $S/state' \
		'sh:echo 1 >$P/reset' 'sh:cat $S/state' 'sh:echo 0 >$I/error_unbind'
	assert_output --partial CONFIG_LOCKED
	assert_line ERROR
	dmesg | tail -n 20 | grep "$dev: TDI in ERROR: it was reset"
	assert_equal "$(sim violations)" 1
	binds_again
}

binds_again() {
	run client open tsm-bind "sh:cat $debugfs/$dev/state"
	assert_line CONFIG_LOCKED
}

# vfs COUNT: makes COUNT VFs, to which no driver binds by itself
vfs() {
	echo 0 >"$pci/devices/$PF/sriov_drivers_autoprobe"
	echo "$1" >"$pci/devices/$PF/sriov_numvfs"
}

@test "a connection of the PF covers its VFs, each fails by itself, and its reset is a violation" {
	modprobe nvme
	echo "$PF" >"$pci/drivers_probe"
	vfs 2
	VF0=$(basename "$(readlink -f "$pci/devices/$PF/virtfn0")")
	VF1=$(basename "$(readlink -f "$pci/devices/$PF/virtfn1")")
	for vf in "$VF0" "$VF1"; do
		# before the connect
		assert_equal "$(sim inject/error_bind "$vf")" 0
		mkdir "$configfs/$vf"
		assign "$vf"
		set_attr tdi_id 00:06.0 "$vf"
	done
	connect "$PF"

	echo 5 >"$debugfs/$VF0/inject/error_bind"
	run vfio-client "$VF0" open tsm-bind
	assert_line "tsm-bind EIO"
	run vfio-client "$VF1" open tsm-bind "sh:cat $debugfs/$VF1/regs"
	assert_line "tsm-bind OK"
	assert_line --partial "SR-IOV Control $PF"
	assert_line --partial "VF BAR0 $PF"
	echo 0 >"$debugfs/$VF0/inject/error_bind"

	# a reset of the VF itself, after its unbind has failed
	echo 5 >"$debugfs/$VF0/inject/error_unbind"
	run vfio-client "$VF0" open tsm-bind tsm-unbind "sh:cat $debugfs/$VF0/state" \
		"sh:echo 1 >$pci/devices/$VF0/reset; cat $debugfs/$VF0/state"
	assert_output --partial CONFIG_LOCKED
	assert_line ERROR
	echo 0 >"$debugfs/$VF0/inject/error_unbind"

	for vf in "$VF0" "$VF1"; do
		release "$vf"
		rmdir "$configfs/$vf"
	done
	vfs 0
	[ ! -e "$debugfs/$VF0" ]
	echo tsm0 >"$pci/devices/$PF/tsm/disconnect"
	modprobe -r nvme
}

@test "a change of the SR-IOV registers of a locked PF is a violation" {
	prepare "$PF"
	sees "setpci -s $PF ECAP0010+8.w=8:8" "SR-IOV Control" "$PF"
	setpci -s "$PF" ECAP0010+8.w=0:8
	cleanup "$PF"
}

@test "a reset before the bind or after the unbind is not a violation" {
	run client open reset tsm-bind tsm-unbind reset tsm-bind "sh:cat $debugfs/$dev/state"
	assert_line CONFIG_LOCKED
	assert_equal "$(sim violations)" 0
}

# The files exist before and after the connect, and may call into PCI/TSM while it
# disconnects.
@test "requests and injections race with connect, disconnect, bind and unbind" {
	local pids=() n=100
	vfio-client "$dev" open "repeat:$n:tsm-bind,tsm-unbind" 3>&- >/dev/null &
	pids+=($!)
	while [ -e "$BATS_TEST_TMPDIR" ]; do
		echo STATE >"$debugfs/$dev/guest_request"
		cat "$debugfs/$dev"/{state,regs,guest_request}
	done 3>&- >/dev/null 2>&1 &
	requests=$!
	while [ -e "$BATS_TEST_TMPDIR" ]; do
		for value in 16 0; do
			inject error_bind $value
			inject error_connect $value
			inject error_unbind $value
			inject delay_unbind_ms $((value / 16))
		done
	done 3>&- >/dev/null 2>&1 &
	injections=$!
	for ((i = 0; i < n; i++)); do
		echo tsm0 >"$pci/devices/$dev/tsm/disconnect" || true
		echo tsm0 >"$pci/devices/$dev/tsm/connect" || true
	done 2>/dev/null
	wait "${pids[@]}"
	kill $requests $injections
	wait || true
	for knob in "$debugfs/$dev"/inject/{error,delay}_*; do echo 0 >"$knob"; done
	connect 2>/dev/null || true
	binds_again
}

@test "a function's files exist as long as the module is loaded" {
	echo tsm0 >"$pci/devices/$dev/tsm/disconnect"
	assert_equal "$(sim state) $(sim tdi_id) $(sim regs)" "CONFIG_UNLOCKED none "
	modprobe -r tsm_sim
	[ ! -e "$debugfs" ]
	modprobe tsm_sim "devices=$dev"
	assert_equal "$(sim inject/error_bind)" 0
	connect
	binds
}
