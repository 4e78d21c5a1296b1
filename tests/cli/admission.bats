#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2030,SC2031,SC2154
# Admission: which devices are verified before a bind, and why one is refused.
bats_require_minimum_version 1.5.0
load admission

setup_file() { prepare_certs; }
setup() { fake_admission; }

# refused CHECK TEXT COMMAND...: the command refuses the device, because of this check alone.
refused() {
	: > "$FAKE_LOG"
	run_split kernel tsmctl "${@:3}" 0000:01:00.0 --json
	assert_failure 4
	assert_equal "$(errors "device attribute value errno stage")" "0000:01:00.0 evidence $1 EACCES admission"
	[[ $output == *"it is not admitted: $1: "*"$2"* ]] || fail "no '$2' in: $output"
	assert_equal "$(policy 0000:01:00.0 admitted)" 0
	# the device was asked, and no bind was tried
	assert_equal "$(grep -c 'vfio_tsm_evidence/nonce' "$FAKE_LOG")" 1
	run ! grep -E 'helper|admitted' "$FAKE_LOG"
}

@test "admission: evidence admits a good device whose policy requires it, and no other" {
	run_split kernel tsmctl evidence 0000:01:00.0 --json
	assert_success
	assert_changed true
	assert_equal "$(results "generation verified admitted")" "5 true true"
	assert_equal "$(policy 0000:01:00.0 admitted)" 5
	run_split tsmctl show 0000:01:00.0 --json
	assert_equal "$(results "admission admitted")" "required $LEAF"
	run tsmctl list -o address,admission,admitted
	assert_line --regexp "^0000:01:00.0 +required +$LEAF$"
	# for people
	answers 0000:01:00.0
	run_split kernel tsmctl evidence 0000:01:00.0
	assert_success
	assert_line --regexp "^ok    measurements +firmware 1.2$"
	assert_line --regexp "^admitted +$LEAF$"
	# no policy requires it
	policy 0000:01:00.0 admission none
	policy 0000:01:00.0 admitted 0
	answers 0000:01:00.0
	run_split kernel tsmctl evidence 0000:01:00.0 --json
	assert_success
	assert_changed false
	assert_equal "$(results "verified admitted") $(policy 0000:01:00.0 admitted)" "true false 0"
	run tsmctl evidence 0000:01:00.0 --dry-run
	assert_success
	refute_output --partial admitted
}

@test "admission: a leaf is shown only while the evidence is that of the admission" {
	policy 0000:01:00.0 admitted 4
	run_split tsmctl list --json
	assert_equal "$(results admitted)" "$LEAF"
	for admitted in 3 0 none; do
		policy 0000:01:00.0 admitted $admitted
		run_split tsmctl list --json
		assert_equal "$(results admitted)" null
	done
	policy 0000:01:00.0 admitted 4
	truncate -s 100 "$DEVICES/0000:01:00.0/vfio_tsm_evidence/cert0"
	run_split tsmctl show 0000:01:00.0 --json
	assert_success
	assert_equal "$(results "admission admitted")" "required null"
}

@test "admission: a nonce that is given admits nothing, and neither does --dry-run" {
	run_split kernel tsmctl evidence 0000:01:00.0 --nonce "$(printf '%064d' 7)" --json
	assert_success
	assert_equal "$(results "verified admitted") $(policy 0000:01:00.0 admitted)" "true false 0"
	run_split kernel tsmctl evidence 0000:01:00.0 --dry-run --json
	assert_success
	assert_equal "$(results admitted) $(policy 0000:01:00.0 admitted)" "false 0"
}

