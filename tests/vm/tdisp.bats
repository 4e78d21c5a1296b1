# SPDX-License-Identifier: GPL-2.0-or-later
# tsm_sim answers a guest's TDISP messages as chapter 11 of PCIe r7.0 specifies.
# vm: --nvme 2 --timeout 900

# shellcheck disable=SC2154 # helpers.bash sets what is not set here
load helpers

setup_file() { load helpers; load_all; }
teardown_file() { load helpers; unload_all; }
setup() { prepare; }
teardown() {
	local knob
	for knob in "$debugfs/$dev"/inject/*_*; do echo 0 >"$knob"; done
	cleanup
}

# The interface of 0000:01:00.0, and the length of its nonce
interface=000100000000000000000000
nonce_len=32

# hold: binds the device until the end of the test
hold() {
	mkfifo "$BATS_TEST_TMPDIR/go"
	vfio-client "$dev" open tsm-bind "sh:cat $BATS_TEST_TMPDIR/go" tsm-unbind tsm-bind \
		"sh:cat $BATS_TEST_TMPDIR/go" 3>&- >/dev/null &
	eventually CONFIG_LOCKED sim state
}

# bind_again: has hold unbind and bind again
bind_again() {
	echo >"$BATS_TEST_TMPDIR/go"
	eventually 2 sim binds
	eventually CONFIG_LOCKED sim state
}

# send HEX: sends one message, and prints the response in hexadecimal, or the error
send() {
	perl -e 'my ($path, $message) = @ARGV;
		open my $file, "+<", $path or die "$path: $!";
		defined syswrite $file, pack "H*", $message or do { print "$!\n"; exit 1 };
		sysread $file, my $answer, 4096;
		print unpack("H*", $answer), "\n"' "$debugfs/$dev/tdisp" "$1"
}

# message TYPE [PAYLOAD]
message() { send "10${1}0000$interface${2-}"; }

# le16 NUMBER, le32 NUMBER: little endian, in hexadecimal
le16() { printf '%02x%02x' $(($1 & 255)) $(($1 >> 8)); }
le32() { printf '%02x%02x%02x%02x' $(($1 & 255)) $(($1 >> 8 & 255)) $(($1 >> 16 & 255)) $(($1 >> 24)); }

# refused CODE ANSWER [DATA]: ANSWER is a TDISP_ERROR with CODE and DATA
refused() {
	assert_equal "${2:0:8} ${2:32}" "107f0000 $(le32 "$1")$(le32 "${3:-0}")"
}

state() { message 85 | cut -c 33-; }

# report [PORTION]: prints the whole report, read in portions of PORTION bytes
report() {
	local whole='' answer len=${1:-65535}
	while :; do
		answer=$(message 84 "$(le16 $((${#whole} / 2)))$(le16 "$len")")
		[ "${answer:0:8}" = 10040000 ] || { echo "$answer"; return 1; }
		[ $((16#${answer:34:2}${answer:32:2} * 2)) = $((${#answer} - 40)) ] || return 1
		whole+=${answer:40}
		[ "${answer:36:4}" != 0000 ] || break
	done
	echo "$whole"
}

# nonce: prints the nonce, which is the end of the report
nonce() {
	local report
	report=$(report)
	echo "${report: -$((2 * nonce_len))}"
}

@test "the TDI reports its version and capabilities" {
	hold
	assert_equal "$(message 81)" "10010000${interface}0110"
	# 0x81 to 0x87; 52 bits of address; one request at a time
	assert_equal "$(message 82 00000000)" \
		"10020000${interface}00000000fe$(printf '%030d' 0)0000000000340101"
}

@test "the report has the BARs, and can be read in portions" {
	hold
	local whole start end flags bar=0 ranges='' count=0
	whole=$(report)
	for portion in 7 64 "$((${#whole} / 2))"; do
		assert_equal "$(report "$portion")" "$whole"
	done
	while read -r start end flags && [ $bar -lt 6 ]; do
		if ((flags & 0x200)); then
			ranges+=$(le32 $((start >> 12 & 0xffffffff)))$(le32 $((start >> 44)))
			ranges+=$(le32 $(((end >> 12) - (start >> 12) + 1)))$(le32 $((bar << 16)))
			count=$((count + 1))
		fi
		bar=$((bar + 1))
	done <"$pci/devices/$dev/resource"
	[ $count -gt 0 ]
	assert_equal "${whole:0:$((${#ranges} + 40))}" \
		"020000000000000000000000$(le32 $count)$ranges$(le32 $nonce_len)"
	assert_equal ${#whole} $((32 + ${#ranges} + 8 + 2 * nonce_len))

	for request in "$(le16 $((${#whole} / 2)))0100" ffff0100 00000000; do
		refused 1 "$(message 84 "$request")"
	done
	assert_equal "$(sim violations)" 0
}

@test "START accepts the nonce of this lock, once" {
	hold
	local nonce report
	report=$(report)
	nonce=$(nonce)
	assert_equal "$(state)" 01
	for wrong in "$(printf '%064d' 0)" "${nonce:2}00" "ff${nonce:2}x"; do
		[ "${wrong%x}" != "$nonce" ] || continue
		refused 0x102 "$(message 86 "${wrong%x}")"
	done
	assert_equal "$(state) $(sim state)" "01 CONFIG_LOCKED"
	assert_equal "$(message 86 "$nonce")" "10060000$interface"
	assert_equal "$(state) $(sim state)" "02 RUN"
	refused 4 "$(message 86 "$nonce")"
	# The nonce is gone, everything else is the same.
	assert_equal "$(report)" "${report%"$nonce"}$(printf '%064d' 0)"

	bind_again
	[ "$(nonce)" != "$nonce" ]
	refused 0x102 "$(message 86 "$nonce")"
	assert_equal "$(message 86 "$(nonce)")" "10060000$interface"
	assert_equal "$(sim violations)" 0
}

@test "STOP unlocks the TDI until the next bind, and the device stays bound" {
	hold
	local nonce
	nonce=$(nonce)
	message 86 "$nonce"
	assert_equal "$(message 87)" "10070000$interface"
	assert_equal "$(state) $(sim state) $(attr state)" "00 CONFIG_UNLOCKED bound"
	refused 4 "$(message 84 00000100)"
	refused 4 "$(message 86 "$nonce")"
	assert_equal "$(message 87)" "10070000$interface"
	bind_again
	assert_equal "$(state)" 01
	assert_equal "$(sim violations)" 0
}

@test "LOCK by a guest and unknown messages are unsupported requests" {
	hold
	refused 7 "$(message 83 "$(printf '%040d' 0)")" 0x83
	for type in 00 01 06 7f 80 83 88 8b 8c ff; do
		refused 7 "$(message $type)" "0x$type"
	done
	assert_equal "$(sim state)" CONFIG_LOCKED
}

@test "messages with a wrong length are invalid requests" {
	hold
	local whole=1085000000010000000000000000000
	for len in 0 2 4 8 16 30; do
		refused 1 "$(send "${whole:0:$len}")"
	done
	for request in 81: 82:00000000 84:00000100 85: "86:$(nonce)" 87:; do
		type=${request%:*} payload=${request#*:}
		refused 1 "$(message "$type" "${payload}00")"
		[ -z "$payload" ] || refused 1 "$(message "$type" "${payload:2}")"
	done
	run send "$(printf '%0400d' 0)"
	assert_failure
	assert_output "Argument list too long"
	assert_equal "$(sim state)" CONFIG_LOCKED
}

@test "messages with a wrong version or interface are errors" {
	hold
	local nonce
	nonce=$(nonce)
	for version in 00 0f 11 20 ff; do
		refused 0x41 "$(send "${version}850000$interface")"
		refused 0x41 "$(send "${version}860000$interface$nonce")"
	done
	# another function, another segment
	for other in 000200000000000000000000 010100000000000000000000 000101010000000000000000; do
		answer=$(send "10850000$other")
		assert_equal "${answer:8:24}" "$other"
		refused 0x101 "$answer"
		refused 0x101 "$(send "10860000$other$nonce")"
	done
	assert_equal "$(sim state)" CONFIG_LOCKED
	# A request for the versions may have a later minor version.
	refused 0x41 "$(send "20810000$interface")"
	assert_equal "$(send "1f810000$interface")" "10010000${interface}0110"
	# the function's own segment; without the valid bit, the segment and all else is reserved
	for same in 000100010000000000000000 000101000000000000000000 000100800000000000000000 \
		000100000000000000000001; do
		assert_equal "$(send "10850000$same")" "10050000${same}01"
	done
}

@test "a guest can read the state of a TDI in ERROR, and can stop it" {
	hold
	local nonce
	nonce=$(nonce)
	echo 1 >"$debugfs/$dev/inject/error_state_after_bind"
	echo >"$BATS_TEST_TMPDIR/go"
	eventually ERROR sim state
	assert_equal "$(state)" 03
	refused 4 "$(message 86 "$nonce")"
	refused 4 "$(message 84 00000100)"
	assert_equal "$(message 87)" "10070000$interface"
	assert_equal "$(state)" 00
}

@test "an injected error or delay comes before the message" {
	hold
	local nonce
	nonce=$(nonce)
	echo 5 >"$debugfs/$dev/inject/error_guest_req"
	run message 86 "$nonce"
	assert_failure
	assert_output "Input/output error"
	echo 0 >"$debugfs/$dev/inject/error_guest_req"
	assert_equal "$(sim state)" CONFIG_LOCKED

	echo 60000 >"$debugfs/$dev/inject/delay_guest_req_ms"
	message 86 "$nonce" 3>&- >"$BATS_TEST_TMPDIR/answer" &
	eventually guest_req sim inject/delayed
	assert_equal "$(sim state)" CONFIG_LOCKED
	echo 0 >"$debugfs/$dev/inject/delay_guest_req_ms"
	wait $!
	assert_equal "$(cat "$BATS_TEST_TMPDIR/answer") $(sim state)" "10060000$interface RUN"
}

@test "a message without a bind fails with ENXIO" {
	run message 85
	assert_failure
	assert_output "No such device or address"
}

@test "random messages do no harm" {
	hold
	# random bytes, and messages of a random type to this interface with random bytes after it
	run -0 perl -e 'my ($path, $interface) = @ARGV;
		sub bytes { join "", map { chr rand 256 } 1 .. rand shift }
		for (1 .. 400) {
			my $message = $_ % 2 ? bytes(64) :
				"\x10" . chr(rand 256) . "\0\0" . pack("H*", $interface) . bytes(32);
			open my $file, "+<", $path or die "$path: $!";
			defined syswrite $file, $message or next;
			sysread $file, my $answer, 4096;
			length $answer > 16 or ord substr($answer, 1, 1) == 7 or die unpack "H*", $answer;
			$answers++;
		}
		print $answers' "$debugfs/$dev/tdisp" "$interface"
	[ "$output" -gt 300 ]
	# Only STOP may have changed the state.
	assert_regex "$(sim state)" '^CONFIG_(UN)?LOCKED$'
	assert_equal "$(sim violations)" 0
}
