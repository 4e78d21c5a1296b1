# SPDX-License-Identifier: GPL-2.0-or-later
# VMMs that ask for a bind on a socket, and the holder's own socket, on a real
# device. The service runs without privileges.
# vm: --nvme 2
# kernels: normal oldest

# shellcheck disable=SC2154 # helpers.bash sets what is not set here
load helpers
load helper-service

setup_file() { load helpers; load_all; }
teardown_file() { load helpers; unload_all; }
setup() { prepare_service; }
teardown() { clean_service; }

@test "the service binds, unbinds and reports the state on the file that a VMM passes" {
	serve
	run client open "$(req state)" "$(req bind)" "$(is_state bound)" reset "$(req state)" \
		"$(req bind)" "$(req unbind)" "$(is_state open)" read:0:0:4 "$(req unbind)" "$(req bind)"
	assert_equal "$(said 1 state)" open
	assert_equal "$(said 2 ok) $(said 2 state) $(said 2 tdi_id) $(said 2 vdevice_id)" \
		"True bound 0000:00:05.0 None"
	assert_line "$(is_state bound) OK"
	assert_line "reset EBUSY"
	assert_equal "$(said 3 state)" bound
	assert_equal "$(said 4 error errno)" EALREADY
	assert_equal "$(said 5 ok) $(said 5 state)" "True open"
	assert_line --regexp "^read:0:0:4 OK"
	assert_equal "$(said 6 ok)" True
	assert_equal "$(said 7 state)" bound
	# The VMM has ended, and the service has kept no file.
	assert_equal "$(attr state)" closed
	assert_equal "$(sim state)" CONFIG_UNLOCKED
	unharmed
}

@test "a request with the file of another device binds neither device" {
	prepare 0000:02:00.0
	serve
	run client open "$(req bind 0000:02:00.0)" "$(req unbind 0000:02:00.0)" "$(is_state open)" \
		sibling:0000:02:00.0 "on-sibling:$(req bind)" "$(is_state open)"
	assert_equal "$(said 1 error step) $(said 1 error errno)" "check file ENXIO"
	assert_equal "$(said 2 error errno)" ENXIO
	assert_equal "$(said 3 error errno)" ENXIO
	assert_equal "$(grep -c "state=open OK" <<<"$output")" 2
	assert_equal "$(sim state 0000:02:00.0)" CONFIG_UNLOCKED
	unharmed
}

@test "a refused bind returns the check that failed and a hint" {
	serve
	run client open mmap:0 "$(req bind)"
	assert_equal "$(said 1 error errno) $(said 1 error stage)" "EBUSY mapped"
	assert_regex "$(said 1 error hint)" "x-no-mmap=on.*--bar-mmap revoke"
	run client cdev bind-iommufd ioas enable "$(req bind)"
	assert_equal "$(said 1 error errno) $(said 1 error stage)" "EINVAL kvm"
	run client cdev kvm "$(req bind)"
	assert_equal "$(said 1 error step) $(said 1 error errno)" "check file ENOTCONN"
	run client group enable "$(req bind)"
	assert_equal "$(said 1 error step) $(said 1 error errno)" "check file ENXIO"
	set_attr bind_allowed 0
	run client open "$(req bind)"
	assert_equal "$(said 1 error errno) $(said 1 error stage)" "EACCES denied"
	set_attr bind_allowed 1
	run client open "ask:$sock {\"version\":1,\"request\":\"bind\",\"device\":\"$dev\",\"vdevice_id\":4242}"
	assert_equal "$(said 1 ok) $(said 1 error stage)" "False vdevice"
	unharmed
}

@test "the service leaves a required admission to the driver, and binds no device without that policy" {
	echo '{"version":1,"admission":"required","allow":[]}' >"$config"
	serve
	run client open "$(req bind)" "put:$configfs/$dev/tsm/admission=required" "$(req bind)" "$(is_state open)"
	assert_equal "$(said 1 error step) $(said 1 error errno) $(said 1 error stage)" "admission EACCES None"
	assert_regex "$(said 1 error hint)" "tsmctl admission $dev required"
	# The TSM of this test offers no evidence.
	assert_equal "$(said 2 error step) $(said 2 error errno) $(said 2 error stage)" "bind EACCES admission"
	assert_regex "$(said 2 error hint)" "tsmctl evidence $dev"
	assert_line "$(is_state open) OK"
	unharmed
}

