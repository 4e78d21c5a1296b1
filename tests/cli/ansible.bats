#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2013,SC2016,SC2030,SC2031,SC2034,SC2154
# The example role, run by ansible-playbook on this host with fake trees, and the
# kernel's part played by fake-kernel.c.
# plain: nearly all of the time is Ansible's own Python
#
# A start of ansible-playbook takes longer than most files of tests. So setup_file runs
# it five times, for several hosts at once, and the tests look at what came of it:
#
#	run	--check	fresh		loaded		failing
#	1	yes	document	document	a mistake
#	2	no	document	document	TSM refuses
#	3	yes	document	another
#	4	no	document	a mistake
#	5	no	drifted		prune
#
# On "fresh", the modules are not loaded at first.
bats_require_minimum_version 1.5.0
load helpers

everything='["Directory of the configuration", "Configuration", "Kernel modules", "Devices"]'
document='{ "device": "0000:01:00.0", "assigned": true, "region_mode": "exclusive",
	"tdi_id": "00:05.0", "tsm": "tsm0" }'
mistake='{ "device": "0000:01:00.0", "colour": "red" }'

setup_file() {
	command -v ansible-playbook > /dev/null || return 0
	build_kernel
	export HOME=$BATS_FILE_TMPDIR/home LC_ALL=C.UTF-8 ANSIBLE_NOCOLOR=1 ANSIBLE_LOCALHOST_WARNING=0
	export ANSIBLE_HOME=$HOME ANSIBLE_REMOTE_TMP=$HOME/tmp ANSIBLE_PIPELINING=1 ANSIBLE_FORKS=3
	export ANSIBLE_CALLBACK_PLUGINS=$BATS_FILE_TMPDIR ANSIBLE_CALLBACKS_ENABLED=results
	unset ANSIBLE_CONFIG
	mkdir -p "$HOME"
	write_callback

	for host in fresh loaded failing; do make_host $host; done
	touch "$BATS_FILE_TMPDIR"/{loaded,failing}/loaded
	play 1 --check "fresh=$document" "loaded=$document" "failing=$mistake"
	play 2 "fresh=$document" "loaded=$document" 'failing={ "device": "all", "tsm": "tsm0" }'
	play 3 --check "fresh=$document" 'loaded={ "device": "0000:01:00.0", "bind_allowed": false }'
	play 4 "fresh=$document" "loaded=$mistake"
	echo none > "$BATS_FILE_TMPDIR/fresh/sys/kernel/config/vfio_tsm/0000:01:00.0/tsm/tdi_id"
	MORE='"tsmctl_prune": true, "tsmctl_default_region_mode": "shared"' play 5 "fresh=$document" "loaded="
}

setup() { command -v ansible-playbook > /dev/null || skip "no ansible-playbook"; }

# ansible-core has no output that a program could read
write_callback() {
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
		        # ansible-core 2.19 has other names for them
		        new = hasattr(result, "result")
		        host = (result.host if new else result._host).get_name()
		        tasks = self.tasks.setdefault(host, {})
		        tasks[result.task_name.split(" : ")[-1]] = result.result if new else result._result

		    v2_runner_on_ok = v2_runner_on_failed = v2_runner_on_skipped = add

		    def v2_playbook_on_stats(self, stats):
		        hosts = {h: [stats.summarize(h), self.tasks[h]] for h in self.tasks}
		        with open(os.environ["RESULTS"], "w") as f:
		            json.dump(hosts, f, default=str)
	END
}

# make_host NAME: its trees, and its tsmctl; load, which refuses where sysfs was moved,
# is answered for there.
make_host() {
	local BATS_TEST_TMPDIR=$BATS_FILE_TMPDIR/$1 refuse=

	mkdir -p "$BATS_TEST_TMPDIR"
	fake_configured_host
	rmdir "$TSMCTL_ETC" # the role makes it
	for i in 1 2; do fake_capable "0000:0$i:00.0"; done
	[ "$1" != failing ] || refuse='*/0000:01:00.0/tsm/connect=* 5'
	cat > "$BATS_TEST_TMPDIR/tsmctl" <<- END
		#!/bin/sh
		if [ "\$1" = load ]; then
			changed=\$([ -e "$BATS_TEST_TMPDIR/loaded" ] && echo false || echo true)
			case "\$*" in *--dry-run*) ;; *) : > "$BATS_TEST_TMPDIR/loaded" ;; esac
			echo '{"schema_version":1,"changed":'\$changed',"result":[],"errors":[]}'
			exit
		fi
		export SYSFS_PATH="$SYS" TSMCTL_RUN="$RUN" TSMCTL_ETC="$TSMCTL_ETC"
		export FAKE_LOG="$FAKE_LOG" FAKE_REFUSE="$refuse"
		LD_PRELOAD="$BATS_RUN_TMPDIR/kernel.so" \\
			ASAN_OPTIONS="${ASAN_OPTIONS:-}:verify_asan_link_order=0" exec "$TSMCTL_BIN/tsmctl" "\$@"
	END
	chmod 755 "$BATS_TEST_TMPDIR/tsmctl"
	cp -a "$BATS_TEST_TMPDIR" "$BATS_TEST_TMPDIR.0"
}