@test "admission: each check that fails, or cannot be made, refuses the device by its name" {
	for verb in bind prepare apply; do
		[ $verb != apply ] || config '{ "device": "01:00.0", "assigned": true, "admission": "required" }'
		answers 0000:01:00.0
		trust other
		refused trust "CN=tsm-dsm root" $verb
		trust root root-list revoked
		answers 0000:01:00.0
		refused trust "it is revoked" $verb
		rm "$TSMCTL_ETC"/trust.d/*
		answers 0000:01:00.0
		refused trust "this host trusts no certificate" $verb
		trust root
		answers 0000:01:00.0 change=2
		refused measurements "measurement 2 is " $verb
		answers 0000:01:00.0 nonce="$(printf '%064d' 1)"
		refused nonce "the evidence is for another nonce" $verb
		answers 0000:01:00.0 key="$CERTS/expired.key"
		refused signature "the key of the leaf has not signed" $verb
		mv "$TSMCTL_ETC/measurements.json" "$BATS_TEST_TMPDIR/list"
		answers 0000:01:00.0
		refused measurements "this host has no list of allowed measurements" $verb
		mv "$BATS_TEST_TMPDIR/list" "$TSMCTL_ETC/measurements.json"
	done
}

# helper: a stand-in for tsm-bind-helper, which notes whether the device is admitted when it binds.
helper() {
	mkdir -p "$BATS_TEST_TMPDIR/bin"
	cp "$TSMCTL_BIN/tsmctl" "$BATS_TEST_TMPDIR/bin"
	PATH=$BATS_TEST_TMPDIR/bin:$PATH
	cat > "$BATS_TEST_TMPDIR/bin/tsm-bind-helper" <<- END
		#!/bin/bash
		cat "$CFG/0000:01:00.0/tsm/admitted" >> "$BATS_TEST_TMPDIR/at-bind"
		echo "{\"event\":\"bound\",\"device\":\"\$2\",\"pid\":\$\$}"
	END
	chmod +x "$BATS_TEST_TMPDIR/bin/tsm-bind-helper"
	policy 0000:01:00.0 tdi_id 0000:00:02.0
}

driver() { basename "$(readlink "$SYS/bus/pci/devices/$1/driver")"; }

@test "admission: bind asks each time before it binds, also if the device is admitted" {
	helper
	run_split kernel tsmctl bind 0000:01:00.0 --json
	assert_success
	assert_equal "$(results "attribute value changed")" "admitted $LEAF true
state bound true"
	answers 0000:01:00.0 generation=6
	run kernel tsmctl bind 0000:01:00.0
	assert_success
	assert_equal "$(cat "$BATS_TEST_TMPDIR/at-bind")" "5
6"
	# a firmware that has changed since then
	answers 0000:01:00.0 change=2 generation=7
	run_split kernel tsmctl bind 0000:01:00.0
	assert_failure 4
	[[ $stderr == *"it is not admitted: measurements: "*"tsmctl evidence 0000:01:00.0' shows"*"doctor 0000:01:00.0' fails on: "* ]] || fail "$stderr"
	assert_equal "$(wc -l < "$BATS_TEST_TMPDIR/at-bind")" 2
	# without the policy, the device is not asked
	policy 0000:01:00.0 admission none
	: > "$FAKE_LOG"
	run kernel tsmctl bind 0000:01:00.0
	assert_success
	run ! grep nonce "$FAKE_LOG"
}

@test "admission: prepare verifies at the end, and a device that fails gets its driver back" {
	fake_set_driver 0000:01:00.0 nvme
	default_driver 0000:01:00.0 nvme
	echo > "$DEVICES/0000:01:00.0/tsm/connect"
	answers 0000:01:00.0 change=2
	run_split kernel tsmctl prepare 0000:01:00.0 --tdi-id 00:05.0 --json
	assert_failure 4
	assert_equal "$(errors "value stage")" "measurements admission"
	assert_equal "$(driver 0000:01:00.0) $(policy 0000:01:00.0 tdi_id) $(policy 0000:01:00.0 admission)" "nvme none required"
	answers 0000:01:00.0
	run kernel tsmctl prepare 0000:01:00.0 --tdi-id 00:05.0
	assert_success
	assert_line "0000:01:00.0: admitted $LEAF (was none)"
	refute_output --partial "would still be refused"
	assert_equal "$(driver 0000:01:00.0) $(policy 0000:01:00.0 admitted)" "vfio-pci-tsm 5"
	# it is ready: nothing is asked again
	: > "$FAKE_LOG"
	run kernel tsmctl prepare 0000:01:00.0
	assert_success
	run ! grep nonce "$FAKE_LOG"
}

@test "admission: apply verifies what it has connected; a device that is refused stays as configured" {
	fake_capable 0000:02:00.0
	config '{ "device": "all", "assigned": true, "tsm": "tsm0", "admission": "required" }'
	policy 0000:01:00.0 admission none
	device 0000:02:00.0
	answers 0000:01:00.0 change=2
	export FAKE_LATER=$FAKE_MEANWHILE
	answers 0000:02:00.0
	run_split kernel tsmctl apply --json
	assert_failure 7
	assert_equal "$(errors "device value stage")" "0000:01:00.0 measurements admission"
	assert_equal "$(results "device value" attribute=admitted)" "0000:02:00.0 $LEAF"
	assert_equal "$(driver 0000:01:00.0) $(policy 0000:01:00.0 admission) $(policy 0000:01:00.0 admitted)" "vfio-pci-tsm required 0"
	assert_equal "$(driver 0000:02:00.0) $(policy 0000:02:00.0 admitted)" "vfio-pci-tsm 5"
	# the next run tries only the one that is not admitted
	: > "$FAKE_LOG"
	unset FAKE_LATER
	answers 0000:01:00.0
	run_split kernel tsmctl apply
	assert_success
	assert_output "0000:01:00.0: admitted $LEAF (was none)"
	run ! grep 0000:02 "$FAKE_LOG"
	run_split kernel tsmctl diff
	assert_success
	assert_output ""
	# a device that is bound is left alone, and so is one that is not connected
	policy 0000:01:00.0 admitted 0
	policy 0000:01:00.0 state bound
	run_split kernel tsmctl apply
	assert_output ""
	policy 0000:01:00.0 state closed
	config '{ "device": "01:00.0", "assigned": true }'
	echo > "$DEVICES/0000:01:00.0/tsm/connect"
	run_split kernel tsmctl apply
	assert_success
	assert_output ""
}

@test "admission: prepare, bind and apply read what this host trusts once, however many devices there are" {
	command -v strace > /dev/null || skip "no strace"
	unset FAKE_MEANWHILE
	for i in 2 3 4; do
		fake_assigned "0000:0$i:00.0"
		device "0000:0$i:00.0"
		policy "0000:0$i:00.0" admission required
	done
	config '{ "device": "all", "admission": "required" }'
	for verb in prepare bind apply; do
		run_split kernel env ASAN_OPTIONS=detect_leaks=0 strace -f -qq -e trace=openat \
			-o "$BATS_TEST_TMPDIR/trace" tsmctl "$verb" --json 01:00.0 02:00.0 03:00.0 04:00.0
		[ -s "$BATS_TEST_TMPDIR/trace" ] || skip "strace cannot trace here"
		# none has answered to its nonce, so each was verified
		assert_equal "$(errors "device value" | sort)" "0000:01:00.0 nonce
0000:02:00.0 nonce
0000:03:00.0 nonce
0000:04:00.0 nonce"
		assert_equal "$(grep -c 'measurements.json' "$BATS_TEST_TMPDIR/trace")" 1
		assert_equal "$(grep -c 'root.pem' "$BATS_TEST_TMPDIR/trace")" 1
	done
}

@test "admission: --dry-run and diff ask no device, and show that it would be asked" {
	helper
	config '{ "device": "01:00.0", "assigned": true }'
	fake_cdev 0000:01:00.0
	: > "$FAKE_LOG"
	for command in "bind 01:00.0" "prepare 01:00.0" apply; do
		# shellcheck disable=SC2086
		run kernel tsmctl $command --dry-run
		assert_success
		assert_line "0000:01:00.0: note: its evidence would be verified: its admission is required"
	done
	run_split kernel tsmctl diff
	assert_failure 8
	assert_output "0000:01:00.0: note: its evidence would be verified: its admission is required"
	# a plan that only leads there
	fake_capable 0000:02:00.0
	config '{ "device": "02:00.0", "assigned": true, "tsm": "tsm0", "admission": "required" }'
	run kernel tsmctl diff
	assert_line "0000:02:00.0: note: its evidence would be verified: its admission is required"
	config '{ "device": "02:00.0", "assigned": true, "tsm": "tsm0", "admission": "none" }'
	run kernel tsmctl diff
	refute_output --partial verified
	assert_equal "$(cat "$FAKE_LOG")" ""
	assert [ ! -e "$BATS_TEST_TMPDIR/at-bind" ]
}

@test "admission: a device that is removed or released while it is asked is reported as that" {
	local gone="rm -r $DEVICES/0000:01:00.0 $SYS/bus/pci/devices/0000:01:00.0" verb

	cp -a "$SYS" "$BATS_TEST_TMPDIR/before"
	for verb in evidence prepare bind; do
		FAKE_MEANWHILE="*/vfio_tsm_evidence/nonce=* env -u LD_PRELOAD $gone" run_split kernel tsmctl $verb 01:00.0
		assert_failure 3
		assert_one_line "0000:01:00.0: no such device"
		rm -r "$SYS"
		cp -a "$BATS_TEST_TMPDIR/before" "$SYS"
	done
	gone="rm -r $DEVICES/0000:01:00.0/vfio_tsm_evidence $DEVICES/0000:01:00.0/driver"
	FAKE_MEANWHILE="*/vfio_tsm_evidence/nonce=* env -u LD_PRELOAD $gone" run_split kernel tsmctl evidence 01:00.0
	assert_failure 5
	assert_one_line "cannot get evidence: it is not assigned; run 'tsmctl assign 0000:01:00.0'"
}

