#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2016,SC2030,SC2031,SC2154
# tsmctl metrics: every number is one of the kernel's, node_exporter can read the text, and a
# file is replaced as its collector needs it.
bats_require_minimum_version 1.5.0
load helpers

setup() {
	fake_host
	OUT=$BATS_TEST_TMPDIR/out
	FILE=$OUT/tsmctl.prom
	mkdir -p "$OUT"
}

# A device of which everything is known.
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
	echo lost > "$dir/last_unbind"
}

# parse_both: has the parsers of Prometheus read $FILE, and $FILE.om with the other format
parse_both() {
	python3 -I - "$FILE" "$FILE.om" <<- 'EOF'
		import sys
		from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
		from prometheus_client.parser import text_string_to_metric_families as prometheus
		def samples(families):
		    return [(f.name, f.type, s.name, s.labels, float(s.value), s.timestamp) for f in families for s in f.samples]
		texts = [open(name, encoding="ascii").read() for name in sys.argv[1:]]
		a, b = samples(prometheus(texts[0])), samples(openmetrics(texts[1]))
		# a parser of the one format has no other view of it than a parser of the other
		assert a == b, (a, b)
		assert {x[1] for x in a} <= {"counter", "gauge"} and all(x[5] is None for x in a), a
		print(len(a))
	EOF
}

@test "metrics: all that the kernel has of a device, with names, types and labels that stay" {
	full_host
	run_split tsmctl metrics
	assert_success
	assert_equal "$stderr" ""
	assert_equal "$(grep -v '^# HELP' <<< "$output" | sed 's/version="[^"]*"/version=""/')" "$(
		cat <<- 'EOF'
			# TYPE tsmctl_build_info gauge
			tsmctl_build_info{version=""} 1
			# TYPE tsmctl_device_info gauge
			tsmctl_device_info{address="0000:01:00.0",driver="vfio-pci-tsm",vendor_id="8086",device_id="10c9"} 1
			# TYPE tsmctl_connection_info gauge
			tsmctl_connection_info{address="0000:01:00.0",tsm="tsm0",dsm="0000:01:00.0"} 1
			# TYPE tsmctl_tdi_info gauge
			tsmctl_tdi_info{address="0000:01:00.0",tsm="tsm0",tdi_id="0000:00:02.0",origin="vfio"} 1
			# TYPE tsmctl_device_state gauge
			tsmctl_device_state{address="0000:01:00.0",state="absent"} 0
			tsmctl_device_state{address="0000:01:00.0",state="unassigned"} 0
			tsmctl_device_state{address="0000:01:00.0",state="closed"} 0
			tsmctl_device_state{address="0000:01:00.0",state="open"} 0
			tsmctl_device_state{address="0000:01:00.0",state="bound"} 1
			tsmctl_device_state{address="0000:01:00.0",state="lost"} 0
			tsmctl_device_state{address="0000:01:00.0",state="quarantined"} 0
			# TYPE tsmctl_tdi_state gauge
			tsmctl_tdi_state{address="0000:01:00.0",state="unknown"} 0
			tsmctl_tdi_state{address="0000:01:00.0",state="unlocked"} 0
			tsmctl_tdi_state{address="0000:01:00.0",state="locked"} 0
			tsmctl_tdi_state{address="0000:01:00.0",state="run"} 1
			tsmctl_tdi_state{address="0000:01:00.0",state="error"} 0
			# TYPE tsmctl_bind_allowed gauge
			tsmctl_bind_allowed{address="0000:01:00.0"} 1
			# TYPE tsmctl_can_bind gauge
			tsmctl_can_bind{address="0000:01:00.0"} 1
			# TYPE tsmctl_quarantined gauge
			tsmctl_quarantined{address="0000:01:00.0"} 0
			# TYPE tsmctl_last_unbind_info gauge
			tsmctl_last_unbind_info{address="0000:01:00.0",reason="lost"} 1
			# TYPE tsmctl_bind_refused_info gauge
			tsmctl_bind_refused_info{address="0000:01:00.0",stage="mapped",errno="EBUSY"} 1
			# TYPE tsmctl_state_changes_total counter
			tsmctl_state_changes_total{address="0000:01:00.0"} 3
			# TYPE tsmctl_opens_total counter
			tsmctl_opens_total{address="0000:01:00.0"} 5
			# TYPE tsmctl_binds_total counter
			tsmctl_binds_total{address="0000:01:00.0"} 4
			# TYPE tsmctl_refused_operations_total counter
			tsmctl_refused_operations_total{address="0000:01:00.0",kind="reset"} 2
			tsmctl_refused_operations_total{address="0000:01:00.0",kind="hot-reset"} 0
			tsmctl_refused_operations_total{address="0000:01:00.0",kind="config-device-control-2"} 9007199254740993
			# TYPE tsmctl_requests_total counter
			tsmctl_requests_total{address="0000:01:00.0",scope="info"} 3
			tsmctl_requests_total{address="0000:01:00.0",scope="state-change"} 2
			# TYPE tsmctl_failed_requests_total counter
			tsmctl_failed_requests_total{address="0000:01:00.0",scope="info"} 1
			tsmctl_failed_requests_total{address="0000:01:00.0",scope="state-change"} 0
		EOF
	)"
	# no family is left out above
	assert_equal "$(grep -o '^# TYPE [a-z_]*' <<< "$output" | cut -d ' ' -f 3)" \
		"$(tsmctl help tables | grep -P '^metric\t' | cut -f 2)"
}

