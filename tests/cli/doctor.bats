#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2013,SC2016,SC2030,SC2031,SC2154
# tsmctl doctor: a host on which every check passes, then each thing that can be missing.
bats_require_minimum_version 1.5.0
load helpers

OPTIONS="PCI_TSM IOMMUFD VFIO_PCI VFIO_DEVICE_CDEV KVM CONFIGFS_FS STRICT_DEVMEM"

setup() {
	fake_host
	fake_tsm 0
	fake_assigned 0000:01:00.0
	DEV=$SYS/devices/pci0000:00/0000:01:00.0
	export TSMCTL_ROOT=$BATS_TEST_TMPDIR/root
	mkdir -p "$TSMCTL_ROOT"/{proc/sys/kernel,boot,dev/vfio/devices} "$SYS/class/iommu/ivhd0" \
		"$SYS/module/vfio_tsm" "$DEV/vfio-dev/vfio0"
	fake_driver vfio-pci-tsm
	echo "$("$TSMCTL_BIN/tsmctl" --version | cut -d " " -f 2)" > "$SYS/module/vfio_tsm/version"
	echo 7.3.4 > "$TSMCTL_ROOT/proc/sys/kernel/osrelease"
	for o in $OPTIONS; do echo "CONFIG_$o=y"; done > "$TSMCTL_ROOT/boot/config-7.3.4"
	echo "quiet" > "$TSMCTL_ROOT/proc/cmdline"
	echo " 24:  1  IR-PCI-MSI-0000:01:00.0  0-edge  nvme0q0" > "$TSMCTL_ROOT/proc/interrupts"
	touch "$TSMCTL_ROOT"/dev/{iommu,kvm,vfio/devices/vfio0}
	policy 0000:01:00.0 tdi_id 0000:00:05.0
	echo D0 > "$DEV/power_state"
	printf '\x36\x1b\x10\x00\x06\x00' > "$DEV/config"
}

# failures: the checks that fail, on one line.
failures() { results check verdict=fail | xargs; }

# bar_at ADDR: BAR 0 has 64 bits and the address ADDR in the kernel. no_address: BAR 0 has none.
no_address() { bar_at 0x0000000000000000; }
bar_at() {
	{ printf '\x36\x1b\x10\x00\x06\x00'; head -c 10 /dev/zero; printf '\x04'; head -c 239 /dev/zero; } > "$DEV/config"
	echo "0x0000000000000000 $1 0x0000000000000000" > "$DEV/resource"
	for _ in 1 2 3 4 5 6; do echo "0x0000000000000000 0x0000000000000000 0x0000000000000000"; done >> "$DEV/resource"
}

@test "doctor: a malformed argument is an error before anything is checked" {
	run_split tsmctl doctor 01:00.0 foo
	assert_equal "$status" 2
	assert_equal "$output" ""
	assert_one_line "'foo' is not a device" "--help"
	run_split tsmctl doctor --json foo
	assert_equal "$status" 2
	assert_golden doctor-usage
	run_split tsmctl doctor 09:00.0 --json
	assert_equal "$(results check device=null)" "$(tsmctl help tables | grep -P '^check\thost\t' | cut -f 3)"
}

@test "doctor: exits with 0 if nothing is missing, and each check states what it found" {
	run_split tsmctl doctor 01:00.0 --json
	assert_success
	assert_golden doctor
	run_split tsmctl doctor 01:00.0
	assert_success
	assert_line --regexp '^ok    iommufd .*dev/iommu can be opened'
	refute_output --partial FAIL
	run_split tsmctl doctor -q
	assert_output ""
}

