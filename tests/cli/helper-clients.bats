#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2030,SC2031,SC2154
# tsm-bind-helper serve, and clients whose files stall a process that closes them, as files of
# a FUSE file system can. fake-stall.c plays that: children of the service do not end.
# as root: only root can be several users
bats_require_minimum_version 1.5.0
load helpers

setup_file() { build_preload stall; }

setup() {
	fake_host
	fake_device 0000:01:00.0 vfio-pci-tsm
	DEV=$SYS/devices/pci0000:00/0000:01:00.0
	mkdir -p "$DEV/vfio-dev/vfio1" "$DEV/vfio_tsm"
	echo 1:3 > "$DEV/vfio-dev/vfio1/dev"
	echo open > "$DEV/vfio_tsm/state"
	prepare_service
}

teardown() { end_service; }

# serve_stalling VARIABLE...: starts the service with these variables for fake-stall.c
serve_stalling() {
	serve env "LD_PRELOAD=$BATS_RUN_TMPDIR/stall.so" \
		"ASAN_OPTIONS=${ASAN_OPTIONS:-}:verify_asan_link_order=0" "$@"
	files=$(count_files)
}
# count_files: how many files the service has open. Only root can see that, because the
# service makes itself unreadable to its own user soon after it listens.
count_files() { if [ "$(id -u)" -eq 0 ]; then find "/proc/$service/fd" -mindepth 1 | wc -l; else echo 0; fi; }
count_children() { pgrep -c -P "$service" || true; }

# clients UID GID COUNT: clients.py, for the service
clients() { run timeout 60 "$BATS_TEST_DIRNAME/clients.py" "$SOCK" "$@"; }

# let_go: ends the children, after which the service has no file of theirs.
let_go() {
	until_true eval 'pkill -KILL -P "$service" || true; [ "$(count_files)" -eq "$files" ]'
}

@test "clients: users who are not allowed cannot stall the service or root" {
	as_root
	serve_stalling STALL=1
	clients 2001 2001 200
	assert_output "200 permission EACCES"
	# many users, as a user with a range of IDs can be
	for uid in 300{0..9}; do
		clients "$uid" "$uid" 20
		assert_output "20 permission EACCES"
	done
	# all of them together have one process, which is stuck; the others wait for it
	assert_equal "$(count_children)" 1
	clients 0 0 4
	assert_output "4 check file ENXIO"
	let_go
	run cat "$SHORT/stderr"
	assert_output ""
}

@test "clients: a user who is allowed can stall eight processes, but no process of other users" {
	as_root
	echo '{"allow":[{"user":2001,"devices":["*"]},{"user":2002,"devices":["*"]},
		{"group":4000,"devices":["*"]}]}' > "$CONF"
	serve_stalling STALL=1
	clients 2001 2001 80
	assert_output $'8 check file ENXIO\n72 permission EAGAIN'
	# users who are allowed only through a group cannot have all places
	for uid in 300{0..3}; do clients "$uid" 4000 9; done
	clients 3004 4000 9
	assert_output "9 permission EAGAIN"
	clients 2002 4000 9
	assert_output $'8 check file ENXIO\n1 permission EAGAIN'
	clients 0 0 8
	assert_output "8 check file ENXIO"
	let_go
	clients 2001 2001 1
	assert_output "1 check file ENXIO"
}

@test "clients: users who are allowed through a group cannot use the places kept for root" {
	as_root
	{
		echo '{"allow":[{"group":4000,"devices":["*"]}'
		for uid in 200{1..7}; do echo ",{\"user\":$uid,\"devices\":[\"*\"]}"; done
		echo ']}'
	} > "$CONF"
	serve_stalling STALL=1
	for uid in 200{1..7}; do
		clients "$uid" "$uid" 8
		assert_output "8 check file ENXIO"
	done
	clients 3001 4000 8
	assert_output "8 permission EAGAIN"
	clients 0 0 8
	assert_output "8 check file ENXIO"
	let_go
	# a user with a group has no more places
	clients 2001 2001 4
	clients 2001 4000 5
	assert_output $'4 check file ENXIO\n1 permission EAGAIN'
	let_go
}

@test "clients: if the process that closes files is stuck, another one is started when many files wait" {
	as_root
	ulimit -n 64
	serve_stalling STALL=1
	# 8 come together before another process is started, and there is room for 32
	clients 2001 2001 60
	assert_output "60 permission EACCES"
	assert_equal "$(count_children)" 8
	clients 0 0 4
	assert_output "4 check file ENXIO"
	let_go
}

@test "clients: the service ends even if its children do not" {
	as_root
	serve_stalling STALL=1
	clients 2001 2001 20
	kill -TERM "$service"
	until_true eval '! kill -0 "$service" 2> /dev/null'
	refute [ -e "$SOCK" ]
}

@test "clients: a client gets its answer even if the service cannot start a process at first" {
	serve_stalling FORK_FAILS=2
	run timeout 60 "$BATS_TEST_DIRNAME/ask.py" "$SOCK" '{"version":1,"request":"state","device":"01:00.0"}' /dev/null
	assert_output --partial '"ok":true'
	let_go
	kill -KILL "$service"
	until_true eval '! kill -0 "$service" 2> /dev/null'
	for fails in 1 2; do
		serve_stalling "PIPE_FAILS=$fails"
		run timeout 60 "$BATS_TEST_DIRNAME/ask.py" "$SOCK" '{"version":1,"request":"state","device":"01:00.0"}' /dev/null
		assert_output --partial '"ok":true'
		let_go
		kill -KILL "$service"
		until_true eval '! kill -0 "$service" 2> /dev/null'
	done
}

@test "clients: a client that is refused gets its answer at once, and its file is closed when a process can start" {
	as_root
	serve_stalling FORK_FAILS=1
	clients 2001 2001 3
	assert_output "3 permission EACCES"
	let_go
}

@test "clients: children have no file of another client" {
	as_root
	echo '{"allow":[{"user":2001,"devices":["*"]}]}' > "$CONF"
	serve_stalling STALL=1
	clients 2001 2001 9
	clients 2002 2002 1
	for child in $(pgrep -P "$service"); do
		# one socket at the most, and what every program has
		run find "/proc/$child/fd" -mindepth 1 ! -name '[012]'
		[ "${#lines[@]}" -le 1 ] || fail "$child has: $(ls -l "/proc/$child/fd")"
	done
	let_go
}
