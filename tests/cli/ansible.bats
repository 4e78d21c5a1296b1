#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2013,SC2016,SC2030,SC2031,SC2034,SC2154
# The collection, run by ansible-playbook on this host with fake trees. fake-kernel.c plays the
# kernel, and a script plays systemctl.
# plain: nearly all of the time is Ansible's own Python
#
# A start of ansible-playbook takes longer than most files of tests. So setup_file runs it
# five times, for several hosts at once, and the tests check the results:
#
#	run	--check	fresh		loaded		failing
#	1	yes	document	document	a mistake
#	2	no	document	document	TSM refuses
#	3	yes	document	others		no program
#	4	no	document	a mistake	in use, absent, units
#	5	no	drifted		prune		absent, tolerated
#
# The modules are not loaded on "fresh" at first.
bats_require_minimum_version 1.5.0
load helpers

everything='["Directories of the configuration", "Documents", "Kernel modules", "Each device"]'
document='{ "device": "0000:01:00.0", "assigned": true, "region_mode": "exclusive",
	"tdi_id": "00:05.0", "tsm": "tsm0" }'
mistake='{ "device": "0000:01:00.0", "colour": "red" }'
collection=$BATS_TEST_DIRNAME/../../examples/ansible
# variables of the role, for each host
declare -gA more=()

setup_file() {
	command -v ansible-playbook > /dev/null || return 0
	build_kernel
	export HOME=$BATS_FILE_TMPDIR/home LC_ALL=C.UTF-8 ANSIBLE_NOCOLOR=1 ANSIBLE_LOCALHOST_WARNING=0
	export ANSIBLE_HOME=$HOME ANSIBLE_REMOTE_TMP=$HOME/tmp ANSIBLE_PIPELINING=1 ANSIBLE_FORKS=3
	export ANSIBLE_CALLBACK_PLUGINS=$BATS_FILE_TMPDIR ANSIBLE_CALLBACKS_ENABLED=results
	export ANSIBLE_COLLECTIONS_PATH=$HOME
	unset ANSIBLE_CONFIG
	mkdir -p "$HOME/ansible_collections/tsmctl" "$HOME/bin"
	ln -s "$(realpath "$collection")" "$HOME/ansible_collections/tsmctl/host"
	write_callback
	write_systemctl

	for host in fresh loaded failing; do make_host $host; done
	touch "$BATS_FILE_TMPDIR"/{loaded,failing}/loaded
	play 1 --check "fresh=$document" "loaded=$document" "failing=$mistake"
	play 2 "fresh=$document" "loaded=$document" 'failing={ "device": "all", "tsm": "tsm0" }'
	more[loaded]='"tsmctl_dropins": [ { "name": "10-more", "devices": [
		{ "device": "0000:02:00.0", "region_mode": "shared" } ] } ]'
	more[failing]='"tsmctl_command": "/nonexistent/tsmctl", "tsmctl_etc": "/nonexistent/etc"'
	play 3 --check "fresh=$document" 'loaded={ "device": "0000:01:00.0", "bind_allowed": false }' "failing=$document"
	more=([failing]='"tsmctl_at_boot": true, "tsmctl_restart": [ "vmm.service" ],
		"tsmctl_holders": [ { "device": "0000:01:00.0" },
			{ "device": "0000:02:00.0", "also": [ "0000:02:00.1", "0000:02:00.2" ] },
			{ "device": "0000:04:00.0", "also": [ "0000:09:00.0" ] },
			{ "device": "0000:03:00.0", "enabled": false } ],
		"tsmctl_helper_allow": [ { "user": "root", "devices": [ "0000:01:00.0" ] } ]')
	in_use
	play 4 "fresh=$document" "loaded=$mistake" 'failing={ "device": "0000:01:00.0", "tdi_id": "00:05.0" },
		{ "device": "0000:02:00.0", "tdi_id": "00:06.0" }, { "device": "09:00.0", "assigned": true }'
	echo none > "$BATS_FILE_TMPDIR/fresh/sys/kernel/config/vfio_tsm/0000:01:00.0/tsm/tdi_id"
	more=([loaded]='"tsmctl_prune": true, "tsmctl_default_region_mode": "shared"'
		[failing]='"tsmctl_absent_ok": true, "tsmctl_dropins": [ { "name": "10-more", "devices": [
			{ "device": "0000:02:00.0", "region_mode": "shared" } ] }, { "name": "20-none", "state": "absent" } ]')
	play 5 "fresh=$document" "loaded=" 'failing={ "device": "0000:09:00.0", "assigned": true }'
}

