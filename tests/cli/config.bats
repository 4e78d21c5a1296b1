#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2030,SC2031,SC2154
# tsmctl config: which document each value is from, and all mistakes of documents.
bats_require_minimum_version 1.5.0
load helpers

setup_file() { build_kernel; }

setup() {
	fake_configured_host
	fake_capable 0000:01:00.0
	fake_capable 0000:02:00.0
	D=$TSMCTL_ETC/config.d
	mkdir -m 755 "$D"
}

# drop_in NAME ENTRIES [MORE]: writes a drop-in, as config writes config.json.
drop_in() { printf '{ "version": 1, %s "devices": [ %s ] }\n' "${3:-}" "$2" > "$D/$1"; }

# bad NAME: writes a document from standard input; $BAD is its path.
bad() {
	BAD=$BATS_TEST_TMPDIR/$1
	cat > "$BAD"
}

@test "config show: prints each value with its document and entry, and what overrides it" {
	config '{ "device": "8086:10c9", "region_mode": "exclusive" },
		{ "device": "01:00.0", "assigned": true, "tdi_id": "0x28", "tsm": null }' '"default_region_mode": "shared",'
	drop_in 10.json '{ "device": "0000:01:00.0", "tdi_id": null }' '"default_region_mode": "exclusive",'
	drop_in 05.json '{ "device": "8086:10C9", "region_mode": "shared" }'
	ln -s /dev/null "$D/20.json"
	run_split tsmctl config show
	assert_success
	assert_equal "$stderr" ""
	assert_output "$TSMCTL_ETC/config.json
  default_region_mode shared, overridden by $D/10.json
  devices[0]: 8086:10c9
    region_mode         exclusive, overridden by $D/05.json: devices[0]
    note: later entries override all of it
  devices[1]: 01:00.0
    tdi_id              0000:00:05.0, overridden by $D/10.json: devices[0]
    assigned            true
    tsm                 null
$D/05.json
  devices[0]: 8086:10C9
    region_mode         shared
$D/10.json
  default_region_mode exclusive
  devices[0]: 0000:01:00.0
    tdi_id              null
$D/20.json
  note: masked: it is a link to /dev/null, and is not read"
	run_split tsmctl config show --json
	assert_success
	assert_golden config-show
}

@test "config show: names the entry, be it a pattern, whose value apply takes for a device" {
	config '{ "device": "01:00.0", "tdi_id": "00:01.0", "bar_mmap": "revoke" },
		{ "device": "0000:0[12]:*", "tdi_id": "00:02.0" }, { "device": "0000:0?:*", "tdi_id": "00:03.0" }'
	run_split tsmctl config show --json
	# the two globs override each other for some devices only
	assert_golden config-show-globs
	run kernel tsmctl apply 01:00.0
	assert_success
	assert_equal "$(policy 0000:01:00.0 tdi_id)" 0000:00:03.0
}

@test "config show DEVICE: prints the values for the device and where they are from, for any selector" {
	config '{ "device": "all", "bind_allowed": false }, { "device": "01:00.0", "tdi_id": "00:05.0" }'
	drop_in 10.json '{ "device": "8086:10c9", "bind_allowed": true }'
	run_split tsmctl config show 01:00.0 02:00.0
	assert_success
	assert_output "0000:01:00.0
  bind_allowed        true, from $D/10.json: devices[0] (8086:10c9)
  bind_allowed        false, from $TSMCTL_ETC/config.json: devices[0] (all), overridden by $D/10.json: devices[0]
  tdi_id              0000:00:05.0, from $TSMCTL_ETC/config.json: devices[1] (01:00.0)

0000:02:00.0
  bind_allowed        true, from $D/10.json: devices[0] (8086:10c9)
  bind_allowed        false, from $TSMCTL_ETC/config.json: devices[0] (all), overridden by $D/10.json: devices[0]"
	run_split tsmctl config show --json driver=nvme
	assert_success
	assert_golden config-show-device
}

@test "config show DEVICE: the values that it shows are those that apply sets" {
	config '{ "device": "all", "bind_allowed": false, "region_mode": "shared", "bar_mmap": "revoke" },
		{ "device": "01:00.0", "tdi_id": "00:05.0", "bar_mmap": "refuse" }' '"default_region_mode": "shared",'
	drop_in 10.json '{ "device": "0000:01:*", "region_mode": "exclusive", "guest_requests": "info" }'
	run_split tsmctl config show --json 01:00.0
	wanted=$(results "key value" overridden_by=null | grep -v ^null)
	run kernel tsmctl apply
	assert_success
	# a later document that does not have the key leaves it as it is
	assert_equal "$(< "$CFG/default_region_mode")" shared
	assert_equal "$wanted" "region_mode $(policy 0000:01:00.0 region_mode)
bar_mmap $(policy 0000:01:00.0 bar_mmap)
bind_allowed $([ "$(policy 0000:01:00.0 bind_allowed)" = 0 ] && echo false)
guest_requests $(policy 0000:01:00.0 guest_requests)
tdi_id $(policy 0000:01:00.0 tdi_id)"
}

