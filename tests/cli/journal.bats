#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2030,SC2031,SC2154
# One entry in the journal for each change. A socket of the test plays journald's.
bats_require_minimum_version 1.5.0
load helpers

setup_file() { build_kernel; }

setup() {
	fake_capable_host
	export TSMCTL_ROOT=$BATS_TEST_TMPDIR/r
	JOURNAL=$TSMCTL_ROOT/run/systemd/journal
	mkdir -p "$JOURNAL"
}

# journal COMMAND...: runs it; its entries are in $entries, fields with a space between them
journal() {
	entries=$(cd "$JOURNAL" && python3 -c '
import os, socket, subprocess, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind("socket")
open(sys.argv[1], "w").write(str(subprocess.run(sys.argv[2:], stdout=subprocess.DEVNULL, stderr=open(sys.argv[1][:-6] + "stderr", "w")).returncode))
s.setblocking(False)
try:
    while True:
        print(s.recv(65536).decode().rstrip("\n").replace("\n", " | "))
except BlockingIOError:
    pass
os.unlink("socket")' "$BATS_TEST_TMPDIR/status" env "LD_PRELOAD=$BATS_RUN_TMPDIR/kernel.so" \
		"ASAN_OPTIONS=${ASAN_OPTIONS:-}:verify_asan_link_order=0" "$@")
	status=$(cat "$BATS_TEST_TMPDIR/status")
}

@test "journal: an entry for each change, with device, attribute, from and to" {
	journal tsmctl tdi-id 01:00.0 00:05.0
	assert_equal "$status" 0
	assert_equal "$entries" "MESSAGE=0000:01:00.0: tdi_id: 0000:00:05.0 (was none) | PRIORITY=5 | SYSLOG_IDENTIFIER=tsmctl | TSM_VERB=tdi-id | TSM_DEVICE=0000:01:00.0 | TSM_ATTRIBUTE=tdi_id | TSM_FROM=none | TSM_TO=0000:00:05.0"
	# nothing changes, or nothing is to be changed
	journal tsmctl tdi-id 01:00.0 00:05.0
	assert_equal "$status $entries" "0 "
	journal tsmctl --dry-run tdi-id 01:00.0 none
	assert_equal "$status $entries" "0 "
	journal tsmctl show 01:00.0
	assert_equal "$status $entries" "0 "
	config '{ "device": "01:00.0", "bind_allowed": false, "bar_mmap": "revoke", "tdi_id": "00:05.0" }'
	journal tsmctl --quiet apply
	assert_equal "$status" 0
	assert_equal "$(grep -c TSM_VERB=apply <<< "$entries")" 2
}

@test "journal: a value is one line, whatever is in it" {
	journal tsmctl save --file "$BATS_TEST_TMPDIR"/$'a\nTSM_DEVICE=x'
	assert_equal "$status" 0
	assert_equal "$(wc -l <<< "$entries")" 1
	[[ $entries == *'TSM_TO='*'a\x0aTSM_DEVICE=x | TSM_NOTE=written' ]] || fail "$entries"
	[[ $entries != *'| TSM_DEVICE='* ]] || fail "$entries"
}

# has FIELD=VALUE...: the only entry has each of these
has() {
	local field

	assert_equal "$(wc -l <<< "$entries")" 1
	for field; do
		[[ " | $entries | " == *" | $field | "* ]] || fail "no $field: $entries"
	done
}

@test "journal: what ends in quarantine, with revoke and with unbind" {
	fake_set_driver 0000:01:00.0 vfio-pci-tsm
	fake_policy 0000:01:00.0 bound
	policy 0000:01:00.0 quarantine 1
	FAKE_REFUSE='*/bound=0 5' journal tsmctl revoke 01:00.0
	assert_equal "$status" 1
	has "MESSAGE=0000:01:00.0: it is not bound now, but quarantined: the TSM may not have stopped its TDI" \
		PRIORITY=4 TSM_VERB=revoke TSM_DEVICE=0000:01:00.0 TSM_ATTRIBUTE=bound TSM_ERRNO=EIO
	# unbound on the file of a VMM, by a helper that is told so
	helper_says '{"event":"error","errno":"EIO","stage":null,"step":"unbind","message":"it is quarantined","hint":null}'
	policy 0000:01:00.0 owner $$
	policy 0000:01:00.0 state bound
	policy 0000:01:00.0 bound 1
	journal tsmctl unbind 01:00.0
	has TSM_VERB=unbind TSM_DEVICE=0000:01:00.0 TSM_ERRNO=EIO
	# what it did to that file before it was killed stays
	helper_says ''
	journal tsmctl unbind 01:00.0
	has TSM_VERB=unbind TSM_ERRNO=EPROTO
}

# helper_says LINE: a stand-in beside tsmctl, which prints that and fails
helper_says() {
	mkdir -p "$BATS_TEST_TMPDIR/bin"
	cp "$TSMCTL_BIN/tsmctl" "$BATS_TEST_TMPDIR/bin"
	printf '#!/bin/bash\necho %q\nexit 1\n' "$1" > "$BATS_TEST_TMPDIR/bin/tsm-bind-helper"
	chmod +x "$BATS_TEST_TMPDIR/bin/tsm-bind-helper"
	PATH=$BATS_TEST_TMPDIR/bin:$PATH
}

@test "journal: a quarantine that is ended has an entry, although its directory cannot be removed" {
	FAKE_STUCK=y journal tsmctl free 98:00.0
	[ "$status" -ne 0 ] || fail "its directory could be removed"
	has TSM_VERB=free TSM_ATTRIBUTE=quarantine TSM_FROM=1 TSM_TO=0
}

@test "journal: a step that is given up, and a roll-back that fails" {
	local unbind=$SYS/bus/pci/drivers/nvme/unbind

	touch "$SYS/bus/pci/drivers/vfio-pci-tsm/takes_nothing"
	FAKE_REFUSE='*/driver_override= 5' journal tsmctl assign 01:00.0
	assert_equal "$status" 1
	has TSM_VERB=assign TSM_ATTRIBUTE=driver TSM_ERRNO=EIO
	[[ $entries == *"cannot give it back to nvme"* ]] || fail "$entries"
	rm "$SYS/bus/pci/drivers/vfio-pci-tsm/takes_nothing"
	fake_set_driver 0000:01:00.0 nvme
	echo '(null)' > "$DEV/driver_override"
	rm "$unbind"
	mkfifo "$unbind"
	journal timeout 60 tsmctl assign 01:00.0 --timeout 1
	timeout 60 cat "$unbind" > /dev/null
	assert_equal "$status" 6
	has TSM_VERB=assign TSM_ATTRIBUTE=driver TSM_ERRNO=ETIMEDOUT
	# what was rolled back is none
	FAKE_REFUSE='*/driver_override=vfio* 5' journal tsmctl assign 01:00.0
	assert_equal "$status $entries" "1 "
}

@test "journal: one that does not keep up is said once, and holds nothing up" {
	for ((i = 1; i <= 40; i++)); do fake_assigned "$(printf '0000:05:%02x.%d' $((i / 8)) $((i % 8)))"; done
	journal tsmctl deny '0000:05:*'
	assert_equal "$status" 0
	[ "$(wc -l <<< "$entries")" -lt 40 ] || skip "this kernel's sockets take 40 entries"
	assert_equal "$(grep -c "the journal does not keep up" "$BATS_TEST_TMPDIR/stderr")" 1
}

@test "journal: without one, or with one of another machine, changes are made all the same" {
	run kernel tsmctl deny 01:00.0
	assert_success
	: > "$JOURNAL/socket"
	run kernel tsmctl allow 01:00.0
	assert_success
	assert_output "0000:01:00.0: bind_allowed yes (was no)"
	rm "$JOURNAL/socket"
	# the tree is not this host, so neither is its journal
	unset TSMCTL_ROOT
	command -v strace > /dev/null || skip "no strace"
	ASAN_OPTIONS=detect_leaks=0 run strace -f -qq -e trace=%net -o "$BATS_TEST_TMPDIR/trace" tsmctl deny 01:00.0
	assert_success
	assert_output "0000:01:00.0: bind_allowed no (was yes)"
	refute grep -q journal "$BATS_TEST_TMPDIR/trace"
}
