#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2030,SC2031,SC2154
# The keys id and serial, which say which device an entry means.
bats_require_minimum_version 1.5.0
load helpers

setup_file() { build_kernel; }

setup() {
	fake_configured_host
	fake_capable 0000:01:00.0
	fake_capable 0000:02:00.0
}

driver() { basename "$(readlink "$SYS/bus/pci/devices/$1/driver")"; }

# give ADDR FILE TEXT: sets an attribute of a device
give() {
	mkdir -p "$(dirname "$SYS/devices/pci0000:00/$1/$2")"
	echo "$3" > "$SYS/devices/pci0000:00/$1/$2"
}

@test "apply, diff: refuse another device at an address, name it, and go on with the others" {
	config '{ "device": "0000:01:00.0", "id": "144D:a80a", "assigned": true, "tdi_id": "00:05.0" },
		{ "device": "02:00.0", "id": "8086:10c9", "assigned": true }'
	before=$(snapshot)
	for verb in diff "apply --dry-run"; do
		# shellcheck disable=SC2086
		run_split kernel tsmctl $verb --json
		assert_equal "$status" 7
		assert_golden "identity-${verb%% *}"
		assert_equal "$(snapshot)" "$before"
	done
	run_split kernel tsmctl apply
	assert_equal "$status" 7
	assert_one_line "0000:01:00.0: another device" "8086:10c9 instead of 144d:a80a" "lspci -nnv -s 0000:01:00.0"
	assert_equal "$(driver 0000:01:00.0)" nvme
	refute [ -e "$CFG/0000:01:00.0" ]
	assert_equal "$(driver 0000:02:00.0)" vfio-pci-tsm
	run_split kernel tsmctl apply 01:00.0
	assert_equal "$status" 1
}

@test "apply: changes nothing of such a device, even if other entries select it" {
	config '{ "device": "all", "assigned": true }, { "device": "01:00.0", "id": "144d:a80a" }'
	run_split kernel tsmctl apply
	assert_equal "$status" 7
	assert_equal "$(driver 0000:01:00.0)" nvme
	assert_equal "$(driver 0000:02:00.0)" vfio-pci-tsm
}

