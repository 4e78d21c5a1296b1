#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2016,SC2030,SC2031,SC2154
# tsmctl metrics: every number is one of the kernel's, node_exporter can read the text, and
# --output replaces a file as node_exporter needs it.
bats_require_minimum_version 1.5.0
load helpers

setup() {
	fake_host
	OUT=$BATS_TEST_TMPDIR/out
	FILE=$OUT/tsmctl.prom
	mkdir -p "$OUT"
}

# full_host: a host with one device, all of whose values are known
full_host() {
	local dir=$SYS/devices/pci0000:00/0000:01:00.0/vfio_tsm

	fake_assigned 0000:01:00.0 bound
	fake_tdi 0000:01:00.0 run
	policy 0000:01:00.0 tsm tsm0
	policy 0000:01:00.0 tdi_id 0000:00:02.0
	policy 0000:01:00.0 last_error "-16 mapped"
	printf 'reset 2\nhot-reset 0\nconfig-device-control-2 9007199254740993\n' > "$dir/blocked"
	echo 5 > "$dir/open_count"
	echo 4 > "$dir/bind_count"
	echo 1 > "$dir/loss_count"
	echo lost > "$dir/last_unbind"
}

# parse_both: reads $FILE with a parser of Prometheus, and $FILE.om with that of OpenMetrics
parse_both() {
	python3 -I - "$FILE" "$FILE.om" <<- 'EOF'
		import sys
		from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
		from prometheus_client.parser import text_string_to_metric_families as prometheus
		def samples(families):
		    return [(f.name, f.type, s.name, s.labels, float(s.value), s.timestamp) for f in families for s in f.samples]
		texts = [open(name, encoding="ascii").read() for name in sys.argv[1:]]
		a, b = samples(prometheus(texts[0])), samples(openmetrics(texts[1]))
		# both parsers find the same samples
		assert a == b, (a, b)
		assert {x[1] for x in a} <= {"counter", "gauge"} and all(x[5] is None for x in a), a
		print(len(a))
	EOF
}

@test "metrics: the names, types and labels of metrics do not change" {
	full_host
	run_split tsmctl metrics
	assert_success
	assert_equal "$stderr" ""
	assert_golden metrics.prom
	# no family is left out
	assert_equal "$(grep -o '^# TYPE [a-z_]*' <<< "$output" | cut -d ' ' -f 3)" \
		"$(tsmctl help tables | grep -P '^metric\t' | cut -f 2)"
}

@test "metrics: has a sample for each state that the modules have" {
	fake_assigned 0000:01:00.0
	fake_tdi 0000:01:00.0
	run tsmctl metrics
	for pair in device_state:state tdi_state:tdi_state; do
		words=$(sed -n "/vfio_tsm_${pair#*:}_words\[/,/};/p" "$BATS_TEST_DIRNAME/../../configfs/words.c" |
			grep -oP '= "\K[a-z]+' | sort)
		assert_equal "$(grep -oP "^tsmctl_${pair%:*}\{.*state=\"\K[a-z]+" <<< "$output" | sort)" "$words"
	done
}

@test "metrics: each family has HELP, TYPE and its samples, each once and without a time" {
	full_host
	"$BATS_TEST_DIRNAME/../bench/tree" "$BATS_TEST_TMPDIR/many" 20
	for tree in "$SYS" "$BATS_TEST_TMPDIR/many"; do
		SYSFS_PATH=$tree tsmctl metrics > "$FILE"
		run awk '
			/^# HELP tsmctl_[a-z_]+ [^"\\]+$/ { if (help[$3]++) exit 1; family = $3; typed = 0; next }
			/^# TYPE tsmctl_[a-z_]+ (counter|gauge)$/ {
				if ($3 != family || typed++ || ($4 == "counter") != ($3 ~ /_total$/)) exit 1
				next
			}
			/^tsmctl_[a-z_]+\{[a-z_]+="([^"\\]|\\["\\n])*"(,[a-z_]+="([^"\\]|\\["\\n])*")*\} [0-9]+$/ {
				name = $0; sub(/\{.*/, "", name)
				series = $0; sub(/ [0-9]+$/, "", series)
				if (name != family || !typed || seen[series]++) exit 1
				samples++
				next
			}
			{ exit 1 }
			END { print NR, $0, samples }' "$FILE"
		assert_success
	done
}

@test "metrics: the parsers of Prometheus read both formats alike" {
	python3 -I -c 'import prometheus_client.openmetrics.parser' 2> /dev/null || skip "no python3-prometheus-client"
	full_host
	fake_device 0000:02:00.0 'o"d\d'
	fake_tsm_side 0000:02:00.0
	tsmctl metrics > "$FILE"
	tsmctl metrics --openmetrics > "$FILE.om"
	assert_equal "$(tail -n 1 "$FILE.om")" "# EOF"
	refute grep -q EOF "$FILE"
	run parse_both
	assert_success
	assert_output "$(grep -vc '^#' "$FILE")"
}

