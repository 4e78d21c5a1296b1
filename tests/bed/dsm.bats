# SPDX-License-Identifier: GPL-2.0-or-later
# tests/tools/dsm answers as a device does, and each of its faults is noticed by the session
# of cli/firmware. Both are built with sanitizers, and talk over a socket as QEMU does.

load helpers
built=$top/build/dsm

# The interface of 0000:01:00.0, and TDISP requests for it
interface=000100000000000000000000
lock=10830000${interface}$(printf '0%.0s' {1..40})
report=10840000${interface}0000ffff
state=10850000$interface
start=10860000$interface
stop=10870000$interface

setup_file() { make -s -C "$top/tests/tools/dsm" SAN=1; }

setup() {
	capture=$BATS_TEST_TMPDIR/capture
	control=$BATS_TEST_TMPDIR/control
	dsm='' options=()
	trusted=$built/certs/root.der
}

teardown() {
	[ -z "$dsm" ] || { kill "$dsm" 2>/dev/null && wait "$dsm"; } || true
}

# serve [OPTION]...: starts a DSM with one function, and sets $dsm and $port
serve() {
	mkfifo "$BATS_TEST_TMPDIR/port"
	"$built/san/tsm-dsm" --certs "$built/certs" --bar 100:0:fe800000:4000 --capture "$capture" \
		"$@" 0 >"$BATS_TEST_TMPDIR/port" 2>"$BATS_TEST_TMPDIR/errors" 3>&- &
	dsm=$!
	read -r port <"$BATS_TEST_TMPDIR/port"
	rm "$BATS_TEST_TMPDIR/port"
}

# ask STEP...: does the steps in one connection, and sets $lines
ask() { run "$built/san/dsm-ask" --root "$trusted" "$port" "$@"; }

# ended: the DSM has ended after its one connection, and no sanitizer found anything
ended() {
	local pid=$dsm
	dsm=
	wait "$pid"
	assert_equal "$(cat "$BATS_TEST_TMPDIR/errors")" ""
}

decoded() { "$built/san/tsm-dsm" --decode "$capture"; }

@test "dsm: a session goes from the version to its end, with certificates, challenge and measurements" {
	serve --once
	ask connect chain measurements disconnect
	assert_success
	assert [ "${lines[0]}" -gt 1000 ]
	for block in 1 2 3 4; do
		assert_equal "${lines[block]}" "$block $(printf 'tsm-dsm measurement %s' $block | sha384sum | cut -d ' ' -f 1)"
	done
	ended
	assert_equal "$(decoded | awk '$1 == ">" { print $2, $NF }' | uniq)" "plain GET_VERSION
plain GET_CAPABILITIES
plain NEGOTIATE_ALGORITHMS
plain GET_DIGESTS
plain GET_CERTIFICATE
plain CHALLENGE
plain KEY_EXCHANGE
secured FINISH
secured GET_MEASUREMENTS
secured END_SESSION"
}

