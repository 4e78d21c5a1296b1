#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2016,SC2030,SC2031,SC2154
# tsmctl apply, diff and assign refuse devices in use, and 'all' does not select the others.
bats_require_minimum_version 1.5.0
load helpers

setup_file() { build_kernel; }

setup() {
	fake_configured_host
	fake_tsm 1
	fake_capable 0000:01:00.0 tsm0
	DEV=$SYS/devices/pci0000:00/0000:01:00.0
}

teardown() {
	[ -z "${HOLDER:-}" ] || kill "$HOLDER" 2> /dev/null || true
}

# document ENTRIES: prints a configuration.
document() { printf '{ "version": 1, "devices": [ %s ] }\n' "$1"; }

# bound_function ADDR: a virtual function of 01:00.0 that is bound.
bound_function() {
	fake_device "$1" vfio-pci-tsm
	fake_tsm_side "$1"
	rm "$SYS/devices/pci0000:00/$1/tsm/connect"
	echo 0000:01:00.0 > "$SYS/devices/pci0000:00/$1/tsm/dsm"
	echo tsm0 > "$SYS/devices/pci0000:00/$1/tsm/bound"
}

@test "apply: refuses to change the TSM of a DSM one of whose functions is bound" {
	bound_function 0000:01:10.3
	before=$(snapshot)
	for entry in '"tsm": null' '"tsm": "tsm1"' '"tsm": null, "bind_allowed": false'; do
		run_split kernel tsmctl apply --file - < <(document "{ \"device\": \"01:00.0\", $entry }")
		[ "$status" -eq 6 ] || fail "$entry gave exit $status"
		assert_one_line 0000:01:00.0 0000:01:10.3
	done
	run_split kernel tsmctl apply --json --prune --file - < <(document '{ "device": "0000:01:10.3" }')
	assert_equal "$status" 7
	assert_golden in-use-dsm
	assert_equal "$(< "$FAKE_LOG")" ""
	# the rest of it may change
	run_split kernel tsmctl apply --file - < <(document '{ "device": "01:00.0", "tsm": "tsm0", "bind_allowed": false }')
	assert_success
	assert_equal "$(policy 0000:01:00.0 bind_allowed)" 0
}

@test "all: assigns or connects no ordinary device that only has policy; a second apply changes nothing" {
	fake_device 0000:05:00.0 nvme
	fake_device 0000:06:00.0 nvme
	default_driver 0000:06:00.0 nvme
	# present with policy, and absent with policy
	run kernel tsmctl deny 05:00.0 0000:42:00.0
	assert_success
	run_split kernel tsmctl assign all --json
	assert_success
	assert_equal "$(results device)" 0000:01:00.0
	run_split kernel tsmctl connect all --tsm tsm0 --json
	assert_success
	assert_equal "$(results device)" 0000:01:00.0
	fake_set_driver 0000:01:00.0 nvme
	echo '(null)' > "$DEV/driver_override"

	document '{ "device": "all", "assigned": true, "tsm": "tsm0", "bar_mmap": "revoke" },
		{ "device": "07:00.0", "bind_allowed": false },
		{ "device": "06:00.0", "bind_allowed": false }' > "$TSMCTL_ETC/config.json"
	fake_device 0000:07:00.0 nvme
	run_split kernel tsmctl diff --json
	assert_golden in-use-all
	run_split kernel tsmctl apply --json
	assert_success
	assert_golden in-use-all
	# neither apply nor --prune has more to do: "all" selects devices with policy
	run_split kernel tsmctl apply --json --prune
	assert_success
	assert_changed false
	for i in 5 6 7; do
		assert_equal "$(basename "$(readlink "$SYS/bus/pci/devices/0000:0$i:00.0/driver")")" nvme
		assert_equal "$(policy "0000:0$i:00.0" bar_mmap)" refuse
	done
	assert_equal "$(policy 0000:42:00.0 bind_allowed)" 0
}