@test "metrics: promtool finds no fault" {
	command -v promtool > /dev/null || skip "no promtool"
	full_host
	run bash -c 'set -o pipefail; tsmctl metrics | promtool check metrics'
	assert_success
	assert_output ""
}

@test "metrics: escapes foreign bytes in a label" {
	fake_device 0000:01:00.0 $'q"b\\n\xff\n.'
	fake_tsm_side 0000:01:00.0
	run tsmctl metrics
	assert_success
	assert_line 'tsmctl_device_info{address="0000:01:00.0",driver="q\"b\\n\\xff\\x0a.",vendor_id="8086",device_id="10c9"} 1'
}

@test "metrics: an unknown value has no sample, and what is not a number is unknown" {
	rmdir "$CFG" 2> /dev/null || rm -r "$CFG"
	fake_device 0000:01:00.0
	fake_tsm_side 0000:01:00.0
	run_split tsmctl metrics
	assert_success
	assert_equal "$(grep -v '^#' <<< "$output" | cut -d '{' -f 1)" "tsmctl_build_info
tsmctl_device_info"
	assert_line --partial 'driver="",'
	fake_set_driver 0000:01:00.0 vfio-pci-tsm
	fake_tdi 0000:01:00.0 asleep
	dir=$SYS/devices/pci0000:00/0000:01:00.0/vfio_tsm
	printf 'info x 1\nstate-change 18446744073709551616 -1\nother 3\nbare\n\n' > "$dir/requests"
	echo unknown > "$dir/can_bind"
	echo "4 of them" > "$dir/open_count"
	echo -1 > "$dir/bind_count"
	echo none > "$dir/last_unbind"
	: > "$dir/blocked"
	run_split tsmctl metrics
	assert_success
	# an unknown word, of a newer module, has a sample beside those of the known ones
	assert_line 'tsmctl_tdi_state{address="0000:01:00.0",state="asleep"} 1'
	assert_equal "$(grep -c '^tsmctl_tdi_state.* 0$' <<< "$output")" 5
	assert_equal "$(grep -v '^#' <<< "$output" | cut -d '{' -f 1 | uniq)" "tsmctl_build_info
tsmctl_device_info
tsmctl_tdi_state
tsmctl_requests_total
tsmctl_failed_requests_total"
	assert_equal "$(grep -c '^tsmctl_requests_total' <<< "$output")" 1
	assert_line 'tsmctl_requests_total{address="0000:01:00.0",scope="other"} 3'
	assert_line 'tsmctl_failed_requests_total{address="0000:01:00.0",scope="info"} 1'
}

@test "metrics: has the policy of a device that is gone, and only the version without devices" {
	run_split tsmctl metrics
	assert_success
	assert_equal "$(grep -vc '^#' <<< "$output")" 1
	assert_equal "$stderr" ""
	fake_policy 0000:05:00.0 absent
	run_split tsmctl metrics
	assert_line 'tsmctl_device_state{address="0000:05:00.0",state="absent"} 1'
	refute_line --partial tsmctl_device_info
}

@test "metrics: a slow TSM makes only connections unknown" {
	fake_assigned 0000:01:00.0
	fake_assigned 0000:02:00.0
	# a read of a FIFO waits for a writer
	rm "$SYS/devices/pci0000:00/0000:01:00.0/tsm/dsm"
	mkfifo "$SYS/devices/pci0000:00/0000:01:00.0/tsm/dsm"
	run_split timeout 60 tsmctl metrics
	assert_equal "$status" 7
	assert_one_line 0000:01:00.0 "a TSM is slow"
	refute_line --partial tsmctl_connection_info
	assert_line 'tsmctl_device_state{address="0000:02:00.0",state="closed"} 1'
}

@test "metrics: --json prints each sample as an object" {
	full_host
	run_split tsmctl metrics --json
	assert_success
	assert_golden metrics
	assert_equal "$(results name | wc -l)" "$(tsmctl metrics | grep -vc '^#')"
	run_split tsmctl metrics --json --output "$FILE"
	assert_golden metrics
	assert_equal "$(< "$FILE")" "$(tsmctl metrics)"
}

@test "metrics: --output replaces a file in one step, readable for all users, and leaves no other file" {
	full_host
	echo old > "$FILE"
	chmod 600 "$FILE"
	# a run that was killed has left this
	echo half > "$OUT/.tsmctl.prom.new"
	exec 7< "$FILE"
	(umask 077 && run_split tsmctl metrics --output "$FILE" && assert_success && assert_equal "$output$stderr" "")
	assert_equal "$(cat <&7)" old
	exec 7<&-
	assert_equal "$(< "$FILE")" "$(tsmctl metrics --output -)"
	assert_equal "$(stat -c %a "$FILE")" 644
	assert_equal "$(ls -A "$OUT")" tsmctl.prom
	# the same numbers are written again, because node_exporter shows the time of the file
	touch -d @1 "$FILE"
	(cd "$OUT" && tsmctl metrics --output tsmctl.prom)
	[ "$(stat -c %Y "$FILE")" -gt 1 ]
}

