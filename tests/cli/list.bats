#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2013,SC2016,SC2030,SC2031,SC2154
# tsmctl list and show: what they show, and the shape of their JSON.
# as root: only root can be another user
bats_require_minimum_version 1.5.0
load helpers

KEYS='["address", "name", "vendor_id", "device_id", "driver", "tsm", "dsm", "tdi_tsm", "region_mode", "region_mode_active", "bar_mmap", "bind_allowed", "state", "origin", "quarantine", "tdi_id", "vdevice_id", "owner", "generation", "numa_node", "owner_name", "owner_is_helper", "last_error", "iommu_group", "guest_requests", "requests", "last_request", "tdi_state", "can_bind"]'

setup() { fake_host; }

@test "list: no device gives an empty array and exit 0" {
	run_split tsmctl list --json
	assert_success
	assert_envelope r '[]' \
		e '[]' \
		'd["changed"]' false
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

@test "list: keys are the same for one and many devices, with and without our modules" {
	fake_device 0000:01:00.0
	fake_tsm_side 0000:01:00.0
	run_split tsmctl list --json
	assert_success
	assert_envelope 'len(r)' 1 \
		'list(r[0])' "$KEYS"

	for i in 1 2 3 4 5; do fake_assigned "0000:02:00.$i"; done
	fake_policy 0000:03:00.0 absent
	run_split tsmctl list --json
	assert_success
	json_is 'len(r)' 7 \
		"all(list(x) == $KEYS for x in r)" true

	rm -r "$CFG"
	run_split tsmctl list --json
	assert_success
	json_is 'len(r)' 6 \
		"all(list(x) == $KEYS for x in r)" true
}

@test "list: what nobody knows is null, or - for people" {
	rm -r "$CFG"
	fake_device 0000:01:00.0 e1000e
	fake_tsm_side 0000:01:00.0
	run_split tsmctl list --json
	assert_success
	json_is '[k for k in "state region_mode owner tdi_id generation bind_allowed last_error tsm dsm guest_requests requests last_request tdi_state can_bind".split()
			if r[0][k] is not None]' '[]' \
		'r[0]["driver"]' e1000e \
		'r[0]["vendor_id"] + ":" + r[0]["device_id"]' 8086:10c9
	run tsmctl list
	assert_line --regexp '^0000:01:00.0 +- +e1000e +- +- +- +- +- +- +- +'
}

@test "list: a device that is bound, in full" {
	fake_assigned 0000:01:00.0 bound
	policy 0000:01:00.0 owner 4711
	policy 0000:01:00.0 tdi_id 0000:00:02.0
	policy 0000:01:00.0 region_mode_active exclusive
	policy 0000:01:00.0 last_error "-16 mapped"
	run_split tsmctl show 01:00.0 --json
	assert_success
	json_is 'r[0]["state"]' bound \
		'r[0]["owner"]' 4711 \
		'r[0]["tdi_id"]' 0000:00:02.0 \
		'r[0]["region_mode"]' default \
		'r[0]["region_mode_active"]' exclusive \
		'r[0]["tsm"]' tsm0 \
		'r[0]["dsm"]' 0000:01:00.0 \
		'r[0]["bind_allowed"]' true \
		'r[0]["generation"]' 3 \
		'r[0]["iommu_group"]' 7 \
		'r[0]["numa_node"]' null \
		'r[0]["last_error"]' '{"errno": "EBUSY", "stage": "mapped"}'
	run tsmctl show 01:00.0
	assert_line --regexp '^state +bound$'
	assert_line --regexp '^last_error +EBUSY at mapped$'
}

