# SPDX-License-Identifier: GPL-2.0-or-later
# The tree below /sys/kernel/config/vfio_tsm: names, values, lifetimes.

# shellcheck disable=SC2154 # helpers.bash sets what is not set here
load helpers

setup_file() { load helpers; load_all; }
teardown_file() { load helpers; unload_all; }
setup() { mkdir "$configfs/$dev"; }
teardown() { cleanup; }

@test "a new directory has all attributes, with their default values" {
	expected="admission=none
admitted=0
bar_mmap=refuse
bind_allowed=1
bound=0
guest_requests=all
last_error=0
origin=none
owner=none
quarantine=0
region_mode=default
region_mode_active=none
state=unassigned
tdi_id=none
tsm=none
vdevice_id=none"
	run ls "$configfs/$dev"
	assert_output tsm
	cd "$configfs/$dev/tsm"
	assert_equal "$(for a in *; do [ "$a" = generation ] || [ "$a" = summary ] || echo "$a=$(cat "$a")"; done)" "$expected"
	[ -e generation ]
}

@test "only root can write attributes, and every user can read them" {
	assert_equal "$(stat -c %a "$configfs/$dev/tsm/state")" 444
	assert_equal "$(stat -c %a "$configfs/$dev/tsm/region_mode")" 644
	assert_equal "$(stat -c %a "$configfs/default_region_mode")" 644
}

@test "mkdir of a name that is not a canonical address fails with EINVAL" {
	for name in x 01:00.0 0000:01:00.8 0000:01:20.0 0000:1:00.0 0000:01:00.00 00000:01:00.0 \
		"0000:01:00.0 " " 0000:01:00.0" 0000:0A:00.0 0000:01:00.0x 0x00:01:00.0 \
		ffffffff:00:00.0 +000:01:00.0 0000:01:00.-1 "0000:01: 0.0" tsm; do
		run mkdir "$configfs/$name"
		assert_failure
		assert_output --partial "Invalid argument"
	done
	run ls "$configfs"
	assert_output "$dev
default_region_mode"
}

@test "a device that does not exist can have a directory, in any domain" {
	for d in 0000:7f:1f.7 10000:e1:00.0 ffff:ff:1f.7; do
		mkdir "$configfs/$d"
		assert_equal "$(attr state "$d")" absent
		set_attr region_mode shared "$d"
		set_attr bound 0 "$d"
		rmdir "$configfs/$d"
	done
}

@test "writing an invalid value fails with EINVAL and changes nothing" {
	local attr bad
	set_attr tdi_id 0x28
	while read -r attr bad; do
		before=$(attr "$attr")
		run bash -c 'printf -- "$1" >"$2"' - "$bad" "$configfs/$dev/tsm/$attr"
		assert_failure
		assert_output --partial "Invalid argument"
		assert_equal "$(attr "$attr")" "$before"
	done <<-'EOF'
		region_mode exclusiv
		region_mode exclusive2
		region_mode EXCLUSIVE
		region_mode none
		region_mode shared\\nx
		bar_mmap deny
		bar_mmap 1
		guest_requests some
		guest_requests 1
		bind_allowed 2
		bind_allowed yes
		bind_allowed 00
		bind_allowed -1
		admission 0
		admission require
		admission REQUIRED
		admitted none
		admitted 00
		admitted -1
		admitted +1
		admitted 0x1
		admitted 1\\nx
		admitted 18446744073709551616
		bound 2
		bound x
		tdi_id 0x
		tdi_id 0x100000000
		tdi_id 0x000000001
		tdi_id 0x0x10
		tdi_id 0x10\\n\\n
		tdi_id 0x+1
		tdi_id 0x1g
		tdi_id 40
		tdi_id 00:20.0
		tdi_id 00:05.8
		tdi_id 100:05.0
		tdi_id 0:05.0
		tdi_id 00000:00:05.0
		tdi_id 0000:00:05.0x
		tdi_id 0000:00:05.0\\n\\n
		tdi_id NONE
	EOF
}

@test "read-only attributes cannot be written" {
	for a in region_mode_active state vdevice_id tsm owner last_error generation summary; do
		run bash -c "echo 1 >$configfs/$dev/tsm/$a"
		assert_failure
	done
}

@test "tdi_id accepts each spelling and shows a single one" {
	while read -r given wanted; do
		set_attr tdi_id "$given"
		assert_equal "$(attr tdi_id)" "$wanted"
	done <<-'EOF'
		00:05.0 0000:00:05.0
		ff:1f.7 0000:ff:1f.7
		abcd:ef:10.3 abcd:ef:10.3
		0x0 0000:00:00.0
		0xFFFFFFFF ffff:ff:1f.7
		0x00000028 0000:00:05.0
		none none
	EOF
}

@test "a write to tdi_id fails with EBUSY while bound" {
	prepare
	run client open tsm-bind "sh:echo none >$configfs/$dev/tsm/tdi_id || echo busy" \
		tsm-unbind "sh:echo none >$configfs/$dev/tsm/tdi_id && echo free"
	assert_line busy
	assert_line free
}

