#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2013,SC2016,SC2030,SC2031,SC2154
# The example role, run by ansible-playbook on this host with fake trees, and the
# kernel's part played by fake-kernel.c.
bats_require_minimum_version 1.5.0
load helpers

setup_file() {
	build_kernel
	# ansible-core has no output that a program could read
	cat > "$BATS_FILE_TMPDIR/results.py" <<- 'END'
		import json, os
		from ansible.plugins.callback import CallbackBase

		DOCUMENTATION = "{ name: results, type: aggregate, short_description: results of tasks }"

		class CallbackModule(CallbackBase):
		    CALLBACK_VERSION = 2.0
		    CALLBACK_TYPE = "aggregate"
		    CALLBACK_NAME = "results"
		    CALLBACK_NEEDS_ENABLED = True
		    tasks = {}

		    def add(self, result, **kwargs):
		        self.tasks[result.task_name.split(" : ")[-1]] = result._result

		    v2_runner_on_ok = v2_runner_on_failed = v2_runner_on_skipped = add

		    def v2_playbook_on_stats(self, stats):
		        with open(os.environ["RESULTS"], "w") as f:
		            json.dump([stats.summarize("localhost"), self.tasks], f)
	END
}

setup() {
	command -v ansible-playbook > /dev/null || skip "no ansible-playbook"
	EXAMPLE=$BATS_TEST_DIRNAME/../../examples/ansible
	fake_configured_host
	rmdir "$TSMCTL_ETC" # the role makes it
	for i in 1 2; do fake_capable "0000:0$i:00.0"; done

	# load, which refuses where sysfs was moved, is answered for here
	tsmctl=$BATS_TEST_TMPDIR/tsmctl
	cat > "$tsmctl" <<- END
		#!/bin/sh
		echo "\$*" >> "$BATS_TEST_TMPDIR/calls"
		if [ "\$1" = load ]; then
			changed=\$([ -e "$BATS_TEST_TMPDIR/loaded" ] && echo false || echo true)
			case "\$*" in *--dry-run*) ;; *) : > "$BATS_TEST_TMPDIR/loaded" ;; esac
			echo '{"schema_version":1,"changed":'\$changed',"result":[],"errors":[]}'
			exit
		fi
		LD_PRELOAD="$BATS_FILE_TMPDIR/kernel.so" \\
			ASAN_OPTIONS="${ASAN_OPTIONS:-}:verify_asan_link_order=0" exec "$TSMCTL_BIN/tsmctl" "\$@"
	END
	chmod 755 "$tsmctl"
	vars '{ "device": "0000:01:00.0", "assigned": true, "region_mode": "exclusive",
		"tdi_id": "00:05.0", "tsm": "tsm0" }'
	export HOME=$BATS_TEST_TMPDIR/home LC_ALL=C.UTF-8 ANSIBLE_NOCOLOR=1 ANSIBLE_LOCALHOST_WARNING=0
	export ANSIBLE_HOME=$HOME ANSIBLE_REMOTE_TMP=$HOME/tmp RESULTS=$BATS_TEST_TMPDIR/results.json
	export ANSIBLE_CALLBACK_PLUGINS=$BATS_FILE_TMPDIR ANSIBLE_CALLBACKS_ENABLED=results
	unset ANSIBLE_CONFIG
	mkdir -p "$HOME"
}

# vars DEVICES [MORE]: the variables of the role
vars() {
	printf '{ "tsmctl_command": "%s", "tsmctl_etc": "%s", "tsmctl_at_boot": false,
		"ansible_python_interpreter": "/usr/bin/python3", "tsmctl_become": false,
		"tsmctl_devices": [ %s ] %s }' "$tsmctl" "$TSMCTL_ETC" "$1" "${2:+, $2}" > "$BATS_TEST_TMPDIR/vars.json"
}

# play [OPTION...]: the playbook
play() {
	rm -f "$RESULTS"
	cd "$EXAMPLE" && run_split ansible-playbook -i localhost, -c local -e "@$BATS_TEST_TMPDIR/vars.json" "$@" playbook.yml
}

