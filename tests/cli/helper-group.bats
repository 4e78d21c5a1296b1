#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2013,SC2016,SC2030,SC2031,SC2086,SC2154
# One holder for the functions of an IOMMU group. fake-hold.c plays KVM, iommufd, the cdevs and
# the TSM.
bats_require_minimum_version 1.5.0
load helpers

setup_file() { build_preload hold; }

F0=0000:01:00.0 F1=0000:01:00.1

setup() {
	fake_host
	for fn in $F0 $F1; do
		fake_assigned $fn
		policy $fn tdi_id 0000:00:05.${fn##*.}
		mkdir -p "$SYS/devices/pci0000:00/$fn"/{vfio-dev/vfio1,vfio_tsm}
		echo 1:5 > "$SYS/devices/pci0000:00/$fn/vfio-dev/vfio1/dev"
		echo 0000:00:05.${fn##*.} > "$SYS/devices/pci0000:00/$fn/vfio_tsm/tdi_id"
		echo closed > "$SYS/devices/pci0000:00/$fn/vfio_tsm/state"
	done
	GROUP=$BATS_TEST_TMPDIR/group
	SAID=$BATS_TEST_TMPDIR/said
	DID=$BATS_TEST_TMPDIR/did
	export PYTHONDONTWRITEBYTECODE=1
}

teardown() {
	[ -z "${holder:-}" ] || kill -KILL "$holder" 2> /dev/null || true
}

preloaded() {
	env "LD_PRELOAD=$BATS_RUN_TMPDIR/hold.so" "GROUP=$GROUP" \
		"ASAN_OPTIONS=${ASAN_OPTIONS:-}:verify_asan_link_order=0" timeout 60 "$@"
}

# state FUNCTION STATE [OWNER]: what the kernel would show
state() {
	echo "$2" > "$SYS/devices/pci0000:00/$1/vfio_tsm/state"
	policy "$1" state "$2"
	policy "$1" owner "${3:-none}"
}

# hold FUNCTION...: starts a holder, and waits for its lines
hold() {
	local args=()
	for fn; do args+=(--device "$fn"); done
	: > "$SAID"
	preloaded bash -c 'echo $$ > "$0"; exec tsm-bind-helper "$@"' "$BATS_TEST_TMPDIR/pid" \
		"${args[@]}" --vdevice never --sysfs "$SYS" --run-dir "$RUN" > "$SAID" 2> "$DID" 3>&- &
	disown
	until_true has_lines $# || fail "$(cat "$SAID" "$DID")"
	holder=$(< "$BATS_TEST_TMPDIR/pid")
	for fn; do state "$fn" bound "$holder"; done
}
has_lines() { [ "$(wc -l < "$SAID")" -ge "$1" ]; }
is_gone() { ! kill -0 "$holder" 2> /dev/null; }

# second OPTION...: another helper
second() { run_split preloaded tsm-bind-helper "$@" --sysfs "$SYS" --run-dir "$RUN"; }

# ask FUNCTION REQUEST: on the control socket
ask() {
	run python3 "$BATS_TEST_DIRNAME/ask.py" "$RUN/$1.sock" \
		"{\"version\":1,\"request\":\"$2\",\"device\":\"$1\"}"
}

# held FUNCTION...: the holder lives, and has the locks and sockets of these functions alone
held() {
	local fn want=
	kill -0 "$holder"
	for fn; do
		want+="$fn.join $fn.sock "
		assert_equal "$(< "$RUN/$fn.lock") $(< "$RUN/$fn.pid")" "$holder $holder"
		run flock -n "$RUN/$fn.lock" true
		assert_failure
	done
	assert_equal "$(cd "$RUN" && echo *.join *.sock | tr ' ' '\n' | grep -v '^\*' | sort | paste -sd ' ')" "${want% }"
}

# free FUNCTION: no holder has its lock
free() {
	flock -n "$RUN/$1.lock" true
	assert_equal "$(cat "$RUN/$1.lock" "$RUN/$1.pid")" ""
}

@test "group: a holder of several functions gives back the one that is asked for" {
	hold $F1 $F0
	# function 0 is the first one, because its open would reset the other one
	run cat "$SAID"
	assert_output "{\"event\":\"bound\",\"device\":\"$F0\",\"pid\":$holder,\"tdi_id\":\"0000:00:05.0\",\"vdevice_id\":null,\"fallback\":null,\"tdi_state\":null}
{\"event\":\"bound\",\"device\":\"$F1\",\"pid\":$holder,\"tdi_id\":\"0000:00:05.1\",\"vdevice_id\":null,\"fallback\":null,\"tdi_state\":null}"
	held $F0 $F1
	ask $F0 unbind
	assert_output --partial '"ok":true'
	held $F1
	free $F0
	assert_equal "$(< "$DID")" unbind
	assert_equal "$(tail -n 1 "$SAID")" "{\"event\":\"unbound\",\"device\":\"$F0\",\"reason\":\"control\"}"
	ask $F1 state
	assert_output --partial '"ok":true,"state":"bound"'
	ask $F1 unbind
	assert_output --partial '"ok":true'
	until_true is_gone
	free $F1
}

@test "group: a second helper has the holder of its group bind, and both functions end with that one" {
	hold $F0
	second --device $F1
	assert_success
	assert_output "{\"event\":\"bound\",\"device\":\"$F1\",\"pid\":$holder,\"tdi_id\":\"0000:00:05.1\",\"vdevice_id\":null,\"fallback\":\"no vIOMMU of its group: Operation not supported\",\"tdi_state\":null}"
	# the line is also in the log of the holder
	until_true grep -qxF "$output" "$SAID"
	held $F0 $F1
	state $F1 bound "$holder"
	# the function that came first may leave and come again
	ask $F0 unbind
	held $F1
	state $F0 closed
	second --device $F0
	assert_success
	assert_output --partial "\"device\":\"$F0\",\"pid\":$holder,"
	held $F0 $F1
	: > "$DID"
	kill -TERM "$holder"
	until_true is_gone
	assert_equal "$(< "$DID")" "unbind
unbind"
	assert_equal "$(tail -n 2 "$SAID" | sort)" "{\"event\":\"unbound\",\"device\":\"$F0\",\"reason\":\"signal\"}
{\"event\":\"unbound\",\"device\":\"$F1\",\"reason\":\"signal\"}"
	free $F0
	free $F1
}

@test "group: what the holder cannot do is the error of the second helper, and leaves nothing" {
	hold $F0
	second --device $F1 --guest-id 00:09.0
	assert_equal "$status" 1
	assert_output --partial "{\"event\":\"error\",\"device\":\"$F1\",\"step\":\"check guest id\",\"errno\":\"EINVAL\",\"stage\":null,\"message\":\"the bind took the configured TDI id"
	assert_output --partial "run 'tsmctl tdi-id $F1 ID'"
	held $F0
	free $F1
	assert_equal "$(< "$DID")" unbind
}

@test "group: if the second helper cannot report the bind, the holder unbinds" {
	hold $F0
	preloaded tsm-bind-helper --device $F1 --sysfs "$SYS" --run-dir "$RUN" > /dev/full || status=$?
	assert_equal "$status" 1
	until_true grep -qx unbind "$DID"
	until_true free $F1
	held $F0
}

@test "group: a holder that has ended, or is of another version, is an error with the next step" {
	hold $F0
	kill -KILL "$holder"
	until_true is_gone
	# the state of the other function is old by a moment
	second --device $F1
	assert_equal "$status" 6
	assert_output --partial "process $holder has opened $F0 of its IOMMU group"
	rm "$RUN/$F0.join"
	(flock 9 && exec sleep 60) 9>> "$RUN/$F0.lock" > /dev/null 2>&1 3>&- &
	holder=$!
	until_true eval "! flock -n '$RUN/$F0.lock' true"
	state $F0 bound "$holder"
	second --device $F1
	assert_equal "$status" 6
	assert_output --partial "\"step\":\"join holder\",\"errno\":\"ENOENT\",\"stage\":null,\"message\":\"process $holder holds a function of its IOMMU group, and takes no other one\",\"hint\":\"run 'tsmctl unbind $F0', and bind both again\""
	free $F1
	python3 -c '
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
s.bind(sys.argv[1])
s.listen()
c = s.accept()[0]
c.recv(4096)
c.send(b"another version")' "$RUN/$F0.join" 3>&- &
	until_true test -S "$RUN/$F0.join"
	second --device $F1
	assert_equal "$status" 6
	assert_output --partial "and is of another version"
	free $F1
}

@test "group: a helper that systemd has started does not pass its device to another unit" {
	hold $F0
	second --device $F1 --notify
	assert_equal "$status" 6
	assert_output --partial "\"step\":\"bind iommufd\",\"errno\":\"EPERM\",\"stage\":null,\"message\":\"process $holder holds $F0 of its IOMMU group, and a group can have only one iommufd\",\"hint\":\"run 'tsmctl bind $F1', which has that process hold it"
	held $F0
	free $F1
}

# explained CODE MESSAGE HINT: why the iommufd of F1 got EPERM
explained() {
	second --device $F1
	assert_equal "$status" "$1"
	assert_output --partial "\"errno\":\"EPERM\",\"stage\":null,\"message\":\"$2\""
	assert_output --partial "\"hint\":\"$3"
}

@test "group: EPERM of iommufd is explained by what sysfs shows" {
	: > "$GROUP"
	mkdir -p "$SYS/kernel/irq/24" "$SYS/module/iommufd/parameters"
	# nothing is known
	explained 5 "its IOMMU does not isolate interrupts, or another iommufd or container has its group" enable
	echo PCI-MSI > "$SYS/kernel/irq/24/chip_name"
	echo N > "$SYS/module/iommufd/parameters/allow_unsafe_interrupts"
	explained 5 "its IOMMU does not isolate interrupts: no interrupt is remapped" "enable interrupt remapping"
	echo Y > "$SYS/module/iommufd/parameters/allow_unsafe_interrupts"
	explained 6 "a process out of sight has its IOMMU group" "stop the process, perhaps in a container"
	echo N > "$SYS/module/iommufd/parameters/allow_unsafe_interrupts"
	echo IR-PCI-MSIX-0000:00:02.0 > "$SYS/kernel/irq/24/chip_name"
	explained 6 "a process out of sight has its IOMMU group" "stop the process, perhaps in a container"
	state $F0 open 4711
	explained 6 "process 4711 has opened $F0 of its IOMMU group, and a group can have only one iommufd" \
		"stop that process; or have it open $F1 with the same iommufd, and run 'tsmctl bind $F1'"
	state $F0 closed
	fake_set_driver $F0 nvme
	explained 6 "$F0 of its IOMMU group is on the driver nvme, which may use the group" \
		"run 'tsmctl assign $F0', and bind again"
	# a bridge of the group has no user
	echo 0x060400 > "$SYS/devices/pci0000:00/$F0/class"
	explained 6 "a process out of sight has its IOMMU group" ""
}

@test "group: wrong usage with several devices is exit 2" {
	for args in "--device $F0 --device 01:00.0" "--device $F0 --device x" \
		"--device $F0 --device $F1 --guest-id 00:05.0" "--device $F0 --device $F1 --pid 1 bind" \
		"$(printf -- '--device 01:%02x.0 ' {0..31}) $(printf -- '--device 02:%02x.0 ' {0..31}) --device 03:00.0"; do
		second $args
		assert_equal "$status" 2
		assert_output --partial '"step":"usage"'
	done
}

# real_helper: tsmctl starts the helper with the preloaded library
real_helper() {
	mkdir "$BATS_TEST_TMPDIR/bin"
	cp "$TSMCTL_BIN/tsmctl" "$BATS_TEST_TMPDIR/bin"
	cat > "$BATS_TEST_TMPDIR/bin/tsm-bind-helper" <<- EOF
		#!/bin/bash
		echo \$\$ >> "$BATS_TEST_TMPDIR/pids"
		export LD_PRELOAD=$BATS_RUN_TMPDIR/hold.so GROUP=$GROUP ASAN_OPTIONS=${ASAN_OPTIONS:-}:verify_asan_link_order=0
		[ "\$2" != $F1 ] || printf '%s\n' bound > $SYS/devices/pci0000:00/$F0/vfio_tsm/state
		exec "$TSMCTL_BIN/tsm-bind-helper" "\$@"
	EOF
	chmod +x "$BATS_TEST_TMPDIR/bin/tsm-bind-helper"
	PATH=$BATS_TEST_TMPDIR/bin:$PATH
}

@test "group: tsmctl binds the functions of a group in order, and names the process that holds them" {
	real_helper
	policy $F0 owner none
	run_split timeout 60 tsmctl bind $F1 $F0 --json
	holder=$(head -n 1 "$BATS_TEST_TMPDIR/pids")
	assert_success
	assert_equal "$(results "device note")" "$F0 held by process $holder
$F1 held by process $holder, the holder of its IOMMU group"
	held $F0 $F1
}

# stand_in ANSWER: a holder of F0 that unbinds on its socket, and answers that
stand_in() {
	mkdir -p "$RUN"
	python3 - "$RUN/$F0" "$CFG/$F0/tsm" "$1" 3>&- > /dev/null <<- 'EOF' &
		import fcntl, os, socket, sys
		path, policy, answer = sys.argv[1:]
		os.umask(0o77)
		lock = open(path + ".lock", "w")
		fcntl.flock(lock, fcntl.LOCK_EX)
		print(os.getpid(), file=lock, flush=True)
		s = socket.socket(socket.AF_UNIX)
		s.bind(path + ".sock")
		s.listen()
		while True:
		    c = s.accept()[0]
		    open(path + ".asked", "w").write(c.recv(4096).decode())
		    if '"ok":true' in answer:
		        open(policy + "/state", "w").write("closed\n")
		    c.send(answer.encode() + b"\n")
		    c.close()
	EOF
	holder=$!
	until_true test -S "$RUN/$F0.sock"
	state $F0 bound "$holder"
}

@test "group: tsmctl unbind asks the holder for the one function, and does not end it" {
	stand_in '{"ok":true}'
	run_split timeout 60 tsmctl unbind $F0 --dry-run
	assert_success
	assert_equal "$(policy $F0 state)" bound
	run_split timeout 60 tsmctl unbind $F0
	assert_success
	assert_output "$F0: state closed (was bound)"
	assert_equal "$(< "$RUN/$F0.asked")" "{\"version\":1,\"request\":\"unbind\",\"device\":\"$F0\"}"
	kill -0 "$holder"
}

@test "group: what a holder reports about an unbind is an error of tsmctl" {
	stand_in '{"ok":false,"error":{"message":"it broke"}}'
	run_split timeout 60 tsmctl unbind $F0
	assert_equal "$status" 1
	assert_one_line "process $holder (python3) reports: it broke"
	kill -KILL "$holder"
	rm "$RUN/$F0.sock"
	stand_in nonsense
	run_split timeout 60 tsmctl unbind $F0
	assert_equal "$status" 1
	assert_one_line "process $holder (python3) reports: it answered something else"
}
