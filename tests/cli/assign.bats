#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2013,SC2016,SC2030,SC2031,SC2154
# tsmctl assign and release. FIFOs in the place of attributes play the kernel's part:
# tsmctl cannot open the next one before the player does.
bats_require_minimum_version 1.5.0
load helpers

setup() {
	fake_host
	fake_driver vfio-pci-tsm
	fake_driver e1000e
	DEV=$SYS/devices/pci0000:00/0000:01:00.0
	LOG=$BATS_TEST_TMPDIR/log
}

teardown() {
	[ -n "${PLAYER:-}" ] || return 0
	pkill -P "$PLAYER" || true
	kill "$PLAYER" 2> /dev/null || true
}

# fifo FILE...: puts a FIFO in the place of each FILE.
fifo() { local f; for f; do rm -f "$f"; mkfifo "$f"; done; }

# play COMMANDS: runs them in the background, as the kernel.
play() {
	eval "play_now() { $1; }"
	play_now > "$LOG" 2>&1 3>&- &
	PLAYER=$!
}

# played: waits for the end of the play; a command that has not run by then is a failure.
played() {
	gone() { ! kill -0 "$PLAYER" 2> /dev/null; }
	until_true gone || fail "left over in the play; so far: $(< "$LOG")"
}

# took FILE: prints what tsmctl writes to a FIFO.
took() { printf '%s=' "${1##*/}"; cat "$1"; }

@test "assign: sets driver_override, detaches the driver and probes, in this order" {
	fake_device 0000:01:00.0 e1000e
	fake_policy 0000:01:00.0
	fifo "$DEV/driver_override" "$SYS"/bus/pci/drivers/{e1000e/unbind,../drivers_probe}
	play 'echo "(null)" > $DEV/driver_override
		took $DEV/driver_override
		took $SYS/bus/pci/drivers/e1000e/unbind
		fake_set_driver 0000:01:00.0 vfio-pci-tsm
		took $SYS/bus/pci/drivers_probe'
	run_split timeout 60 tsmctl assign 01:00.0 --json
	assert_success
	assert_golden assign
	played
	assert_equal "$(< "$LOG")" "driver_override=vfio-pci-tsm
unbind=0000:01:00.0
drivers_probe=0000:01:00.0"
}

@test "assign: leaves a device alone that is assigned" {
	fake_assigned 0000:01:00.0
	before=$(snapshot)
	run_split tsmctl assign 01:00.0 --json
	assert_success
	assert_golden assign-again
	assert_equal "$(snapshot)" "$before"
}

@test "assign: --dry-run changes nothing and shows every step" {
	fake_device 0000:01:00.0 e1000e
	before=$(snapshot)
	run_split tsmctl assign 01:00.0 --dry-run
	assert_success
	assert_output "0000:01:00.0: would set driver vfio-pci-tsm (now e1000e)"
	assert_equal "$(printf '%s\n' "$stderr" | wc -l)" 4
	for part in "would create $CFG/0000:01:00.0" "to $SYS/bus/pci/devices/0000:01:00.0/driver_override" "to $SYS/bus/pci/drivers/e1000e/unbind" \
		"to $SYS/bus/pci/drivers_probe"; do
		[[ $stderr == *"$part"* ]] || fail "no $part in $stderr"
	done
	assert_equal "$(snapshot)" "$before"
}

@test "assign: fails with exit 5 without the driver, and without an IOMMU" {
	fake_device 0000:01:00.0 e1000e
	before=$(snapshot)
	rm -r "$SYS/bus/pci/drivers/vfio-pci-tsm"
	run_split tsmctl assign 01:00.0
	assert_equal "$status" 5
	assert_one_line 0000:01:00.0 "not loaded" "tsmctl load"
	fake_driver vfio-pci-tsm
	rm "$DEV/iommu_group"
	run_split tsmctl assign 01:00.0 --json
	assert_equal "$status" 5
	assert_envelope
	assert_equal "$(errors stage)" iommu
	ln -s ../../../kernel/iommu_groups/7 "$DEV/iommu_group"
	assert_equal "$(snapshot)" "$before"
}

@test "assign: refuses a bridge before anything is changed; globs leave bridges out" {
	fake_device 0000:00:01.0 pcieport
	fake_policy 0000:00:01.0
	echo 0x060400 > "$SYS/bus/pci/devices/0000:00:01.0/class"
	before=$(snapshot)
	for option in --verbose --dry-run --force; do
		run_split tsmctl assign 00:01.0 --json $option
		assert_equal "$status" 5
		assert_equal "$(errors "stage errno")" "bridge EOPNOTSUPP"
	done
	run_split tsmctl assign 00:01.0
	assert_one_line 0000:00:01.0 "it is a bridge" "tsmctl list --tree"
	for selector in '0000:00:*' 8086:10c9 driver=pcieport; do
		run_split tsmctl assign "$selector" --dry-run
		assert_equal "$status" 3
	done
	# the type of its header counts, if it can be read
	fake_assigned 0000:00:02.0
	fake_set_driver 0000:00:02.0 e1000e
	before=$(snapshot)
	printf '%14s\x81' "" > "$SYS/bus/pci/devices/0000:00:02.0/config"
	run_split tsmctl assign 00:02.0 --dry-run
	assert_equal "$status" 5
	printf '%14s\x80' "" > "$SYS/bus/pci/devices/0000:00:02.0/config"
	run_split tsmctl assign '0000:00:*' --dry-run --json
	assert_success
	assert_equal "$(results device attribute=driver)" 0000:00:02.0
}

