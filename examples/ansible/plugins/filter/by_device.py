# SPDX-License-Identifier: GPL-2.0-or-later
# Copyright: the tsmctl project
"""One result for each device, from the JSON of tsmctl."""
import json
import re

from ansible.errors import AnsibleFilterError

DOCUMENTATION = """
name: by_device
author: the tsmctl project
version_added: "0.1.0"
short_description: one result for each device, from the JSON of tsmctl
description:
  - Sorts what C(tsmctl --json) has printed by device.
  - Results of C(tsmctl show) add whether a device is present.
options:
  _input:
    description:
      - The registered result of a task that ran C(tsmctl --json apply), C(diff), C(load) or
        C(show), or a list of such results. A task that was skipped has no results.
    type: raw
    required: true
  absent_ok:
    description: Whether a device that is not present is accepted. Otherwise it is a failure.
    type: bool
    default: false
"""

EXAMPLES = """
- name: Devices
  ansible.builtin.command:
    argv: [tsmctl, --json, apply]
  register: applied
  failed_when: false
  changed_when: false

- name: Each device
  ansible.builtin.debug:
    msg: "{{ item.messages }}"
  loop: "{{ applied | tsmctl.host.by_device }}"
  changed_when: item.changed
  failed_when: item.failed
"""

RETURN = """
_value:
  description: A dictionary for each device, in the order of the addresses.
  type: list
  elements: dict
  contains:
    device:
      description: The PCI address. C(host) stands for what is not about a device.
      type: str
    changed:
      description: Whether something was changed. With C(--dry-run), whether it would be.
      type: bool
    failed:
      description: Whether there was an error.
      type: bool
    absent:
      description: Whether the device is not present. This needs a result of C(tsmctl show).
      type: bool
    messages:
      description: What was changed, and each note and error with its hint.
      type: list
      elements: str
"""

SHORT_ADDRESS = re.compile(r"[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]")


def full_address(device):
    """The device as tsmctl prints it: an argument that selects nothing is printed as it was."""
    device = device.lower()
    return "0000:" + device if SHORT_ADDRESS.fullmatch(device) else device


def answers(run):
    """The envelope that the command of a task has printed."""
    if not isinstance(run, dict) or not ("stdout" in run or "skipped" in run or "msg" in run):
        raise AnsibleFilterError("by_device needs registered results of commands")
    if run.get("skipped"):
        return {"result": [], "errors": []}
    try:
        envelope = json.loads(run.get("stdout") or "")
        return {"result": envelope["result"], "errors": envelope["errors"]}
    except (ValueError, KeyError, TypeError):
        why = run.get("stderr") or run.get("msg") or "exit status %s" % run.get("rc")
        return {"result": [], "errors": [{"message": "tsmctl printed no JSON: %s" % why}]}


def change(row):
    """A row as a sentence; empty if there is nothing to tell."""
    text = ""
    if row.get("changed"):
        values = (row["attribute"], row["value"] or "none", row["previous"] or "none")
        text = "%s %s (was %s)" % values
    if row.get("note"):
        text = "%s: %s" % (text or row["attribute"], row["note"])
    return text


def by_device(runs, absent_ok=False):
    """See DOCUMENTATION."""
    devices = {}

    def of(device):
        name = full_address(device) if device else "host"
        new = {"device": name, "changed": False, "failed": False, "absent": False, "messages": []}
        return devices.setdefault(name, new)

    for envelope in map(answers, runs if isinstance(runs, list) else [runs]):
        for row in envelope["result"]:
            if "address" in row:
                # the kernel shows the vendor of each device that is present
                of(row["address"])["absent"] = row["vendor_id"] is None
                continue
            entry = of(row["device"])
            entry["changed"] |= bool(row["changed"])
            entry["messages"] += filter(None, [change(row)])
        for error in envelope["errors"]:
            entry = of(error.get("device"))
            if error.get("stage") == "select" and error.get("errno") == "ENODEV":
                entry["absent"] = True
                continue
            entry["failed"] = True
            entry["messages"].append("; ".join(filter(None, [error["message"], error.get("hint")])))

    for entry in devices.values():
        if entry["absent"] and not absent_ok:
            entry["failed"] = True
            entry["messages"].append("there is no such device on this host; "
                                     "correct its address, or set tsmctl_absent_ok")
    return sorted(devices.values(), key=lambda entry: entry["device"])


class FilterModule:
    """The filters of this file."""

    def filters(self):
        return {"by_device": by_device}