# asked EXPR VALUE: about the play's statistics s, tasks t by their name, and facts f
asked() {
	local value

	value=$(python3 -c '
import json, sys
s, t = json.load(open(sys.argv[2]))
f = t.get("Facts, for the tasks that follow", {}).get("ansible_facts", {}).get("tsmctl_found")
changed = [name for name in t if t[name].get("changed")]
v = eval(sys.argv[1])
print(v if isinstance(v, str) else json.dumps(v))' "$1" "$RESULTS") || fail "no $1 in: $output $stderr"
	[ "$value" = "$2" ] || fail "$1 is $value, not $2, in: $output $stderr"
}

everything='["Directory of the configuration", "Configuration", "Kernel modules", "Devices"]'

@test "ansible: the first run changes, the second does not, drift is mended" {
	play
	assert_success
	asked changed "$everything"
	assert_equal "$(policy 0000:01:00.0 tdi_id)" 0000:00:05.0
	assert_equal "$(policy 0000:01:00.0 region_mode)" exclusive
	assert_equal "$(cat "$SYS/bus/pci/devices/0000:01:00.0/tsm/connect")" tsm0
	run_split kernel tsmctl diff
	assert_success
	assert_output ""

	before=$(snapshot) log=$(cat "$FAKE_LOG")
	play
	assert_success
	asked changed '[]'
	asked 's["changed"]' 0
	play --check
	assert_success
	asked changed '[]'
	assert_equal "$(snapshot)" "$before"
	assert_equal "$(cat "$FAKE_LOG")" "$log"

	policy 0000:01:00.0 tdi_id none
	play
	assert_success
	asked changed '["Devices"]'
	assert_equal "$(policy 0000:01:00.0 tdi_id)" 0000:00:05.0
}

@test "ansible: check mode predicts what the run then does, and changes nothing" {
	before=$(snapshot)
	play --check
	assert_success
	# what apply would do cannot be known before the modules are there
	asked changed '["Directory of the configuration", "Configuration", "Kernel modules"]'
	asked '"stdout" in t["Devices"]' false

	: > "$BATS_TEST_TMPDIR/loaded"
	play --check
	assert_success
	asked changed '["Directory of the configuration", "Configuration", "Devices"]'
	asked '[x["attribute"] for x in json.loads(t["Devices"]["stdout"])["result"]]' \
		'["region_mode", "tdi_id", "driver", "tsm"]'
	asked '[x["driver"] for x in f]' '["nvme", "nvme"]'
	assert_equal "$(snapshot)" "$before"
	[ ! -e "$TSMCTL_ETC" ]
	[ ! -s "$FAKE_LOG" ]

	play
	assert_success
	asked changed '["Directory of the configuration", "Configuration", "Devices"]'
	asked '[x["attribute"] for x in json.loads(t["Devices"]["stdout"])["result"]]' \
		'["region_mode", "tdi_id", "driver", "tsm"]'

	# an edited document is predicted from what it will be, not from what is written
	vars '{ "device": "0000:01:00.0", "bind_allowed": false }'
	before=$(snapshot)
	play --check
	assert_success
	asked changed '["Configuration", "Devices"]'
	asked '[x["attribute"] for x in json.loads(t["Devices"]["stdout"])["result"]]' '["bind_allowed"]'
	assert_equal "$(snapshot)" "$before"
}

@test "ansible: facts are what list says; prune and the default mode are handed on" {
	play
	asked '[[x["address"], x["driver"], x["tsm"], x["tdi_id"]] for x in f]' \
		'[["0000:01:00.0", "vfio-pci-tsm", "tsm0", "0000:00:05.0"], ["0000:02:00.0", "nvme", null, null]]'
	asked 't["Devices that are assigned, but not connected to a TSM"]["msg"]' '[]'
	vars '' '"tsmctl_prune": true, "tsmctl_default_region_mode": "shared"'
	play
	assert_success
	asked changed '["Configuration", "Devices"]'
	assert_equal "$(cat "$CFG/default_region_mode")" shared
	asked '[x["driver"] for x in f]' '["nvme", "nvme"]'
}

@test "ansible: what tsmctl could not do fails the play, with its message and hint" {
	vars '{ "device": "all", "tsm": "tsm0" }'
	FAKE_REFUSE='*/0000:01:00.0/tsm/connect=* 5' play
	assert_failure
	asked 's["failures"]' 1
	asked 't["What could not be done"]["msg"][0]["device"]' 0000:01:00.0
	asked 'isinstance(t["What could not be done"]["msg"][0]["hint"], str)' true
	# the other one was done, and is reported
	asked 't["Devices"]["changed"]' true
	assert_equal "$(cat "$SYS/bus/pci/devices/0000:02:00.0/tsm/connect")" tsm0

	vars '{ "device": "0000:01:00.0", "colour": "red" }'
	play --check
	assert_failure
	asked '"colour" in t["What could not be done"]["msg"][0]["message"]' true
}

@test "ansible: a document with a mistake leaves the good one in place; a backup is kept" {
	play
	assert_success
	cp "$TSMCTL_ETC/config.json" "$BATS_TEST_TMPDIR/good"
	vars '{ "device": "0000:01:00.0", "colour": "red" }'
	play
	assert_failure
	asked '"colour" in json.dumps(t["Configuration"])' true
	cmp "$TSMCTL_ETC/config.json" "$BATS_TEST_TMPDIR/good"
	vars '{ "device": "0000:01:00.0", "assigned": true }'
	play
	assert_success
	for backup in "$TSMCTL_ETC"/config.json.*~; do
		cmp "$backup" "$BATS_TEST_TMPDIR/good"
	done
}

@test "ansible: the role asks nobody but tsmctl about devices" {
	run grep -rnE 'sysfs|/sys/|configfs|driverctl|lspci|shell:|raw:' "$EXAMPLE/roles"
	assert_output ""
	run ansible-playbook -i localhost, --syntax-check "$EXAMPLE/playbook.yml"
	assert_success
}
