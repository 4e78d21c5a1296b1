# SPDX-License-Identifier: GPL-2.0-or-later
# tsm_sim with transport=doe: its firmware holds an SPDM session with a device that QEMU
# emulates, and LOCK, START and STOP go over the wire. Each fault of the device and each death
# of the firmware is an error, and the next try works.
# vm: --dsm --timeout 1800

# shellcheck disable=SC2154,SC2034 # helpers.bash sets what is not set here
load helpers
load doe

interface=000100000000000000000000

setup_file() { load helpers; load doe; doe_load; }
teardown_file() { load helpers; unload_all; }

setup() { doe_begin; }
teardown() { doe_end; }

# messages: prints names of the requests that went to the device, without repetitions
messages() { "$tsm_dsm" --decode "$capture" | awk '$1 == ">"' | grep -oE '[A-Z_]{5,}' | uniq | xargs; }

ask() { echo "$1" >"$debugfs/$dev/guest_request"; }

@test "doe: connect, bind, start, unbind and disconnect go over the wire" {
	prepare
	assert_equal "$(cat "$pci/devices/$dev/tsm/connect")" tsm0
	assert_equal "$(messages)" "GET_VERSION GET_CAPABILITIES NEGOTIATE_ALGORITHMS GET_DIGESTS GET_CERTIFICATE CHALLENGE KEY_EXCHANGE FINISH GET_MEASUREMENTS"
	: >"$capture"
	hold
	assert_equal "$(sysfs tdi_state)" locked
	assert_equal "$(messages)" "GET_DEVICE_INTERFACE_STATE LOCK_INTERFACE_REQUEST"
	: >"$capture"
	ask RUN
	assert_equal "$(sim state)" RUN
	assert_equal "$(sysfs tdi_state)" run
	assert_equal "$(messages)" "START_INTERFACE_REQUEST GET_DEVICE_INTERFACE_STATE"
	: >"$capture"
	end_hold
	assert_equal "$(sim state)" CONFIG_UNLOCKED
	assert_equal "$(messages)" "STOP_INTERFACE_REQUEST"
	: >"$capture"
	echo tsm0 >"$pci/devices/$dev/tsm/disconnect"
	assert_equal "$(messages)" "END_SESSION"
	# Everything after the key exchange was encrypted.
	run "$tsm_dsm" --decode "$capture"
	refute_line --partial " plain "
}

@test "doe: the report of the device has its real BARs" {
	prepare
	hold
	run perl -e 'my ($path, $message) = @ARGV;
		open my $file, "+<", $path or die; syswrite $file, pack "H*", $message or die;
		sysread $file, my $answer, 4096; print unpack "H*", $answer' \
		"$debugfs/$dev/tdisp" "10840000${interface}0000ffff"
	assert_success
	first=$(($(head -n 1 "$pci/devices/$dev/resource" | cut -d ' ' -f 1) >> 12))
	# first page of BAR 0, little endian
	want=$(printf '%016x' "$first" | sed 's/../& /g' | tr ' ' '\n' | tac | tr -d '\n')
	assert_equal "${output:72:16}" "$want"
	end_hold
}

@test "doe: a device that fails while it connects is not connected, and the next try works" {
	local fault problem
	while read -r fault problem; do
		fault "$fault"
		fails_with "Input/output error" connect
		says "connect: $problem"
		assert_equal "$(cat "$pci/devices/$dev/tsm/connect")" ""
	done <<-END
		signature CHALLENGE: a certificate or signature is wrong
		expired CERTIFICATE: a certificate or signature is wrong
		mac@GET_MEASUREMENTS MEASUREMENTS: the answer cannot be decrypted
		silence@KEY_EXCHANGE KEY_EXCHANGE: Input/output error
		long@FINISH KEY_EXCHANGE: the answer cannot be decrypted
	END
	no_fault
	connect
	assert_equal "$(cat "$pci/devices/$dev/tsm/connect")" tsm0
}

@test "doe: a wrong, overlong or missing answer to the lock fails the bind, and after a new connection a bind works" {
	local fault problem
	prepare
	while read -r fault problem; do
		fault "$fault@LOCK_INTERFACE_REQUEST"
		run client open tsm-bind
		assert_equal "$(answers tsm-bind)" EIO
		assert_equal "$(sysfs tdi_state)" unknown
		says "bind: $problem"
		no_fault
		echo tsm0 >"$pci/devices/$dev/tsm/disconnect"
		[ "$fault" = error ] || says "disconnect: the device has no session"
		connect
		run client open tsm-bind tsm-unbind
		assert_equal "$(answers tsm-bind)$(answers tsm-unbind)" OKOK
	done <<-END
		mac TDISP: the answer cannot be decrypted
		silence TDISP: Input/output error
		error the device has answered TDISP request 0x83 with 0x7f
		long TDISP: the answer cannot be decrypted
	END
}

@test "doe: a device that loses its connection answers nothing, and works when it is plugged in again" {
	prepare
	fault lost@LOCK_INTERFACE_REQUEST
	run client open tsm-bind
	assert_equal "$(answers tsm-bind)" EIO
	says "bind: TDISP: Input/output error"
	assert_equal "$(sysfs state) $(sysfs tdi_state)" "closed unknown"
	no_fault
	# The disconnect ends the session in the firmware alone.
	echo tsm0 >"$pci/devices/$dev/tsm/disconnect"
	says "disconnect: the device has no session"
	fails_with "Input/output error" connect
	says "connect: VERSION: Input/output error"
	assert_equal "$(cat "$pci/devices/$dev/tsm/connect")" ""
	replug
	bars >"$control"
	prepare
	run client open tsm-bind tsm-unbind
	assert_equal "$(answers tsm-bind)$(answers tsm-unbind)" OKOK
}

