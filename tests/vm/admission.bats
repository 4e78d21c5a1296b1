# SPDX-License-Identifier: GPL-2.0-or-later
# The admission of a device on its evidence: without it, the driver refuses each bind. It ends
# when the evidence is replaced or forgotten, even in the middle of a bind.
# vm: --dsm --timeout 1800

# shellcheck disable=SC2154,SC2034 # helpers.bash sets what is not set here
load helpers
load doe

files=$pci/devices/$dev/vfio_tsm_evidence

setup_file() { load helpers; load doe; doe_load; }
teardown_file() { load helpers; unload_all; }

setup() {
	no_fault
	nonce=$(openssl rand -hex 32)
}
teardown() { doe_end; }

# begin: a device that is connected, with the firmware, and needs an admission
begin() {
	start_firmware
	prepare
	set_attr admission required
}

ask() { echo "${1:-$nonce}" >"$files/nonce"; }
generation() { content "$files/generation"; }
admit() { set_attr admitted "${1:-$(generation)}"; }

# admitted WANT: configfs, sysfs and both summaries have it
admitted() {
	assert_equal "$(attr admitted) $(sysfs admitted)" "$1 $1"
	grep -qx "admitted=$1" "$configfs/$dev/tsm/summary"
	grep -qx "admitted=$1" "$pci/devices/$dev/vfio_tsm/summary"
}

# binds, refuses: a bind of the client succeeds, or fails for want of an admission
binds() {
	run client open tsm-bind
	assert_line "tsm-bind OK"
	assert_equal "$(attr last_error)" 0
}
refuses() {
	run client open tsm-bind "sh:cat $configfs/$dev/tsm/state"
	assert_line "tsm-bind EACCES"
	assert_line open
	assert_equal "$(attr last_error)" "-13 admission"
	assert_equal "$(sim state)" CONFIG_UNLOCKED
}

disconnect() { echo tsm0 >"$pci/devices/$dev/tsm/disconnect"; }

# fake_evidence: the fake firmware has evidence about the device
fake_evidence() {
	ask 3>&- &
	fake "7 0 0 $nonce" next
	fake ok part 1 6
	fake '6 0 0' next
	fake ok 'done' 0
	wait $!
}

# begin_fake: the same as begin, with the fake firmware, and the device is admitted
begin_fake() {
	start_fake
	assign
	fake_connect
	mkdir "$configfs/$dev"
	set_attr tdi_id 00:05.0
	set_attr admission required
	fake_evidence
	admit
}

# bind_until COMMAND...: a bind during which COMMAND runs while the TSM is at work. Prints what
# the client prints.
bind_until() {
	vfio-client "$dev" open tsm-bind 3>&- >"$BATS_TEST_TMPDIR/bind" &
	client=$!
	fake '3 0 0' next
	"$@"
	# 1 is CONFIG_LOCKED
	fake ok 'done' 0 32 1
}

@test "admission: the usual policy needs none, and every user can read policy and admission" {
	start_firmware
	prepare
	assert_equal "$(attr admission) $(sysfs admission)" "none none"
	assert_equal "$(attr admitted) $(sysfs admitted)" "0 0"
	assert_equal "$(tail -n 2 "$configfs/$dev/tsm/summary")" "admission=none
admitted=0"
	binds
	set_attr admission required
	assert_equal "$(attr admission) $(sysfs admission)" "required required"
	grep -qx admission=required "$pci/devices/$dev/vfio_tsm/summary"
	run -0 setpriv --reuid=65534 --clear-groups cat "$pci/devices/$dev/vfio_tsm"/{admission,admitted} \
		"$configfs/$dev/tsm"/{admission,admitted}
	assert_output "required
0
required
0"
	run -1 setpriv --reuid=65534 --clear-groups bash -c "echo 0 >$configfs/$dev/tsm/admitted"
}