@test "list, show: a TSM that cannot bind" {
	for i in 1 2 3 4 5; do
		fake_assigned "0000:0$i:00.0"
		fake_tdi "0000:0$i:00.0" unknown
	done
	for i in 1 4 5; do echo 0 > "$SYS/devices/pci0000:00/0000:0$i:00.0/vfio_tsm/can_bind"; done
	echo unknown > "$SYS/devices/pci0000:00/0000:03:00.0/vfio_tsm/can_bind"
	# a TSM that reports the state of a TDI also does so of one that is not bound
	echo unlocked > "$SYS/devices/pci0000:00/0000:04:00.0/vfio_tsm/tdi_state"
	# the bind is older than the TSM that cannot
	echo run > "$SYS/devices/pci0000:00/0000:05:00.0/vfio_tsm/tdi_state"
	policy 0000:05:00.0 state bound
	run_split tsmctl list --json
	assert_success
	json_is '[x["can_bind"] for x in r]' '[false, true, null, false, false]'
	run tsmctl list
	assert_line --regexp '^0000:04:00.0 +closed +vfio-pci-tsm +tsm0 +- +- +no-bind +default +'
	assert_line --regexp '^0000:05:00.0 +bound +vfio-pci-tsm +tsm0 +- +- +run +default +'
	assert_line --regexp '^0000:01:00.0 +closed +vfio-pci-tsm +tsm0 +- +- +no-bind +default +'
	assert_line --regexp '^0000:02:00.0 +closed +vfio-pci-tsm +tsm0 +- +- +- +default +'
	assert_line --regexp '^0000:03:00.0 +closed +vfio-pci-tsm +tsm0 +- +- +- +default +'
	run tsmctl show 01:00.0
	assert_line --regexp '^can_bind +no$'
}

@test "list, show: where the TDI stands, and what its guest has asked for" {
	fake_assigned 0000:01:00.0 bound
	fake_tdi 0000:01:00.0 run
	policy 0000:01:00.0 guest_requests none
	fake_assigned 0000:02:00.0
	fake_tdi 0000:02:00.0 unknown
	echo none > "$SYS/devices/pci0000:00/0000:02:00.0/vfio_tsm/last_request"
	for verb in list show; do
		run_split tsmctl $verb --json
		assert_success
		json_is '[x["tdi_state"] for x in r]' '["run", null]' \
			'[x["guest_requests"] for x in r]' '["none", "all"]' \
			'r[0]["requests"]' '[{"scope": "info", "count": 3, "failed": 1}, {"scope": "state-change", "count": 2, "failed": 0}]' \
			'r[0]["last_request"]' '{"scope": "info", "errno": null, "residue": 239, "tsm_code": "0x0"}' \
			'r[1]["last_request"]' null
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
	json_is 'r[0]["last_request"]' '{"scope": "state-change", "errno": "EACCES", "residue": null, "tsm_code": "0x8000000000000001"}'
}

@test "list: on a terminal of 80 columns, the TDI's state is there" {
	fake_assigned 0000:01:00.0 bound
	fake_tdi 0000:01:00.0 unlocked
	policy 0000:01:00.0 owner 4194304
	policy 0000:01:00.0 tdi_id 0000:00:05.0
	COLUMNS=80 run_split script -qec "tsmctl list 2> '$BATS_TEST_TMPDIR/error'" /dev/null
	assert_line --regexp ' unlocked[[:space:]]*$'
	refute_output --partial ACTIVE
}

@test "list, show: hostile requests, last request and TDI state stay text" {
	fake_assigned 0000:01:00.0
	fake_tdi 0000:01:00.0
	dir=$SYS/devices/pci0000:00/0000:01:00.0/vfio_tsm
	printf '\033[2J 18446744073709551615 -1\nx\n\n \n%%n 1' > "$dir/requests"
	printf '\033[2Jx -9223372036854775808 \033[2J\n' > "$dir/last_request"
	printf '\033[2J\n' > "$dir/tdi_state"
	run_split tsmctl show --json
	assert_success
	json_is 'r[0]["tdi_state"]' '\x1b[2J' \
		'r[0]["last_request"]["errno"]' null \
		'[x["scope"] for x in r[0]["requests"]]' '["\\x1b[2J"]'
	run tsmctl show
	refute_output --partial $'\033'
	head -c 5000 /dev/zero | tr '\0' A > "$dir/requests"
	: > "$dir/last_request"
	run_split tsmctl show --json
	json_is '[r[0]["requests"], r[0]["last_request"]]' '[null, null]'
}

