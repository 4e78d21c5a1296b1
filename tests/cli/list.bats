#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2013,SC2016,SC2030,SC2031,SC2154
# tsmctl list and show: the state of devices, as text and as JSON.
# as root: only root can be another user
bats_require_minimum_version 1.5.0
load helpers

setup() { fake_host; }

@test "list: no device gives an empty array and exit 0" {
	run_split tsmctl list --json
	assert_success
	assert_golden list-nothing
	assert_equal "$stderr" ""
	for verb in list show; do
		run_split tsmctl $verb
		assert_success
		assert_output ""
		assert_one_line "no device" "tsmctl doctor"
		run_split tsmctl $verb --quiet
		assert_success
		assert_equal "$output$stderr" ""
		run_split tsmctl $verb --json
		assert_equal "$stderr" ""
		run_split tsmctl $verb 09:00.0
		assert_equal "$status" 3
		assert_one_line "no such device"
	done
	fake_device 0000:01:00.0 vfio-pci-tsm
	run_split tsmctl list
	assert_equal "$stderr" ""
}

@test "list: has the same keys for each device, with and without the modules" {
	fake_device 0000:01:00.0
	fake_tsm_side 0000:01:00.0
	run_split tsmctl list --json
	assert_success
	assert_golden list-one

	for i in 1 2; do fake_assigned "0000:02:00.$i"; done
	fake_policy 0000:03:00.0 absent
	run_split tsmctl list --json
	assert_success
	assert_golden list-many

	rm -r "$CFG"
	run_split tsmctl list --json
	assert_success
	assert_golden list-without-modules
}

@test "list: prints - for an unknown value, and null in JSON" {
	rm -r "$CFG"
	fake_device 0000:01:00.0 e1000e
	fake_tsm_side 0000:01:00.0
	run_split tsmctl list --json
	assert_success
	assert_golden list-unknown
	run tsmctl list
	assert_line --regexp '^0000:01:00.0 +- +e1000e +- +- +- +- +- +- +- +'
}

@test "show: prints everything about a bound device" {
	fake_assigned 0000:01:00.0 bound
	policy 0000:01:00.0 owner 4711
	policy 0000:01:00.0 tdi_id 0000:00:02.0
	policy 0000:01:00.0 region_mode_active exclusive
	policy 0000:01:00.0 last_error "-16 mapped"
	run_split tsmctl show 01:00.0 --json
	assert_success
	assert_golden show-bound
	run tsmctl show 01:00.0
	assert_line --regexp '^state +bound$'
	assert_line --regexp '^last_error +EBUSY at mapped$'
}

@test "list, show: show that the TSM of a device cannot bind" {
	for i in 1 2 3 4 5; do
		fake_assigned "0000:0$i:00.0"
		fake_tdi "0000:0$i:00.0" unknown
	done
	for i in 1 4 5; do echo 0 > "$SYS/devices/pci0000:00/0000:0$i:00.0/vfio_tsm/can_bind"; done
	echo unknown > "$SYS/devices/pci0000:00/0000:03:00.0/vfio_tsm/can_bind"
	# a TSM may report the state of a TDI that is not bound
	echo unlocked > "$SYS/devices/pci0000:00/0000:04:00.0/vfio_tsm/tdi_state"
	# it was bound before the TSM that cannot bind came
	echo run > "$SYS/devices/pci0000:00/0000:05:00.0/vfio_tsm/tdi_state"
	policy 0000:05:00.0 state bound
	run_split tsmctl list --json
	assert_success
	assert_equal "$(results can_bind)" "false
true
null
false
false"
	run tsmctl list
	assert_line --regexp '^0000:04:00.0 +closed +vfio-pci-tsm +tsm0 +- +- +no-bind +default +'
	assert_line --regexp '^0000:05:00.0 +bound +vfio-pci-tsm +tsm0 +- +- +run +default +'
	assert_line --regexp '^0000:01:00.0 +closed +vfio-pci-tsm +tsm0 +- +- +no-bind +default +'
	assert_line --regexp '^0000:02:00.0 +closed +vfio-pci-tsm +tsm0 +- +- +- +default +'
	assert_line --regexp '^0000:03:00.0 +closed +vfio-pci-tsm +tsm0 +- +- +- +default +'
	run tsmctl show 01:00.0
	assert_line --regexp '^can_bind +no$'
}

