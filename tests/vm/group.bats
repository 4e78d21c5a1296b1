# SPDX-License-Identifier: GPL-2.0-or-later
# One holder for the functions of an IOMMU group: two functions of one device, without ACS. The
# kernel gives a group to one iommufd.
# vm: --nvme 0 --qemu -device --qemu pcie-root-port,id=rpm,bus=pcie.0,addr=0x10,chassis=60,slot=60 --qemu -device --qemu nvme,serial=f0,bus=rpm,addr=0x0,multifunction=on --qemu -device --qemu nvme,serial=f1,bus=rpm,addr=0x0.0x1

# shellcheck disable=SC2154 # helpers.bash sets what is not set here
load helpers
load systemd

units=/run/tsm-units
bin=/run/tsm-bin

setup_file() {
	load helpers
	find_functions
	load_all "$F0"
}
teardown_file() {
	load helpers
	load systemd
	systemd_kill
	unload_all
}
setup() {
	# cleanup and prepare use it
	# shellcheck disable=SC2034
	dev=$F0
	prepare
	mkdir -p "$configfs/$F1"
	assign "$F1"
	set_attr tdi_id 00:05.1 "$F1"
}
teardown() {
	cleanup "$F1"
	rmdir "$configfs/$F1" 2>/dev/null || true
}

# states: of both functions
states() { echo "$(attr state "$F0") $(attr state "$F1")"; }

# unharmed: the TSM has seen no violation
unharmed() { assert_equal "$(sim violations "$F0") $(sim violations "$F1")" "0 0"; }

@test "bind of two functions of a group gives both to one holder, whatever their order is" {
	assert_equal "$(readlink "$pci/devices/$F0/iommu_group")" "$(readlink "$pci/devices/$F1/iommu_group")"
	run -0 tsmctl bind "$F1" "$F0"
	assert_line "$F0: state bound (was closed)"
	assert_line "$F1: state bound (was closed)"
	assert_equal "$(states)" "bound bound"
	assert_equal "$(attr owner "$F0")" "$(attr owner "$F1")"
	assert_line "$F1: note: held by process $(attr owner "$F0"), the holder of its IOMMU group"
	run -0 tsmctl show "$F1"
	assert_line --regexp "^owner +$(attr owner "$F0")$"
	assert_line --regexp '^owner_is_helper +yes$'
	run -0 tsmctl unbind "$F0" "$F1"
	assert_equal "$(states)" "closed closed"
	unharmed
}

@test "unbind of one of two functions gives back that one, and the other one stays bound" {
	tsmctl bind "$F0" "$F1"
	holder=$(attr owner "$F0")
	run -0 tsmctl unbind "$F1"
	assert_line "$F1: state closed (was bound)"
	assert_equal "$(states)" "bound closed"
	assert_equal "$(attr owner "$F0") $(sim state "$F0")" "$holder CONFIG_LOCKED"
	# it joins the holder again
	run -0 tsmctl bind "$F1"
	assert_equal "$(states) $(attr owner "$F1")" "bound bound $holder"
	run -0 tsmctl unbind "$F0"
	assert_equal "$(states) $(attr owner "$F1")" "closed bound $holder"
	assert_equal "$(sim state "$F1")" CONFIG_LOCKED
	# function 0 has to be first, and the hint is right
	run tsmctl bind "$F0"
	assert_equal "$status" 6
	assert_output --partial "$F1 relies on it and is bound, and an open would reset it; run 'tsmctl unbind $F1', and then 'tsmctl bind $F0 $F1'"
	tsmctl unbind "$F1"
	run -0 tsmctl bind "$F0" "$F1"
	assert_equal "$(states)" "bound bound"
	unharmed
}

@test "the loss of one function leaves the other one bound, and the holder ends with the last one" {
	tsmctl bind "$F0" "$F1"
	holder=$(attr owner "$F0")
	run -0 tsmctl revoke "$F1"
	assert_equal "$(states)" "bound open"
	tsmctl unbind "$F1"
	eventually closed attr state "$F1"
	assert_equal "$(attr state "$F0")" bound
	kill -0 "$holder"
	kill -TERM "$holder"
	eventually closed attr state "$F0"
	unharmed
}

@test "if the holder is killed, the kernel unbinds all of its functions" {
	tsmctl bind "$F0" "$F1"
	kill -KILL "$(attr owner "$F0")"
	eventually "closed closed" states
	run -0 tsmctl bind "$F0" "$F1"
	assert_equal "$(states)" "bound bound"
	unharmed
}

@test "two runs that bind two functions of a group at once end with one holder" {
	for _ in 1 2 3; do
		tsmctl bind "$F0" >"$BATS_TEST_TMPDIR/0" 2>&1 3>&- &
		tsmctl bind "$F1" >"$BATS_TEST_TMPDIR/1" 2>&1 3>&- &
		wait
		# function 0 may have come too late for its open: then it is refused
		if [ "$(attr state "$F0")" = closed ]; then
			grep -q "$F1 relies on it" "$BATS_TEST_TMPDIR/0"
			tsmctl unbind "$F1"
			tsmctl bind "$F0" "$F1"
		fi
		assert_equal "$(states)" "bound bound"
		assert_equal "$(attr owner "$F0")" "$(attr owner "$F1")"
		tsmctl unbind "$F0" "$F1"
		assert_equal "$(states)" "closed closed"
	done
	unharmed
}

@test "a function whose group another process has is refused, and the error names the process" {
	mkfifo "$BATS_TEST_TMPDIR/go"
	vfio-client "$F0" open "sh:read x <$BATS_TEST_TMPDIR/go" 3>&- &
	eventually open attr state "$F0"
	run tsmctl bind "$F1"
	assert_equal "$status" 6
	assert_output --partial "process $(attr owner "$F0") has opened $F0 of its IOMMU group, and a group can have only one iommufd"
	echo >"$BATS_TEST_TMPDIR/go"
	wait
	run -0 tsmctl bind "$F1"
}

@test "one unit holds both functions, and a second unit is refused" {
	hold=tsmctl-hold@$F0.service other=tsmctl-hold@$F1.service
	systemd_of_helper $units $bin
	systemctl start "$hold"
	run systemctl start "$other"
	assert_failure
	assert_equal "$(states)" "bound closed"
	assert_regex "$(property StatusText "$other")" \
		"^process [0-9]+ holds $F0 of its IOMMU group, and a group can have only one iommufd$"
	# the command of the hint, and an unbind that leaves the unit alone
	run -0 in_systemd tsmctl bind "$F1"
	assert_equal "$(states)" "bound bound"
	eventually "2 devices are bound" property StatusText "$hold"
	run -0 in_systemd tsmctl unbind "$F1"
	eventually "The device is bound" property StatusText "$hold"
	assert_equal "$(property ActiveState "$hold")" active
	systemctl stop "$hold"
	mkdir "$units/$hold.d"
	printf '[Service]\nEnvironment="ALSO=--device %s"\n' "$F1" >"$units/$hold.d/also.conf"
	systemctl daemon-reload
	systemctl start "$hold"
	assert_equal "$(states)" "bound bound"
	assert_equal "$(property StatusText "$hold")" "2 devices are bound"
	systemctl stop "$hold"
	assert_equal "$(states) $(property Result "$hold")" "closed closed success"
	unharmed
}
