#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2016,SC2030,SC2031,SC2154
# tsmctl prepare, and bind --prepare: mode, ID, driver and TSM together, or nothing.
bats_require_minimum_version 1.5.0
load helpers

setup_file() { build_kernel; }

setup() {
	fake_capable_host
	OTHER=$BATS_TEST_TMPDIR/other
	# tsmctl runs the helper in its own directory
	mkdir "$BATS_TEST_TMPDIR/bin"
	cp "$TSMCTL_BIN/tsmctl" "$BATS_TEST_TMPDIR/bin"
	PATH=$BATS_TEST_TMPDIR/bin:$PATH
}

teardown() {
	[ ! -e "$BATS_TEST_TMPDIR/helper.pid" ] || kill -KILL "$(< "$BATS_TEST_TMPDIR/helper.pid")" 2> /dev/null || true
}

prepare() { kernel tsmctl prepare "$@"; }

# helper LINE STATUS: a stand-in for the helper that prints this line. It is not part of a
# fake kernel.
helper() {
	cat > "$BATS_TEST_TMPDIR/bin/tsm-bind-helper" <<- EOF
		#!/bin/bash
		unset LD_PRELOAD
		echo \$\$ > "$BATS_TEST_TMPDIR/helper.pid"
		cat "$CFG/0000:01:00.0/tsm/tdi_id" > "$BATS_TEST_TMPDIR/seen"
		echo '$1'
		[ $2 -ne 0 ] || exec sleep 60
		exit $2
	EOF
	chmod +x "$BATS_TEST_TMPDIR/bin/tsm-bind-helper"
}
REFUSED='{"event":"error","device":"0000:01:00.0","step":"bind","errno":"EIO","stage":"tsm","message":"it broke","hint":"mend it"}'

# state: what prepare changes
state() {
	echo "$(basename "$(readlink "$DEV/driver")") $(< "$DEV/driver_override") $(< "$DEV/tsm/connect")" \
		"$([ ! -e "$CFG/0000:01:00.0" ] || echo "$(policy 0000:01:00.0 region_mode) $(policy 0000:01:00.0 tdi_id)")"
}

@test "prepare: sets the ID, assigns the device and connects it; a second run changes nothing" {
	run_split prepare 01:00.0 --tdi-id 00:05.0
	assert_success
	assert_equal "$stderr" ""
	assert_output "0000:01:00.0: tdi_id 0000:00:05.0 (was none)
0000:01:00.0: driver vfio-pci-tsm (was nvme)
0000:01:00.0: tsm tsm0 (was none)"
	assert_equal "$(state)" "vfio-pci-tsm vfio-pci-tsm tsm0 default 0000:00:05.0"
	before=$(snapshot)
	run_split prepare 01:00.0 --tdi-id 00:05.0
	assert_success
	assert_output "0000:01:00.0: state unassigned (unchanged)"
	assert_equal "$(snapshot)" "$before"
}

@test "prepare: sets exclusive regions if they are not the default, and leaves other policy alone" {
	echo shared > "$CFG/default_region_mode"
	run_split prepare 01:00.0
	assert_success
	assert_line "0000:01:00.0: region_mode exclusive (was default)"
	assert_line "0000:01:00.0: note: a bind would still be refused: tdi_id is none, and only a bind that names an iommufd vDEVICE can succeed; run 'tsmctl tdi-id 0000:01:00.0 ID' with the address that the guest sees"
	policy 0000:01:00.0 bind_allowed 0
	policy 0000:01:00.0 region_mode shared
	run_split prepare 01:00.0 --tdi-id 0x20
	assert_success
	assert_line "0000:01:00.0: region_mode exclusive (was shared)"
	assert_line "0000:01:00.0: note: a bind would still be refused: bind_allowed is 0; run 'tsmctl allow 0000:01:00.0'"
	assert_equal "$(policy 0000:01:00.0 bind_allowed)" 0
}

@test "prepare: the JSON has one result for each change" {
	run_split prepare 01:00.0 --tdi-id 00:05.0 --json
	assert_success
	assert_golden prepare
	run_split prepare 01:00.0 --tdi-id none --json
	assert_success
	assert_equal "$(results "attribute note" attribute=prepare)" \
		"prepare a bind would still be refused: tdi_id is none, and only a bind that names an iommufd vDEVICE can succeed; run 'tsmctl tdi-id 0000:01:00.0 ID' with the address that the guest sees"
}