@test "admission: without one, the driver refuses each way to bind, and with one each succeeds" {
	begin
	refuses
	# Evidence alone is not enough.
	ask
	refuses
	run tsm-bind-helper hold --device "$dev"
	assert_equal "$status" 4
	assert_output --partial '"stage":"admission"'
	assert_output --partial "tsmctl evidence $dev"
	run --separate-stderr tsmctl bind "$dev" --json
	assert_equal "$status" 4
	assert_output --partial '"stage": "admission"'
	assert_equal "$(attr state) $(sim state)" "closed CONFIG_UNLOCKED"
	admit
	admitted "$(generation)"
	binds
	admitted "$(generation)"
	hold
	end_hold
}

@test "admission: it is for the present evidence only: another number is refused and changes nothing" {
	begin
	fails_with "No data available" admit 1
	ask
	first=$(generation)
	fails_with "Stale file handle" admit $((first + 1))
	ask "$(openssl rand -hex 32)"
	fails_with "Stale file handle" admit "$first"
	admitted 0
	refuses
	admit
	fails_with "Stale file handle" admit "$first"
	fails_with "Invalid argument" admit "$(generation)x"
	admitted "$(generation)"
	# Numbers are unique, so that of another device is not good for this one, nor vice versa.
	mkdir "$configfs/0000:7f:00.0"
	fails_with "No data available" set_attr admitted "$(generation)" 0000:7f:00.0
	rmdir "$configfs/0000:7f:00.0"
	binds
}

@test "admission: 0 takes it back, and a new nonce ends it" {
	begin
	ask
	admit
	admit 0
	admitted 0
	refuses
	admit
	ask "$(openssl rand -hex 32)"
	admitted 0
	refuses
	admit
	binds
	# A nonce that fails leaves the evidence as it was.
	fault signature@GET_MEASUREMENTS
	fails_with "Bad message" ask
	admitted "$(generation)"
	no_fault
}

@test "admission: it ends with the connection, the driver, the firmware and the directory" {
	begin
	ask
	admit
	disconnect
	admitted 0
	connect
	admitted 0
	fails_with "No data available" admit "$(generation)"
	refuses
	ask
	admit
	binds

	# The connection stays when the function leaves the driver.
	generation=$(generation)
	release
	assert_equal "$(attr admitted)" 0
	fails_with "No data available" admit "$generation"
	assign
	admitted 0
	refuses
	ask
	admit

	rmdir "$configfs/$dev"
	mkdir "$configfs/$dev"
	set_attr admission required
	set_attr tdi_id 00:05.0
	admitted 0
	refuses
	admit

	stop_firmware
	admitted 0
	fails_with "No data available" admit "$(generation)"
	refuses
}

@test "admission: it stays when only the report of the TDI goes, and a bound device stays bound" {
	begin
	ask
	admit
	hold
	# The report makes this evidence another one.
	ask
	[ "$(wc -c <"$files/report")" -gt 0 ]
	admitted 0
	assert_equal "$(attr state)" bound
	admit
	before=$(generation)
	end_hold
	assert_equal "$(wc -c <"$files/report")" 0
	[ "$(generation)" != "$before" ]
	admitted "$(generation)"
	binds

	# What was not admitted is not admitted afterwards.
	rm "$BATS_TEST_TMPDIR"/{go,out}
	hold
	ask
	end_hold
	admitted 0
	refuses
	# The policy can change while the device is bound.
	set_attr admission none
	rm "$BATS_TEST_TMPDIR"/{go,out}
	hold
	set_attr admission required
	assert_equal "$(attr state) $(sim state)" "bound CONFIG_LOCKED"
	end_hold
	refuses
}

