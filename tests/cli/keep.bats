#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2030,SC2031,SC2154
# --save of the verbs that change a device: what is written, and that apply restores it.
bats_require_minimum_version 1.5.0
load helpers

setup_file() { build_kernel; }

setup() {
	fake_configured_host
	fake_capable 0000:01:00.0
	fake_capable 0000:02:00.0
	D=$TSMCTL_ETC/config.d
	FILE=$D/tsmctl-0000:01:00.0.json
}

# entry [FILE]: the entry of the drop-in, on one line
entry() { python3 -IS -c 'import json, sys; print(json.dumps(json.load(open(sys.argv[1]))["devices"]))' "${1:-$FILE}"; }

driver() { basename "$(readlink "$SYS/bus/pci/devices/$1/driver")"; }

@test "save: each verb writes its key, and the identity of the device; apply makes it again" {
	mkdir -p "$SYS/devices/pci0000:00/0000:01:00.0/nvme/nvme0"
	echo S4EV77 > "$SYS/devices/pci0000:00/0000:01:00.0/nvme/nvme0/serial"
	for command in "assign 01:00.0" "connect 01:00.0" "tdi-id 01:00.0 00:05.0" "deny 01:00.0" \
		"mode 01:00.0 exclusive --bar-mmap revoke" "requests 01:00.0 info" "mode --default shared"; do
		# shellcheck disable=SC2086
		run_split kernel tsmctl $command --save
		[ "$status" -eq 0 ] || fail "$command: $stderr"
		assert_equal "$stderr" ""
		assert_line --partial "config $D/tsmctl-"
	done
	assert_equal "$(entry)" '[{"device": "0000:01:00.0", "id": "8086:10c9", "serial": "S4EV77", "assigned": true, "region_mode": "exclusive", "bar_mmap": "revoke", "bind_allowed": false, "guest_requests": "info", "tdi_id": "0000:00:05.0", "tsm": "tsm0"}]'
	assert_equal "$(find "$D" -name '*.json' -printf '%f %m\n' | sort | xargs)" \
		"tsmctl-0000:01:00.0.json 644 tsmctl-default.json 644"
	# a reboot; the driver of before shows the serial number again
	rm -r "$CFG/0000:01:00.0" "$RUN"
	fake_set_driver 0000:01:00.0 nvme
	echo > "$SYS/bus/pci/devices/0000:01:00.0/tsm/connect"
	echo '(null)' > "$SYS/bus/pci/devices/0000:01:00.0/driver_override"
	echo exclusive > "$CFG/default_region_mode"
	run kernel tsmctl apply
	assert_success
	assert_equal "$(driver 0000:01:00.0) $(cat "$CFG/default_region_mode") $(cat "$SYS/bus/pci/devices/0000:01:00.0/tsm/connect")" \
		"vfio-pci-tsm shared tsm0"
	assert_equal "$(policy 0000:01:00.0 tdi_id) $(policy 0000:01:00.0 bind_allowed) $(policy 0000:01:00.0 guest_requests)" \
		"0000:00:05.0 0 info"
	run kernel tsmctl diff
	assert_success
	assert_output ""
}

@test "save: release, disconnect and allow write what overrides an earlier file" {
	config '{ "device": "01:00.0", "assigned": true, "tsm": "tsm0", "bind_allowed": false }'
	run kernel tsmctl apply
	for command in "disconnect 01:00.0" "release 01:00.0" "allow 01:00.0"; do
		# shellcheck disable=SC2086
		run kernel tsmctl $command --save
		assert_success
	done
	assert_equal "$(entry)" '[{"device": "0000:01:00.0", "id": "8086:10c9", "assigned": false, "bind_allowed": true, "tsm": null}]'
	run kernel tsmctl diff
	assert_success
	run kernel tsmctl assign 01:00.0 --force --save
	assert_equal "$(entry)" '[{"device": "0000:01:00.0", "id": "8086:10c9", "assigned": true, "bind_allowed": true, "tsm": null, "force": true}]'
}