@test "prepare: if a step fails, the steps before it are undone, last first" {
	echo shared > "$CFG/default_region_mode"
	clean=$(snapshot)
	while read -r place undone; do
		FAKE_REFUSE="$place=* 5" run_split prepare 01:00.0 --tdi-id 00:05.0 --json
		[ "$status" -eq 1 ] || fail "$place gave exit $status: $output"
		assert_envelope
		assert_changed false
		assert_equal "$place $(results attribute | xargs)" "$place $undone"
		[ ! -d "$RUN" ] || rmdir "$RUN"
		assert_equal "$(snapshot)" "$clean"
	done <<- 'EOF'
		*/region_mode
		*/tdi_id region_mode
		*/driver_override tdi_id region_mode
		*/nvme/unbind tdi_id region_mode
		*/tsm/connect driver tdi_id region_mode
	EOF
	# the driver does not take it
	touch "$SYS/bus/pci/drivers/vfio-pci-tsm/takes_nothing"
	run_split prepare 01:00.0 --tdi-id 00:05.0
	assert_equal "$status" 1
	rm "$SYS/bus/pci/drivers/vfio-pci-tsm/takes_nothing"
	rmdir "$RUN"
	assert_equal "$(snapshot)" "$clean"
}

@test "prepare: a roll-back leaves alone what was done before" {
	run_split kernel tsmctl assign 01:00.0
	run_split kernel tsmctl mode 01:00.0 exclusive
	before=$(state)
	FAKE_REFUSE="*/tsm/connect=* 5" run_split prepare 01:00.0 --tdi-id 00:05.0
	assert_equal "$status" 1
	assert_output "0000:01:00.0: tdi_id none (unchanged)
0000:01:00.0: note: rolled back"
	assert_equal "$(state)" "$before"
}

@test "prepare: a roll-back leaves alone what another run has done meanwhile" {
	# it does not see the locks of this one, as in a container with another run directory
	export FAKE_MEANWHILE="*/nvme/unbind=* env -u FAKE_REFUSE TSMCTL_RUN=$BATS_TEST_TMPDIR/run2 tsmctl assign 01:00.0 > $OTHER 2>&1"
	FAKE_REFUSE="*/tsm/connect=* 5" run_split prepare 01:00.0 --tdi-id 00:05.0
	assert_equal "$status" 1
	assert_equal "$(< "$OTHER")" "0000:01:00.0: driver vfio-pci-tsm (was nvme)"
	assert_equal "$(state)" "vfio-pci-tsm vfio-pci-tsm  default none"
}

@test "prepare: two at once succeed, and each change is reported by one of them" {
	prepare 01:00.0 --tdi-id 00:05.0 > "$OTHER" 2>&1 3>&- &
	first=$!
	run_split prepare 01:00.0 --tdi-id 00:05.0
	wait "$first"
	assert_success
	printf '%s\n' "$output" >> "$OTHER"
	assert_equal "$(grep -v '^tsmctl: ' "$OTHER" | sort)" "0000:01:00.0: driver vfio-pci-tsm (was nvme)
0000:01:00.0: state unassigned (unchanged)
0000:01:00.0: tdi_id 0000:00:05.0 (was none)
0000:01:00.0: tsm tsm0 (was none)"
	assert_equal "$(state)" "vfio-pci-tsm vfio-pci-tsm tsm0 default 0000:00:05.0"
}

@test "prepare: refuses a device before its first change" {
	clean=$(snapshot)
	mkdir -p "$DEV/net/eth0"
	echo 0x1003 > "$DEV/net/eth0/flags"
	echo 1 > "$DEV/net/eth0/ifindex"
	run_split prepare 01:00.0 --tdi-id 00:05.0
	assert_equal "$status" 6
	assert_one_line "eth0" "--force"
	rm -r "$DEV/net"
	fake_tsm 1
	run_split prepare 01:00.0 --tdi-id 00:05.0
	assert_equal "$status" 2
	assert_one_line "several TSMs" "'tsmctl prepare --help'"
	run_split prepare 01:00.0 --tsm nonesuch
	assert_equal "$status" 2
	run_split prepare 01:00.0 --tdi-id nonesuch
	assert_equal "$status" 2
	rmdir "$SYS/class/tsm/tsm1"
	[ ! -d "$RUN" ] || rmdir "$RUN"
	assert_equal "$(snapshot)" "$clean"
	echo tsm1 > "$DEV/tsm/connect"
	run_split prepare 01:00.0 --tsm tsm0
	assert_equal "$status" 6
	assert_one_line "connected to tsm1" "tsmctl disconnect 0000:01:00.0"
	rmdir "$SYS/class/tsm/tsm0"
	run_split prepare 01:00.0
	assert_equal "$status" 5
	assert_one_line "no TSM"
}

