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


if __name__ == "__main__":
    print(ask(sys.argv[1], os.fsencode(sys.argv[2]) + b"\n", [open_file(f) for f in sys.argv[3:]]), end="")