@test "the configuration allows requests by user, group, device and request" {
	cat >"$config" <<- EOF
		{"version":1,"allow":[
			{"user":2001,"devices":["0000:01:*"]},
			{"user":2002,"devices":["0000:02:00.0"]},
			{"user":2003,"devices":["*"],"requests":["state"]},
			{"group":3004,"devices":["$dev"],"requests":["bind"]},
			{"user":2005,"group":3004,"devices":["$dev"],"requests":["unbind"]}]}
	EOF
	serve
	chmod 666 /dev/vfio/devices/* /dev/iommu /dev/kvm
	as() { # UID GID STEP...
		run setpriv --reuid "$1" --regid "$2" --clear-groups "$(type -P vfio-client)" "$dev" "${@:3}"
	}
	answered() { sed -n 's/^said //p' <<<"$output" | python3 -c '
import json, sys
print(*[(d["error"] or {"errno": "OK"})["errno"] for d in map(json.loads, sys.stdin)])'; }
	all=("$(req state)" "$(req bind)" "$(req unbind)" "$(req state 0000:02:00.0)")
	as 2001 3000 open "${all[@]}"
	assert_equal "$(answered)" "OK OK OK EACCES"
	as 2002 3000 open "${all[@]:0:3}"
	assert_equal "$(answered)" "EACCES EACCES EACCES"
	assert_equal "$(said 1 state) $(said 1 tdi_id)" "None None"
	as 2003 3000 open "${all[@]:0:3}"
	assert_equal "$(answered)" "OK EACCES EACCES"
	as 2009 3004 open "${all[@]:0:3}"
	assert_equal "$(answered)" "EACCES OK EACCES"
	as 2005 3004 open "${all[@]:0:3}"
	assert_equal "$(answered)" "EACCES OK OK"
	as 2009 3000 open "${all[@]:0:1}"
	assert_equal "$(answered)" EACCES
	assert_equal "$(said 1 error message)" "this user may not ask for anything"
	# the number that any user of another user namespace has here
	as 65534 65534 open "${all[@]:0:1}"
	assert_equal "$(answered)" EACCES
	# A request for the state is not logged, allowed or not.
	run grep -c '"uid":2002,"gid":3000,"errno":"EACCES"' "$BATS_TEST_TMPDIR/said"
	assert_output 2
	unharmed
}

@test "a killed service leaves the device bound, and the VMM unbinds it through the next service" {
	serve
	mkfifo "$BATS_TEST_TMPDIR/go"
	vfio-client "$dev" open "$(req bind)" "sh:read x <$BATS_TEST_TMPDIR/go" "$(req unbind)" \
		"$(is_state open)" >"$BATS_TEST_TMPDIR/vmm.log" 3>&- &
	vmm=$!
	eventually bound attr state
	kill -KILL "$service"
	wait "$service" || true
	assert_equal "$(attr state)" bound
	assert_equal "$(attr owner)" "$vmm"
	serve
	echo >"$BATS_TEST_TMPDIR/go"
	wait "$vmm"
	run cat "$BATS_TEST_TMPDIR/vmm.log"
	assert_line "$(is_state open) OK"
	unharmed
}

@test "the holder has no capability, has seccomp, and has only the files that it needs" {
	tsm-bind-helper --device "$dev" --run-dir $hold_dir >"$BATS_TEST_TMPDIR/said" 3>&- 9</etc/passwd &
	helper=$!
	eventually 1 grep -c bound "$BATS_TEST_TMPDIR/said"
	run cat "/proc/$helper/status"
	for set in CapInh CapPrm CapEff CapBnd CapAmb; do assert_line --regexp "^$set:"$'\t0+$'; done
	assert_line --regexp $'^Seccomp:\t2$'
	assert_line --regexp $'^NoNewPrivs:\t1$'
	run grep 'Max core file size' "/proc/$helper/limits"
	assert_output --regexp ' 0 +0 '
	# The sockets are for requests, and for other functions of the IOMMU group.
	# Only root can read these links: the holder cannot be dumped.
	assert_equal "$(stat -c %U "/proc/$helper/fd")" root
	run bash -c "find /proc/$helper/fd -mindepth 1 ! -name '[012]' -printf '%l\n' |
		sed 's/:\[[0-9]*]$//; s|devices/vfio[0-9]*\$|devices/vfioN|' | LC_ALL=C sort"
	assert_output "/dev/iommu
/dev/vfio/devices/vfioN
$hold_dir
$hold_dir/$dev.lock
$hold_dir/$dev.pid
anon_inode:[eventfd]
anon_inode:[eventfd]
anon_inode:[signalfd]
anon_inode:kvm-vfio
anon_inode:kvm-vm
socket
socket"
}

@test "on the holder's socket, root can ask for the state and for the end" {
	tsm-bind-helper --device "$dev" --run-dir $hold_dir >"$BATS_TEST_TMPDIR/said" 3>&- &
	helper=$!
	eventually 1 grep -c bound "$BATS_TEST_TMPDIR/said"
	sock=$hold_dir/$dev.sock
	assert_equal "$(stat -c '%U %a' "$sock")" "root 600"
	run client_less state
	assert_output --partial '"ok":true,"state":"bound","tdi_id":"0000:00:05.0"'
	run client_less unbind 0000:02:00.0
	assert_output --partial '"errno":"ENODEV"'
	run client_less bind
	assert_output --partial '"errno":"EALREADY"'
	run "$ask" "$sock" '{"no request'
	assert_output --partial '"errno":"EINVAL"'
	chmod 666 "$sock"
	run setpriv --reuid 1234 --clear-groups "$ask" "$sock" "$(line unbind)"
	refute_output --partial '"ok":true'
	assert_equal "$(attr state)" bound
	# The holder refuses files and does not keep them.
	run "$ask" "$sock" "$(line state)" /dev/null /dev/zero
	assert_output --partial EMFILE
	run client_less unbind
	assert_output --partial '"ok":true,"state":"closed"'
	rc=0
	wait "$helper" || rc=$?
	assert_equal "$rc" 0
	run tail -n 1 "$BATS_TEST_TMPDIR/said"
	assert_output "{\"event\":\"unbound\",\"device\":\"$dev\",\"reason\":\"control\"}"
	[ ! -e "$sock" ]
	assert_equal "$(sim state)" CONFIG_UNLOCKED
}
client_less() { "$ask" "$sock" "$(line "$@")"; }
