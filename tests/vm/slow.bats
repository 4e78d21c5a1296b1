# SPDX-License-Identifier: GPL-2.0-or-later
# A TSM that takes a minute to bind or to unbind. Only operations that need its result wait
# for it. The file delayed shows that the TSM was still at work after a step.
# vm: --nvme 2

# shellcheck disable=SC2154 # helpers.bash sets what is not set here
load helpers

other=0000:02:00.0

setup_file() { load helpers; load_all; }
teardown_file() { load helpers; unload_all; }
setup() { prepare; }
teardown() {
	inject bind 0
	inject unbind 0
	cleanup "$other"
}

inject() { echo "$2" >"$debugfs/$dev/inject/delay_$1_ms"; }

# Steps: wait until the TSM is at work, print what it works on, let it continue
at_work() { echo "sh:until grep -q $1 $debugfs/$dev/inject/delayed; do :; done"; }
delayed="sh:cat $debugfs/$dev/inject/delayed"
go_on() { echo "put:$debugfs/$dev/inject/delay_$1_ms=0"; }

MEMORY=2 MASTER=4 INTX_OFF=0x400

@test "operations that are allowed while bound do not wait for a bind" {
	inject bind 60000
	steps=(config-read:0:0:4 config-long:0x10:0x30 "config-set:0:4:2:$INTX_OFF"
		"config-clear:0:4:2:$INTX_OFF" config-flip:0:0x3c:1:1 region-info:0 msix)
	run client open config-set:0:4:2:$((MEMORY | MASTER)) bg:tsm-bind "$(at_work bind)" \
		"${steps[@]}" "$delayed" "$(go_on bind)" bg-end
	for step in "${steps[@]}"; do
		assert_line --regexp "^$step OK"
	done
	assert_line bind
	assert_line "bg-end OK"
	assert_equal "$(sim violations)" 0
	assert_equal "$(all_blocked)" 0
}

@test "an operation that is refused while bound waits for the bind, and is then refused" {
	inject bind 60000
	run client open bg:tsm-bind "$(at_work bind)" \
		"sh:(until grep -q 'State:.D' /proc/\$PPID/status; do :; done
			echo 0 >$debugfs/$dev/inject/delay_bind_ms) &" \
		"config-clear:0:4:2:$MASTER" bg-end
	assert_line "config-clear:0:4:2:$MASTER EBUSY"
	assert_line "bg-end OK"
	assert_equal "$(blocked config-command)" 1
	assert_equal "$(sim violations)" 0
}

@test "the state of the device and of others can be read during a bind and an unbind" {
	prepare "$other"
	look="sh:cat $configfs/$dev/tsm/state $pci/devices/$dev/vfio_tsm/state $pci/devices/$dev/vfio_tsm/bound \
		$configfs/$other/tsm/state $pci/devices/$other/vfio_tsm/bound $pci/devices/$other/tsm/bound $debugfs/$dev/inject/delayed"
	inject bind 60000
	inject unbind 60000
	run client open bg:tsm-bind "$(at_work bind)" "$look" "$(go_on bind)" bg-end \
		bg:tsm-unbind "$(at_work unbind)" "$look" "$(go_on unbind)" bg-end
	assert_output --partial "open
open
0
closed
0

bind
"
	assert_output --partial "bound
bound
1
closed
0

unbind
"
	assert_equal "$(answers bg-end)" "OK OK"
}

@test "a loss is shown before a slow TSM has unbound the device" {
	inject unbind 60000
	run client open event tsm-bind \
		"sh:setpci -s $dev COMMAND=0000:0004" "$(at_work unbind)" \
		"sh:cat $configfs/$dev/tsm/state; cat $pci/devices/$dev/vfio_tsm/last_unbind" \
		event-wait "$delayed" config-read:0:0:4 "$(go_on unbind)" tsm-bind \
		"config-set:0:4:2:$((MEMORY | MASTER))" tsm-unbind tsm-bind
	assert_output --partial "lost
reset"
	assert_line unbind
	assert_line "event-wait OK 1"
	assert_equal "$(answers tsm-bind)" "OK ENXIO OK"
}

@test "a change of a device during an unbind by its owner is not a loss" {
	inject unbind 60000
	run client open event uevents tsm-bind bg:tsm-unbind "$(at_work unbind)" \
		"sh:setpci -s $dev COMMAND=0000:0004; cat $configfs/$dev/tsm/state" "$delayed" \
		"$(go_on unbind)" bg-end event-none uevents-show \
		"sh:cat $configfs/$dev/tsm/state $pci/devices/$dev/vfio_tsm/last_unbind" \
		"config-set:0:4:2:$((MEMORY | MASTER))" tsm-bind
	assert_line bound
	assert_line unbind
	assert_line "bg-end OK"
	assert_line "event-none OK"
	refute_line --partial EVENT=lost
	assert_output --partial "open
ioctl"
	assert_equal "$(answers tsm-bind)" "OK OK"
}

@test "a bind that the administrator denies while the TSM is at work is undone, and fails" {
	inject bind 60000
	run client open bg:tsm-bind "$(at_work bind)" "put:$configfs/$dev/tsm/bind_allowed=0" \
		"$(go_on bind)" bg-end "sh:cat $configfs/$dev/tsm/state"
	assert_line "bg-end EACCES"
	assert_line open
	assert_equal "$(attr last_error)" "-13 denied"
	assert_equal "$(sim state)" CONFIG_UNLOCKED
	assert_equal "$(sim violations)" 0
}
