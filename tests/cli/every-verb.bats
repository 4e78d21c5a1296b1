#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2013,SC2016,SC2030,SC2031,SC2154
# What is true for every verb in the table of the program.
# leaks: every verb is in it
bats_require_minimum_version 1.5.0
load helpers

setup() {
	fake_host
	export TSMCTL_ETC=$BATS_TEST_TMPDIR/etc
	mkdir -m 755 "$TSMCTL_ETC"
	fake_driver vfio-pci-tsm
	fake_tsm 0
	fake_assigned 0000:01:00.0
	fake_device 0000:02:00.0 nvme
	fake_tsm_side 0000:02:00.0
	echo '{"version":1,"devices":[{"device":"all","assigned":true,"tsm":"tsm0","region_mode":"exclusive"}]}' \
		> "$TSMCTL_ETC/config.json"
	chmod 644 "$TSMCTL_ETC/config.json"
}

# arguments VERB: arguments with which the verb has something to do.
arguments() {
	case $1 in
	list|show|doctor|diff|save|load|unload) ;;
	apply) echo --prune ;;
	metrics) echo "--output $BATS_TEST_TMPDIR/host.prom" ;;
	monitor) echo --count=1 --present ;;
	mode) echo 01:00.0 02:00.0 shared ;;
	requests) echo 01:00.0 02:00.0 none ;;
	tdi-id) echo 01:00.0 00:05.0 ;;
	config) echo show 01:00.0 ;;
	release) echo 01:00.0 --forget ;;
	connect|assign|prepare) echo 02:00.0 --save ;;
	wait) echo 01:00.0 --state open,closed,unassigned --timeout 1 ;;
	*) echo 01:00.0 ;;
	esac
}

verbs() { tsmctl help verbs | cut -f 1; }

@test "every verb: --dry-run opens no file for writing, and makes no system call that changes anything" {
	command -v strace > /dev/null || skip "no strace"
	before=$(snapshot)
	for verb in $(verbs); do
		# shellcheck disable=SC2046
		ASAN_OPTIONS=detect_leaks=0 run_split strace -f -qq -o "$BATS_TEST_TMPDIR/trace" \
			tsmctl "$verb" --dry-run $(arguments "$verb")
		rm -f "$BATS_TEST_TMPDIR/calls"
		grep -E 'O_WRONLY|O_RDWR|O_CREAT|^[0-9]+ +(mkdir|rmdir|unlink|rename|link|symlink|f?truncate|mount|umount|f?init_module|delete_module|vfork|fork|kill|pidfd_send)' \
			"$BATS_TEST_TMPDIR/trace" > "$BATS_TEST_TMPDIR/calls" && fail "$verb: $(< "$BATS_TEST_TMPDIR/calls")"
		rm "$BATS_TEST_TMPDIR/trace" "$BATS_TEST_TMPDIR/calls"
	done
	assert_equal "$(snapshot)" "$before"
}

@test "every verb: only functions that call act() first can change a system" {
	# a file that needs one of these calls act() first, and is added here
	cd "$BATS_TEST_DIRNAME/../../cli" || fail "no sources"
	run grep -rnwE --include='*.c' --exclude-dir=helper --exclude-dir=firmware '(util_)?mkdir(at)?|rmdir|unlinkat?|rename(at)?2?|link(at)?|ftruncate|truncate|mount|umount2?|write|pwrite|kmod_module_probe_insert_module|kmod_module_remove_module|posix_spawn' \
		*
	while IFS=: read -r file _ line; do
		# comments and strings are not calls
		[[ $line =~ (^|[^a-z_\"\'.])((util_)?mkdir(at)?|unlinkat|renameat|linkat|mount|write|posix_spawn|kmod_module_(probe_insert|remove)_module)\( ]] || continue
		# the output is not a change
		[[ $line != *" write(STDOUT_FILENO, "* ]] || continue
		case $file in
		# it runs journalctl, which only reads
		verbs/events.c) ;;
		# it makes the directory of the locks
		common/rundir.c) ;;
		# util_mkdir(), which this looks for too
		common/util.c) ;;
		host/attr.c|config/file.c|host/modules.c|host/helper.c|host/owner.c|config/lock.c) ;;
		*) fail "$file: $line" ;;
		esac
	done <<< "$output"
	for file in host/attr.c config/file.c host/modules.c host/helper.c config/lock.c; do
		grep -q 'act(ctx, "' "$file" || fail "$file does not ask act()"
	done
}

