# SPDX-License-Identifier: GPL-2.0-or-later
# tsm-bind-helper is killed at every step, and gets requests that are almost valid.
# vm: --nvme 2
# long: dozens of helpers, a thousand requests
# kernels: debug

# shellcheck disable=SC2154 # helpers.bash and helper-service.bash set what is not set here
load helpers
load helper-service

setup_file() { load helpers; load_all; }
teardown_file() { load helpers; unload_all; }
setup() { prepare_service; }
teardown() { clean_service; }

@test "a helper that is killed at any step leaves the device bound or open, and the VMM goes on" {
	vmm open "$ready" "$(wait_for_go)"
	before=$(files)
	for mode in bind unbind; do
		for call in pidfd_open openat pidfd_getfd capset ioctl write; do
			for n in 1 2; do
				run timeout -k 5 60 strace -o /dev/null -e "inject=$call:signal=KILL:when=$n" \
					tsm-bind-helper --device "$dev" --pid "$vmm" $mode
				assert_regex "$(attr state)" '^(open|bound)$'
				assert_equal "$(attr owner)" "$vmm"
			done
		done
		assert_equal "$(files)" "$before"
	done
	helper bind --pid "$vmm"
	assert_regex "$status" '^[06]$'
	helper unbind --pid "$vmm"
	assert_success
	assert_equal "$(attr state)" open
	go
	assert_equal "$(attr state)" closed
	assert_equal "$(sim violations)" 0
}

@test "1,000 malformed requests with the device's file bind nothing" {
	serve
	run timeout 900 python3 -c '
import glob, os, random, socket, sys, ask
random.seed(11)
dev, path = sys.argv[1], os.environ["sock"]
f = os.open("/dev/vfio/devices/" + os.path.basename(glob.glob("/sys/bus/pci/devices/%s/vfio-dev/vfio*" % dev)[0]), os.O_RDWR)
good = ask.request("bind", dev)
for i in range(1000):
    line = bytearray(good)
    for j in range(random.randint(1, 4)):
        at = random.randrange(len(line))
        line[at:at + random.randint(0, 3)] = bytes(random.choices(b"{}[]\",:0123456789bindue\\\n", k=random.randint(0, 3)))
    s = ask.connect(path)
    try: socket.send_fds(s, [bytes(line)], [f] * random.choice([1, 1, 1, 2, 100]))
    except (BrokenPipeError, ConnectionResetError): pass
    s.shutdown(socket.SHUT_WR)
    if random.randrange(5): ask.answer(s)
    s.close()' "$dev"
	assert_success
	unharmed
	assert_equal "$(sysfs bind_count)" 0
}

@test "a holder that is killed at any step of its start or end leaves the device closed and unlocked" {
	killed=0
	for step in ioctl:{1..14} openat:{10,20,30} flock:1 bind:1 capset:1 seccomp:1 write:{2,3} unlinkat:1; do
		strace -D -o /dev/null -e "inject=${step%:*}:signal=KILL:when=${step#*:}" tsm-bind-helper \
			--device "$dev" --run-dir $hold_dir >"$BATS_TEST_TMPDIR/said" 3>&- &
		helper=$!
		eventually y eval '! kill -0 "$helper" 2>/dev/null && echo y ||
			{ grep -q bound "$BATS_TEST_TMPDIR/said" && echo y; }'
		kill -TERM "$helper" 2>/dev/null || true
		rc=0
		wait "$helper" || rc=$?
		[ "$rc" -ne 137 ] || killed=$((killed + 1))
		eventually closed attr state
		assert_equal "$(sim state)" CONFIG_UNLOCKED
	done
	# Most of these steps exist.
	[ "$killed" -ge 16 ] || fail "killed only at $killed steps"
	assert_equal "$(sim violations)" 0
	tsm-bind-helper --device "$dev" --run-dir $hold_dir >"$BATS_TEST_TMPDIR/said" 3>&- &
	eventually bound attr state
	kill -TERM $!
	wait $!
}
