#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Plays a VMM, for helper-pid.bats.

    vmm.py READY [path:]FILE...     has each FILE open, as 5, 6 and so on, with O_PATH after
                                    path:, and no other file of interest
    vmm.py READY zombie|thread      has a child that has ended, or a second thread

It writes "ready", or the number of the child or thread, to READY, and waits.
"""
import os
import sys
import threading
import time


def open_files(names):
    for fd in range(5):
        os.dup2(os.open("/dev/zero", os.O_RDWR), fd)
    for n, name in enumerate(names):
        flags = os.O_PATH if name.startswith("path:") else os.O_RDWR
        os.dup2(os.open(name.removeprefix("path:"), flags), 5 + n)
    os.closerange(5 + len(names), 64)
    return "ready"


def zombie():
    pid = os.fork()
    if not pid:
        os._exit(0)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    return pid


def thread():
    second = threading.Thread(target=time.sleep, args=(600,), daemon=True)
    second.start()
    return second.native_id


kinds = {"zombie": zombie, "thread": thread}
ready = kinds[sys.argv[2]]() if sys.argv[2] in kinds else open_files(sys.argv[2:])
with open(sys.argv[1], "w") as file:
    file.write(str(ready))
time.sleep(600)
