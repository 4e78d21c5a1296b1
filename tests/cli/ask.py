#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A client of the socket of 'tsm-bind-helper serve', for the tests.

    ask.py SOCKET LINE [FILE...]     sends LINE with these files, and prints the answer

FILE is a path, opened for reading and writing if that is possible, or path:PATH, opened
with O_PATH. Tests also import the functions.
"""
import errno
import json
import os
import select
import socket
import sys


def connect(path):
    s = socket.socket(socket.AF_UNIX)
    s.connect(path)
    return s


def send(s, data, files=()):
    """Sends the data with these files. A user may have only as many files under way as a
    process may have open; so this tries again until the service has taken others."""
    while True:
        try:
            return socket.send_fds(s, [data], list(files))
        except OSError as e:
            if e.errno != errno.ETOOMANYREFS:
                raise


def open_file(name):
    if name.startswith("path:"):
        return os.open(name[5:], os.O_PATH)
    try:
        return os.open(name, os.O_RDWR)
    except (IsADirectoryError, PermissionError):
        return os.open(name, os.O_RDONLY)


def answer(s):
    data = b""
    while True:
        try:
            part = s.recv(4096)
        except ConnectionResetError:
            return data.decode()
        if not part:
            return data.decode()
        data += part


def request(kind="state", device="0000:01:00.0", **more):
    return (json.dumps(dict(version=1, request=kind, device=device, **more)) + "\n").encode()


def ask(path, line, files=()):
    s = connect(path)
    try:
        send(s, line, files)
    except BrokenPipeError:
        pass
    return answer(s)


def memfd(data, size=0):
    """A memfd that begins with data and has at least size bytes, all of them written."""
    fd = os.memfd_create("request")
    os.pwrite(fd, data.ljust(size, b"\0"), 0)
    return fd


def pass_request(path, cdev, data, room=256, scope="info", device="0000:01:00.0"):
    """Passes a request of the guest to the TSM; returns the answer and the response."""
    fd = memfd(data, room)
    line = request("request", device, scope=scope, request_len=len(data), response_len=room)
    said = json.loads(ask(path, line, [cdev, fd]))
    response = os.pread(fd, said["response_len"] or 0, 0)
    os.close(fd)
    return said, response


def error(said):
    """The step and the errno of an answer, or OK."""
    return said["error"]["step"] + " " + said["error"]["errno"] if said["error"] else "OK"


def tty(n):
    """A function whose cdev is a new tty; returns its name, the tty and the other end."""
    name, (ours, theirs) = "0000:09:%02x.0" % n, os.openpty()
    number = os.fstat(theirs).st_rdev
    at = "%s/bus/pci/devices/%s/vfio-dev/vfio%d" % (os.environ["SYS"], name, n + 10)
    os.makedirs(at, exist_ok=True)
    with open(at + "/dev", "w") as file:
        file.write("%d:%d\n" % (os.major(number), os.minor(number)))
    return name, theirs, ours


def start(path, name, file):
    """Sends a request of the guest that the TSM does not end; returns the connection."""
    s = connect(path)
    fd = memfd(bytes(64))
    line = request("request", name, scope="info", request_len=16, response_len=64)
    send(s, line, [file, fd])
    # an answer before the TSM has the request is not expected
    while os.pread(fd, 1, 0) != b"W":
        if select.select([s], [], [], 0)[0]:
            raise SystemExit(answer(s))
    return s


def end_wait():
    """The TSM ends all requests."""
    with open(os.environ["BATS_TEST_TMPDIR"] + "/result", "w") as file:
        file.write("0\n")


if __name__ == "__main__":
    print(ask(sys.argv[1], os.fsencode(sys.argv[2]) + b"\n", [open_file(f) for f in sys.argv[3:]]), end="")
