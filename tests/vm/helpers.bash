# SPDX-License-Identifier: GPL-2.0-or-later
# For the tests in the VM: load the modules, assign and connect a device, and read
# what the tests look at.

bats_require_minimum_version 1.5.0
: "${BATS_LIB_PATH:=/usr/lib/bats}"
# An old bats has no default path for bats_load_library.
load "$BATS_LIB_PATH/bats-support/load.bash"
load "$BATS_LIB_PATH/bats-assert/load.bash"
load wait

top=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
export PATH=$top/build/bin:$PATH

configfs=/sys/kernel/config/vfio_tsm
debugfs=/sys/kernel/debug/tsm_sim
pci=/sys/bus/pci

# The device of most tests: the first NVMe.
dev=0000:01:00.0

# On the emulated processor the start of a program takes much longer than its work.

# content FILE: the same as cat, without a program
content() {
	local text
	text=$(<"$1") || return
	printf '%s\n' "$text"
}

# attr NAME [DEVICE]: an attribute in configfs
attr() { content "$configfs/${2:-$dev}/tsm/$1"; }

# set_attr NAME VALUE [DEVICE]
set_attr() { echo "$2" >"$configfs/${3:-$dev}/tsm/$1"; }

# sim NAME [DEVICE]: a file of the simulated TSM
sim() { content "$debugfs/${2:-$dev}/$1"; }

# sysfs NAME [DEVICE]: an attribute of the driver in sysfs
sysfs() { content "$pci/devices/${2:-$dev}/vfio_tsm/$1"; }

# blocked KIND [DEVICE]: how many operations of a kind were refused
blocked() {
	local kind count text
	# Read once: the counts of several reads would be of several moments.
	text=$(<"$pci/devices/${2:-$dev}/vfio_tsm/blocked") || return
	while read -r kind count; do
		[ "$kind" != "$1" ] || echo "$count"
	done <<<"$text"
}