@test "state follows the driver, and generation follows the state" {
	before=$(attr generation)
	assign
	assert_equal "$(attr state)" closed
	assert_equal "$(attr generation)" $((before + 1))
	release
	assert_equal "$(attr state)" unassigned
	assert_equal "$(attr generation)" $((before + 2))
}

@test "the summary has all attributes in an order that does not change" {
	assign
	assert_equal "$(cut -d = -f 1 "$configfs/$dev/tsm/summary" | head -n 26)" "generation
state
region_mode
region_mode_active
bar_mmap
bind_allowed
guest_requests
tdi_id
bound
origin
quarantine
vdevice_id
tsm
owner
last_error
tdi_state
can_bind
open_count
bind_count
loss_count
last_unbind
last_request
requests
blocked
admission
admitted"
	# region_mode in sysfs is region_mode_active in configfs
	for file in "$configfs/$dev"/tsm/* "$pci/devices/$dev"/vfio_tsm/*; do
		[ -d "$file" ] || [ "${file##*/}" = summary ] ||
			grep -q "^${file##*/}=" "$configfs/$dev/tsm/summary" || fail "no ${file##*/}"
	done
	run awk -F = '!/^[a-z_]+=[^=]+$/ || seen[$1]++' "$configfs/$dev/tsm/summary"
	assert_output ""
}

@test "the summary agrees with the single files, whatever has the device" {
	assert_equal "$(eval "$(compare_summary)")" agrees
	set_attr region_mode shared
	set_attr bar_mmap revoke
	set_attr bind_allowed 0
	set_attr admission required
	set_attr guest_requests info
	set_attr tdi_id 00:05.0
	assign
	assert_equal "$(eval "$(compare_summary)")" agrees
	run client open "sh:$(compare_summary); cmp $configfs/$dev/tsm/summary $pci/devices/$dev/vfio_tsm/summary && echo same" tsm-bind \
		"sh:cat $configfs/$dev/tsm/summary"
	refute_line --partial differs
	assert_line agrees
	assert_line same
	assert_line "last_error=-1 regions"
	assert_line region_mode_active=shared
	assert_line state=open
	release
	assert_equal "$(eval "$(compare_summary)")" agrees
	mkdir "$configfs/0000:7f:00.0"
	assert_equal "$(eval "$(compare_summary 0000:7f:00.0)")" agrees
	grep -qx state=absent "$configfs/0000:7f:00.0/tsm/summary"
	rmdir "$configfs/0000:7f:00.0"
	# the driver's directory is there without one in configfs
	rmdir "$configfs/$dev"
	assign
	grep -qx state=closed "$pci/devices/$dev/vfio_tsm/summary"
}

@test "rmdir fails with EBUSY while the device is open, even if mkdir came after the open" {
	assign
	run client open "sh:rmdir $configfs/$dev || echo busy" close "sh:rmdir $configfs/$dev && echo gone"
	assert_line busy
	assert_line gone

	# The directory is pinned shortly after the mkdir has returned.
	mkfifo "$BATS_TEST_TMPDIR/step"
	vfio-client "$dev" open "sh:mkdir $configfs/$dev; cat $BATS_TEST_TMPDIR/step" close &
	eventually open attr state
	pinned() { ! rmdir "$configfs/$dev" 2>/dev/null || ! mkdir "$configfs/$dev"; }
	mkfifo "$BATS_TEST_TMPDIR/never" 2>/dev/null || true
	wait_for 30 pinned
	: >"$BATS_TEST_TMPDIR/step"
	wait
	assert_equal "$(attr state)" closed
	rmdir "$configfs/$dev"
	mkdir "$configfs/$dev"
}

@test "policy survives the unloading of the driver's module" {
	set_attr region_mode shared
	set_attr tdi_id 00:05.0
	set_attr bind_allowed 0
	modprobe -r vfio_pci_tsm
	assert_equal "$(attr region_mode) $(attr tdi_id) $(attr bind_allowed)" "shared 0000:00:05.0 0"
	modprobe vfio_pci_tsm
	prepare
	set_attr bind_allowed 0
	assert_equal "$(attr region_mode)" shared
	run client open tsm-bind
	assert_line "tsm-bind EPERM"
}

@test "the module cannot be unloaded while there are directories" {
	modprobe -r vfio_pci_tsm
	run modprobe -r vfio_tsm
	assert_failure
	assert_equal "$(attr region_mode)" default
	modprobe vfio_pci_tsm
}

@test "the module parameter sets the initial default_region_mode" {
	rmdir "$configfs/$dev"
	modprobe -r vfio_pci_tsm vfio_tsm
	run modprobe vfio_tsm default_region_mode=default
	assert_failure
	modprobe vfio_tsm default_region_mode=shared
	assert_equal "$(cat "$configfs/default_region_mode")" shared
	run bash -c "echo default >$configfs/default_region_mode"
	assert_failure
	assert_equal "$(cat "$configfs/default_region_mode")" shared
	modprobe -r vfio_tsm
	modprobe vfio_pci_tsm
	assert_equal "$(cat "$configfs/default_region_mode")" exclusive
	mkdir "$configfs/$dev"
}
