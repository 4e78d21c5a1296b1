#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2013,SC2016,SC2030,SC2031,SC2154
# tsmctl apply and save, with the kernel's part played by fake-kernel.c.
bats_require_minimum_version 1.5.0
load helpers

setup_file() { build_kernel; }

setup() {
	fake_configured_host
	for i in 1 2 3; do fake_capable "0000:0$i:00.0"; done
}

# files DIR: what is in it, hidden files as well.
files() { find "$1" -mindepth 1 -maxdepth 1 -printf '%f\n' | LC_ALL=C sort | xargs; }

driver() { basename "$(readlink "$SYS/bus/pci/devices/$1/driver")"; }
connected() { cat "$SYS/bus/pci/devices/$1/tsm/connect"; }

# wipe: all that apply could have done, undone.
wipe() {
	local dev

	for dev in "$SYS"/devices/pci0000:00/*/; do
		dev=$(basename "$dev")
		fake_set_driver "$dev" nvme
		echo '(null)' > "$SYS/devices/pci0000:00/$dev/driver_override"
		echo > "$SYS/devices/pci0000:00/$dev/tsm/connect"
	done
	rm -rf "${CFG:?}"/0*
	echo exclusive > "$CFG/default_region_mode"
}

everything='{ "device": "0000:01:00.0", "assigned": true, "region_mode": "exclusive",
	"bar_mmap": "revoke", "bind_allowed": false, "guest_requests": "none", "tdi_id": "00:05.0",
	"tsm": "tsm0" }'

@test "apply: every setting, policy before the driver, the TSM last; twice changes nothing" {
	config "$everything" '"default_region_mode": "shared",'
	run_split kernel tsmctl apply --json
	assert_success
	assert_envelope 'd["changed"]' true \
		"all(list(x) == $OUTCOME_KEYS for x in r)" true \
		'[[x["attribute"], x["value"], x["previous"]] for x in r]' '[["default_region_mode", "shared", "exclusive"], ["region_mode", "exclusive", "default"], ["bar_mmap", "revoke", "refuse"], ["bind_allowed", "0", "1"], ["guest_requests", "none", "all"], ["tdi_id", "0000:00:05.0", "none"], ["driver", "vfio-pci-tsm", "nvme"], ["tsm", "tsm0", null]]'
	assert_equal "$(cat "$FAKE_LOG")" "/kernel/config/vfio_tsm/default_region_mode shared
/kernel/config/vfio_tsm/0000:01:00.0/tsm mkdir
/kernel/config/vfio_tsm/0000:01:00.0/tsm/region_mode exclusive
/kernel/config/vfio_tsm/0000:01:00.0/tsm/bar_mmap revoke
/kernel/config/vfio_tsm/0000:01:00.0/tsm/bind_allowed 0
/kernel/config/vfio_tsm/0000:01:00.0/tsm/guest_requests none
/kernel/config/vfio_tsm/0000:01:00.0/tsm/tdi_id 0000:00:05.0
/devices/pci0000:00/0000:01:00.0/driver_override vfio-pci-tsm
/bus/pci/drivers/nvme/unbind 0000:01:00.0
/bus/pci/drivers_probe 0000:01:00.0
/devices/pci0000:00/0000:01:00.0/tsm/connect tsm0"
	assert_equal "$(driver 0000:01:00.0)" vfio-pci-tsm

	before=$(snapshot)
	run_split kernel tsmctl apply --json
	assert_success
	json_is 'd["changed"]' false \
		r '[]'
	run_split kernel tsmctl apply
	assert_success
	assert_output ""
	assert_equal "$stderr" ""
	assert_equal "$(snapshot)" "$before"
}

@test "apply: only what the document says is touched" {
	fake_policy 0000:01:00.0
	policy 0000:01:00.0 tdi_id 0000:00:09.0
	config '{ "device": "01:00.0", "region_mode": "shared" }'
	run_split kernel tsmctl apply
	assert_success
	assert_output "0000:01:00.0: region_mode shared (was default)"
	assert_equal "$(policy 0000:01:00.0 tdi_id)" 0000:00:09.0
	assert_equal "$(driver 0000:01:00.0)" nvme
	assert_equal "$(wc -l < "$FAKE_LOG")" 1
}

@test "apply: null disconnects and clears, false releases and denies" {
	config "$everything"
	run kernel tsmctl apply
	assert_success
	config '{ "device": "01:00.0", "assigned": false, "tdi_id": null, "tsm": null }'
	run_split kernel tsmctl apply
	assert_success
	assert_output "0000:01:00.0: tdi_id none (was 0000:00:05.0)
0000:01:00.0: driver nvme (was vfio-pci-tsm)
0000:01:00.0: tsm none (was tsm0)"
	assert_equal "$(driver 0000:01:00.0)" nvme
	assert_equal "$(cat "$SYS/bus/pci/devices/0000:01:00.0/driver_override")" "(null)"
	assert_equal "$(connected 0000:01:00.0)" ""
}

@test "apply: selectors, and a later entry overrides an earlier one, setting by setting" {
	config '{ "device": "0000:0[12]:*", "region_mode": "exclusive", "bar_mmap": "revoke" },
		{ "device": "8086:10c9", "bind_allowed": false },
		{ "device": "02:00.0", "bar_mmap": "refuse", "bind_allowed": true },
		{ "device": "all", "tdi_id": "0x28" }'
	run_split kernel tsmctl apply
	assert_success
	for i in 1 2 3; do
		assert_equal "$(policy "0000:0$i:00.0" tdi_id)" 0000:00:05.0
	done
	assert_equal "$(policy 0000:01:00.0 region_mode)" exclusive
	assert_equal "$(policy 0000:02:00.0 region_mode)" exclusive
	assert_equal "$(policy 0000:03:00.0 region_mode)" default
	assert_equal "$(policy 0000:01:00.0 bar_mmap)" revoke
	assert_equal "$(policy 0000:02:00.0 bar_mmap)" refuse
	assert_equal "$(policy 0000:01:00.0 bind_allowed)" 0
	assert_equal "$(policy 0000:02:00.0 bind_allowed)" 1
	assert_equal "$(policy 0000:03:00.0 bind_allowed)" 0
}

@test "apply: drop-ins override config.json, in the order of their names; others are no drop-ins" {
	mkdir -m 755 "$TSMCTL_ETC/config.d"
	config '{ "device": "01:00.0", "tdi_id": "00:01.0", "bar_mmap": "revoke" }'
	echo '{"version":1,"devices":[{"device":"01:00.0","tdi_id":"00:03.0"}]}' > "$TSMCTL_ETC/config.d/20.json"
	echo '{"version":1,"devices":[{"device":"01:00.0","tdi_id":"00:02.0"}]}' > "$TSMCTL_ETC/config.d/10.json"
	echo 'x' | tee "$TSMCTL_ETC/config.d/30.json~" "$TSMCTL_ETC/config.d/.40.json" > "$TSMCTL_ETC/config.d/.json"
	run_split kernel tsmctl apply
	assert_success
	assert_equal "$(policy 0000:01:00.0 tdi_id)" 0000:00:03.0
	assert_equal "$(policy 0000:01:00.0 bar_mmap)" revoke
	rm "$TSMCTL_ETC/config.json" "$TSMCTL_ETC/config.d/20.json"
	run_split kernel tsmctl apply
	assert_success
	assert_equal "$(policy 0000:01:00.0 tdi_id)" 0000:00:02.0
	# one bad file, and nothing is done
	echo '{"version":1,"default_region_mode":"shared"' > "$TSMCTL_ETC/config.d/90.json"
	run_split kernel tsmctl apply
	assert_equal "$status" 2
	assert_one_line "$TSMCTL_ETC/config.d/90.json:2:1: " "ends too early"
}

@test "apply: with DEVICE only these; --file and standard input" {
	config '{ "device": "all", "bind_allowed": false }'
	run_split kernel tsmctl apply 02:00.0
	assert_success
	assert_output "0000:02:00.0: bind_allowed no (was yes)"
	refute [ -e "$CFG/0000:01:00.0" ]
	printf '{"version":1,"devices":[{"device":"03:00.0","tdi_id":"00:07.0"}]}' > "$BATS_TEST_TMPDIR/x"
	run_split kernel tsmctl apply --file "$BATS_TEST_TMPDIR/x"
	assert_output "0000:03:00.0: tdi_id 0000:00:07.0 (was none)"
	run_split kernel tsmctl apply -f - --json < <(sed s/07/08/ "$BATS_TEST_TMPDIR/x")
	assert_success
	json_is 'r[0]["value"]' 0000:00:08.0
	refute [ -e "$CFG/0000:01:00.0" ]
}

@test "apply: a device that is not there gets its policy; its driver waits for it" {
	config '{ "device": "0000:42:00.0", "assigned": true, "tsm": "tsm0", "tdi_id": "00:05.0" },
		{ "device": "0000:43:*", "assigned": true }'
	run_split kernel tsmctl apply --json
	assert_success
	json_is 'len(r)' 2 \
		'"wait" in r[1]["note"] and not r[1]["changed"]' true
	assert_equal "$(policy 0000:42:00.0 tdi_id)" 0000:00:05.0
	run_split kernel tsmctl apply --json
	json_is 'd["changed"]' false
	# then it comes
	fake_device 0000:42:00.0 nvme
	fake_tsm_side 0000:42:00.0
	run_split kernel tsmctl apply 0000:42:00.0
	assert_success
	assert_equal "$(driver 0000:42:00.0)" vfio-pci-tsm
	assert_equal "$(connected 0000:42:00.0)" tsm0
}

@test "apply: a device that cannot be finished is put back, the others go on: exit 7" {
	config "$everything, { \"device\": \"02:00.0\", \"tdi_id\": \"00:06.0\" }"
	before=$(cd "$SYS" && find . -path '*01:00.0*' -printf '%p %l\n' | sort; cat "$SYS/devices/pci0000:00/0000:01:00.0/driver_override")
	export FAKE_REFUSE='*/0000:01:00.0/tsm/connect=* 5'
	run_split kernel tsmctl apply
	assert_equal "$status" 7
	assert_one_line 0000:01:00.0 "cannot connect it to tsm0" "dmesg"
	assert_line "0000:02:00.0: tdi_id 0000:00:06.0 (was none)"
	assert_line "0000:01:00.0: note: rolled back"
	after=$(cd "$SYS" && find . -path '*01:00.0*' -printf '%p %l\n' | sort; cat "$SYS/devices/pci0000:00/0000:01:00.0/driver_override")
	assert_equal "$after" "$before"
	assert_equal "$(driver 0000:01:00.0)" nvme
	refute [ -e "$CFG/0000:01:00.0" ]
	run_split kernel tsmctl apply --json
	assert_equal "$status" 7
	assert_envelope 'd["changed"]' false \
		'[x["attribute"] for x in r]' '["driver", "tdi_id", "guest_requests", "bind_allowed", "bar_mmap", "region_mode"]' \
		'any(x["changed"] for x in r)' false
}