@test "metrics: the words of states are those of the modules" {
	fake_assigned 0000:01:00.0
	fake_tdi 0000:01:00.0
	run tsmctl metrics
	for pair in device_state:state tdi_state:tdi_state; do
		words=$(sed -n "/vfio_tsm_${pair#*:}_words\[/,/};/p" "$BATS_TEST_DIRNAME/../../configfs/words.c" |
			grep -oP '= "\K[a-z]+' | sort)
		assert_equal "$(grep -oP "^tsmctl_${pair%:*}\{.*state=\"\K[a-z]+" <<< "$output" | sort)" "$words"
	done
}

@test "metrics: each line is one of the format: HELP, TYPE, then the samples of the family, each once, without a time" {
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

@test "metrics: promtool has nothing to say about it" {
	command -v promtool > /dev/null || skip "no promtool"
	full_host
	run bash -c 'set -o pipefail; tsmctl metrics | promtool check metrics'
	assert_success
	assert_output ""
}

@test "metrics: foreign bytes in a label are escaped" {
	fake_device 0000:01:00.0 $'q"b\\n\xff\n.'
	fake_tsm_side 0000:01:00.0
	run tsmctl metrics
	assert_success
	assert_line 'tsmctl_device_info{address="0000:01:00.0",driver="q\"b\\n\\xff\\x0a.",vendor_id="8086",device_id="10c9"} 1'
}

@test "metrics: what is not known has no sample, and what is no number is not known" {
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
	# a word of a newer module is beside the ones that are known
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

@test "metrics: of a device that is gone, its policy is left; of no device at all, the version" {
	run_split tsmctl metrics
	assert_success
	assert_equal "$(grep -vc '^#' <<< "$output")" 1
	assert_equal "$stderr" ""
	fake_policy 0000:05:00.0 absent
	run_split tsmctl metrics
	assert_line 'tsmctl_device_state{address="0000:05:00.0",state="absent"} 1'
	refute_line --partial tsmctl_device_info
}

@test "metrics: a slow TSM makes connections unknown, and nothing else" {
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

@test "metrics: --json has each sample as an object" {
	full_host
	run_split tsmctl metrics --json
	assert_success
	assert_envelope '{tuple(x) for x in r} == {("name", "type", "labels", "value")}' true \
		'd["changed"]' false \
		'r[1]' '{"name": "tsmctl_device_info", "type": "gauge", "labels": {"address": "0000:01:00.0", "driver": "vfio-pci-tsm", "vendor_id": "8086", "device_id": "10c9"}, "value": 1}' \
		'[x["value"] for x in r if x["labels"].get("kind") == "config-device-control-2"]' '[9007199254740993]' \
		'len(r)' "$(tsmctl metrics | grep -vc '^#')"
	run_split tsmctl metrics --json --output "$FILE"
	assert_envelope 'len(r) > 30' true
	assert_equal "$(cat "$FILE")" "$(tsmctl metrics)"
}

@test "metrics: --output replaces a file at once, for all to read, and leaves nothing beside it" {
	full_host
	echo old > "$FILE"
	chmod 600 "$FILE"
	# left over from a run that was killed
	echo half > "$OUT/.tsmctl.prom.new"
	exec 7< "$FILE"
	(umask 077 && run_split tsmctl metrics --output "$FILE" && assert_success && assert_equal "$output$stderr" "")
	assert_equal "$(cat <&7)" old
	exec 7<&-
	assert_equal "$(cat "$FILE")" "$(tsmctl metrics --output -)"
	assert_equal "$(stat -c %a "$FILE")" 644
	assert_equal "$(ls -A "$OUT")" tsmctl.prom
	# the same numbers are written again: the collector shows the time of the file
	touch -d @1 "$FILE"
	(cd "$OUT" && tsmctl metrics --output tsmctl.prom)
	[ "$(stat -c %Y "$FILE")" -gt 1 ]
}

@test "metrics: --output replaces regular files alone, and follows no link" {
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
	# what lies where the new file is written is removed, and never written to
	tsmctl metrics --output "$FILE"
	assert_equal "$(cat "$OUT/mine")" mine
	assert_equal "$(find "$OUT" -type f -printf '%f\n' | sort)" "mine
tsmctl.prom"
	[ -L "$OUT/link.prom" ] && [ -L "$OUT/dangling.prom" ] && [ -p "$OUT/fifo.prom" ] && [ ! -e "$OUT/nothing" ]
	for place in "$OUT/none/x.prom:No such file or directory" "$OUT/dir.prom/:Is a directory" "$OUT/mine/x.prom:Not a directory"; do
		run_split tsmctl metrics --output "${place%:*}"
		assert_equal "$status" 1
		assert_one_line "cannot write ${place%:*}: ${place##*:}"
	done
}

@test "metrics: a directory that one may not write to is exit 4, a full disk exit 1, and the old file stays" {
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
	assert_equal "$(cat "$FILE")" old
	assert_equal "$(ls -A "$OUT")" tsmctl.prom
}

@test "metrics: --output of several runs at once: each succeeds, and a reader never sees a part" {
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

@test "metrics: a device that is gone is an error, and its numbers are gone from the file" {
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
	assert_equal "$(cat "$FILE")" old
	assert_equal "$(ls -A "$OUT")" tsmctl.prom
}