setup() { command -v ansible-playbook > /dev/null || skip "no ansible-playbook"; }

# write_callback: writes a plugin for the results, because ansible-core has no output for
# programs
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
		        # ansible-core 2.19 has other names
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

# A unit is disabled, and is not running. A holder of 0000:02:00.0 cannot start.
write_systemctl() {
	cat > "$HOME/bin/systemctl" <<- END
		#!/bin/sh
		case \$* in
		show*) printf 'LoadState=loaded\nActiveState=%s\n' \
			"\$(case \$* in *@0000:03*|*vmm*|*helper.service*) echo active ;; *) echo inactive ;; esac)" ;;
		is-enabled*@0000:03*) echo enabled ;;
		is-enabled*) echo disabled; exit 1 ;;
		*) echo "\$*" >> "$BATS_FILE_TMPDIR/systemctl.log" ;;
		esac
		case \$* in start*@0000:02*) echo "the holder failed" >&2; exit 1 ;; esac
	END
	chmod 755 "$HOME/bin/systemctl"
}

# in_use: a process has bound the first device of the last host
in_use() {
	local CFG=$BATS_FILE_TMPDIR/failing/sys/kernel/config/vfio_tsm

	fake_policy 0000:01:00.0 bound
}

# make_host NAME: makes its trees and its tsmctl. A stand-in plays "tsmctl load", which
# refuses to run with SYSFS_PATH.
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
			printf '{"schema_version":1,"changed":%s,"result":[{"device":null,"attribute":"vfio_tsm",
				"value":"loaded","previous":"unloaded","changed":%s,"note":null}],"errors":[]}' \$changed \$changed
			exit
		fi
		export SYSFS_PATH="$SYS" TSMCTL_RUN="$RUN"
		export FAKE_LOG="$FAKE_LOG" FAKE_REFUSE="$refuse"
		LD_PRELOAD="$BATS_RUN_TMPDIR/kernel.so" \\
			ASAN_OPTIONS="${ASAN_OPTIONS:-}:verify_asan_link_order=0" exec "$TSMCTL_BIN/tsmctl" "\$@"
	END
	chmod 755 "$BATS_TEST_TMPDIR/tsmctl"
	cp -a "$BATS_TEST_TMPDIR" "$BATS_TEST_TMPDIR.0"
}

