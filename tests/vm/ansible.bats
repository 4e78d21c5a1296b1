# SPDX-License-Identifier: GPL-2.0-or-later
# The collection for ansible on a real kernel, under a systemd of the tests' own.
# tests/cli/ansible.bats has the details, over fake trees.
# long: six minutes and more, for four runs of ansible-playbook on an emulated processor
# vm: --nvme 2 --timeout 3600
# kernels: normal

# shellcheck disable=SC2154 # helpers.bash sets what is not set here
load helpers
load systemd

units=/run/tsm-units
home=/run/tsm-ansible
second=0000:02:00.0
hold=tsmctl-hold@$dev.service

setup_file() {
	load helpers
	load systemd
	# The root of the VM is in its memory, or is read-only.
	mount -o remount,bind,rw /
	make -s -C "$top" install
	load_nvme "$dev" $second
	# so that both mount namespaces have it
	mountpoint -q /sys/kernel/config || mount -t configfs configfs /sys/kernel/config
	mkdir -p $units $home/ansible_collections/tsmctl
	ln -s "$top/examples/ansible" $home/ansible_collections/tsmctl/host
	printf '[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n' >$units/vmm.service
	systemd_targets $units
	# without the units of the host
	mount -t tmpfs tmpfs /etc/systemd/system
	systemd_start /etc/systemd/system:$units:/usr/local/lib/systemd/system
	is_running() { [ "$(state_of_systemd)" = running ]; }
	wait_for 120 is_running
}
teardown_file() {
	load helpers
	load systemd
	systemctl stop $hold tsmctl-helper.socket tsmctl-helper.service || true
	systemd_kill
	cleanup $second
	unload_all
	umount /etc/systemd/system
	rm -rf /etc/tsmctl $units $home
}

# play DEVICES [OPTION...]: runs the playbook with these entries
play() {
	local devices=$1
	shift
	cat >$home/vars.json <<-END
		{"tsmctl_devices": [$devices], "tsmctl_become": false, "tsmctl_sim": ["0000:0[12]:00.0"],
		 "tsmctl_holders": [{"device": "$dev"}], "tsmctl_restart": ["vmm.service"],
		 "tsmctl_helper_allow": [{"user": "root", "devices": ["$dev"]}],
		 "ansible_connection": "local", "ansible_python_interpreter": "/usr/bin/python3"}
	END
	in_systemd env HOME=$home LC_ALL=C.UTF-8 ANSIBLE_NOCOLOR=1 ANSIBLE_PIPELINING=1 \
		ANSIBLE_COLLECTIONS_PATH=$home ansible-playbook -i localhost, -e @$home/vars.json \
		"$@" tsmctl.host.hosts
}

first='{"device": "0000:01:00.0", "assigned": true, "tdi_id": "00:05.0", "tsm": "tsm0"}'
driver() { basename "$(readlink "$pci/devices/$1/driver")"; }
enabled() { systemctl is-enabled "$1" || true; }

@test "the first run of the playbook configures the device, and starts the units" {
	run -0 play "$first"
	assert_line "changed: [localhost] => (item=$dev) => {"
	assert_line --regexp '^localhost .* failed=0 .* ignored=0 '
	assert_equal "$(driver $dev) $(driver $second)" "vfio-pci-tsm nvme"
	assert_equal "$(attr state) $(attr tdi_id)" "bound 0000:00:05.0"
	for unit in tsmctl.service tsmctl-helper.socket $hold; do
		assert_equal "$unit $(enabled $unit)" "$unit enabled"
	done
	assert_equal "$(property ActiveState $hold)" active
	assert_equal "$(property ActiveState tsmctl-helper.service)" active
	assert_equal "$(property ActiveState vmm.service)" active
	run -0 tsmctl diff
	assert_output ""
}

@test "the second run of the playbook changes nothing" {
	before=$(attr owner)
	run -0 play "$first"
	assert_line --regexp '^localhost .* changed=0 .* failed=0 .* ignored=0 '
	assert_equal "$(attr owner)" "$before"
	assert_equal "$(ls -m /etc/tsmctl)" "config.json, helper.json"
}

@test "in check mode the playbook predicts changes, and makes none" {
	before=$(cat /etc/tsmctl/config.json)
	run -0 play "$first, {\"device\": \"$second\", \"assigned\": true}" --check
	assert_line "changed: [localhost] => (item=$second) => {"
	assert_line "ok: [localhost] => (item=$dev) => {"
	assert_equal "$(driver $second)" nvme
	assert_equal "$(cat /etc/tsmctl/config.json)" "$before"
}

@test "a device in use and one that does not exist fail at the end, and the rest is done" {
	systemctl disable tsmctl.service
	systemctl stop vmm.service
	run -2 play "${first/05/07}, {\"device\": \"$second\", \"assigned\": true, \"tsm\": \"tsm0\"},
		{\"device\": \"0000:09:00.0\", \"assigned\": true}"
	for device in $dev 0000:09:00.0; do
		assert_line --regexp "^failed: \[localhost\] \(item=$device\) => "
	done
	refute_line --regexp "^failed: .*item=$second"
	assert_line "changed: [localhost] => (item=$second) => {"
	assert_equal "$(driver $second) $(cat $pci/devices/$second/tsm/connect)" "vfio-pci-tsm tsm0"
	assert_equal "$(attr state) $(attr tdi_id)" "bound 0000:00:05.0"
	assert_equal "$(enabled tsmctl.service)" enabled
	assert_equal "$(property ActiveState vmm.service)" active
	# one backup of the document
	assert_equal "$(ls -m /etc/tsmctl)" "config.json, config.json.before, helper.json"
}