@test "prepare: --force assigns a device that the host uses, and names the use" {
	mkdir -p "$DEV/net/eth0"
	echo 0x1003 > "$DEV/net/eth0/flags"
	echo 1 > "$DEV/net/eth0/ifindex"
	run_split prepare 01:00.0 --force --json
	assert_success
	[[ $(results note attribute=in_use) == *"because of --force" ]] || fail "$output"
	assert_equal "$(results value attribute=driver)" vfio-pci-tsm
}

@test "prepare: a VF follows its PF, and fails if that is not connected" {
	fake_device 0000:01:00.1 nvme
	mkdir "$SYS/devices/pci0000:00/0000:01:00.1/tsm"
	echo > "$SYS/devices/pci0000:00/0000:01:00.1/tsm/dsm"
	run_split prepare 01:00.1
	assert_equal "$status" 5
	assert_one_line "it cannot connect to a TSM"
	refute [ -e "$CFG/0000:01:00.1" ]
	echo tsm0 > "$DEV/tsm/connect"
	echo 0000:01:00.0 > "$SYS/devices/pci0000:00/0000:01:00.1/tsm/dsm"
	run_split prepare 01:00.1 --tdi-id 0x30 --save
	assert_success
	assert_line "0000:01:00.1: driver vfio-pci-tsm (was nvme)"
	run grep tsm0 "$TSMCTL_ETC/config.d/tsmctl-0000:01:00.1.json"
	assert_output ""
}

@test "prepare: sets the ID of a device that a VMM has open, whose mode is fixed" {
	fake_set_driver 0000:01:00.0 vfio-pci-tsm
	fake_policy 0000:01:00.0 open
	policy 0000:01:00.0 owner $$
	run_split prepare 01:00.0 --tdi-id 00:05.0
	assert_success
	assert_line "0000:01:00.0: tdi_id 0000:00:05.0 (was none)"
	assert_line "0000:01:00.0: tsm tsm0 (was none)"
	run grep region_mode "$FAKE_LOG"
	assert_output ""
}

@test "prepare: --save writes the settings, and apply restores them" {
	run_split prepare 01:00.0 --tdi-id 00:05.0 --save
	assert_success
	assert_golden_in "$TSMCTL_ETC/config.d/tsmctl-0000:01:00.0.json" keep-prepared
	run kernel tsmctl diff
	assert_success
	assert_output ""
}

@test "bind --prepare: prepares a device, and then starts the helper" {
	helper '{"event":"bound","device":"0000:01:00.0","pid":1}' 0
	run_split kernel timeout 60 tsmctl bind 01:00.0 --prepare --tdi-id 00:05.0 --json
	assert_success
	assert_equal "$(results "attribute value previous changed")" "tdi_id 0000:00:05.0 none true
driver vfio-pci-tsm nvme true
tsm tsm0 null true
state bound unassigned true"
	assert_equal "$(< "$BATS_TEST_TMPDIR/seen")" 0000:00:05.0
}

@test "bind --prepare: a bind that fails undoes what was prepared, and only that" {
	helper "$REFUSED" 1
	clean=$(snapshot)
	run_split kernel timeout 60 tsmctl bind 01:00.0 --prepare --tdi-id 00:05.0 --json
	assert_equal "$status" 1
	assert_envelope
	assert_changed false
	assert_equal "$(errors stage)" tsm
	assert_equal "$(results "attribute value note")" "tsm null rolled back
driver nvme rolled back
tdi_id none rolled back"
	rmdir "$RUN"
	assert_equal "$(snapshot)" "$clean"
	run_split kernel tsmctl assign 01:00.0
	before=$(state)
	run_split kernel timeout 60 tsmctl bind 01:00.0 --prepare --tdi-id 00:05.0
	assert_equal "$status" 1
	assert_equal "$(state)" "$before"
	# a step of the preparation fails
	FAKE_REFUSE="*/tsm/connect=* 5" run_split kernel tsmctl bind 01:00.0 --prepare --tdi-id 00:05.0
	assert_equal "$status" 1
	assert_equal "$(state)" "$before"
	assert_output "0000:01:00.0: tdi_id none (unchanged)
0000:01:00.0: note: rolled back"
}

@test "bind --prepare: --dry-run has the plan and the bind; the options of prepare need --prepare" {
	clean=$(snapshot)
	helper "$REFUSED" 1
	run_split kernel tsmctl bind 01:00.0 --prepare --tdi-id 00:05.0 --dry-run --json
	assert_success
	assert_equal "$(results "attribute value")" "tdi_id 0000:00:05.0
driver vfio-pci-tsm
tsm tsm0
state bound"
	assert_equal "$(snapshot)" "$clean"
	for option in "--tdi-id 00:05.0" "--tsm tsm0" --force; do
		# shellcheck disable=SC2086
		run_split tsmctl bind 01:00.0 $option
		assert_equal "$status" 2
		assert_one_line "need --prepare"
	done
}