# play RUN [--check] HOST=DEVICES...: the playbook, on these hosts; their state and what
# came of it is kept.
play() {
	local run=$1 check=() hosts=() host rc=0

	shift
	[ "$1" != --check ] || { check=(--check); shift; }
	for host; do
		hosts+=("$(printf '"%s": { "devices": [ %s ], "tsmctl_command": "%s", "tsmctl_etc": "%s",
			"tsmctl_at_boot": false, "tsmctl_units": "%s", %s }' "${host%%=*}" "${host#*=}" \
			"$BATS_FILE_TMPDIR/${host%%=*}/tsmctl" "$BATS_FILE_TMPDIR/${host%%=*}/etc" \
			"$BATS_FILE_TMPDIR/${host%%=*}/units" \
			"${more[${host%%=*}]:-\"none\": 0}")")
	done
	(IFS=, && echo "{ \"all\": { \"hosts\": { ${hosts[*]} } } }") > "$BATS_FILE_TMPDIR/hosts.json"
	# only these variables override what the playbook sets
	echo '{ "tsmctl_devices": "{{ devices }}", "tsmctl_become": false,
		"ansible_connection": "local", "ansible_python_interpreter": "/usr/bin/python3" }' \
		> "$BATS_FILE_TMPDIR/vars.json"
	PATH=$HOME/bin:$PATH RESULTS=$BATS_FILE_TMPDIR/results.$run ansible-playbook -i "$BATS_FILE_TMPDIR/hosts.json" \
		-e "@$BATS_FILE_TMPDIR/vars.json" "${check[@]}" tsmctl.host.hosts \
		> "$BATS_FILE_TMPDIR/output.$run" 2>&1 || rc=$?
	echo $rc > "$BATS_FILE_TMPDIR/status.$run"
	[ -e "$BATS_FILE_TMPDIR/results.$run" ] || fail "no results of run $run: $(< "$BATS_FILE_TMPDIR/output.$run")"
	for host; do cp -a "$BATS_FILE_TMPDIR/${host%%=*}" "$BATS_FILE_TMPDIR/${host%%=*}.$run"; done
}

# status RUN: prints the exit status of ansible-playbook
status() { cat "$BATS_FILE_TMPDIR/status.$1"; }

# after RUN HOST: the checks that follow are about this host after that run; run 0 is before
# the first one.
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
applied = lambda: json.loads(t["Apply the configuration"]["stdout"])["result"]
failed = lambda: [(x["item"]["device"], x["msg"]) for x in t["What could not be done"]["results"]]
devices = lambda: [[x["item"]["device"], x["changed"]] for x in t["Each device"]["results"]]
for expr, value in zip(sys.argv[3::2], sys.argv[4::2]):
    v = eval(expr)
    v = v if isinstance(v, str) else json.dumps(v)
    if v != value: sys.exit("%s is %s, not %s" % (expr, v, value))' \
		"$BATS_FILE_TMPDIR/results.$RUN_NUMBER" "$HOST" "$@" ||
		fail "run $RUN_NUMBER of $HOST: $(< "$BATS_FILE_TMPDIR/output.$RUN_NUMBER")"
}

@test "ansible: the first run makes changes, the second one none, and a later one corrects drift" {
	after 2 fresh
	asked changed "$everything" 's["failures"]' 0
	assert_equal "$(policy 0000:01:00.0 tdi_id)" 0000:00:05.0
	assert_equal "$(policy 0000:01:00.0 region_mode)" exclusive
	assert_equal "$(< "$SYS/bus/pci/devices/0000:01:00.0/tsm/connect")" tsm0
	SYSFS_PATH=$SYS TSMCTL_RUN=$THEN/run TSMCTL_ETC=$TSMCTL_ETC run_split kernel tsmctl diff
	assert_success
	assert_output ""

	before=$(snapshot "$THEN") log=$(< "$FAKE_LOG")
	for run in 3 4; do
		after $run fresh
		asked changed '[]' 's["changed"]' 0 's["failures"]' 0
		assert_equal "$(snapshot "$THEN")" "$before"
		assert_equal "$(< "$FAKE_LOG")" "$log"
	done

	assert_equal "$(status 5)" 0
	after 5 fresh
	asked changed '["Each device"]' 'devices()' '[["0000:01:00.0", true]]'
	assert_equal "$(policy 0000:01:00.0 tdi_id)" 0000:00:05.0
}

