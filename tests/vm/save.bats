# SPDX-License-Identifier: GPL-2.0-or-later
# save and apply while devices are unplugged and plugged in, and what release restores.
# vm: --nvme 2 --timeout 900

# shellcheck disable=SC2154 # helpers.bash sets what is not set here
load helpers

setup_file() { load helpers; load_all; }
teardown_file() { load helpers; unload_all; }

setup() {
	export TSMCTL_ETC=$BATS_TEST_TMPDIR/etc
	mkdir -m 755 "$TSMCTL_ETC"
	umask 022
	[ -e "$pci/devices/$dev" ] || plug
}

teardown() { cleanup; }

monitor() { "$top/tests/bed/monitor" "$@"; }
present() { [ -e "$pci/devices/$dev" ] && echo yes || echo no; }
in_slot() { monitor info qtree | grep -q 'id "nvme0"' && echo yes || echo no; }

# plug [OPTIONS]: plugs in the same controller, or another one if OPTIONS change it
plug() {
	monitor device_add "nvme,id=nvme0,bus=rp0,drive=drive0,serial=again${1:+,$1}"
	eventually yes present
}

unplug() {
	monitor device_del nvme0
	eventually no present
	eventually no in_slot
}

# member KEY: a member of the device's entry in the configuration
member() {
	python3 -c 'import json, sys
print([x.get(sys.argv[3]) for x in json.load(open(sys.argv[1]))["devices"] if x["device"] == sys.argv[2]][0])' \
		"$TSMCTL_ETC/config.json" "$dev" "$1"
}

@test "save keeps the entry of a device that is unplugged, and apply configures it when it is back" {
	prepare
	tsmctl mode "$dev" exclusive
	run -0 tsmctl save
	cp "$TSMCTL_ETC/config.json" "$BATS_TEST_TMPDIR/before"
	assert_regex "$(member id)" '^1b36:0010:'
	unplug
	# the state after a reboot without the device
	rmdir "$configfs/$dev"
	run -0 tsmctl save
	assert_line "$dev: note: it is not present: its entry is unchanged, except policy"
	cmp "$TSMCTL_ETC/config.json" "$BATS_TEST_TMPDIR/before"
	plug
	run -8 tsmctl diff
	run -0 tsmctl apply
	run -0 tsmctl diff
	assert_output ""
	[ "$pci/devices/$dev/driver" -ef "$pci/drivers/vfio-pci-tsm" ]
	assert_equal "$(cat "$pci/devices/$dev/tsm/connect")" tsm0
	assert_equal "$(attr tdi_id)" 0000:00:05.0
	run client open tsm-bind
	assert_line "tsm-bind OK"
}

@test "apply refuses another controller in the slot, and save keeps the entry of the first" {
	prepare
	run -0 tsmctl save
	unplug
	plug use-intel-id=on
	run tsmctl apply
	assert_equal "$status" 7
	assert_output --partial "$dev: another device has this address: 8086:5845"
	assert_output --partial "instead of 1b36:0010"
	assert_equal "$(cat "$pci/devices/$dev/tsm/connect")" ""
	run -0 tsmctl save
	assert_line --partial "the entry for 1b36:0010"
	assert_regex "$(member id)" '^1b36:0010:'
	assert_equal "$(member assigned)" True
	unplug
	plug
	run -0 tsmctl apply
	assert_equal "$(cat "$pci/devices/$dev/tsm/connect")" tsm0
}

# serial: the serial number, once the nvme driver shows it
serial() { xargs cat 2>/dev/null < <(ls "$pci/devices/$dev"/nvme/nvme*/serial 2>/dev/null) | tr -d ' '; }
# wanted SUBSYSTEM: the units that udev's events of SUBSYSTEM have systemd start
wanted() {
	awk -v RS= "/\nSUBSYSTEM=$1\n/" "$BATS_TEST_TMPDIR/events" | sed -n 's/^SYSTEMD_WANTS=//p'
}

@test "udev has a device applied when it appears, and when nvme shows its serial number" {
	local unit=tsmctl-device@$dev.service monitor
	modprobe nvme
	unplug
	mkdir -p /run/udev/rules.d /run/tsmctl
	cp "$top/udev/90-tsmctl.rules" /run/udev/rules.d
	touch /run/tsmctl/applied
	# a document with a serial number, which apply cannot check before the driver shows it
	echo '{"version":1,"devices":[{"device":"'"$dev"'","serial":"other","assigned":true}]}' > "$TSMCTL_ETC/config.json"
	/lib/systemd/systemd-udevd --daemon
	udevadm monitor --udev --property > "$BATS_TEST_TMPDIR/events" 3>&- &
	monitor=$!
	wait_for 30 grep -q "^UDEV" "$BATS_TEST_TMPDIR/events"
	plug
	eventually "$unit" wanted pci
	echo "$dev" > "$pci/devices/$dev/driver/unbind"
	run -1 tsmctl apply
	assert_output --partial "cannot tell whether"
	echo "$dev" > "$pci/drivers_probe"
	eventually "$unit" wanted nvme
	# The serial number is no longer awaited, and the device stays released.
	eventually again serial
	run -1 tsmctl apply
	assert_output --partial "serial number again instead of"
	[ ! -e "/run/tsmctl/$dev.awaited" ]
	kill $monitor
	udevadm control --exit
	rm /run/udev/rules.d/90-tsmctl.rules /run/tsmctl/applied
}

@test "an NVMe that was assigned keeps its serial number in the configuration" {
	load_nvme "$dev"
	eventually again serial
	run -0 tsmctl assign "$dev"
	[ ! -e "$pci/devices/$dev/nvme" ]
	run -0 tsmctl save
	assert_equal "$(member serial)" again
	run -0 tsmctl release "$dev"
	sed -i 's/"again"/"another"/' "$TSMCTL_ETC/config.json"
	eventually again serial
	run tsmctl apply
	assert_equal "$status" 7
	assert_output --partial "serial number again instead of"
}

@test "release restores the driver_override from before the assign" {
	modprobe vfio-pci
	assign "$dev" vfio-pci
	run -0 tsmctl assign "$dev"
	assert_line "$dev: driver vfio-pci-tsm (was vfio-pci)"
	run -0 tsmctl release "$dev"
	assert_line "$dev: driver vfio-pci (was vfio-pci-tsm)"
	assert_equal "$(cat "$pci/devices/$dev/driver_override")" vfio-pci
}

@test "unload --forget reports the policies that it removes" {
	mkdir -p "$configfs/$dev" "$configfs/0000:7f:00.0"
	run -0 tsmctl unload --forget --dry-run
	assert_line "0000:7f:00.0: would set policy none (now kept)"
	run -0 tsmctl unload --forget --json
	assert_output --partial 7f:00.0
	load_all
	[ ! -d "$configfs/$dev" ]
}