# compare_summary [DEVICE]: prints a command, for a step of the client too. It prints each value
# in the summary of the device that is not that of its single file, and "agrees" if there is
# none. It starts no program, and begins anew if the device has changed meanwhile.
compare_summary() {
	local script=$BATS_FILE_TMPDIR/compare-summary-${1:-$dev}
	cat >"$script" <<-END
		cd $configfs/${1:-$dev}/tsm && other=$pci/devices/${1:-$dev}/vfio_tsm
		text() { t=; while read -r l; do t=\$t,\$l; done <\$1; t=\${t#,}; }
		while :; do
			text summary; before=\$t out=
			while IFS== read -r key value; do
				file=\$key; [ -e \$file ] || file=\$other/\$key
				[ -e \$file ] || continue
				text \$file
				[ "\$t" = "\$value" ] || out="\$out differs: \$key=\$value, and not \$t;"
			done <summary
			text summary; [ "\$t" != "\$before" ] || break
		done
		[ -z "\$out" ] && echo agrees || echo "\$out"
	END
	echo "sh $script"
}

# find_functions: sets and exports F0 and F1: the two NVMe controllers that are functions of
# one device
find_functions() {
	local functions
	mapfile -t functions < <(grep -l 0x010802 "$pci"/devices/*/class | xargs -n 1 dirname | xargs -n 1 basename)
	F0=${functions[0]} F1=${functions[1]}
	export F0 F1
}

# find_pf: the NVMe controller that can have two VFs
find_pf() {
	local path
	for path in "$pci"/devices/*/sriov_totalvfs; do
		[ "$(cat "$path")" != 2 ] || basename "$(dirname "$path")"
	done
}

# make_vfs: sets and exports PF, VF0 and VF1: that controller, on nvme, and its VFs, without
# a driver
make_vfs() {
	PF=$(find_pf)
	load_nvme "$PF"
	echo 0 >"$pci/devices/$PF/sriov_drivers_autoprobe"
	echo 2 >"$pci/devices/$PF/sriov_numvfs"
	VF0=$(basename "$(readlink -f "$pci/devices/$PF/virtfn0")")
	VF1=$(basename "$(readlink -f "$pci/devices/$PF/virtfn1")")
	export PF VF0 VF1
}

# remove_vfs: undoes make_vfs
remove_vfs() {
	echo 0 >"$pci/devices/$PF/sriov_numvfs"
	modprobe -r nvme
}

# can_find_vdevices: whether the kernel has kernel/patches
can_find_vdevices() { grep -q ' iommufd_device_get_vdevice' /proc/kallsyms; }

# client STEP...: a program that uses the device; see tests/tools/client/client.h
client() { vfio-client "$dev" "$@"; }

# until_in FUNCTION: a step that waits until a thread of the client sleeps in FUNCTION
until_in() { echo "sh:until cat /proc/\$PPID/task/*/stack | grep -q ' $1'; do :; done"; }
# when_in FUNCTION COMMAND: a step that goes on at once; the shell runs COMMAND as soon as the
# client's main thread sleeps in FUNCTION, or has ended
when_in() {
	echo "sh:(until ! kill -0 \$PPID || grep -q ' $1' /proc/\$PPID/stack; do :; done 2>/dev/null
		$2) &"
}

# load_all [DEVICES [PARAMETER...]]: loads everything; the simulated TSM is for all NVMe
# controllers by default
load_all() {
	modprobe -a iommufd vfio_tsm vfio_pci_tsm
	mountpoint -q /sys/kernel/config || mount -t configfs configfs /sys/kernel/config
	modprobe kvm_amd || modprobe kvm_intel
	modprobe tsm_sim "devices=${1:-0000:0[1-9]:00.*}" "${@:2}"
}

unload_all() {
	modprobe -r tsm_sim
	modprobe -r vfio_pci_tsm
	rmdir "$configfs"/*:*/ 2>/dev/null || true
	modprobe -r vfio_tsm
}

# assign [DEVICE [DRIVER]]
assign() {
	local d=${1:-$dev} path=$pci/devices/${1:-$dev}
	echo "${2:-vfio-pci-tsm}" >"$path/driver_override"
	[ ! -e "$path/driver" ] || echo "$d" >"$path/driver/unbind"
	echo "$d" >"$pci/drivers_probe"
	[ "$path/driver" -ef "$pci/drivers/${2:-vfio-pci-tsm}" ]
}

release() {
	local d=${1:-$dev} path=$pci/devices/${1:-$dev}
	[ -e "$path" ] || return 0
	[ ! -e "$path/driver" ] || echo "$d" >"$path/driver/unbind"
	echo >"$path/driver_override"
}

connect() { echo tsm0 >"$pci/devices/${1:-$dev}/tsm/connect"; }

# prepare [DEVICE]: assigns and connects it, with a policy with which a bind succeeds
prepare() {
	[ -d "$configfs/${1:-$dev}" ] || mkdir "$configfs/${1:-$dev}"
	assign "$@"
	connect "$@"
	set_attr tdi_id 00:05.0 "$@"
}

# End each process that has a device open: without that, its release would wait for ever.
kill_holders() { wait_for 30 no_holder; }
no_holder() {
	local comm name pid found=
	for comm in /proc/[0-9]*/comm; do
		{ read -r name <"$comm"; } 2>/dev/null || continue
		case $name in
		tsm-bind-helper|vfio-client|qemu-system-x86|tsm-vmm)
			pid=${comm#/proc/}
			kill -KILL "${pid%/comm}" 2>/dev/null || true
			found=y ;;
		esac
	done
	[ -z "$found" ]
}

# Undo prepare and the changes of the test.
cleanup() {
	local d
	kill_holders
	for d in "$dev" "$@"; do
		release "$d"
		[ ! -s "$pci/devices/$d/tsm/connect" ] || [ "$(<"$pci/devices/$d/tsm/connect")" = "" ] ||
			echo tsm0 >"$pci/devices/$d/tsm/disconnect"
		[ ! -d "$configfs/$d" ] || rmdir "$configfs/$d"
	done
}

assert_regex() { [[ $1 =~ $2 ]] || fail "'$1' does not match '$2'"; }

# answers STEP: the results of that step in the last run of the client, in order
answers() { awk -v step="$1" '$1 == step { print $2 }' <<<"$output" | paste -sd ' '; }

# refused KIND STEP [PREPARATION...]: STEP works before the bind and after the unbind. In
# between it fails with EBUSY, is counted once as KIND, and the TSM does not see it.
refused() {
	local kind=$1 step=$2
	shift 2
	run client open "$@" "$step" tsm-bind "$step" tsm-unbind "$step"
	assert_equal "$(answers tsm-bind)" OK
	assert_equal "$(answers "$step")" "OK EBUSY OK"
	assert_equal "$(blocked "$kind")" 1
	assert_equal "$(sim violations)" 0
}

all_blocked() {
	local count text sum=0
	text=$(<"$pci/devices/$dev/vfio_tsm/blocked") || return
	while read -r _ count; do sum=$((sum + count)); done <<<"$text"
	echo $sum
}

# works STEP [PREPARATION...]: STEP works before the bind, while bound, and after the unbind
works() {
	local step=$1 before
	shift
	before=$(all_blocked)
	run client open "$@" "$step" tsm-bind "$step" tsm-unbind "$step"
	assert_equal "$(answers tsm-bind)" OK
	assert_equal "$(answers "$step")" "OK OK OK"
	assert_equal "$(all_blocked)" "$before"
	assert_equal "$(sim violations)" 0
}

# load_nvme DEVICE...: loads nvme and waits until it has each DEVICE; it probes in the background
load_nvme() {
	local d
	has_nvme() { [ "$pci/devices/$1/driver" -ef "$pci/drivers/nvme" ]; }
	modprobe nvme
	for d; do
		# If the module was loaded before, the function may be without a driver.
		[ -e "$pci/devices/$d/driver" ] || echo "$d" >"$pci/drivers_probe"
		wait_for 30 has_nvme "$d" || { echo "nvme does not bind to $d"; return 1; }
	done
}