@test "config show DEVICE: a note shows whether the device is absent, another one, or not configured" {
	config '{ "device": "all", "bind_allowed": false }, { "device": "42:00.0", "assigned": true },
		{ "device": "01:00.0", "id": "144d:a80a" }, { "device": "04:00.0", "bind_allowed": true }'
	fake_device 0000:03:00.0 nvme
	fake_device 0000:04:00.0 nvme
	fake_policy 0000:04:00.0
	run_split tsmctl config show 42:00.0 01:00.0 03:00.0 04:00.0
	assert_success
	assert_line --index 2 "  assigned            true, from $TSMCTL_ETC/config.json: devices[1] (42:00.0)"
	assert_line --index 3 "  note: the device is not present"
	assert_line "  note: another device has this address: 8086:10c9 instead of 144d:a80a; apply refuses it ($TSMCTL_ETC/config.json: devices[2])"
	assert_output --partial "0000:03:00.0
  note: no document names it"
	assert_output --partial "0000:04:00.0
  bind_allowed        true, from $TSMCTL_ETC/config.json: devices[3] (04:00.0)
  note: it sets nothing: the device has no TSM side, and no entry assigns it ($TSMCTL_ETC/config.json: devices[0])"
	run_split tsmctl config show 42:00.0 43:00.0
	assert_equal "$status" 7
	assert_one_line "0000:43:00.0: no such device" lspci
	run_split tsmctl config show --json 43:00.0
	assert_equal "$status" 3
	assert_envelope
	assert_equal "$(results device)$(errors device)" 0000:43:00.0
}

@test "config: works without the modules and without root, and changes nothing" {
	config '{ "device": "01:00.0", "tdi_id": "00:05.0" }'
	rm -r "$CFG"
	before=$(snapshot)
	for args in show "show 01:00.0" "show all" check "check $TSMCTL_ETC/config.json"; do
		# shellcheck disable=SC2086
		run_split kernel tsmctl config $args
		[ "$status" -eq 0 ] || fail "config $args: exit $status, $stderr"
		assert_equal "$stderr" ""
	done
	assert_equal "$(snapshot)" "$before"
	assert_equal "$(< "$FAKE_LOG")" ""
	chmod 000 "$TSMCTL_ETC/config.json"
	for action in show check; do
		run_restricted tsmctl config $action
		assert_equal "$status" 4
		assert_one_line "cannot read $TSMCTL_ETC/config.json: Permission denied"
	done
}

@test "config: without a configuration that can be trusted, the error is that of apply" {
	run_split kernel tsmctl apply
	error=$stderr code=$status
	for action in show check; do
		run_split tsmctl config $action
		assert_equal "$status $stderr" "$code $error"
	done
	config ''
	chmod 666 "$TSMCTL_ETC/config.json"
	run_split kernel tsmctl apply
	error=$stderr code=$status
	for args in show check "check $TSMCTL_ETC/config.json"; do
		# shellcheck disable=SC2086
		run_split tsmctl config $args
		assert_equal "$status $stderr" "$code $error"
	done
}

@test "config check: reports every mistake of a document, with line, column, key and cause" {
	bad a.json <<- 'END'
		{ "version": 1, "more": 1, "default_region_mode": "default", "devices": [
		  { "device": "nonesuch", "force": 1, "zzz": 1 },
		  { "device": "all", "serial": "x", "tdi_id": 12 },
		  7,
		  { "assigned": true },
		  { "device": "all", "region_mode": "shared" } ] }
	END
	run_split tsmctl config check "$BAD"
	assert_equal "$status" 2
	assert_equal "$output" ""
	assert_equal "$(sed -E "s,^tsmctl: $BAD:(.*)(; see tsmctl-config\(5\))$,\1," <<< "$stderr" | cut -d ' ' -f 1-4)" \
		'1:17: more: unknown key;
1:51: default_region_mode: "default" is
2:15: devices[0].device: "nonesuch" is
2:36: devices[0].force: 1 is
2:39: devices[0].zzz: unknown key;
3:47: devices[1].tdi_id: 12 is
3:32: devices[1].serial: serial is
4:3: devices[2]: an entry
5:3: devices[3]: the key
6:15: devices[4].device: '"'all' already"
	run_split tsmctl config check --json - < "$BAD"
	assert_equal "$status" 2
	assert_golden config-check-mistakes
	# apply reports only the first of them
	run_split kernel tsmctl apply --file "$BAD"
	assert_equal "$status" 2
	assert_one_line "$BAD:1:17: more: unknown key"
}

