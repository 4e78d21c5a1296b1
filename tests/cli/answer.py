#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Reads an answer of 'tsmctl --json' from standard input, for the tests.

    answer.py golden [TEXT=WORD]...         prints it, or several, with a line for each value
    answer.py text [TEXT=WORD]...           prints text that is not JSON
    answer.py rows LIST KEYS [KEY=VALUE]... prints a line for each member of LIST
    answer.py keys                          prints its keys, those of LIST too
    answer.py envelope                      fails if it is not a whole answer

LIST is result or errors. 'rows' prints the values of KEYS, which have blanks between
them, for each member that has these VALUEs. A string that could be read as another value
of JSON has quotes. 'golden' and 'text' print a fixed word for what differs from run to
run: TEXT, the number and name of a process, a time that is now or was waited, the name
of a device, what depends on the user, and the version.
"""
import json
import re
import sys
import time

ENVELOPE = ["schema_version", "changed", "result", "errors"]
ERROR = ["device", "attribute", "value", "errno", "stage", "message", "hint"]


def unique(pairs):
    keys = [key for key, value in pairs]
    if len(set(keys)) < len(keys):
        sys.exit(f"a key is there twice: {keys}")
    return dict(pairs)


def is_now(text):
    try:
        then = time.strptime(text[:19] + text[-1:], "%Y-%m-%dT%H:%M:%SZ")
    except ValueError:
        return False
    return abs(time.mktime(time.gmtime()) - time.mktime(then)) < 600


def fix_text(text, words):
    for word in words:
        this, that = word.rsplit("=", 1)
        text = text.replace(this, that)
    text = re.sub(r"\bprocess \d+( \([^()]*\))?",
                  lambda m: "process PID" + (" (NAME)" if m[1] else ""), text)
    text = re.sub(r"\bps -fp \d+", "ps -fp PID", text)
    text = re.sub(r'\bversion="[^"]*"', 'version="VERSION"', text)
    return re.sub(r"\bafter \d+ s of waiting", "after N s of waiting", text)


def fix(value, words, key=None):
    if isinstance(value, dict):
        value = {k: fix(v, words, k) for k, v in value.items()}
        if "vendor_id" in value and "name" in value:
            # this machine may have no database of PCI IDs
            value["name"] = "NAME"
        if value.get("check") == "permission":
            # root and other users run the tests
            value |= {"verdict": "VERDICT", "evidence": "EVIDENCE"}
        return value
    if isinstance(value, list):
        return [fix(v, words) for v in value]
    if not isinstance(value, str):
        return value
    if key == "hint" and value == "run it as root":
        # root gets no hint in its place
        return None
    if key == "time" and is_now(value):
        return "NOW"
    if key == "version":
        return "VERSION"
    return fix_text(value, words)


def show(value):
    if not isinstance(value, str):
        return json.dumps(value)
    try:
        json.loads(value)
    except ValueError:
        return value
    return json.dumps(value)


def documents(text):
    decoder = json.JSONDecoder(object_pairs_hook=unique)
    found = []
    while text := text.lstrip():
        document, end = decoder.raw_decode(text)
        found.append(document)
        text = text[end:]
    return found


def main(action, *args):
    if action == "text":
        print(fix_text(sys.stdin.read(), args), end="")
        return
    answers = documents(sys.stdin.read())
    if action == "golden":
        print(*[json.dumps(fix(answer, args), indent=2) for answer in answers], sep="\n")
        return
    answer, = answers
    if action == "rows":
        rows, keys = answer[args[0]], args[1].split()
        wanted = [word.split("=", 1) for word in args[2:]]
        for row in rows:
            if all(show(row[key]) == value for key, value in wanted):
                print(*[show(row[key]) for key in keys])
    elif action == "keys":
        print(*answer, *[key for x in answer["result"] + answer["errors"] for key in x])
    elif action == "envelope":
        assert list(answer) == ENVELOPE, list(answer)
        assert answer["schema_version"] == 1, answer["schema_version"]
        assert isinstance(answer["changed"], bool), answer["changed"]
        assert isinstance(answer["result"], list), answer["result"]
        assert isinstance(answer["errors"], list), answer["errors"]
        assert all(list(x) == ERROR for x in answer["errors"]), answer["errors"]


main(*sys.argv[1:])
