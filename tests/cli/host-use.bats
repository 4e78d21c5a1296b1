#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2016,SC2030,SC2031,SC2154
# tsmctl assign, apply and diff refuse devices that the host itself uses.
bats_require_minimum_version 1.5.0
load helpers

setup_file() {
	build_kernel
	build_preload block
}

setup() {
	fake_capable_host
	export TSMCTL_ROOT=$BATS_TEST_TMPDIR/root
	PRELOAD_TOO=$BATS_RUN_TMPDIR/block.so
	PROC=$TSMCTL_ROOT/proc
	mkdir -p "$PROC/self" "$SYS/class/block" "$SYS/class/nvme-subsystem"
	: > "$PROC/self/mountinfo"
	printf 'Filename\tType\tSize\tUsed\tPriority\n' > "$PROC/swaps"
}

# block DIRECTORY NUMBER: a block device as sysfs shows it.
block() {
	mkdir -p "$1/holders" "$1/queue"
	echo "$2" > "$1/dev"
	ln -s "$SYS/class/block" "$1/subsystem"
	ln -s "$1" "$SYS/class/block/${1##*/}"
}
# partition DIRECTORY NUMBER
partition() { block "$@" && echo 1 > "$1/partition"; }
# mounted NUMBER POINT [TYPE [SOURCE]]
mounted() { echo "29 1 $1 / $2 rw,relatime shared:1 - ${3:-ext4} ${4:-/dev/root} rw" >> "$PROC/self/mountinfo"; }
# held_by DIRECTORY NAME
held_by() { ln -s "$SYS/class/block/$2" "$1/holders/$2"; }

# disk: a disk with two partitions
disk() {
	NVME=$DEV/nvme/nvme0/nvme0n1
	block "$NVME" 259:0
	partition "$NVME/nvme0n1p1" 259:1
	partition "$NVME/nvme0n1p2" 259:2
}

# refused USE [HINT]: assign, apply and diff refuse the device, and the error names USE.
refused() { refused_by "01:00.0" '"device": "01:00.0"' "$@"; }

# used USE: show names USE.
used() {
	run_split kernel tsmctl show 01:00.0 --json
	assert_equal "$(results in_use)" "$1"
}

# refused_by SELECTOR ENTRY USE [HINT]: the same for the devices of SELECTOR on the command
# line, and of ENTRY in the configuration
refused_by() {
	local before option

	rm -rf "$RUN"
	before=$(snapshot)
	for option in --verbose --dry-run; do
		run_split kernel tsmctl assign "$1" --json $option
		[ "$status" -eq 6 ] || fail "$1 $option gave exit $status"
		assert_equal "$(errors "attribute errno stage value")" "in_use EBUSY in-use $3"
	done
	run_split kernel tsmctl assign 01:00.0
	assert_one_line 0000:01:00.0 "the host uses it: $3" "${4---force}"
	config "{ $2, \"assigned\": true, \"bind_allowed\": false }"
	for option in --verbose --dry-run; do
		run_split kernel tsmctl apply --json $option
		[ "$status" -eq 6 ] || fail "apply $option gave exit $status"
		assert_equal "$(errors "attribute value")" "in_use $3"
	done
	run_split kernel tsmctl diff --json
	assert_equal "$status" 8
	assert_equal "$(results "value note" attribute=in_use)" "$3 apply will refuse it: the host uses it"
	rm -rf "$RUN"
	assert_equal "$(snapshot)" "$before"
	assert_equal "$(< "$FAKE_LOG")" ""
	used "${SHOWN-$3}"
}

@test "host use: a mounted file system on a partition, or on the whole disk, is a use" {
	disk
	mounted 259:3 /other
	run_split tsmctl show 01:00.0 --json
	assert_equal "$(results in_use)" null
	mounted 259:1 '/srv/a\040b'
	refused "nvme0n1p1 is mounted on /srv/a b"
	for selector in '0000:0[1-3]:*' 8086:10c9 all; do
		refused_by "$selector" '"device": "all"' "nvme0n1p1 is mounted on /srv/a b"
	done
	echo > "$PROC/self/mountinfo"
	mounted 259:0 /
	refused "nvme0n1 is mounted on /"
}

