# SPDX-License-Identifier: GPL-2.0-or-later
# A write to configuration space with a buffer for which the kernel has to wait, as long as
# the writer wants. They are two functions of one device, so one is the DSM of the other.
# vm: --nvme 0 --qemu -device --qemu pcie-root-port,id=rpm,bus=pcie.0,addr=0x10,chassis=60,slot=60 --qemu -device --qemu nvme,serial=f0,bus=rpm,addr=0x0,multifunction=on --qemu -device --qemu nvme,serial=f1,bus=rpm,addr=0x0.0x1

# shellcheck disable=SC2154 # helpers.bash sets what is not set here
load helpers

fence=/sys/module/hold_fence/parameters

setup_file() {
	load helpers
	find_functions
	modprobe config_overlay device="$F0"
	load_all "$F0"
}
teardown_file() {
	load helpers
	unload_all
	modprobe -r config_overlay
}
setup() {
	export dev=$F0
	prepare
	assign "$F1"
	mkdir -p "$configfs/$F1"
	set_attr tdi_id 00:06.0 "$F1"
}
teardown() {
	[ ! -e "$fence" ] || echo Y >"$fence/signal"
	cleanup "$F1"
	modprobe -r hold_fence
}

# Bytes of the overlay that were written
written() { cat /sys/module/config_overlay/parameters/written; }

@test "the owner of a DSM cannot prevent a bind of a function that depends on it" {
	# between capabilities, where a write goes to the hardware unchanged
	run vfio-client "$F1" open "sibling:$F0" on-sibling:config-stall:0xf4:4 tsm-bind \
		"sh:cat $debugfs/$F1/state" config-go tsm-unbind
	assert_equal "$(answers tsm-bind)" OK
	assert_line CONFIG_LOCKED
	# Then a bound function depends on what the write would change.
	assert_equal "$(answers config-go)" EBUSY
	assert_equal "$(sim violations "$F1")" 0
}

@test "a stalled write is done later if no bind has started" {
	run vfio-client "$F1" open "sibling:$F0" on-sibling:config-stall:0xf4:4 config-go
	assert_equal "$(answers config-go)" OK
}

@test "a write to DOE or IDE that began before a connect is refused after it" {
	tsm() { echo "echo tsm0 >$pci/devices/$F0/tsm/$1"; }
	before=$(written)
	for register in 0x168 0x188; do
		run vfio-client "$F0" open "sh:$(tsm disconnect)" config-stall:$register:4 \
			"sh:$(tsm connect)" config-go
		assert_equal "$(answers config-go)" EBUSY
	done
	assert_equal "$(written)" "$before"
}

# Steps: F0 is open, with a dma-buf whose user does not finish
hold_dma_buf=(on-sibling:enable on-sibling:dma-buf:0 on-sibling:dma-buf-fence)

@test "a bind fails while a write to the DSM's power state waits for the user of a dma-buf" {
	modprobe hold_fence
	run timeout -s KILL 300 vfio-client "$F1" open "sibling:$F0" "${hold_dma_buf[@]}" \
		bg:on-sibling:config-write:1:4:2:3 "$(until_in dma_fence_default_wait)" tsm-bind "sh:cat $configfs/$F1/tsm/last_error" \
		"put:$fence/signal=Y" bg-end on-sibling:config-write:1:4:2:0 tsm-bind
	assert_equal "$(answers tsm-bind)" "EHOSTDOWN OK"
	assert_line "-112 power"
	assert_line "bg-end OK"
}

@test "a bind does not wait for a write to other parts of the DSM, whose rest is then not written" {
	modprobe hold_fence
	# Command, on which function 1 does not depend, and then BIST
	run timeout -s KILL 300 vfio-client "$F1" open "sibling:$F0" "${hold_dma_buf[@]}" \
		bg:on-sibling:config-long:4:12:2 "$(until_in dma_fence_default_wait)" tsm-bind "put:$fence/signal=Y" bg-end
	assert_equal "$(answers tsm-bind)" OK
	# fewer bytes than asked for
	assert_line "bg-end EIO"
	assert_equal "$(sim violations "$F1")" 0
}