@test "metrics: --output replaces only regular files, and follows no link" {
	echo mine > "$OUT/mine"
	ln -s mine "$OUT/link.prom"
	ln -s nothing "$OUT/dangling.prom"
	ln -s mine "$OUT/.tsmctl.prom.new"
	mkfifo "$OUT/fifo.prom"
	mkdir "$OUT/dir.prom"
	for name in link dangling fifo dir; do
		run_split tsmctl metrics --output "$OUT/$name.prom"
		assert_equal "$status" 4
		assert_equal "$output" ""
		assert_one_line "cannot write $OUT/$name.prom: it is not a regular file"
	done
	# a link in the place of the temporary file is removed, and not followed
	tsmctl metrics --output "$FILE"
	assert_equal "$(< "$OUT/mine")" mine
	assert_equal "$(find "$OUT" -type f -printf '%f\n' | sort)" "mine
tsmctl.prom"
	[ -L "$OUT/link.prom" ] && [ -L "$OUT/dangling.prom" ] && [ -p "$OUT/fifo.prom" ] && [ ! -e "$OUT/nothing" ]
	for place in "$OUT/none/x.prom:No such file or directory" "$OUT/dir.prom/:Is a directory" "$OUT/mine/x.prom:Not a directory"; do
		run_split tsmctl metrics --output "${place%:*}"
		assert_equal "$status" 1
		assert_one_line "cannot write ${place%:*}: ${place##*:}"
	done
}

@test "metrics: exits with 4 if it may not write, with 1 on a full disk, and the old file stays" {
	full_host
	echo old > "$FILE"
	chmod 555 "$OUT"
	run_restricted tsmctl metrics --output "$FILE"
	chmod 755 "$OUT"
	assert_equal "$status" 4
	assert_one_line "cannot write $FILE: Permission denied"
	run_split bash -c 'ulimit -f 1; trap "" XFSZ; tsmctl metrics --output "$1"' - "$FILE"
	assert_equal "$status" 1
	assert_one_line "cannot write $FILE: File too large"
	assert_equal "$(< "$FILE")" old
	assert_equal "$(ls -A "$OUT")" tsmctl.prom
}

@test "metrics: --output of several runs at once succeeds, and a reader never sees a part of a file" {
	full_host
	tsmctl metrics > "$BATS_TEST_TMPDIR/whole"
	cp "$BATS_TEST_TMPDIR/whole" "$FILE"
	runs=()
	for _ in 1 2 3 4 5 6; do
		tsmctl metrics --output "$FILE" 3>&- &
		runs+=($!)
	done
	for ((i = 0; i < 30; i++)); do cmp "$FILE" "$BATS_TEST_TMPDIR/whole"; done
	for pid in "${runs[@]}"; do wait "$pid"; done
	cmp "$FILE" "$BATS_TEST_TMPDIR/whole"
	assert_equal "$(ls -A "$OUT")" tsmctl.prom
}

@test "metrics: an absent device is an error, and its numbers disappear from the file" {
	fake_assigned 0000:01:00.0
	fake_assigned 0000:02:00.0
	tsmctl metrics --output "$FILE" 01:00.0
	grep -q 'address="0000:01:00.0"' "$FILE"
	refute grep -q 'address="0000:02:00.0"' "$FILE"
	run_split tsmctl metrics 03:00.0 02:00.0 --output "$FILE"
	assert_equal "$status" 7
	assert_one_line "03:00.0: no such device"
	grep -q 'address="0000:02:00.0"' "$FILE"
	refute grep -q 'address="0000:01:00.0"' "$FILE"
	run_split tsmctl metrics 03:00.0 --output "$FILE"
	assert_equal "$status" 3
	assert_equal "$(grep -vc '^#' "$FILE")" 1
	# both errors are reported
	run_split tsmctl metrics 03:00.0 --output "$OUT/none/x.prom"
	assert_equal "$status" 1
	[[ $stderr == *"no such device"*"cannot write"* ]]
}

@test "metrics: wrong usage, and --dry-run, write no file" {
	echo old > "$FILE"
	for args in "0000:zz:00.0" "--output" "--nonesuch" "--openmetrics=1"; do
		# shellcheck disable=SC2086
		run_split tsmctl metrics --output "$FILE" $args
		[ "$status" -eq 2 ] || fail "$args: exit $status"
	done
	run_split tsmctl metrics --dry-run --output "$FILE"
	assert_success
	assert_equal "$output" ""
	assert_equal "$stderr" "tsmctl: would write $FILE"
	assert_equal "$(< "$FILE")" old
	assert_equal "$(ls -A "$OUT")" tsmctl.prom
}