@test "host use: a mounted file system of several devices, or of another mount namespace, is a use" {
	disk
	mounted 0:33 /data btrfs /dev/nvme0n1p2
	refused "nvme0n1p2 is mounted on /data"
	: > "$PROC/self/mountinfo"
	mkdir -p "$SYS/fs/btrfs/12-34/devices" "$SYS/fs/xfs"
	ln -s "$NVME/nvme0n1p1" "$SYS/fs/btrfs/12-34/devices/nvme0n1p1"
	refused "nvme0n1p1 is part of a mounted btrfs file system"
	rm -r "$SYS/fs/btrfs"
	mkdir "$SYS/fs/xfs/nvme0n1p2"
	refused "nvme0n1p2 is mounted (xfs) in another mount namespace"
}

# node NAME NUMBER [ERRNO]: a block device below /dev, for fake-block.c; ERRNO if it cannot be opened exclusively
node() { mkdir -p "$TSMCTL_ROOT/dev" && echo "$2 ${3:-}" > "$TSMCTL_ROOT/dev/$1"; }

@test "host use: the other devices of a file system, and its log, are a use" {
	disk
	mounted 0:33 /data bcachefs /dev/nvme0n1p2:/dev/sdz1
	refused "nvme0n1p2 is mounted on /data"
	: > "$PROC/self/mountinfo"
	mounted 0:33 /data bcachefs /dev/sdz1:/dev/nvme0n1p1
	refused "nvme0n1p1 is mounted on /data"
	for option in logdev rtdev; do
		echo "29 1 8:1 / /x rw shared:1 - xfs /dev/sda1 rw,$option=/dev/nvme0n1p2,noquota" > "$PROC/self/mountinfo"
		refused "nvme0n1p2 is mounted on /x"
	done
}

@test "host use: swap whose node was removed is a use" {
	disk
	echo '/dev/nvme0n1p2\040(deleted)	partition	1048572	0	-2' >> "$PROC/swaps"
	refused "nvme0n1p2 is used as swap"
}

# would_refuse USE: assign would refuse the device, and the error names USE.
would_refuse() {
	run_split kernel tsmctl assign 01:00.0 --dry-run --json
	assert_equal "$(errors value)" "$1"
}

@test "host use: a block device that is opened exclusively is a use, whatever has it open" {
	disk
	node nvme0n1p1 259:1 16
	# show only looks: a mount at the moment of an exclusive open would fail
	SHOWN=null refused "nvme0n1p1 is opened exclusively, as a file system, a volume or swap does it" "fuser -v /dev/nvme0n1p1"
	# the kernel also refuses the disk then; a use that is known has its own message alone
	node nvme0n1 259:0 16
	would_refuse "nvme0n1p1 is opened exclusively, as a file system, a volume or swap does it"
	mounted 259:1 /srv
	refused "nvme0n1p1 is mounted on /srv"
	: > "$PROC/self/mountinfo"
	rm "$TSMCTL_ROOT/dev/nvme0n1p1"
	would_refuse "nvme0n1 is opened exclusively, as a file system, a volume or swap does it"
	# the node has the name that the kernel gives it
	node nvme0n1 259:0
	mkdir "$TSMCTL_ROOT/dev/names"
	printf 'MAJOR=259\nMINOR=2\nDEVNAME=names/p2\n' > "$NVME/nvme0n1p2/uevent"
	node names/p2 259:2 16
	would_refuse "nvme0n1p2 is opened exclusively, as a file system, a volume or swap does it"
	# another block device, a link, and a node that the caller may not open
	node names/p2 259:3 16
	node other 259:2 16
	ln -s other "$TSMCTL_ROOT/dev/nvme0n1p1"
	node nvme0n1 259:0 13
	used null
	run_split kernel tsmctl assign 01:00.0
	assert_success
}

@test "host use: swap on a partition or on a logical volume is a use" {
	disk
	echo '/dev/nvme0n1p2	partition	1048572	0	-2' >> "$PROC/swaps"
	refused "nvme0n1p2 is used as swap" "run 'swapoff /dev/nvme0n1p2' first, or"
	sed -i 's,nvme0n1p2,dm-0,' "$PROC/swaps"
	block "$SYS/devices/virtual/block/dm-0" 253:0
	mkdir "$SYS/devices/virtual/block/dm-0/dm"
	echo vg-swap > "$SYS/devices/virtual/block/dm-0/dm/name"
	held_by "$NVME/nvme0n1p1" dm-0
	refused "nvme0n1p1 belongs to dm-0 (vg-swap), which is used as swap" "run 'swapoff /dev/dm-0' first, or"
}

