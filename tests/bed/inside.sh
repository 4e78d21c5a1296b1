#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The checks of run.bats in the VM. The results stay in /run/keep.
set -euo pipefail
keep=/run/keep

printf '<%s>' "$@" >$keep/args

cat >$keep/env <<END
PWD $PWD
TERM $TERM
WORD ${TSMCTL_WORD:-unset}
SECRET ${SECRET:-unset}
END

# If the checkout is below /tmp, this succeeds, in memory.
touch ./write-test 2>/dev/null || true
for dir in /usr /tmp /var /run; do
	if touch "$dir/write-test" 2>/dev/null; then echo "$dir writable"; else echo "$dir read-only"; fi
done >$keep/files

{
	grep -q configfs /proc/mounts && echo "configfs mounted" || echo "configfs not mounted"
	[ -s /proc/modules ] && echo "modules $(wc -l </proc/modules)" || echo "modules none"
} >$keep/setup

echo "$(grep -c 'event_handler: *tick_handle_periodic' /proc/timer_list) of $(nproc)" >$keep/timers

for dev in /sys/bus/pci/devices/0000:0[1-9]:*; do
	[ -e "$dev/iommu_group" ] && echo "${dev##*/} grouped" || echo "${dev##*/} alone"
done >$keep/devices

modprobe kvm_amd || modprobe kvm_intel
modprobe -a vfio-pci iommufd
ls /dev/kvm /dev/iommu >$keep/kvm

# wait_for TEST-ARG...: waits half a minute at most
wait_for() {
	local tries
	for ((tries = 0; tries < 300; tries++)); do
		! test "$@" || return 0
		sleep 0.1
	done
	echo "waited in vain for: $*"
}

hot=/sys/bus/pci/devices/0000:04:00.0
{
	./monitor device_add nvme,id=hot0,bus=hp0,drive=spare,serial=hot0
	wait_for -e $hot && echo added
	./monitor device_del hot0
	wait_for ! -e $hot && echo gone
	./monitor device_del nothing && status=0 || status=$?
	echo "status $status"
} >$keep/hotplug

cat /dev/stdin
echo "to stderr" >&2
exit 42
