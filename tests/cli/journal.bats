#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2030,SC2031,SC2154
# Each change has one entry in the journal. journal.py plays journald.
bats_require_minimum_version 1.5.0
load helpers

setup_file() { build_kernel; }

setup() {
	fake_capable_host
	export TSMCTL_ROOT=$BATS_TEST_TMPDIR/r
	JOURNAL=$TSMCTL_ROOT/run/systemd/journal
	mkdir -p "$JOURNAL"
}

# journal COMMAND...: runs it; $entries are its entries, with " | " between their fields
journal() {
	entries=$(cd "$JOURNAL" && python3 "$BATS_TEST_DIRNAME/journal.py" "$BATS_TEST_TMPDIR"/{status,stderr} \
		env "LD_PRELOAD=$BATS_RUN_TMPDIR/kernel.so" \
		"ASAN_OPTIONS=${ASAN_OPTIONS:-}:verify_asan_link_order=0" "$@")
	status=$(< "$BATS_TEST_TMPDIR/status")
}

@test "journal: each change has an entry with device, attribute, former and new value" {
	journal tsmctl tdi-id 01:00.0 00:05.0
	assert_equal "$status" 0
	assert_equal "$entries" "MESSAGE=0000:01:00.0: tdi_id: 0000:00:05.0 (was none) | PRIORITY=5 | SYSLOG_IDENTIFIER=tsmctl | TSM_VERB=tdi-id | TSM_DEVICE=0000:01:00.0 | TSM_ATTRIBUTE=tdi_id | TSM_FROM=none | TSM_TO=0000:00:05.0"
	# without a change, there is no entry
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

@test "journal: a value is one line, whatever it contains" {
	journal tsmctl save --file "$BATS_TEST_TMPDIR"/$'a\nTSM_DEVICE=x'
	assert_equal "$status" 0
	assert_equal "$(wc -l <<< "$entries")" 1
	[[ $entries == *'TSM_TO='*'a\x0aTSM_DEVICE=x | TSM_NOTE=written' ]] || fail "$entries"
	[[ $entries != *'| TSM_DEVICE='* ]] || fail "$entries"
}

# has FIELD=VALUE...: there is one entry, and it has each of these fields
has() {
	local field

	assert_equal "$(wc -l <<< "$entries")" 1
	for field; do
		[[ " | $entries | " == *" | $field | "* ]] || fail "no $field: $entries"
	done
}

@test "journal: a revoke or unbind that ends in quarantine has an entry" {
	fake_set_driver 0000:01:00.0 vfio-pci-tsm
	fake_policy 0000:01:00.0 bound
	policy 0000:01:00.0 quarantine 1
	FAKE_REFUSE='*/bound=0 5' journal tsmctl revoke 01:00.0
	assert_equal "$status" 1
	has "MESSAGE=0000:01:00.0: it is not bound now, but it is quarantined: the TSM may not have stopped its TDI" \
		PRIORITY=4 TSM_VERB=revoke TSM_DEVICE=0000:01:00.0 TSM_ATTRIBUTE=bound TSM_ERRNO=EIO
	# unbound on the file of a VMM, by a helper that gets that error
	helper_says '{"event":"error","errno":"EIO","stage":null,"step":"unbind","message":"it is quarantined","hint":null}'
	policy 0000:01:00.0 owner $$
	policy 0000:01:00.0 state bound
	policy 0000:01:00.0 bound 1
	journal tsmctl unbind 01:00.0
	has TSM_VERB=unbind TSM_DEVICE=0000:01:00.0 TSM_ERRNO=EIO
	# a helper that is killed may have unbound the device
	helper_says ''
	journal tsmctl unbind 01:00.0
	has TSM_VERB=unbind TSM_ERRNO=EPROTO
}

# helper_says LINE: a stand-in for tsm-bind-helper, which prints LINE and fails
helper_says() {
	mkdir -p "$BATS_TEST_TMPDIR/bin"
	cp "$TSMCTL_BIN/tsmctl" "$BATS_TEST_TMPDIR/bin"
	printf '#!/bin/bash\necho %q\nexit 1\n' "$1" > "$BATS_TEST_TMPDIR/bin/tsm-bind-helper"
	chmod +x "$BATS_TEST_TMPDIR/bin/tsm-bind-helper"
	PATH=$BATS_TEST_TMPDIR/bin:$PATH
}

@test "journal: the end of a quarantine has an entry, even if its directory cannot be removed" {
	FAKE_STUCK=y journal tsmctl free 98:00.0
	[ "$status" -ne 0 ] || fail "its directory could be removed"
	has TSM_VERB=free TSM_ATTRIBUTE=quarantine TSM_FROM=1 TSM_TO=0
}

@test "journal: a step that is given up, or a roll-back that fails, has an entry" {
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
	# a change that was rolled back has no entry
	FAKE_REFUSE='*/driver_override=vfio* 5' journal tsmctl assign 01:00.0
	assert_equal "$status $entries" "1 "
}

@test "journal: a journal that is too slow is reported once, and does not delay a change" {
	for ((i = 1; i <= 40; i++)); do fake_assigned "$(printf '0000:05:%02x.%d' $((i / 8)) $((i % 8)))"; done
	journal tsmctl deny '0000:05:*'
	assert_equal "$status" 0
	[ "$(wc -l <<< "$entries")" -lt 40 ] || skip "this kernel's sockets take 40 entries"
	assert_equal "$(grep -c "the journal does not keep up" "$BATS_TEST_TMPDIR/stderr")" 1
}

@test "journal: changes are made without a journal, and not written to the journal of another machine" {
	run kernel tsmctl deny 01:00.0
	assert_success
	: > "$JOURNAL/socket"
	run kernel tsmctl allow 01:00.0
	assert_success
	assert_output "0000:01:00.0: bind_allowed yes (was no)"
	rm "$JOURNAL/socket"
	# without TSMCTL_ROOT, the tree is not this host, and the host's journal gets no entry
	unset TSMCTL_ROOT
	command -v strace > /dev/null || skip "no strace"
	ASAN_OPTIONS=detect_leaks=0 run strace -f -qq -e trace=%net -o "$BATS_TEST_TMPDIR/trace" tsmctl deny 01:00.0
	assert_success
	assert_output "0000:01:00.0: bind_allowed no (was yes)"
	refute grep -q journal "$BATS_TEST_TMPDIR/trace"
}
