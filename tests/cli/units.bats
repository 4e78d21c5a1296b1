#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2013,SC2016,SC2030,SC2031,SC2154
# The units and the udev rule, as they are installed.
bats_require_minimum_version 1.5.0
load helpers

setup() {
	ROOT=$BATS_TEST_TMPDIR/root
	UNITS=$ROOT/usr/lib/systemd/system
	RULES=$ROOT/usr/lib/udev/rules.d/90-tsmctl.rules
	top=$BATS_TEST_DIRNAME/../..
	# what is built already, installed by the rules of the Makefile
	make -s -C "$top/cli" -o all install O="$(dirname "$TSMCTL_BIN")" SAN= DESTDIR="$ROOT" prefix=/usr
}

@test "units: systemd finds no fault in the units of tsmctl" {
	command -v systemd-analyze > /dev/null || skip "no systemd-analyze"
	mkdir "$BATS_TEST_TMPDIR/units"
	for unit in tsmctl.service tsmctl-load.service tsmctl-device@.service tsmctl-tsm@.service; do
		sed "s,/usr/bin/tsmctl,$TSMCTL_BIN/tsmctl," "$UNITS/$unit" > "$BATS_TEST_TMPDIR/units/$unit"
	done
	cd "$BATS_TEST_TMPDIR/units"
	run systemd-analyze verify --man=no ./tsmctl.service ./tsmctl-load.service "./tsmctl-device@0000:01:00.0.service" ./tsmctl-tsm@tsm0.service
	# it also reads the units of this machine
	refute_output --partial tsmctl
	sed -i s/^Type=/Typo=/ tsmctl.service
	run systemd-analyze verify --man=no ./tsmctl.service
	assert_output --partial Typo
}

@test "units: the commands of the units exist and take their arguments" {
	fake_host
	fake_assigned 0000:01:00.0
	export TSMCTL_ETC=$BATS_TEST_TMPDIR/etc
	mkdir -m 755 "$TSMCTL_ETC"
	echo '{"version":1,"devices":[{"device":"all","bind_allowed":false}]}' > "$TSMCTL_ETC/config.json"
	while IFS= read -r command; do
		command=${command//%i/0000:01:00.0}
		# shellcheck disable=SC2086
		case $command in
		/usr/bin/tsmctl*) run "$ROOT"$command ;;
		*) run test -x "${command%% *}" ;;
		esac
		assert_success
	done < <(sed -n 's/^ExecStart=//p' "$UNITS"/tsmctl.service "$UNITS"/tsmctl-{device,tsm}@.service)
	assert_equal "$(policy 0000:01:00.0 bind_allowed)" 0
}

@test "units: fail when apply fails, end after a time, and stop nothing at shutdown" {
	for unit in "$UNITS"/tsmctl.service "$UNITS"/tsmctl-{device,tsm}@.service; do
		run cat "$unit"
		assert_line Type=oneshot
		assert_line --regexp '^TimeoutStartSec=[0-9]+$'
		# a device that is stuck does not use up all of that time
		assert_line --regexp '^ExecStart=/usr/bin/tsmctl --quiet apply --timeout 60( %i)?$'
		assert_line TimeoutStopSec=10
		# '-' would hide the failure
		refute_line --regexp '^Exec[A-Za-z]*=[-+!@:]'
		refute_line --regexp '^(ExecStopPost|Restart)'
		run grep '^ExecStop=' "$unit"
		case $unit in
		*/tsmctl.service) assert_output 'ExecStop=/bin/rm -f /run/tsmctl/applied' ;;
		*) assert_output "" ;;
		esac
		run cat "$unit"
		refute_line --regexp @[a-z]+@
	done
}

@test "units: systemd-analyze security counts an exposure of at most 2.2 of 10, to load modules 4.2" {
	command -v systemd-analyze > /dev/null || skip "no systemd-analyze"
	cd "$UNITS"
	for unit in tsmctl.service tsmctl-device@.service tsmctl-tsm@.service; do
		run systemd-analyze security --offline=yes --threshold=22 --no-pager "./$unit"
		assert_success
	done
	run systemd-analyze security --offline=yes --threshold=42 --no-pager ./tsmctl-load.service
	assert_success
}

@test "units: a sandbox hides from apply nothing that shows a use of a device" {
	sandbox() { sed -n '/^CapabilityBoundingSet/,/^$/p' "$1"; }
	for unit in "$UNITS"/tsmctl.service "$UNITS"/tsmctl-{device,tsm}@.service; do
		run cat "$unit"
		# sysfs is written to, has the interfaces of one network, and /proc all processes
		refute_line --regexp '^(ProtectKernelTunables|ProtectProc|ProcSubset|PrivateNetwork|PrivateUsers)='
		# the run directory is of all
		assert_line RuntimeDirectoryPreserve=yes
		assert_equal "$(sandbox "$unit")" "$(sandbox "$UNITS/tsmctl.service")"
	done
}

@test "units: tsmctl.service has the modules loaded where a mount of configfs is visible to others" {
	run cat "$UNITS/tsmctl.service"
	assert_line Wants=tsmctl-load.service
	assert_line --regexp '^After=.* tsmctl-load\.service '
	run cat "$UNITS/tsmctl-load.service"
	assert_line 'ExecStart=/usr/bin/tsmctl --quiet load'
	# these make a mount namespace
	refute_line --regexp '^(Private|Protect|Read|Inaccessible|Mount|RuntimeDir|StateDir|ProcSubset|BindPaths|TemporaryFile)'
	# it runs again each time, and under the same conditions
	refute_line --regexp '^RemainAfterExit'
	assert_equal "$(grep ^Condition "$UNITS/tsmctl-load.service")" "$(grep ^Condition "$UNITS/tsmctl.service")"
}

@test "udev: the rules start a unit for each function or TSM that appears after the boot unit" {
	run grep -vE '^(#|$)' "$RULES"
	assert_equal "${#lines[@]}" 3
	assert_line -n 0 --partial 'ACTION=="add", SUBSYSTEM=="pci", TEST=="/run/tsmctl/applied"'
	assert_line -n 0 --partial 'ENV{SYSTEMD_WANTS}+="tsmctl-device@$kernel.service"'
	assert_line -n 1 --partial 'ACTION=="add", SUBSYSTEM=="tsm", TEST=="/run/tsmctl/applied"'
	# a device that was released to nvme is left alone
	assert_line -n 2 --partial 'TEST=="/run/tsmctl/applied", TEST=="/run/tsmctl/$id.awaited"'
	assert_line -n 1 --partial 'ENV{SYSTEMD_WANTS}+="tsmctl-tsm@$kernel.service"'
	# it runs after the boot unit, and starts it again
	run cat "$UNITS/tsmctl-tsm@.service"
	assert_line After=tsmctl.service
	assert_line 'ExecStartPost=/bin/systemctl --no-block start tsmctl.service'
	# so does a holder
	run cat "$UNITS/tsmctl-hold@.service"
	assert_line --regexp '^After=.* tsmctl\.service tsmctl-device@%i\.service$'
	# the name of a function needs no escape in the name of a unit
	command -v systemd-escape > /dev/null || skip "no systemd-escape"
	run systemd-escape 0000:01:00.0
	assert_output 0000:01:00.0
	grep -q '^ExecStart=/bin/touch /run/tsmctl/applied$' "$UNITS/tsmctl.service"
}
