#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2013,SC2016,SC2030,SC2031,SC2154
# tsmctl apply and save. fake-kernel.c plays the kernel's part.
# leaks: documents and plans are made of many parts
bats_require_minimum_version 1.5.0
load helpers

setup_file() { build_kernel; }

setup() {
	fake_configured_host
	for i in 1 2 3; do fake_capable "0000:0$i:00.0"; done
}

# files DIR: its files, with hidden ones.
files() { find "$1" -mindepth 1 -maxdepth 1 -printf '%f\n' | LC_ALL=C sort | xargs; }

driver() { basename "$(readlink "$SYS/bus/pci/devices/$1/driver")"; }
connected() { cat "$SYS/bus/pci/devices/$1/tsm/connect"; }

# wipe: undoes everything that apply can do.
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

@test "apply: sets policy before the driver, and the TSM last; a second run changes nothing" {
	config "$everything" '"default_region_mode": "shared",'
	run_split kernel tsmctl apply --json
	assert_success
	assert_golden apply-everything
	assert_equal "$(< "$FAKE_LOG")" "/kernel/config/vfio_tsm/default_region_mode shared
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
	assert_golden apply-again
	run_split kernel tsmctl apply
	assert_success
	assert_output ""
	assert_equal "$stderr" ""
	assert_equal "$(snapshot)" "$before"
}

@test "apply: leaves settings alone that no document has" {
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
	assert_equal "$(< "$SYS/bus/pci/devices/0000:01:00.0/driver_override")" "(null)"
	assert_equal "$(connected 0000:01:00.0)" ""
}