# play RUN [--check] HOST=DEVICES...: the playbook, on these hosts; their state and what
# came of it is kept. MORE has variables of the role for the second host.
play() {
	local run=$1 check=() hosts=() host rc=0 more=

	shift
	[ "$1" != --check ] || { check=(--check); shift; }
	for host; do
		hosts+=("$(printf '"%s": { "devices": [ %s ], "tsmctl_command": "%s", "tsmctl_etc": "%s" %s }' \
			"${host%%=*}" "${host#*=}" "$BATS_FILE_TMPDIR/${host%%=*}/tsmctl" \
			"$BATS_FILE_TMPDIR/${host%%=*}/etc" "$more")")
		more=${MORE:+, $MORE}
	done
	(IFS=, && echo "{ \"all\": { \"hosts\": { ${hosts[*]} } } }") > "$BATS_FILE_TMPDIR/hosts.json"
	# what the playbook sets itself, only these variables can set anew
	echo '{ "tsmctl_devices": "{{ devices }}", "tsmctl_become": false, "tsmctl_at_boot": false,
		"ansible_connection": "local", "ansible_python_interpreter": "/usr/bin/python3" }' \
		> "$BATS_FILE_TMPDIR/vars.json"
	cd "$BATS_TEST_DIRNAME/../../examples/ansible" || return
	RESULTS=$BATS_FILE_TMPDIR/results.$run ansible-playbook -i "$BATS_FILE_TMPDIR/hosts.json" \
		-e "@$BATS_FILE_TMPDIR/vars.json" "${check[@]}" playbook.yml \
		> "$BATS_FILE_TMPDIR/output.$run" 2>&1 || rc=$?
	echo $rc > "$BATS_FILE_TMPDIR/status.$run"
	[ -e "$BATS_FILE_TMPDIR/results.$run" ] || fail "no results of run $run: $(cat "$BATS_FILE_TMPDIR/output.$run")"
	for host; do cp -a "$BATS_FILE_TMPDIR/${host%%=*}" "$BATS_FILE_TMPDIR/${host%%=*}.$run"; done
}

# status RUN: of ansible-playbook
status() { cat "$BATS_FILE_TMPDIR/status.$1"; }

# after RUN HOST: what follows is about this host as it was then; after run 0, as it
# was before the first.
after() {
	RUN_NUMBER=$1 HOST=$2 THEN=$BATS_FILE_TMPDIR/$2.$1
	SYS=$THEN/sys CFG=$THEN/sys/kernel/config/vfio_tsm TSMCTL_ETC=$THEN/etc FAKE_LOG=$THEN/log
}

# asked EXPR VALUE [EXPR VALUE]...: about the run's statistics s of the host, tasks t by
# their name, and facts f
asked() {
	python3 -IS -c '
import json, sys
s, t = json.load(open(sys.argv[1]))[sys.argv[2]]
f = t.get("Facts, for the tasks that follow", {}).get("ansible_facts", {}).get("tsmctl_found")
changed = [name for name in t if t[name].get("changed")]
applied = lambda: json.loads(t["Devices"]["stdout"])["result"]
for expr, value in zip(sys.argv[3::2], sys.argv[4::2]):
    v = eval(expr)
    v = v if isinstance(v, str) else json.dumps(v)
    if v != value: sys.exit("%s is %s, not %s" % (expr, v, value))' \
		"$BATS_FILE_TMPDIR/results.$RUN_NUMBER" "$HOST" "$@" ||
		fail "run $RUN_NUMBER of $HOST: $(cat "$BATS_FILE_TMPDIR/output.$RUN_NUMBER")"
}

