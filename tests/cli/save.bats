#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2030,SC2031,SC2154
# tsmctl save over a document that is there: what cannot be seen now stays.
bats_require_minimum_version 1.5.0
load helpers

setup_file() { build_kernel; }

setup() {
	fake_configured_host
	for i in 1 2 3; do fake_capable "0000:0$i:00.0"; done
}

# entries EXPR: a Python expression for each entry x of the document
entries() {
	python3 -c 'import json, sys
print(json.dumps([eval(sys.argv[2]) for x in json.load(open(sys.argv[1]))["devices"]]))' \
		"$TSMCTL_ETC/config.json" "$1"
}

# give ADDR FILE TEXT: an attribute of a device
give() {
	mkdir -p "$(dirname "$SYS/devices/pci0000:00/$1/$2")"
	echo "$3" > "$SYS/devices/pci0000:00/$1/$2"
}

# unplug ADDR
unplug() {
	fake_set_driver "$1"
	rm -r "$SYS/devices/pci0000:00/$1" "$SYS/bus/pci/devices/$1" "$SYS"/kernel/iommu_groups/*/devices/"$1"
}

@test "save: assigned, tsm, force and policy of an absent device stay, with a note" {
	config '{ "device": "01:00.0", "assigned": true, "tsm": "tsm0", "tdi_id": "00:05.0", "force": true }'
	run kernel tsmctl apply
	assert_success
	run kernel tsmctl save
	unplug 0000:01:00.0
	run_split kernel tsmctl save
	assert_success
	assert_line "0000:01:00.0: note: it is not present: its entry is unchanged, except policy"
	assert_equal "$(entries '[x["device"], x["assigned"], x["tsm"], x["tdi_id"], x["force"]]')" \
		'[["0000:01:00.0", true, "tsm0", "0000:00:05.0", true]]'
	# policy of it that has changed since is known
	run kernel tsmctl tdi-id 01:00.0 00:07.0
	run kernel tsmctl deny 01:00.0
	run_split kernel tsmctl save --json
	assert_success
	json_is '[x["device"] for x in r if x["note"] and "not present" in x["note"]]' '["0000:01:00.0"]'
	assert_equal "$(entries '[x["assigned"], x["tdi_id"], x["bind_allowed"]]')" '[[true, "0000:00:07.0", false]]'
	# after a boot, configfs knows nothing
	rm -r "$CFG/0000:01:00.0"
	run_split kernel tsmctl save --json
	json_is 'd["changed"]' false
	fake_capable 0000:01:00.0
	run_split kernel tsmctl apply
	assert_success
	run_split kernel tsmctl diff
	assert_success
	run_split kernel tsmctl save --json
	json_is 'd["changed"]' false
}

@test "save: entries for several devices stay as they were written while they are true" {
	config '{ "device": "0000:0[12]:*", "assigned": true }, { "device": "8086:10c9", "bar_mmap": "revoke" },
		{ "device": "all", "tsm": "tsm0" }, { "device": "0000:8*", "assigned": true }'
	run kernel tsmctl apply
	assert_success
	run_split kernel tsmctl save
	assert_success
	assert_equal "$(entries 'x')" '[{"device": "0000:0[12]:*", "assigned": true}, {"device": "8086:10c9", "bar_mmap": "revoke"}, {"device": "all", "tsm": "tsm0"}, {"device": "0000:8*", "assigned": true}]'
	# an exception gets an entry of its own, which comes later
	run kernel tsmctl release 02:00.0
	run kernel tsmctl deny 03:00.0
	run_split kernel tsmctl save
	assert_equal "$(entries '[x["device"], x.get("assigned"), x.get("bind_allowed")]')" \
		'[["0000:0[12]:*", true, null], ["8086:10c9", null, null], ["all", null, null], ["0000:8*", true, null], ["0000:02:00.0", false, true], ["0000:03:00.0", false, false]]'
	run_split kernel tsmctl diff
	assert_success
	run_split kernel tsmctl save --json
	json_is 'd["changed"]' false
}

@test "save: an entry for several devices stays for those to come, whatever is present" {
	config '{ "device": "0000:0[12]:*", "assigned": true }, { "device": "8086:10c9", "bar_mmap": "revoke" }'
	run kernel tsmctl apply
	run kernel tsmctl release 01:00.0 02:00.0
	run_split kernel tsmctl save
	assert_success
	assert_equal "$(entries '[x["device"], x.get("assigned")]')" \
		'[["0000:0[12]:*", true], ["8086:10c9", null], ["0000:01:00.0", false], ["0000:02:00.0", false]]'
	run_split kernel tsmctl diff
	assert_success
}

@test "save: an exception needs neither a TSM side nor policy" {
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
	assert_equal "$(entries '[x["device"], x["assigned"]]')" '[["15b3:1017", true], ["0000:05:00.0", false]]'
	run_split kernel tsmctl diff
	assert_success
	run_split kernel tsmctl save --json
	json_is 'd["changed"]' false
}

@test "save, apply: modules of an earlier version, which have no requests of guests" {
	config '{ "device": "01:00.0", "assigned": true, "guest_requests": "info" }, { "device": "02:00.0", "bind_allowed": false }'
	run kernel tsmctl apply
	assert_success
	rm "$CFG"/*/tsm/guest_requests
	run_split kernel tsmctl save
	assert_success
	assert_line "0000:01:00.0: note: the loaded module vfio_tsm is older than tsmctl: its guest_requests is unchanged"
	assert_equal "$(entries '[x["device"], x.get("guest_requests")]')" '[["0000:01:00.0", "info"], ["0000:02:00.0", null]]'
	# the usual value is what they do
	config '{ "device": "01:00.0", "assigned": true, "guest_requests": "all" }'
	run_split kernel tsmctl apply
	assert_success
	run_split kernel tsmctl diff
	assert_success
	config '{ "device": "01:00.0", "assigned": true, "guest_requests": "info" }'
	run_split kernel tsmctl apply --json
	assert_failure 5
	json_is '[[x["stage"], x["attribute"]] for x in e]' '[["module", "guest_requests"]]'
	# absent devices
	unplug 0000:02:00.0
	config '{ "device": "02:00.0", "guest_requests": "none", "bind_allowed": false }'
	run_split kernel tsmctl save
	assert_success
	assert_equal "$(entries '[x["device"], x.get("guest_requests")]' | grep -o '"[0:]*2:00.0", "none"')" '"02:00.0", "none"'
}

