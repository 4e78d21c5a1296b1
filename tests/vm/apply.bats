# SPDX-License-Identifier: GPL-2.0-or-later
# apply, diff, save, doctor and monitor on real kernel attributes.
# vm: --nvme 2
# kernels: normal oldest

# shellcheck disable=SC2154 # helpers.bash sets what is not set here
load helpers

setup_file() { load helpers; load_all; }
teardown_file() { load helpers; unload_all; }
setup() {
	export TSMCTL_ETC=$BATS_TEST_TMPDIR/etc
	mkdir -m 755 "$TSMCTL_ETC"
	umask 022
}
teardown() { cleanup "$other"; }

other=0000:02:00.0

# host: two devices that differ in everything that a document can contain
host() {
	prepare
	tsmctl mode "$dev" exclusive
	tsmctl mode "$dev" --bar-mmap revoke
	tsmctl requests "$dev" none
	assign "$other"
	mkdir -p "$configfs/$other"
	tsmctl mode "$other" shared
	set_attr bind_allowed 0 "$other"
}

@test "save after apply writes the same file, byte by byte, and a second apply changes nothing" {
	host
	run -0 tsmctl save
	cp "$TSMCTL_ETC/config.json" "$BATS_TEST_TMPDIR/before"
	cleanup "$other"
	run -8 tsmctl diff
	run -0 tsmctl apply
	assert_output --partial "driver vfio-pci-tsm"
	run -0 tsmctl save
	cmp "$TSMCTL_ETC/config.json" "$BATS_TEST_TMPDIR/before"
	assert_equal "$(attr guest_requests) $(attr guest_requests "$other")" "none all"
	run -0 tsmctl diff
	run -0 tsmctl apply
	assert_output ""
	run client open tsm-bind
	assert_line "tsm-bind OK"
}

@test "apply changes the other devices, but not a bound one" {
	host
	tsmctl save
	tsmctl bind "$dev"
	sed -i "s/\"bar_mmap\": *\"revoke\"/\"bar_mmap\": \"refuse\"/; s/\"bind_allowed\": *false/\"bind_allowed\": true/" \
		"$TSMCTL_ETC/config.json"
	run -7 tsmctl apply
	assert_equal "$(attr state)" bound
	assert_equal "$(attr bar_mmap)" revoke
	assert_equal "$(attr bind_allowed "$other")" 1
	assert_equal "$(sim violations)" 0
	tsmctl unbind "$dev"
	run -0 tsmctl apply
	assert_equal "$(attr bar_mmap)" refuse
}

@test "apply --prune disconnects and releases the devices that no document names" {
	host
	echo '{"version": 1, "devices": []}' >"$TSMCTL_ETC/config.json"
	run -0 tsmctl apply --prune
	assert_equal "$(cat "$pci/devices/$dev/tsm/connect")" ""
	[ ! -d "$configfs/$dev" ]
	[ ! -d "$configfs/$other" ]
	refute [ "$(readlink "$pci/devices/$dev/driver")" -ef "$pci/drivers/vfio-pci-tsm" ]
}

@test "doctor passes a device that can be bound, and finds what another one lacks" {
	prepare
	run -0 tsmctl doctor "$dev"
	set_attr tdi_id none
	run tsmctl doctor "$dev"
	assert_failure
	assert_output --partial tdi-id
	run tsmctl doctor "$other"
	assert_failure
	assert_output --partial assign
}

@test "monitor prints a bind, an unbind and a loss with their reasons" {
	prepare
	tsmctl monitor "$dev" --json --events bound,unbound,lost --count 4 >"$BATS_TEST_TMPDIR/events" 3>&- &
	listening() { grep -qs . "/proc/$!/net/netlink" && awk -v pid="$!" '$3 == pid { print "yes"; exit }' /proc/net/netlink; }
	eventually yes listening
	client open tsm-bind tsm-unbind tsm-bind "sh:echo tsm0 >$pci/devices/$dev/tsm/disconnect" \
		"sh:cat $configfs/$dev/tsm/state" close
	tsmctl connect "$dev"
	wait $!
	run python3 -c 'import json, sys
for line in open(sys.argv[1]):
    for r in json.loads(line)["result"]:
        print(r["event"], r["reason"])' "$BATS_TEST_TMPDIR/events"
	assert_output "bound None
unbound ioctl
bound None
lost lost"
}

@test "monitor prints each change of a connection and of the policy" {
	local pid
	prepare
	tsmctl monitor "$dev" --json --events present,connected,disconnected,policy --count 6 \
		>"$BATS_TEST_TMPDIR/events" 3>&- &
	pid=$!
	# It prints the present devices as soon as it follows changes.
	eventually 1 grep -c '"present"' "$BATS_TEST_TMPDIR/events"
	seen() { wait_for 30 grep -q "$1" "$BATS_TEST_TMPDIR/events"; }
	tsmctl disconnect "$dev"
	seen '"disconnected"'
	echo tsm0 >"$pci/devices/$dev/tsm/connect"
	seen '"connected"'
	tsmctl mode "$dev" exclusive
	seen '"region_mode"'
	echo 0 >"$configfs/$dev/tsm/bind_allowed"
	seen '"bind_allowed"'
	tsmctl requests "$dev" info
	wait $pid
	run python3 -c 'import json, sys
for line in open(sys.argv[1]):
    for r in json.loads(line)["result"]:
        print(r["event"], r["tsm"], r["attribute"], r["previous"], r["value"])' "$BATS_TEST_TMPDIR/events"
	assert_line --index 1 --partial "disconnected "
	assert_line --index 2 --partial "connected tsm0 "
	assert_line --index 3 --partial "policy None region_mode default exclusive"
	assert_line --index 4 --partial "policy None bind_allowed "
	assert_line --index 5 "policy None guest_requests all info"
}