@test "apply, diff: an entry for the address of a bridge fails; other entries leave it out" {
	export TSMCTL_ETC=$BATS_TEST_TMPDIR/etc
	mkdir -m 755 "$TSMCTL_ETC"
	fake_device 0000:00:01.0 pcieport
	fake_policy 0000:00:01.0
	echo 0x060400 > "$SYS/bus/pci/devices/0000:00:01.0/class"
	before=$(snapshot)
	config '{ "device": "00:01.0", "assigned": true }'
	run_split tsmctl apply --dry-run
	assert_equal "$status" 5
	assert_one_line 0000:00:01.0 "it is a bridge"
	run_split tsmctl apply
	assert_equal "$status" 5
	run_split tsmctl diff
	assert_equal "$status" 8
	assert_line "0000:00:01.0: note: apply will fail: it is a bridge, which cannot be assigned"
	for selector in '0000:00:*' 8086:10c9; do
		config "{ \"device\": \"$selector\", \"assigned\": true }"
		run_split tsmctl apply
		assert_success
		assert_output ""
	done
}

@test "assign: a note names the functions of the IOMMU group that have host drivers" {
	fake_device 0000:01:00.0
	fake_policy 0000:01:00.0
	fake_device 0000:01:00.1 e1000e
	fake_device 0000:00:1c.0 pcieport
	fake_device 0000:05:00.0 nvme 8086 1 9
	echo 0x060400 > "$SYS/bus/pci/devices/0000:00:1c.0/class"
	fifo "$SYS/bus/pci/drivers_probe"
	play 'until grep -q vfio $DEV/driver_override; do :; done
		fake_set_driver 0000:01:00.0 vfio-pci-tsm
		took $SYS/bus/pci/drivers_probe'
	run_split timeout 60 tsmctl assign 01:00.0 --json
	assert_success
	assert_golden assign-group
}

@test "assign: refuses a VFIO device that is open, and names the process" {
	fake_device 0000:01:00.0 vfio-pci
	mkdir -p "$DEV/vfio-dev/vfio0"
	fake_policy 0000:01:00.0 open
	policy 0000:01:00.0 owner $$
	before=$(snapshot)
	run_split tsmctl assign 01:00.0
	assert_equal "$status" 6
	assert_one_line 0000:01:00.0 "process $$ ($(cat /proc/$$/comm))"
	assert_equal "$(snapshot)" "$before"
}

@test "release: succeeds if no driver takes the device, and fails if the same driver does" {
	fake_assigned 0000:01:00.0
	echo vfio-pci-tsm > "$DEV/driver_override"
	run_split tsmctl release 01:00.0
	assert_equal "$status" 6
	assert_one_line "took it again"

	echo vfio-pci-tsm > "$DEV/driver_override"
	fifo "$SYS/bus/pci/drivers_probe"
	play 'until ! grep -q vfio $DEV/driver_override; do :; done
		fake_set_driver 0000:01:00.0
		took $SYS/bus/pci/drivers_probe'
	run_split timeout 60 tsmctl release 01:00.0 --json
	assert_success
	assert_golden release-without-driver
}

@test "release: refuses an open device with exit 6, and names the process" {
	fake_assigned 0000:01:00.0 open
	policy 0000:01:00.0 owner $$
	before=$(snapshot)
	run_split tsmctl release 01:00.0
	assert_equal "$status" 6
	assert_one_line 0000:01:00.0 "process $$ (" "stop that process first"
	policy 0000:01:00.0 owner none
	run_split tsmctl release 01:00.0 --json
	assert_equal "$status" 6
	assert_envelope
	assert_equal "$(errors errno)" EBUSY
	policy 0000:01:00.0 owner $$
	assert_equal "$(snapshot)" "$before"
}

@test "release: leaves a device alone that is not assigned; --dry-run changes nothing" {
	fake_device 0000:01:00.0 e1000e
	fake_assigned 0000:02:00.0
	before=$(snapshot)
	run_split tsmctl release 01:00.0 --json
	assert_success
	assert_golden release-again
	run_split tsmctl release 02:00.0 --dry-run --json
	assert_success
	assert_changed true
	run_split tsmctl release all --forget --dry-run
	assert_success
	[[ $stderr == *"would remove"* ]]
	assert_equal "$(snapshot)" "$before"
}

@test "release: --forget removes the directory in configfs, even of an absent device" {
	mkdir "$CFG/0000:09:00.0"
	run_split tsmctl release --forget 09:00.0 --json
	assert_success
	assert_changed true
	refute [ -e "$CFG/0000:09:00.0" ]
}