@test "admission: a bind is undone if it ends while the TSM is at work, and the device is not bound" {
	begin_fake
	bind_until admit 0
	# The TSM has bound the function, and the driver has it unbound.
	fake '4 0 0' next
	fake ok 'done' 0
	wait $client
	grep -qx "tsm-bind EACCES" "$BATS_TEST_TMPDIR/bind"
	assert_equal "$(attr last_error)" "-13 admission"
	assert_equal "$(attr bound) $(sim state) $(sysfs bind_count)" "0 CONFIG_UNLOCKED 0"

	# The same if the policy changes meanwhile.
	set_attr admission none
	bind_until set_attr admission required
	fake '4 0 0' next
	fake ok 'done' 0
	wait $client
	grep -qx "tsm-bind EACCES" "$BATS_TEST_TMPDIR/bind"
	assert_equal "$(attr bound) $(sysfs bind_count)" "0 0"

	# An admission that is there in the end counts.
	admit
	bind_until true
	fake '4 0 0' next
	fake ok 'done' 0
	wait $client
	grep -qx "tsm-bind OK" "$BATS_TEST_TMPDIR/bind"
}

# sleeps_in FUNCTION PID: a process waits for a lock that this very function of the kernel takes.
# In a stack, vfio_pci_tsm_bind would pass for pci_tsm_bind.
sleeps_in() { grep -qx "$1" /proc/"$2"/task/*/wchan; }

@test "admission: a function that is connected anew after the first check of a bind is not bound" {
	begin_fake
	# The disconnect has PCI/TSM's lock, and the evidence is still there. A connect waits for the
	# lock, and behind it a bind that has passed the first check.
	disconnect 3>&- &
	disconnect=$!
	fake '2 0 0' next
	admitted "$(generation)"
	connect 3>&- &
	connect=$!
	wait_for 30 sleeps_in connect_store $connect
	vfio-client "$dev" open tsm-bind 3>&- >"$BATS_TEST_TMPDIR/bind" &
	client=$!
	wait_for 30 sleeps_in pci_tsm_bind $client
	fake ok 'done' 0
	fake '1 0 0' next
	fake ok 'done' 0
	# In the new connection the TSM binds the function, and the driver has it unbound.
	fake '3 0 0' next
	fake ok 'done' 0 32 1
	fake '4 0 0' next
	assert_equal "$(sysfs bind_count)" 0
	fake ok 'done' 0
	wait $disconnect $connect $client
	grep -qx "tsm-bind EACCES" "$BATS_TEST_TMPDIR/bind"
	admitted 0
	assert_equal "$(attr last_error)" "-13 admission"
	assert_equal "$(cat "$pci/devices/$dev/tsm/connect")" tsm0
	assert_equal "$(attr bound) $(sim state)" "0 CONFIG_UNLOCKED"
}

@test "admission: tsmctl verifies the device before it binds it, and a changed measurement is refused" {
	export TSMCTL_ETC=$BATS_TEST_TMPDIR/etc
	install -d -m 755 "$TSMCTL_ETC" "$TSMCTL_ETC/trust.d"
	chmod 755 "$BATS_RUN_TMPDIR" "$BATS_TEST_TMPDIR"
	openssl x509 -inform der -in "$top/build/dsm/certs/root.der" -out "$TSMCTL_ETC/trust.d/root.pem"
	begin
	run -0 tsmctl evidence "$dev" --allow good
	echo "$output" >"$TSMCTL_ETC/measurements.json"
	admitted 0
	run -0 tsmctl bind "$dev"
	assert_equal "$(attr state) $(sim state)" "bound CONFIG_LOCKED"
	admitted "$(generation)"
	run -0 tsmctl unbind "$dev"
	admitted "$(generation)"

	fault measurement
	run -4 tsmctl bind "$dev" --json
	assert_output --partial '"stage": "admission"'
	assert_output --partial "measurement 2 is "
	assert_equal "$(attr state) $(sim state)" "closed CONFIG_UNLOCKED"
	admitted 0
	refuses
	no_fault
	run -0 tsmctl evidence "$dev"
	admitted "$(generation)"
	binds
}