@test "admission: evidence whose files cannot be written still admits the device, and is an error" {
	policy 0000:01:00.0 admitted 4
	run_split kernel tsmctl evidence 0000:01:00.0 --out "$BATS_TEST_TMPDIR/none/none" --json
	assert_failure 1
	assert_equal "$(errors "stage errno") $(results "verified admitted")" "write ENOENT true true"
	assert_equal "$(policy 0000:01:00.0 admitted)" 5
}

@test "admission: evidence names what could not be made, and shows the device" {
	rm "$TSMCTL_ETC/measurements.json"
	run_split kernel tsmctl evidence 0000:01:00.0 --json
	assert_failure 4
	assert_equal "$(results "verified admitted")" "true false"
	assert_equal "$(errors "value errno stage")" "measurements EACCES admission"
	rm "$TSMCTL_ETC"/trust.d/*
	answers 0000:01:00.0
	run_split kernel tsmctl evidence 0000:01:00.0
	assert_failure 4
	assert_line --regexp "^admitted +no$"
	assert_equal "$(grep -c 'is not admitted' <<< "$stderr")" 2
	# without the policy, neither is an error
	policy 0000:01:00.0 admission none
	answers 0000:01:00.0
	run kernel tsmctl evidence 0000:01:00.0
	assert_success
}

@test "admission: a kernel that has other evidence by now, or none, is reported, and nothing is bound" {
	helper
	while read -r number code text; do
		export FAKE_REFUSE="*/tsm/admitted=* $number"
		for verb in evidence prepare bind; do
			answers 0000:01:00.0
			run_split kernel tsmctl $verb 0000:01:00.0
			[ "$status" -eq "$code" ] || fail "$verb: $status $stderr"
			[[ $stderr == *"$text"* ]] || fail "$verb: no '$text' in $stderr"
		done
	done <<- END
		116 6 another run has collected its evidence meanwhile; try again
		61 1 its evidence is gone, as after a disconnect
	END
	assert [ ! -e "$BATS_TEST_TMPDIR/at-bind" ]
	# the hint
	unset FAKE_REFUSE
	answers 0000:01:00.0
	run kernel tsmctl bind 0000:01:00.0
	assert_success
}