@test "save: assigned and tsm stay while the driver, or that TSM, has not come" {
	config '{ "device": "01:00.0", "assigned": true, "tsm": "tsm1" }, { "device": "02:00.0", "serial": "S4EV 77", "assigned": true }'
	run_split kernel tsmctl save
	assert_success
	assert_line "0000:02:00.0: note: cannot tell whether it is the expected device, serial number S4EV 77: its entry is unchanged"
	assert_equal "$(entries '[x["device"], x["assigned"], x.get("tsm")]')" \
		'[["0000:01:00.0", false, "tsm1"], ["02:00.0", true, null]]'
	config '{ "device": "01:00.0", "assigned": true, "tsm": "tsm1" }'
	rm -r "$SYS/bus/pci/drivers/vfio-pci-tsm"
	run_split kernel tsmctl save
	assert_success
	assert_line "0000:01:00.0: note: the driver vfio-pci-tsm is not loaded: its assigned is unchanged"
	assert_equal "$(entries '[x["assigned"], x["tsm"]]')" '[[true, "tsm1"]]'
}

@test "save: an entry before one for several devices moves behind it if that would override it" {
	config '{ "device": "01:00.0", "bar_mmap": "refuse", "bind_allowed": false }, { "device": "8086:10c9", "bar_mmap": "revoke" }'
	run kernel tsmctl apply
	run kernel tsmctl mode 01:00.0 --bar-mmap refuse
	run_split kernel tsmctl save
	assert_success
	assert_equal "$(entries 'x["device"]')" '["8086:10c9", "0000:01:00.0"]'
	run_split kernel tsmctl diff
	assert_success
}

@test "save: a device that is released loses its entry; tsm stays while there is no TSM" {
	config '{ "device": "01:00.0", "assigned": true }, { "device": "02:00.0", "assigned": true, "tsm": "tsm0" }'
	run kernel tsmctl apply
	run kernel tsmctl release 01:00.0 --forget
	rm -r "$SYS/devices/pci0000:00/0000:02:00.0/tsm"
	run_split kernel tsmctl save
	assert_success
	assert_line "0000:01:00.0: note: its entry is not kept: it is neither assigned nor connected, and has no policy"
	assert_line "0000:02:00.0: note: it cannot be connected now: its tsm is unchanged"
	assert_equal "$(entries '[x["device"], x["tsm"]]')" '[["0000:02:00.0", "tsm0"]]'
}