@test "all: selects a device that another entry assigns, from the first apply on" {
	fake_device 0000:05:00.0 nvme
	default_driver 0000:05:00.0 nvme
	document '{ "device": "all", "bar_mmap": "revoke" }, { "device": "0000:05:*", "assigned": false },
		{ "device": "05:00.0", "assigned": true }' > "$TSMCTL_ETC/config.json"
	run_split kernel tsmctl apply
	assert_success
	assert_line "0000:05:00.0: bar_mmap revoke (was refuse)"
	assert_line "0000:05:00.0: driver vfio-pci-tsm (was nvme)"
	run_split kernel tsmctl diff
	assert_success
	run_split kernel tsmctl release all --forget --json
	assert_success
	assert_golden in-use-forget-all
}

# held NUMBER FILE: a device on vfio-pci, and a process that has FILE, of that NUMBER, open.
held() {
	fake_set_driver 0000:01:00.0 vfio-pci
	exec 9< "$2"
	sleep 60 > /dev/null 2>&1 3>&- &
	HOLDER=$!
	disown
	exec 9<&-
	is_sleep() { [ "$(< "/proc/$HOLDER/comm")" = sleep ]; }
	until_true is_sleep
}

@test "assign: finds the process that has a device of another VFIO driver open by the device number" {
	held 1:7 /dev/full
	mkdir -p "$DEV/vfio-dev/vfio5"
	echo 1:7 > "$DEV/vfio-dev/vfio5/dev"
	run_split kernel tsmctl assign 01:00.0
	assert_equal "$status" 6
	assert_one_line 0000:01:00.0 "process $HOLDER (sleep)"
	# by the number of its group
	echo 240:7 > "$DEV/vfio-dev/vfio5/dev"
	mkdir -p "$SYS/devices/virtual/vfio/7"
	echo 1:7 > "$SYS/devices/virtual/vfio/7/dev"
	run_split kernel tsmctl assign 01:00.0 --dry-run
	assert_equal "$status" 6
	# a number that no process has open
	echo 240:8 > "$SYS/devices/virtual/vfio/7/dev"
	run_split kernel tsmctl assign 01:00.0
	assert_success
}

@test "assign: finds the process that has a device of a UIO driver open" {
	held 1:7 /dev/full
	for driver in uio_pci_generic igb_uio; do
		fake_set_driver 0000:01:00.0 "$driver"
		mkdir -p "$DEV/uio/uio3"
		echo 1:7 > "$DEV/uio/uio3/dev"
		for option in --force --dry-run; do
			run_split kernel tsmctl assign 01:00.0 $option
			assert_equal "$status" 6
			assert_one_line 0000:01:00.0 "process $HOLDER (sleep)"
		done
	done
	echo 240:7 > "$DEV/uio/uio3/dev"
	run_split kernel tsmctl assign 01:00.0
	assert_success
}

@test "assign: does not take a plain file with the name of the device for the device" {
	unshare -Urm true 2> /dev/null || skip "no user namespaces"
	fake_set_driver 0000:01:00.0 vfio-pci
	mkdir -p "$DEV/vfio-dev/vfio5" "$SYS/devices/virtual/vfio/7"
	echo 240:7 | tee "$DEV/vfio-dev/vfio5/dev" > "$SYS/devices/virtual/vfio/7/dev"
	# shellcheck disable=SC2016
	unshare -Urm bash -c 'mount -t tmpfs none /dev && mkdir -p /dev/vfio/devices &&
		exec 8> /dev/vfio/7 9> /dev/vfio/devices/vfio5 && touch "$1/there" && exec sleep 60' \
		- "$BATS_TEST_TMPDIR" > /dev/null 2>&1 3>&- &
	HOLDER=$!
	disown
	until_true test -e "$BATS_TEST_TMPDIR/there" || skip "no mounts in a user namespace"
	run readlink "/proc/$HOLDER/fd/8"
	assert_output /dev/vfio/7
	run_split kernel tsmctl assign 01:00.0
	assert_success
}