@test "apply: takes each setting of a device from the last entry that selects it and has the setting" {
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

@test "apply: drop-ins override config.json in the order of their names; other files are ignored" {
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
	# one file with a mistake stops all of it
	echo '{"version":1,"default_region_mode":"shared"' > "$TSMCTL_ETC/config.d/90.json"
	run_split kernel tsmctl apply
	assert_equal "$status" 2
	assert_one_line "$TSMCTL_ETC/config.d/90.json:2:1: " "ends too early"
}

@test "apply: changes only the devices given; --file names another document, - standard input" {
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
	assert_equal "$(results "device attribute value")" "0000:03:00.0 tdi_id 0000:00:08.0"
	refute [ -e "$CFG/0000:01:00.0" ]
}

@test "apply: an absent device gets its policy, and its driver and TSM once it is there" {
	config '{ "device": "0000:42:00.0", "assigned": true, "tsm": "tsm0", "tdi_id": "00:05.0" },
		{ "device": "0000:43:*", "assigned": true }'
	run_split kernel tsmctl apply --json
	assert_success
	assert_golden apply-absent
	assert_equal "$(policy 0000:42:00.0 tdi_id)" 0000:00:05.0
	run_split kernel tsmctl apply --json
	assert_changed false
	# then it comes
	fake_device 0000:42:00.0 nvme
	fake_tsm_side 0000:42:00.0
	run_split kernel tsmctl apply 0000:42:00.0
	assert_success
	assert_equal "$(driver 0000:42:00.0)" vfio-pci-tsm
	assert_equal "$(connected 0000:42:00.0)" tsm0
}

@test "apply: rolls a device back that fails, goes on with the others, and exits with 7" {
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
	assert_golden apply-rolled-back
}

@test "apply: a roll-back at any step restores the driver and the former policy" {
	fake_policy 0000:01:00.0
	policy 0000:01:00.0 region_mode shared
	policy 0000:01:00.0 tdi_id 0000:00:01.0
	config "$everything"
	before=$(snapshot)
	for place in '*/region_mode' '*/bar_mmap' '*/bind_allowed' '*/guest_requests' '*/tdi_id' '*/driver_override' \
		'*/nvme/unbind' '*/tsm/connect'; do
		FAKE_REFUSE="$place=* 5" run_split kernel tsmctl apply --json
		assert_equal "$status" 1
		assert_changed false
		assert_equal "$(errors device | wc -l)" 1
		rm -r "$RUN"
		assert_equal "$(snapshot)" "$before"
	done
	# the driver takes nothing
	rm -r "$SYS/bus/pci/drivers/nvme"
	FAKE_REFUSE='*/driver_override=vfio-pci-tsm 1' run_split kernel tsmctl apply
	assert_equal "$status" 4
}

@test "apply: a roll-back that fails is an error of its own" {
	config "$everything"
	export FAKE_REFUSE='*/@(connect=tsm0|bind_allowed=1) 5'
	run_split kernel tsmctl apply --json
	assert_equal "$status" 1
	assert_golden apply-not-put-back
	# the device has lost its TSM, and has no other
	config '{ "device": "01:00.0", "tsm": "tsm1" }'
	echo tsm0 > "$SYS/bus/pci/devices/0000:01:00.0/tsm/connect"
	FAKE_REFUSE='*/connect=tsm[01] 5' run_split kernel tsmctl apply --json
	assert_equal "$status" 1
	assert_equal "$(connected 0000:01:00.0)" ""
	assert_golden apply-no-tsm-left
}

@test "apply: refuses to change a device in use with exit 6, and succeeds if it needs no change" {
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
	assert_equal "$(errors value)" bound
	assert_equal "$(policy 0000:01:00.0 bind_allowed)" 1
}

@test "apply: --prune releases, disconnects and forgets only devices that no document names" {
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
	assert_changed false
}

@test "apply: a mistake in a document is exit 2, with file, line, column and path" {
	before=$(snapshot)
	while IFS='|' read -r place what text; do
		printf '%b' "$text" > "$TSMCTL_ETC/config.json"
		run_split kernel tsmctl apply
		[ "$status" -eq 2 ] || fail "$text gave exit $status"
		assert_one_line "$TSMCTL_ETC/config.json:$place: $what" "tsmctl-config(5)"
		run_split kernel tsmctl diff --json
		[ "$status" -eq 2 ] || fail "$text gave exit $status"
		assert_envelope
		assert_equal "$(errors stage)" config
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
		2:2|devices[1]: an entry must be an object|{"version": 1, "devices": [{"device": "all"},\n 5]}
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

@test "apply: changes nothing without a configuration, or with one that is unreadable or not trusted" {
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
	# a link is followed in a directory that only its owner can write to
	mv "$TSMCTL_ETC/config.json" "$BATS_TEST_TMPDIR/real.json"
	ln -s "$BATS_TEST_TMPDIR/real.json" "$TSMCTL_ETC/config.json"
	run_split kernel tsmctl diff
	assert_equal "$status" 8
	mkdir "$BATS_TEST_TMPDIR/shared"
	chmod 1777 "$BATS_TEST_TMPDIR/shared"
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

@test "apply: without vfio_tsm, policy fails with exit 5, and a connection is still made" {
	rm -r "$CFG"
	config '{ "device": "01:00.0", "region_mode": "shared" }, { "device": "02:00.0", "tsm": "tsm0" }'
	run_split kernel tsmctl apply
	assert_equal "$status" 7
	assert_one_line "vfio_tsm is not loaded" "tsmctl load"
	assert_equal "$(connected 0000:02:00.0)" tsm0
	run_split kernel tsmctl save
	assert_equal "$status" 5
}

@test "save: apply restores what was saved, and a second save writes the same bytes" {
	config "$everything, { \"device\": \"02:00.0\", \"assigned\": true },
		{ \"device\": \"03:00.0\", \"tsm\": \"tsm0\" },
		{ \"device\": \"0000:42:00.0\", \"bind_allowed\": false },
		{ \"device\": \"0000:43:00.0\", \"guest_requests\": \"info\" }" '"default_region_mode": "shared",'
	run kernel tsmctl apply
	assert_success
	run_split kernel tsmctl save --file "$TSMCTL_ETC/one.json" --json
	assert_success
	assert_changed true
	assert_envelope
	assert_golden_in "$TSMCTL_ETC/one.json" apply-saved
	cp "$TSMCTL_ETC/one.json" "$TSMCTL_ETC/config.json"
	wipe
	run_split kernel tsmctl save --file -
	assert_golden apply-saved-nothing
	run kernel tsmctl apply
	assert_success
	run_split kernel tsmctl save --file "$TSMCTL_ETC/two.json"
	assert_success
	cmp "$TSMCTL_ETC/one.json" "$TSMCTL_ETC/two.json"
	run_split kernel tsmctl diff
	assert_success
}

@test "save: reports no change for the same content, keeps the former file, writes nothing with --dry-run" {
	run_split kernel tsmctl save
	assert_success
	assert_output "config $TSMCTL_ETC/config.json
note: written"
	first=$(< "$TSMCTL_ETC/config.json")
	run_split kernel tsmctl save --json
	assert_changed false
	refute [ -e "$TSMCTL_ETC/config.json.old" ]
	run kernel tsmctl mode 01:00.0 shared
	run_split tsmctl save --dry-run
	assert_success
	assert_line "would set config $TSMCTL_ETC/config.json"
	[[ $stderr == *"would write $TSMCTL_ETC/config.json"* ]] || fail "$stderr"
	assert_equal "$(< "$TSMCTL_ETC/config.json")" "$first"
	assert_equal "$(files "$TSMCTL_ETC")" config.json
	run_split kernel tsmctl save --json
	assert_changed true
	assert_equal "$(< "$TSMCTL_ETC/config.json.old")" "$first"
	assert_equal "$(files "$TSMCTL_ETC")" "config.json config.json.old"
	assert_equal "$(stat -c %a "$TSMCTL_ETC/config.json")" 644
}

@test "save: after a loss of power at any point, the file is the old one or the new one" {
	local n seen=""

	run kernel tsmctl save
	old=$(< "$TSMCTL_ETC/config.json")
	run kernel tsmctl mode 01:00.0 shared
	new=$(tsmctl save --file -)
	[ "$new" != "$old" ]
	for ((n = 1; n < 40; n++)); do
		rm -f "$TSMCTL_ETC"/.[a-z]* "$TSMCTL_ETC/config.json.old"
		printf '%s\n' "$old" > "$TSMCTL_ETC/config.json"
		POWER_CUT=$n run_split kernel tsmctl save
		case $(< "$TSMCTL_ETC/config.json") in
		"$old") seen+="o" ;;
		"$new") seen+="n" ;;
		*) fail "after change $n: $(< "$TSMCTL_ETC/config.json")" ;;
		esac
		[ "$status" -eq 137 ] || break
		# the files that are left do not stop the next one
		run_split kernel tsmctl save
		assert_success
		assert_equal "$(< "$TSMCTL_ETC/config.json")" "$new"
		# the lock may be left, if nothing was left to write
		files=$(files "$TSMCTL_ETC")
		assert_equal "${files#.config.json.lock }" "config.json config.json.old"
	done
	assert_success
	[[ $seen =~ ^o{5,}n+$ ]] || fail "old and new: $seen"
}

@test "save: a full disk or a place that cannot be written is an error with a hint" {
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

@test "apply: --dry-run shows once for each device that its directory would be created" {
	config "$everything, { \"device\": \"02:00.0\", \"tdi_id\": \"00:06.0\", \"bind_allowed\": false }"
	run_split kernel tsmctl apply --dry-run
	assert_success
	assert_equal "$(grep "would create" <<< "$stderr")" "tsmctl: would create $CFG/0000:01:00.0
tsmctl: would create $CFG/0000:02:00.0"
}