@test "admission: the hint of doctor, and of a bind that the driver refuses, admits the device" {
	run_split tsmctl doctor 0000:01:00.0 --json
	assert_equal "$(results "verdict fix" check=admission)" "fail run 'tsmctl evidence 0000:01:00.0'"
	run_split kernel tsmctl evidence 0000:01:00.0
	assert_success
	run_split tsmctl doctor 0000:01:00.0 --json
	assert_equal "$(results "verdict fix evidence" check=admission)" "pass null it is admitted on its evidence of generation 5"
	policy 0000:01:00.0 admission none
	run_split tsmctl doctor 0000:01:00.0 --json
	assert_equal "$(results "verdict evidence" check=admission)" "pass admission is none"
	rm "$CFG/0000:01:00.0/tsm/admission"
	run_split tsmctl doctor 0000:01:00.0 --json
	assert_equal "$(results verdict check=admission)" "n/a"
}

@test "admission: the verb reads and sets the policy, --save keeps it, and save and apply restore it" {
	run tsmctl admission 01:00.0
	assert_output "0000:01:00.0: admission required"
	run_split kernel tsmctl admission 01:00.0 none
	assert_output "0000:01:00.0: admission none (was required)"
	run kernel tsmctl admission 01:00.0 required --save
	assert_success
	assert_equal "$(grep -o '"admission": *"[a-z]*"' "$TSMCTL_ETC"/config.d/*.json)" '"admission": "required"'
	run_split tsmctl admission 01:00.0 some
	assert_failure 2
	assert_one_line "'some' is neither a device nor one of none and required"
	run_split tsmctl admission 01:00.0 --set some
	assert_failure 2
	assert_one_line "'some' is not an admission: none or required"
	rm -r "$TSMCTL_ETC/config.d"
	run kernel tsmctl save
	assert_success
	cp "$TSMCTL_ETC/config.json" "$BATS_TEST_TMPDIR/first"
	grep -q '"admission": "required"' "$TSMCTL_ETC/config.json"
	policy 0000:01:00.0 admission none
	run kernel tsmctl apply
	assert_success
	assert_equal "$(policy 0000:01:00.0 admission) $(policy 0000:01:00.0 admitted)" "required 5"
	run kernel tsmctl save
	assert_success
	diff "$BATS_TEST_TMPDIR/first" "$TSMCTL_ETC/config.json"
	config '{ "device": "all", "admission": true }'
	run_split kernel tsmctl apply
	assert_failure 2
	assert_one_line "devices[0].admission: true is not an admission: none or required"
}

@test "admission: metrics have the policy and the admission" {
	run tsmctl metrics 0000:01:00.0
	assert_line 'tsmctl_admission_required{address="0000:01:00.0"} 1'
	assert_line 'tsmctl_admitted{address="0000:01:00.0"} 0'
	policy 0000:01:00.0 admitted 4
	policy 0000:01:00.0 admission none
	run tsmctl metrics 0000:01:00.0
	assert_line 'tsmctl_admission_required{address="0000:01:00.0"} 0'
	assert_line 'tsmctl_admitted{address="0000:01:00.0"} 1'
}
