# SPDX-License-Identifier: GPL-2.0-or-later
# Devices that the host itself uses, on real disks: assign and apply refuse them, with an
# address, a glob or "all". The root of the test bed is not a disk: a mounted disk stands for it.
# vm: --nvme 2
# kernels: normal oldest

# shellcheck disable=SC2154 # helpers.bash sets what is not set here
load helpers

other=0000:02:00.0

setup_file() {
	load helpers
	load_nvme "$dev" "$other"
	load_all
	modprobe disk_fs
}
teardown_file() {
	load helpers
	modprobe -r disk_fs
	unload_all
}
setup() {
	export TSMCTL_ETC=$BATS_TEST_TMPDIR/etc
	mkdir -m 755 "$TSMCTL_ETC"
	umask 022
	srv=$BATS_TEST_TMPDIR/srv
	mkdir "$srv"
	has_disk() { disk=$(basename "$pci/devices/$dev"/nvme/nvme*/nvme*n1) && [ -b "/dev/$disk" ]; }
	wait_for 30 has_disk
}
teardown() {
	! mountpoint -q "$srv" || umount "$srv"
	for d in "$dev" "$other"; do
		tsmctl --quiet release --forget "$d"
		load_nvme "$d"
	done
}

driver() { basename "$(readlink "$pci/devices/${1:-$dev}/driver")"; }
wanted() { printf '{ "version": 1, "devices": [ %s ] }\n' "$*" >"$TSMCTL_ETC/config.json"; }

# refused TEXT: every way to assign the device is refused and names the use, and the
# driver is as before.
refused() {
	local before
	before=$(cat "$pci/devices/$dev/driver_override")
	for selector in "$dev" '0000:01:*'; do
		run -6 tsmctl assign "$selector"
		assert_line --partial "$dev: the host uses it: $1"
		run -6 tsmctl assign --dry-run "$selector"
	done
	for selector in "$dev" '0000:01:*'; do
		wanted "{ \"device\": \"$selector\", \"assigned\": true }"
		run -8 tsmctl diff
		assert_line --partial "$1"
		run -6 tsmctl apply
		assert_line --partial "$dev: the host uses it: $1"
	done
	# the others are assigned
	run -7 tsmctl assign all
	assert_line --partial "$dev: the host uses it: $1"
	assert_equal "$(driver "$other")" vfio-pci-tsm
	tsmctl --quiet release "$other"
	wanted '{ "device": "all", "assigned": true }'
	run -7 tsmctl apply
	assert_line --partial "$dev: the host uses it: $1"
	assert_equal "$(driver "$other")" vfio-pci-tsm
	assert_equal "$(driver)" nvme
	assert_equal "$(cat "$pci/devices/$dev/driver_override")" "$before"
}

@test "a disk with a mounted file system is not assigned" {
	mount -t disk_fs "/dev/$disk" "$srv"
	refused "$disk is mounted on $srv"
	mountpoint -q "$srv"
	umount "$srv"
	run -0 tsmctl assign "$dev"
}

# add_partition: adds a partition. util-linux of Debian 13 has no addpart, and partx needs a table,
# which goes again, so that the next test finds the disk without one.
add_partition() {
	# an MBR: 2,048 sectors of Linux from sector 2,048 on
	printf '%b' '\0\0\0\0\x83\0\0\0\0\x08\0\0\0\x08\0\0' | dd of="/dev/$disk" bs=1 seek=446 status=none
	printf '%b' '\x55\xaa' | dd of="/dev/$disk" bs=1 seek=510 status=none
	partx --add "/dev/$disk"
	dd if=/dev/zero of="/dev/$disk" bs=512 count=1 status=none
}

@test "a disk with a mounted partition is not assigned" {
	add_partition
	mount -t disk_fs "/dev/${disk}p1" "$srv"
	refused "${disk}p1 is mounted on $srv"
	mountpoint -q "$srv"
	umount "$srv"
	partx --delete "/dev/$disk"
}

@test "a disk with a partition that a process has opened exclusively is not assigned" {
	add_partition
	# as a journal, a log or a volume would have it, which sysfs and /proc do not show
	coproc holder { exec python3 -c 'import os, sys
os.open(sys.argv[1], os.O_RDONLY | os.O_EXCL)
print("open", flush=True)
sys.stdin.read()' "/dev/${disk}p1" 3>&-; }
	read -r answer <&"${holder[0]}"
	assert_equal "$answer" open
	refused "${disk}p1 is opened exclusively"
	eval "exec ${holder[1]}>&-"
	# shellcheck disable=SC2154 # coproc sets it
	wait "$holder_PID" || true
	run -0 tsmctl assign "$dev"
}

@test "with --force a mounted disk is assigned" {
	mount -t disk_fs "/dev/$disk" "$srv"
	run -0 tsmctl assign --force "$dev"
	assert_line --partial "$disk is mounted on $srv"
	assert_equal "$(driver)" vfio-pci-tsm
}