@test "ansible: check mode predicts what the run then does, and changes nothing" {
	# what apply would do is not known before the modules are loaded
	after 1 fresh
	asked changed '["Directories of the configuration", "Documents", "Kernel modules"]' \
		'"stdout" in t["Apply the configuration"]' false 's["failures"]' 0
	assert_equal "$(snapshot "$THEN")" "$(snapshot "$BATS_FILE_TMPDIR/fresh.0")"
	[ ! -e "$TSMCTL_ETC" ]
	[ ! -s "$FAKE_LOG" ]

	after 1 loaded
	asked changed '["Directories of the configuration", "Documents", "Each device"]' \
		'[x["attribute"] for x in applied()]' '["region_mode", "tdi_id", "driver", "tsm"]' \
		'[x["driver"] for x in f]' '["nvme", "nvme"]' 's["failures"]' 0 \
		'__import__("os").path.exists(t["Directory for the preview"]["path"])' false
	assert_equal "$(snapshot "$THEN")" "$(snapshot "$BATS_FILE_TMPDIR/loaded.0")"
	[ ! -e "$TSMCTL_ETC" ]
	[ ! -s "$FAKE_LOG" ]

	after 2 loaded
	asked changed '["Directories of the configuration", "Documents", "Each device"]' \
		'[x["attribute"] for x in applied()]' '["region_mode", "tdi_id", "driver", "tsm"]' 's["failures"]' 0

	# a prediction is about the new document, which is not written yet
	before=$(snapshot "$THEN")
	after 3 loaded
	asked changed '["Directories of the configuration", "Documents", "Each device"]' \
		'[x["attribute"] for x in applied()]' '["bind_allowed", "region_mode"]' \
		'devices()' '[["0000:01:00.0", true], ["0000:02:00.0", true]]'
	[ ! -e "$TSMCTL_ETC/config.d" ]
	assert_equal "$(snapshot "$THEN")" "$before"
}

@test "ansible: facts are the output of list; prune and the default mode are passed on" {
	after 2 fresh
	asked '[[x["address"], x["driver"], x["tsm"], x["tdi_id"]] for x in f]' \
		'[["0000:01:00.0", "vfio-pci-tsm", "tsm0", "0000:00:05.0"], ["0000:02:00.0", "nvme", null, null]]' \
		't["Devices that are assigned, but not connected to a TSM"]["msg"]' '[]'
	after 5 loaded
	asked changed '["Documents", "Each device"]' '[x["driver"] for x in f]' '["nvme", "nvme"]'
	assert_equal "$(< "$CFG/default_region_mode")" shared
}

@test "ansible: what tsmctl could not do fails the play at the end, with its message and hint" {
	assert_equal "$(status 2)" 2
	after 2 failing
	asked 's["failures"]' 1 '[x[0] for x in failed()]' '["0000:01:00.0"]' \
		'failed()[0][1] == "\n".join(t["Each device"]["results"][0]["msg"])' true \
		'failed()[0][1].count("; ")' 1 't["Each device"]["changed"]' true
	# the change of the other one is made and reported
	assert_equal "$(< "$SYS/bus/pci/devices/0000:02:00.0/tsm/connect")" tsm0
}

@test "ansible: without the program nothing is written, and the message has the way to install it" {
	after 3 failing
	assert_equal "$(status 3)" 2
	asked 's["changed"]' 0 's["failures"]' 1 '"Documents" in t' false \
		'"make install" in t["How to install tsmctl"]["msg"]' true \
		'"/nonexistent/tsmctl --version" in t["How to install tsmctl"]["msg"]' true
}

