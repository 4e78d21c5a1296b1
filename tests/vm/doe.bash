# SPDX-License-Identifier: GPL-2.0-or-later
# For the tests of tsm_sim with transport=doe: the emulated device, its faults, and the
# firmware. "load helpers" comes first.

control=/run/keep/dsm
capture=/run/keep/capture
tsm_dsm=$top/build/dsm/tsm-dsm

# bats needs the functions of a set-up in each file. These have what is the same in all of them.

# doe_load [DEVICES [LIMIT]]: loads everything; a command of the firmware may take LIMIT ms
doe_load() { load_all "${1:-$dev}" transport=doe "firmware_timeout_ms=${2:-60000}"; }

# doe_begin: a device without a fault, an empty capture, and the firmware
doe_begin() {
	no_fault
	: >"$capture"
	start_firmware
}

# doe_end: undoes what a test has begun. If a test has failed between a fault "lost", or a pull,
# and the plug, the device is plugged in again, because the next test needs it.
doe_end() {
	[ ! -e "$pci/devices/$dev" ] || no_fault
	stop_fake
	if [ -n "$lost" ]; then
		kill_holders
		replug
		no_fault
	fi
	cleanup
	stop_firmware
}

# function_id [DEVICE]: prints its requester ID, as the firmware reports it
function_id() {
	local bus slot number
	IFS=:. read -r _ bus slot number <<<"${1:-$dev}"
	printf '%04x\n' $((0x$bus << 8 | 0x$slot << 3 | number))
}

# bars_of DEVICE: prints the lines of the control file for the BARs of a function
bars_of() {
	local first last flags bar=0 id
	id=$(function_id "$1")
	while read -r first last flags && [ $bar -lt 6 ]; do
		[ $((flags & 0x200)) -eq 0 ] || [ $((last)) -eq 0 ] ||
			printf 'bar %s:%x:%x:%x\n' "$id" $bar $((first)) $((last - first + 1))
		bar=$((bar + 1))
	done <"$pci/devices/$1/resource"
}
bars() { bars_of "$dev"; }

# whether the device has to be plugged in again before it works
lost=
fault() {
	[[ $1 != lost* ]] || lost=y
	{ bars; echo "fault $1"; } >"$control"
}
no_fault() { bars >"$control"; }

start_firmware() {
	mkfifo "$BATS_TEST_TMPDIR/says"
	tsm-sim-firmware --root "$top/build/dsm/certs/root.der" 2>"$BATS_TEST_TMPDIR/says" 3>&- &
	firmware=$!
	exec 7<"$BATS_TEST_TMPDIR/says"
	rm "$BATS_TEST_TMPDIR/says"
	read -r line <&7
	assert_equal "$line" "tsm-sim-firmware: ready"
}

stop_firmware() {
	[ -n "$firmware" ] || return 0
	kill -KILL "$firmware" 2>/dev/null || true
	wait "$firmware" 2>/dev/null || true
	exec 7<&-
	firmware=
}

# replug: pulls the device, and plugs it in again. The emulated device connects to tsm-dsm only
# when it is plugged in.
replug() {
	in_slot() { [[ $("$top/tests/bed/monitor" info qtree) != *'id "nvme0"'* ]] || echo yes; }
	lost=y
	[ -z "$(in_slot)" ] || "$top/tests/bed/monitor" device_del nvme0
	eventually '' in_slot
	"$top/tests/bed/monitor" device_add \
		"nvme,id=nvme0,bus=rp0,drive=drive0,serial=nvme0,spdm_port=${TSMCTL_VM_SPDM_PORT:?}"
	wait_for 60 [ -e "$pci/devices/$dev/tsm/connect" ]
	lost=
}

# says TEXT [DEVICE]: the firmware reports that
says() {
	read -r -t 60 line <&7 || fail "the firmware has not reported: $1"
	assert_equal "$line" "tsm-sim-firmware: $(function_id "${2:-$dev}"): $1"
}

# fails_with ERROR COMMAND...: an error of a write of the shell
fails_with() {
	run -1 "${@:2}"
	assert_output --partial "$1"
}

# hold: binds the device until end_hold, or the end of the test
hold() {
	mkfifo "$BATS_TEST_TMPDIR/go"
	vfio-client "$dev" open tsm-bind "sh:read -r _ <$BATS_TEST_TMPDIR/go" tsm-unbind 3>&- >"$BATS_TEST_TMPDIR/out" &
	holder=$!
	eventually CONFIG_LOCKED sim state
}
end_hold() {
	echo >"$BATS_TEST_TMPDIR/go"
	wait "$holder" || true
}

# start_fake: starts a firmware that does what fake tells it
start_fake() {
	cat >"$BATS_TEST_TMPDIR/fake" <<-'END'
		open my $file, "+<", "/dev/tsm_sim_firmware" or die "$!";
		$| = 1;
		print "open\n";
		my $number = 0;
		# type, result, value, data
		sub send_message { my ($type, $result, $value, $data) = @_;
			my $message = pack "VVQ<VVl<V a*", 32 + length $data, $type, $number, 0, 0, $result, $value, $data;
			print defined(syswrite $file, $message) ? "ok" : "$!", "\n" }
		while (my ($verb, @words) = split " ", <STDIN> // "") {
			if ($verb eq "next") {
				sysread $file, my $message, 8192 or die "$!";
				(my ($size, $type), $number, my ($device, $function, $result, $value)) = unpack "VVQ<VVl<V", $message;
				print join(" ", $type, $result, $value, unpack "H*", substr $message, 32), "\n";
			} elsif ($verb eq "part") {
				send_message(18, $words[2] // 0, $words[0], chr(97 + $words[0] % 26) x $words[1]);
			} elsif ($verb eq "done") {
				send_message(17, $words[0], $words[2] // 0, "d" x ($words[1] // 0));
			}
		}
	END
	coproc perl "$BATS_TEST_TMPDIR/fake" 2>&1
	fake_pid=$COPROC_PID
	read -r said <&"${COPROC[0]}"
	assert_equal "$said" open
}

stop_fake() {
	[ -n "$fake_pid" ] || return 0
	kill -KILL "$fake_pid" 2>/dev/null || true
	wait "$fake_pid" 2>/dev/null || true
	fake_pid=
}

# fake WANT VERB...: the fake firmware does one thing; WANT is the pattern of what it prints
#
#   next               reads the next message: type, result, value, data in hexadecimal
#   part PART LENGTH   sends a PART of that many bytes, which are a, b, c or d
#   done RESULT [LENGTH [STATE]]  ends the command, with that many bytes; STATE is that of the TDI
fake() {
	echo "${*:2}" >&"${COPROC[1]}"
	read -r -t 60 said <&"${COPROC[0]}" || fail "the fake firmware still waits in ${*:2}"
	# shellcheck disable=SC2053 # a pattern
	[[ $said = $1 ]] || fail "'$said' is not '$1' after ${*:2}"
}

# fake_connect: connects the device with the fake firmware
fake_connect() {
	connect 3>&- &
	fake '1 0 0' next
	fake ok 'done' 0
	wait $!
}
