# SPDX-License-Identifier: GPL-2.0-or-later
# The units under a systemd of the tests' own, which is process 1 of a pid namespace.
# vm: --nvme 1

# shellcheck disable=SC2154 # helpers.bash sets what is not set here
load helpers
load systemd

units=/run/tsm-units
bin=/run/tsm-bin
hold=tsmctl-hold@0000:01:00.0.service

setup_file() {
	load helpers
	load systemd
	load_all
	systemd_of_helper $units $bin
}
teardown_file() {
	load helpers
	load systemd
	systemd_kill
	unload_all
}
setup() { prepare; }
teardown() {
	systemctl stop $hold tsmctl-helper.socket tsmctl-helper.service || true
	systemctl reset-failed || true
	cleanup
}

@test "the unit of a holder is started once the device is bound, and its stop unbinds the device" {
	systemctl start $hold
	# No wait is needed: the holder has notified systemd.
	assert_equal "$(attr state)" bound
	assert_equal "$(sim state)" CONFIG_LOCKED
	assert_equal "$(property StatusText $hold)" "The device is bound"
	run cat "/proc/$(attr owner)/status"
	assert_line --regexp $'^CapBnd:\t0+$'
	assert_line --regexp $'^Seccomp_filters:\t[2-9]'
	assert_equal "$(stat -c '%U %a' /run/tsmctl)" "root 755"
	run tsmctl show "$dev"
	assert_line --regexp '^owner_name +tsm-bind-helper$'
	systemctl stop $hold
	assert_equal "$(attr state)" closed
	assert_equal "$(property Result $hold)" success
	assert_equal "$(sim violations)" 0
}

@test "the unit of a holder that ends on request has not failed and is not restarted" {
	systemctl start $hold
	run $bin/ask.py "/run/tsmctl/$dev.sock" '{"version":1,"request":"unbind","device":"0000:01:00.0"}'
	assert_output --partial '"ok":true,"state":"closed"'
	eventually inactive property ActiveState $hold
	assert_equal "$(property Result $hold)" success
	assert_equal "$(property NRestarts $hold)" 0
}

@test "the unit of a holder that cannot bind fails, once" {
	set_attr tdi_id none
	run systemctl start $hold
	assert_failure
	assert_equal "$(property ActiveState $hold) $(property NRestarts $hold)" "failed 0"
	assert_equal "$(property ExecMainStatus $hold)" 1
	assert_equal "$(property StatusText $hold)" "no TDI id is configured"
	assert_equal "$(attr state)" closed
	run systemctl start tsmctl-hold@0000:7f:00.0.service
	assert_failure
	assert_equal "$(property ExecMainStatus tsmctl-hold@0000:7f:00.0.service)" 3
}

@test "if a holder is killed, the device is unbound, and the unit fails and is not restarted" {
	systemctl start $hold
	systemctl kill -s KILL $hold
	eventually failed property ActiveState $hold
	eventually closed attr state
	assert_equal "$(property NRestarts $hold)" 0
	assert_equal "$(sim state)" CONFIG_UNLOCKED
	# The files that it left behind do no harm.
	systemctl start $hold
	assert_equal "$(attr state)" bound
}

@test "the first client starts the service, which runs as a user of its own" {
	systemctl start tsmctl-helper.socket
	assert_equal "$(property ActiveState tsmctl-helper.service)" inactive
	line='{"version":1,"request":"bind","device":"0000:01:00.0"}'
	run client open "ask:/run/tsmctl/helper.sock $line" "is:$configfs/$dev/tsm/state=bound" \
		"ask:/run/tsmctl/helper.sock ${line/bind/unbind}" "is:$configfs/$dev/tsm/state=open"
	assert_line --partial '"request":"bind","device":"0000:01:00.0","ok":true,"state":"bound"'
	assert_line --partial '"request":"unbind","device":"0000:01:00.0","ok":true,"state":"open"'
	assert_equal "$(grep -c 'tsm/state=.* OK$' <<<"$output")" 2
	assert_equal "$(property ActiveState tsmctl-helper.service)" active
	run cat "/proc/$(pgrep -o -x tsm-bind-helper)/status"
	assert_line --regexp $'^CapBnd:\t0+$'
	refute_line --regexp $'^Uid:\t0'
	# Only the group kvm can connect. Without a configuration only root may make requests.
	assert_equal "$(stat -c '%G %a' /run/tsmctl/helper.sock)" "kvm 660"
	run setpriv --reuid 2001 --regid 2001 --clear-groups $bin/ask.py /run/tsmctl/helper.sock "${line/bind/state}"
	assert_output --partial PermissionError
	run setpriv --reuid 2001 --regid kvm --clear-groups $bin/ask.py /run/tsmctl/helper.sock "${line/bind/state}"
	assert_output --partial '"errno":"EACCES"'
	systemctl stop tsmctl-helper.service
	assert_equal "$(property Result tsmctl-helper.service)" success
	# The next client starts it again.
	run $bin/ask.py /run/tsmctl/helper.sock "${line/bind/state}"
	assert_output --partial '"ok":true'
}

@test "a shutdown of systemd stops the holders within 30 s" {
	systemctl start $hold
	assert_equal "$(attr state)" bound
	systemctl --no-block start shutdown.target
	eventually closed attr state
	assert_equal "$(property Result $hold)" success
}