@test "apply: refuses a device that one of its entries does not expect, whatever a later entry expects" {
	config '{ "device": "01:00.0", "id": "144d:a80a", "assigned": true, "force": true }'
	run_split kernel tsmctl deny 01:00.0 --save
	assert_success
	assert_line "0000:01:00.0: note: $TSMCTL_ETC/config.json expects 144d:a80a at this address: apply refuses 8086:10c9"
	for verb in diff apply; do
		run_split kernel tsmctl $verb
		assert_equal "$status" 1
		assert_one_line "0000:01:00.0: another device has this address: 8086:10c9 instead of 144d:a80a"
	done
	# the expected device is there, and the later entry is about another one
	config '{ "device": "01:00.0", "id": "8086:10c9", "assigned": true }'
	sed -i 's/8086:10c9/144d:a80a/' "$TSMCTL_ETC"/config.d/*.json
	run_split kernel tsmctl apply
	assert_equal "$status" 1
	assert_one_line "8086:10c9 instead of 144d:a80a"
	assert_equal "$(driver 0000:01:00.0)" nvme
}

@test "apply: compares the subsystem if the id has one, and a serial with that of PCI and of nvme" {
	give 0000:01:00.0 subsystem_vendor 0x8086
	give 0000:01:00.0 subsystem_device 0xa03c
	give 0000:01:00.0 serial_number 00-80-ee-00-00-00-41-80
	give 0000:01:00.0 nvme/nvme0/serial "S4EV 77            "
	while read -r code members; do
		config "{ \"device\": \"01:00.0\", \"bind_allowed\": false, $members }"
		rm -rf "$CFG/0000:01:00.0"
		run_split kernel tsmctl apply
		[ "$status" -eq "$code" ] || fail "$members gave exit $status: $stderr"
	done <<- 'EOT'
		0 "id": "8086:10c9"
		0 "id": "8086:10c9:8086:a03c"
		1 "id": "8086:10c9:8086:a03d"
		0 "id": "8086:10c9", "serial": "S4EV 77"
		0 "serial": "00-80-EE-00-00-00-41-80"
		1 "id": "8086:10c9", "serial": "S4EV 78"
		1 "serial": "00-80-ee-00-00-00-41-81"
	EOT
	run_split kernel tsmctl apply
	assert_one_line "8086:10c9:8086:a03c, serial number 00-80-ee-00-00-00-41-80 instead of serial number 00-80-ee-00-00-00-41-81"
}

@test "apply: a function without a serial number has that of its PF, or of function 0" {
	fake_capable 0000:01:00.1
	fake_capable 0000:01:10.0
	ln -s ../0000:01:00.1 "$SYS/devices/pci0000:00/0000:01:10.0/physfn"
	give 0000:01:00.0 serial_number 00-80-ee-00-00-00-41-80
	for device in 01:00.1 01:10.0; do
		config "{ \"device\": \"$device\", \"serial\": \"00-80-ee-00-00-00-41-81\", \"assigned\": true }"
		run_split kernel tsmctl apply
		assert_equal "$status" 1
		assert_one_line "serial number 00-80-ee-00-00-00-41-80 instead of"
		config "{ \"device\": \"$device\", \"serial\": \"00-80-ee-00-00-00-41-80\", \"assigned\": true }"
		run_split kernel tsmctl apply
		assert_success
		assert_equal "$(driver "0000:$device")" vfio-pci-tsm
	done
}

@test "apply: does not assign a device whose serial number cannot be read, and leaves an assigned one" {
	config '{ "device": "01:00.0", "serial": "S4EV 77", "assigned": true, "bind_allowed": false }'
	run_split kernel tsmctl apply
	assert_equal "$status" 1
	assert_one_line "cannot tell whether" "serial number S4EV 77" "load its ordinary driver"
	refute [ -e "$CFG/0000:01:00.0" ]
	# udev runs apply once more when the driver has read it
	[ -e "$RUN/0000:01:00.0.awaited" ]
	give 0000:01:00.0 nvme/nvme0/serial "S4EV 77"
	run_split kernel tsmctl apply
	assert_success
	refute [ -e "$RUN/0000:01:00.0.awaited" ]
	# the driver that shows the number has gone; the serial number of PCI is another one
	rm -r "$SYS/devices/pci0000:00/0000:01:00.0/nvme"
	give 0000:01:00.0 serial_number 00-80-ee-00-00-00-41-80
	config '{ "device": "01:00.0", "serial": "S4EV 77", "assigned": true, "bind_allowed": true }'
	run_split kernel tsmctl apply
	assert_success
	assert_output "0000:01:00.0: bind_allowed yes (was no)"
}

@test "apply: sets the policy of an absent device, and refuses another device that comes" {
	config '{ "device": "0000:42:00.0", "id": "144d:a80a", "assigned": true, "tdi_id": "00:05.0" }'
	run_split kernel tsmctl apply
	assert_success
	fake_device 0000:42:00.0 nvme
	run_split kernel tsmctl apply
	assert_equal "$status" 1
	assert_equal "$(driver 0000:42:00.0)" nvme
	run_split kernel tsmctl apply --prune
	assert_equal "$status" 7
	assert_equal "$(policy 0000:42:00.0 tdi_id)" 0000:00:05.0
}

@test "config: id and serial need one address and a valid value" {
	while IFS='|' read -r what text; do
		config "$text"
		run_split kernel tsmctl diff
		[ "$status" -eq 2 ] || fail "$text gave exit $status"
		assert_one_line "$what"
	done <<- 'EOT'
		devices[0].id: id is for one device|{ "device": "all", "id": "8086:10c9" }
		devices[0].serial: serial is for one device|{ "device": "0000:0[1-3]:*", "serial": "x" }
		devices[0].id: "8086" is not an ID|{ "device": "01:00.0", "id": "8086" }
		devices[0].id: "8086:10c9:" is not an ID|{ "device": "01:00.0", "id": "8086:10c9:" }
		devices[0].id: null is not an ID|{ "device": "01:00.0", "id": null }
		devices[0].serial: "" is not a serial number|{ "device": "01:00.0", "serial": "" }
		devices[0].serial: 5 is not a serial number|{ "device": "01:00.0", "serial": 5 }
	EOT
}