@test "host use: a member of dm or md is a use, and the error names what is stacked on it" {
	disk
	block "$SYS/devices/virtual/block/md127" 9:127
	held_by "$NVME/nvme0n1p1" md127
	refused "nvme0n1p1 belongs to md127"
	partition "$SYS/devices/virtual/block/md127/md127p1" 259:9
	mounted 259:9 /home
	refused "nvme0n1p1 belongs to md127, whose md127p1 is mounted on /home"
	: > "$PROC/self/mountinfo"
	block "$SYS/devices/virtual/block/dm-3" 253:3
	mkdir "$SYS/devices/virtual/block/dm-3/dm"
	echo vg-root > "$SYS/devices/virtual/block/dm-3/dm/name"
	held_by "$SYS/devices/virtual/block/md127" dm-3
	mounted 253:3 /
	refused "nvme0n1p1 belongs to md127, which belongs to dm-3 (vg-root), which is mounted on /"
	# an upper device that has no directory in /sys/class/block
	rm "$NVME/nvme0n1p1/holders/md127"
	mkdir "$NVME/holders/bcache0"
	refused "nvme0n1 belongs to bcache0"
}

@test "host use: the number of a character device is not taken for that of a block device" {
	disk
	mkdir -p "$DEV/nvme/nvme0/ng0n1" "$SYS/class/nvme-generic"
	ln -s "$SYS/class/nvme-generic" "$DEV/nvme/nvme0/ng0n1/subsystem"
	echo 253:0 > "$DEV/nvme/nvme0/ng0n1/dev"
	mounted 253:0 /
	run_split kernel tsmctl assign 01:00.0
	assert_success
}

@test "host use: a mounted disk behind an HBA, or namespace of a multipath NVMe, is a use" {
	block "$DEV/ata1/host0/target0:0:0/0:0:0:0/block/sda" 8:0
	partition "$DEV/ata1/host0/target0:0:0/0:0:0:0/block/sda/sda1" 8:1
	mounted 8:1 /boot
	refused "sda1 is mounted on /boot"
	rm -r "$DEV/ata1"
	mkdir -p "$DEV/nvme/nvme3/nvme0c3n1"
	subsystem=$SYS/devices/virtual/nvme-subsystem/nvme-subsys0
	block "$subsystem/nvme0n1" 259:7
	ln -s "$DEV/nvme/nvme3" "$subsystem/nvme3"
	ln -s ../../devices/virtual/nvme-subsystem/nvme-subsys0 "$SYS/class/nvme-subsystem/nvme-subsys0"
	mounted 259:7 /srv
	refused "nvme0n1 is mounted on /srv"
	rm "$subsystem/nvme3"
	run_split tsmctl show 01:00.0 --json
	assert_equal "$(results in_use)" null
}

@test "host use: a network interface that is up, enslaved, or carries another one is a use" {
	NET=$DEV/net/eth0
	mkdir -p "$NET"
	echo 0x1002 > "$NET/flags"
	echo down > "$NET/operstate"
	run_split tsmctl show 01:00.0 --json
	assert_equal "$(results in_use)" null
	# up without a link
	echo 0x1003 > "$NET/flags"
	refused "eth0 is up" "run 'ip link set eth0 down' first, or"
	echo 0x1002 > "$NET/flags"
	ln -s ../../../../virtual/net/bond0 "$NET/master"
	refused "eth0 belongs to bond0" "run 'ip link set eth0 nomaster' first, or"
	rm "$NET/master"
	ln -s ../../../../virtual/net/eth0.7 "$NET/upper_eth0.7"
	refused "eth0 carries eth0.7" "run 'ip link delete eth0.7' first, or"
	# below another bus
	rm -r "$DEV/net"
	mkdir -p "$DEV/virtio0/net/eth1"
	echo up > "$DEV/virtio0/net/eth1/operstate"
	refused "eth1 is up"
}

# class_device PATH CLASS: a device of a class below the function
class_device() {
	mkdir -p "$DEV/$1"
	ln -s "$SYS/class/$2" "$DEV/$1/subsystem"
	: > "$DEV/$1/uevent"
}