@test "every verb: changes are reported through report.h, which also writes to the journal" {
	cd "$BATS_TEST_DIRNAME/../../cli" || fail "no sources"
	run grep -rnE --include='*.c' 'answer\.changed *[|&]?= ' *
	while IFS=: read -r file _; do
		assert_equal "$file" report.c
	done <<< "$output"
}

@test "every verb: --json prints a whole answer for a result and for errors" {
	for verb in $(verbs); do
		[ "$verb" != monitor ] || continue
		# shellcheck disable=SC2046
		run_split timeout 60 tsmctl --json --dry-run "$verb" $(arguments "$verb")
		assert_envelope
		assert_equal "$stderr" ""
		run_split timeout 60 tsmctl "$verb" --json --nonesuch
		assert_equal "$status" 2
		assert_envelope
		run_split timeout 60 tsmctl "$verb" --json 0000:zz:00.0 x
		assert_equal "$status" 2
		assert_envelope
	done
}

@test "every verb: a full disk on standard output is exit 1 and one message" {
	for verb in $(verbs); do
		# shellcheck disable=SC2046
		run_split timeout 60 bash -c 'tsmctl --json --dry-run "$@" > /dev/full' - "$verb" $(arguments "$verb") --dry-run
		[ "$status" -eq 1 ] || [ "$status" -ge 4 ] || fail "$verb gave exit $status"
		assert_one_line "No space left on device"
	done
}

@test "list, doctor: lines fit the terminal; colours appear only there, and never with NO_COLOR" {
	for i in 3 4 5; do fake_assigned "0000:0$i:00.0"; done
	# setup has made two devices; this one has a value in each column
	fake_assigned 0000:06:00.0 bound
	policy 0000:06:00.0 owner 1234567
	policy 0000:06:00.0 tdi_id 0000:00:05.0
	fake_tdi 0000:06:00.0 unlocked
	policy 0000:06:00.0 region_mode exclusive
	policy 0000:06:00.0 region_mode_active exclusive
	values='0000:06:00.0|bound|vfio-pci-tsm|tsm0|0000:00:05.0|1234567|unlocked|exclusive'
	for columns in $(seq 20 6 150); do
		COLUMNS=$columns pty tsmctl list
		# a message after the table, on standard error, names the columns that are left out
		if [[ $output == *"tsmctl: "* ]]; then
			assert_equal "$(grep -c "^tsmctl: .*,NAME' shows the others" <<< "$output")" 1
			output=$(sed '$d' <<< "$output")
			refute_output --partial NAME
		else
			assert_line --regexp '^ADDRESS .* NAME$'
		fi
		assert_equal "$(wc -l <<< "$output")" 7
		while IFS= read -r line; do
			[ ${#line} -le "$columns" ] || fail "too wide for $columns: $line"
		done <<< "$output"
		read -ra words <<< "$(grep ^0000:06 <<< "$output")"
		# half an address looks like another value
		for word in "${words[@]:0:10}"; do
			[[ "|$values|" == *"|$word|"* ]] || fail "cut to '$word' at $columns: $output"
		done
	done
	COLUMNS=80 pty tsmctl list
	assert_line --regexp '^0000:06:00.0 +bound +vfio-pci-tsm +tsm0 +0000:00:05.0 +1234567 +unlocked$'
	# a pipe gets all of it, however narrow the terminal
	COLUMNS=60 run tsmctl list
	assert_line --regexp '^ADDRESS .* NAME$'
	TERM=xterm pty tsmctl doctor
	assert_output --partial $'\033['
	TERM=xterm NO_COLOR=1 pty tsmctl doctor
	refute_output --partial $'\033'
	TERM=dumb pty tsmctl doctor
	refute_output --partial $'\033'
	# NO_COLOR counts if it is not empty
	TERM=xterm NO_COLOR='' pty tsmctl doctor
	assert_output --partial $'\033['
	TERM=xterm run tsmctl doctor
	refute_output --partial $'\033'
}
