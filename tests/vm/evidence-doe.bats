# SPDX-License-Identifier: GPL-2.0-or-later
# Evidence of a device over its DOE mailbox: it is signed over the nonce, and OpenSSL verifies
# it. It is forgotten when it is not valid any more. A firmware that lies, is slow or dies does
# no harm.
# vm: --dsm --timeout 1800

# shellcheck disable=SC2154,SC2034 # helpers.bash sets what is not set here
load helpers
load doe

files=$pci/devices/$dev/vfio_tsm_evidence
parts="cert0 vca measurements report"

setup_file() { load helpers; load doe; doe_load; }
teardown_file() { load helpers; unload_all; }

setup() {
	no_fault
	nonce=$(openssl rand -hex 32)
}
teardown() { doe_end; }

# begin: a device that is connected, with the firmware
begin() {
	start_firmware
	prepare
}

ask() { echo "$1" >"$files/nonce"; }

# ask_later NONCE: writes a nonce in the background. answered WANT: it has ended: 0, or its error
ask_later() {
	ask "$1" 3>&- 2>"$BATS_TEST_TMPDIR/asked" &
	asker=$!
}
answered() {
	local rc=0
	wait "$asker" || rc=$?
	[ $rc -eq 0 ] || rc=$(sed 's/.*: //' "$BATS_TEST_TMPDIR/asked")
	assert_equal "$rc" "$1"
}

# ended_with STATUS PID: the exit status of a process in the background
ended_with() {
	local rc=0
	wait "$2" || rc=$?
	assert_equal $rc "$1"
}

evidence() { content "$files/$1"; }
sizes() { for part in $parts; do wc -c <"$files/$part"; done | xargs; }

# save: copies the files to $saved, and reads the generation
save() {
	saved=$BATS_TEST_TMPDIR/saved
	mkdir -p "$saved"
	for part in $parts; do cat "$files/$part" >"$saved/$part"; done
	generation=$(evidence generation)
}

# nothing: there is no evidence, and the generation has changed since save
nothing() {
	assert_equal "$(sizes)" "0 0 0 0"
	assert_equal "$(evidence nonce)" ""
	[ "$(evidence generation)" != "$generation" ]
}

verify() { "$top/tests/tools/dsm/verify-evidence" "$top/build/dsm/certs/root.der" "$saved" "$1"; }

digest() { printf 'tsm-dsm measurement %s' "$1" | sha384sum | cut -d ' ' -f 1; }

@test "evidence: the device signs its measurements over the nonce, and OpenSSL verifies chain and signature" {
	begin
	assert_equal "$(sizes)" "0 0 0 0"
	ask "$nonce"
	assert_equal "$(evidence nonce)" "$nonce"
	save
	run -0 verify "$nonce"
	assert_output "$(for block in 1 2 3 4; do echo "$block $(digest $block)"; done)"
	# The nonce is in the request, after its header.
	assert_equal "$(od -An -v -tx1 -j 4 -N 32 "$saved/measurements" | tr -d ' \n')" "$nonce"
	assert_equal "$(wc -c <"$saved/report")" 0
}

@test "evidence: with another nonce the device signs anew, and the old messages are not good for it" {
	begin
	ask "$nonce"
	save
	first=$generation
	other=$(openssl rand -hex 32)
	cp "$saved/measurements" "$BATS_TEST_TMPDIR/replayed"
	ask "${other^^}"
	assert_equal "$(evidence nonce)" "$other"
	save
	[ "$generation" != "$first" ]
	run ! cmp "$saved/measurements" "$BATS_TEST_TMPDIR/replayed"
	run -0 verify "$other"
	cp "$BATS_TEST_TMPDIR/replayed" "$saved/measurements"
	run -1 verify "$other"
	assert_output --partial "another nonce"
}

@test "evidence: a TDI that is locked or runs has a report, which goes with the unbind, and the rest stays" {
	begin
	ask "$nonce"
	hold
	assert_equal "$(sizes | cut -d ' ' -f 4)" 0
	ask "$nonce"
	save
	# number of ranges at 8; then the first page of BAR 0, little endian
	first=$(($(head -n 1 "$pci/devices/$dev/resource" | cut -d ' ' -f 1) >> 12))
	assert_equal "$(od -An -tu8 -j 16 -N 8 "$saved/report" | xargs)" $first
	echo RUN >"$debugfs/$dev/guest_request"
	assert_equal "$(sim state)" RUN
	cmp "$files/report" "$saved/report"
	assert_equal "$(evidence generation)" "$generation"
	end_hold
	[ "$(evidence generation)" != "$generation" ]
	assert_equal "$(wc -c <"$files/report")" 0
	cmp "$files/measurements" "$saved/measurements"
	assert_equal "$(evidence nonce)" "$nonce"
}