@test "list, show: show the state of the TDI, and the requests of its guest" {
	fake_assigned 0000:01:00.0 bound
	fake_tdi 0000:01:00.0 run
	policy 0000:01:00.0 guest_requests none
	fake_assigned 0000:02:00.0
	fake_tdi 0000:02:00.0 unknown
	echo none > "$SYS/devices/pci0000:00/0000:02:00.0/vfio_tsm/last_request"
	for verb in list show; do
		run_split tsmctl $verb --json
		assert_success
		assert_golden "$verb-requests"
	done
	run tsmctl list
	assert_line --regexp '^ADDRESS +STATE +DRIVER +TSM +TDI-ID +OWNER +TDI-STATE +MODE +'
	assert_line --regexp '^0000:01:00.0 +bound +vfio-pci-tsm +tsm0 +- +- +run +default +'
	assert_line --regexp '^0000:02:00.0 +closed +vfio-pci-tsm +tsm0 +- +- +- +default +'
	run tsmctl show 01:00.0
	assert_line --regexp '^guest_requests +none$'
	assert_line --regexp '^requests +info 3 \(1 failed\), state-change 2 \(0 failed\)$'
	assert_line --regexp '^last_request +info: residue 239, TSM code 0x0$'
	assert_line --regexp '^tdi_state +run$'
	echo "state-change -13 0x8000000000000001" > "$SYS/devices/pci0000:00/0000:01:00.0/vfio_tsm/last_request"
	run tsmctl show 01:00.0
	assert_line --regexp '^last_request +state-change: EACCES, TSM code 0x8000000000000001$'
	run_split tsmctl show 01:00.0 --json
	assert_golden show-request-failed
}

@test "show: has what was counted, and what was refused, since the device was assigned" {
	fake_assigned 0000:01:00.0
	fake_tdi 0000:01:00.0
	dir=$SYS/devices/pci0000:00/0000:01:00.0/vfio_tsm
	for row in open_count:7 bind_count:5 loss_count:2 last_unbind:aer; do echo "${row#*:}" > "$dir/${row%:*}"; done
	printf 'reset 2\nhot-reset 0\nbar 1\n' > "$dir/blocked"
	run_split tsmctl show 01:00.0 --json
	assert_success
	assert_golden show-history
	run tsmctl show 01:00.0
	assert_line --regexp '^binds +5$'
	assert_line --regexp '^lost_binds +2$'
	assert_line --regexp '^last_unbind +aer$'
	assert_line --regexp '^refused +reset 2, bar 1$'
	# nothing was refused, and an older module that does not count losses
	echo 'reset 0' > "$dir/blocked"
	rm "$dir/loss_count"
	run_split tsmctl show 01:00.0 --json
	assert_equal "$(results "refused lost_binds")" "[] null"
	run_split tsmctl list --json
	[[ $output != *lost_binds* ]] || fail "$output"
}

@test "list: shows the state of the TDI on a terminal of 80 columns" {
	fake_assigned 0000:01:00.0 bound
	fake_tdi 0000:01:00.0 unlocked
	policy 0000:01:00.0 owner 4194304
	policy 0000:01:00.0 tdi_id 0000:00:05.0
	COLUMNS=80 run_split script -qec "tsmctl list 2> '$BATS_TEST_TMPDIR/error'" /dev/null
	assert_line --regexp ' unlocked[[:space:]]*$'
	refute_output --partial ACTIVE
}

@test "list, show: escape hostile requests, last requests and TDI states" {
	fake_assigned 0000:01:00.0
	fake_tdi 0000:01:00.0
	dir=$SYS/devices/pci0000:00/0000:01:00.0/vfio_tsm
	printf '\033[2J 18446744073709551615 -1\nx\n\n \n%%n 1' > "$dir/requests"
	printf '\033[2Jx -9223372036854775808 \033[2J\n' > "$dir/last_request"
	printf '\033[2J\n' > "$dir/tdi_state"
	run_split tsmctl show --json
	assert_success
	assert_golden show-hostile-requests
	run tsmctl show
	refute_output --partial $'\033'
	head -c 5000 /dev/zero | tr '\0' A > "$dir/requests"
	: > "$dir/last_request"
	run_split tsmctl show --json
	assert_equal "$(results "requests last_request")" "null null"
}

@test "list: lists devices that have a TSM side, are assigned, or have policy, and no others" {
	fake_device 0000:01:00.0
	fake_device 0000:02:00.0
	fake_tsm_side 0000:02:00.0
	fake_device 0000:03:00.0 vfio-pci-tsm
	fake_policy 0000:04:00.0 absent
	run_split tsmctl list --json
	assert_equal "$(results address)" "0000:02:00.0
0000:03:00.0
0000:04:00.0"
	run_split tsmctl list 0000:01:00.0 --json
	assert_success
	assert_equal "$(results state)" unassigned
}

