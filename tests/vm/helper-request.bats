# SPDX-License-Identifier: GPL-2.0-or-later
# Requests of a guest through the service: a VMM passes its cdev file and a memfd.
# vm: --nvme 2
# kernels: normal oldest

# shellcheck disable=SC2154 # helpers.bash sets what is not set here
load helpers
load helper-service

setup_file() { load helpers; load_all; }
teardown_file() { load helpers; unload_all; }
setup() { prepare_service; }
teardown() {
	for knob in error_guest_req delay_guest_req_ms; do inject $knob 0; done
	clean_service
}

inject() { [ ! -e "$debugfs/$dev" ] || echo "$2" >"$debugfs/$dev/inject/$1"; }

# count SCOPE: requests and failures that the driver has counted
count() { sysfs requests | awk -v scope="$1" '$1 == scope { print $2, $3 }'; }

# guest CODE: runs CODE with the VMM's own file, as a thread of the VMM would have it
guest() {
	run timeout 300 python3 -c "
import ctypes, json, os, struct, sys, ask
path, device = '$sock', '$dev'
GET_VERSION, GET_REPORT, GET_STATE, START, STOP = 0x81, 0x84, 0x85, 0x86, 0x87
def file_of(pid):
    pidfd = os.pidfd_open(pid)
    for name in os.listdir('/proc/%d/fd' % pid):
        if os.readlink('/proc/%d/fd/%s' % (pid, name)).startswith('/dev/vfio/devices/'):
            return ctypes.CDLL(None).syscall(438, pidfd, int(name), 0)
cdev = file_of($vmm)
def be(uid):
    os.seteuid(0)
    os.setgroups([])
    os.seteuid(uid)
def message(kind, payload=b''):
    return bytes([0x10, kind, 0, 0]) + bytes.fromhex('000100000000000000000000') + payload
def tsm(kind, payload=b'', scope='info', room=256):
    said, response = ask.pass_request(path, cdev, message(kind, payload), room, scope, device)
    if not said['ok']: return said['error']['step'] + ' ' + said['error']['errno']
    assert len(response) == said['response_len'] and response[0] == 0x10, said
    return response[1], said['tsm_code'], response[16:]
def report():
    whole = b''
    while True:
        kind, code, portion = tsm(GET_REPORT, struct.pack('<HH', len(whole), 60))
        size, rest = struct.unpack('<HH', portion[:4])
        assert kind == 4 and code == '0x0' and len(portion) == 4 + size
        whole += portion[4:]
        if not rest: return whole
def state():
    return json.loads(ask.ask(path, ask.request('state', device), [cdev]))
$1"
	echo "$output"
}

@test "a VMM whose user may pass requests lets its guest start and stop the TDI" {
	echo '{"allow":[{"user":2001,"devices":["0000:01:*"],"requests":["state","request"]}]}' >"$config"
	serve
	vmm open "$(req bind)" "$ready" "$(wait_for_go)"
	assert_equal "$(sysfs tdi_state)" locked
	guest '
be(2001)
assert tsm(GET_VERSION) == (1, "0x0", b"\1\x10")
assert tsm(GET_STATE) == (5, "0x0", b"\1")
nonce = report()[-32:]
# A TDISP_ERROR is a response like others, with its code for the guest.
assert tsm(START, bytes(32), "state-change")[:2] == (0x7f, "0x102")
# The scope is the one that the VMM names, whatever the message is.
assert tsm(START, nonce, "info") == "pass request EPERM"
assert state()["tdi_state"] == "locked"
assert tsm(START, nonce, "state-change") == (6, "0x0", b"")
print(state()["state"], state()["tdi_state"])
assert tsm(GET_STATE) == (5, "0x0", b"\2")'
	assert_success
	assert_output "bound run"
	assert_equal "$(sysfs tdi_state) $(sim state)" "run RUN"
	assert_equal "$(count state-change)" "2 0"
	guest '
be(2001)
assert tsm(STOP, scope="state-change") == (7, "0x0", b"")
print(state()["state"], state()["tdi_state"])'
	assert_success
	assert_output "bound unlocked"
	go
	unharmed
}

@test "requests are refused by the configuration of the service, and by the policy" {
	echo '{"allow":[{"user":2001,"devices":["*"]},
		{"user":2002,"devices":["0000:02:*"],"requests":["request"]},
		{"user":2003,"devices":["*"],"requests":["request"]}]}' >"$config"
	serve
	vmm open "$(req bind)" "$ready" "$(wait_for_go)"
	guest '
for uid in (2001, 2002, 2009):
    be(uid)
    print(uid, tsm(GET_STATE))'
	assert_success
	assert_output "2001 permission EACCES
2002 permission EACCES
2009 permission EACCES"
	assert_equal "$(count info)" "0 0"
	for policy in none info; do
		set_attr guest_requests $policy
		guest '
be(2003)
print(tsm(GET_STATE), tsm(STOP, scope="state-change"))'
		assert_success
		echo "$policy $output" >>"$BATS_TEST_TMPDIR/policies"
	done
	run cat "$BATS_TEST_TMPDIR/policies"
	assert_output "none pass request EACCES pass request EACCES
info (5, '0x0', b'\\x01') pass request EACCES"
	assert_equal "$(sim state)" CONFIG_LOCKED
	go
	unharmed
}

