#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2013,SC2016,SC2030,SC2031,SC2154
# tsmctl list, show, metrics and monitor: what they read of a device, and how many system calls
# that takes.
bats_require_minimum_version 1.5.0
load helpers

setup() { fake_host; }

# fake_summary ADDR: the files summary in configfs and sysfs, with what the single files have
fake_summary() {
	local dir=$SYS/devices/pci0000:00/$1/vfio_tsm file

	mkdir -p "$dir"
	for file in "$CFG/$1"/tsm/* "$dir"/*; do
		[ "${file##*/}" = summary ] || echo "${file##*/}=$(paste -sd , "$file")"
	done > "$BATS_TEST_TMPDIR/summary"
	[ ! -d "$CFG/$1/tsm" ] || cp "$BATS_TEST_TMPDIR/summary" "$CFG/$1/tsm/summary"
	mv "$BATS_TEST_TMPDIR/summary" "$dir/summary"
}

# busy_host: devices in several states, with all files of the driver
busy_host() {
	local i dir

	for i in 1 2 3; do
		fake_assigned "0000:0$i:00.0"
		fake_tdi "0000:0$i:00.0"
		dir=$SYS/devices/pci0000:00/0000:0$i:00.0/vfio_tsm
		for row in open_count:7 bind_count:5 loss_count:2 last_unbind:aer; do echo "${row#*:}" > "$dir/${row%:*}"; done
		printf 'reset 2\nhot-reset 0\nbar 1\n' > "$dir/blocked"
	done
	fake_policy 0000:02:00.0 bound
	policy 0000:02:00.0 owner 4711
	policy 0000:02:00.0 tdi_id 0000:00:02.0
	policy 0000:02:00.0 tsm tsm0
	policy 0000:03:00.0 last_error "-16 mapped"
	policy 0000:03:00.0 quarantine 1
	policy 0000:03:00.0 guest_requests none
	fake_policy 0000:04:00.0 absent
	fake_device 0000:05:00.0 nvme
	fake_tsm_side 0000:05:00.0
	fake_policy 0000:05:00.0 unassigned
}

# answer VERB: its JSON without what differs from run to run
answer() {
	case $1 in
	monitor) tsmctl monitor --json --present --events present --count 5 | sed 's/"time":"[^"]*"//' ;;
	*) tsmctl "$1" --json ;;
	esac
}

@test "list, show, metrics, monitor: print the same from the summary of a device as from its single files" {
	local verb

	busy_host
	for verb in list metrics monitor show; do answer $verb > "$BATS_TEST_TMPDIR/$verb"; done
	for i in 1 2 3 4 5; do fake_summary "0000:0$i:00.0"; done
	# only the summary is read: the single files have other values
	for file in "$CFG"/*/tsm/* "$SYS"/devices/*/*/vfio_tsm/*; do [[ $file = */summary ]] || echo 99 > "$file"; done
	rm -r "$SYS"/devices/pci0000:00/0000:04:00.0 "$SYS/devices/pci0000:00/0000:05:00.0/vfio_tsm"
	for verb in list metrics monitor show; do
		run_split answer $verb
		assert_success
		assert_equal "$output" "$(< "$BATS_TEST_TMPDIR/$verb")"
	done
	assert_golden show-summary
}

@test "list: reads the summary in sysfs if the device has no directory in configfs" {
	fake_device 0000:01:00.0 vfio-pci-tsm
	mkdir "$SYS/bus/pci/devices/0000:01:00.0/vfio_tsm"
	printf 'state=bound\nregion_mode=default\nregion_mode_active=exclusive\ntdi_id=0000:00:02.0\nowner=4711\n' \
		> "$SYS/bus/pci/devices/0000:01:00.0/vfio_tsm/summary"
	run_split tsmctl list --json
	assert_equal "$(results "state region_mode region_mode_active tdi_id owner bar_mmap")" \
		"bound default exclusive 0000:00:02.0 4711 refuse"
}

@test "list, show: take what a summary lacks from the single files, and ignore unknown lines of it" {
	fake_assigned 0000:01:00.0 bound
	fake_tdi 0000:01:00.0 run
	policy 0000:01:00.0 owner 4711
	# the first of two lines counts; a name is a whole one
	printf 'x\n=\n\nnew_key=1\nstate=open\nstate=closed\nowne=1\nowner_x=2\nstat=lost\n tdi_state=error\n' > "$CFG/0000:01:00.0/tsm/summary"
	run_split tsmctl show --json
	assert_success
	assert_equal "$(results "state owner tdi_state origin tdi_id")" "open 4711 run vfio null"
}