@test "apply: roll-back at each step restores what was there, policy of before as well" {
	fake_policy 0000:01:00.0
	policy 0000:01:00.0 region_mode shared
	policy 0000:01:00.0 tdi_id 0000:00:01.0
	config "$everything"
	before=$(snapshot)
	for place in '*/region_mode' '*/bar_mmap' '*/bind_allowed' '*/guest_requests' '*/tdi_id' '*/driver_override' \
		'*/nvme/unbind' '*/tsm/connect'; do
		FAKE_REFUSE="$place=* 5" run_split kernel tsmctl apply --json
		assert_equal "$status" 1
		json_is 'len(e)' 1 \
			'd["changed"]' false
		rm -r "$RUN"
		assert_equal "$(snapshot)" "$before"
	done
	# the driver takes nothing
	rm -r "$SYS/bus/pci/drivers/nvme"
	FAKE_REFUSE='*/driver_override=vfio-pci-tsm 1' run_split kernel tsmctl apply
	assert_equal "$status" 4
}

@test "apply: what cannot be put back is an error of its own" {
	config "$everything"
	export FAKE_REFUSE='*/@(connect=tsm0|bind_allowed=1) 5'
	run_split kernel tsmctl apply --json
	assert_equal "$status" 1
	json_is '[x["stage"] for x in e]' '["connect", "roll-back"]' \
		'd["changed"]' true \
		'e[1]["attribute"]' bind_allowed
	# nor that a device has lost its TSM, and has no other
	config '{ "device": "01:00.0", "tsm": "tsm1" }'
	echo tsm0 > "$SYS/bus/pci/devices/0000:01:00.0/tsm/connect"
	FAKE_REFUSE='*/connect=tsm[01] 5' run_split kernel tsmctl apply --json
	assert_equal "$status" 1
	assert_equal "$(connected 0000:01:00.0)" ""
	json_is '[[x["stage"], x["attribute"], x["value"]] for x in e]' \
		'[["connect", "tsm/connect", "tsm1"], ["roll-back", "tsm", "tsm0"]]' \
		'd["changed"]' true
}

