# SPDX-License-Identifier: GPL-2.0-or-later
# What tsmctl does when it cannot do what was asked, on real kernel attributes: each
# exit status of the table, and the hint for the operator.
# vm: --nvme 2
# kernels: normal oldest

# shellcheck disable=SC2154 # helpers.bash sets what is not set here
load helpers

other=0000:02:00.0

setup() {
	modprobe nvme
	load_all
	prepare
}
teardown() {
	cleanup "$other"
	modprobe -aq vfio_tsm vfio_pci_tsm tsm_sim
	unload_all
}

# fails EXIT HINT ARG...: tsmctl prints one line, which contains HINT. On a slow kernel it
# prints before that what it waits for.
fails() {
	local code=$1 hint=$2
	shift 2
	run --separate-stderr tsmctl "$@"
	[ "$status" -eq "$code" ] || fail "$* gave exit $status, not $code: $stderr"
	assert_equal "$(grep -vc ': waiting for .* ([0-9]* s)$' <<<"$stderr")" 1
	[[ $stderr == *"$hint"* ]] || fail "$* has no hint '$hint': $stderr"
}

@test "exit status 0: the device is as requested" {
	run -0 tsmctl bind "$dev"
	run -0 tsmctl bind "$dev"
	run -0 tsmctl unbind "$dev"
	run -0 tsmctl unbind "$dev"
}

@test "exit status 1: the kernel or the TSM refuses the operation" {
	set_attr tdi_id none
	fails 1 "tsmctl tdi-id $dev ID" bind "$dev"
	set_attr tdi_id 00:05.0
	echo 5 >"$debugfs/$dev/inject/error_bind"
	fails 1 dmesg bind "$dev"
}

@test "exit status 2: wrong usage" {
	fails 2 "--help" mode "$dev" secret
	fails 2 "--help" bind --hold --vmm=1 "$dev"
}

@test "exit status 3: there is no such device" {
	fails 3 "'lspci -D'" show 0000:7f:00.0
	fails 3 "'lspci -D'" bind 0000:7f:00.0
}

@test "exit status 4: it is not allowed" {
	tsmctl deny "$dev"
	fails 4 "tsmctl allow $dev" bind "$dev"
	tsmctl allow "$dev"
	tsmctl mode "$dev" shared
	fails 4 "tsmctl mode $dev exclusive" bind "$dev"
	run --separate-stderr setpriv --reuid=65534 --regid=65534 --clear-groups \
		"$top/build/bin/tsmctl" mode "$dev" exclusive
	assert_equal "$status" 4
	[[ $stderr == *"run it as root"* ]]
}

@test "exit status 5: something on this host is missing" {
	tsmctl disconnect "$dev"
	fails 5 "tsmctl connect $dev" bind "$dev"
	fails 5 "tsmctl doctor $dev' fails on: connection" bind "$dev"
	fails 5 "'ls /sys/class/tsm' shows the TSMs" connect "$dev" --tsm tsm7
	release
	fails 5 "tsmctl assign $dev" bind "$dev"
	cleanup
	unload_all
	fails 5 "tsmctl load" mode "$dev" shared
	fails 5 "tsmctl load" assign "$dev"
}

@test "exit status 6: the device is bound" {
	tsmctl bind "$dev"
	fails 6 "tsmctl unbind" mode "$dev" shared
	fails 6 "tsmctl unbind" release "$dev"
	fails 6 "'tsmctl unbind $dev' or 'tsmctl revoke $dev' first" disconnect "$dev"
	fails 6 "tsmctl release all" unload
	fails 6 "tsmctl unload" load --sim "$other"
	tsmctl revoke "$dev"
	fails 6 "tsmctl unbind" bind "$dev"
	# a holder that does not react
	kill -STOP "$(attr owner)"
	fails 6 "'tsmctl revoke $dev' unbinds without it" unbind "$dev" --timeout 1
	kill -CONT "$(attr owner)"
}

@test "exit status 6: another process has the device open, or the modules are in use" {
	mkfifo "$BATS_TEST_TMPDIR/go"
	vfio-client "$dev" open "sh:read x <$BATS_TEST_TMPDIR/go" >/dev/null 3>&- &
	eventually open attr state
	fails 6 "stop that process first" release "$dev"
	fails 6 "" bind "$dev" --hold
	kill_holders
	release
	fails 6 "tsmctl unload --forget" unload
	rmdir "$configfs/$dev"
	exec {held}<"$debugfs/violations"
	fails 6 lsmod unload
	exec {held}<&-
	run -0 tsmctl unload
}

@test "exit status 7: it failed for some of the devices" {
	prepare "$other"
	tsmctl deny "$dev"
	fails 7 "tsmctl allow $dev" bind "$dev" "$other"
	assert_equal "$(attr state) $(attr state "$other")" "closed bound"
	tsmctl unbind "$other"
}

@test "exit status 8: a device differs from the document" {
	printf '{"version": 1, "devices": [{"device": "%s", "region_mode": "shared"}]}' "$dev" |
		{ run tsmctl diff --file -; assert_equal "$status" 8; }
}

@test "modules of two versions are not loaded together" {
	local version other_version
	version=$(modinfo -F version vfio_pci_tsm)
	other_version=9${version:1}
	sed "s/${version//./\\.}/$other_version/g" "$(modinfo -n vfio_pci_tsm)" >"$BATS_TEST_TMPDIR/vfio_pci_tsm.ko"
	release
	modprobe -r tsm_sim
	rmmod vfio_pci_tsm
	dmesg --clear
	run -1 insmod "$BATS_TEST_TMPDIR/vfio_pci_tsm.ko"
	assert_output --partial "Invalid"
	run dmesg
	assert_output --partial "vfio_tsm has version $version, and not $other_version: unload it first"
}