@test "doe: a device that loses its connection while it is bound and connected can be pulled" {
	prepare
	hold
	fault lost@STOP_INTERFACE_REQUEST
	end_hold
	says "unbind: TDISP: Input/output error"
	assert_equal "$(sysfs state) $(sysfs tdi_state)" "quarantined unknown"
	replug
	says "disconnect: the device has no session"
	bars >"$control"
	: >"$capture"
	prepare
	assert_equal "$(sysfs state)" closed
	run client open tsm-bind tsm-unbind
	assert_equal "$(answers tsm-bind)$(answers tsm-unbind)" OKOK
	assert_equal "$(messages | grep -o 'GET_DEVICE_INTERFACE_STATE.*')" "GET_DEVICE_INTERFACE_STATE LOCK_INTERFACE_REQUEST STOP_INTERFACE_REQUEST"
}

@test "doe: while the firmware is dead, a bound TDI stays bound, its state is unknown, and requests fail" {
	prepare
	hold
	stop_firmware
	assert_equal "$(sysfs tdi_state)" unknown
	assert_equal "$(sysfs state)" bound
	fails_with "Input/output error" ask STATE
	# A new firmware does not have the session. So it cannot stop the TDI.
	start_firmware
	fails_with "Input/output error" ask STATE
	says "request: the device has no session"
	end_hold
	says "unbind: the device has no session"
	assert_equal "$(sysfs tdi_state)" unknown
	assert_equal "$(sysfs state)" quarantined
	# A new session ends the old one, with its TDIs. A bind stops the one in ERROR first.
	echo tsm0 >"$pci/devices/$dev/tsm/disconnect"
	says "disconnect: the device has no session"
	assert_equal "$(sysfs state)" quarantined
	connect
	assert_equal "$(sysfs state)" closed
	: >"$capture"
	run client open tsm-bind tsm-unbind
	assert_equal "$(answers tsm-bind)$(answers tsm-unbind)" OKOK
	assert_equal "$(messages)" "GET_DEVICE_INTERFACE_STATE STOP_INTERFACE_REQUEST LOCK_INTERFACE_REQUEST STOP_INTERFACE_REQUEST"
}

@test "doe: without a firmware, a connect fails at once" {
	stop_firmware
	fails_with "Input/output error" connect
	start_firmware
	connect
}

@test "doe: messages of the firmware that are not valid are refused, and one that never comes ends in time" {
	stop_firmware
	echo 2000 >/sys/module/tsm_sim/parameters/firmware_timeout_ms
	cat >"$BATS_TEST_TMPDIR/liar" <<-'END'
		open my $file, "+<", "/dev/tsm_sim_firmware" or die "$!";
		print "open\n"; $| = 1;
		open my $second, "+<", "/dev/tsm_sim_firmware" and die "opened twice";
		print "second: $!\n";
		sub say_write { my ($what, $message) = @_;
			print "$what: ", defined(syswrite $file, $message) ? "ok" : $!, "\n" }
		# size, type, command, device, function, result, value
		sub message { my ($type, $command, $result, $value, $data, $size) = @_;
			pack "VVQ<VVl<V a*", $size // 32 + length $data, $type, $command, 0, 0, $result, $value, $data }
		say_write "early", message(17, 1, 0, 0, "");
		sysread $file, my $command, 8192 or die "$!";
		my ($size, $type, $number) = unpack "VVQ<", $command;
		print "command: $type\n";
		say_write "short", "x" x 8;
		say_write "length", message(17, $number, 0, 0, "", 33);
		say_write "type", message(99, $number, 0, 0, "");
		say_write "a command", message(1, $number, 0, 0, "");
		say_write "stale", message(17, $number - 1, 0, 0, "");
		say_write "result", message(17, $number, 5, 0, "");
		say_write "state", message(17, $number, 0, 4, "");
		say_write "no object", message(16, $number, 0, 1, "");
		say_write "odd object", message(16, $number, 0, 1, "abc");
		say_write "DOE type", message(16, $number, 0, 0, "abcd");
		say_write "long", message(16, $number, 0, 1, "a" x 4604);
		say_write "longer", message(16, $number, 0, 1, "a" x 4608);
		# GET_VERSION; the device ignores what comes after it
		say_write "longest", message(16, $number, 0, 1, pack "a4600", "\x10\x84\0\0");
		sysread $file, my $answer, 8192 or die "$!";
		printf "answer: %d %d %02x\n", unpack "x4 V x16 l< x4 x C", $answer;
		print "end\n";
		<STDIN>;
	END
	coproc perl "$BATS_TEST_TMPDIR/liar" 2>&1
	read -r line <&"${COPROC[0]}"
	assert_equal "$line" open
	fails_with "Input/output error" connect
	output=
	while read -r line <&"${COPROC[0]}" && [ "$line" != end ]; do output+=$line$'\n'; done
	output=${output%$'\n'}
	assert_output "second: Device or resource busy
early: Stale file handle
command: 1
short: Invalid argument
length: Invalid argument
type: Invalid argument
a command: Invalid argument
stale: Stale file handle
result: Invalid argument
state: Invalid argument
no object: Invalid argument
odd object: Invalid argument
DOE type: Invalid argument
long: Message too long
longer: Message too long
longest: ok
answer: 6 0 04"
	echo >&"${COPROC[1]}"
	wait "$COPROC_PID"
	echo 60000 >/sys/module/tsm_sim/parameters/firmware_timeout_ms
	start_firmware
	connect
}
