#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Compares two answers of 'tsmctl --json', for plans.bats.

    compare-plan.py PLAN RUN     fails, and prints both, if PLAN is not what RUN did

The plan does not have a driver that the kernel chooses. It may not contain a result that
is changed and the same one unchanged.
"""
import json
import sys

KEYS = ["device", "attribute", "value", "previous", "changed"]

plan, run = (json.loads(x) for x in sys.argv[1:3])


def row(result, planned):
    values = [result[key] for key in KEYS]
    if "the kernel chooses its driver" in (planned["note"] or ""):
        values[2] = "chosen"
    return values


def errors(answer):
    return [[x[key] for key in ("device", "attribute", "stage", "message")] for x in answer["errors"]]


def say(name, answer):
    print(name, json.dumps(answer["result"]), json.dumps(answer["errors"]), answer["changed"], sep="\n")


a, b = plan["result"], run["result"]
alike = len(a) == len(b) and all(row(x, x) == row(y, x) for x, y in zip(a, b))
twice = any(x["device"] == y["device"] and x["attribute"] == y["attribute"] and x["changed"] != y["changed"]
            for x in a for y in a)
if not alike or twice or errors(plan) != errors(run) or plan["changed"] != run["changed"]:
    say("plan", plan)
    say("run", run)
    sys.exit(1)