@test "evidence: it is forgotten at the disconnect, and then there is none" {
	begin
	ask "$nonce"
	save
	echo tsm0 >"$pci/devices/$dev/tsm/disconnect"
	nothing
	fails_with "Transport endpoint is not connected" ask "$nonce"
	connect
	nothing
	ask "$nonce"
	assert_equal "$(evidence nonce)" "$nonce"
}

@test "evidence: it is forgotten when the firmware dies, and a new connection has it again" {
	begin
	ask "$nonce"
	save
	stop_firmware
	nothing
	fails_with "Input/output error" ask "$nonce"
	start_firmware
	fails_with "Input/output error" ask "$nonce"
	says "evidence: the device has no session"
	echo tsm0 >"$pci/devices/$dev/tsm/disconnect"
	says "disconnect: the device has no session"
	connect
	ask "$nonce"
	assert_equal "$(evidence nonce)" "$nonce"
}

@test "evidence: a measurement that has changed is signed as it is" {
	begin
	fault measurement
	ask "$nonce"
	save
	run -0 verify "$nonce"
	assert_line --index 0 "1 $(digest 1)"
	assert_line --index 1 "2 $(digest '2, changed')"
}

@test "evidence: after a wrong signature the old evidence stays, and a wrong MAC ends the session" {
	begin
	ask "$nonce"
	save
	other=$(openssl rand -hex 32)
	fault signature@GET_MEASUREMENTS
	fails_with "Bad message" ask "$other"
	says "evidence: MEASUREMENTS: a certificate or signature is wrong"
	assert_equal "$(evidence generation)" "$generation"
	assert_equal "$(evidence nonce)" "$nonce"
	cmp "$files/measurements" "$saved/measurements"
	no_fault
	ask "$other"
	assert_equal "$(evidence nonce)" "$other"
	fault mac@GET_MEASUREMENTS
	fails_with "Bad message" ask "$nonce"
	says "evidence: MEASUREMENTS: the answer cannot be decrypted"
	no_fault
	fails_with "Input/output error" ask "$nonce"
	says "evidence: the device has no session"
	echo tsm0 >"$pci/devices/$dev/tsm/disconnect"
	connect
	ask "$nonce"
}

