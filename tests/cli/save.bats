#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2030,SC2031,SC2154
# tsmctl save over an existing document: values that cannot be seen now stay.
bats_require_minimum_version 1.5.0
load helpers

setup_file() { build_kernel; }

setup() {
	fake_configured_host
	for i in 1 2 3; do fake_capable "0000:0$i:00.0"; done
}

# assert_saved NAME: config.json is golden/save-NAME.json
assert_saved() { assert_golden_in "$TSMCTL_ETC/config.json" "save-$1"; }

# give ADDR FILE TEXT: sets an attribute of a device
give() {
	mkdir -p "$(dirname "$SYS/devices/pci0000:00/$1/$2")"
	echo "$3" > "$SYS/devices/pci0000:00/$1/$2"
}

# unplug ADDR: removes the device
unplug() {
	fake_set_driver "$1"
	rm -r "$SYS/devices/pci0000:00/$1" "$SYS/bus/pci/devices/$1" "$SYS"/kernel/iommu_groups/*/devices/"$1"
}

@test "save: keeps assigned, tsm, force and policy of an absent device, with a note" {
	config '{ "device": "01:00.0", "assigned": true, "tsm": "tsm0", "tdi_id": "00:05.0", "force": true }'
	run kernel tsmctl apply
	assert_success
	run kernel tsmctl save
	unplug 0000:01:00.0
	run_split kernel tsmctl save
	assert_success
	assert_line "0000:01:00.0: note: it is not present: its entry is unchanged, except policy"
	assert_saved absent
	# its policy has changed since
	run kernel tsmctl tdi-id 01:00.0 00:07.0
	run kernel tsmctl deny 01:00.0
	run_split kernel tsmctl save --json
	assert_success
	[[ $(results "device note" | grep "not present") == "0000:01:00.0 "* ]] || fail "$output"
	assert_saved absent-policy
	# after a boot, configfs has no policy
	rm -r "$CFG/0000:01:00.0"
	run_split kernel tsmctl save --json
	assert_changed false
	fake_capable 0000:01:00.0
	run_split kernel tsmctl apply
	assert_success
	run_split kernel tsmctl diff
	assert_success
	run_split kernel tsmctl save --json
	assert_changed false
}

@test "save: keeps entries for several devices as they are written while they are true" {
	config '{ "device": "0000:0[12]:*", "assigned": true }, { "device": "8086:10c9", "bar_mmap": "revoke" },
		{ "device": "all", "tsm": "tsm0" }, { "device": "0000:8*", "assigned": true }'
	run kernel tsmctl apply
	assert_success
	run_split kernel tsmctl save
	assert_success
	assert_saved several
	# an exception has an entry of its own behind the others
	run kernel tsmctl release 02:00.0
	run kernel tsmctl deny 03:00.0
	run_split kernel tsmctl save
	assert_saved several-exception
	run_split kernel tsmctl diff
	assert_success
	run_split kernel tsmctl save --json
	assert_changed false
}

@test "save: keeps an entry for several devices for later ones, whatever is present" {
	config '{ "device": "0000:0[12]:*", "assigned": true }, { "device": "8086:10c9", "bar_mmap": "revoke" }'
	run kernel tsmctl apply
	run kernel tsmctl release 01:00.0 02:00.0
	run_split kernel tsmctl save
	assert_success
	assert_saved several-to-come
	run_split kernel tsmctl diff
	assert_success
}

@test "save: writes an exception even for a device without TSM side and policy" {
	fake_device 0000:04:00.0 nvme 15b3 1017
	fake_device 0000:05:00.0 nvme 15b3 1017
	default_driver 0000:04:00.0 nvme
	default_driver 0000:05:00.0 nvme
	config '{ "device": "15b3:1017", "assigned": true }'
	run kernel tsmctl apply
	assert_success
	run kernel tsmctl release 05:00.0 --forget
	assert_success
	run_split kernel tsmctl save
	assert_success
	assert_saved exception
	run_split kernel tsmctl diff
	assert_success
	run_split kernel tsmctl save --json
	assert_changed false
}

@test "save, apply: keep guest_requests if the modules are too old for it" {
	config '{ "device": "01:00.0", "assigned": true, "guest_requests": "info" }, { "device": "02:00.0", "bind_allowed": false }'
	run kernel tsmctl apply
	assert_success
	rm "$CFG"/*/tsm/guest_requests
	run_split kernel tsmctl save
	assert_success
	assert_line "0000:01:00.0: note: the loaded module vfio_tsm is older than tsmctl: its guest_requests is unchanged"
	assert_saved old-modules
	# the default value is what they do
	config '{ "device": "01:00.0", "assigned": true, "guest_requests": "all" }'
	run_split kernel tsmctl apply
	assert_success
	run_split kernel tsmctl diff
	assert_success
	config '{ "device": "01:00.0", "assigned": true, "guest_requests": "info" }'
	run_split kernel tsmctl apply --json
	assert_failure 5
	assert_equal "$(errors "stage attribute")" "module guest_requests"
	# absent devices
	unplug 0000:02:00.0
	config '{ "device": "02:00.0", "guest_requests": "none", "bind_allowed": false }'
	run_split kernel tsmctl save
	assert_success
	assert_saved old-modules-absent
}

