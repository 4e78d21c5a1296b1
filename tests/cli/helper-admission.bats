#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2016,SC2030,SC2031,SC2154
# tsm-bind-helper serve, whose configuration allows binds only of devices whose policy requires
# an admission. /dev/null plays the cdev: ENOTTY shows that the ioctl was issued.
# as root: only root can be several users
bats_require_minimum_version 1.5.0
load helpers
load socket

setup() { socket_host; }

teardown() { end_service; }

# configured TEXT: starts the service with this configuration
configured() {
	[ -z "${service:-}" ] || kill -KILL "$service"
	rm -rf "$SHORT/run"
	echo "$1" > "$CONF"
	serve
}

# admission WORD: the policy of the device in sysfs
admission() { echo "$1" > "$DEV/vfio_tsm/admission"; }

# binds, refuses: the service asks the kernel for a bind, or refuses it
binds() {
	ask "$(line bind)" /dev/null
	refused bind ENOTTY
}
refuses() {
	ask "$(line bind)" /dev/null
	refused admission EACCES stage ""
	[[ $output == *'"message":"this service binds it only if its policy requires an admission"'* ]] || fail "$output"
	[[ $output == *'"hint":"run '"'tsmctl admission 0000:01:00.0 required'"'"'* ]] || fail "$output"
}

@test "helper admission: a bind is refused unless the policy of the device requires an admission" {
	configured '{"admission":"required","allow":[]}'
	admission none
	refuses
	admission required
	binds
	# the policy is read at each request
	admission none
	refuses
	for other in REQUIRED required2 '' 'required none'; do
		admission "$other"
		refuses
	done
	# other requests do not need it
	ask "$(line unbind)" /dev/null
	refused unbind ENOTTY
	ask "$(line state)"
	answer_is ok true
	# the log has the refusal
	grep -q '"event":"request","device":"0000:01:00.0","request":"bind","uid":.*"errno":"EACCES"' "$SHORT/log"
}

@test "helper admission: a driver without an admission cannot enforce one, so the bind is refused" {
	configured '{"allow":[],"admission":"required"}'
	ask "$(line bind)" /dev/null
	refused admission EOPNOTSUPP
	[[ $output == *"tsmctl assign 0000:01:00.0"* ]] || fail "$output"
	ln -s /dev/null "$DEV/vfio_tsm/admission"
	ask "$(line bind)" /dev/null
	refused admission ELOOP
}

@test "helper admission: without the key, and with none, the policy of the device does not count" {
	for text in '{"allow":[]}' '{"admission":"none","allow":[]}'; do
		configured "$text"
		binds
		admission none
		binds
		rm "$DEV/vfio_tsm/admission"
	done
}

@test "helper admission: a permission has the value of the file unless it has one of its own" {
	as_root
	local code='
def of(uid):
    os.seteuid(uid)
    said = json.loads(ask.ask(path, ask.request("bind"), [cdev]))["error"]
    os.seteuid(0)
    return said["step"] + " " + said["errno"]
for uid in (0, 2001, 2002, 2003, 2004): print(uid, of(uid))'
	local rules='[{"user":2001,"devices":["*"]},
		{"user":2002,"devices":["*"],"admission":"required"},
		{"user":2003,"devices":["*"],"admission":"none"},
		{"user":2004,"devices":["0000:01:00.0"],"admission":"required"},
		{"user":2004,"devices":["0000:02:00.0"],"admission":"none"}]'
	admission none
	# the place of the key does not matter
	configured '{"allow":'"$rules"',"admission":"required"}'
	python "$code"
	assert_output "0 admission EACCES
2001 admission EACCES
2002 admission EACCES
2003 bind ENOTTY
2004 admission EACCES"
	configured '{"allow":'"$rules"'}'
	python "$code"
	assert_output "0 bind ENOTTY
2001 bind ENOTTY
2002 admission EACCES
2003 bind ENOTTY
2004 admission EACCES"
	# the best permission that fits counts
	configured '{"allow":[{"user":2001,"devices":["*"],"admission":"required"},
		{"user":2001,"devices":["0000:01:*"]}, {"user":2002,"devices":["*"],"admission":"required"},
		{"user":2002,"devices":["*"],"requests":["state"]}, {"user":2003,"devices":["*"]},
		{"user":2003,"devices":["*"],"admission":"required"}]}'
	python "$code"
	assert_output "0 bind ENOTTY
2001 bind ENOTTY
2002 admission EACCES
2003 bind ENOTTY
2004 permission EACCES"
	admission required
	python "$code"
	assert_output --partial "2002 bind ENOTTY"
}

@test "helper admission: a value other than none and required is a mistake" {
	for value in '"Required"' '""' null true '["required"]' '"required "' 1; do
		for text in '{"allow":[],"admission":'"$value"'}' \
			'{"allow":[{"user":"root","devices":["*"],"admission":'"$value"'}]}'; do
			echo "$text" > "$CONF"
			run_split timeout 60 tsm-bind-helper serve --listen "$SOCK" --config "$CONF"
			[ "$status" -eq 2 ] || fail "exit $status for: $text"
			[[ $output == *"admission is neither none nor required"* ]] || fail "$output"
		done
	done
}
