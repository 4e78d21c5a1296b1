#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2030,SC2031,SC2154
# Files and directories that other users can change are refused, and the command in the hint
# fixes that.
# as root: only root can give files away
bats_require_minimum_version 1.5.0
load helpers

setup() {
	fake_host
	export TSMCTL_ETC=$BATS_TEST_TMPDIR/etc
	mkdir -p "$TSMCTL_ETC/config.d" "$RUN"
	CONFIG=$TSMCTL_ETC/config.json DROP_IN=$TSMCTL_ETC/config.d/10.json
	echo '{"version":1}' | tee "$CONFIG" > "$DROP_IN"
}

teardown() { [ -z "${SHORT:-}" ] || end_service; }

# refused_until_fixed FILE WHY COMMAND: apply refuses FILE with this error, until COMMAND, its
# hint, is run
refused_until_fixed() {
	run_split tsmctl apply
	assert_equal "$status" 4
	assert_equal "$stderr" "tsmctl: $1 is not trusted: $2; $3"
	run_split tsmctl apply --json
	assert_equal "$status" 4
	assert_envelope
	assert_equal "$(errors "errno hint")" "EPERM $3"
	bash -c "$3"
	run_split tsmctl apply
	assert_success
	assert_equal "$stderr" ""
}

@test "trust: a configuration that others can write to is refused, and the hint fixes its mode" {
	local mode path

	for mode in 0664 0646 0666; do
		chmod "$mode" "$CONFIG"
		refused_until_fixed "$CONFIG" "its mode is $mode, so others can write to it" "chmod go-w $CONFIG"
		assert_equal "$(stat -c %a "$CONFIG")" 644
		chmod "$mode" "$DROP_IN"
		refused_until_fixed "$DROP_IN" "its mode is $mode, so others can write to it" "chmod go-w $DROP_IN"
	done
	chmod 0775 "$TSMCTL_ETC/config.d"
	path=$TSMCTL_ETC/config.d
	refused_until_fixed "$DROP_IN" "the mode of $path is 0775, so others can write to it" "chmod go-w $path"
	chmod 0777 "$TSMCTL_ETC"
	refused_until_fixed "$CONFIG" "the mode of $TSMCTL_ETC is 0777, so others can write to it" "chmod go-w $TSMCTL_ETC"
	# a link is judged by what it leads to
	mv "$CONFIG" "$BATS_TEST_TMPDIR/real.json"
	ln -s "$BATS_TEST_TMPDIR/real.json" "$CONFIG"
	chmod 0620 "$CONFIG"
	refused_until_fixed "$CONFIG" "its mode is 0620, so others can write to it" "chmod go-w $CONFIG"
	assert_equal "$(stat -c %a "$BATS_TEST_TMPDIR/real.json")" 600
}

@test "trust: the hint quotes a path where a shell needs it, and leaves out one that quotes cannot hold" {
	local name

	for name in 'a b' '$(touch owned)' 'a;b&c' '~x`y`'; do
		mkdir -p "$BATS_TEST_TMPDIR/$name"
		cp "$CONFIG" "$BATS_TEST_TMPDIR/$name/x.json"
		chmod 0775 "$BATS_TEST_TMPDIR/$name"
		run_split tsmctl diff --file "$BATS_TEST_TMPDIR/$name/x.json"
		assert_equal "$status" 4
		assert_one_line "; chmod go-w '$BATS_TEST_TMPDIR/$name'"
		(cd "$BATS_TEST_TMPDIR" && bash -c "${stderr##*; }")
		run_split tsmctl diff --file "$BATS_TEST_TMPDIR/$name/x.json"
		assert_success
	done
	refute [ -e "$BATS_TEST_TMPDIR/owned" ]
	for name in "it's" $'a\nb' 'a@b' "$(printf '%0250d/' 1 2)"; do
		mkdir -p "$BATS_TEST_TMPDIR/$name"
		cp "$CONFIG" "$BATS_TEST_TMPDIR/$name/x.json"
		chmod 0775 "$BATS_TEST_TMPDIR/$name"
		run_split tsmctl diff --file "$BATS_TEST_TMPDIR/$name/x.json"
		assert_equal "$status" 4
		assert_one_line "; run 'chmod go-w' on it"
	done
}

@test "trust: a run directory or lock file that others could use is refused, and the hint fixes it" {
	chmod 0775 "$RUN"
	refused_until_fixed "$RUN" "its mode is 0775, so others can write to it" "chmod go-w $RUN"
	chmod 0640 "$RUN/apply.lock"
	refused_until_fixed "the lock file $RUN/apply.lock" "its mode is 0640, so others can open it" \
		"chmod go= $RUN/apply.lock"
	rm "$RUN/apply.lock"
	ln -s "$CONFIG" "$RUN/apply.lock"
	refused_until_fixed "the lock file $RUN/apply.lock" "it is a symbolic link" "rm $RUN/apply.lock"
	rm "$RUN/apply.lock"
	mkfifo -m 600 "$RUN/apply.lock"
	refused_until_fixed "the lock file $RUN/apply.lock" "it is not a regular file" "rm $RUN/apply.lock"
}

# hint: the hint of the helper's error
hint() { sed -n 's/.*"hint":"\([^"\\]*\)".*/\1/p' <<< "$output"; }

