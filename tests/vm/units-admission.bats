# SPDX-License-Identifier: GPL-2.0-or-later
# The service of the helper's socket under systemd, with a configuration that requires an
# admission: it binds a device only if the kernel checks the admission too.
# vm: --dsm --timeout 1800

# shellcheck disable=SC2154,SC2034 # helpers.bash sets what is not set here
load helpers
load doe
load systemd

files=$pci/devices/$dev/vfio_tsm_evidence
sock=/run/tsmctl/helper.sock

setup_file() {
	load helpers
	load doe
	load systemd
	doe_load
	# The root of the VM is in its memory, or is read-only.
	mount -o remount,bind,rw /
	install -d -m 755 /etc/tsmctl
	echo '{"version":1,"admission":"required","allow":[]}' >/etc/tsmctl/helper.json
	systemd_of_helper /run/tsm-units /run/tsm-bin
}
teardown_file() {
	load helpers
	load systemd
	systemd_kill
	rm -rf /etc/tsmctl
	unload_all
}
setup() { doe_begin; }
teardown() {
	systemctl stop tsmctl-helper.socket tsmctl-helper.service || true
	doe_end
}

ask() { echo "ask:$sock {\"version\":1,\"request\":\"$1\",\"device\":\"$dev\"}"; }
is_state() { echo "is:$configfs/$dev/tsm/state=$1"; }

# members: step, errno and stage of each refusal in $output, or the state after a success
members() {
	sed -n 's/^said //p' <<<"$output" | python3 -c '
import json, sys
for answer in map(json.loads, sys.stdin):
    error = answer["error"]
    print(error["step"], error["errno"], error["stage"]) if error else print(answer["state"])'
}

@test "under systemd, the service of a host that requires an admission binds only an admitted device" {
	prepare
	systemctl start tsmctl-helper.socket
	run client open "$(ask bind)" "$(is_state open)" \
		"put:$configfs/$dev/tsm/admission=required" "$(ask bind)" "$(is_state open)" \
		"sh:echo $(openssl rand -hex 32) >$files/nonce" "$(ask bind)" "$(is_state open)" \
		"sh:cat $files/generation >$configfs/$dev/tsm/admitted" "$(ask bind)" "$(is_state bound)" \
		"put:$configfs/$dev/tsm/admission=none" "$(ask unbind)" "$(ask bind)" "$(is_state open)"
	assert_equal "$(grep -c 'tsm/state=.* OK$' <<<"$output")" 5
	# The service itself refuses a device that nothing would check, and leaves the rest to the driver.
	run -0 members
	assert_output "admission EACCES None
bind EACCES admission
bind EACCES admission
bound
open
admission EACCES None"
	assert_equal "$(sim binds) $(sim violations) $(sim state)" "1 0 CONFIG_UNLOCKED"
	assert_equal "$(property ActiveState tsmctl-helper.service)" active
}