@test "list: takes the state from the driver's sysfs if the device has no directory in configfs" {
	fake_device 0000:01:00.0 vfio-pci-tsm
	mkdir "$SYS/bus/pci/devices/0000:01:00.0/vfio_tsm"
	echo open > "$SYS/bus/pci/devices/0000:01:00.0/vfio_tsm/state"
	run_split tsmctl list --json
	assert_equal "$(results state)" open
}

@test "list, show: read the TSM of a TDI from configfs, and not from PCI/TSM's own attribute" {
	fake_assigned 0000:01:00.0 bound
	policy 0000:01:00.0 tsm tsm0
	fake_assigned 0000:01:00.1
	# without a directory in configfs, the driver's file in sysfs shows that it is not bound
	fake_device 0000:01:00.2 vfio-pci-tsm
	fake_tsm_side 0000:01:00.2 tsm0
	mkdir "$SYS/devices/pci0000:00/0000:01:00.2/vfio_tsm"
	echo 0 > "$SYS/devices/pci0000:00/0000:01:00.2/vfio_tsm/bound"
	fake_device 0000:01:00.3 nvme
	fake_tsm_side 0000:01:00.3 tsm0
	for fn in 0 1 2 3; do never_answers "0000:01:00.$fn" tsm/bound; done
	for verb in list show; do
		run_split tsmctl $verb --json
		assert_success
		assert_equal "$(errors message)" ""
		assert_equal "$(results "address tdi_tsm tsm")" "0000:01:00.0 tsm0 tsm0
0000:01:00.1 null tsm0
0000:01:00.2 null tsm0
0000:01:00.3 null tsm0"
	done
}

@test "list: reads the TSM of a TDI from PCI/TSM if only that has it" {
	fake_device 0000:01:00.0 vfio-pci
	fake_tsm_side 0000:01:00.0 tsm0
	echo tsm0 > "$SYS/devices/pci0000:00/0000:01:00.0/tsm/bound"
	fake_device 0000:01:00.1 vfio-pci-tsm
	fake_tsm_side 0000:01:00.1 tsm0
	mkdir "$SYS/devices/pci0000:00/0000:01:00.1/vfio_tsm"
	echo 1 > "$SYS/devices/pci0000:00/0000:01:00.1/vfio_tsm/bound"
	echo tsm0 > "$SYS/devices/pci0000:00/0000:01:00.1/tsm/bound"
	run_split tsmctl list --json
	assert_equal "$(results tdi_tsm)" "tsm0
tsm0"
}

@test "list, show: a TSM that keeps PCI/TSM busy is one error, and everything else is shown" {
	for fn in 0 1 2; do
		fake_assigned "0000:01:00.$fn"
		never_answers "0000:01:00.$fn" tsm/connect
		never_answers "0000:01:00.$fn" tsm/dsm
	done
	for verb in list show; do
		run_split tsmctl $verb --json
		assert_equal "$status" 7
		assert_golden "$verb-slow"
	done
	run_split tsmctl list
	assert_equal "${#lines[@]}" 4
	assert_one_line 0000:01:00.0 "a TSM is slow"
}

@test "list: escapes hostile contents of attributes" {
	fake_assigned 0000:01:00.0
	printf '\033[2Jx"\xff\n' > "$CFG/0000:01:00.0/tsm/state"
	head -c 5000 /dev/zero | tr '\0' A > "$CFG/0000:01:00.0/tsm/tdi_id"
	mkdir "$CFG/../vfio_tsm/..x" "$CFG/0000:01:00.0 "
	rm "$CFG/0000:01:00.0/tsm/owner"
	ln -s /etc/passwd "$CFG/0000:01:00.0/tsm/owner"
	run_split tsmctl list --json
	assert_success
	assert_golden list-hostile
	run tsmctl list
	refute_output --partial $'\033'
}

@test "list: needs at most four system calls for a device that it does not list, and no process" {
	command -v strace > /dev/null || skip "no strace"
	count() { ASAN_OPTIONS=detect_leaks=0 strace -f -o "$BATS_TEST_TMPDIR/trace" tsmctl list > /dev/null &&
		wc -l < "$BATS_TEST_TMPDIR/trace"; }
	for i in {0..1}{0..9}; do fake_device "0000:$i:00.0"; done
	few=$(count)
	for i in {2..9}{0..9}; do fake_device "0000:$i:00.0"; done
	many=$(count)
	[ $((many - few)) -le $((80 * 4)) ] || fail "$few calls for 20 devices, $many for 100"
	run grep -cE '^[0-9]+ +(v?fork|clone3?|execve)\(' "$BATS_TEST_TMPDIR/trace"
	assert_output 1
}