@test "host use: a console of the kernel, a watchdog that runs, and a mediated device are a use" {
	class_device 0000:01:00.0:0/0000:01:00.0:0.0/tty/ttyS4 tty
	echo N > "$DEV/0000:01:00.0:0/0000:01:00.0:0.0/tty/ttyS4/console"
	used null
	echo Y > "$DEV/0000:01:00.0:0/0000:01:00.0:0.0/tty/ttyS4/console"
	refused "ttyS4 is a console of the kernel" "boot without console=ttyS4, or"
	rm -r "$DEV/0000:01:00.0:0"
	class_device watchdog/watchdog0 watchdog
	echo inactive > "$DEV/watchdog/watchdog0/state"
	used null
	echo active > "$DEV/watchdog/watchdog0/state"
	refused "watchdog0 is a watchdog that runs" "stop the program that serves /dev/watchdog0"
	rm -r "$DEV/watchdog"
	class_device 83b8f4f2-509f-382f-3c1e-e6bfe0fa1001 mdev
	refused "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001 is a mediated device of it" \
		"'echo 1 > /sys/bus/mdev/devices/83b8f4f2-509f-382f-3c1e-e6bfe0fa1001/remove'"
	run_split kernel tsmctl assign --force 01:00.0
	assert_success
}

@test "host use: the display that the firmware used is a use while it shows something" {
	class_device drm/card0 drm
	class_device drm/card0/card0-DP-1 drm
	echo enabled > "$DEV/drm/card0/card0-DP-1/enabled"
	used null
	echo 0 > "$DEV/boot_vga"
	used null
	echo 1 > "$DEV/boot_vga"
	refused "card0-DP-1 shows the display of the host" "stop the graphical session"
	echo disabled > "$DEV/drm/card0/card0-DP-1/enabled"
	used null
	class_device graphics/fb0 graphics
	refused "fb0 is the frame buffer of the console of the host"
	echo 0 > "$DEV/boot_vga"
	used null
}

@test "host use: VFs of a PF are a use, also with --force" {
	echo 2 > "$DEV/sriov_numvfs"
	refused "it has 2 virtual functions" "run 'echo 0 > /sys/bus/pci/devices/0000:01:00.0/sriov_numvfs' first"
	fake_device 0000:01:10.1 vfio-pci-tsm
	fake_policy 0000:01:10.1 open
	policy 0000:01:10.1 owner $$
	ln -s ../0000:01:10.0 "$DEV/virtfn0"
	ln -s ../0000:01:10.1 "$DEV/virtfn1"
	run_split kernel tsmctl assign --force 01:00.0
	assert_equal "$status" 6
	assert_one_line 0000:01:10.1 "process $$ ("
	policy 0000:01:10.1 owner none
	policy 0000:01:10.1 state closed
	# even if no process has the VFs open, because the driver refuses a PF that has VFs
	run_split kernel tsmctl assign --force 01:00.0
	assert_equal "$status" 6
	assert_one_line 0000:01:00.0 "it has 2 virtual functions"
	config '{ "device": "01:00.0", "assigned": true, "force": true }'
	run_split kernel tsmctl apply
	assert_equal "$status" 6
	run_split kernel tsmctl diff
	assert_line "0000:01:00.0: note: apply will refuse it: the host uses it"
	echo 0 > "$DEV/sriov_numvfs"
	run_split kernel tsmctl apply
	assert_success
}

@test "host use: a file that cannot be read counts as a use" {
	disk
	rm "$PROC/self/mountinfo"
	refused "/proc/self/mountinfo cannot be read: No such file or directory"
	: > "$PROC/self/mountinfo"
	rm "$PROC/swaps" # a kernel without swap
	echo many > "$DEV/sriov_numvfs"
	refused "its sriov_numvfs cannot be read: Invalid argument" sriov_numvfs
}

@test "host use: a mount outside of the container, or a loop device, is a use" {
	disk
	mkdir "$PROC/1"
	echo "29 1 259:1 / /srv rw,relatime shared:1 - vfat /dev/nvme0n1p1 rw" > "$PROC/1/mountinfo"
	refused "nvme0n1p1 is mounted on /srv"
	rm "$PROC/1/mountinfo"
	block "$SYS/devices/virtual/block/loop0" 7:0
	mkdir "$SYS/devices/virtual/block/loop0/loop"
	echo /dev/nvme0n1p2 > "$SYS/devices/virtual/block/loop0/loop/backing_file"
	refused "nvme0n1p2 belongs to loop0" "run 'losetup -d /dev/loop0' first, or"
}