@test "save: tsm of a VF that is connected through its PF stays without a note" {
	fake_device 0000:01:00.1 vfio-pci-tsm
	mkdir "$SYS/devices/pci0000:00/0000:01:00.1/tsm"
	echo 0000:01:00.0 > "$SYS/devices/pci0000:00/0000:01:00.1/tsm/dsm"
	echo tsm0 > "$SYS/devices/pci0000:00/0000:01:00.0/tsm/connect"
	config '{ "device": "01:00.1", "assigned": true, "tsm": "tsm0" }'
	run_split kernel tsmctl save
	assert_success
	refute_output --partial "cannot be connected"
	assert_equal "$(entries '[x["device"], x["tsm"]]')" '[["0000:01:00.1", "tsm0"], ["0000:01:00.0", "tsm0"]]'
}

@test "save: a document with a mistake, or of somebody else, is not replaced" {
	echo '{ "version": 1, "devices": [ { "device": "nvme0" } ] }' > "$TSMCTL_ETC/config.json"
	before=$(cat "$TSMCTL_ETC/config.json")
	run_split kernel tsmctl save
	assert_equal "$status" 2
	assert_one_line config.json:1: devices[0].device
	config '{ "device": "01:00.0" }'
	chmod 664 "$TSMCTL_ETC/config.json"
	run_split kernel tsmctl save
	assert_equal "$status" 4
	# standard output has nothing before it
	run_split kernel tsmctl save --file -
	assert_success
}

@test "save: five files stay that were before, the newest without a number" {
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

@test "save: who may read the file stays as it was; nobody else may write to it" {
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

@test "save: writes id and serial; a serial that cannot be seen now stays" {
	give 0000:01:00.0 subsystem_vendor 0x8086
	give 0000:01:00.0 subsystem_device 0xa03c
	give 0000:01:00.0 serial_number 00-80-ee-00-00-00-41-80
	give 0000:02:00.0 nvme/nvme0/serial "S4EV 77   "
	run kernel tsmctl deny 01:00.0 02:00.0
	run_split kernel tsmctl save
	assert_success
	assert_equal "$(entries '[x["id"], x["serial"]]')" \
		'[["8086:10c9:8086:a03c", "00-80-ee-00-00-00-41-80"], ["8086:10c9", "S4EV 77"]]'
	run kernel tsmctl assign 02:00.0
	rm -r "$SYS/devices/pci0000:00/0000:02:00.0/nvme"
	run_split kernel tsmctl save
	assert_success
	assert_equal "$(entries '[x["assigned"], x["serial"]]')" \
		'[[false, "00-80-ee-00-00-00-41-80"], [true, "S4EV 77"]]'
}

@test "save: a serial that only the driver of before has shown is written, of that device alone" {
	give 0000:02:00.0 nvme/nvme0/serial "S4EV 77   "
	run kernel tsmctl assign 02:00.0
	assert_success
	rm -r "$SYS/devices/pci0000:00/0000:02:00.0/nvme"
	run_split kernel tsmctl save
	assert_success
	assert_equal "$(entries '[x["device"], x["serial"]]')" '[["0000:02:00.0", "S4EV 77"]]'
	# it is not the one that another entry means
	config '{ "device": "02:00.0", "serial": "S4EV 78", "assigned": true, "bind_allowed": false }'
	run_split kernel tsmctl apply
	assert_equal "$status" 1
	assert_one_line "serial number S4EV 77 instead of serial number S4EV 78"
	# another device comes to its address, and something else assigns that
	cp -a "$SYS/devices/pci0000:00/0000:02:00.0" "$BATS_TEST_TMPDIR/other"
	rm -r "$SYS/devices/pci0000:00/0000:02:00.0"
	mv "$BATS_TEST_TMPDIR/other" "$SYS/devices/pci0000:00/0000:02:00.0"
	rm "$TSMCTL_ETC/config.json"
	run_split kernel tsmctl save
	assert_success
	assert_equal "$(entries '[x["device"], x.get("serial")]')" '[["0000:02:00.0", null]]'
	run kernel tsmctl release 02:00.0
	assert_success
	refute [ -e "$RUN/0000:02:00.0.serial" ]
}

@test "save: an entry of another device stays, until the new one is assigned" {
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