# reader LOG: a reader in the background, until the file $end is there. It prints each generation
# that it has seen as a whole, with the nonce, and a line "fault" if files that have one generation
# do not belong together.
reader() {
	perl -e '
		my ($files, $end) = @ARGV;
		$| = 1;
		sub text { local $/; open my $file, "<", "$files/$_[0]" or die "$_[0]: $!"; <$file> // "" }
		for (my $last = ""; !-e $end;) {
			my $generation = text("generation");
			my ($nonce, $measurements, @more) = map { text($_) } qw(nonce measurements vca cert0);
			next if text("generation") ne $generation;
			chomp $nonce;
			my $parts = grep { length } $measurements, @more;
			print "fault $generation" if $parts != (length $nonce ? 3 : 0) or
				length $nonce && $nonce ne unpack "x4 H64", $measurements;
			print "$nonce $generation" if $generation ne $last;
			$last = $generation;
		}' "$files" "$end" >"$1" 3>&- &
	readers+=($!)
}

@test "evidence: readers see whose nonce is signed, while two write nonces, and while a disconnect runs" {
	local end=$BATS_TEST_TMPDIR/end log=$BATS_TEST_TMPDIR/read readers=() nonces writers ok round i
	begin
	reader "$log-1"
	reader "$log-2"
	for round in 1 2; do
		nonces=("$(openssl rand -hex 32)" "$(openssl rand -hex 32)") writers=() ok=''
		for other in "${nonces[@]}"; do
			ask "$other" 3>&- 2>>"$BATS_TEST_TMPDIR/refused" &
			writers+=($!)
		done
		for i in 0 1; do ! wait "${writers[i]}" || ok+=" ${nonces[i]}"; done
		# The one that failed has changed nothing.
		nonce=$(evidence nonce)
		assert_equal ${#nonce} 64
		assert_regex "$ok" "$nonce"
		eventually 2 eval 'cat "$log"-* | grep -c "^$nonce $(evidence generation)$"'

		ask "$nonce" 3>&- 2>>"$BATS_TEST_TMPDIR/refused" &
		echo tsm0 >"$pci/devices/$dev/tsm/disconnect"
		wait $! || true
		eventually 2 eval 'cat "$log"-* | grep -c "^ $(evidence generation)$"'
		connect
	done
	touch "$end"
	wait "${readers[@]}"
	run -1 grep -h fault "$log-1" "$log-2"
	run ! grep -vE "Device or resource busy|not connected|Input/output error" "$BATS_TEST_TMPDIR/refused"
}

# lie WANT VERB...: one thing that the fake firmware does in a command for evidence. WANT is
# what it prints; then the command has failed. A new connection is not needed.
lie() {
	ask_later "$nonce"
	fake "7 0 0 $nonce" next
	fake "$@"
	fake '*' 'done' 0
	answered "$lie_ends"
}

@test "evidence: parts that are too long, or are not parts, are refused; the longest ones are shown" {
	start_fake
	assign
	# In another command there are no parts.
	connect 3>&- 2>/dev/null &
	fake '1 0 0' next
	fake ok part 0 4
	ended_with 1 $!
	fake_connect
	# The message has no effect, and the command goes on.
	lie_ends=0
	lie "Invalid argument" part 4 16
	lie "Invalid argument" part 4294967295 16
	lie "Invalid argument" part 0 0
	lie "Invalid argument" part 0 16 -5
	lie "Message too long" part 0 4601
	assert_equal "$(sizes)" "0 0 0 0"
	save
	# The command has failed, and its end comes late.
	lie_ends="Input/output error"
	lie ok part 1 1025
	lie ok part 3 4097
	lie ok 'done' 0 4
	lie ok 'done' -22
	lie_ends="Bad message"
	lie ok 'done' -74
	# 4 * 4096 is the limit of a chain; then one byte more
	for more in 1 0; do
		ask_later "$nonce"
		fake "7 0 0 $nonce" next
		for i in 1 2 3 4; do
			fake ok part 0 4096
			fake '6 0 0' next
		done
		[ $more -eq 0 ] || { fake ok part 0 1; answered "Input/output error"; continue; }
		fake ok part 1 1024
		fake '6 0 0' next
		fake ok part 3 4096
		fake '6 0 0' next
		fake ok 'done' 0
		answered 0
	done
	assert_equal "$(sizes)" "16384 1024 0 4096"
	assert_equal "$(tr -d a <"$files/cert0" | wc -c)$(tr -d b <"$files/vca" | wc -c)$(tr -d d <"$files/report" | wc -c)" 000
	[ "$(evidence generation)" != "$generation" ]
}

@test "evidence: while the TSM works, another write fails, readers do not wait, and a writer can be killed" {
	start_fake
	assign
	fake_connect
	ask_later "$nonce"
	fake "7 0 0 $nonce" next
	fails_with "Device or resource busy" ask "$(openssl rand -hex 32)"
	assert_equal "$(evidence nonce)$(evidence generation)$(sizes)" "$(evidence generation)0 0 0 0"
	assert_equal "$(sysfs state)" closed
	kill -KILL "$asker"
	ended_with 137 "$asker"
	# The TSM still works for it.
	fails_with "Device or resource busy" ask "$nonce"
	fake ok part 1 6
	fake '6 0 0' next
	fake ok 'done' 0
	eventually "$nonce" evidence nonce
	assert_equal "$(sizes)" "0 6 0 0"
}

@test "evidence: the function leaves the driver while the TSM works: the write ends, and nothing is shown later" {
	start_fake
	assign
	fake_connect
	ask_later "$nonce"
	fake "7 0 0 $nonce" next
	echo "$dev" >"$pci/drivers/vfio-pci-tsm/unbind"
	[ ! -e "$files" ]
	answered "No such device"
	assign
	fails_with "Device or resource busy" ask "$nonce"
	fake ok part 0 16
	fake '6 0 0' next
	fake ok 'done' 0
	stop_fake
	is_idle() {
		run -1 ask "$nonce"
		[[ $output = *"Input/output error" ]]
	}
	wait_for 30 is_idle
	assert_equal "$(sizes)" "0 0 0 0"
	assert_equal "$(evidence nonce)" ""
}

@test "evidence: a disconnect waits for the TSM, and the evidence of its session is not shown" {
	start_fake
	assign
	fake_connect
	ask_later "$nonce"
	fake "7 0 0 $nonce" next
	echo tsm0 >"$pci/devices/$dev/tsm/disconnect" 3>&- &
	disconnect=$!
	fake ok part 0 16
	fake '6 0 0' next
	fake ok 'done' 0
	# The disconnect is the next command.
	fake '2 0 0' next
	fake ok 'done' 0
	wait $disconnect
	wait "$asker" || true
	assert_equal "$(sizes)" "0 0 0 0"
	assert_equal "$(evidence nonce)" ""
	fails_with "Transport endpoint is not connected" ask "$nonce"
}

@test "evidence: a firmware that dies while it works fails the write, and one that never answers does in time" {
	start_fake
	assign
	fake_connect
	ask_later "$nonce"
	fake "7 0 0 $nonce" next
	fake ok part 0 16
	stop_fake
	answered "Input/output error"
	assert_equal "$(sizes)" "0 0 0 0"
	start_fake
	echo 1000 >/sys/module/tsm_sim/parameters/firmware_timeout_ms
	fails_with "Input/output error" ask "$nonce"
	echo 60000 >/sys/module/tsm_sim/parameters/firmware_timeout_ms
}
