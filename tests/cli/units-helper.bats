#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2013,SC2016,SC2030,SC2031,SC2154
# The units of the helper: correct, and confined, as far as systemd can measure that.
bats_require_minimum_version 1.5.0
load helpers

setup() {
	command -v systemd-analyze > /dev/null || skip "no systemd-analyze here"
	# as they are installed, except that they run the helper that was built
	for unit in "$BATS_TEST_DIRNAME"/../../systemd/tsmctl-h*.in; do
		name=${unit##*/}
		sed "s,@helperdir@,$TSMCTL_BIN," "$unit" > "$BATS_TEST_TMPDIR/${name%.in}"
	done
	cd "$BATS_TEST_TMPDIR" || return
}

@test "units: systemd finds no fault in the units of the helper" {
	for unit in *.service *.socket; do
		run systemd-analyze verify --man=no "./$unit"
		assert_success
		assert_output ""
	done
	# the installed units run the installed helper
	run grep -hL '^ExecStart=@helperdir@/tsm-bind-helper ' "$BATS_TEST_DIRNAME"/../../systemd/tsmctl-h*.service.in
	assert_output ""
}

@test "units: systemd-analyze security counts an exposure of at most 1.3 of 10" {
	run systemd-analyze security --offline=yes --threshold=13 --no-pager ./tsmctl-hold@.service
	assert_success
	run systemd-analyze security --offline=yes --threshold=7 --no-pager ./tsmctl-helper.service
	assert_success
}

@test "units: systemd does not restart a holder, and shutdown waits for it for 15 seconds at most" {
	run grep -h -E '^(Type|Restart|TimeoutStopSec|RuntimeDirectoryPreserve)=' ./tsmctl-hold@.service
	assert_output $'Type=notify\nRestart=no\nTimeoutStopSec=15\nRuntimeDirectoryPreserve=yes'
}

@test "units: the helper takes the options that the units have" {
	for unit in *.service; do
		read -r -a words <<< "$(sed -n 's/^ExecStart=//p' "$unit" | sed 's/%i/0000:99:00.0/; s/\$ALSO/--device 0000:99:00.1/')"
		run_split timeout 60 "${words[@]}"
		[ "$status" -ne 2 ] || fail "$unit: $output"
		[[ $output != *'"step":"usage"'* ]] || fail "$unit: $output"
	done
}

@test "units: only users of the group kvm can connect to the service, which may have all its processes" {
	run grep -E '^Socket' tsmctl-helper.socket
	assert_output $'SocketGroup=kvm\nSocketMode=0660'
	children=$(sed -n 's/^#define CHILDREN_MAX //p' "$BATS_TEST_DIRNAME/../../cli/helper/service/clients.c")
	# a third of the processes have a second thread
	[ "$(sed -n 's/^TasksMax=//p' tsmctl-helper.service)" -gt "$((children + children / 3 + 1))" ]
}
