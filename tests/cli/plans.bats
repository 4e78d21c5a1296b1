#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2016,SC2030,SC2031,SC2154
# What --dry-run prints is what the run then prints, for every verb that changes a device.
# plain: each verb runs many times; the files of the verbs have these runs with sanitizers
bats_require_minimum_version 1.5.0
load helpers

setup_file() { build_kernel; }

# A device on nvme; a PF on nvme with two VFs; a device that another program has given to
# vfio-pci; an assigned device; a device that only has policy.
setup() {
	fake_configured_host
	fake_driver vfio-pci
	fake_capable 0000:01:00.0
	fake_capable 0000:02:00.0
	fake_follower 0000:02:00.1 0000:02:00.0
	fake_follower 0000:02:00.2 0000:02:00.0
	fake_capable 0000:03:00.0
	echo vfio-pci > "$SYS/devices/pci0000:00/0000:03:00.0/driver_override"
	fake_set_driver 0000:03:00.0 vfio-pci
	fake_assigned 0000:04:00.0
	default_driver 0000:04:00.0 nvme
	echo vfio-pci-tsm > "$SYS/devices/pci0000:00/0000:04:00.0/driver_override"
	fake_policy 0000:05:00.0 absent
	cp -a "$SYS" "$BATS_TEST_TMPDIR/before"
}

# fake_follower VF PF: a VF that has no TSM side before its PF is connected
fake_follower() {
	fake_device "$1" nvme
	ln -s "../$2" "$SYS/devices/pci0000:00/$1/physfn"
}

# follow PF [TSM]: connects the PF, and gives its VFs the attributes that they then have
follow() {
	local vf

	echo "${2-tsm0}" > "$SYS/devices/pci0000:00/$1/tsm/connect"
	for vf in "$SYS"/devices/pci0000:00/*/; do
		[ "$(readlink "${vf}physfn")" = "../$1" ] || continue
		mkdir -p "${vf}tsm"
		echo > "${vf}tsm/bound"
		if [ -n "${2-tsm0}" ]; then echo "$1"; else echo; fi > "${vf}tsm/dsm"
	done
}

# check_plan PREPARATION ARGUMENTS...: the plan changes nothing and is what the run does, and a
# second run changes nothing
check_plan() {
	local before plan code

	unset FAKE_REFUSE
	rm -rf "$SYS" "$RUN" "$TSMCTL_ETC"
	cp -a "$BATS_TEST_TMPDIR/before" "$SYS"
	mkdir -m 755 "$TSMCTL_ETC"
	eval "$1"
	shift
	before=$(snapshot)
	run_split kernel tsmctl "$@" --dry-run --json
	plan=$output code=$status
	[ "$(snapshot)" = "$before" ] || fail "$* --dry-run changes something"
	run_split kernel tsmctl "$@" --json
	[ "$status" -eq "$code" ] || fail "$*: plan $code, run $status: $plan $output"
	python3 -IS "$BATS_TEST_DIRNAME/compare-plan.py" "$plan" "$output" || fail "$*: plan and run differ"
	[ "$status" -eq 0 ] || return 0
	run_split kernel tsmctl "$@" --json
	[ "$status" -eq 0 ] || fail "$*: the second time gives exit $status: $output"
	assert_changed false
}

# check_plans: lines of PREPARATION|ARGUMENTS
check_plans() {
	local preparation args

	while IFS='|' read -r preparation args; do
		# shellcheck disable=SC2086
		check_plan "$preparation" $args
	done
}

@test "assign, release: --dry-run prints what the run then does" {
	check_plans <<- 'EOF'
		|assign 01:00.0
		|assign 03:00.0
		|assign 01:00.0 03:00.0 04:00.0
		rm -r "$SYS/bus/pci/drivers/vfio-pci-tsm"|assign 01:00.0
		fake_tsm_side 0000:09:00.0|assign 8086:10c9
		|release 04:00.0
		|release 04:00.0 --forget
		|release 01:00.0
		kernel tsmctl assign 03:00.0|release 03:00.0
		kernel tsmctl assign 03:00.0; rm -r "$SYS/bus/pci/drivers/vfio-pci"|release 03:00.0 --forget
		kernel tsmctl assign 01:00.0; echo vfio-pci > "$SYS/devices/pci0000:00/0000:01:00.0/driver_override"|release 01:00.0
		fake_set_driver 0000:04:00.0 nvme|release 04:00.0
	EOF
}

@test "connect, disconnect: --dry-run prints what the run then does, also for VFs that follow their PF" {
	check_plans <<- 'EOF'
		|connect 01:00.0
		export FAKE_REFUSE="*/connect=tsm9 6"|connect 01:00.0 --tsm tsm9
		fake_tsm 1|connect 01:00.0
		fake_tsm 1|connect 01:00.0 --tsm tsm1
		fake_tsm 1; follow 0000:01:00.0|connect 01:00.0
		fake_tsm 1; follow 0000:01:00.0|connect 01:00.0 --tsm tsm1
		follow 0000:02:00.0|connect 02:00.0 02:00.1 02:00.2
		follow 0000:02:00.0|connect 02:00.1
		fake_tsm 1; follow 0000:02:00.0|connect 02:00.1
		fake_tsm 1; follow 0000:02:00.0|connect 02:00.1 --tsm tsm1
		follow 0000:02:00.0|connect all
		|connect 02:00.1
		|disconnect 01:00.0
		follow 0000:01:00.0|disconnect 01:00.0
		follow 0000:02:00.0|disconnect 02:00.1
		follow 0000:02:00.0|disconnect 0000:02:00.[12]
	EOF
}