@test "config check: a mistake in one document does not hide those of others" {
	config '{ "device": "01:00.0", "tdi_id": "x" }'
	drop_in 10.json '{ "device": "01:00.0", "tdi_id": "00:05.0" }'
	drop_in 20.json '{ "device": "01:00.0", "bar_mmap": "x" }'
	echo '{ "version": 2, "x": 1 }' > "$D/30.json"
	echo '{ "version": 1,' > "$D/40.json"
	run_split tsmctl config check
	assert_equal "$status" 2
	assert_equal "$output" ""
	assert_equal "$(cut -d ' ' -f 1-3 <<< "${stderr//"tsmctl: $TSMCTL_ETC/"/}")" \
		"config.json:1:64: devices[0].tdi_id: \"x\"
config.d/20.json:1:66: devices[0].bar_mmap: \"x\"
config.d/30.json:1:14: version: 2
config.d/40.json:2:1: the document"
	# show prints nothing if a document has a mistake
	run_split tsmctl config show
	assert_equal "$status" 2
	assert_equal "$output" ""
	assert_one_line config.json:1:64
}

@test "config check: reports 100 mistakes of a document at most, and that there may be more" {
	{
		echo '{ "version": 1, "devices": ['
		for i in {1..150}; do echo "$i,"; done
		echo '0 ] }'
	} | bad a.json
	BAD=$BATS_TEST_TMPDIR/a.json
	echo 7 > "$BATS_TEST_TMPDIR/b.json"
	run_split tsmctl config check "$BAD" "$BATS_TEST_TMPDIR/b.json"
	assert_equal "$status" 2
	assert_equal "$(wc -l <<< "$stderr")" 102
	[[ $stderr == *"tsmctl: $BAD:101:1: devices[99]: "*"tsmctl: $BAD: 100 mistakes; there may be more; "*"b.json:1:1: the document"* ]] || fail "$stderr"
}

@test "config check: accepts valid documents, and notes what has no effect now" {
	config '{ "device": "42:00.0", "tdi_id": "00:01.0" }, { "device": "99:*", "assigned": true },
		{ "device": "01:00.0", "id": "8086:10c9", "tdi_id": "00:02.0" },
		{ "device": "02:00.0", "serial": "x", "tdi_id": "00:03.0", "bar_mmap": "revoke" }'
	drop_in 10.json '{ "device": "0000:42:00.0", "tdi_id": null }, { "device": "02:00.0", "id": "1234:5678", "tdi_id": null }'
	ln -s /dev/null "$D/20.json"
	run_split tsmctl config check
	assert_success
	assert_equal "$stderr" ""
	assert_output "$TSMCTL_ETC/config.json: valid
$TSMCTL_ETC/config.json: devices[0]: 42:00.0: note: later entries override all of it
$TSMCTL_ETC/config.json: devices[0]: 42:00.0: note: the device is not present
$TSMCTL_ETC/config.json: devices[1]: 99:*: note: it matches no device that is present
$D/10.json: valid
$D/10.json: devices[0]: 0000:42:00.0: note: the device is not present
$D/10.json: devices[1]: 02:00.0: note: another device has this address: 8086:10c9 instead of 1234:5678; apply refuses it
$D/20.json: note: masked: it is a link to /dev/null, and is not read"
	run_split tsmctl config check --json
	assert_success
	assert_golden config-check
	run_split tsmctl config check --quiet
	assert_success
	assert_equal "$output$stderr" ""
	# documents in the order of the arguments, without those of /etc/tsmctl
	run_split tsmctl config check "$D/10.json" - < "$TSMCTL_ETC/config.json"
	assert_success
	assert_line "<stdin>: valid"
	assert_line "$D/10.json: devices[0]: 0000:42:00.0: note: later entries override all of it"
	refute_output --partial "$TSMCTL_ETC/config.json"
}

@test "config: a file in config.d whose name is not that of a drop-in is noted, and not read" {
	config '{ "device": "01:00.0", "bind_allowed": true }'
	mkdir -p "$TSMCTL_ETC/config.d"
	for name in 50-deny.conf 60.JSON .hidden.conf 70.json.old 80.json~; do
		echo 'not JSON' > "$TSMCTL_ETC/config.d/$name"
	done
	run_split tsmctl config check
	assert_success
	assert_output "$TSMCTL_ETC/config.json: valid
$TSMCTL_ETC/config.d/50-deny.conf: note: not read: the name of a drop-in ends in .json
$TSMCTL_ETC/config.d/60.JSON: note: not read: the name of a drop-in ends in .json"
	run_split tsmctl config show
	assert_success
	assert_output --partial "$TSMCTL_ETC/config.d/60.JSON
  note: not read: the name of a drop-in ends in .json"
	run_split tsmctl apply
	assert_success
	assert_equal "$stderr" ""
	# they are no configuration
	rm "$TSMCTL_ETC/config.json"
	run_split tsmctl apply
	assert_equal "$status" 1
	assert_one_line "there is no configuration"
}

@test "config: escapes bytes in names of files and selectors that a terminal would obey" {
	drop_in $'\033[2J.json' '{ "device": "\u001b[2J*", "tdi_id": null }'
	for action in show check; do
		run_split tsmctl config $action
		assert_success
		refute_output --partial $'\033'
		assert_output --partial '\x1b[2J.json'
		assert_output --partial '\x1b[2J*'
	done
}

@test "config: wrong usage is exit 2" {
	config ''
	for args in "" nonesuch "show x" "show --file x" "check --prune"; do
		# shellcheck disable=SC2086
		run_split tsmctl config $args
		[ "$status" -eq 2 ] || fail "config $args: exit $status, $stderr"
		assert_equal "$output" ""
		assert_one_line "tsmctl config --help"
	done
}