@test "save: keeps assigned and tsm while the driver or that TSM is not there" {
	config '{ "device": "01:00.0", "assigned": true, "tsm": "tsm1" }, { "device": "02:00.0", "serial": "S4EV 77", "assigned": true }'
	run_split kernel tsmctl save
	assert_success
	assert_line "0000:02:00.0: note: cannot tell whether it is the expected device, serial number S4EV 77: its entry is unchanged"
	assert_saved tsm-to-come
	config '{ "device": "01:00.0", "assigned": true, "tsm": "tsm1" }'
	rm -r "$SYS/bus/pci/drivers/vfio-pci-tsm"
	run_split kernel tsmctl save
	assert_success
	assert_line "0000:01:00.0: note: the driver vfio-pci-tsm is not loaded: its assigned is unchanged"
	assert_saved driver-to-come
}

@test "save: moves an entry behind one for several devices that would override it" {
	config '{ "device": "01:00.0", "bar_mmap": "refuse", "bind_allowed": false }, { "device": "8086:10c9", "bar_mmap": "revoke" }'
	run kernel tsmctl apply
	run kernel tsmctl mode 01:00.0 --bar-mmap refuse
	run_split kernel tsmctl save
	assert_success
	assert_saved moved
	run_split kernel tsmctl diff
	assert_success
}

@test "save: removes the entry of a released device, and keeps tsm while there is no TSM" {
	config '{ "device": "01:00.0", "assigned": true }, { "device": "02:00.0", "assigned": true, "tsm": "tsm0" }'
	run kernel tsmctl apply
	run kernel tsmctl release 01:00.0 --forget
	rm -r "$SYS/devices/pci0000:00/0000:02:00.0/tsm"
	run_split kernel tsmctl save
	assert_success
	assert_line "0000:01:00.0: note: its entry is not kept: it is neither assigned nor connected, and has no policy"
	assert_line "0000:02:00.0: note: it cannot be connected now: its tsm is unchanged"
	assert_saved released
}

@test "save: keeps tsm of a VF that is connected through its PF, without a note" {
	fake_device 0000:01:00.1 vfio-pci-tsm
	mkdir "$SYS/devices/pci0000:00/0000:01:00.1/tsm"
	echo 0000:01:00.0 > "$SYS/devices/pci0000:00/0000:01:00.1/tsm/dsm"
	echo tsm0 > "$SYS/devices/pci0000:00/0000:01:00.0/tsm/connect"
	config '{ "device": "01:00.1", "assigned": true, "tsm": "tsm0" }'
	run_split kernel tsmctl save
	assert_success
	refute_output --partial "cannot be connected"
	assert_saved vf
}

@test "save: does not replace a document that has a mistake or is not trusted" {
	echo '{ "version": 1, "devices": [ { "device": "nvme0" } ] }' > "$TSMCTL_ETC/config.json"
	before=$(< "$TSMCTL_ETC/config.json")
	run_split kernel tsmctl save
	assert_equal "$status" 2
	assert_one_line config.json:1: devices[0].device
	config '{ "device": "01:00.0" }'
	chmod 664 "$TSMCTL_ETC/config.json"
	run_split kernel tsmctl save
	assert_equal "$status" 4
	# for standard output, the document does not matter
	run_split kernel tsmctl save --file -
	assert_success
}

@test "save, metrics: --dry-run fails where the directory of the file does not exist, as the run does" {
	for args in "save --file" "metrics --output"; do
		for option in --dry-run ""; do
			# shellcheck disable=SC2086
			run_split tsmctl $args "$BATS_TEST_TMPDIR/none/file" $option
			assert_equal "$status" 1
			assert_one_line "cannot write" "No such file or directory" "install -d -m 755 $BATS_TEST_TMPDIR/none"
		done
	done
}