@test "policy: --dry-run prints what the run then does" {
	check_plans <<- 'EOF'
		|mode 01:00.0 shared
		|mode 04:00.0 exclusive --bar-mmap revoke
		|tdi-id 01:00.0 00:05.0
		|tdi-id 05:00.0 00:05.0
		|deny 01:00.0 04:00.0 05:00.0
		|deny 06:00.0
		policy 0000:04:00.0 bind_allowed 0|allow 04:00.0
		|allow 01:00.0
	EOF
}

@test "apply: --dry-run prints what the run then does" {
	while IFS='|' read -r preparation entries args; do
		# shellcheck disable=SC2086
		check_plan "${preparation:-:}; config '$entries'" apply $args
	done <<- 'EOF'
		|{ "device": "01:00.0", "assigned": true, "tsm": "tsm0", "tdi_id": "00:05.0" }|
		|{ "device": "04:00.0", "assigned": false }|
		|{ "device": "04:00.0", "assigned": false, "tsm": null }|
		|{ "device": "03:00.0", "assigned": true }|
		kernel tsmctl assign 03:00.0|{ "device": "03:00.0", "assigned": false }|
		fake_set_driver 0000:04:00.0 nvme|{ "device": "04:00.0", "assigned": false }|
		|{ "device": "04:00.0", "tsm": "tsm0" }|--prune
		|{ "device": "05:00.0", "assigned": true, "tsm": "tsm0" }|
		|{ "device": "01:00.0", "assigned": true }|02:00.0
		|{ "device": "01:00.0", "id": "144d:a80a", "assigned": true }|
		export FAKE_REFUSE="*/connect=tsm9 6"|{ "device": "01:00.0", "tsm": "tsm9" }|
		follow 0000:02:00.0|{ "device": "all", "tsm": "tsm0" }|
		follow 0000:02:00.0|{ "device": "0000:02:*", "tsm": "tsm0" }|
		follow 0000:02:00.0|{ "device": "0000:02:00.1", "assigned": true, "tsm": "tsm0" }|
	EOF
}

@test "apply, diff: do not plan to connect VFs that follow their PF" {
	config '{ "device": "0000:02:*", "tsm": "tsm0" }'
	for verb in diff "apply --dry-run"; do
		# shellcheck disable=SC2086
		run_split kernel tsmctl $verb --json
		assert_golden plans-pf
	done
}

