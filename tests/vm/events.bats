# SPDX-License-Identifier: GPL-2.0-or-later
# What a monitor can read and watch of a device: sysfs, uevents, tracepoints.

# shellcheck disable=SC2154 # helpers.bash sets what is not set here
load helpers

setup_file() { load helpers; load_all; }
teardown_file() { load helpers; unload_all; }
setup() { prepare; }
teardown() { cleanup; }

@test "sysfs has all attributes, and every user can read them but not write them" {
	run ls "$pci/devices/$dev/vfio_tsm"
	assert_output "admission
admitted
bind_count
blocked
bound
can_bind
generation
last_error
last_request
last_unbind
loss_count
open_count
origin
owner
region_mode
requests
state
summary
tdi_id
tdi_state
vdevice_id"
	for file in "$pci/devices/$dev/vfio_tsm"/*; do
		assert_equal "$(stat -c %a "$file")" 444
		cat "$file"
	done
	run sysfs blocked
	assert_equal "$(wc -l <<<"$output")" 21
	refute_output --regexp '[^ ]* [1-9]'
}

@test "sysfs and configfs have the same values, closed, open and bound" {
	both() {
		echo "for a in state bound tdi_id vdevice_id owner generation last_error; do
			cmp $configfs/$dev/tsm/\$a $pci/devices/$dev/vfio_tsm/\$a || echo \"not alike\"; done
			cmp $configfs/$dev/tsm/region_mode_active $pci/devices/$dev/vfio_tsm/region_mode || echo \"not alike\""
	}
	sh -c "$(both)"
	run client "sh:$(both)" open "sh:$(both)" tsm-bind "sh:$(both)" "sh:cat $pci/devices/$dev/vfio_tsm/state"
	refute_line "not alike"
	assert_line bound
}

@test "the group exists as long as the driver has the function" {
	release
	[ ! -e "$pci/devices/$dev/vfio_tsm" ]
	assign
	assert_equal "$(sysfs state)" closed
}

@test "sysfs has the counts of opens and binds, and the reason of the last unbind" {
	assert_equal "$(sysfs last_unbind)" none
	run client open tsm-bind tsm-unbind "sh:cat $pci/devices/$dev/vfio_tsm/last_unbind" tsm-bind \
		"sh:echo 0 >$configfs/$dev/tsm/bound; cat $pci/devices/$dev/vfio_tsm/last_unbind" tsm-bind close
	assert_line ioctl
	assert_line revoked
	assert_equal "$(sysfs last_unbind)" close
	assert_equal "$(sysfs open_count)" 1
	assert_equal "$(sysfs bind_count)" 3
	client open
	assert_equal "$(sysfs open_count)" 2
}

@test "state can be polled" {
	run client open tsm-bind "poll-state:echo 0 >$configfs/$dev/tsm/bound"
	assert_line --regexp '^poll-state.* OK open$'
}

@test "each change of state is a uevent" {
	generation=$(attr generation)
	run client uevents open tsm-bind tsm-unbind tsm-bind close uevents-show
	assert_equal "$(grep '^uevent ' <<<"$output")" "\
uevent EVENT=opened STATE=open REASON=none GENERATION=$((generation + 1)) TDI_ID=none
uevent EVENT=bound STATE=bound REASON=none GENERATION=$((generation + 2)) TDI_ID=0000:00:05.0
uevent EVENT=unbound STATE=open REASON=ioctl GENERATION=$((generation + 3)) TDI_ID=none
uevent EVENT=bound STATE=bound REASON=none GENERATION=$((generation + 4)) TDI_ID=0000:00:05.0
uevent EVENT=unbound STATE=open REASON=close GENERATION=$((generation + 5)) TDI_ID=none
uevent EVENT=closed STATE=closed REASON=none GENERATION=$((generation + 6)) TDI_ID=none"
}

@test "assigning and releasing are uevents" {
	run client uevents "sh:echo $dev >$pci/devices/$dev/driver/unbind" \
		"sh:echo $dev >$pci/drivers_probe" uevents-show
	assert_line --regexp '^uevent EVENT=released STATE=unassigned REASON=none'
	assert_line --regexp '^uevent EVENT=assigned STATE=closed REASON=none'
}

@test "binds, refusals and changes of state have tracepoints" {
	mountpoint -q /sys/kernel/tracing || mount -t tracefs tracefs /sys/kernel/tracing
	echo >/sys/kernel/tracing/trace
	echo 1 >/sys/kernel/tracing/events/vfio_tsm/enable
	set_attr bind_allowed 0
	client open tsm-bind "sh:echo 1 >$configfs/$dev/tsm/bind_allowed" tsm-bind reset close
	echo 0 >/sys/kernel/tracing/events/vfio_tsm/enable
	run cat /sys/kernel/tracing/trace
	assert_line --partial "vfio_tsm_bind_failed: device=$dev error=-13 stage=denied"
	assert_line --regexp "vfio_tsm_state: device=$dev from=open to=bound reason=none generation=[0-9]+"
	assert_line --partial "vfio_tsm_blocked: device=$dev operation=reset"
	assert_line --partial "vfio_tsm_state: device=$dev from=bound to=open reason=close"
}