@test "list: takes devices with a TSM side, assigned ones, those with policy; no others" {
	fake_device 0000:01:00.0
	fake_device 0000:02:00.0
	fake_tsm_side 0000:02:00.0
	fake_device 0000:03:00.0 vfio-pci-tsm
	fake_policy 0000:04:00.0 absent
	run_split tsmctl list --json
	json_is '[x["address"] for x in r]' '["0000:02:00.0", "0000:03:00.0", "0000:04:00.0"]'
	run_split tsmctl list 0000:01:00.0 --json
	assert_success
	json_is 'r[0]["state"]' unassigned
}

@test "list: without directory, our driver's own sysfs tells the state" {
	fake_device 0000:01:00.0 vfio-pci-tsm
	mkdir "$SYS/bus/pci/devices/0000:01:00.0/vfio_tsm"
	echo open > "$SYS/bus/pci/devices/0000:01:00.0/vfio_tsm/state"
	run_split tsmctl list --json
	json_is 'r[0]["state"]' open
}

# never_answers ADDR ATTR: a process that opens this attribute waits for ever
never_answers() {
	rm -f "$SYS/devices/pci0000:00/$1/$2"
	mkfifo "$SYS/devices/pci0000:00/$1/$2"
}

@test "list, show: the TSM of a TDI comes from configfs, and PCI/TSM's own attribute is not read" {
	fake_assigned 0000:01:00.0 bound
	policy 0000:01:00.0 tsm tsm0
	fake_assigned 0000:01:00.1
	# without a directory, our driver's sysfs tells that it is not bound
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
		json_is '[x["tdi_tsm"] for x in r]' '["tsm0", null, null, null]' \
			'[x["tsm"] for x in r]' '["tsm0", "tsm0", "tsm0", "tsm0"]' \
			e '[]'
	done
}

@test "list: the TSM of a TDI comes from PCI/TSM where only that knows it" {
	fake_device 0000:01:00.0 vfio-pci
	fake_tsm_side 0000:01:00.0 tsm0
	echo tsm0 > "$SYS/devices/pci0000:00/0000:01:00.0/tsm/bound"
	fake_device 0000:01:00.1 vfio-pci-tsm
	fake_tsm_side 0000:01:00.1 tsm0
	mkdir "$SYS/devices/pci0000:00/0000:01:00.1/vfio_tsm"
	echo 1 > "$SYS/devices/pci0000:00/0000:01:00.1/vfio_tsm/bound"
	echo tsm0 > "$SYS/devices/pci0000:00/0000:01:00.1/tsm/bound"
	run_split tsmctl list --json
	json_is '[x["tdi_tsm"] for x in r]' '["tsm0", "tsm0"]'
}

@test "list, show: a TSM that keeps PCI/TSM busy is one error, and all else is shown" {
	for fn in 0 1 2; do
		fake_assigned "0000:01:00.$fn"
		never_answers "0000:01:00.$fn" tsm/connect
		never_answers "0000:01:00.$fn" tsm/dsm
	done
	for verb in list show; do
		run_split tsmctl $verb --json
		assert_equal "$status" 7
		assert_envelope '[[x["tsm"], x["dsm"], x["state"]] for x in r]' \
			'[[null, null, "closed"], [null, null, "closed"], [null, null, "closed"]]' \
			'[[x["device"], x["attribute"], x["errno"], x["stage"]] for x in e]' \
			'[["0000:01:00.0", "tsm/connect", "EBUSY", "read"]]'
	done
	run_split tsmctl list
	assert_equal "${#lines[@]}" 4
	assert_one_line 0000:01:00.0 "a TSM is slow"
}

