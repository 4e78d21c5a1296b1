#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2013,SC2016,SC2030,SC2031,SC2154
# tsm-bind-helper hold --start: the messages that it sends, and how it handles the answers.
# fake-hold.c plays KVM, iommufd, the cdev and the TSM.
bats_require_minimum_version 1.5.0
load helpers

setup_file() { build_preload hold; }

setup() {
	fake_host
	fake_device 0000:01:00.0 vfio-pci-tsm
	DEV=$SYS/devices/pci0000:00/0000:01:00.0
	mkdir -p "$DEV/vfio-dev/vfio1" "$DEV/vfio_tsm"
	echo 1:5 > "$DEV/vfio-dev/vfio1/dev"
	echo 0000:00:05.0 > "$DEV/vfio_tsm/tdi_id"
	echo run > "$DEV/vfio_tsm/tdi_state"
	ANSWERS=$BATS_TEST_TMPDIR/answers
}

# hold_device [OPTION...]: starts the helper, and waits for its first line
hold_device() {
	# the output of an earlier one must not be taken for that of this one
	: > "$BATS_TEST_TMPDIR/said"
	env "LD_PRELOAD=$BATS_RUN_TMPDIR/hold.so" "ANSWERS=$ANSWERS" \
		"ASAN_OPTIONS=${ASAN_OPTIONS:-}:verify_asan_link_order=0" tsm-bind-helper hold \
		--device "${device:-01:00.0}" --vdevice never --sysfs "$SYS" --run-dir "$RUN" "$@" \
		> "$BATS_TEST_TMPDIR/said" 2> "$BATS_TEST_TMPDIR/did" 3>&- &
	helper=$!
	until_true grep -q event "$BATS_TEST_TMPDIR/said" || fail "$(< "$BATS_TEST_TMPDIR/did")"
	output=$(< "$BATS_TEST_TMPDIR/said")
}

# end STATUS [SIGNAL]: the helper ends with STATUS, after SIGNAL
end() {
	local rc=0
	[ -z "${2:-}" ] || kill "-$2" "$helper"
	wait "$helper" || rc=$?
	assert_equal "$rc" "$1"
	assert_equal "$(tail -n 1 "$BATS_TEST_TMPDIR/did")" unbind
}

# message TYPE [PAYLOAD]: a TDISP message for the interface 0000:01:00.0
message() { echo "10${1}0000${interface:-000100000000000000000000}${2-}"; }

# portion HEX REST: an answer with a portion of the report, after which REST bytes remain
portion() { message 04 "$(printf '%02x%02x%02x%02x' $((${#1} / 2 & 255)) $((${#1} / 512)) $(($2 & 255)) $(($2 / 256)))$1"; }

# a report with one range and the nonce
nonce=$(printf 'a5%.0s' {1..32})
report=020000000000000000000000010000000000f0fe00000000010000000000000020000000$nonce

