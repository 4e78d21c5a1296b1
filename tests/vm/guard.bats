# SPDX-License-Identifier: GPL-2.0-or-later
# An operation that is refused while bound works before the bind and after the
# unbind. In between it fails with EBUSY, is counted, and the TSM does not see it. Writes
# to configuration space are in config.bats, resets by the host in resets.bats.

# shellcheck disable=SC2154 # helpers.bash sets what is not set here
load helpers

setup_file() { load helpers; load_all; }
teardown_file() { load helpers; unload_all; }
setup() { prepare; }
teardown() { cleanup; }

@test "VFIO_DEVICE_RESET is refused while bound" {
	refused reset reset
}

@test "VFIO_DEVICE_PCI_HOT_RESET is refused while bound" {
	refused hot-reset hot-reset
}

@test "reads and writes of a BAR are refused while bound" {
	refused bar read:0:0:4
	refused_more() {
		run client open tsm-bind read:0:8:8 write:0:0x1000:4:0 tsm-unbind write:0:0x1000:4:0
		assert_equal "$(answers read:0:8:8)" EBUSY
		assert_equal "$(answers write:0:0x1000:4:0)" "EBUSY OK"
	}
	refused_more
	assert_equal "$(blocked bar)" 3
}

@test "regions that this device does not have, such as VGA, are refused while bound" {
	run client open read-at:8:0:4 tsm-bind read-at:8:0:4 read-at:9:0:4 tsm-unbind read-at:8:0:4
	assert_equal "$(answers read-at:8:0:4)" "EINVAL EBUSY EINVAL"
	assert_equal "$(blocked region)" 2
}

@test "reads of every other BAR are refused while bound" {
	run client open tsm-bind read:1:0:4 read:2:0:4 read:3:0:4 read:4:0:4 read:5:0:4
	assert_equal "$(grep -c ' EBUSY$' <<<"$output")" 5
	assert_equal "$(blocked bar)" 5
}

@test "new ioeventfds are refused while bound" {
	local step=ioeventfd:0:0x1000
	run client open $step ioeventfd-del:0:0x1000 tsm-bind $step tsm-unbind $step
	assert_equal "$(answers $step)" "OK EBUSY OK"
	assert_equal "$(blocked ioeventfd)" 1
	assert_equal "$(sim violations)" 0
}

@test "removing an ioeventfd is refused while bound" {
	run client open tsm-bind ioeventfd-del:0:0x1000
	assert_equal "$(answers ioeventfd-del:0:0x1000)" EBUSY
}

@test "mmap of a BAR is refused while bound" {
	run client open mmap:0 munmap:0 tsm-bind mmap:0 tsm-unbind mmap:0 touch:0
	assert_equal "$(answers mmap:0)" "OK EBUSY OK"
	assert_equal "$(answers touch:0)" OK
	assert_equal "$(blocked mmap)" 1
}

@test "a fault on an old mapping is SIGBUS while bound" {
	set_attr bar_mmap revoke
	run client open mmap:0 touch:0 tsm-bind touch:0 tsm-unbind touch:0
	assert_equal "$(answers touch:0)" "OK EFAULT OK"
	assert_equal "$(blocked fault)" 1
	assert_equal "$(sim violations)" 0
}

@test "another IOAS is refused while bound" {
	refused attach attach
}

@test "a detach has no effect while bound" {
	run client open tsm-bind detach tsm-unbind attach detach attach
	refute_line --regexp '^(detach|attach) E'
	assert_equal "$(blocked detach)" 1
	assert_equal "$(sim violations)" 0
}

@test "an IOAS for a PASID and its detach are refused while bound" {
	# This IOMMU does not support PASIDs, so it refuses what the guard does not refuse.
	run client open attach-pasid:1 detach-pasid:1 tsm-bind attach-pasid:1 detach-pasid:1 tsm-unbind \
		attach-pasid:1
	assert_regex "$(answers attach-pasid:1)" '^(OK|E[A-Z]+) EBUSY (OK|E[A-Z]+)$'
	[ "$(answers attach-pasid:1 | cut -d ' ' -f 1)" != EBUSY ]
	assert_equal "$(blocked attach)" 1
	assert_equal "$(blocked detach)" 1
}

disconnect="echo tsm0 >$pci/devices/$dev/tsm/disconnect"

# Low power would also end the connection.
@test "low power is refused while connected or bound" {
	for step in low-power low-power-wakeup; do
		connect 2>/dev/null || true
		run client open "$step" tsm-bind "$step" tsm-unbind "sh:$disconnect" "$step"
		assert_equal "$(answers "$step")" "EBUSY EBUSY OK"
		assert_equal "$(answers tsm-bind)" OK
	done
	assert_equal "$(blocked low-power)" 4
}

@test "a device in low power cannot be bound" {
	run client open "sh:$disconnect" low-power "sh:echo tsm0 >$pci/devices/$dev/tsm/connect" tsm-bind
	assert_equal "$(answers tsm-bind)" EHOSTDOWN
	assert_equal "$(attr last_error)" "-112 power"
}

@test "interrupts and reads of configuration space still work while bound" {
	works msix
	works config-read:0:0:4
	works config-long:0x10:0x30
}

@test "dma-bufs from before the bind and from after it can be used while bound" {
	run client open dma-buf:0 tsm-bind dma-buf-map:0x10000000 dma-buf:0 dma-buf-map:0x10001000 \
		tsm-unbind dma-buf-map:0x10002000
	refute_output --regexp ' E[A-Z]+$'
	assert_equal "$(sim violations)" 0
}

@test "a BAR that is zapped while not bound revokes its dma-buf, as on vfio-pci" {
	run client open dma-buf:0 config-clear:0:4:2:2 dma-buf-map:0x10000000 config-set:0:4:2:2 \
		dma-buf-map:0x10000000
	assert_equal "$(answers dma-buf-map:0x10000000)" "ENODEV OK"
}

@test "a function to which a TSM can be connected does not sleep, open or closed" {
	asleep() { cat "$pci/devices/$dev/power/runtime_status"; }
	client open tsm-bind tsm-unbind tsm-bind "sh:$disconnect" close
	# The owner lets it sleep, and closes it without waking it.
	client open low-power close
	connect
	client open tsm-bind close
	assert_equal "$(asleep)" active
	# The references are balanced: on plain vfio-pci it sleeps.
	modprobe vfio-pci
	assign "$dev" vfio-pci
	eventually suspended asleep
	release
	modprobe -r vfio-pci
}

@test "suspend is refused while bound, and only then" {
	echo freezer >/sys/power/pm_test
	echo 0 >/sys/module/suspend/parameters/pm_test_delay
	run client open "sh:echo freeze >/sys/power/state && echo before" tsm-bind \
		"sh:echo freeze >/sys/power/state || echo refused" \
		"sh:cat $debugfs/$dev/state" \
		tsm-unbind "sh:echo freeze >/sys/power/state && echo after" tsm-bind
	assert_line before
	assert_line refused
	assert_line CONFIG_LOCKED
	assert_line after
	assert_equal "$(answers tsm-bind)" "OK OK"
	assert_equal "$(blocked suspend)" 1
	assert_equal "$(sim violations)" 0
}
