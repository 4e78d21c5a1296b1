# SPDX-License-Identifier: GPL-2.0-or-later
# VFIO_DEVICE_TSM_EVENT signals each change that the owner did not make itself.
# The device request interrupt means "give the device back", and nothing else.

# shellcheck disable=SC2154 # helpers.bash sets what is not set here
load helpers

setup_file() { load helpers; load_all; }
teardown_file() { load helpers; unload_all; }
setup() { prepare; }
teardown() { cleanup; }

disconnect="sh:echo tsm0 >$pci/devices/$dev/tsm/disconnect"
reconnect="sh:echo tsm0 >$pci/devices/$dev/tsm/connect"
revoke="put:$configfs/$dev/tsm/bound=0"

# told COMMAND: COMMAND signals the event once, and not the device request interrupt
told() {
	run client open request-eventfd event tsm-bind event-none "$1" event-wait request-none \
		event-none tsm-unbind event-none request-none
	assert_line "event-wait OK 1"
	assert_equal "$(answers event-none)" "OK OK OK"
	assert_equal "$(answers request-none)" "OK OK"
}

@test "a disconnect of the TSM is signalled" {
	told "$disconnect"
}

@test "a revoke by the administrator is signalled" {
	told "$revoke"
}

@test "a reset that cannot be refused is signalled" {
	told "sh:echo flr >$pci/devices/$dev/reset_method; echo 1 >$pci/devices/$dev/reset"
	echo default >"$pci/devices/$dev/reset_method"
}

@test "a write that turns memory decode and bus mastering off is signalled" {
	told "sh:setpci -s $dev COMMAND=0000:0006"
}

@test "a change by the owner itself is not signalled" {
	run client open event tsm-bind tsm-unbind tsm-bind tsm-bind tsm-unbind tsm-unbind event-none
	assert_line "event-none OK"
}

@test "the change is published before the event" {
	run client open event tsm-bind "$disconnect" event-wait info tsm-unbind "$reconnect" \
		tsm-bind "$revoke" event-wait info
	assert_equal "$(awk '$1 == "info" { print $3, $7 }' <<<"$output")" "2 5
0 3"
}

@test "an eventfd that was removed or replaced is not signalled" {
	run client open event event-off tsm-bind "$revoke" event-none \
		event event-other tsm-bind "$revoke" event-none event tsm-bind "$revoke" event-wait event-off event-off
	assert_equal "$(answers event-none)" "OK OK"
	assert_line "event-wait OK 1"
	assert_equal "$(answers event-off)" "OK OK OK"
}

@test "a change before the eventfd was set is not signalled" {
	run client open tsm-bind "$disconnect" "sh:cat $configfs/$dev/tsm/state" event event-none info
	assert_line "event-none OK"
	assert_line --regexp '^info OK 2 '
}

@test "an eventfd that is full, and one whose descriptor is closed, do no harm" {
	run client open event event-full tsm-bind "$revoke" event-wait tsm-bind "$revoke" event-wait \
		event-closed tsm-bind "$revoke" "sh:cat $configfs/$dev/tsm/state"
	assert_equal "$(awk '$1 == "event-wait" { print $3 }' <<<"$output")" "18446744073709551615
1"
	assert_line open
}

@test "an eventfd is signalled only until the device is closed" {
	run client open event tsm-bind close event-none open tsm-bind "$revoke" event-none
	assert_equal "$(answers event-none)" "OK OK"
}

@test "invalid input fails, and the eventfd from before stays" {
	while read -r errno step; do
		run client open event "$step" tsm-bind "$revoke" event-wait
		assert_line "$step $errno"
		assert_line "event-wait OK 1"
	done <<-'EOF'
		EFAULT event-at:0
		EFAULT event-at:0xffffffffffffff00
		EFAULT event-cut:2
		EFAULT event-cut:4
		EFAULT event-cut:15
		EINVAL event-arg:1:0:-1
		EINVAL event-arg:15:0:-1
		EINVAL event-arg:0:1:-1
		EINVAL event-arg:0:0x80000000:-1
		EINVAL event-arg:0:0:-1:1
		EINVAL event-arg:0:0:-2
		EINVAL event-arg:0:0:0x80000000
		E2BIG event-long:17:1
		E2BIG event-long:100000:0
		EBADF event-arg:0:0:1000
		EBADF event-arg:0:0:0x7fffffff
		EINVAL event-file
	EOF
}

@test "a longer argument with zeros is accepted, and a file of the group fails with ENOTTY" {
	# Descriptor 0 is not an eventfd.
	run client open event-long:64:0
	assert_line "event-long:64:0 EINVAL"
	run client group event
	assert_line "event ENOTTY"
}

@test "a detach from the driver signals the device request interrupt, and no event" {
	run client open request-eventfd event "sh:echo $dev >$pci/drivers/vfio-pci-tsm/unbind &" \
		request-wait event-none close
	assert_line "request-wait OK"
	assert_line "event-none OK"
	gone() { [ -e "$pci/devices/$dev/driver" ] || echo gone; }
	eventually gone gone
}
