# SPDX-License-Identifier: GPL-2.0-or-later
# A host boots with the units installed, and functions appear later: each has its
# policy before a process can open it. The tests boot a systemd of their own, with the
# real udev, on the files that "make install" has installed.
# vm: --nvme 2 --timeout 1200 --qemu -device --qemu pcie-root-port,id=rpv,bus=pcie.0,addr=0x10,chassis=60,slot=60 --qemu -device --qemu nvme-subsys,id=sub0 --qemu -device --qemu nvme,serial=sriov,bus=rpv,subsys=sub0,max_ioqpairs=8,msix_qsize=9,sriov_max_vfs=2,sriov_vq_flexible=4,sriov_vi_flexible=2
# kernels: normal oldest

# shellcheck disable=SC2154 # helpers.bash sets what is not set here
load helpers
load systemd

units=/run/tsm-units
installed=/usr/local/lib/systemd/system
# the device that is plugged in
late=0000:03:00.0

setup_file() {
	load helpers
	load systemd
	PF=$(find_pf)
	export PF
	# The root of the VM is in its memory, or is read-only.
	mount -o remount,bind,rw /
	make -s -C "$top" install
	modprobe tsm_sim "devices=0000:0*:00.*"
}

setup() {
	mkdir -p $units/{sysinit,multi-user}.target.wants /etc/tsmctl
	chmod 755 /etc/tsmctl
	systemd_targets $units
	# the units of the system that devices and configfs need
	for unit in systemd-udevd.service systemd-udevd-{control,kernel}.socket \
		systemd-udev-trigger.service systemd-modules-load.service sys-kernel-config.mount; do
		cp "/lib/systemd/system/$unit" $units
		ln -sf "../$unit" $units/sysinit.target.wants
	done
	# as systemctl enable does
	ln -sf $installed/tsmctl.service \
		"$units/$(sed -n 's/^WantedBy=//p' $installed/tsmctl.service).wants"
	# A manager of VMs opens the first device as early as it can.
	cat >$units/libvirtd.service <<-END
		[Service]
		Type=oneshot
		ExecStart=$(type -P vfio-client) $dev open "sh:cd $configfs/$dev/tsm; cat region_mode_active tdi_id bar_mmap"
		StandardOutput=file:/run/opened
		StandardError=inherit
	END
	ln -sf ../libvirtd.service $units/multi-user.target.wants
}

teardown() {
	systemd_kill
	eventually "" pgrep -x systemd
	! mountpoint -q /home/data || umount /home/data
	echo 0 >"$pci/devices/$PF/sriov_numvfs"
	for d in "$dev" 0000:02:00.0 "$late" "$PF"; do
		[ -e "$pci/devices/$d" ] || continue
		release "$d"
		echo "$d" >"$pci/drivers_probe"
	done
	rm -rf /etc/tsmctl /run/tsmctl /run/opened $units
	[ -e /sys/class/tsm/tsm0 ] || modprobe tsm_sim "devices=0000:0*:00.*"
	! mountpoint -q /sys/kernel/config || modprobe -r vfio_pci_tsm
}

config() { cat >/etc/tsmctl/config.json; }
boot() {
	is_up() { [ "$(state_of_systemd)" = "$1" ]; }
	systemd_start $units:$installed
	# A boot takes longer than what eventually() waits for.
	wait_for 120 is_up "${1:-running}" || { state_of_systemd; return 1; }
}

# policy NAME [DEVICE]: an attribute; systemd has mounted configfs in its own namespace
policy() { in_systemd cat "$configfs/${2:-$dev}/tsm/$1"; }
driver() { basename "$(readlink "$pci/devices/${1:-$dev}/driver")"; }

@test "after a boot, policy, driver and TSM are set before the first open" {
	config <<-END
		{"version": 1, "default_region_mode": "shared", "devices": [
		 {"device": "$dev", "assigned": true, "region_mode": "exclusive",
		  "tdi_id": "00:05.0", "bar_mmap": "revoke", "tsm": "tsm0"}]}
	END
	boot
	assert_equal "$(property ActiveState tsmctl.service)" active
	assert_equal "$(head -n 3 /run/opened | xargs)" "exclusive 0000:00:05.0 revoke"
	assert_equal "$(driver)" vfio-pci-tsm
	assert_equal "$(cat "$pci/devices/$dev/tsm/connect")" tsm0
	# the other device keeps its usual driver
	assert_equal "$(driver 0000:02:00.0)" nvme
	# once the unit is stopped, it ignores new devices
	[ -e /run/tsmctl/applied ]
	systemctl stop tsmctl.service
	[ ! -e /run/tsmctl/applied ]
}

# has_policy DEVICE: it is assigned and has the policy of the document
has_policy() {
	eventually vfio-pci-tsm driver "$1"
	assert_equal "$(policy region_mode "$1") $(policy tdi_id "$1")" "exclusive 0000:00:06.0"
	eventually inactive property ActiveState "tsmctl-device@$1.service"
	assert_equal "$(property Result "tsmctl-device@$1.service")" success
}