@test "disconnect all, connect all: VFs follow their PF, also with --dry-run" {
	follow 0000:02:00.0
	run_split kernel tsmctl disconnect all --dry-run --json
	assert_success
	assert_equal "$(results device changed=true | xargs)" "0000:02:00.0 0000:04:00.0"
	follow 0000:02:00.0 ""
	run_split kernel tsmctl connect 02:00.0 02:00.1 --dry-run --json
	assert_success
	assert_equal "$(results "device value changed")" "0000:02:00.0 tsm0 true
0000:02:00.1 tsm0 false"
}

@test "plans: the text names no driver that is not known, and no value twice" {
	config '{ "device": "04:00.0", "assigned": false }'
	for args in diff "apply --dry-run" "release 04:00.0 --dry-run"; do
		# shellcheck disable=SC2086
		run_split kernel tsmctl $args
		assert_output "0000:04:00.0: would set driver of the kernel's choice (now vfio-pci-tsm)
0000:04:00.0: note: the kernel chooses its driver"
	done
	config '{ "device": "01:00.0", "tsm": "tsm9" }, { "device": "0000:42:00.0", "assigned": true }'
	run_split kernel tsmctl diff
	assert_equal "$status" 8
	assert_output "0000:01:00.0: would set tsm tsm9 (now none)
0000:01:00.0: note: apply will fail: this host has no such TSM
0000:42:00.0: note: it is not present: its driver and TSM cannot be set yet"
}

@test "connect, disconnect: a connected device needs no --tsm, and an error about a VF names its PF" {
	fake_tsm 1
	follow 0000:02:00.0
	run_split kernel tsmctl connect 02:00.0 02:00.2
	assert_success
	assert_output "0000:02:00.0: tsm tsm0 (unchanged)
0000:02:00.2: tsm tsm0 (unchanged)
0000:02:00.2: note: it is connected through 0000:02:00.0"
	run_split kernel tsmctl connect 02:00.0 01:00.0
	assert_equal "$status" 7
	assert_one_line "0000:01:00.0: this host has several TSMs" --tsm
	run_split kernel tsmctl disconnect 02:00.1
	assert_equal "$status" 5
	assert_one_line "0000:02:00.1: it is connected to tsm0 through 0000:02:00.0" "tsmctl disconnect 0000:02:00.0"
}

@test "list: a bound VF has the TSM that it is bound to" {
	follow 0000:02:00.0
	fake_set_driver 0000:02:00.1 vfio-pci-tsm
	fake_policy 0000:02:00.1 bound
	policy 0000:02:00.1 tsm tsm0
	run_split tsmctl list 02:00.1
	assert_line --regexp '^0000:02:00.1 +bound +vfio-pci-tsm +tsm0 '
	run_split tsmctl list 02:00.1 --json
	assert_equal "$(results "tsm tdi_tsm")" "null tsm0"
}

@test "errors: a list of functions is cut between two of them" {
	follow 0000:02:00.0
	for i in {10..49}; do
		fake_device "0000:02:0$((i / 8)).$((i % 8))" vfio-pci-tsm
		mkdir "$SYS/devices/pci0000:00/0000:02:0$((i / 8)).$((i % 8))/tsm"
		echo 0000:02:00.0 > "$SYS/devices/pci0000:00/0000:02:0$((i / 8)).$((i % 8))/tsm/dsm"
		echo tsm0 > "$SYS/devices/pci0000:00/0000:02:0$((i / 8)).$((i % 8))/tsm/bound"
	done
	config '{ "device": "02:00.0", "tsm": null }'
	for args in "disconnect 02:00.0" apply diff; do
		# shellcheck disable=SC2086
		run_split kernel tsmctl $args
		text=$(tail -n 1 <<< "$stderr$output")
		text=${text##*bound*: }
		named=$(grep -oE '0000:02:[0-9a-f]{2}\.[0-7]' <<< "${text#*bound}" | wc -l)
		more=$(sed -nE 's/.*[0-9] and ([0-9]+) more.*/\1/p' <<< "$text")
		[ "$more" -gt 0 ] && [ "$((named + more))" -eq 40 ] || fail "$named and $more in: $text"
	done
}