@test "list: hostile content of attributes stays text" {
	fake_assigned 0000:01:00.0
	printf '\033[2Jx"\xff\n' > "$CFG/0000:01:00.0/tsm/state"
	head -c 5000 /dev/zero | tr '\0' A > "$CFG/0000:01:00.0/tsm/tdi_id"
	mkdir "$CFG/../vfio_tsm/..x" "$CFG/0000:01:00.0 "
	rm "$CFG/0000:01:00.0/tsm/owner"
	ln -s /etc/passwd "$CFG/0000:01:00.0/tsm/owner"
	run_split tsmctl list --json
	assert_success
	json_is 'len(r)' 1 \
		'r[0]["state"]' '\x1b[2Jx"\xff' \
		'r[0]["tdi_id"]' null \
		'r[0]["owner"]' null
	run tsmctl list
	refute_output --partial $'\033'
}

@test "list: is linear: at most four system calls for a device that it does not list, no process" {
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

@test "show: names the holder, and tells our helper from one that has its name" {
	fake_assigned 0000:01:00.0 bound
	cp "$(type -P sleep)" "$BATS_TEST_TMPDIR/tsm-bind-helper"
	"$BATS_TEST_TMPDIR/tsm-bind-helper" 60 > /dev/null 2>&1 3>&- &
	pid=$!
	until_true grep -q tsm-bind "/proc/$pid/comm"
	policy 0000:01:00.0 owner "$pid"
	run_split tsmctl show 01:00.0 --json
	json_is 'r[0]["owner_name"]' tsm-bind-helper \
		'r[0]["owner_is_helper"]' false
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
	json_is 'r[0]["owner_is_helper"]' false
	policy 0000:01:00.0 owner none
	run_split tsmctl show 01:00.0 --json
	json_is 'r[0]["owner_name"], r[0]["owner_is_helper"]' '[null, null]'
}

@test "show: who may not open the lock file is told by another whether it is our helper" {
	[ "$(id -u)" -eq 0 ] || skip "only root can be another user"
	fake_assigned 0000:01:00.0 bound
	policy 0000:01:00.0 owner "$$"
	mkdir -p "$RUN"
	echo "$$" > "$RUN/0000:01:00.0.lock"
	echo "$$" > "$RUN/0000:01:00.0.pid"
	chmod 600 "$RUN/0000:01:00.0.lock"
	chmod 755 "$BATS_RUN_TMPDIR" "$BATS_TEST_TMPDIR" "${BATS_TEST_TMPDIR%/*}"
	as_user() { run_split setpriv --reuid 2001 --regid 2001 --clear-groups "$(type -P tsmctl)" show 01:00.0 --json; }
	as_user
	json_is 'r[0]["owner_is_helper"]' true
	# who may open it goes by the lock
	run_split tsmctl show 01:00.0 --json
	json_is 'r[0]["owner_is_helper"]' false
	chown 2002 "$RUN/0000:01:00.0.pid"
	as_user
	json_is 'r[0]["owner_is_helper"]' false
}

@test "show: a lock in a run directory that others can write does not make our helper" {
	fake_assigned 0000:01:00.0 bound
	policy 0000:01:00.0 owner "$$"
	mkdir -p "$RUN"
	exec 8> "$RUN/0000:01:00.0.lock"
	flock 8
	echo "$$" >&8
	run_split tsmctl show 01:00.0 --json
	json_is 'r[0]["owner_is_helper"]' true
	chmod 0777 "$RUN"
	run_split tsmctl show 01:00.0 --json
	json_is 'r[0]["owner_is_helper"]' false
	# nor does a lock file that has a name elsewhere
	chmod 0755 "$RUN"
	ln "$RUN/0000:01:00.0.lock" "$BATS_TEST_TMPDIR/elsewhere"
	run_split tsmctl show 01:00.0 --json
	json_is 'r[0]["owner_is_helper"]' false
	exec 8>&-
}

@test "list: at most ten system calls a function where one in 16 is listed; one device is as fast on any host" {
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