@test "ansible: a device in use and an absent one fail at the end, after units and handlers" {
	assert_equal "$(status 4)" 2
	after 4 failing
	asked 's["failures"]' 1 '[x[0] for x in failed()]' '["0000:01:00.0", "0000:09:00.0", "units"]' \
		'"uses it" in failed()[0][1]' true '"no such device" in failed()[1][1]' true \
		'"the holder failed" in failed()[2][1]' true \
		'devices()' '[["0000:01:00.0", false], ["0000:02:00.0", true], ["0000:09:00.0", false]]'
	assert_equal "$(policy 0000:02:00.0 tdi_id)" 0000:00:06.0
	# The functions of a holder are in a drop-in.
	assert_equal "$(tail -n 2 "$THEN/units/tsmctl-hold@0000:02:00.0.service.d/50-tsmctl-also.conf")" \
		$'[Service]\nEnvironment="ALSO=--device 0000:02:00.1 --device 0000:02:00.2"'
	assert_equal "$(ls "$THEN/units")" $'tsmctl-hold@0000:02:00.0.service.d\ntsmctl-hold@0000:04:00.0.service.d'
	# The holders of a device that is in use, and of one that is absent, are enabled, but not started.
	run sort "$BATS_FILE_TMPDIR/systemctl.log"
	assert_output "$(printf '%s\n' disable\ tsmctl-hold@0000:03:00.0.service \
		daemon-reload \
		enable\ tsmctl-{helper.socket,hold@0000:01:00.0.service,hold@0000:02:00.0.service,hold@0000:04:00.0.service} \
		enable\ tsmctl.service restart\ {tsmctl-helper,vmm}.service \
		start\ tsmctl-{helper.socket,hold@0000:02:00.0.service} stop\ tsmctl-hold@0000:03:00.0.service | sort)"
	run head -n 3 "$BATS_FILE_TMPDIR/systemctl.log"
	refute_output --partial start
	python3 -IS -c 'import json, sys; assert json.load(open(sys.argv[1])) == {
		"version": 1, "allow": [{"user": "root", "devices": ["0000:01:00.0"]}]}' "$TSMCTL_ETC/helper.json"

	# An absent device can be tolerated. A drop-in is written.
	after 5 failing
	assert_equal "$(status 5)" 0
	asked 's["failures"]' 0 'devices()' '[["0000:02:00.0", true], ["0000:09:00.0", false]]' \
		't["Each device"]["results"][1]["msg"]' '["driver: it is not present: its driver and TSM cannot be set yet"]'
	assert_equal "$(policy 0000:02:00.0 region_mode)" shared
	assert_equal "$(ls "$TSMCTL_ETC/config.d")" 10-more.json
}

@test "ansible: a document with a mistake changes nothing; there is one backup" {
	assert_equal "$(status 1)" 2
	after 1 failing
	asked 's["failures"]' 1 's["changed"]' 0 '"colour" in t["Check the documents"]["results"][0]["stderr"]' true

	good=$BATS_FILE_TMPDIR/loaded.2/etc/config.json
	grep -q tdi_id "$good"
	after 4 loaded
	asked 's["failures"]' 1 '"colour" in json.dumps(t["Check the documents"])' true
	cmp "$TSMCTL_ETC/config.json" "$good"
	after 5 loaded
	asked 's["failures"]' 0
	run ! cmp "$TSMCTL_ETC/config.json" "$good"
	cmp "$TSMCTL_ETC/config.json.before" "$good"
	# that host had three documents
	assert_equal "$(ls -m "$BATS_FILE_TMPDIR/failing.5/etc")" \
		"config.d, config.json, config.json.before, helper.json"
}

@test "ansible: the collection has the version of tsmctl, and each variable has a description" {
	version=$(sed -n 's/^TSMCTL_VERSION := //p' "$collection/../../version.mk")
	grep -qx "version: $version.0" "$collection/galaxy.yml"
	for name in $(sed -n 's/^#* *\(tsmctl_[a-z_]*\)[: ].*/\1/p' "$collection/roles/tsmctl/defaults/main.yml"); do
		grep -q "^      $name:\$" "$collection/roles/tsmctl/meta/argument_specs.yml" || fail "no spec of $name"
		[ "$name" = tsmctl_etc ] || grep -q "^| .$name. |" "$collection/README.md" || fail "$name is not in README"
	done
}

@test "ansible: the role uses only tsmctl for devices" {
	run grep -rnE 'sysfs|/sys/|configfs|driverctl|lspci|shell:|raw:' "$collection/roles"
	assert_output ""
}
