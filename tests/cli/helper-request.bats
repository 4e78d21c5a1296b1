#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2013,SC2016,SC2030,SC2031,SC2154
# tsm-bind-helper serve: requests of guests. /dev/null plays the cdev: ENOTTY shows that an
# ioctl was issued. fake-stall.c plays the TSM.
# as root: only root can be several users
# both: with sanitizers, seccomp only logs
bats_require_minimum_version 1.5.0
load helpers
load socket

setup_file() { build_preload stall; }

setup() {
	socket_host
	echo locked > "$DEV/vfio_tsm/tdi_state"
	echo 0 > "$BATS_TEST_TMPDIR/result"
}

teardown() { end_service; }

# serve_with VARIABLE...: starts the service with these variables for fake-stall.c
serve_with() {
	serve env "LD_PRELOAD=$BATS_RUN_TMPDIR/stall.so" \
		"ASAN_OPTIONS=${ASAN_OPTIONS:-}:verify_asan_link_order=0" "$@"
}
serve_tsm() { serve_with "REQUESTS=$BATS_TEST_TMPDIR/result"; }

# each_refused STEP ERRNO: each line of the output is this error
each_refused() {
	assert_success
	[ ${#lines[@]} -gt 0 ]
	for output in "${lines[@]}"; do refused "$@" state open response_len "" tsm_code ""; done
}

@test "request: is passed to the TSM, and the response replaces it in the memfd" {
	serve_tsm
	count_files
	python '
for scope in ("info", "state-change"):
    said, response = ask.pass_request(path, cdev, bytes(range(16)), 64, scope)
    assert response == bytes(255 - i for i in range(16)), response
    print(json.dumps(said, separators=(",", ":")))
# as much as fits into the length that the client has sent
said, response = ask.pass_request(path, cdev, bytes(range(16)), 5)
assert response == bytes([255, 254, 253, 252, 251]), response
said, response = ask.pass_request(path, cdev, b"x", 0)
assert said["ok"] and said["response_len"] == 0 and not response, said'
	assert_success
	output=${lines[0]}
	answer_is ok true request request device 0000:01:00.0 state open tdi_state locked \
		response_len 16 tsm_code 0xfedcba9876543210
	output=${lines[1]}
	answer_is ok true tsm_code 0xfedcba9876543211
	# they are not logged, because a guest could fill the journal
	run grep -c '"event":"request"' "$SHORT/log"
	assert_output 0
	unharmed
}

@test "request: request and response may have 1 MiB each; bytes after the response stay" {
	serve_tsm
	count_files
	python '
data = os.urandom(1 << 20)
said, response = ask.pass_request(path, cdev, data, 1 << 20)
assert said["ok"] and said["response_len"] == 1 << 20, said
assert response == bytes(b ^ 255 for b in data)
fd = ask.memfd(b"A" * 100)
said = json.loads(ask.ask(path, ask.request("request", scope="info", request_len=50, response_len=40), [cdev, fd]))
assert said["response_len"] == 40 and os.pread(fd, 100, 0) == b"\xbe" * 40 + b"A" * 60, said'
	assert_success
	unharmed
}

@test "request: an error has a message, a hint, and the code of the TSM" {
	serve_tsm
	while IFS='|' read -r last name message hint; do
		echo "$last" > "$BATS_TEST_TMPDIR/result"
		python 'print(ask.ask(path, line, [cdev, ask.memfd(b"", 64)]), end="")'
		refused "pass request" "$name" state open response_len "" tsm_code 0xfedcba9876543210
		[[ $output == *"\"message\":\"$message"*"\"hint\":"*"$hint"* ]] || fail "$last: $output"
	done <<- 'EOF'
		-6|ENXIO|it is not bound, or was unbound meanwhile|ask for its state
		-95|EOPNOTSUPP|a TSM of this host takes no requests of guests|TSM driver
		-13|EACCES|its policy, or the TSM, does not allow such a request|tsmctl requests 0000:01:00.0 all
		-1|EPERM|the TSM refused|state-change
		-25|ENOTTY|its driver takes no requests of guests|tsmctl assign 0000:01:00.0
		-14|EFAULT|the memfd was changed meanwhile, and the TSM may have done|do not change the memfd
		-28|ENOSPC|pass request: No space left on device|
		-4|EINTR|pass request: Interrupted system call|
	EOF
}

@test "request: a file that cannot be its buffer is refused, and the error has the reason" {
	serve_tsm
	count_files
	python '
def fails(*files): print(ask.ask(path, line, list(files)), end="")
fails(cdev)
fails()'
	output=${lines[0]}
	refused "check buffer" EBADF
	output=${lines[1]}
	refused "check file" EBADF
	python '
def fails(*files): print(ask.ask(path, line, [cdev, *files]), end="")
fails(cdev)
fails(os.open("/dev/zero", os.O_RDWR))
fails(os.open("/", os.O_RDONLY))
fails(os.open("/proc/self/mem", os.O_RDWR))
fails(os.open("/proc/self/fd/%d" % ask.memfd(b"", 64), os.O_PATH))
fails(os.pipe()[1])
fails(socket.socketpair()[0].fileno())'
	each_refused "check buffer" EINVAL
	python '
def fails(*files): print(ask.ask(path, line, [cdev, *files]), end="")
fails(ask.memfd(b""))
fails(ask.memfd(b"", 63))
# a hole would become memory of the service
def sparse(size, *written):
    fd = os.memfd_create("sparse")
    os.ftruncate(fd, size)
    for at in written: os.pwrite(fd, b"x", at)
    return fd
fails(sparse(64))
fails(sparse(1 << 20))
fails(sparse(1 << 20, 1 << 19))
fd = ask.memfd(b"", 4096)
os.truncate(fd, 0)
os.ftruncate(fd, 4096)
fails(fd)
two = ask.request("request", scope="info", request_len=1, response_len=4097)
print(ask.ask(path, two, [cdev, sparse(8192, 0)]), end="")'
	each_refused "check buffer" ENODATA
	python '
def fails(*files): print(ask.ask(path, line, [cdev, *files]), end="")
for flags in (os.O_RDONLY, os.O_WRONLY): fails(os.open("/proc/self/fd/%d" % ask.memfd(b"", 64), flags))'
	each_refused "check buffer" EACCES
	python '
for seal in (0x8, 0x10): # F_SEAL_WRITE, F_SEAL_FUTURE_WRITE
    fd = os.memfd_create("sealed", os.MFD_ALLOW_SEALING)
    os.write(fd, bytes(64))
    fcntl.fcntl(fd, 1033, seal)
    print(ask.ask(path, line, [cdev, fd]), end="")'
	each_refused "check buffer" EPERM
	# the offset of the client's file stays
	python '
fd = ask.memfd(b"", 64)
os.lseek(fd, 7, os.SEEK_SET)
print(json.loads(ask.ask(path, line, [cdev, fd]))["ok"], os.lseek(fd, 0, os.SEEK_CUR))'
	assert_output "True 7"
	# the first one is the cdev, and the second the buffer
	python 'print(ask.ask(path, line, [ask.memfd(b"", 64), cdev]), end="")'
	refused "check file" ENXIO
	unharmed
}

@test "request: a memfd of huge pages is refused" {
	serve_tsm
	python '
try: fd = os.memfd_create("huge", os.MFD_HUGETLB)
except OSError: print("none")
else:
    os.ftruncate(fd, 1 << 30)
    print(ask.ask(path, line, [cdev, fd]), end="")'
	[ "$output" != none ] || skip "the kernel has no hugetlb"
	refused "check buffer" EINVAL
}

@test "state: tdi_state is null if the driver of the TSM does not report it" {
	serve_tsm
	for word in unknown: run:run error:error; do
		echo "${word%:*}" > "$DEV/vfio_tsm/tdi_state"
		ask "$(line state)"
		answer_is ok true tdi_state "${word#*:}"
	done
}

@test "request: brings two files, other kinds of requests one, and more are refused" {
	serve_tsm
	count_files
	python '
fd = ask.memfd(b"", 64)
print(ask.ask(path, line, [cdev, fd, fd]), end="")
print(ask.ask(path, line, [cdev, fd] * 50), end="")
for kind in ("bind", "unbind", "state"): print(ask.ask(path, ask.request(kind), [cdev, fd]), end="")
s = ask.connect(path)
for byte in line[:3]: socket.send_fds(s, [bytes([byte])], [fd])
print(ask.answer(s), end="")'
	assert_equal "${#lines[@]}" 6
	for output in "${lines[@]}"; do refused receive EMFILE request "" state ""; done
	# in pieces
	python '
s = ask.connect(path)
socket.send_fds(s, [line[:10]], [cdev])
s.send(line[10:20])
socket.send_fds(s, [line[20:]], [ask.memfd(b"", 64)])
print(ask.answer(s), end="")'
	answer_is ok true response_len 16
	unharmed
}

@test "request: an invalid request is refused" {
	serve_tsm
	count_files
	python '
good = dict(scope="info", request_len=16, response_len=64)
def fails(**change):
    more = {k: v for k, v in {**good, **change}.items() if v is not Ellipsis}
    print(ask.ask(path, ask.request("request", **more), [cdev, ask.memfd(b"", 1 << 20)]), end="")
for key in good: fails(**{key: ...})
for scope in (0, 1, None, "", "INFO", "info\0", "debug", "state_change", ["info"], {}): fails(scope=scope)
for key in ("request_len", "response_len"):
    for n in (-1, 1048577, 1 << 32, (1 << 32) + 16, 1 << 63, 1 << 64, 1.5, 1e3, "16", None, True, [16], {}):
        fails(**{key: n})
fails(request_len=0)
fails(vdevice_id=1)
fails(vdevice_id=0)
fails(tvm_arch=0)
for kind in ("bind", "unbind", "state"):
    for key in good: print(ask.ask(path, ask.request(kind, **{key: good[key]}), [cdev]), end="")
print(ask.ask(path, line[:-2] + b",\"request_len\":16}\n", [cdev]), end="")'
	assert_success
	[ "${#lines[@]}" -gt 45 ]
	for output in "${lines[@]}"; do refused request EINVAL request "" device "" state ""; done
	unharmed
}

@test "request: is allowed only by a rule that names it, and such a rule allows only what it names" {
	as_root
	echo '{"allow":[{"user":2001,"devices":["*"]},
		{"user":2002,"devices":["0000:01:*"],"requests":["request"]},
		{"user":2003,"devices":["*"],"requests":["bind","unbind","state"]},
		{"user":2004,"devices":["0000:02:*"],"requests":["request"]}]}' > "$CONF"
	serve_tsm
	python '
def of(uid):
    os.seteuid(uid)
    said = [ask.pass_request(path, cdev, b"x")[0]]
    said += [json.loads(ask.ask(path, ask.request(kind), [cdev])) for kind in ("bind", "unbind", "state")]
    os.seteuid(0)
    print(uid, *[d["error"]["errno"] if d["error"] else "OK" for d in said])
for uid in (2001, 2002, 2003, 2004, 2009): of(uid)'
	assert_success
	assert_output "2001 EACCES ENOTTY ENOTTY OK
2002 OK EACCES EACCES EACCES
2003 EACCES ENOTTY ENOTTY OK
2004 EACCES EACCES EACCES EACCES
2009 EACCES EACCES EACCES EACCES"
	# a guest cannot fill the journal with requests that are not allowed
	run grep -c '"event":"request","device":"0000:01:00.0","request":"\(request\|state\)"' "$SHORT/log"
	assert_output 0
	run grep -c '"request":"bind","uid":2002,"gid":0,"errno":"EACCES"' "$SHORT/log"
	assert_output 1
}

