#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2030,SC2031,SC2154
# --save of the verbs that change a device: what they write, and that apply restores it.
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

# assert_saved NAME [ADDR]: the drop-in of 01:00.0, or of ADDR, is golden/keep-NAME.json
assert_saved() { assert_golden_in "$D/tsmctl-${2:-0000:01:00.0}.json" "keep-$1"; }

driver() { basename "$(readlink "$SYS/bus/pci/devices/$1/driver")"; }

@test "--save: each verb writes its key and the identity of the device; apply restores the value" {
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
	assert_saved all-keys
	assert_equal "$(find "$D" -name '*.json' -printf '%f %m\n' | sort | xargs)" \
		"tsmctl-0000:01:00.0.json 644 tsmctl-default.json 644"
	# a reboot; the former driver shows the serial number again
	rm -r "$CFG/0000:01:00.0" "$RUN"
	fake_set_driver 0000:01:00.0 nvme
	echo > "$SYS/bus/pci/devices/0000:01:00.0/tsm/connect"
	echo '(null)' > "$SYS/bus/pci/devices/0000:01:00.0/driver_override"
	echo exclusive > "$CFG/default_region_mode"
	run kernel tsmctl apply
	assert_success
	assert_equal "$(driver 0000:01:00.0) $(< "$CFG/default_region_mode") $(< "$SYS/bus/pci/devices/0000:01:00.0/tsm/connect")" \
		"vfio-pci-tsm shared tsm0"
	assert_equal "$(policy 0000:01:00.0 tdi_id) $(policy 0000:01:00.0 bind_allowed) $(policy 0000:01:00.0 guest_requests)" \
		"0000:00:05.0 0 info"
	run kernel tsmctl diff
	assert_success
	assert_output ""
}

@test "--save: release, disconnect and allow write values that override an earlier file" {
	config '{ "device": "01:00.0", "assigned": true, "tsm": "tsm0", "bind_allowed": false }'
	run kernel tsmctl apply
	for command in "disconnect 01:00.0" "release 01:00.0" "allow 01:00.0"; do
		# shellcheck disable=SC2086
		run kernel tsmctl $command --save
		assert_success
	done
	assert_saved undone
	run kernel tsmctl diff
	assert_success
	run kernel tsmctl assign 01:00.0 --force --save
	assert_saved force
}

@test "--save: writes a value even if the device has it already; the same again is not a change" {
	fake_policy 0000:01:00.0
	run_split kernel tsmctl mode 01:00.0 default --save --json
	assert_success
	assert_golden keep-same-value
	run_split kernel tsmctl mode 01:00.0 default --save --json
	assert_changed false
	refute [ -e "$FILE.old" ]
}

@test "--save: writes a drop-in for each device, without an identity if the device is absent" {
	run kernel tsmctl deny all 42:00.0 --save
	assert_success
	assert_saved denied
	assert_saved denied-2 0000:02:00.0
	assert_saved denied-absent 0000:42:00.0
}

@test "--save: keeps the rest of the drop-in, except an entry for another device" {
	mkdir "$D"
	echo '{ "version": 1, "default_region_mode": "shared", "devices": [ { "device": "8086:10c9", "tdi_id": null },
		{ "device": "01:00.0", "id": "8086:10c9", "bar_mmap": "revoke", "force": true } ] }' > "$FILE"
	run kernel tsmctl deny 01:00.0 --save
	assert_success
	assert_saved others-stay
	grep -q '"device": "01:00.0"' "$FILE.old"
	echo '{ "version": 1, "devices": [ { "device": "01:00.0", "id": "144d:a80a", "bar_mmap": "revoke" } ] }' > "$FILE"
	run kernel tsmctl allow 01:00.0 --save
	assert_success
	assert_line "0000:01:00.0: note: its drop-in was for another device, and is replaced"
	assert_saved other-device
}

@test "--save: saves only the devices for which the verb has not failed" {
	export FAKE_REFUSE='*/0000:01:00.0/tsm/bind_allowed=* 5'
	run_split kernel tsmctl deny 01:00.0 02:00.0 --save
	assert_equal "$status" 7
	refute [ -e "$FILE" ]
	assert_saved denied-2 0000:02:00.0
	fake_device 0000:03:00.0 nvme
	run_split kernel tsmctl connect 03:00.0 --save
	assert_failure
	refute [ -e "$D/tsmctl-0000:03:00.0.json" ]
}

@test "--save: with --dry-run, shows the entry and writes nothing" {
	before=$(snapshot)
	run_split kernel tsmctl assign 01:00.0 --save --dry-run
	assert_success
	assert_line "would set config $FILE"
	assert_line 'note: { "device": "0000:01:00.0", "id": "8086:10c9", "assigned": true }'
	[[ $stderr == *"would create $D"*"would write $FILE"* ]] || fail "$stderr"
	refute [ -e "$D" ]
	assert_equal "$(snapshot)" "$before"
}

@test "--save: notes a later file with another value; a mistake in any file is an error" {
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
	assert_one_line "$D/zz.json:1:63: devices[0]: an entry must be an object"
	echo '{ "version": 1, "default_region_mode": "shared" }' > "$D/zz.json"
	run_split kernel tsmctl mode --default exclusive --save
	assert_success
	assert_line "note: $D/zz.json has another default_region_mode, which counts: see 'tsmctl config show'"
}

@test "--save: a drop-in that cannot be written or read is an error, and the change stays" {
	mkdir "$D"
	echo '{' > "$FILE"
	run_split kernel tsmctl deny 01:00.0 --save
	assert_equal "$status" 2
	assert_one_line "$FILE:2:1: the document ends too early"
	assert_equal "$(< "$FILE")" '{'
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

@test "--save: other users can read the drop-in and the run directory, whatever the umask is" {
	(umask 077 && kernel tsmctl deny 01:00.0 --save)
	assert_equal "$(stat -c %a "$D" "$D"/*.json "$RUN" | xargs)" "755 644 755"
}

@test "--save: of two runs on one drop-in, the second reads what the first has written" {
	mkdir "$D"
	lock=$D/.tsmctl-0000:01:00.0.json.lock
	(umask 077 && : > "$lock")
	exec 9< "$lock"
	flock 9
	kernel tsmctl deny 01:00.0 --save > "$BATS_TEST_TMPDIR/out" 2>&1 3>&- 9>&- &
	second=$!
	# the change is made: now it waits for the lock, or is about to
	until_true grep -qx 0 "$CFG/0000:01:00.0/tsm/bind_allowed"
	echo '{ "version": 1, "devices": [ { "device": "01:00.0", "tdi_id": "00:05.0" } ] }' > "$FILE"
	# as the first one does at its end
	rm "$lock"
	exec 9<&-
	wait "$second"
	assert_saved second
	refute [ -e "$lock" ]
}

@test "--save: wrong usage is exit 2, and changes nothing" {
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

@test "--save: a VF that is connected through its PF has no connection to save" {
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