# interrupted SIGNAL COMMAND...: runs COMMAND, which gets SIGNAL while the device has no driver.
interrupted() {
	local signal=$1 out=$BATS_TEST_TMPDIR/out

	shift
	rm "$SYS/bus/pci/drivers_probe"
	mkfifo "$SYS/bus/pci/drivers_probe"
	# a shell makes what it runs in the background ignore INT, and nohup HUP
	kernel env --default-signal=INT,HUP,TERM bash -c 'echo $$ > "$0"; exec "$@"' "$BATS_TEST_TMPDIR/pid" "$@" > "$out" 2> "$out.err" 3>&- &
	HOLDER=$!
	without_driver() { [ -s "$BATS_TEST_TMPDIR/pid" ] && ! [ -e "$DEV/driver" ]; }
	until_true without_driver
	kill -s "$signal" "$(< "$BATS_TEST_TMPDIR/pid")"
	cat "$SYS/bus/pci/drivers_probe" > /dev/null
	status=0
	wait "$HOLDER" || status=$?
	output=$(< "$out") stderr=$(< "$out.err")
}

@test "assign, release, apply: a signal takes effect when the device has a driver, and stops the rest" {
	fake_device 0000:02:00.0 nvme 8086 10c9 8
	default_driver 0000:02:00.0 nvme
	interrupted INT tsmctl assign 01:00.0 02:00.0
	assert_equal "$status" 130
	assert_output "0000:01:00.0: driver vfio-pci-tsm (was nvme)"
	assert_one_line 0000:02:00.0 "SIGINT" "1 of 2"
	assert_equal "$(basename "$(readlink "$SYS/bus/pci/devices/0000:02:00.0/driver")")" nvme
	interrupted TERM tsmctl release 01:00.0 --json
	assert_equal "$status" 143
	assert_golden in-use-release-signal
	document '{ "device": "0000:0[12]:*", "assigned": true, "bind_allowed": false }' > "$TSMCTL_ETC/config.json"
	interrupted HUP tsmctl apply --json
	assert_equal "$status" 129
	assert_golden in-use-apply-signal
}

@test "assign: a signal that the caller ignores stops nothing" {
	fake_assigned 0000:02:00.0
	interrupted HUP env --ignore-signal=HUP tsmctl assign 01:00.0 02:00.0
	assert_equal "$status" 0
	assert_equal "$stderr" ""
}

@test "release: restores driver_override and driver if it fails" {
	local place

	run kernel tsmctl assign 01:00.0
	assert_success
	before=$(snapshot)
	for place in '*/driver_override=' '*/driver_override=*' '*/vfio-pci-tsm/unbind=*'; do
		FAKE_REFUSE="$place 5" run_split kernel tsmctl release 01:00.0
		assert_equal "$status" 1
		assert_one_line 0000:01:00.0
		assert_equal "$(snapshot)" "$before"
	done
	# without a probe, the device is detached from the driver and no driver takes it
	FAKE_REFUSE='*/drivers_probe=* 1' run_split kernel tsmctl release 01:00.0 --json
	assert_equal "$status" 4
	assert_golden in-use-release-no-probe
	assert_equal "$(< "$DEV/driver_override")" vfio-pci-tsm
	# vfio-pci-tsm takes the device again without an override: the override comes back
	fake_set_driver 0000:01:00.0 vfio-pci-tsm
	echo vfio-pci-tsm > "$DEV/default_driver"
	before=$(snapshot)
	run_split kernel tsmctl release 01:00.0
	assert_equal "$status" 6
	assert_one_line "took it again"
	assert_equal "$(snapshot)" "$before"
}

@test "assign: restores driver_override and driver if the driver does not take the device" {
	: > "$SYS/bus/pci/drivers/vfio-pci-tsm/takes_nothing"
	fake_policy 0000:01:00.0
	before=$(snapshot)
	run_split kernel tsmctl assign 01:00.0
	assert_equal "$status" 1
	assert_one_line 0000:01:00.0 "did not take it" "dmesg"
	: > "$SYS/bus/pci/drivers_probe"
	assert_equal "$(snapshot)" "$before"
	assert_equal "$(grep -v configfs "$FAKE_LOG")" "/devices/pci0000:00/0000:01:00.0/driver_override vfio-pci-tsm
/bus/pci/drivers/nvme/unbind 0000:01:00.0
/bus/pci/drivers_probe 0000:01:00.0
/devices/pci0000:00/0000:01:00.0/driver_override 
/bus/pci/drivers_probe 0000:01:00.0"
}