@test "host use: a network interface of any name, or in another network namespace, is a use" {
	local name

	for name in power .x trace queues; do
		mkdir -p "$DEV/net/$name"
		echo up > "$DEV/net/$name/operstate"
		refused "$name is up"
		rm -r "${DEV:?}/net/$name"
	done
	# the hint is pasted into a shell, and @ would stand for the device
	for name in 'a;b' 'a@b'; do
		mkdir -p "$DEV/net/$name"
		echo up > "$DEV/net/$name/operstate"
		refused "$name is up" "run 'ip link set NAME down' first, or"
		rm -r "${DEV:?}/net/$name"
	done
	refused "it has an interface in another network namespace"
}

@test "host use: a tree that is nested too deep counts as a use; many paths to one device take no time" {
	local path=$DEV i j

	for i in {1..40}; do path+=/expander-$i; done
	block "$path/block/sda" 8:0
	run_split kernel tsmctl assign 01:00.0
	assert_equal "$status" 6
	assert_one_line 0000:01:00.0 "is nested too deep to be looked at"
	rm -r "$DEV/expander-1" "$SYS/class/block/sda"
	disk
	for i in {1..12}; do
		for j in 1 2 3; do block "$SYS/devices/virtual/block/dm-$i$j" "253:$i$j"; done
	done
	for j in 1 2 3; do held_by "$NVME" "dm-1$j"; done
	for i in {1..11}; do
		for j in 1 2 3; do
			for name in 1 2 3; do held_by "$SYS/devices/virtual/block/dm-$i$j" "dm-$((i + 1))$name"; done
		done
	done
	run_split kernel timeout 60 tsmctl assign 01:00.0
	assert_equal "$status" 6
}

@test "host use: show names all uses" {
	disk
	mounted 259:1 /srv
	echo '/dev/nvme0n1p2	partition	1048572	0	-2' >> "$PROC/swaps"
	run_split tsmctl show 01:00.0 --json
	assert_equal "$(results in_use | sed 's/; /\n/' | sort)" "nvme0n1p1 is mounted on /srv
nvme0n1p2 is used as swap"
}

@test "host use: assign --force assigns the device, and names the use" {
	disk
	mounted 259:1 /srv
	run_split kernel tsmctl assign --force --dry-run --json 01:00.0
	assert_success
	assert_equal "$(results "attribute value")" "in_use nvme0n1p1 is mounted on /srv
driver vfio-pci-tsm"
	run_split kernel tsmctl assign --force 01:00.0
	assert_success
	assert_line "0000:01:00.0: note: it is assigned all the same, because of --force"
	assert_line "0000:01:00.0: driver vfio-pci-tsm (was nvme)"
}

@test "host use: apply assigns the device only if an entry for its address has force" {
	disk
	mounted 259:1 /srv
	for device in all '0000:01:*' 8086:10c9; do
		config "{ \"device\": \"$device\", \"assigned\": true, \"force\": true }"
		run_split kernel tsmctl apply
		assert_equal "$status" 2
		assert_one_line "config.json:1:" "devices[0].force: force is for one device"
	done
	config '{ "device": "01:00.0", "assigned": true, "force": false }'
	run_split kernel tsmctl apply
	assert_equal "$status" 6
	config '{ "device": "01:00.0", "assigned": true, "force": true }'
	run_split kernel tsmctl diff
	assert_equal "$status" 8
	assert_line "0000:01:00.0: note: it is assigned all the same, because of force"
	run_split kernel tsmctl apply
	assert_success
	assert_line "0000:01:00.0: in_use nvme0n1p1 is mounted on /srv (unchanged)"
	assert_line "0000:01:00.0: driver vfio-pci-tsm (was nvme)"
	run_split kernel tsmctl apply
	assert_success
	assert_output ""
}

@test "host use: apply goes on with the devices that the host does not use" {
	disk
	mounted 259:1 /srv
	fake_capable 0000:02:00.0
	config '{ "device": "all", "assigned": true }'
	run_split kernel tsmctl apply
	assert_equal "$status" 7
	assert_one_line 0000:01:00.0 "nvme0n1p1 is mounted on /srv"
	assert_output "0000:02:00.0: driver vfio-pci-tsm (was nvme)"
}