@test "save: a value that is there already is written as well; the same again is no change" {
	fake_policy 0000:01:00.0
	run_split kernel tsmctl mode 01:00.0 default --save --json
	assert_success
	json_is '[[x["attribute"], x["value"], x["changed"]] for x in r]' \
		"[[\"region_mode\", \"default\", false], [\"config\", \"$FILE\", true]]" \
		'r[1]["note"]' '{ "device": "0000:01:00.0", "id": "8086:10c9", "region_mode": "default" }'
	run_split kernel tsmctl mode 01:00.0 default --save --json
	json_is 'd["changed"]' false
	refute [ -e "$FILE.old" ]
}

@test "save: several devices have a drop-in each, one that is absent without an identity" {
	run kernel tsmctl deny all 42:00.0 --save
	assert_success
	assert_equal "$(entry)$(entry "$D/tsmctl-0000:02:00.0.json")$(entry "$D/tsmctl-0000:42:00.0.json")" \
		'[{"device": "0000:01:00.0", "id": "8086:10c9", "bind_allowed": false}][{"device": "0000:02:00.0", "id": "8086:10c9", "bind_allowed": false}][{"device": "0000:42:00.0", "bind_allowed": false}]'
}

@test "save: other keys, entries and the default mode of the drop-in stay; another device's entry does not" {
	mkdir "$D"
	echo '{ "version": 1, "default_region_mode": "shared", "devices": [ { "device": "8086:10c9", "tdi_id": null },
		{ "device": "01:00.0", "id": "8086:10c9", "bar_mmap": "revoke", "force": true } ] }' > "$FILE"
	run kernel tsmctl deny 01:00.0 --save
	assert_success
	assert_equal "$(entry)" '[{"device": "8086:10c9", "tdi_id": null}, {"device": "0000:01:00.0", "id": "8086:10c9", "bar_mmap": "revoke", "bind_allowed": false, "force": true}]'
	grep -q '"default_region_mode": "shared"' "$FILE"
	grep -q '"device": "01:00.0"' "$FILE.old"
	echo '{ "version": 1, "devices": [ { "device": "01:00.0", "id": "144d:a80a", "bar_mmap": "revoke" } ] }' > "$FILE"
	run kernel tsmctl allow 01:00.0 --save
	assert_success
	assert_line "0000:01:00.0: note: its drop-in was for another device, and is replaced"
	assert_equal "$(entry)" '[{"device": "0000:01:00.0", "id": "8086:10c9", "bind_allowed": true}]'
}

@test "save: a failed verb saves nothing, and the other devices are saved" {
	export FAKE_REFUSE='*/0000:01:00.0/tsm/bind_allowed=* 5'
	run_split kernel tsmctl deny 01:00.0 02:00.0 --save
	assert_equal "$status" 7
	refute [ -e "$FILE" ]
	assert_equal "$(entry "$D/tsmctl-0000:02:00.0.json")" '[{"device": "0000:02:00.0", "id": "8086:10c9", "bind_allowed": false}]'
	fake_device 0000:03:00.0 nvme
	run_split kernel tsmctl connect 03:00.0 --save
	assert_failure
	refute [ -e "$D/tsmctl-0000:03:00.0.json" ]
}

@test "save: --dry-run shows the entry, and writes nothing" {
	before=$(snapshot)
	run_split kernel tsmctl assign 01:00.0 --save --dry-run
	assert_success
	assert_line "would set config $FILE"
	assert_line 'note: { "device": "0000:01:00.0", "id": "8086:10c9", "assigned": true }'
	[[ $stderr == *"would create $D"*"would write $FILE"* ]] || fail "$stderr"
	refute [ -e "$D" ]
	assert_equal "$(snapshot)" "$before"
}