@test "apply: a device in use is not touched: exit 6; with nothing to change it is fine" {
	fake_set_driver 0000:01:00.0 vfio-pci-tsm
	fake_policy 0000:01:00.0 open
	policy 0000:01:00.0 owner $$
	config '{ "device": "01:00.0", "assigned": true, "bind_allowed": true }'
	run_split kernel tsmctl apply
	assert_success
	config '{ "device": "01:00.0", "assigned": true, "bind_allowed": false }'
	before=$(snapshot)
	run_split kernel tsmctl apply
	assert_equal "$status" 6
	assert_one_line 0000:01:00.0 "process $$ ("
	run_split kernel tsmctl apply --prune --file - < <(echo '{"version":1}')
	assert_equal "$status" 7
	policy 0000:01:00.0 owner none
	policy 0000:01:00.0 state closed
	echo tsm0 > "$SYS/bus/pci/devices/0000:01:00.0/tsm/bound"
	run_split kernel tsmctl apply --json
	assert_equal "$status" 6
	json_is 'e[0]["value"]' bound
	assert_equal "$(policy 0000:01:00.0 bind_allowed)" 1
}

@test "apply: --prune releases, disconnects and forgets what no document names, nothing else" {
	config "$everything, { \"device\": \"02:00.0\", \"assigned\": true, \"tsm\": \"tsm0\" },
		{ \"device\": \"0000:42:00.0\", \"bind_allowed\": false }"
	run kernel tsmctl apply
	config "$everything"
	run_split kernel tsmctl apply
	assert_output ""
	run_split kernel tsmctl apply --prune
	assert_success
	assert_output "0000:02:00.0: driver nvme (was vfio-pci-tsm)
0000:02:00.0: tsm none (was tsm0)
0000:02:00.0: policy none (was kept)
0000:42:00.0: policy none (was kept)"
	assert_equal "$(files "$CFG")" "0000:01:00.0 default_region_mode"
	assert_equal "$(driver 0000:01:00.0)" vfio-pci-tsm
	run_split kernel tsmctl apply --prune --json
	json_is 'd["changed"]' false
}

@test "apply: mistakes in the document are exit 2, with file, line, column and path" {
	before=$(snapshot)
	while IFS='|' read -r place what text; do
		printf '%b' "$text" > "$TSMCTL_ETC/config.json"
		run_split kernel tsmctl apply
		[ "$status" -eq 2 ] || fail "$text gave exit $status"
		assert_one_line "$TSMCTL_ETC/config.json:$place: $what" "tsmctl-config(5)"
		run_split kernel tsmctl diff --json
		[ "$status" -eq 2 ] || fail "$text gave exit $status"
		assert_envelope 'e[0]["stage"]' config
	done <<- 'EOF'
		1:1|the document ends too early|
		1:15|this is not valid JSON|{"version": 1,}
		2:1|this is not valid JSON|{"version": 1}\n{}
		1:2|this is not valid JSON|{'version': 1}
		1:1|the key "version" is missing|{"devices": []}
		1:13|version: 2 is not a supported version|{"version": 2}
		1:13|version: "1" is not a supported version|{"version": "1"}
		1:1|the document must be an object|[]
		1:1|the document must be an object|null
		1:16|moed: unknown key|{"version": 1, "moed": 1}
		1:27|devices: it must be an array|{"version": 1, "devices": {}}
		1:39|default_region_mode: "default" is not a mode|{"version": 1, "default_region_mode": "default"}
		1:16|version: this key is there twice|{"version": 1, "version": 1}
		2:2|devices[1]: a device is an object|{"version": 1, "devices": [{"device": "all"},\n 5]}
		1:28|devices[0]: the key "device" is missing|{"version": 1, "devices": [{"tdi_id": null}]}
		1:39|devices[0].device: "nvme0" is not a device|{"version": 1, "devices": [{"device": "nvme0"}]}
		2:12|devices[0].tdi_id: 5 is not a TDI id|{"version": 1, "devices": [{"device": "all",\n "tdi_id": 5}]}
		2:9|devices[0].tsm: "tsm/0" is not a TSM|{"version": 1, "devices": [{"device": "all",\n "tsm": "tsm/0"}]}
		2:14|devices[0].assigned: "yes" is neither true nor false|{"version": 1, "devices": [{"device": "all",\n "assigned": "yes"}]}
		2:14|devices[0].bar_mmap: null is not an action|{"version": 1, "devices": [{"device": "all",\n "bar_mmap": null}]}
		2:20|devices[0].guest_requests: "some" is not a set of requests: none, info or all|{"version": 1, "devices": [{"device": "all",\n "guest_requests": "some"}]}
		2:20|devices[0].guest_requests: null is not a set of requests|{"version": 1, "devices": [{"device": "all",\n "guest_requests": null}]}
		2:17|devices[0].region_mode: "Shared" is not a mode|{"version": 1, "devices": [{"device": "all",\n "region_mode": "Shared"}]}
		2:2|devices[0].colour: unknown key|{"version": 1, "devices": [{"device": "all",\n "colour": "red"}]}
		2:2|devices[0].tsm: this key is there twice|{"version": 1, "devices": [{"device": "all", "tsm": null,\n "tsm": null}]}
		2:13|devices[1].device: '0000:01:00.0' already has an entry|{"version": 1, "devices": [{"device": "01:00.0"},\n {"device": "0000:01:00.0"}]}
	EOF
	rm "$TSMCTL_ETC/config.json"
	rm -rf "$RUN"
	assert_equal "$(snapshot)" "$before"
}

@test "apply: no configuration, an unreadable one, one of others: nothing is done" {
	run_split kernel tsmctl apply --prune
	assert_equal "$status" 1
	assert_one_line "no configuration" "tsmctl save"
	config '{ "device": "all", "bind_allowed": false }'
	chmod 664 "$TSMCTL_ETC/config.json"
	run_split kernel tsmctl apply
	assert_equal "$status" 4
	assert_one_line config.json "its mode is 0664, so others can write to it; chmod go-w"
	chmod 644 "$TSMCTL_ETC/config.json"
	chmod 777 "$TSMCTL_ETC"
	run_split kernel tsmctl apply --json
	assert_equal "$status" 4
	assert_envelope
	chmod 755 "$TSMCTL_ETC"
	# a link is followed in a directory of ours, not where others can write
	mv "$TSMCTL_ETC/config.json" "$BATS_TEST_TMPDIR/real.json"
	ln -s "$BATS_TEST_TMPDIR/real.json" "$TSMCTL_ETC/config.json"
	run_split kernel tsmctl diff
	assert_equal "$status" 8
	mkdir -m 1777 "$BATS_TEST_TMPDIR/shared"
	ln -s "$BATS_TEST_TMPDIR/real.json" "$BATS_TEST_TMPDIR/shared/config.json"
	run_split kernel tsmctl diff --file "$BATS_TEST_TMPDIR/shared/config.json"
	assert_equal "$status" 4
	assert_one_line "is a link where others can write"
	mkfifo "$TSMCTL_ETC/fifo"
	run_split timeout 60 env "PATH=$PATH" tsmctl diff --file "$TSMCTL_ETC/fifo"
	assert_equal "$status" 4
	run_split kernel tsmctl diff --file "$TSMCTL_ETC"
	assert_equal "$status" 4
	truncate -s 9M "$TSMCTL_ETC/huge"
	run_split kernel tsmctl diff --file "$TSMCTL_ETC/huge"
	assert_equal "$status" 1
	assert_one_line "too large"
	TSMCTL_ETC=relative run_split tsmctl apply
	assert_equal "$status" 2
	refute [ -e "$CFG/0000:01:00.0" ]
}

@test "apply: without vfio_tsm: policy is exit 5, a connection alone is made" {
	rm -r "$CFG"
	config '{ "device": "01:00.0", "region_mode": "shared" }, { "device": "02:00.0", "tsm": "tsm0" }'
	run_split kernel tsmctl apply
	assert_equal "$status" 7
	assert_one_line "vfio_tsm is not loaded" "tsmctl load"
	assert_equal "$(connected 0000:02:00.0)" tsm0
	run_split kernel tsmctl save
	assert_equal "$status" 5
}

@test "save: what there is; save, wipe, apply, save is the same, byte for byte" {
	config "$everything, { \"device\": \"02:00.0\", \"assigned\": true },
		{ \"device\": \"03:00.0\", \"tsm\": \"tsm0\" },
		{ \"device\": \"0000:42:00.0\", \"bind_allowed\": false },
		{ \"device\": \"0000:43:00.0\", \"guest_requests\": \"info\" }" '"default_region_mode": "shared",'
	run kernel tsmctl apply
	assert_success
	run_split kernel tsmctl save --file "$TSMCTL_ETC/one.json" --json
	assert_success
	assert_envelope 'd["changed"]' true
	cp "$TSMCTL_ETC/one.json" "$TSMCTL_ETC/config.json"
	wipe
	run_split kernel tsmctl save --file -
	assert_equal "$(python3 -c 'import json, sys; print(json.load(sys.stdin))' <<< "$output")" \
		"{'version': 1, 'default_region_mode': 'exclusive', 'devices': []}"
	run kernel tsmctl apply
	assert_success
	run_split kernel tsmctl save --file "$TSMCTL_ETC/two.json"
	assert_success
	cmp "$TSMCTL_ETC/one.json" "$TSMCTL_ETC/two.json"
	run_split kernel tsmctl diff
	assert_success
	assert_equal "$(python3 -c 'import json, sys; print([x["device"] for x in json.load(open(sys.argv[1]))["devices"]])' "$TSMCTL_ETC/two.json")" \
		"['0000:01:00.0', '0000:02:00.0', '0000:03:00.0', '0000:42:00.0', '0000:43:00.0']"
	run python3 -c 'import json, sys; print([x["guest_requests"] for x in json.load(open(sys.argv[1]))["devices"]])' "$TSMCTL_ETC/two.json"
	assert_output "['none', 'all', 'all', 'all', 'info']"
}

@test "save: the same again is no change; the file before stays as .old; --dry-run writes nothing" {
	run_split kernel tsmctl save
	assert_success
	assert_output "config $TSMCTL_ETC/config.json
note: written"
	first=$(cat "$TSMCTL_ETC/config.json")
	run_split kernel tsmctl save --json
	json_is 'd["changed"]' false
	refute [ -e "$TSMCTL_ETC/config.json.old" ]
	run kernel tsmctl mode 01:00.0 shared
	run_split tsmctl save --dry-run
	assert_success
	assert_line "would set config $TSMCTL_ETC/config.json"
	[[ $stderr == *"would write $TSMCTL_ETC/config.json"* ]] || fail "$stderr"
	assert_equal "$(cat "$TSMCTL_ETC/config.json")" "$first"
	assert_equal "$(files "$TSMCTL_ETC")" config.json
	run_split kernel tsmctl save --json
	json_is 'd["changed"]' true
	assert_equal "$(cat "$TSMCTL_ETC/config.json.old")" "$first"
	assert_equal "$(files "$TSMCTL_ETC")" "config.json config.json.old"
	assert_equal "$(stat -c %a "$TSMCTL_ETC/config.json")" 644
}

@test "save: without power at any change, the file is the old one or the new one" {
	local n seen=""

	run kernel tsmctl save
	old=$(cat "$TSMCTL_ETC/config.json")
	run kernel tsmctl mode 01:00.0 shared
	new=$(tsmctl save --file -)
	[ "$new" != "$old" ]
	for ((n = 1; n < 40; n++)); do
		rm -f "$TSMCTL_ETC"/.[a-z]* "$TSMCTL_ETC/config.json.old"
		printf '%s\n' "$old" > "$TSMCTL_ETC/config.json"
		POWER_CUT=$n run_split kernel tsmctl save
		case $(cat "$TSMCTL_ETC/config.json") in
		"$old") seen+="o" ;;
		"$new") seen+="n" ;;
		*) fail "after change $n: $(cat "$TSMCTL_ETC/config.json")" ;;
		esac
		[ "$status" -eq 137 ] || break
		# what is left over does not stop the next one
		run_split kernel tsmctl save
		assert_success
		assert_equal "$(cat "$TSMCTL_ETC/config.json")" "$new"
		# the lock may be left, if nothing was left to write
		files=$(files "$TSMCTL_ETC")
		assert_equal "${files#.config.json.lock }" "config.json config.json.old"
	done
	assert_success
	[[ $seen =~ ^o{5,}n+$ ]] || fail "old and new: $seen"
}

@test "save: a full disk, a missing directory, a directory in the way: exit, hint, old file" {
	run_split kernel tsmctl save --file "$BATS_TEST_TMPDIR/none/x.json"
	assert_equal "$status" 1
	assert_one_line "cannot write" "none/x.json" "make its directory"
	run_split kernel tsmctl save --file "$TSMCTL_ETC/"
	assert_equal "$status" 1
	run_split kernel tsmctl save x
	assert_equal "$status" 2
	run_split kernel tsmctl save --json --file -
	assert_equal "$status" 2
	run_split bash -c 'tsmctl save --file - > /dev/full'
	assert_equal "$status" 1
	assert_one_line "No space left on device"
	chmod 555 "$TSMCTL_ETC"
	run_restricted tsmctl save
	assert_equal "$status" 4
}

@test "apply: --dry-run shows once that the directory of a device is made" {
	config "$everything, { \"device\": \"02:00.0\", \"tdi_id\": \"00:06.0\", \"bind_allowed\": false }"
	run_split kernel tsmctl apply --dry-run
	assert_success
	assert_equal "$(grep "would create" <<< "$stderr")" "tsmctl: would create $CFG/0000:01:00.0
tsmctl: would create $CFG/0000:02:00.0"
}
