# SPDX-License-Identifier: GPL-2.0-or-later
# A guest starts its TDI and does I/O on it, while the host cannot access it.
# vm: --nvme 2 --timeout 900

# shellcheck disable=SC2154 # helpers.bash sets what is not set here
load helpers

setup_file() { load helpers; load_all; }
teardown_file() { load helpers; unload_all; }
setup() { prepare; }
teardown() { cleanup; }

@test "a guest in RUN does I/O on its NVMe, and every path of the host is refused" {
	run -0 tsm-vmm "$dev"
	echo "$output" | sed 's/^/# /' >&3
	for line in "vmm: bound" "guest: TDISP version 0x10" "guest: TDI state 0x1" \
		"guest: starts with a wrong nonce: message 0x7f, code 0x102" "guest: starts the TDI" \
		"guest: TDI state 0x2" "guest: NVMe version 0x10400" "guest: admin queue is ready" \
		"guest: all Identify commands succeeded" "guest: stops the TDI" "guest: TDI state 0x0" \
		"guest: reads the NVMe version again: 0xffffffff" \
		"guest: sends Identify again: no completion and no data" "vmm: the guest has ended with 0" \
		"vmm: device open, TDI CONFIG_UNLOCKED, last unbind ioctl"; do
		assert_line "$line"
	done
	# Another test file in this VM may have plugged in a controller with another serial number.
	assert_line --regexp '^guest: Identify by DMA, serial number [a-z0-9]+ *$'
	assert_line "host: read of BAR 0: Device or resource busy"
	assert_line "host: private MMIO in another process: Permission denied"
	refute_line --regexp '^host: .*success$'
	assert_line --regexp '^host: [1-9][0-9]+ commands of the guest meanwhile$'
	assert_equal "$(sim violations) $(sim binds) $(sim state)" "0 1 CONFIG_UNLOCKED"
}

@test "a guest can use its NVMe ten times in a row" {
	for _ in {1..10}; do run -0 tsm-vmm "$dev"; done
	assert_equal "$(sim violations) $(sim binds)" "0 10"
}

@test "private MMIO: hostile mappings are refused" {
	run -0 tsm-vmm --mmio "$dev"
	echo "$output" | sed 's/^/# /' >&3
	refute_line --partial wrong
	assert_equal "$(grep -c '^mmio: .*: as it must be' <<<"$output") $(sim violations)" "31 1"
}

@test "private MMIO: a function's file belongs to root, and exists as long as the function" {
	local file=/dev/tsm_sim/$dev
	assert_equal "$(stat -c '%a %u' "$file")" "600 0"
	run dd if="$file" bs=4 count=1
	assert_failure
	assert_output --partial "Invalid argument"
	exec 7<>"$file"
	run modprobe -r tsm_sim
	assert_failure
	exec 7>&-
}

@test "private MMIO: a process that is not the owner is refused" {
	mkfifo "$BATS_TEST_TMPDIR/go"
	vfio-client "$dev" open tsm-bind "sh:cat $BATS_TEST_TMPDIR/go" 3>&- >/dev/null &
	eventually CONFIG_LOCKED sim state
	echo RUN >"$debugfs/$dev/guest_request"
	run python3 -c "import mmap, os; mmap.mmap(os.open('/dev/tsm_sim/$dev', os.O_RDWR), 4096)"
	assert_failure
	assert_output --partial "Permission denied"
	assert_equal "$(sim state)" RUN
	echo >"$BATS_TEST_TMPDIR/go"
}

# in_run: starts tsm-vmm, which maps the BAR of a TDI in RUN and touches it on request
in_run() {
	out=$BATS_TEST_TMPDIR/out
	mkfifo "$BATS_TEST_TMPDIR/touch"
	tsm-vmm --wait "$dev" <"$BATS_TEST_TMPDIR/touch" 3>&- >"$out" 2>&1 &
	vmm=$!
	exec 8>"$BATS_TEST_TMPDIR/touch"
	touches register
}

# touches WORD: its last touch has ended with WORD
touches() {
	last_touch() { sed -n '/^mmio: touch: /h; ${x; s/.* //p}' "$out"; }
	eventually "$1" last_touch
}

# gone: a touch no longer reaches the BAR, and the VMM ends without a signal
gone() {
	next_touch() { echo >&8; sed -n '/^mmio: touch: /h; ${x; s/.* //p}' "$out"; }
	eventually error next_touch
	exec 8>&-
	wait $vmm || [ $? -eq 1 ]
	cat "$out"
	assert_equal "$(sim violations)" 0
}

@test "private MMIO ends when the TSM is disconnected" {
	in_run
	echo >&8
	echo tsm0 >"$pci/devices/$dev/tsm/disconnect"
	gone
}

@test "private MMIO ends when the administrator revokes the bind" {
	in_run
	set_attr bound 0
	gone
}

@test "private MMIO ends when the TSM does not stop the TDI" {
	in_run
	echo 5 >"$debugfs/$dev/inject/error_unbind"
	set_attr bound 0
	assert_equal "$(sim state)" RUN
	echo 0 >"$debugfs/$dev/inject/error_unbind"
	exec 8>&-
	wait $vmm || true
}

@test "private MMIO ends when the function is pulled" {
	in_run
	modprobe pull_device "device=$dev" >/dev/null 2>&1 </dev/null 3>&- 8>&- &
	eventually lost attr state
	echo >&8
	touches error
	exec 8>&-
	wait
	[ ! -e "/dev/tsm_sim/$dev" ]
	modprobe -r pull_device
	echo 1 >"$pci/rescan"
	eventually yes eval "[ -e /dev/tsm_sim/$dev ] && echo yes"
}
