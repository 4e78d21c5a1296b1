#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Plays the socket of journald, for journal.bats.

    journal.py STATUS ERRORS COMMAND...   runs COMMAND, and prints the entries that it sent

The socket is the file "socket" in the present directory. Each entry is a line, with " | "
between its fields. The files STATUS and ERRORS have the exit status and the standard
error of COMMAND.
"""
import os
import socket
import subprocess
import sys

journal = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
journal.bind("socket")
with open(sys.argv[2], "w") as errors:
    done = subprocess.run(sys.argv[3:], stdout=subprocess.DEVNULL, stderr=errors)
with open(sys.argv[1], "w") as status:
    status.write(str(done.returncode))
journal.setblocking(False)
try:
    while True:
        print(journal.recv(65536).decode().rstrip("\n").replace("\n", " | "))
except BlockingIOError:
    pass
os.unlink("socket")
