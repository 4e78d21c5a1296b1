#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2013,SC2016,SC2030,SC2031,SC2154
# Usage, help, the JSON of errors, and output that cannot be written.
# plain: each verb runs many times; every-verb.bats has each verb with sanitizers
bats_require_minimum_version 1.5.0
load helpers

setup() {
	fake_host
	fake_assigned 0000:01:00.0
}

@test "help: the program and each verb print help to standard output and exit with 0" {
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

@test "help: the table for completions has every verb" {
	run tsmctl help verbs
	assert_success
	assert_equal "$(printf '%s\n' "$output" | cut -f1 | sort | xargs)" \
		"$(grep -ohP '^const struct verb verb_\K\w+' "$BATS_TEST_DIRNAME"/../../cli/verbs/*.c | tr _ - | sort | xargs)"
	assert_line --regexp $'^mode\tdevice\t--set= .*--json .*\tdefault exclusive shared\t--set=default\|exclusive\|shared .*--bar-mmap=refuse\|revoke --timeout=$'
}

@test "usage: an error names the verb or option that a mistyped one may mean" {
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
		help bnd|there is no verb 'bnd', but there is 'bind'; see
		help xyz|there is no verb 'xyz'; see
		assign --timout 5|--timout: unknown option, but there is --timeout; see
		assign --timout=5|--timout=5: unknown option, but there is --timeout; see
		assign --dryrun|--dryrun: unknown option, but there is --dry-run; see
		assign --nonesuch|--nonesuch: unknown option; see
		--jsno list|--jsno: unknown option, but there is --json; see
	EOF
}

@test "help: the usage has the synopsis of the verb as it is; help prints that of the program" {
	local name synopsis

	while IFS=$'\t' read -r _ name synopsis _; do
		run_split tsmctl help "$name"
		assert_success
		[[ ${output//$'\n'        / } == "Usage: tsmctl $name $synopsis "* ]] || fail "$output"
	done < <(tsmctl help tables | grep -P '^verb\t')
	run_split tsmctl help help
	assert_success
	assert_output "$(tsmctl help)"
}

@test "version: both programs print their version" {
	run tsmctl --version
	assert_success
	assert_output --regexp '^tsmctl [0-9.]+'
	run tsm-bind-helper --version
	assert_success
	assert_output --regexp '^tsm-bind-helper [0-9.]+'
}

@test "usage: every mistake is one line that names --help, and exit 2" {
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

@test "usage: an empty path, as of a variable that is not set, is a mistake, and not a path" {
	for command in "apply --file" "diff --file" "save --file" "metrics --output" "evidence 0000:01:00.0 --out" \
		"load --modules"; do
		# shellcheck disable=SC2086
		run_split tsmctl $command ''
		assert_equal "$status" 2
		assert_one_line "${command%% *}: the path in --${command##*--} is empty; see"
	done
	run_split tsmctl config check ''
	assert_equal "$status" 2
	assert_one_line "config: an argument is empty; see"
}

@test "usage: with --json anywhere on the command line, mistakes are in the JSON, and only there" {
	for args in "--json" "--json nonesuch" "list --nonesuch --json" "--nonesuch --json list" \
		"--json mode 01:00.0 nonesuch"; do
		# shellcheck disable=SC2086
		run_split tsmctl $args
		[ "$status" -eq 2 ] || fail "'$args' gave exit $status"
		assert_envelope
		assert_changed false
		assert_equal "$(errors errno)" EINVAL
		assert_equal "$stderr" ""
	done
	run_split tsmctl --json $'\xff"\\\033'
	assert_envelope
	# after --, --json is a device
	run_split tsmctl list -- --json
	assert_equal "$status" 2
	assert_equal "$output" ""
}

@test "errors: the value is the argument or the file with the mistake" {
	run_split tsmctl --json mode 01:00.0 --set nonesuch
	assert_equal "$status" 2
	assert_equal "$(errors "device attribute value")" "null null nonesuch"
	run_split tsmctl --json mode nonesuch
	assert_equal "$(errors "device value")" "null nonesuch"
	run_split tsmctl --json mode '0000:77:*'
	assert_equal "$(errors "device value")" "0000:77:* null"
	echo '{ "version": 1,' > "$BATS_TEST_TMPDIR/config.json"
	chmod 600 "$BATS_TEST_TMPDIR/config.json"
	run_split tsmctl --json diff --file - < "$BATS_TEST_TMPDIR/config.json"
	assert_equal "$status" 2
	assert_equal "$(errors "device attribute value")" "null null <stdin>"
	# json-c accepts a key between single quotes
	run_split tsmctl --json diff --file - <<< "{ \"version\": 1, \"devices\": [ { 'device': \"01:00.0\" } ] }"
	assert_equal "$status" 2
	[[ $(errors "device attribute value message") == "null null <stdin> "*"not valid JSON"* ]] || fail "$output"
}

@test "output: with --json, --dry-run prints steps to standard error only with --verbose" {
	run_split tsmctl --json --dry-run mode 01:00.0 shared
	assert_success
	assert_equal "$stderr" ""
	run_split tsmctl --json --dry-run --verbose mode 01:00.0 shared
	assert_one_line shared
	run_split tsmctl --dry-run mode 01:00.0 shared
	assert_one_line shared
}

@test "output: the text has yes and no, the JSON has the words of configfs" {
	policy 0000:01:00.0 bind_allowed 0
	run_split tsmctl allow 01:00.0
	assert_output "0000:01:00.0: bind_allowed yes (was no)"
	run_split tsmctl deny --json 01:00.0
	assert_equal "$(results "value previous")" '"0" "1"'
}

@test "options: global options work before and after the verb" {
	run_split tsmctl --json --dry-run mode 01:00.0 shared
	first=$output
	assert_envelope
	run_split tsmctl mode --json 01:00.0 --dry-run shared
	assert_output "$first"
	assert_equal "$(policy 0000:01:00.0 region_mode)" default
}

@test "output: a full disk or a closed standard output is exit 1, and the change is made" {
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

@test "output: a reader that ends early does not stop a change" {
	run_split bash -c 'set -o pipefail; tsmctl mode 01:00.0 shared | :'
	assert_equal "$(policy 0000:01:00.0 region_mode)" shared
	refute [ -n "$stderr" ]
}

@test "output: a long output fails on a full disk with an error, and without one if its reader ends early" {
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

@test "exit status: is that of all devices if they fail alike, and otherwise 1" {
	fake_device 0000:02:00.0 nvme
	fake_device 0000:03:00.0 nvme
	run_split tsmctl bind 02:00.0 03:00.0
	assert_equal "$status" 5
	policy 0000:01:00.0 state open
	run_split tsmctl bind 02:00.0 01:00.0
	assert_equal "$status" 1
	run_split tsmctl --json bind 02:00.0 01:00.0
	# bind goes by address
	assert_equal "$(errors errno)" "EBUSY
EOPNOTSUPP"
}

@test "manual: has every verb and option of the tables, and every key of the configuration" {
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