@test "ansible: the first run changes, the second does not, drift is mended" {
	after 2 fresh
	asked changed "$everything" 's["failures"]' 0
	assert_equal "$(policy 0000:01:00.0 tdi_id)" 0000:00:05.0
	assert_equal "$(policy 0000:01:00.0 region_mode)" exclusive
	assert_equal "$(cat "$SYS/bus/pci/devices/0000:01:00.0/tsm/connect")" tsm0
	SYSFS_PATH=$SYS TSMCTL_RUN=$THEN/run TSMCTL_ETC=$TSMCTL_ETC run_split kernel tsmctl diff
	assert_success
	assert_output ""

	before=$(snapshot "$THEN") log=$(cat "$FAKE_LOG")
	assert_equal "$(status 3)" 0
	for run in 3 4; do
		after $run fresh
		asked changed '[]' 's["changed"]' 0 's["failures"]' 0
		assert_equal "$(snapshot "$THEN")" "$before"
		assert_equal "$(cat "$FAKE_LOG")" "$log"
	done

	assert_equal "$(status 5)" 0
	after 5 fresh
	asked changed '["Devices"]'
	assert_equal "$(policy 0000:01:00.0 tdi_id)" 0000:00:05.0
}

@test "ansible: check mode predicts what the run then does, and changes nothing" {
	# what apply would do cannot be known before the modules are there
	after 1 fresh
	asked changed '["Directory of the configuration", "Configuration", "Kernel modules"]' \
		'"stdout" in t["Devices"]' false 's["failures"]' 0
	assert_equal "$(snapshot "$THEN")" "$(snapshot "$BATS_FILE_TMPDIR/fresh.0")"
	[ ! -e "$TSMCTL_ETC" ]
	[ ! -s "$FAKE_LOG" ]

	after 1 loaded
	asked changed '["Directory of the configuration", "Configuration", "Devices"]' \
		'[x["attribute"] for x in applied()]' '["region_mode", "tdi_id", "driver", "tsm"]' \
		'[x["driver"] for x in f]' '["nvme", "nvme"]' 's["failures"]' 0
	assert_equal "$(snapshot "$THEN")" "$(snapshot "$BATS_FILE_TMPDIR/loaded.0")"
	[ ! -e "$TSMCTL_ETC" ]
	[ ! -s "$FAKE_LOG" ]

	after 2 loaded
	asked changed '["Directory of the configuration", "Configuration", "Devices"]' \
		'[x["attribute"] for x in applied()]' '["region_mode", "tdi_id", "driver", "tsm"]' 's["failures"]' 0

	# an edited document is predicted from what it will be, not from what is written
	before=$(snapshot "$THEN")
	after 3 loaded
	asked changed '["Configuration", "Devices"]' '[x["attribute"] for x in applied()]' '["bind_allowed"]'
	assert_equal "$(snapshot "$THEN")" "$before"
}

@test "ansible: facts are what list says; prune and the default mode are handed on" {
	after 2 fresh
	asked '[[x["address"], x["driver"], x["tsm"], x["tdi_id"]] for x in f]' \
		'[["0000:01:00.0", "vfio-pci-tsm", "tsm0", "0000:00:05.0"], ["0000:02:00.0", "nvme", null, null]]' \
		't["Devices that are assigned, but not connected to a TSM"]["msg"]' '[]'
	after 5 loaded
	asked changed '["Configuration", "Devices"]' '[x["driver"] for x in f]' '["nvme", "nvme"]'
	assert_equal "$(cat "$CFG/default_region_mode")" shared
}

@test "ansible: what tsmctl could not do fails the play, with its message and hint" {
	assert_equal "$(status 2)" 2
	after 2 failing
	asked 's["failures"]' 1 \
		't["What could not be done"]["msg"][0]["device"]' 0000:01:00.0 \
		'isinstance(t["What could not be done"]["msg"][0]["hint"], str)' true \
		't["Devices"]["changed"]' true
	# the other one was done, and is reported
	assert_equal "$(cat "$SYS/bus/pci/devices/0000:02:00.0/tsm/connect")" tsm0

	assert_equal "$(status 1)" 2
	after 1 failing
	asked 's["failures"]' 1 '"colour" in t["What could not be done"]["msg"][0]["message"]' true
}

@test "ansible: a document with a mistake leaves the good one in place; a backup is kept" {
	good=$BATS_FILE_TMPDIR/loaded.2/etc/config.json
	grep -q tdi_id "$good"
	assert_equal "$(status 4)" 2
	after 4 loaded
	asked 's["failures"]' 1 '"colour" in json.dumps(t["Configuration"])' true
	cmp "$TSMCTL_ETC/config.json" "$good"
	after 5 loaded
	asked 's["failures"]' 0
	run ! cmp "$TSMCTL_ETC/config.json" "$good"
	for backup in "$TSMCTL_ETC"/config.json.*~; do
		cmp "$backup" "$good"
	done
}

@test "ansible: the role asks nobody but tsmctl about devices" {
	run grep -rnE 'sysfs|/sys/|configfs|driverctl|lspci|shell:|raw:' "$BATS_TEST_DIRNAME/../../examples/ansible/roles"
	assert_output ""
}
