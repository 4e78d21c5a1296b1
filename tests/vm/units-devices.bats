# SPDX-License-Identifier: GPL-2.0-or-later
# The devices that a holder's unit allows it to open. The restriction needs BPF: Debian's
# kernel has it, and our own leaves it out on purpose.
# long: it needs Debian's kernel
# vm: --nvme 1
# kernels: debian

# shellcheck disable=SC2154 # helpers.bash sets what is not set here
load helpers
load systemd

hold=tsmctl-hold@0000:01:00.0.service

setup_file() {
	load helpers
	load systemd
	load_all
	systemd_of_helper /run/tsm-units /run/tsm-bin
}
teardown_file() {
	load helpers
	load systemd
	systemd_kill
	unload_all
}
setup() { prepare; }
teardown() {
	systemctl stop $hold || true
	cleanup
}

# opens FILE...: prints each FILE that a process in the holder's control group can open
opens() {
	local group
	group=$(sed -n 's/^0:://p' "/proc/$(attr owner)/cgroup")
	[[ $group = *tsmctl-hold* ]] || fail "the holder is in $group"
	sh -c 'echo $$ >"$0/cgroup.procs" && for file; do ! true <"$file" || echo "$file"; done' \
		"/sys/fs/cgroup$group" "$@" 2>/dev/null
}

@test "a holder can open the devices that its unit names, and no others" {
	local cdev own others=(/dev/kmsg /dev/mem /dev/hpet)
	cdev=/dev/vfio/devices/$(ls "$pci/devices/$dev/vfio-dev")
	own=(/dev/null /dev/iommu /dev/kvm "$cdev")
	# Without the unit all of them can be opened.
	for file in "${own[@]}" "${others[@]}"; do true <"$file"; done
	systemctl start $hold
	run -0 opens "${others[@]}" "${own[@]}"
	assert_output "$(printf '%s\n' "${own[@]}")"
}
