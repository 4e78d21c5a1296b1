#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2013,SC2016,SC2030,SC2031,SC2154
# Usage, help, the envelope in errors, and output that cannot be written.
bats_require_minimum_version 1.5.0
load helpers

setup() {
	fake_host
	fake_assigned 0000:01:00.0
}

@test "help: for the program and for each verb, on standard output, exit 0" {
	run_split tsmctl --help
	assert_success
	assert_equal "$stderr" ""
	for verb in $(tsmctl help verbs | cut -f1); do
		run_split tsmctl --help
		assert_line --regexp "^  $verb +[a-z]"
		run_split tsmctl "$verb" --help
		assert_success
		for line in "${lines[@]}"; do
			[ ${#line} -le 79 ] || fail "too wide: $line"
		done
		# each of its options is in the usage line, with its value
		usage=" $(sed '/^$/,$d' <<< "$output" | xargs) "
		while IFS=$'\t' read -r _ _ _ option value _; do
			[ "$value" = - ] || option+=" $value"
			[[ $usage == *"[--$option]"* ]] || [[ $verb:$usage == wait:*"--$option"* ]] || fail "no --$option in $usage"
		done < <(tsmctl help tables | grep -P "^option\t$verb\t")
		assert_line --partial "Usage: tsmctl $verb "
		own=$output
		run_split tsmctl help "$verb"
		assert_output "$own"
		run_split tsmctl --json "$verb" --help
		assert_output "$own"
	done
}

@test "help: the table for completions has every verb of the issue" {
	run tsmctl help verbs
	assert_success
	assert_equal "$(printf '%s\n' "$output" | cut -f1 | sort | xargs)" \
		"allow apply assign bind config connect deny diff disconnect doctor events free list load metrics mode monitor release requests revoke save show tdi-id unbind unload wait"
	assert_line --regexp $'^mode\tdevice\t--set= .*--json .*\tdefault exclusive shared\t--set=default\|exclusive\|shared .*--bar-mmap=refuse\|revoke --timeout=$'
}

@test "a verb or an option that is mistyped: the one that may be meant is named" {
	while IFS='|' read -r args said; do
		# shellcheck disable=SC2086
		run_split tsmctl $args
		assert_equal "$status" 2
		assert_one_line "$said"
	done <<- 'EOF'
		assignn 01:00.0|there is no verb 'assignn', but there is 'assign'; see
		conn3ct 01:00.0|there is no verb 'conn3ct', but there is 'connect'; see
		unbnid 01:00.0|there is no verb 'unbnid', but there is 'unbind'; see
		xyz|there is no verb 'xyz'; see
		assign --timout 5|--timout: unknown option, but there is --timeout; see
		assign --timout=5|--timout=5: unknown option, but there is --timeout; see
		assign --dryrun|--dryrun: unknown option, but there is --dry-run; see
		assign --nonesuch|--nonesuch: unknown option; see
		--jsno list|--jsno: unknown option, but there is --json; see
	EOF
}

@test "version: of both programs" {
	run tsmctl --version
	assert_success
	assert_output --regexp '^tsmctl [0-9.]+'
	run tsm-bind-helper --version
	assert_success
	assert_output --regexp '^tsm-bind-helper [0-9.]+'
}

@test "usage: every mistake is one line, exit 2, and points at --help" {
	for args in "" nonesuch "--nonesuch list" "list --nonesuch" "list --json=1" "help nonesuch" \
		"connect --tsm" "mode --set" "list -x"; do
		# shellcheck disable=SC2086
		run_split tsmctl $args
		[ "$status" -eq 2 ] || fail "'$args' gave exit $status"
		assert_equal "$output" ""
		assert_one_line "--help'"
	done
	run_split tsmctl help list show
	assert_equal "$status" 2
	assert_one_line "'show'" "--help'"
	[[ $stderr != *"'list'"* ]] || fail "$stderr"
	run_split tsmctl ""
	assert_equal "$status" 2
	run_split tsmctl $'\033[2Jevil\n'
	assert_equal "$status" 2
	assert_one_line '\x1b[2Jevil\x0a'
}

@test "usage: with --json anywhere, mistakes are in the envelope, and only there" {
	for args in "--json" "--json nonesuch" "list --nonesuch --json" "--nonesuch --json list" \
		"--json mode 01:00.0 nonesuch"; do
		# shellcheck disable=SC2086
		run_split tsmctl $args
		[ "$status" -eq 2 ] || fail "'$args' gave exit $status"
		assert_envelope 'len(e)' 1 \
			'e[0]["errno"]' EINVAL \
			'd["changed"]' false
		assert_equal "$stderr" ""
	done
	run_split tsmctl --json $'\xff"\\\033'
	assert_envelope
	# after --, it is a device
	run_split tsmctl list -- --json
	assert_equal "$status" 2
	assert_equal "$output" ""
}

@test "errors: of wrong usage, the argument is the value; of a document that is not valid JSON, nothing is the attribute" {
	run_split tsmctl --json mode 01:00.0 --set nonesuch
	assert_equal "$status" 2
	json_is '[e[0][k] for k in ("device", "attribute", "value")]' '[null, null, "nonesuch"]'
	run_split tsmctl --json mode nonesuch
	json_is '[e[0][k] for k in ("device", "value")]' '[null, "nonesuch"]'
	run_split tsmctl --json mode '0000:77:*'
	json_is '[e[0][k] for k in ("device", "value")]' '["0000:77:*", null]'
	echo '{ "version": 1,' > "$BATS_TEST_TMPDIR/config.json"
	chmod 600 "$BATS_TEST_TMPDIR/config.json"
	run_split tsmctl --json diff --file - < "$BATS_TEST_TMPDIR/config.json"
	assert_equal "$status" 2
	json_is '[e[0][k] for k in ("device", "attribute", "value")]' '[null, null, "<stdin>"]'
	# json-c takes a key between single quotes
	run_split tsmctl --json diff --file - <<< "{ \"version\": 1, \"devices\": [ { 'device': \"01:00.0\" } ] }"
	assert_equal "$status" 2
	json_is '[e[0][k] for k in ("device", "attribute", "value")]' '[null, null, "<stdin>"]' \
		'"not valid JSON" in e[0]["message"]' true
}

@test "output: with --json, standard error has what --dry-run would do only with --verbose" {
	run_split tsmctl --json --dry-run mode 01:00.0 shared
	assert_success
	assert_equal "$stderr" ""
	run_split tsmctl --json --dry-run --verbose mode 01:00.0 shared
	assert_one_line shared
	run_split tsmctl --dry-run mode 01:00.0 shared
	assert_one_line shared
}

@test "output: yes and no are for people, configfs's words for programs" {
	policy 0000:01:00.0 bind_allowed 0
	run_split tsmctl allow 01:00.0
	assert_output "0000:01:00.0: bind_allowed yes (was no)"
	run_split tsmctl deny --json 01:00.0
	json_is '[r[0]["value"], r[0]["previous"]]' '["0", "1"]'
}

@test "options: global ones before and after the verb" {
	run_split tsmctl --json --dry-run mode 01:00.0 shared
	first=$output
	assert_envelope
	run_split tsmctl mode --json 01:00.0 --dry-run shared
	assert_output "$first"
	assert_equal "$(policy 0000:01:00.0 region_mode)" default
}

@test "output: a full disk or a closed standard output is exit 1, the change is made" {
	run_split bash -c 'tsmctl list > /dev/full'
	assert_equal "$status" 1
	assert_one_line "No space left on device"
	run_split bash -c 'tsmctl list >&-'
	assert_equal "$status" 1
	assert_one_line "cannot write"
	run_split bash -c 'tsmctl --json mode 01:00.0 shared > /dev/full'
	assert_equal "$status" 1
	assert_equal "$(policy 0000:01:00.0 region_mode)" shared
	run_split bash -c 'tsmctl mode 01:00.0 exclusive >&- 2>&- <&-'
	assert_equal "$status" 1
	assert_equal "$(policy 0000:01:00.0 region_mode)" exclusive
}

@test "output: a reader that goes away stops no change" {
	run_split bash -c 'set -o pipefail; tsmctl mode 01:00.0 shared | :'
	assert_equal "$(policy 0000:01:00.0 region_mode)" shared
	refute [ -n "$stderr" ]
}

@test "output: more than a buffer of it fails as less does: a full disk by name, a reader that went away without a word" {
	"$BATS_TEST_DIRNAME/../bench/tree" "$BATS_TEST_TMPDIR/many" 400
	SYSFS_PATH=$BATS_TEST_TMPDIR/many
	for command in "list --json *" "show *" "list --json --quiet *"; do
		set -f
		run_split bash -c 'tsmctl "$@" | head -n 1; exit ${PIPESTATUS[0]}' - $command
		assert_equal "$status" 1
		assert_equal "$stderr" ""
		run_split bash -c 'tsmctl "$@" > /dev/full' - $command
		set +f
		assert_equal "$status" 1
		assert_one_line "cannot write the output: No space left on device"
	done
	run_split bash -c 'tsmctl save --file - > /dev/full'
	assert_equal "$status" 1
	assert_one_line "cannot write the output: No space left on device"
}

@test "exit codes: several devices that fail alike keep their code, else 1" {
	fake_device 0000:02:00.0 nvme
	fake_device 0000:03:00.0 nvme
	run_split tsmctl bind 02:00.0 03:00.0
	assert_equal "$status" 5
	policy 0000:01:00.0 state open
	run_split tsmctl bind 02:00.0 01:00.0
	assert_equal "$status" 1
	run_split tsmctl --json bind 02:00.0 01:00.0
	json_is '[x["errno"] for x in e]' '["EOPNOTSUPP", "EBUSY"]'
}

@test "manual: every verb and option of the tables is in it, and every key of the configuration" {
	man=$BATS_TEST_DIRNAME/../../man
	page=$BATS_TEST_TMPDIR/tsmctl.8
	sed 's/\\-/-/g' "$TSMCTL_BIN/../man/tsmctl.8" > "$page"
	while IFS=$'\t' read -r verb _ options _; do
		grep -qE "^\.It (.* , )?Cm $verb( |\$)" "$page" || fail "no $verb"
		for option in $options; do
			option=${option#--}
			grep -qE "(Fl |, )-${option%=}\b" "$page" || fail "no --$option of $verb"
		done
	done < <(tsmctl help verbs)
	for key in version default_region_mode devices device $(grep -oE '\[SET_[A-Z_]+\] = "[a-z_]+"' "$BATS_TEST_DIRNAME/../../cli/config/document.c" | cut -d'"' -f2); do
		grep -qE "^\.It Li $key$" "$man/tsmctl-config.5" || fail "no $key"
	done
	for code in 0 1 2 3 4 5 6 7 8; do grep -qx ".It $code" "$page" || fail "no exit code $code"; done
	command -v mandoc > /dev/null || skip "no mandoc"
	run mandoc -T lint -W warning "$page" "$man"/tsmctl*.[1-9]
	assert_success
	assert_output ""
}