@test "start: reads the report, starts the TDI with the nonce at its end, and checks that it is in RUN" {
	{
		portion "${report:0:60}" $((${#report} / 2 - 30))
		portion "${report:60}" 0
		message 06
		message 05 02
	} > "$ANSWERS"
	hold_device --start
	[[ $output == '{"event":"bound",'*',"tdi_state":"run"}' ]] || fail "$output"
	end 0 TERM
	run cat "$BATS_TEST_TMPDIR/did"
	assert_output "0 $(message 84 00000010)
0 $(message 84 1e000010)
1 $(message 86 "$nonce")
0 $(message 85)
unbind"
}

@test "start: the interface has the segment of a device in another domain than 0" {
	fake_device 0012:03:04.5 vfio-pci-tsm
	cp -r "$DEV/vfio-dev" "$DEV/vfio_tsm" "$SYS/devices/pci0000:00/0012:03:04.5"
	device=0012:03:04.5
	interface=250312010000000000000000
	{
		portion "$report" 0
		message 06
		message 05 02
	} > "$ANSWERS"
	hold_device --start
	[[ $output == '{"event":"bound","device":"0012:03:04.5",'* ]] || fail "$output"
	end 0 TERM
}

@test "start: sends nothing without the option" {
	: > "$ANSWERS"
	# the driver of a TSM may not report the state: unknown
	for word in locked:'"locked"' unknown:null; do
		echo "${word%:*}" > "$DEV/vfio_tsm/tdi_state"
		hold_device
		[[ $output == '{"event":"bound",'*',"tdi_state":'"${word#*:}}" ]] || fail "$output"
		end 0 TERM
		run cat "$BATS_TEST_TMPDIR/did"
		assert_output unbind
	done
}

@test "start: on any other answer, names the message and the code, and unbinds the device" {
	report_is=$(portion "$report" 0)
	started=$(message 06)
	long=$(portion "$(printf 'ff%.0s' {1..4096})" 1)
	while IFS='|' read -r errno code message answers; do
		tr ' ' '\n' <<< "$answers" > "$ANSWERS"
		hold_device --start
		want="\"step\":\"start tdi\",\"errno\":\"$errno\",\"stage\":null,\"message\":\"$message\",\"hint\":"
		[[ $output == *"$want"* ]] || fail "$want, but: $output"
		end "$code"
	done <<- EOF
		EPROTO|1|the TSM did not start the TDI: GET_DEVICE_INTERFACE_REPORT: TDISP_ERROR 0x4 (INVALID_INTERFACE_STATE)|$(message 7f 0400000000000000)
		EPROTO|1|the TSM did not start the TDI: START_INTERFACE_REQUEST: TDISP_ERROR 0x102 (INVALID_NONCE)|$report_is $(message 7f 0201000000000000)
		EPROTO|1|the TSM did not start the TDI: GET_DEVICE_INTERFACE_STATE: TDISP_ERROR 0xfefefefe (unknown)|$report_is $started $(message 7f fefefefe)
		EPROTO|1|the TSM did not start the TDI: GET_DEVICE_INTERFACE_STATE: the TDI is not in RUN|$report_is $started $(message 05 01)
		EPROTO|1|the TSM did not start the TDI: GET_DEVICE_INTERFACE_STATE: the TDI is not in RUN|$report_is $started $(message 05)
		EPROTO|1|the TSM did not start the TDI: GET_DEVICE_INTERFACE_STATE: the answer is of type 0x06|$report_is $started $started
		EPROTO|1|the TSM did not start the TDI: START_INTERFACE_REQUEST: the answer is of type 0x7f|$report_is $(message 7f 020100)
		EPROTO|1|the TSM did not start the TDI: GET_DEVICE_INTERFACE_REPORT: the answer is not a TDISP message of this interface|10
		EPROTO|1|the TSM did not start the TDI: GET_DEVICE_INTERFACE_REPORT: the answer is not a TDISP message of this interface|11${report_is:2}
		EPROTO|1|the TSM did not start the TDI: GET_DEVICE_INTERFACE_REPORT: the answer is not a TDISP message of this interface|${report_is/0000000000/0000000001}
		EPROTO|1|the TSM did not start the TDI: GET_DEVICE_INTERFACE_REPORT: a portion of the report has a wrong length|$(message 04)
		EPROTO|1|the TSM did not start the TDI: GET_DEVICE_INTERFACE_REPORT: a portion of the report has a wrong length|$(message 04 00000100)
		EPROTO|1|the TSM did not start the TDI: GET_DEVICE_INTERFACE_REPORT: a portion of the report has a wrong length|$(message 04 0200000001)
		EPROTO|1|the TSM did not start the TDI: GET_DEVICE_INTERFACE_REPORT: a portion of the report has a wrong length|$(message 04 ffff000001)
		EPROTO|1|the TSM did not start the TDI: GET_DEVICE_INTERFACE_REPORT: a portion of the report has a wrong length|$(for _ in {1..16}; do echo "$long"; done | paste -sd ' ')
		EPROTO|1|the TSM did not start the TDI: GET_DEVICE_INTERFACE_REPORT: the report does not end with a nonce|$(portion 02 0)
		EPROTO|1|the TSM did not start the TDI: GET_DEVICE_INTERFACE_REPORT: the report does not end with a nonce|$(portion "${report:0:32}" 0)
		EPROTO|1|the TSM did not start the TDI: GET_DEVICE_INTERFACE_REPORT: the report does not end with a nonce|$(portion "${report}00" 0)
		EPROTO|1|the TSM did not start the TDI: GET_DEVICE_INTERFACE_REPORT: the report does not end with a nonce|$(portion "${report:0:-2}" 0)
		EPROTO|1|the TSM did not start the TDI: GET_DEVICE_INTERFACE_REPORT: the report does not end with a nonce|$(portion "${report/01000000/ffffffff}" 0)
		EPROTO|1|the TSM did not start the TDI: GET_DEVICE_INTERFACE_REPORT: the report does not end with a nonce|$(portion "${report/01000000/01000010}" 0)
		EOPNOTSUPP|5|a TSM of this host takes no requests of guests, or does not support this one: GET_DEVICE_INTERFACE_REPORT|-95
		EACCES|4|its policy, or the TSM, does not allow such a request: START_INTERFACE_REQUEST|$report_is -13
		ENXIO|1|it was unbound meanwhile: GET_DEVICE_INTERFACE_STATE|$report_is $started -6
		ENOTTY|5|its driver takes no requests of guests, or the TSM does not support this one: GET_DEVICE_INTERFACE_REPORT|-25
		EIO|1|start tdi: Input/output error: START_INTERFACE_REQUEST|$report_is -5
	EOF
}

@test "start: only hold has the option" {
	for args in "bind --pid 1" "unbind --pid 1" "serve --listen /x"; do
		# shellcheck disable=SC2086
		run_split tsm-bind-helper $args --start
		assert_equal "$status" 2
		[[ $output == *'"message":"--start is for hold"'*'"value":"--start"}' ]] || fail "$output"
	done
}