@test "requests fail before a bind, after an unbind, and with the error of the TSM" {
	serve
	vmm open "$ready" "$(wait_for_go)"
	guest 'print(tsm(GET_STATE), state()["state"])'
	assert_output "pass request ENXIO open"
	guest '
print(json.loads(ask.ask(path, ask.request("bind", device), [cdev]))["state"], tsm(GET_STATE))
print(json.loads(ask.ask(path, ask.request("unbind", device), [cdev]))["state"], tsm(GET_STATE))
json.loads(ask.ask(path, ask.request("bind", device), [cdev]))'
	assert_output "bound (5, '0x0', b'\\x01')
open pass request ENXIO"
	inject error_guest_req 5
	guest 'print(tsm(GET_STATE))'
	assert_output "pass request EIO"
	inject error_guest_req 0
	guest 'print(tsm(GET_STATE, room=23), tsm(GET_STATE, room=24)[0], tsm(GET_STATE, room=1 << 20)[0])'
	assert_output "pass request ENOSPC 5 5"
	set_attr bound 0
	guest 'print(tsm(GET_STATE), state()["state"])'
	assert_output "pass request ENXIO open"
	go
	unharmed
}

@test "while the TSM works on a request, the service answers others, and the VMM can end" {
	serve
	vmm open "$(req bind)" "$ready" "$(wait_for_go)"
	inject delay_guest_req_ms 60000
	guest '
import socket
s = ask.connect(path)
fd = ask.memfd(message(GET_STATE), 64)
line = ask.request("request", device, scope="info", request_len=16, response_len=64)
socket.send_fds(s, [line], [cdev, fd])
while open("/sys/kernel/debug/tsm_sim/%s/inject/delayed" % device).read() != "guest_req\n": pass
print(state()["state"], json.loads(ask.ask(path, ask.request("state", "0000:02:00.0")))["error"]["errno"])
open("/sys/kernel/debug/tsm_sim/%s/inject/delay_guest_req_ms" % device, "w").write("0")
print(json.loads(ask.answer(s))["response_len"], os.pread(fd, 17, 0)[16])'
	assert_success
	assert_output "bound ENXIO
17 1"
	go
	unharmed
}

@test "the request of a client that is gone ends, and the service answers others meanwhile" {
	serve
	inject delay_guest_req_ms 60000
	# The TSM works on the VMM's own request, and the client's request waits for it.
	vmm open "$(req bind)" "bg:req:0:10850000000100000000000000000000" \
		"sh:until grep -q guest_req $debugfs/$dev/inject/delayed; do :; done" \
		"$ready" "$(wait_for_go)" bg-end
	guest '
import socket
def children(): return os.popen("pgrep -P '"$service"'").read().split()
def calls(): return [open("/proc/%s/syscall" % pid).read().split()[0] for pid in children()]
def delayed(): return open("/sys/kernel/debug/tsm_sim/%s/inject/delayed" % device).read().strip()
s = ask.connect(path)
line = ask.request("request", device, scope="info", request_len=16, response_len=64)
socket.send_fds(s, [line], [cdev, ask.memfd(message(GET_STATE), 64)])
while calls() != ["16"]: pass
print(tsm(GET_STATE), state()["state"])
s.close()
while children(): pass
print(delayed(), state()["state"])'
	assert_success
	assert_output "permission EBUSY bound
guest_req bound"
	inject delay_guest_req_ms 0
	go
	unharmed
}

@test "a memfd that the VMM shortens meanwhile causes an error or a response, and no harm" {
	serve
	vmm open "$(req bind)" "$ready" "$(wait_for_go)"
	guest '
import threading
fd = ask.memfd(message(GET_STATE), 1 << 20)
done = False
def change():
    while not done:
        os.ftruncate(fd, 0)
        os.pwrite(fd, message(GET_STATE).ljust(1 << 20, bytes(1)), 0)
thread = threading.Thread(target=change)
thread.start()
seen = {}
line = ask.request("request", device, scope="info", request_len=16, response_len=1 << 20)
for i in range(60):
    said = json.loads(ask.ask(path, line, [cdev, fd]))
    how = said["error"]["step"] + " " + said["error"]["errno"] if said["error"] else "OK"
    seen[how] = seen.get(how, 0) + 1
done = True
thread.join()
print(seen, file=sys.stderr)
assert not set(seen) - {"OK", "pass request EFAULT", "check buffer ENODATA"}, seen
assert tsm(GET_STATE)[2] == b"\1"'
	assert_success
	assert_equal "$(sim state)" CONFIG_LOCKED
	go
	unharmed
}

@test "a holder refuses requests, because it has no guest" {
	tsm-bind-helper --device "$dev" --run-dir $hold_dir >"$BATS_TEST_TMPDIR/said" 3>&- &
	eventually 1 grep -c bound "$BATS_TEST_TMPDIR/said"
	run python3 -c "import os, ask
line = ask.request('request', '$dev', scope='info', request_len=1, response_len=0)
print(ask.ask('$hold_dir/$dev.sock', line, [os.open('/dev/null', os.O_RDWR), ask.memfd(b'x')]))"
	assert_output --partial '"state":"bound"'
	assert_output --partial '"step":"request","errno":"EOPNOTSUPP"'
	assert_equal "$(count info)" "0 0"
}