@test "save: keeps the five former files, the newest one without a number" {
	for i in 1 2 3 4 5 6 7 8; do
		run kernel tsmctl tdi-id 01:00.0 "00:0$i.0"
		run kernel tsmctl save
		assert_success
	done
	assert_equal "$(find "$TSMCTL_ETC" -mindepth 1 -printf '%f\n' | LC_ALL=C sort | xargs)" \
		"config.json config.json.old config.json.old.2 config.json.old.3 config.json.old.4 config.json.old.5"
	assert_equal "$(cd "$TSMCTL_ETC" && grep -ho '00:0[0-9]\.0' config.json config.json.old config.json.old.[2-5] | xargs)" \
		"00:08.0 00:07.0 00:06.0 00:05.0 00:04.0 00:03.0"
}

@test "save: keeps the modes for reading, and removes those for writing from other users" {
	run kernel tsmctl save
	assert_success
	assert_equal "$(stat -c %a "$TSMCTL_ETC/config.json")" 644
	for mode in 600 640 755; do
		chmod "$mode" "$TSMCTL_ETC/config.json"
		run kernel tsmctl tdi-id 01:00.0 "00:0${mode:0:1}.${mode:1:1}"
		run kernel tsmctl save
		assert_success
		assert_equal "$(stat -c %a "$TSMCTL_ETC/config.json")" "${mode/755/644}"
	done
}

@test "save: writes id and serial, and keeps a serial that cannot be seen now" {
	give 0000:01:00.0 subsystem_vendor 0x8086
	give 0000:01:00.0 subsystem_device 0xa03c
	give 0000:01:00.0 serial_number 00-80-ee-00-00-00-41-80
	give 0000:02:00.0 nvme/nvme0/serial "S4EV 77   "
	run kernel tsmctl deny 01:00.0 02:00.0
	run_split kernel tsmctl save
	assert_success
	assert_saved identity
	run kernel tsmctl assign 02:00.0
	rm -r "$SYS/devices/pci0000:00/0000:02:00.0/nvme"
	run_split kernel tsmctl save
	assert_success
	assert_saved identity-unseen
}

@test "save: writes a serial that only the former driver has shown, and only for that device" {
	give 0000:02:00.0 nvme/nvme0/serial "S4EV 77   "
	run kernel tsmctl assign 02:00.0
	assert_success
	rm -r "$SYS/devices/pci0000:00/0000:02:00.0/nvme"
	run_split kernel tsmctl save
	assert_success
	assert_saved serial
	# an entry with another serial does not mean this device
	config '{ "device": "02:00.0", "serial": "S4EV 78", "assigned": true, "bind_allowed": false }'
	run_split kernel tsmctl apply
	assert_equal "$status" 1
	assert_one_line "serial number S4EV 77 instead of serial number S4EV 78"
	# another device comes to its address, and is assigned without tsmctl
	cp -a "$SYS/devices/pci0000:00/0000:02:00.0" "$BATS_TEST_TMPDIR/other"
	rm -r "$SYS/devices/pci0000:00/0000:02:00.0"
	mv "$BATS_TEST_TMPDIR/other" "$SYS/devices/pci0000:00/0000:02:00.0"
	rm "$TSMCTL_ETC/config.json"
	run_split kernel tsmctl save
	assert_success
	assert_saved serial-other-device
	run kernel tsmctl release 02:00.0
	assert_success
	refute [ -e "$RUN/0000:02:00.0.serial" ]
}

@test "save: keeps an entry for another device until the new one is assigned" {
	fake_policy 0000:01:00.0
	policy 0000:01:00.0 bind_allowed 0
	config '{ "device": "01:00.0", "id": "144d:a80a", "assigned": true, "force": true }'
	run_split kernel tsmctl save
	assert_success
	assert_line "0000:01:00.0: note: another device has this address, 8086:10c9: the entry for 144d:a80a is unchanged"
	run_split kernel tsmctl apply
	assert_equal "$status" 7
	run kernel tsmctl assign 01:00.0
	assert_success
	run_split kernel tsmctl save
	assert_success
	assert_line "0000:01:00.0: note: another device has this address, 8086:10c9: its entry replaces the one for 144d:a80a"
	run_split kernel tsmctl diff
	assert_success
	refute grep -q force "$TSMCTL_ETC/config.json"
}