@test "save: a later file with another value is noted, and a mistake in any file is an error" {
	mkdir "$D"
	echo '{ "version": 1, "devices": [ { "device": "all", "bind_allowed": true } ] }' > "$D/zz.json"
	run_split kernel tsmctl deny 01:00.0 --save
	assert_success
	assert_line "0000:01:00.0: note: $D/zz.json has another bind_allowed, which counts: see 'tsmctl config show'"
	run_split kernel tsmctl allow 01:00.0 --save
	refute_output --partial "which counts"
	echo '{ "version": 1, "default_region_mode": "shared", "devices": [ 7 ] }' > "$D/zz.json"
	run_split kernel tsmctl allow 01:00.0 --save
	assert_equal "$status" 2
	assert_one_line "$D/zz.json:1:63: devices[0]: a device is an object"
	echo '{ "version": 1, "default_region_mode": "shared" }' > "$D/zz.json"
	run_split kernel tsmctl mode --default exclusive --save
	assert_success
	assert_line "note: $D/zz.json has another default_region_mode, which counts: see 'tsmctl config show'"
}

@test "save: a drop-in that cannot be written or read is an error, whatever was changed" {
	mkdir "$D"
	echo '{' > "$FILE"
	run_split kernel tsmctl deny 01:00.0 --save
	assert_equal "$status" 2
	assert_one_line "$FILE:2:1: the document ends too early"
	assert_equal "$(cat "$FILE")" '{'
	assert_equal "$(policy 0000:01:00.0 bind_allowed)" 0
	rm -r "$D"
	chmod 555 "$TSMCTL_ETC"
	run_restricted tsmctl deny 01:00.0 --save
	assert_equal "$status" 4
	assert_one_line "cannot write to $TSMCTL_ETC: Permission denied"
	chmod 755 "$TSMCTL_ETC"
	rmdir "$TSMCTL_ETC"
	# one error for each device, also after an earlier one
	run_split kernel tsmctl deny 01:00.0 02:00.0 --save
	assert_equal "$(grep -c "cannot write to $TSMCTL_ETC: No such file or directory; make it first, as root: 'install -d -m 755 $TSMCTL_ETC'" <<< "$stderr")" 2
}

@test "save: of two at once on one drop-in, the second one reads what the first has written" {
	mkdir "$D"
	lock=$D/.tsmctl-0000:01:00.0.json.lock
	(umask 077 && : > "$lock")
	exec 9< "$lock"
	flock 9
	kernel tsmctl deny 01:00.0 --save > "$BATS_TEST_TMPDIR/out" 2>&1 3>&- 9>&- &
	second=$!
	# the change is made, so it waits for the lock, or comes to it
	until_true grep -qx 0 "$CFG/0000:01:00.0/tsm/bind_allowed"
	echo '{ "version": 1, "devices": [ { "device": "01:00.0", "tdi_id": "00:05.0" } ] }' > "$FILE"
	# as the one before does at its end
	rm "$lock"
	exec 9<&-
	wait "$second"
	assert_equal "$(entry)" '[{"device": "0000:01:00.0", "id": "8086:10c9", "bind_allowed": false, "tdi_id": "0000:00:05.0"}]'
	refute [ -e "$lock" ]
}

@test "save: wrong usage is exit 2, and changes nothing" {
	before=$(snapshot)
	for args in "mode 01:00.0" "tdi-id 01:00.0" "tdi-id --get 01:00.0" "requests 01:00.0" "release 01:00.0 --forget"; do
		# shellcheck disable=SC2086
		run_split kernel tsmctl $args --save
		[ "$status" -eq 2 ] || fail "$args: exit $status, $stderr"
		assert_one_line --save
	done
	assert_equal "$(snapshot)" "$before"
	refute [ -e "$D" ]
}

@test "save: a VF that is connected through its PF has no connection to save" {
	fake_device 0000:02:10.0
	ln -s ../0000:02:00.0 "$SYS/devices/pci0000:00/0000:02:10.0/physfn"
	mkdir "$SYS/devices/pci0000:00/0000:02:10.0/tsm"
	echo 0000:02:00.0 > "$SYS/devices/pci0000:00/0000:02:10.0/tsm/dsm"
	run kernel tsmctl connect 02:00.0
	assert_success
	run kernel tsmctl connect 02:10.0 --save
	assert_success
	assert_output --partial "it is connected through 0000:02:00.0, whose connection is the one to save"
	refute [ -e "$D" ]
}
