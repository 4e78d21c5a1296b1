#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A client of tsm-bind-helper's socket, for the tests.

    ask.py SOCKET LINE [FILE...]     sends LINE with these files, prints the answer

FILE is a path, opened for reading and writing where that is possible, or
path:PATH, opened with O_PATH.
"""
import os
import socket
import sys


def connect(path):
    s = socket.socket(socket.AF_UNIX)
    s.connect(path)
    return s


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
    import json

    return (json.dumps(dict(version=1, request=kind, device=device, **more)) + "\n").encode()


def ask(path, line, files=()):
    s = connect(path)
    try:
        socket.send_fds(s, [line], list(files))
    except BrokenPipeError:
        pass
    return answer(s)


def memfd(data, size=0):
    """A memfd that begins with data, and has at least so many bytes, all of them written."""
    fd = os.memfd_create("request")
    os.pwrite(fd, data.ljust(size, b"\0"), 0)
    return fd


def pass_request(path, cdev, data, room=256, scope="info", device="0000:01:00.0"):
    """Has a request of the guest passed to the TSM; returns the answer and the response."""
    import json

    fd = memfd(data, room)
    line = request("request", device, scope=scope, request_len=len(data), response_len=room)
    said = json.loads(ask(path, line, [cdev, fd]))
    response = os.pread(fd, said["response_len"] or 0, 0)
    os.close(fd)
    return said, response


if __name__ == "__main__":
    print(ask(sys.argv[1], os.fsencode(sys.argv[2]) + b"\n", [open_file(f) for f in sys.argv[3:]]), end="")