@test "list, show: escape a hostile summary, and do not use one that is longer than a page" {
	local name

	fake_assigned 0000:01:00.0
	fake_tdi 0000:01:00.0
	printf 'state=\033[2Jx"\xff\nowner=4294967296\nlast_error=-99999999999 \033[2J\nrequests=\033[2J 1 1,,x,%%n 1\nblocked=,\nlast_request=,\ntdi_id=%s\nbind_allowed=\ncan_bind=\033\ntdi_state=\n' \
		"$(head -c 300 /dev/zero | tr '\0' A)" > "$CFG/0000:01:00.0/tsm/summary"
	run_split tsmctl show --json
	assert_success
	assert_golden show-hostile-summary
	for name in list show; do
		run tsmctl $name
		assert_success
		refute_output --partial $'\033'
	done
	{ echo state=lost; head -c 4090 /dev/zero | tr '\0' '\n'; } > "$CFG/0000:01:00.0/tsm/summary"
	run_split tsmctl list --json
	assert_equal "$(results state)" closed
	printf 'state=lost' > "$CFG/0000:01:00.0/tsm/summary"
	run_split tsmctl list --json
	assert_equal "$(results state)" lost
	rm "$CFG/0000:01:00.0/tsm/summary"
	ln -s /etc/passwd "$CFG/0000:01:00.0/tsm/summary"
	run_split tsmctl list --json
	assert_success
	assert_equal "$(results state)" closed
}

@test "list: takes driver and IDs from uevent, and from the single files if it is not a whole one" {
	fake_device 0000:01:00.0 vfio-pci-tsm
	dev=$SYS/devices/pci0000:00/0000:01:00.0
	seen() {
		# shellcheck disable=SC2059 # a format
		printf "$1" > "$dev/uevent"
		run_split tsmctl list --json
		assert_success
		assert_equal "$(results "driver vendor_id device_id")" "$2"
	}
	seen 'DRIVER=vfio-pci-tsm\nPCI_CLASS=20000\nPCI_ID=1B36:0010\n' "vfio-pci-tsm 1b36 0010"
	fake_tsm_side 0000:01:00.0
	seen 'PCI_ID=1B36:0010\n' "null 1b36 0010"
	for text in '' 'PCI_ID=1B36:001\n' 'PCI_ID=1B36:00100\n' 'PCI_ID=+1B3:0010\n' 'PCI_ID= 1B3:0010\n' 'PCI_ID=1B36::010\n' \
		'DRIVER=../../x\nPCI_ID=1B36:0010\n' 'PCI_CLASS=1\n'; do
		seen "$text" 'vfio-pci-tsm "8086" 10c9'
	done
	head -c 2000 /dev/zero | tr '\0' A > "$dev/uevent"
	run_split tsmctl list --json
	assert_equal "$(results "driver vendor_id device_id")" 'vfio-pci-tsm "8086" 10c9'
}

@test "list, metrics: need at most 15 and 25 system calls for a device" {
	command -v strace > /dev/null || skip "no strace"
	count() { ASAN_OPTIONS=detect_leaks=0 strace -f -qq -o "$BATS_TEST_TMPDIR/trace" tsmctl "$@" > /dev/null &&
		wc -l < "$BATS_TEST_TMPDIR/trace"; }
	for n in 32 352; do
		"$BATS_TEST_DIRNAME/../bench/tree" "$BATS_TEST_TMPDIR/$n" "$n" 1
		SYSFS_PATH=$BATS_TEST_TMPDIR/$n
		count list > "$BATS_TEST_TMPDIR/$n.text"
		count list --json > "$BATS_TEST_TMPDIR/$n.json"
		count metrics > "$BATS_TEST_TMPDIR/$n.metrics"
	done
	grew() { echo $(($(< "$BATS_TEST_TMPDIR/352.$1") - $(< "$BATS_TEST_TMPDIR/32.$1"))); }
	[ "$(grew text)" -le $((320 * 15)) ] || fail "$(grew text) calls for 320 devices"
	# the keys that are not columns: NUMA node and IOMMU group
	[ "$(grew json)" -le $((320 * 19)) ] || fail "--json: $(grew json) calls for 320 devices"
	# vendor and device, and tsm/connect and tsm/dsm, which may wait for a TSM, are single files;
	# then memory and output
	[ "$(grew metrics)" -le $((320 * 25)) ] || fail "metrics: $(grew metrics) calls for 320 devices"
}
