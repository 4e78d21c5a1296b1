#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2030,SC2031,SC2154
# The list of allowed measurements: which entry matches, and which lists are refused.
bats_require_minimum_version 1.5.0
load admission

setup_file() { prepare_certs; }
setup() { fake_admission; }

# measured VERDICT FOUND: the result of the check of measurements.
measured() {
	answers 0000:01:00.0
	run_split kernel tsmctl evidence 0000:01:00.0 --json
	assert_equal "$(results checks | python3 -c 'import ast, json, sys
check = json.loads(sys.stdin.read())[-1]
print(check["verdict"], check["found"])')" "$1 $2"
}

@test "measurements: the first entry that matches is named; else the closest one, and how it differs" {
	other=$(printf other | sha384sum | cut -d ' ' -f 1)
	short=${FIRMWARE:0:16}..
	allow '[]'
	measured fail "the list has no entry for this device, 8086:10c9"
	allow "[$(entry old "$other")]"
	measured fail "measurement 2 is $short, 'old' allows ${other:0:16}.."
	allow "[$(entry old "$other"), $(entry new "${FIRMWARE^^}"), $(entry "also new" "$FIRMWARE")]"
	measured pass new
	allow "[{\"name\": \"two\", \"measurements\": [{\"index\": 2, \"values\": [\"$other\", \"$FIRMWARE\"]}]}]"
	measured pass two
	allow "[{\"name\": \"two\", \"measurements\": [{\"index\": 2, \"values\": [\"$other\", \"00\", \"$FIRMWARE\", \"${FIRMWARE}00\"]}]}]"
	measured pass two
	# an entry for another model does not count
	allow "[{\"name\": \"a\", \"device\": \"144d:a80a\", \"measurements\": [{\"index\": 2, \"values\": [\"$FIRMWARE\"]}]}]"
	measured fail "the list has no entry for this device, 8086:10c9"
	allow "[{\"name\": \"a\", \"device\": \"8086:10C9\", \"measurements\": [{\"index\": 2, \"values\": [\"$FIRMWARE\"]}]}]"
	measured pass a
	# each index that is named must be there, with one of the values
	allow "[{\"name\": \"far\", \"measurements\": [{\"index\": 2, \"values\": [\"00\"]}, {\"index\": 9, \"values\": [\"00\"]}]},
		{\"name\": \"near\", \"measurements\": [{\"index\": 9, \"values\": [\"0011\", \"22\"]}, {\"index\": 2, \"values\": [\"$FIRMWARE\"]}]}]"
	measured fail "measurement 9 is missing, 'near' allows 0011 (one of 2 values)"
	allow "[{\"name\": \"far\", \"measurements\": [{\"index\": 2, \"values\": [\"00\"]}, {\"index\": 9, \"values\": [\"00\"]}]}]"
	measured fail "measurement 2 is $short, 'far' allows 00 (2 measurements differ)"
}

@test "measurements: a mistake in the list of measurements is refused, with its place" {
	while IFS='|' read -r place text; do
		IFS='|' read -r message list <<< "$text"
		# shellcheck disable=SC2059
		printf "$list" > "$TSMCTL_ETC/measurements.json"
		run_split tsmctl evidence 0000:01:00.0
		assert_failure 2
		[[ $stderr == "tsmctl: $TSMCTL_ETC/measurements.json:$place: $message"* ]] || fail "$list: $stderr"
		assert_equal "$(wc -l <<< "$stderr")" 1
	done <<- 'END'
		1:1|the document ends too early|
		1:2|this is not valid JSON|{'version': 1}
		1:1|the list must be an object|[]
		1:1|the list must be an object|null
		1:1|the key "version" is missing|{"allowed": []}
		1:13|version: 2 is not a supported version; this tsmctl reads version 1|{"version": 2, "more": 1}
		1:1|the key "allowed" is missing|{"version": 1}
		1:31|more: unknown key; the list has version and allowed|{"version": 1, "allowed": [], "more": 1}
		1:16|version: this key is there twice|{"version": 1, "version": 1}
		1:27|allowed: it must be an array|{"version": 1, "allowed": {}}
		2:1|allowed[0]: an entry must be an object|{"version": 1, "allowed": [\n5]}
		2:1|allowed[0]: the key "name" is missing|{"version": 1, "allowed": [\n{"measurements": []}]}
		2:1|allowed[0]: the key "measurements" is missing|{"version": 1, "allowed": [\n{"name": "a"}]}
		2:1|allowed[0].name: "" is not a name|{"version": 1, "allowed": [{"name":\n"", "measurements": 1}]}
		2:1|allowed[0].colour: unknown key; an entry has name, device and measurements|{"version": 1, "allowed": [{"name": "a", "measurements": [{"index": 1, "values": ["00"]}],\n"colour": 1}]}
		2:1|allowed[0].device: "all" is not a model|{"version": 1, "allowed": [{"name": "a", "device":\n"all", "measurements": 1}]}
		2:1|allowed[0].device: "144d:a80a:144d:a801" is not a model|{"version": 1, "allowed": [{"name": "a", "device":\n"144d:a80a:144d:a801", "measurements": 1}]}
		2:1|allowed[0].measurements: it must not be empty|{"version": 1, "allowed": [{"name": "a", "measurements":\n[]}]}
		2:1|allowed[0].measurements: it must be an array|{"version": 1, "allowed": [{"name": "a", "measurements":\n"00"}]}
		2:1|allowed[0].measurements[0]: the key "values" is missing|{"version": 1, "allowed": [{"name": "a", "measurements": [\n{"index": 1}]}]}
		2:1|allowed[0].measurements[0].index: 0 is not an index|{"version": 1, "allowed": [{"name": "a", "measurements": [{"values": ["00"], "index":\n0}]}]}
		2:1|allowed[0].measurements[0].index: 255 is not an index|{"version": 1, "allowed": [{"name": "a", "measurements": [{"values": ["00"], "index":\n255}]}]}
		2:1|allowed[0].measurements[0].index: 1.0 is not an index|{"version": 1, "allowed": [{"name": "a", "measurements": [{"values": ["00"], "index":\n1.0}]}]}
		2:1|allowed[0].measurements[1].index: this index is there twice|{"version": 1, "allowed": [{"name": "a", "measurements": [{"index": 1, "values": ["00"]}, {"values": ["00"], "index":\n1}]}]}
		2:1|allowed[0].measurements[0].values: it must not be empty|{"version": 1, "allowed": [{"name": "a", "measurements": [{"index": 1, "values":\n[]}]}]}
		2:1|allowed[0].measurements[0].values[1]: "0" is not a value|{"version": 1, "allowed": [{"name": "a", "measurements": [{"index": 1, "values": ["00",\n"0"]}]}]}
		2:1|allowed[0].measurements[0].values[0]: "0x00" is not a value|{"version": 1, "allowed": [{"name": "a", "measurements": [{"index": 1, "values": [\n"0x00"]}]}]}
		2:1|allowed[0].measurements[0].values[0]: 5 is not a value|{"version": 1, "allowed": [{"name": "a", "measurements": [{"index": 1, "values": [\n5]}]}]}
		2:1|allowed[0].measurements[0].colour: unknown key; a measurement has index and values|{"version": 1, "allowed": [{"name": "a", "measurements": [{"index": 1, "values": ["00"],\n"colour": 1}]}]}
	END
	# it prevents a bind that needs it, and no other
	run_split tsmctl prepare 0000:01:00.0
	assert_failure 2
	policy 0000:01:00.0 admission none
	run tsmctl prepare 0000:01:00.0
	assert_success
}

@test "measurements: a list that others can write to is not trusted" {
	chmod 664 "$TSMCTL_ETC/measurements.json"
	run_split kernel tsmctl evidence 0000:01:00.0
	assert_failure 4
	assert_one_line "measurements.json is not trusted: its mode is 0664"
	assert_equal "$(policy 0000:01:00.0 admitted)" 0
	rm "$TSMCTL_ETC/measurements.json"
	mkdir "$TSMCTL_ETC/measurements.json"
	run_split kernel tsmctl evidence 0000:01:00.0
	[ "$status" -ne 0 ]
}

@test "measurements: --allow prints a list with the measurements of a device, which then passes" {
	# as the shell leaves it if the output is to replace it
	: > "$TSMCTL_ETC/measurements.json"
	run_split kernel tsmctl evidence 0000:01:00.0 --allow "firmware 7"
	assert_success
	assert_equal "$stderr" ""
	install -m 644 /dev/stdin "$TSMCTL_ETC/measurements.json" <<< "$output"
	answers 0000:01:00.0
	run_split kernel tsmctl evidence 0000:01:00.0 --json
	assert_success
	assert_equal "$(results "verified admitted")" "true true"
	[[ $output == *'"found": "firmware 7"'* ]]
	policy 0000:01:00.0 admitted 0
	answers 0000:01:00.0 change=1
	run_split kernel tsmctl evidence 0000:01:00.0 --json
	assert_failure 1
	[[ $output == *"measurement 1 is "* ]]
	# of a device that the present list refuses; and of one that is not trusted
	answers 0000:01:00.0 change=1
	run_split kernel tsmctl evidence 0000:01:00.0 --allow new
	assert_success
	[[ $output == *'"device": "8086:10c9"'* ]]
	assert_equal "$(policy 0000:01:00.0 admitted)" 0
	trust other
	answers 0000:01:00.0
	run_split kernel tsmctl evidence 0000:01:00.0 --allow new
	assert_failure 1
	assert_equal "$output" ""
	for args in "all --allow x" "0000:01:00.0 --allow x --json" "0000:01:00.0 --allow \t"; do
		IFS=' ' read -ra words <<< "$args"
		run_split tsmctl evidence "${words[@]/\\t/$'\t'}"
		assert_failure 2
	done
}
