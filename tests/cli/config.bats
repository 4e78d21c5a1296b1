#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2030,SC2031,SC2154
# tsmctl config: where each value is from, and all mistakes of documents.
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

# drop_in NAME ENTRIES [MORE]: writes one, as config does.
drop_in() { printf '{ "version": 1, %s "devices": [ %s ] }\n' "${3:-}" "$2" > "$D/$1"; }

# bad NAME: a document of several lines, from standard input; its path is in $BAD.
bad() {
	BAD=$BATS_TEST_TMPDIR/$1
	cat > "$BAD"
}

KEYS='["device", "file", "entry", "selector", "key", "value", "overridden_by", "note"]'
# by key, value, and what overrides it
VALUES='[[x["file"].split("/")[-1], x["entry"], x["key"], x["value"], x["overridden_by"] and [x["overridden_by"]["file"].split("/")[-1], x["overridden_by"]["entry"]]] for x in r if x["key"]]'

@test "config show: each value with its document and entry, and what overrides it" {
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
	assert_envelope "all(list(x) == $KEYS for x in r)" true 'd["changed"]' false \
		'any(x["device"] for x in r)' false \
		"$VALUES" '[["config.json", null, "default_region_mode", "shared", ["10.json", null]], ["config.json", "devices[0]", "region_mode", "exclusive", ["05.json", "devices[0]"]], ["config.json", "devices[1]", "tdi_id", "0000:00:05.0", ["10.json", "devices[0]"]], ["config.json", "devices[1]", "assigned", true, null], ["config.json", "devices[1]", "tsm", null, null], ["05.json", "devices[0]", "region_mode", "shared", null], ["10.json", null, "default_region_mode", "exclusive", null], ["10.json", "devices[0]", "tdi_id", null, null]]' \
		'[x["selector"] for x in r if x["file"].endswith("05.json")]' '[null, "8086:10C9", "8086:10C9"]'
}

@test "config show: what overrides an entry for one device is what apply takes for it, patterns as well" {
	config '{ "device": "01:00.0", "tdi_id": "00:01.0", "bar_mmap": "revoke" },
		{ "device": "0000:0[12]:*", "tdi_id": "00:02.0" }, { "device": "0000:0?:*", "tdi_id": "00:03.0" }'
	run_split tsmctl config show --json
	# the two globs override each other for some devices only
	json_is "$VALUES" '[["config.json", "devices[0]", "bar_mmap", "revoke", null], ["config.json", "devices[0]", "tdi_id", "0000:00:01.0", ["config.json", "devices[2]"]], ["config.json", "devices[1]", "tdi_id", "0000:00:02.0", null], ["config.json", "devices[2]", "tdi_id", "0000:00:03.0", null]]'
	run kernel tsmctl apply 01:00.0
	assert_success
	assert_equal "$(policy 0000:01:00.0 tdi_id)" 0000:00:03.0
}

@test "config show DEVICE: what counts for it and where that is from, by any selector" {
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
	assert_envelope "all(list(x) == $KEYS for x in r)" true \
		'[[x["device"], x["key"], x["value"]] for x in r if not x["overridden_by"]]' \
		'[["0000:01:00.0", "bind_allowed", true], ["0000:01:00.0", "tdi_id", "0000:00:05.0"], ["0000:02:00.0", "bind_allowed", true]]'
}

@test "config show DEVICE: what it shows as counting is what apply does" {
	config '{ "device": "all", "bind_allowed": false, "region_mode": "shared", "bar_mmap": "revoke" },
		{ "device": "01:00.0", "tdi_id": "00:05.0", "bar_mmap": "refuse" }' '"default_region_mode": "shared",'
	drop_in 10.json '{ "device": "0000:01:*", "region_mode": "exclusive", "guest_requests": "info" }'
	run_split tsmctl config show --json 01:00.0
	wanted=$(ask_json '"\n".join(x["key"] + " " + str(x["value"]) for x in r if x["key"] and not x["overridden_by"])')
	run kernel tsmctl apply
	assert_success
	# a later document that does not have the key leaves it as it is
	assert_equal "$(cat "$CFG/default_region_mode")" shared
	assert_equal "$wanted" "region_mode $(policy 0000:01:00.0 region_mode)
bar_mmap $(policy 0000:01:00.0 bar_mmap)
bind_allowed $([ "$(policy 0000:01:00.0 bind_allowed)" = 0 ] && echo False)
guest_requests $(policy 0000:01:00.0 guest_requests)
tdi_id $(policy 0000:01:00.0 tdi_id)"
}

@test "config show DEVICE: one that is absent, unnamed, another one, or of which 'all' says nothing" {
	config '{ "device": "all", "bind_allowed": false }, { "device": "42:00.0", "assigned": true },
		{ "device": "01:00.0", "id": "144d:a80a" }, { "device": "04:00.0", "bind_allowed": true }'
	fake_device 0000:03:00.0 nvme
	fake_device 0000:04:00.0 nvme
	fake_policy 0000:04:00.0
	run_split tsmctl config show 42:00.0 01:00.0 03:00.0 04:00.0
	assert_success
	assert_line --index 2 "  assigned            true, from $TSMCTL_ETC/config.json: devices[1] (42:00.0)"
	assert_line --index 3 "  note: the device is not present"
	assert_line "  note: another device has this address: 8086:10c9 instead of 144d:a80a; apply refuses it"
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
	assert_envelope r '[]' 'e[0]["device"]' 0000:43:00.0
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
	assert_equal "$(cat "$FAKE_LOG")" ""
	chmod 000 "$TSMCTL_ETC/config.json"
	for action in show check; do
		run_restricted tsmctl config $action
		assert_equal "$status" 4
		assert_one_line "cannot read $TSMCTL_ETC/config.json: Permission denied"
	done
}

@test "config: no configuration, a file that others can write: the error is that of apply" {
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

@test "config check: every mistake of a document, each with line, column, key and cause" {
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
6:15: devices[4].device: '"'all' is"
	run_split tsmctl config check --json - < "$BAD"
	assert_equal "$status" 2
	assert_envelope r '[]' 'len(e)' 10 '{x["value"] for x in e} == {"<stdin>"}' true \
		'[e[0]["attribute"], e[8]["attribute"]]' '["more", "devices[3]"]' \
		'{(x["errno"], x["stage"]) for x in e} == {("EINVAL", "config")}' true
	# apply has the first of them, and nothing else
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
	# show does not show half of it
	run_split tsmctl config show
	assert_equal "$status" 2
	assert_equal "$output" ""
	assert_one_line config.json:1:64
}

@test "config check: of very many mistakes in one document, 100 and a last word" {
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

@test "config check: valid documents, with a note on what has no effect now" {
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
	assert_envelope "all(list(x) == $KEYS for x in r)" true 'any(x["key"] for x in r)' false \
		'[x["entry"] for x in r if x["note"]]' '["devices[0]", "devices[0]", "devices[1]", "devices[0]", "devices[1]", null]'
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

@test "config: names of files and selectors cannot write to the terminal" {
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
