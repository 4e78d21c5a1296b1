#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Several clients of one user, for helper-clients.bats.

    clients.py SOCKET UID GID COUNT     each asks for a bind and sends a file

Prints how many of them got which answer.
"""
import json
import os
import sys

import ask

path = sys.argv[1]
uid, gid, count = map(int, sys.argv[2:])
os.setgroups([])
os.setegid(gid)
os.seteuid(uid)
said = {}
file = os.open("/dev/zero", os.O_RDONLY)
for i in range(count):
    error = ask.error(json.loads(ask.ask(path, ask.request("bind"), [file])))
    said[error] = said.get(error, 0) + 1
for error in said:
    print(said[error], error)