@test "dsm: a TDI goes through all states, with the report of its BARs, and the capture has each message" {
	serve --once --bar 100:4:c000001000:2000
	ask connect tdisp "$lock" tdisp "$report" tdisp "$state" disconnect
	assert_success
	nonce=${lines[0]:32}
	assert_equal "${lines[0]:0:32}" "10030000$interface"
	assert_equal ${#nonce} 64
	# 84 bytes: two ranges with first page, pages and BAR, then the nonce
	assert_equal "${lines[1]}" "10040000${interface}54000000$(printf '%s' 0200 0000 0000 0000 00000000 02000000 \
		00e80f0000000000 04000000 00000000 0100000c00000000 02000000 00000400 20000000 "$nonce")"
	assert_equal "${lines[2]:32}" 01
	ended
	run decoded
	assert_line --regexp '^> secured .* LOCK_INTERFACE_REQUEST interface 0x100$'
	assert_line --regexp '^< secured .* LOCK_INTERFACE_RESPONSE interface 0x100$'
	assert_line --regexp '^< secured .* DEVICE_INTERFACE_REPORT interface 0x100 84 bytes, 0 left$'
	assert_line --regexp '^< secured .* DEVICE_INTERFACE_STATE interface 0x100 CONFIG_LOCKED$'
}

# lock_it: connects and locks in a connection that stays, and sets $nonce. Then step does a
# TDISP request in it, and sets $answer.
lock_it() {
	coproc "$built/san/dsm-ask" "$port" -
	echo connect >&"${COPROC[1]}"
	step "$lock"
	nonce=${answer:32}
}
step() {
	echo "tdisp $1" >&"${COPROC[1]}"
	read -r answer <&"${COPROC[0]}"
}
# leave: ends the connection
leave() { eval "exec ${COPROC[1]}>&-"; }

@test "dsm: only the nonce of the lock starts a TDI, and a stop ends RUN" {
	serve --once
	lock_it
	step "$start$(printf '00%.0s' {1..32})"
	assert_equal "${answer:0:8} ${answer:32}" "107f0000 0201000000000000"
	step "$start$nonce"
	assert_equal "$answer" "10060000$interface"
	step "$state"
	assert_equal "${answer:32}" 02
	step "$stop"
	assert_equal "$answer" "10070000$interface"
	step "$state"
	assert_equal "${answer:32}" 00
	leave
	ended
}

@test "dsm: TDISP requests that are wrong are answered with the error of the specification" {
	serve --once
	ask connect tdisp "${state/#10/20}" tdisp "${state/#1085/1099}" tdisp "${state}00" \
		tdisp "1085000000020000${interface:8}" tdisp "$report" disconnect
	assert_success
	assert_equal "$(cut -c 33-40 <<<"$output" | xargs)" "41000000 07000000 01000000 01010000 04000000"
	ended
}

# refuses FAULT STEPS PROBLEM: with FAULT a step fails with PROBLEM, and after the fault the
# same steps succeed
refuses() {
	: >"$control"
	serve --control "$control"
	echo "fault $1" >"$control"
	# shellcheck disable=SC2086 # words
	ask $2
	assert_failure 1
	assert_line --partial "$3"
	# END_SESSION also succeeds, so the new session is whole.
	: >"$control"
	# shellcheck disable=SC2086 # words
	ask $2 disconnect
	assert_success
	kill "$dsm"
	wait "$dsm" || true
	dsm=
	assert_equal "$(cat "$BATS_TEST_TMPDIR/errors")" ""
}

@test "dsm: a wrong signature is refused, in the challenge" {
	refuses signature connect "connect: EBADMSG: CHALLENGE: a certificate or signature is wrong"
}

@test "dsm: a wrong signature is refused, in the key exchange" {
	refuses signature@KEY_EXCHANGE connect "connect: EBADMSG: KEY_EXCHANGE: a certificate or signature is wrong"
}

@test "dsm: a wrong signature is refused, in the measurements" {
	refuses signature@GET_MEASUREMENTS connect "connect: EBADMSG: MEASUREMENTS: a certificate or signature is wrong"
}

@test "dsm: an expired certificate is refused" {
	refuses expired connect "connect: EBADMSG: CERTIFICATE: a certificate or signature is wrong"
}

@test "dsm: another root is refused" {
	serve --once
	trusted=$built/certs/other.der
	ask connect
	assert_failure 1
	assert_output "connect: EBADMSG: CERTIFICATE: the root certificate is not trusted"
	ended
}

@test "dsm: a wrong MAC ends the session, and the TDI is in ERROR until it is stopped" {
	refuses mac@LOCK_INTERFACE_REQUEST "connect tdisp $stop tdisp $lock" "tdisp: EBADMSG: TDISP: the answer cannot be decrypted"
}

@test "dsm: no answer ends the session" {
	refuses silence@LOCK_INTERFACE_REQUEST "connect tdisp $stop tdisp $lock" "tdisp: EIO: TDISP: there is no answer"
	run decoded
	assert_line --regexp '^! plain 0 not sent LOCK_INTERFACE_RESPONSE'
}

@test "dsm: no answer while it connects is an error" {
	refuses silence@KEY_EXCHANGE connect "connect: EIO: KEY_EXCHANGE: there is no answer"
}

@test "dsm: a secured answer with more padding than allowed is refused" {
	refuses long@LOCK_INTERFACE_REQUEST "connect tdisp $stop tdisp $lock" "tdisp: EBADMSG: TDISP: the answer cannot be decrypted"
}

@test "dsm: a lost connection is an error, and the next connection works" {
	refuses lost@LOCK_INTERFACE_REQUEST "connect tdisp $stop tdisp $lock" "tdisp: EIO: TDISP: Connection reset by peer"
}

@test "dsm: a TDISP error leaves session and state as they were" {
	serve --once --fault error@LOCK_INTERFACE_REQUEST
	ask connect tdisp "$lock" tdisp "$state" disconnect
	assert_success
	assert_equal "${lines[0]:0:8} ${lines[0]:32}" "107f0000 0500000000000000"
	assert_equal "${lines[1]:32}" 00
	ended
}

@test "dsm: with the fault nonce, the nonce that the lock has answered does not start the TDI" {
	serve --once --fault nonce
	lock_it
	step "$start$nonce"
	assert_equal "${answer:0:8} ${answer:32}" "107f0000 0201000000000000"
	leave
	ended
}

@test "dsm: a measurement that has changed has another digest" {
	serve --once --fault measurement
	ask connect measurements
	assert_success
	assert_equal "${lines[1]}" "2 $(printf 'tsm-dsm measurement 2, changed' | sha384sum | cut -d ' ' -f 1)"
	assert_equal "${lines[0]}" "1 $(printf 'tsm-dsm measurement 1' | sha384sum | cut -d ' ' -f 1)"
	ended
}

# save_evidence: the output of the last ask, as the files that verify-evidence reads
save_evidence() {
	local name i=0
	for name in cert0 vca measurements; do
		perl -e 'print pack "H*", $ARGV[0]' "${lines[i++]}" >"$BATS_TEST_TMPDIR/$name"
	done
}

# verify ROOT NONCE: what verify-evidence has to say about that
verify() { "$top/tests/tools/dsm/verify-evidence" "$built/certs/$1.der" "$BATS_TEST_TMPDIR" "$2"; }

# spoil FILE AT: changes a bit of a byte
spoil() {
	perl -e 'my ($path, $at) = @ARGV; open my $file, "+<", $path or die; seek $file, $at, $at < 0 ? 2 : 0;
		read $file, my $byte, 1; seek $file, -1, 1; print $file chr(1 ^ ord $byte)' "$BATS_TEST_TMPDIR/$1" "$2"
}

@test "firmware: the device signs its measurements over a nonce, and OpenSSL verifies that without libspdm" {
	local first second file at
	first=$(openssl rand -hex 32) second=$(openssl rand -hex 32)
	serve --once
	ask connect evidence "$first" evidence "$second" tdisp "$lock" disconnect
	assert_success
	assert_equal "${lines[0]} ${lines[1]}" "${lines[3]} ${lines[4]}"
	[ "${lines[2]}" != "${lines[5]}" ]
	save_evidence
	run -0 verify root "$first"
	for block in 1 2 3 4; do
		assert_equal "${lines[block - 1]}" "$block $(printf 'tsm-dsm measurement %s' $block | sha384sum | cut -d ' ' -f 1)"
	done
	# The tool does not accept everything.
	run -1 verify root "$second"
	assert_output --partial "another nonce"
	run -1 verify other "$first"
	assert_output --regexp "cert0: error (19|20) "
	while read -r file at; do
		cp "$BATS_TEST_TMPDIR/$file" "$BATS_TEST_TMPDIR/kept"
		spoil "$file" "$at"
		run -1 verify root "$first"
		assert_output --regexp "(measurements: wrong signature|cert0: )"
		mv "$BATS_TEST_TMPDIR/kept" "$BATS_TEST_TMPDIR/$file"
	done <<-END
		measurements -1
		measurements 60
		vca 14
		cert0 -1
	END
	ended
}

@test "firmware: without a session there is no evidence, and a wrong signature or MAC gives none" {
	local nonce
	nonce=$(printf 'a5%.0s' {1..32})
	: >"$control"
	serve --once --control "$control"
	coproc "$built/san/dsm-ask" "$port" -
	# answered LINE STEP...
	answered() {
		echo "${*:2}" >&"${COPROC[1]}"
		read -r answer <&"${COPROC[0]}"
		assert_equal "$answer" "$1"
	}
	answered "evidence: ENOTCONN:" evidence "$nonce"
	echo connect >&"${COPROC[1]}"
	# An answer is read, so that connect has ended.
	answered "1 $(printf 'tsm-dsm measurement 1' | sha384sum | cut -d ' ' -f 1)" measurements
	read -r _ <&"${COPROC[0]}" && read -r _ <&"${COPROC[0]}" && read -r _ <&"${COPROC[0]}"
	echo "fault signature@GET_MEASUREMENTS" >"$control"
	answered "evidence: EBADMSG: MEASUREMENTS: a certificate or signature is wrong" evidence "$nonce"
	# The session is still there.
	step "$state"
	assert_equal "${answer:32}" 00
	echo "fault mac@GET_MEASUREMENTS" >"$control"
	answered "evidence: EBADMSG: MEASUREMENTS: the answer cannot be decrypted" evidence "$nonce"
	: >"$control"
	answered "evidence: ENOTCONN: MEASUREMENTS: the answer cannot be decrypted" evidence "$nonce"
	leave
	ended
}

@test "firmware: a device that answers at random ends sessions, and the firmware takes no harm" {
	run -0 "$top/tests/fuzz/sessions" --seed 1 12
	assert_output --regexp '^12 sessions, [1-9][0-9]* connected, [0-9]+ answers; the next seed is 13$'
}

@test "dsm: data objects that are malformed have an empty answer or an SPDM error, and a session works afterwards" {
	serve --once
	ask raw 00 raw 0100010000000000 raw 01000100ffffffff10840000 raw 010002000400000000000000ffff0000 \
		raw 01000100030000001000 raw 0100010004000000ffffffffffffffff connect disconnect
	assert_success
	ended
}

@test "dsm: a data object that is longer than the mailbox has no answer, and a session works afterwards" {
	serve
	run perl -e 'use IO::Socket::INET; my $s = IO::Socket::INET->new("127.0.0.1:$ARGV[0]") or die "$!";
		print $s pack "NNNa5000", 1, 2, 5000, ""; $s->flush; read $s, my $answer, 12; print join " ", unpack "NNN", $answer' "$port"
	assert_output "1 2 0"
	ask connect disconnect
	assert_success
}

@test "dsm: wrong usage is refused with exit status 2, and a capture that is not one with 1" {
	run -2 "$built/san/tsm-dsm" --certs "$built/certs" --fault nonsense 0
	assert_output "tsm-dsm: wrong fault 'nonsense'; see tsm-dsm --help"
	run -2 "$built/san/tsm-dsm" --certs "$built/certs" --bar 100:9:0:0 0
	assert_output "tsm-dsm: wrong BAR '100:9:0:0'; see tsm-dsm --help"
	echo "> zz -" >"$BATS_TEST_TMPDIR/nothing"
	run -1 "$built/san/tsm-dsm" --decode "$BATS_TEST_TMPDIR/nothing"
	assert_output --partial "Invalid argument"
}

@test "firmware: the program, its unit and its page can be installed, and wrong usage is refused" {
	make -s -C "$top/cli" install-firmware O="$BATS_TEST_TMPDIR/build" DESTDIR="$BATS_TEST_TMPDIR/root" prefix=/usr
	cd "$BATS_TEST_TMPDIR/root/usr"
	run find . -type f -printf '%m %P\n'
	assert_equal "$(sort <<<"$output")" "644 lib/systemd/system/tsm-sim-firmware.service
644 share/man/man8/tsm-sim-firmware.8
755 libexec/tsmctl/tsm-sim-firmware"
	grep -qx "ExecStart=/usr/libexec/tsmctl/tsm-sim-firmware" lib/systemd/system/tsm-sim-firmware.service
	run mandoc -T lint -W warning share/man/man8/tsm-sim-firmware.8
	assert_output ""
	run -2 libexec/tsmctl/tsm-sim-firmware --nonsense
	assert_output --partial "--nonsense"
	run -1 libexec/tsmctl/tsm-sim-firmware --device /nonexistent
	assert_output "tsm-sim-firmware: /nonexistent: No such file or directory"
	# Each option is on the page.
	for option in $(libexec/tsmctl/tsm-sim-firmware --help | grep -oE -- '--(device|root|version|help)'); do
		grep -q -- "Fl -${option#--}" share/man/man8/tsm-sim-firmware.8
	done
}