@test "doctor: each thing that is missing fails one check, with an exit status and a fix" {
	while IFS='|' read -r check code fix break; do
		cp -a "$BATS_TEST_TMPDIR" "$BATS_TEST_TMPDIR.kept"
		eval "$break"
		run_split tsmctl doctor 01:00.0 --json
		[ "$status" -eq "$code" ] || fail "$break gave exit $status, not $code: $output"
		assert_equal "$(failures)" "$check"
		[[ $(results fix verdict=fail | head -n 1) == *"$fix"* ]] || fail "$break: $output"
		run_split tsmctl doctor 01:00.0
		assert_line --regexp "^FAIL  ${check%% *} "
		assert_line --regexp "^ +fix: .*${fix//[.()]/.}"
		# a bind that fails names the check, if it can be the reason
		run_split tsmctl bind 01:00.0
		assert_failure
		[[ $stderr == *"'tsmctl doctor 0000:01:00.0' fails on: ${check// /, }"* ]] ||
			fail "$break: bind says $stderr"
		rm -rf "$BATS_TEST_TMPDIR"
		mv "$BATS_TEST_TMPDIR.kept" "$BATS_TEST_TMPDIR"
	done <<- 'EOF'
		kernel|5|CONFIG_IOMMUFD|sed -i /IOMMUFD/d $TSMCTL_ROOT/boot/config-7.3.4
		kernel|5|use Linux 7.0, 7.2 or 7.3 with CONFIG_IOMMUFD, CONFIG_VFIO_DEVICE_CDEV|sed -i "/IOMMUFD/d; /CDEV/d" $TSMCTL_ROOT/boot/config-7.3.4
		kernel|5|CONFIG_PCI_TSM|sed -i "s/CONFIG_PCI_TSM=y/# CONFIG_PCI_TSM is not set/" $TSMCTL_ROOT/boot/config-7.3.4
		kernel|5|CONFIG_VFIO_DEVICE_CDEV|sed -i /CDEV/d $TSMCTL_ROOT/boot/config-7.3.4
		kernel|5|use Linux 7.0, 7.2 or 7.3|echo 6.12.63+deb13-amd64 > $TSMCTL_ROOT/proc/sys/kernel/osrelease
		kernel|5|CONFIG_KVM|sed -i "s/CONFIG_KVM=y/CONFIG_KVM_X=y/" $TSMCTL_ROOT/boot/config-7.3.4
		modules|5|tsmctl load|rm -r $SYS/module/vfio_tsm
		modules|5|tsmctl load|rm -r $SYS/bus/pci/drivers/vfio-pci-tsm/*bind && rm -r $SYS/bus/pci/drivers/vfio-pci-tsm; fake_driver none; rm -f $DEV/driver; ln -s ../../../bus/pci/drivers/vfio-pci-tsm $DEV/driver
		interrupts|5|interrupt remapping|sed -i s/IR-// $TSMCTL_ROOT/proc/interrupts
		iommufd|5|modprobe iommufd|rm $TSMCTL_ROOT/dev/iommu
		kvm|5|virtualization|rm $TSMCTL_ROOT/dev/kvm
		tsm|5|tsmctl load --sim|rmdir $SYS/class/tsm/tsm0
		iommu group|5|intel_iommu=on|rm -r $SYS/kernel/iommu_groups/* $DEV/iommu_group
		group|6|tsmctl assign|fake_device 0000:01:00.1 e1000e
		group|6|assign|fake_device 0000:01:00.2 mlx5-vfio-pci "" "" 8; mkdir -p $SYS/bus/pci/devices/0000:01:00.2/vfio-dev/vfio2; ln -s ../0000:01:00.2 $DEV/physfn
		group-owner|6|stop that process|fake_assigned 0000:01:00.1 open; policy 0000:01:00.1 owner 77
		driver|5|tsmctl assign 0000:01:00.0|fake_set_driver 0000:01:00.0 vfio-pci
		connection|5|tsmctl connect 0000:01:00.0|echo > $DEV/tsm/connect
		connection|5|function 0|rm -r $DEV/tsm
		cdev|5|VFIO_DEVICE_CDEV|rmdir $DEV/vfio-dev/vfio0
		cdev|5|VFIO_DEVICE_CDEV|rm $TSMCTL_ROOT/dev/vfio/devices/vfio0
		cdev|5|devtmpfs|rm $TSMCTL_ROOT/dev/vfio/devices/vfio0; echo 239:0 > $DEV/vfio-dev/vfio0/dev
		cdev|5|mknod|ln -sf /dev/null $TSMCTL_ROOT/dev/vfio/devices/vfio0; echo 239:0 > $DEV/vfio-dev/vfio0/dev
		command|1|lspci -vv -s 0000:01:00.0|head -c 256 /dev/zero | tr "\\0" "\\377" > $DEV/config
		command|1|lspci -vv -s 0000:01:00.0|policy 0000:01:00.0 state open; head -c 256 /dev/zero | tr "\\0" "\\377" > $DEV/config
		denied|4|tsmctl allow 0000:01:00.0|policy 0000:01:00.0 bind_allowed 0
		regions|4|tsmctl mode 0000:01:00.0 exclusive|policy 0000:01:00.0 region_mode shared
		regions|4|tsmctl mode 0000:01:00.0 exclusive|echo shared > $CFG/default_region_mode
		regions|4|close it|policy 0000:01:00.0 region_mode_active shared
		bar|1|pci=realloc|no_address
		tdi-id|1|tsmctl tdi-id 0000:01:00.0|policy 0000:01:00.0 tdi_id none
		power|1|power/control|policy 0000:01:00.0 state open; echo D3hot > $DEV/power_state
		power|1|0000:01:00.2/power/control|fake_device 0000:01:00.2 mlx5_core "" "" 8; echo D3hot > $SYS/bus/pci/devices/0000:01:00.2/power_state; ln -s ../0000:01:00.2 $DEV/physfn
		command|1|Bus Master|policy 0000:01:00.0 state open; printf "\066\033\020\000\002\000" > $DEV/config
		mapped|6|--bar-mmap revoke|policy 0000:01:00.0 state open; policy 0000:01:00.0 owner 77; mkdir $TSMCTL_ROOT/proc/77; echo "7f00-7f01 rw-s 0 00:0f 5 /dev/vfio/devices/vfio0" > $TSMCTL_ROOT/proc/77/maps
		state|6|bind it again|policy 0000:01:00.0 state lost
		quarantine|6|tsmctl disconnect 0000:01:00.0|policy 0000:01:00.0 state quarantined; policy 0000:01:00.0 quarantine 1
		quarantine|6|tsmctl free 0000:01:00.0|policy 0000:01:00.0 quarantine 1
		origin|6|tsmctl revoke 0000:01:00.0|policy 0000:01:00.0 state bound; policy 0000:01:00.0 origin foreign
	EOF
}

@test "doctor: a process that uses the IOMMU group prevents a bind, and a holder of the group does not" {
	fake_assigned 0000:01:00.1
	holder true
	policy 0000:01:00.0 state bound
	run_split tsmctl doctor 01:00.1 --json
	assert_equal "$(results verdict check=group-owner)" pass
	kill "$HOLDER"
	# the same process, but another program
	rm "$RUN/0000:01:00.0.lock"
	policy 0000:01:00.0 owner $$
	run_split tsmctl doctor 01:00.1 --json
	assert_failure
	assert_equal "$(results verdict check=group-owner)" fail
	# an owner that has not opened it, because it is a module of the kernel
	policy 0000:01:00.0 owner none
	policy 0000:01:00.0 origin foreign
	run_split tsmctl doctor 01:00.1 --json
	assert_equal "$(results verdict check=group-owner)" pass
	# what a bind would say
	policy 0000:01:00.0 origin none
	policy 0000:01:00.0 state closed
	policy 0000:01:00.1 state open
	policy 0000:01:00.1 owner $$
	fake_cdev 0000:01:00.0
	run_split tsmctl bind 01:00.0 --dry-run --json
	assert_equal "$status" 6
	assert_equal "$(errors stage)" group-owner
}

@test "doctor: finds BARs without address, and a PF or function 0 on another VFIO driver, before a bind does" {
	local pf=0000:01:00.2 f0=0000:03:00.0
	bar_at 0x00000000fe003fff
	run_split tsmctl doctor 01:00.0 --json
	assert_equal "$(results evidence check=bar)" "no BAR is seen to lack an address"
	no_address
	fake_cdev 0000:01:00.0
	run_split tsmctl bind --dry-run 01:00.0 --json
	assert_equal "$status" 1
	assert_golden doctor-bind-bar
	bar_at 0x00000000fe003fff

	fake_device "$pf" mlx5-vfio-pci 15b3 1017 8
	ln -s "../$pf" "$DEV/physfn"
	run_split tsmctl doctor 01:00.0
	assert_success
	mkdir -p "$SYS/bus/pci/devices/$pf/vfio-dev/vfio2"
	run_split tsmctl bind --dry-run 01:00.0 --json
	assert_equal "$status" 6
	assert_golden doctor-bind-group
	run_split tsmctl doctor 01:00.0
	assert_line --partial "it relies on $pf (mlx5-vfio-pci)"
	fake_set_driver "$pf" vfio-pci-tsm

	# function 0 matters if a TSM is connected to it
	fake_assigned 0000:03:00.1
	fake_device "$f0" vfio-pci 8086 10c9 9
	mkdir -p "$SYS/bus/pci/devices/$f0/vfio-dev/vfio3"
	fake_tsm_side "$f0"
	run_split tsmctl doctor 03:00.1 --json
	assert_equal "$(results verdict check=group)" pass
	echo tsm0 > "$SYS/bus/pci/devices/$f0/tsm/connect"
	run_split tsmctl doctor 03:00.1 --json
	assert_equal "$(results evidence check=group)" "it relies on $f0 (vfio-pci)"
}

@test "doctor: opens the nodes in /dev, because their mode is not enough to know" {
	# /dev/tty of a process without a terminal is a node that cannot be opened
	for node in iommu kvm; do
		ln -sf /dev/tty "$TSMCTL_ROOT/dev/$node"
		run_split setsid -w tsmctl doctor --json
		assert_equal "$status" 5
		assert_equal "$(failures)" "$([ $node = iommu ] && echo iommufd || echo kvm)"
		[[ $(results evidence verdict=fail) == *"has no driver: ENXIO" ]] || fail "$output"
		ln -sf /dev/null "$TSMCTL_ROOT/dev/$node"
	done
	run_split tsmctl doctor --json
	assert_success
}

@test "doctor: fails on a device if a TSM of the host cannot bind" {
	fake_tdi 0000:01:00.0
	for has in 1:pass unknown:n/a 0:fail; do
		echo "${has%:*}" > "$DEV/vfio_tsm/can_bind"
		run_split tsmctl doctor 01:00.0 --json
		assert_equal "$status" "$([ $has = 0:fail ] && echo 5 || echo 0)"
		assert_equal "$(results verdict check=no-bind)" "${has#*:}"
	done
	[[ $(results "evidence fix" check=no-bind) == "can_bind is 0 "*"install the TSM driver"* ]] || fail "$output"
	fake_cdev 0000:01:00.0
	run_split tsmctl bind 01:00.0 --dry-run --json
	assert_failure 5
	assert_equal "$(errors stage)" no-bind
	# it was the cause of the last error
	policy 0000:01:00.0 last_error "-6 no-bind"
	run_split tsmctl doctor 01:00.0 --json
	assert_equal "$(failures)" no-bind
	assert_equal "$(results check verdict=warn)" last-error
	echo 1 > "$DEV/vfio_tsm/can_bind"
	run_split tsmctl doctor 01:00.0 --json
	assert_success
	# modules of version 0.1
	rm "$DEV/vfio_tsm/can_bind"
	run_split tsmctl doctor 01:00.0 --json
	assert_success
	assert_equal "$(results verdict check=no-bind)" n/a
}

@test "doctor: what a busy TSM keeps from being read is skipped, and everything else is checked" {
	fake_tdi 0000:01:00.0
	never_answers 0000:01:00.0 tsm/connect
	never_answers 0000:01:00.0 tsm/dsm
	run_split tsmctl doctor 01:00.0 --json
	assert_success
	assert_equal "$(results verdict check=connection)" n/a
	[[ $(results "fix evidence" check=connection) == "null a TSM keeps PCI/TSM busy"* ]] || fail "$output"
	# a check after it still finds what is missing
	policy 0000:01:00.0 tdi_id none
	run_split tsmctl doctor 01:00.0 --json
	assert_equal "$(failures)" tdi-id
	run_split tsmctl doctor --json
	assert_success
}

@test "doctor: shows a request of the guest that the policy refuses, and does not fail for it" {
	fake_tdi 0000:01:00.0
	while IFS='|' read -r policy last verdict evidence; do
		policy 0000:01:00.0 guest_requests "$policy"
		echo "$last" > "$DEV/vfio_tsm/last_request"
		run_split tsmctl doctor 01:00.0 --json
		assert_success
		[[ $(results "verdict fix evidence" check=requests) == "$verdict null "*"$evidence"* ]] || fail "$last: $output"
	done <<- 'EOF'
		all|none|n/a|
		none|none|n/a|
		none|info 239 0x0|pass|
		all|info -13 0x0|pass|
		info|info -13 0x0|pass|
		info|state-change -11 0x0|pass|
		none|info -13 0x0|warn|the last request, info, failed with EACCES: guest_requests is none
		none|state-change -13 0x0|warn|state-change, failed with EACCES
		info|state-change -13 0x0|warn|guest_requests is info
	EOF
}

@test "doctor: warns, with a fix, about what does not prevent a bind" {
	while IFS='|' read -r fix break; do
		cp -a "$BATS_TEST_TMPDIR" "$BATS_TEST_TMPDIR.kept"
		eval "$break"
		run_split tsmctl doctor 01:00.0 --json
		assert_success
		assert_equal "$(failures)" ""
		[[ $(results "check fix" verdict=warn) == "devmem "*"$fix"* ]] || fail "$break: $output"
		run_split tsmctl doctor 01:00.0 --quiet
		assert_line --regexp "^warn  devmem "
		run_split tsmctl bind 01:00.0
		assert_failure
		[[ $stderr != *devmem* ]] || fail "$stderr"
		rm -rf "$BATS_TEST_TMPDIR"
		mv "$BATS_TEST_TMPDIR.kept" "$BATS_TEST_TMPDIR"
	done <<- 'EOF'
		CONFIG_STRICT_DEVMEM|sed -i /STRICT/d $TSMCTL_ROOT/boot/config-7.3.4
		iomem=relaxed|echo "quiet iomem=relaxed" > $TSMCTL_ROOT/proc/cmdline
	EOF
}

@test "doctor: the last error is a warning only while its cause is there" {
	policy 0000:01:00.0 last_error "-6 not-connected"
	run_split tsmctl doctor 01:00.0 --json
	assert_success
	[[ $(results "verdict evidence" check=last-error) == "pass "*"check connection passes now" ]] || fail "$output"
	echo > "$DEV/tsm/connect"
	run_split tsmctl doctor 01:00.0 --json
	assert_equal "$status" 5
	assert_equal "$(failures)" connection
	[[ $(results "verdict fix" check=last-error) == "warn "*"tsmctl connect 0000:01:00.0"* ]] || fail "$output"
	# no check is about this one
	echo tsm0 > "$DEV/tsm/connect"
	policy 0000:01:00.0 last_error "-22 kvm"
	run_split tsmctl doctor 01:00.0 --json
	assert_success
	[[ $(results "verdict evidence" check=last-error) == "n/a "*"EINVAL at kvm"* ]] || fail "$output"
}

@test "doctor: the fix is the hint of a bind that is refused for the same reason" {
	policy 0000:01:00.0 bind_allowed 0
	policy 0000:01:00.0 tdi_id none
	policy 0000:01:00.0 state open
	echo D3hot > "$DEV/power_state"
	run_split tsmctl doctor 01:00.0 --json
	assert_equal "$(results fix verdict=fail)" "run 'tsmctl allow 0000:01:00.0'
run 'tsmctl tdi-id 0000:01:00.0 ID' with the address that the guest sees
run 'echo on > /sys/bus/pci/devices/0000:01:00.0/power/control', and bind again"
}

@test "doctor: finds a PF, and a connected function 0, that a bind would not wake" {
	local f0=$SYS/bus/pci/devices/0000:03:00.0
	fake_assigned 0000:03:00.1
	fake_device 0000:03:00.0 mlx5_core "" "" 9
	fake_tsm_side 0000:03:00.0
	echo D3hot > "$f0/power_state"
	mkdir "$f0/power"
	while read -r tsm status verdict; do
		echo "${tsm#none}" > "$f0/tsm/connect"
		echo "$status" > "$f0/power/runtime_status"
		run_split tsmctl doctor 03:00.1 --json
		assert_equal "$(results verdict check=power)" "$verdict"
	done <<- 'EOF'
		none active n/a
		tsm0 suspended n/a
		tsm0 active fail
	EOF
	assert_equal "$(results evidence check=power)" "power_state of 0000:03:00.0 is D3hot"
}

@test "doctor: counts the mappings of a device, and warns about one that has no name" {
	policy 0000:01:00.0 state open
	policy 0000:01:00.0 owner 77
	mkdir "$TSMCTL_ROOT/proc/77"
	while IFS='|' read -r path verdict evidence; do
		echo "7f00-7f01 rw-s 0 00:0f 5 $path" > "$TSMCTL_ROOT/proc/77/maps"
		run_split tsmctl doctor 01:00.0 --json
		assert_equal "$(results "verdict evidence" check=mapped)" "$verdict $evidence"
	done <<- 'EOF'
		/dev/vfio/devices/vfio0|fail|process 77 has 1 mapping of vfio0
		/dev/vfio/devices/vfio1|pass|process 77 has no mapping of vfio0
		/dev/vfio/devices/vfio00|pass|process 77 has no mapping of vfio0
		[vfio-device]|warn|process 77 has 1 mapping of a VFIO device, perhaps another one
	EOF
}

@test "doctor: a VF needs the connection of its PF, and no memory bit in its Command register" {
	fake_device 0000:01:02.0 vfio-pci-tsm 8086 10ca 9
	fake_tsm_side 0000:01:02.0
	rm "$SYS/devices/pci0000:00/0000:01:02.0/tsm/connect"
	echo 0000:01:00.0 > "$SYS/devices/pci0000:00/0000:01:02.0/tsm/dsm"
	fake_policy 0000:01:02.0 open
	printf '\xff\xff\xff\xff\x04\x00' > "$SYS/devices/pci0000:00/0000:01:02.0/config"
	ln -s ../0000:01:00.0 "$SYS/devices/pci0000:00/0000:01:02.0/physfn"
	run_split tsmctl doctor 01:02.0 --json
	assert_equal "$(results verdict check=connection) $(results verdict check=command)" "pass pass"
	echo > "$DEV/tsm/connect"
	run_split tsmctl doctor 01:02.0
	assert_line --partial "fix: run 'tsmctl connect 0000:01:00.0'"
}

@test "doctor: exits with 1 if the failures have different exit statuses; an absent device fails one check" {
	policy 0000:01:00.0 bind_allowed 0
	rm "$TSMCTL_ROOT/dev/kvm"
	run_split tsmctl doctor 01:00.0
	assert_equal "$status" 1
	touch "$TSMCTL_ROOT/dev/kvm"
	run_split tsmctl doctor 0000:99:00.0 --json
	assert_equal "$status" 3
	assert_equal "$(failures)" present
	assert_equal "$(results check device=0000:99:00.0)" present
}

@test "doctor: reads a compressed configuration of the kernel, and checks nothing without one" {
	for o in $OPTIONS; do echo "CONFIG_$o=m"; done | gzip > "$TSMCTL_ROOT/proc/config.gz"
	rm "$TSMCTL_ROOT/boot/config-7.3.4"
	run_split tsmctl doctor --json
	assert_success
	rm "$TSMCTL_ROOT/proc/config.gz"
	run_split tsmctl doctor --json
	assert_success
	for check in kernel devmem; do assert_equal "$check $(results verdict check=$check)" "$check n/a"; done
	unset TSMCTL_ROOT
	run_split tsmctl doctor --json
	assert_success
	for check in kernel kvm iommufd; do assert_equal "$check $(results verdict check=$check)" "$check n/a"; done
}

@test "doctor: writes nothing, and works without the modules" {
	rm -r "$CFG"
	before=$(snapshot)
	run_split tsmctl doctor 01:00.0 --json
	assert_equal "$status" 5
	assert_equal "$(failures)" configfs
	assert_equal "$(snapshot)" "$before"
}

@test "doctor: a kernel that is not in the list is a warning, with the list" {
	mv "$TSMCTL_ROOT/boot/config-7.3.4" "$TSMCTL_ROOT/config"
	while read -r release verdict; do
		echo "$release" > "$TSMCTL_ROOT/proc/sys/kernel/osrelease"
		cp "$TSMCTL_ROOT/config" "$TSMCTL_ROOT/boot/config-$release"
		run_split tsmctl doctor --json
		assert_success
		assert_equal "$(results verdict check=kernel)" "$verdict"
		[ "$verdict" = pass ] || assert_equal "$(results fix check=kernel)" "use Linux 7.0, 7.2 or 7.3"
	done <<- 'END'
		7.0.0 pass
		7.0.12-3-generic pass
		7.1.9 warn
		7.2.0-rc1 pass
		7.3.4+deb14-amd64 pass
		7.4.0 warn
		7.10.1 warn
		8.0.0 warn
	END
	[[ $(results evidence check=kernel) == "tsmctl "*" is for Linux 7.0, 7.2 or 7.3, and not for 8.0.0" ]] || fail "$output"
	# an option that is missing is a failure all the same
	sed -i /IOMMUFD/d "$TSMCTL_ROOT/boot/config-8.0.0"
	run_split tsmctl doctor --json
	assert_equal "$status" 5
	[[ $(results evidence check=kernel) == *"lacks CONFIG_IOMMUFD" ]] || fail "$output"
}

@test "doctor: a loaded module of another version is a warning that names it" {
	mkdir -p "$SYS/module"/{vfio_pci_tsm,tsm_sim}
	echo 0.0.1 > "$SYS/module/vfio_pci_tsm/version"
	run_split tsmctl doctor --json
	assert_success
	assert_equal "$(results verdict check=version)" warn
	[[ $(results evidence check=version) == *"the loaded module vfio_pci_tsm is 0.0.1" ]] || fail "$output"
	[[ $(results fix check=version) == *"'tsmctl unload' and 'tsmctl load'" ]] || fail "$output"
	rm "$SYS/module"/*/version
	run_split tsmctl doctor --json
	assert_equal "$(results verdict check=version)" n/a
}
