# SPDX-License-Identifier: GPL-2.0-or-later
# Everything at once, at random, on a device that is bound most of the time. The TSM
# sees no violation, the TSM and the driver agree on what is bound, nothing hangs, and the
# kernel log stays clean. The victim has a sibling in its slot, on its bus, and in its
# IOMMU group. Another module of the kernel binds both at times.
# vm: --nvme 0 --cpus 2 --qemu -device --qemu pcie-root-port,id=rpa,bus=pcie.0,addr=0x10,chassis=60,slot=60 --qemu -device --qemu nvme,serial=victim,bus=rpa,addr=0.0,multifunction=on --qemu -device --qemu nvme,serial=sibling,bus=rpa,addr=0.1

# shellcheck disable=SC2154 # helpers.bash sets what is not set here
load helpers

setup_file() { load helpers; load_all; modprobe -a other_bind reset_flags; }
teardown_file() { load helpers; modprobe -r other_bind reset_flags; unload_all; }

setup() {
	dev=0000:02:00.0
	sibling=0000:02:00.1
	prepare "$dev"
	assign "$sibling"
}
teardown() { cleanup "$sibling"; }

# attack OPTION...: attacks the device, with its sibling
attack() { vfio-attack "$@" "$dev" "$sibling"; }

# counts OUTPUT: how often each operation was done, with any result
counts() { awk '$2 == "unbound" { name = $1; n[name] += $3 } $1 == "bound" { n[name] += $2 }
	END { for (name in n) print name, n[name] }' <<<"$1" | sort; }

@test "the same seed as in every run finds no fault" {
	run attack --seed 20261 --seconds 20
	assert_success
	assert_line --index 0 "seed 0x4f25, 6 threads"
	assert_line --index 1 "mate $sibling: slot bus dsm group"
	assert_line --partial ", no violation"
}

@test "a seed and a number of operations determine what each thread does" {
	local first
	run attack --seed 7 --operations 40 --threads 3 --without resets
	assert_success
	first=$(counts "$output")
	run attack --seed 7 --operations 40 --threads 3 --without resets
	assert_success
	assert_equal "$(counts "$output")" "$first"
	[ "$(awk '{ n += $2 } END { print n }' <<<"$first")" = 120 ]
	run attack --seed 8 --operations 40 --threads 3 --without resets
	[ "$(counts "$output")" != "$first" ]
}

@test "a loss by something that cannot be refused is not a failure" {
	run attack --only forced,bind,open --operations 20
	assert_success
	assert_line --regexp '^forced-config'
}

@test "a violation is found and reported with the seed and the last operations" {
	local pid
	# Root writes to configuration space, and the program does not know of it.
	attack --seed 5 --only bind,open,config-read --seconds 60 >"$BATS_TEST_TMPDIR/out" &
	pid=$!
	while kill -0 "$pid" 2>/dev/null; do
		printf '\0\0' | dd of="$pci/devices/$dev/config" bs=1 seek=4 conv=notrunc status=none
	done
	run wait "$pid"
	assert_equal "$status" 1
	run cat "$BATS_TEST_TMPDIR/out"
	assert_line --regexp '^FAILED: the TSM saw a violation'
	assert_line --regexp 'TDI in ERROR: Command was 0x6, is 0'
	assert_line "seed 0x5, 6 threads"
	assert_line --regexp '^  0\.[0-9]+ (bound|open ) (bind|open|config-read)'
}

@test "a TDI that the TSM keeps locked after the driver's unbind is found" {
	echo 5 >"$debugfs/$dev/inject/error_unbind"
	run -1 attack --only bind,unbind,open --threads 1 --seconds 60
	echo 0 >"$debugfs/$dev/inject/error_unbind"
	assert_line --partial "FAILED: $dev: the books differ, "
	assert_line "the TSM: CONFIG_LOCKED"
	assert_line "the driver: open"
}

@test "a guest's requests have every result, and none reaches the TSM in another bind" {
	run attack --only requests,lifecycle,revoke,disconnect,connect --seed 13 --seconds 30 --until \
		request=OK,request-start=OK,request-start=EKEYREJECTED,request-start=EPERM,request-late=OK,request-late=ENXIO,request-stop=OK,request-memory=EFAULT,request-random=E2BIG,request-policy=OK,request-delay=EREMOTEIO,tsm-info=OK,tsm-event=OK,event-revoke=OK,books=stopped
	assert_success
	assert_line --partial ", no violation"
	assert_line --regexp ', stopped at [1-9]'
}

@test "a TDI that the TSM has unlocked while the driver has it bound is found" {
	local pid
	attack --only bind,open,request --seed 5 --seconds 60 >"$BATS_TEST_TMPDIR/out" &
	pid=$!
	# STOP_INTERFACE_REQUEST, but not through the device's file
	while kill -0 "$pid" 2>/dev/null; do
		printf '\x10\x87\0\0\0\x02\0\0\0\0\0\0\0\0\0\0' >"$debugfs/$dev/tdisp" || true
	done
	run wait "$pid"
	assert_equal "$status" 1
	run cat "$BATS_TEST_TMPDIR/out"
	assert_line "FAILED: $dev: the books differ, and nothing was at work"
	assert_line "the TSM: CONFIG_UNLOCKED"
	assert_line "the driver: bound"
}

@test "a result of --until that never comes is a failure" {
	run -1 attack --only config-read --seconds 1 --until config-read=OK,config-read=ENOSPC
	assert_line "FAILED: never seen: config-read=ENOSPC"
}

@test "wrong usage exits with status 2" {
	run -2 vfio-attack
	run -2 attack --only nothing
	run -2 attack --seconds 0
	run -2 attack --until bind=EVERYTHING
	run -2 attack --until nothing=OK
	run -2 attack --until books=nothing
	run -2 attack --threads 65
	run -0 vfio-attack --list
	assert_line --regexp '^config-race +config +[0-9]+$'
}