@test "an NVMe that is plugged in and new VFs get their policy" {
	virtfn() { basename "$(readlink "$pci/devices/$PF/virtfn$1")"; }
	config <<-END
		{"version": 1, "devices": [
		 {"device": "$late", "assigned": true, "region_mode": "exclusive", "tdi_id": "00:06.0", "tsm": "tsm0"},
		 {"device": "${PF%.0}.[1-9]", "assigned": true, "region_mode": "exclusive", "tdi_id": "00:06.0"},
		 {"device": "$PF", "tsm": "tsm0"}]}
	END
	boot
	[ ! -e "$pci/devices/$late" ]
	# The document names an address, so the policy exists before the device does.
	assert_equal "$(policy region_mode "$late")" exclusive
	"$top/tests/bed/monitor" device_add nvme,id=late,bus=hp0,drive=spare,serial=late
	has_policy "$late"
	assert_equal "$(cat "$pci/devices/$late/tsm/connect")" tsm0
	echo 2 >"$pci/devices/$PF/sriov_numvfs"
	for n in 0 1; do has_policy "$(virtfn $n)"; done
	run in_systemd "$(type -P vfio-client)" "$(virtfn 1)" open tsm-bind
	assert_line "tsm-bind OK"
	assert_equal "$(state_of_systemd)" running
}

@test "a TSM whose driver is loaded late gets its functions, and the boot unit becomes active" {
	config <<-END
		{"version": 1, "devices": [{"device": "$dev", "assigned": true, "tdi_id": "00:05.0", "tsm": "tsm0"}]}
	END
	modprobe -r tsm_sim
	boot degraded
	assert_equal "$(property ActiveState tsmctl.service)" failed
	modprobe tsm_sim "devices=0000:0*:00.*"
	eventually tsm0 cat "$pci/devices/$dev/tsm/connect"
	eventually active property ActiveState tsmctl.service
	eventually running state_of_systemd
	assert_equal "$(property Result tsmctl-tsm@tsm0.service)" success
	assert_equal "$(driver)" vfio-pci-tsm
	# once more, where only the connection is missing
	modprobe -r tsm_sim
	modprobe tsm_sim "devices=0000:0*:00.*"
	eventually tsm0 cat "$pci/devices/$dev/tsm/connect"
	eventually inactive property ActiveState tsmctl-tsm@tsm0.service
	eventually running state_of_systemd
}

@test "an enabled holder binds its function at boot and when it is plugged in" {
	config <<-END
		{"version": 1, "devices": [
		 {"device": "$dev", "assigned": true, "tdi_id": "00:05.0", "tsm": "tsm0"},
		 {"device": "$late", "assigned": true, "tdi_id": "00:06.0", "tsm": "tsm0"}]}
	END
	rm $units/multi-user.target.wants/libvirtd.service
	ln -sf $installed/tsmctl-hold@.service "$units/multi-user.target.wants/tsmctl-hold@$dev.service"
	# as systemctl add-wants does
	mkdir "$units/tsmctl-device@$late.service.wants"
	ln -sf $installed/tsmctl-hold@.service "$units/tsmctl-device@$late.service.wants/tsmctl-hold@$late.service"
	boot
	assert_equal "$(policy state)" bound
	if [ -e "$pci/devices/$late" ]; then
		echo 1 >"$pci/devices/$late/remove"
		eventually "" eval 'cat "$pci/devices/$late/vendor" 2>/dev/null || true'
		echo 1 >"$pci/rescan"
	else
		"$top/tests/bed/monitor" device_add nvme,id=late,bus=hp0,drive=spare,serial=late
	fi
	eventually bound policy state "$late"
	eventually running state_of_systemd
}

@test "at boot, a device that the host or a process of another user uses is not assigned" {
	local disk cdev other=0000:02:00.0
	load_nvme "$dev"
	modprobe -a disk_fs vfio-pci
	has_disk() { disk=$(basename "$pci/devices/$dev"/nvme/nvme*/nvme*n1) && [ -b "/dev/$disk" ]; }
	wait_for 30 has_disk
	mkdir -p /home/data
	mount -t disk_fs "/dev/$disk" /home/data
	assign $other vfio-pci
	cdev=/dev/vfio/devices/$(basename "$pci/devices/$other"/vfio-dev/vfio*)
	cat >$units/user.service <<-END
		[Unit]
		Before=tsmctl.service
		[Service]
		Type=exec
		StandardInput=file:$cdev
		ExecStart=$(type -P setpriv) --reuid 2001 --regid 2001 --clear-groups sleep infinity
	END
	ln -s ../user.service $units/multi-user.target.wants
	config <<-END
		{"version": 1, "devices": [{"device": "$dev", "assigned": true}, {"device": "$other", "assigned": true}]}
	END
	mkdir $units/tsmctl.service.d
	printf '[Service]\nStandardError=file:/run/applied.log\n' >$units/tsmctl.service.d/log.conf
	boot degraded
	run cat /run/applied.log
	assert_line --partial "$dev: the host uses it: $disk is mounted on /home/data"
	assert_line --regexp "$other: .* while process [0-9]+ .(sleep|setpriv). uses it"
	assert_equal "$(driver) $(driver $other)" "nvme vfio-pci"
}

@test "with a mistake in the document the unit fails and changes nothing" {
	config <<<'{"version": 1, "devices": [{"device": "all", "assignd": true}]}'
	boot degraded
	assert_equal "$(property ActiveState tsmctl.service)" failed
	assert_equal "$(property ExecMainStatus tsmctl.service)" 2
	assert_equal "$(driver)" nvme
}
