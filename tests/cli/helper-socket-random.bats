#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2013,SC2016,SC2030,SC2031,SC2154
# tsm-bind-helper serve: random requests.
# long: 10,000 requests, each answered by a process of its own
bats_require_minimum_version 1.5.0
load helpers
load socket

setup() { socket_host; }

teardown() { end_service; }

@test "socket: 10,000 malformed requests cause no crash, no leak and no bind" {
	serve
	count_files
	run timeout 600 python3 -c '
import os, random, socket, ask
random.seed(7)
path = os.environ["SOCK"]
null, zero = (os.open(f, os.O_RDWR) for f in ("/dev/null", "/dev/zero"))
good = [ask.request("bind", vdevice_id=1),
        ask.request("request", scope="info", request_len=16, response_len=64)]
def mutate(line):
    line = bytearray(line)
    for i in range(random.randint(1, 6)):
        at = random.randrange(len(line) + 1)
        kind = random.randrange(4)
        if kind == 0: line[at:at] = bytes([random.randrange(256)])
        elif kind == 1: del line[at:at + random.randint(1, 20)]
        elif kind == 2: line[at:at + 1] = random.choice([b"{", b"}", b"\"", b"\\u0000", b"\n", b"[", b"1e9"])
        else: line += line[at:]
    return bytes(line[:60000])
said = 0
for i in range(10000):
    # no file is that of the device, so that no request may lead to an ioctl
    files = random.choice([[], [zero], [zero], [null, zero], [zero] * 5, [null] * 100])
    s = ask.connect(path)
    try: ask.send(s, mutate(random.choice(good)), files)
    except (BrokenPipeError, ConnectionResetError): pass
    how = random.randrange(10)
    if how == 0: s.close(); continue
    try: s.shutdown(socket.SHUT_WR)
    except OSError: pass
    answer = ask.answer(s)
    if answer:
        said += 1
        assert "\"ok\":false" in answer and answer.count("\n") == 1, answer
        assert "ENOTTY" not in answer, answer
print(said)'
	assert_success
	[ "$output" -gt 8000 ] || fail "only $output answers"
	run grep -c ENOTTY "$SHORT/log"
	assert_output 0
	unharmed
}
