#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""race.py: run two random verbs of tsmctl on one device at once, and check the results.

    race.py fake TREE DEVICE [COMMAND...]   on copies of TREE, which contains sys/; COMMAND runs tsmctl
    race.py real DEVICE                     on the running kernel

Each pair of verbs first runs one after the other, in both orders and from the same start.
Then both run at once. The exit statuses, the reported changes and the end state must be those
of one of the two orders.

RACE_SEED is the seed, which is printed. RACE_PAIRS is the number of pairs (20), and RACE_TIMES
is how often each pair runs at once (10 on copies, 1 on the kernel).
"""
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile

POLICY = ["mode {} shared", "mode {} exclusive", "mode {} --bar-mmap=revoke", "tdi-id {} =00:05.0",
          "tdi-id {} none", "allow {}", "deny {}"]
DRIVER = ["assign {}", "release {}", "release {} --forget", "connect {}", "disconnect {}",
          "free {}", "prepare {} --tdi-id 00:05.0"]
READY = ["assign {}", "connect {}", "tdi-id {} =00:05.0"]


class Fake:
    verbs = POLICY + DRIVER + ["apply {}", "revoke {}"]
    times = 10

    def __init__(self, tree, device, *command):
        self.tree, self.device, self.command = tree, device, list(command)
        self.top = tempfile.mkdtemp(dir=os.path.dirname(tree))
        self.now = None

    def reset(self):
        self.now = os.path.join(self.top, "now")
        shutil.rmtree(self.now, ignore_errors=True)
        shutil.copytree(self.tree, self.now, symlinks=True)

    def environment(self):
        return dict(os.environ, SYSFS_PATH=self.now + "/sys", TSMCTL_RUN=self.now + "/run",
                    FAKE_LOG=self.top + "/log")

    def state(self):
        found = {}
        for where, dirs, files in os.walk(self.now + "/sys"):
            for name in dirs + files:
                path = os.path.join(where, name)
                if os.path.islink(path):
                    found[path] = os.readlink(path)
                elif name in files:
                    with open(path) as f:
                        found[path] = f.read()
                else:
                    found[path] = None
        run = self.now + "/run"
        found["locks"] = [name for name in (os.listdir(run) if os.path.isdir(run) else [])
                          if name.endswith(".change")]
        return found


class Real:
    verbs = POLICY + DRIVER + ["bind {}", "unbind {}", "revoke {}"] * 2
    times = 1
    command = []

    def __init__(self, device):
        self.device = device

    def reset(self):
        for verb in ("unbind {}", "disconnect {}", "release {} --forget"):
            run(self, verb)
        state = self.state()
        # a lost or quarantined device changes its state later, so leave it out
        if state["driver"] == "vfio-pci-tsm" or (state[self.connect()] or "").strip():
            sys.exit("%s cannot be reset: %s" % (self.device, state))

    def connect(self):
        return "/sys/bus/pci/devices/" + self.device + "/tsm/connect"

    def environment(self):
        return dict(os.environ)

    def state(self):
        device = "/sys/bus/pci/devices/" + self.device
        policy = "/sys/kernel/config/vfio_tsm/" + self.device + "/tsm/"
        found = {"driver": os.path.basename(os.path.realpath(device + "/driver")),
                 "policy": os.path.isdir(policy)}
        for path in [device + "/driver_override", device + "/tsm/connect"] + [
                policy + name for name in ("region_mode", "bar_mmap", "bind_allowed", "tdi_id", "state")]:
            try:
                with open(path) as f:
                    found[path] = f.read()
            except OSError:
                found[path] = None
        return found


def start(world, verb):
    arguments = verb.format(world.device).split()
    return subprocess.Popen(world.command + ["tsmctl", "--json"] + arguments,
                            env=world.environment(), stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def end(process):
    out, err = process.communicate(timeout=300)
    try:
        answer = json.loads(out)
    except ValueError:
        sys.exit("no JSON from %s: %s %s" % (process.args, out.decode(), err.decode()))
    # the text of an error depends on the state, which the other verb may have changed
    return (process.returncode, answer["changed"], [e["stage"] for e in answer["errors"]])


def run(world, verb):
    return end(start(world, verb))


def one_after_the_other(world, before, first, second):
    world.reset()
    for verb in before:
        run(world, verb)
    return run(world, first), run(world, second), world.state()


def at_once(world, before, first, second):
    world.reset()
    for verb in before:
        run(world, verb)
    both = [start(world, first), start(world, second)]
    return end(both[0]), end(both[1]), world.state()


def different(a, b):
    """The differences between two states."""
    return {key: (a.get(key), b.get(key)) for key in set(a) | set(b) if a.get(key) != b.get(key)}


def pair(world, number, chance, times):
    before = READY if chance.random() < 0.5 else chance.sample(world.verbs, chance.randrange(3))
    first, second = chance.choice(world.verbs), chance.choice(world.verbs)
    wanted = [one_after_the_other(world, before, first, second)]
    b, a, state = one_after_the_other(world, before, second, first)
    wanted.append((a, b, state))
    print("# %d: %s | %s, after %s" % (number, first, second, before), flush=True)
    faults = 0
    for _ in range(times):
        got = at_once(world, before, first, second)
        if got in wanted:
            continue
        faults += 1
        print("wrong: %s gave %s, %s gave %s" % (first, got[0], second, got[1]))
        for want in wanted:
            print("  not %s, %s; state (is, wanted): %s" % (
                want[0], want[1], different(got[2], want[2])))
    return faults


def main():
    worlds = {"fake": Fake, "real": Real}
    if len(sys.argv) < 3 or sys.argv[1] not in worlds:
        sys.exit(__doc__)
    world = worlds[sys.argv[1]](*sys.argv[2:])
    seed = int(os.environ.get("RACE_SEED") or random.SystemRandom().randrange(2**32))
    pairs = int(os.environ.get("RACE_PAIRS") or 20)
    times = int(os.environ.get("RACE_TIMES") or world.times)
    print("RACE_SEED=%d" % seed)
    chance = random.Random(seed)
    faults = sum(pair(world, n, chance, times) for n in range(pairs))
    print("%d pairs, %d times at once, %d faults" % (pairs, pairs * times, faults))
    sys.exit(1 if faults else 0)


main()