@test "request: a process can issue only the ioctl of its request" {
	[[ $TSMCTL_BIN != */san/* ]] || skip "with sanitizers, system calls are only logged"
	for number in 22:bind 23:unbind 24:request 7:state; do
		serve_with "OTHERS=${number%:*}"
		if [ "$number" = 24:request ]; then
			python 'print(ask.ask(path, line, [cdev, ask.memfd(b"", 64)]), end="")'
		else
			ask "$(line "${number#*:}")" /dev/null
		fi
		if [ "$number" = 7:state ]; then answer_is ok true; else answer_is ok false errno ENOTTY; fi
		kill -KILL "$service"
		until_true eval '! kill -0 "$service" 2> /dev/null'
	done
}

@test "request: while the TSM is slow, other devices are bound, unbound and shown" {
	export SYS
	echo wait > "$BATS_TEST_TMPDIR/result"
	serve_tsm
	count_files
	python '
# more than eight requests, one for each function, and each has come to the TSM
ttys = [ask.tty(n) for n in range(16)]
going = [ask.start(path, name, file) for name, file, ours in ttys]
def state(name): return ask.error(json.loads(ask.ask(path, ask.request("state", name))))
# a second one for each function, and one more of the user
print(*{ask.error(ask.pass_request(path, file, b"x", device=name)[0]) for name, file, ours in ttys})
print(ask.error(ask.pass_request(path, cdev, b"x")[0]))
# the eight places of the user are free for other kinds of requests
for kind in ("bind", "unbind", "state"):
    print(ask.error(json.loads(ask.ask(path, ask.request(kind), [cdev]))))
ask.end_wait()
print(*{ask.error(json.loads(ask.answer(s))) for s in going})
# the function is free at once, the place of the user when a process has ended
def again(): return ask.error(ask.pass_request(path, cdev, b"x")[0])
while (said := again()) == "permission EAGAIN": pass
print(said)'
	assert_success
	assert_output "permission EBUSY
permission EAGAIN
bind ENOTTY
unbind ENOTTY
OK
OK
OK"
	unharmed
}

@test "request: the requests of a user leave the places of other users free" {
	as_root
	export SYS
	echo '{"allow":[{"user":2001,"devices":["*"],"requests":["request"]},
		{"user":2002,"devices":["*"],"requests":["request"]}]}' > "$CONF"
	echo wait > "$BATS_TEST_TMPDIR/result"
	serve_tsm
	count_files
	python '
ttys = [ask.tty(n) for n in range(18)]
def of(uid, n):
    os.seteuid(uid)
    s = ask.start(path, *ttys[n][:2])
    os.seteuid(0)
    return s
going = [of(2001, n) for n in range(16)]
os.seteuid(2001)
print(ask.error(ask.pass_request(path, ttys[16][1], b"x", device=ttys[16][0])[0]))
os.seteuid(0)
# the function whose request was refused is free
going.append(of(2002, 16))
ask.end_wait()
print(*{ask.error(json.loads(ask.answer(s))) for s in going})'
	assert_success
	assert_output "permission EAGAIN
OK"
	unharmed
}

@test "request: ends when its client has gone, but not when it only stops sending" {
	export SYS
	echo wait > "$BATS_TEST_TMPDIR/result"
	serve_tsm
	count_files
	python '
name, file, ours = ask.tty(0)
for s in [ask.start(path, name, file), ask.start(path, "0000:01:00.0", cdev)]: s.close()'
	assert_success
	# the end of its client ends a request, and then its places are free
	until_true eval '[ -z "$(pgrep -P "$service")" ]'
	python '
s = ask.start(path, "0000:01:00.0", cdev)
s.shutdown(socket.SHUT_WR)
for i in range(3): ask.ask(path, ask.request("state"))
ask.end_wait()
print(ask.error(json.loads(ask.answer(s))))'
	assert_success
	assert_output OK
	unharmed
}

@test "bind: does not bind for a client that has gone" {
	serve_tsm
	kill -STOP "$service"
	python '
s = ask.connect(path)
socket.send_fds(s, [ask.request("bind")], [cdev])'
	assert_success
	kill -CONT "$service"
	until_true grep -q '"request":"bind",.*"errno":"EPIPE"' "$SHORT/log"
	run grep -c '"request":"bind"' "$SHORT/log"
	assert_output 1
}

@test "request: the response is at the beginning even of a memfd with O_APPEND" {
	serve_tsm
	python '
fd = ask.memfd(bytes(64))
fcntl.fcntl(fd, fcntl.F_SETFL, os.O_APPEND)
said = json.loads(ask.ask(path, line, [cdev, fd]))
assert said["ok"] and said["response_len"] == 16, said
assert os.fstat(fd).st_size == 64, os.fstat(fd)
assert os.pread(fd, 17, 0) == bytes([255] * 16 + [0]), os.pread(fd, 17, 0)'
	assert_success
}

@test "request: the response fills no hole that was made while the request was waiting" {
	export SYS
	echo wait > "$BATS_TEST_TMPDIR/result"
	serve_tsm
	count_files
	python '
s = ask.connect(path)
fd = ask.memfd(bytes(1 << 16))
socket.send_fds(s, [ask.request("request", scope="info", request_len=1 << 16, response_len=1 << 16)], [cdev, fd])
while os.pread(fd, 1, 0) != b"W": pass
os.ftruncate(fd, 0)
os.ftruncate(fd, 1 << 16)
ask.end_wait()
print(ask.answer(s), end="")
assert os.fstat(fd).st_blocks == 0, os.fstat(fd)'
	assert_success
	refused "pass request" EFAULT state open response_len "" tsm_code 0xfedcba9876543210
	unharmed
}

@test "request: a memfd that changes all the time harms neither the service nor others" {
	serve_tsm
	count_files
	python '
import threading
fd = ask.memfd(b"", 1 << 20)
done = False
def change():
    while not done:
        os.pwrite(fd, os.urandom(4096), 0)
        os.ftruncate(fd, 1 << 20)
thread = threading.Thread(target=change)
thread.start()
for i in range(20):
    said = json.loads(ask.ask(path, ask.request("request", scope="info", request_len=1 << 20, response_len=1 << 20), [cdev, fd]))
    assert said["ok"], said
done = True
thread.join()'
	assert_success
	unharmed
}