@test "show: names the owner, and does not take another process of that name for the helper" {
	fake_assigned 0000:01:00.0 bound
	cp "$(type -P sleep)" "$BATS_TEST_TMPDIR/tsm-bind-helper"
	"$BATS_TEST_TMPDIR/tsm-bind-helper" 60 > /dev/null 2>&1 3>&- &
	pid=$!
	until_true grep -q tsm-bind "/proc/$pid/comm"
	policy 0000:01:00.0 owner "$pid"
	run_split tsmctl show 01:00.0 --json
	assert_equal "$(results "owner_name owner_is_helper")" "tsm-bind-helper false"
	mkdir -p "$RUN"
	(flock 9 && echo "$pid" >&9 && exec sleep 60) 9> "$RUN/0000:01:00.0.lock" > /dev/null 2>&1 3>&- &
	lock=$!
	until_true grep -q "$pid" "$RUN/0000:01:00.0.lock"
	run tsmctl show 01:00.0
	kill "$pid" "$lock"
	wait "$pid" "$lock" || true
	assert_line --regexp '^owner_name +tsm-bind-helper$'
	assert_line --regexp '^owner_is_helper +yes$'
	run_split tsmctl show 01:00.0 --json
	assert_equal "$(results owner_is_helper)" false
	policy 0000:01:00.0 owner none
	run_split tsmctl show 01:00.0 --json
	assert_equal "$(results "owner_name owner_is_helper")" "null null"
}

@test "show: a user who may not open the lock file sees in the pid file whether the helper is the owner" {
	as_root
	fake_assigned 0000:01:00.0 bound
	policy 0000:01:00.0 owner "$$"
	mkdir -p "$RUN"
	echo "$$" > "$RUN/0000:01:00.0.lock"
	echo "$$" > "$RUN/0000:01:00.0.pid"
	chmod 600 "$RUN/0000:01:00.0.lock"
	chmod 755 "$BATS_RUN_TMPDIR" "$BATS_TEST_TMPDIR" "${BATS_TEST_TMPDIR%/*}"
	as_user() { run_split setpriv --reuid 2001 --regid 2001 --clear-groups "$(type -P tsmctl)" show 01:00.0 --json; }
	as_user
	assert_equal "$(results owner_is_helper)" true
	# a user who may open the lock file relies on the lock
	run_split tsmctl show 01:00.0 --json
	assert_equal "$(results owner_is_helper)" false
	chown 2002 "$RUN/0000:01:00.0.pid"
	as_user
	assert_equal "$(results owner_is_helper)" false
}

@test "show: a lock that other users could have made does not count" {
	fake_assigned 0000:01:00.0 bound
	policy 0000:01:00.0 owner "$$"
	mkdir -p "$RUN"
	exec 8> "$RUN/0000:01:00.0.lock"
	flock 8
	echo "$$" >&8
	run_split tsmctl show 01:00.0 --json
	assert_equal "$(results owner_is_helper)" true
	chmod 0777 "$RUN"
	run_split tsmctl show 01:00.0 --json
	assert_equal "$(results owner_is_helper)" false
	# a lock file with a second hard link does not count
	chmod 0755 "$RUN"
	ln "$RUN/0000:01:00.0.lock" "$BATS_TEST_TMPDIR/elsewhere"
	run_split tsmctl show 01:00.0 --json
	assert_equal "$(results owner_is_helper)" false
	exec 8>&-
}

@test "list: needs at most ten system calls for each function; show of one device needs no more on a large host" {
	command -v strace > /dev/null || skip "no strace"
	count() { ASAN_OPTIONS=detect_leaks=0 strace -f -qq -o "$BATS_TEST_TMPDIR/trace" tsmctl "$@" > /dev/null &&
		wc -l < "$BATS_TEST_TMPDIR/trace"; }
	"$BATS_TEST_DIRNAME/../bench/tree" "$BATS_TEST_TMPDIR/few" 32
	"$BATS_TEST_DIRNAME/../bench/tree" "$BATS_TEST_TMPDIR/many" 352
	SYSFS_PATH=$BATS_TEST_TMPDIR/few
	few=$(count list) show=$(count show 00:00.0)
	SYSFS_PATH=$BATS_TEST_TMPDIR/many
	many=$(count list)
	[ $((many - few)) -le $((320 * 10)) ] || fail "$few calls for 32 functions, $many for 352"
	again=$(count show 00:00.0)
	# the program is mapped at random places, for which malloc may need a call more
	[ $((again - show)) -le 4 ] || fail "show: $show calls among 32 functions, $again among 352"
}