@test "release: clears driver_override, detaches the driver and probes; the policy stays" {
	run kernel tsmctl assign 01:00.0
	: > "$FAKE_LOG"
	run_split kernel tsmctl release 01:00.0 --json
	assert_success
	assert_golden release
	assert_equal "$(< "$FAKE_LOG")" "/devices/pci0000:00/0000:01:00.0/driver_override 
/bus/pci/drivers/vfio-pci-tsm/unbind 0000:01:00.0
/bus/pci/drivers_probe 0000:01:00.0"
	assert [ -d "$CFG/0000:01:00.0" ]
}

@test "diff: shows a device in use, with the error that apply will report" {
	bound_function 0000:01:10.3
	run_split kernel tsmctl diff --json --file - < <(document '{ "device": "01:00.0", "tsm": null }')
	assert_equal "$status" 8
	assert_golden in-use-diff
	fake_set_driver 0000:01:00.0 vfio-pci-tsm
	fake_policy 0000:01:00.0 open
	policy 0000:01:00.0 owner $$
	run_split kernel tsmctl diff --file - < <(document '{ "device": "01:00.0", "bind_allowed": false }')
	assert_equal "$status" 8
	assert_line "0000:01:00.0: state open (unchanged)"
	assert_line "0000:01:00.0: note: apply will fail: cannot change it while process $$ ($(cat /proc/$$/comm)) uses it"
	# nothing differs, nothing to note
	run_split kernel tsmctl diff --file - < <(document '{ "device": "01:00.0", "bind_allowed": true }')
	assert_success
	assert_output ""
}

@test "apply: notes a device that is given by address and that no document names" {
	run_split kernel tsmctl apply 01:00.0 --file - < <(document '')
	assert_success
	assert_line "0000:01:00.0: note: no document names it: nothing is done"
	run_split kernel tsmctl apply 01:00.0 --quiet --file - < <(document '')
	assert_output ""
	# an absent device is a mistake, unless a document names it: it may come later
	for verb in apply diff; do
		run_split kernel tsmctl $verb 99:00.0 --file - < <(document '')
		[ "$status" -eq 3 ] || fail "$verb gave exit $status"
		assert_one_line 0000:99:00.0 "no such device"
	done
	run_split kernel tsmctl apply 99:00.0 --file - < <(document '{ "device": "99:00.0", "bind_allowed": false }')
	assert_success
	run_split kernel tsmctl apply 99:00.0 --file - < <(document '')
	assert_success
}

@test "devices: a vendor with a star is not a glob over addresses" {
	for device in '15b3:*' '8086:10c?' '10de:[12]*'; do
		run_split tsmctl list "$device"
		[ "$status" -eq 2 ] || fail "$device gave exit $status"
		run_split kernel tsmctl diff --file - < <(document "{ \"device\": \"$device\" }")
		[ "$status" -eq 2 ] || fail "$device gave exit $status in a document"
	done
	for device in '0000:*' '01:*' '0000:01*' '0000:0[12]:*'; do
		run_split tsmctl list "$device"
		[ "$status" -eq 0 ] || fail "$device gave exit $status"
	done
	# a domain may have this number
	run_split tsmctl list '15b3:*:*.*'
	assert_equal "$status" 3
}

@test "save: notes drop-ins that override the file" {
	mkdir -m 755 "$TSMCTL_ETC/config.d"
	document '{ "device": "01:00.0", "bind_allowed": false }' > "$TSMCTL_ETC/config.d/50.json"
	run_split kernel tsmctl save --json
	assert_success
	assert_golden save-drop-in
	run_split kernel tsmctl save --file "$TSMCTL_ETC/x.json" --json
	assert_equal "$(results value)" "$TSMCTL_ETC/x.json"
}