@test "trust: the helper refuses directories and files that others can write to, and the hint fixes that" {
	local message="is not trusted: its mode is 0777, so others can write to it"

	chmod 0777 "$RUN"
	run_split timeout 60 tsm-bind-helper --run-dir "$RUN" --sysfs "$SYS" --device 01:00.0
	assert_equal "$status" 4
	[[ $output == *'"step":"lock","errno":"EPERM"'*"$message"* ]] || fail "$output"
	assert_equal "$(hint)" "chmod go-w $RUN"
	bash -c "$(hint)"
	run_split timeout 60 tsm-bind-helper --run-dir "$RUN" --sysfs "$SYS" --device 01:00.0
	[[ $output == *'"step":"find cdev"'* ]] || fail "$output"

	prepare_service
	echo '{"allow":[]}' > "$CONF"
	mkdir -m 0755 "$SHORT/run"
	ln "$CONF" "$SOCK.lock"
	run_split timeout 60 tsm-bind-helper serve --listen "$SOCK" --sysfs "$SYS" --config "$CONF"
	assert_equal "$status" 4
	[[ $output == *'"step":"lock","errno":"EPERM"'*"$SOCK.lock is not trusted: it has a second hard link"* ]] || fail "$output"
	assert_equal "$(hint)" "rm $SOCK.lock"
	ln -sf "$CONF" "$SOCK.lock"
	run_split timeout 60 tsm-bind-helper serve --listen "$SOCK" --sysfs "$SYS" --config "$CONF"
	assert_equal "$status" 4
	[[ $output == *'"step":"lock","errno":"ELOOP"'*"$SOCK.lock is not trusted: it is a symbolic link"* ]] || fail "$output"
	assert_equal "$(hint)" "rm $SOCK.lock"
	rm -r "$SHORT/run"
	mkdir "$SHORT/run"
	chmod 0777 "$SHORT/run" "$CONF"
	run_split timeout 60 tsm-bind-helper serve --listen "$SOCK" --sysfs "$SYS" --config "$CONF"
	assert_equal "$status" 4
	[[ $output == *'"step":"configuration","errno":"EPERM"'*"$CONF $message"* ]] || fail "$output"
	assert_equal "$(hint)" "chmod go-w $CONF"
	bash -c "$(hint)"
	run_split timeout 60 tsm-bind-helper serve --listen "$SOCK" --sysfs "$SYS" --config "$CONF"
	assert_equal "$status" 4
	[[ $output == *'"step":"listen","errno":"EPERM"'*"$SHORT/run $message"* ]] || fail "$output"
	assert_equal "$(hint)" "chmod go-w $SHORT/run"
	bash -c "$(hint)"
	serve
	kill -0 "$service"
}

@test "trust: a file of another user is refused, and the hint fixes that" {
	as_root
	chown 1000 "$CONFIG"
	refused_until_fixed "$CONFIG" "it belongs to user 1000" "chown root $CONFIG"
	chown 1000 "$TSMCTL_ETC"
	refused_until_fixed "$CONFIG" "$TSMCTL_ETC belongs to user 1000" "chown root $TSMCTL_ETC"
	mv "$DROP_IN" "$BATS_TEST_TMPDIR/real.json"
	ln -s "$BATS_TEST_TMPDIR/real.json" "$DROP_IN"
	chown -h 1000 "$DROP_IN"
	refused_until_fixed "$DROP_IN" "it belongs to user 1000" "chown -h root $DROP_IN"
	chown 1000 "$DROP_IN"
	refused_until_fixed "$DROP_IN" "it belongs to user 1000" "chown root $DROP_IN"
	chown 1000 "$RUN"
	refused_until_fixed "$RUN" "it belongs to user 1000" "chown root $RUN"
	chown 1000 "$RUN/apply.lock"
	refused_until_fixed "the lock file $RUN/apply.lock" "it belongs to user 1000" "chown root $RUN/apply.lock"
}

@test "trust: a drop-in that links to /dev/null is masked; any other link to a device is refused" {
	echo '{"version":1,"default_region_mode":"shared"}' > "$DROP_IN"
	run_split tsmctl diff
	assert_equal "$status" 8
	ln -sf /dev/null "$DROP_IN"
	run_split tsmctl diff
	assert_success
	assert_equal "$output$stderr" ""
	# save would note one that overrides what it wrote
	run_split tsmctl save --json
	assert_equal "$(results attribute)" config
	# a masked file is a configuration without entries
	rm "$CONFIG"
	run_split tsmctl apply
	assert_success
	ln -sf /dev/zero "$DROP_IN"
	run_split tsmctl apply
	assert_equal "$status" 4
	assert_one_line "$DROP_IN is not trusted: it is not a regular file; put a regular file there"
	rm "$DROP_IN"
	ln -s /dev/null "$CONFIG"
	run_split tsmctl apply
	assert_equal "$status" 4
	assert_one_line "$CONFIG is not trusted: it is not a regular file"
}

@test "trust: the error names a byte order mark in both configurations" {
	printf '\xef\xbb\xbf{"version":1}\n' > "$CONFIG"
	run_split tsmctl apply
	assert_equal "$status" 2
	assert_one_line "$CONFIG:1:1: it begins with a byte order mark, which JSON does not have; save it as UTF-8 without"
	run_split tsmctl diff --json --file - < "$CONFIG"
	assert_equal "$status" 2
	assert_equal "$(errors hint)" "save it as UTF-8 without a byte order mark"
	prepare_service
	printf '\xef\xbb\xbf{"allow":[]}' > "$CONF"
	run_split timeout 60 tsm-bind-helper serve --listen "$SOCK" --config "$CONF"
	assert_equal "$status" 2
	[[ $output == *"it begins with a byte order mark"* ]] || fail "$output"
}
