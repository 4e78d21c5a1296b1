# SPDX-License-Identifier: GPL-2.0-or-later
# The lab: each item of its menu, from standard input, and the shell at the end.
# vm: --dsm --timeout 1200

# shellcheck disable=SC2154,SC2034 # helpers.bash sets what is not set here
load helpers

# One lab for all tests.
setup_file() {
	load helpers
	local status=0
	"$top/tests/vm/lab" >"$BATS_FILE_TMPDIR/out" 2>&1 3>&- <<-'END' || status=$?
		menu
		bind
		show
		unbind
		guest
		evidence
		evidence 5a5a
		break help
		break
		bind
		mend
		bind
		firmware
		show
		firmware
		unbind
		mend
		break lost@LOCK_INTERFACE_REQUEST
		bind
		mend
		bind
		guest
		capture 4
		quit
		echo "in the shell: $dev $(uname -n)"
		exit 3
		bind
	END
	echo $status >"$BATS_FILE_TMPDIR/status"
}

teardown_file() {
	load helpers
	cleanup
	unload_all
}

setup() { mapfile -t said <"$BATS_FILE_TMPDIR/out"; }

# after N COMMAND: sets $lines and $output to what came after the Nth time of COMMAND, up to
# the next one
after() {
	run -0 awk -v n="$1" -v command="$ $2" '/^\$ / { shown = $0 == command && ++seen == n; next } shown' "$BATS_FILE_TMPDIR/out"
	[ -n "$output" ]
}

@test "lab: the menu has each item, and 'quit' leads to a shell whose exit status is that of the lab" {
	for item in bind unbind guest evidence show break mend firmware capture quit; do
		assert_equal "$(printf '%s\n' "${said[@]}" | grep -c "^  $item ")" 2
	done
	assert_equal "$(<"$BATS_FILE_TMPDIR/status")" 3
	run -0 cat "$BATS_FILE_TMPDIR/out"
	assert_line "in the shell: $dev tsmctl-vm"
	assert_line "firmware| tsm-sim-firmware: ready"
}

@test "lab: the device is connected, bound, shown and unbound" {
	after 1 "tsmctl prepare $dev --tdi-id 00:05.0"
	assert_line "$dev: tsm tsm0 (was none)"
	after 1 "tsmctl bind $dev"
	assert_line "$dev: state bound (was closed)"
	after 1 "tsmctl show $dev"
	assert_line --regexp '^tdi_state +locked$'
	after 1 "tsmctl unbind $dev"
	assert_line "$dev: state closed (was bound)"
}

@test "lab: a guest does I/O on the device, also after the device was mended" {
	for n in 1 2; do
		after $n "tsm-vmm $dev"
		assert_line "guest: all Identify commands succeeded"
		assert_line "vmm: the guest has ended with 0"
	done
}

@test "lab: evidence is verified, with the root of the device among the trusted ones" {
	run -0 grep -A 40 '^\$ tsmctl evidence' "$BATS_FILE_TMPDIR/out"
	assert_line --regexp '^ok +trust +by CN=tsm-dsm root'
	assert_line --regexp '^verified +yes$'
	assert_line --regexp '^-rw-r--r-- .* measurements$'
	# a nonce that is too short
	after 1 "tsmctl evidence $dev --nonce 5a5a --out /run/lab/evidence"
	assert_line "(exit status 2)"
}

@test "lab: a fault fails a bind, the firmware says why, and after 'mend' it works" {
	after 1 "tsm-dsm --help | sed -n '/--fault/,/random/p'"
	assert_line --regexp '^ +mac '
	after 2 "tsmctl bind $dev"
	assert_line "(exit status 1)"
	assert_line "firmware| tsm-sim-firmware: 0100: bind: TDISP: the answer cannot be decrypted"
	after 3 "tsmctl bind $dev"
	assert_line "$dev: state bound (was closed)"
}

@test "lab: without the firmware the state of the TDI is unknown, and 'mend' begins a new session" {
	after 2 "tsmctl show $dev"
	assert_line --regexp '^tdi_state +-$'
	after 2 "tsmctl unbind $dev"
	assert_line "firmware| tsm-sim-firmware: 0100: unbind: the device has no session"
	after 2 "tsmctl connect $dev"
	assert_line "$dev: tsm tsm0 (was none)"
}

@test "lab: a connection that was lost comes back when 'mend' plugs the device in again" {
	after 4 "tsmctl bind $dev"
	assert_line "firmware| tsm-sim-firmware: 0100: bind: TDISP: Input/output error"
	after 3 "tsmctl connect $dev"
	assert_line "# The device does not answer. Pull it, and plug it in again"
	after 2 "tsmctl prepare $dev --tdi-id 00:05.0"
	assert_line "$dev: tsm tsm0 (was none)"
}

@test "lab: the capture has the messages of the guest, decrypted" {
	after 1 "tsm-dsm --decode /run/keep/capture | tail -n 4"
	assert_equal "$(grep -c '^[<>] secured ' <<<"$output")" 4
	assert_line --regexp '^> secured .* STOP_INTERFACE_REQUEST interface 0x100$'
}
