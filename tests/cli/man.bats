#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2030,SC2031,SC2154
# The manual pages: they have everything that the programs and the ABI of the kernel have,
# their examples work, and they are well formed.
# plain: it is about pages and tables; other files run the verbs with sanitizers
bats_require_minimum_version 1.5.0
load helpers

setup_file() { build_kernel; }

setup() {
	TOP=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
	MADE=$TSMCTL_BIN/../man
	pages=("$TOP"/man/*.[1-9] "$MADE"/*.[1-9])
}

# entries PAGE: sets REPLY to the words of all entries of a page, with newlines around each
declare -gA entries=()
entries() {
	[ -n "${entries[$1]:-}" ] ||
		entries[$1]=$'\n'$(sed -nE '/^\.It /{s/\\&?//g; s, ,\n,gp}' "$1" | sed 's,/$,,')$'\n'
	REPLY=${entries[$1]}
}

# on_page PAGE KIND WORD: fails unless the page has an entry for WORD; KIND is for the message.
on_page() {
	entries "$1"
	[[ $REPLY == *$'\n'"${3%/}"$'\n'* ]] || fail "${1##*/} has no $2 $3"
}

# text PAGE: sets REPLY to the page as readers see it, in one line. It is made once for all tests.
text() {
	local made=$BATS_FILE_TMPDIR/${1##*/}.txt

	[ -e "$made" ] || mandoc -T ascii -O width=1000 "$1" | col -bx | tr -s ' \n' ' ' > "$made"
	IFS= read -r -d '' REPLY < "$made" || true
}

@test "man: mandoc has no warning about a page" {
	command -v mandoc > /dev/null || skip "no mandoc"
	run mandoc -T lint -W warning "${pages[@]}"
	assert_success
	assert_output ""
}

@test "man: quotes are in pairs" {
	command -v mandoc > /dev/null || skip "no mandoc"
	for page in "${pages[@]}"; do
		text "$page"
		[[ $REPLY == *DESCRIPTION* ]] || fail "${page##*/} is empty"
		# several quoted words on one line of the source result in this
		[[ ! $REPLY =~ .{0,30}\"\".{0,10} ]] || fail "${page##*/} has ${BASH_REMATCH[0]}"
	done
}

@test "man: man has no warning about a page" {
	man --version 2> /dev/null | grep -q '^man ' || skip "no man-db"
	for page in "${pages[@]}"; do
		run_split env LC_ALL=C.UTF-8 MANPAGER=cat man --warnings=all -l "$page"
		assert_success
		assert_equal "$stderr" ""
		[ "${#lines[@]}" -gt 10 ] || fail "${page##*/} is empty"
	done
}

@test "man: each verb has a page, and nothing else has one" {
	made=$(find "$MADE" -name 'tsmctl-*.8' -exec basename -s .8 {} + | sort)
	assert_equal "$made" "$(tsmctl help verbs | cut -f 1 | sed 's/^/tsmctl-/' | sort)"
	assert_equal "$(tsmctl help tables)" "$(< "$MADE/tables")"
}

@test "man: the page of a verb has its name, summary, synopsis, help and options, and tsmctl(8) its help" {
	command -v mandoc > /dev/null || skip "no mandoc"
	command -v col > /dev/null || skip "no col"
	checked=0
	while IFS=$'\t' read -r kind verb first second third fourth; do
		case $kind in
		verb)
			for each in tsmctl "tsmctl-$verb"; do
				text "$MADE/$each.8"
				[[ $REPLY == *"$third"* ]] || fail "no help '$third' in $each"
			done
			[[ ! $third =~ (\.( [A-Z]|$).*){3} ]] ||
				fail "the help of $verb has more than two sentences: $third"
			[[ $REPLY == *"tsmctl-$verb - $second SYNOPSIS"* ]] || fail "no summary of $verb: $REPLY"
			# the help has it in capitals and with other blanks
			synopsis=tsmctl$verb${first// /} page=${REPLY// /}
			[[ ${page,,} == *"synopsis${synopsis,,}"* ]] || fail "no synopsis $first in: $REPLY"
			;;
		option)
			for each in $([ "$verb" = - ] && tsmctl help verbs | cut -f 1 || echo "$verb"); do
				text "$MADE/tsmctl-$each.8"
				entry="--$second"
				[ "$first" = - ] || entry="-$first, $entry"
				[ "$third" = - ] || entry+="="
				[[ $REPLY == *" Options"*" $entry"* ]] || fail "no '$entry' in $each"
				fourth=${fourth^}
				[[ $REPLY == *"$fourth"* ]] || fail "no '$fourth' in $each"
			done
			;;
		check) on_page "$MADE/tsmctl-doctor.8" check "$first" ;;
		stage) ;;
		metric) on_page "$MADE/tsmctl-metrics.8" metric "$verb" ;;
		*) fail "what is $kind?" ;;
		esac
		checked=$((checked + 1))
	done < <(tsmctl help tables)
	[ $checked -gt 60 ] || fail "only $checked rows"
}

@test "man: a page of an unknown verb, or without its sections, is not built" {
	page() { awk -f "$TOP/man/mdoc.awk" -f "$TOP/man/page.awk" -v "verb=$1" "$MADE/tables" "$2"; }
	run page bnid "$TOP/man/verbs/bind.in"
	assert_failure 1
	assert_output --partial "bnid"
	run awk -f "$TOP/man/mdoc.awk" -f "$TOP/man/page.awk" /dev/null "$TOP/man/tsmctl.8.in"
	assert_failure 1
	grep -v '^\.Sh ' "$TOP/man/verbs/bind.in" > "$BATS_TEST_TMPDIR/bind.in"
	run page bind "$BATS_TEST_TMPDIR/bind.in"
	assert_failure 1
}

# example VERB COMMAND: runs it on a fake host, which has neither modules nor VFIO: load and
# unload are refused, but not because of their arguments.
example() {
	local command=$2 arguments=

	case $1 in
	bind) arguments=--dry-run ;;
	# it would not end
	wait) command=$(sed 's/--state [^ ]*/&,closed/' <<< "$command") ;;
	# so that it ends; libpopt leaks memory if an option is given twice
	monitor) arguments="--present --count=1" command=$(sed 's/--events [^ ]*/&,present/' <<< "$command") ;;
	esac
	cat > "$BATS_TEST_TMPDIR/bin/tsmctl" <<-EOF
		#!/bin/sh
		exec env "LD_PRELOAD=$BATS_RUN_TMPDIR/kernel.so" $TSMCTL_BIN/tsmctl "\$@" $arguments
	EOF
	chmod 755 "$BATS_TEST_TMPDIR/bin/tsmctl"
	export ASAN_OPTIONS=${ASAN_OPTIONS:-}:verify_asan_link_order=0
	run_split env PATH="$BATS_TEST_TMPDIR/bin:$PATH" timeout 60 bash -c "cd '$BATS_TEST_TMPDIR' && $command"
}

host() {
	fake_host
	export TSMCTL_ETC=$BATS_TEST_TMPDIR/etc
	mkdir -p "$TSMCTL_ETC" "$BATS_TEST_TMPDIR/bin"
	chmod 755 "$TSMCTL_ETC"
	echo '{"version":1,"devices":[{"device":"0000:01:00.0","bind_allowed":false}]}' |
		tee "$TSMCTL_ETC/config.json" > "$BATS_TEST_TMPDIR/host.json"
	chmod 644 "$TSMCTL_ETC/config.json"
	fake_driver vfio-pci-tsm
	fake_tsm 0
	fake_device 0000:02:00.0 nvme 8086 10c9 8
	default_driver 0000:02:00.0 nvme
	fake_tsm_side 0000:02:00.0
	fake_device 0000:02:10.0 igbvf 8086 10ca 9
	[ "$1" != unload ] || return 0
	fake_assigned 0000:01:00.0
	fake_cdev 0000:01:00.0
	# the examples of bind are dry runs, which leave no TDI id behind
	[ "$1" != bind ] || policy 0000:01:00.0 tdi_id 0000:00:02.0
	default_driver 0000:01:00.0 nvme
}

@test "man: the examples work" {
	tried=0
	for page in "$TOP"/man/verbs/*.in; do
		verb=$(basename -s .in "$page")
		rm -rf "$BATS_TEST_TMPDIR/sys" "${BATS_TEST_TMPDIR:?}/etc"
		host "$verb"
		before=$tried
		while read -r command; do
			example "$verb" "$command"
			case $verb:$status in
			*:0|diff:8|doctor:[13456]) ;;
			events:1) [[ $stderr == *"no journal of systemd"* ]] || fail "$stderr" ;;
			# the fake host has no evidence
			evidence:5|admission:5) [[ $stderr == *"the module vfio_tsm has none"* ]] || fail "$stderr" ;;
			load:5|unload:5) [[ $stderr == *"modules belong to the running kernel"* ]] || fail "$stderr" ;;
			*) fail "$verb: '$command' answers $status: $output $stderr" ;;
			esac
			[ -z "$stderr" ] || [[ $command == *dry-run* || $verb =~ load|bind|diff|events|evidence|admission ]] ||
				fail "$verb: '$command' says $stderr"
			tried=$((tried + 1))
		done < <(sed -n '/^\.Sh EXAMPLES/,/^\.Sh SEE/{/^\.Bd/,/^\.Ed/{/^\./!p}}' "$page")
		[ $tried -gt $before ] || fail "no example in ${page##*/}"
	done
	[ $tried -ge 30 ] || fail "only $tried examples"
}

@test "man: every key of JSON is in tsmctl-json(5)" {
	host any
	policy 0000:01:00.0 last_error "-16 mapped"
	for command in list "mode 01:00.0" doctor metrics "monitor --present --count=1" "mode 99:00.0"; do
		# shellcheck disable=SC2086
		run_split tsmctl --json $command
		keys=$(read_answer keys)
		[[ $keys == *" "*" "*" "*" "* ]] || fail "no keys: $output"
		for key in $keys; do
			on_page "$TOP/man/tsmctl-json.5" key "$key"
		done
	done
}

# abi PATH: what the ABI has about a file.
abi() {
	awk -v "path=$1" '/^[A-Z]/ { named = /^What:/; if (named) found = 0 }
		named && $NF == path { found = 1 }
		found && /^\t\t|^$/' "$TOP"/configfs/ABI/*
}

abi_paths() { awk '/^[^\t]/ { named = /^What:/ } named { print $NF }' "$TOP"/configfs/ABI/*; }

# abi_words PATH: the words of its tables, in their order.
abi_words() { abi "$1" | awk '/^\t\t==/ { inside = !inside; next } inside && /^\t\t[^ \t]/ { print $1 }'; }

# kernel_words NAME: the words of a table of words.c, in their order.
kernel_words() { sed -n "/^const .* vfio_tsm_$1_words\[/,/};/p" "$TOP/configfs/words.c" | grep -oP '\] = "\K[^"]+'; }

CONFIGFS=/sys/kernel/config/vfio_tsm
POLICY="$CONFIGFS/<address>/tsm"
STATE="/sys/bus/pci/devices/<address>/vfio_tsm"
EVIDENCE="/sys/bus/pci/devices/<address>/vfio_tsm_evidence"

@test "man: every file and word of the ABI is in vfio_tsm(5)" {
	paths=$(abi_paths)
	[ "$(wc -l <<< "$paths")" -ge 28 ] || fail "only $paths"
	for path in $paths; do
		name=$(basename "$path")
		[[ $name = vfio_tsm* ]] || on_page "$MADE/vfio_tsm.5" file "$name"
		for word in $(abi_words "$path"); do
			on_page "$MADE/vfio_tsm.5" word "$word"
			words=$((${words:-0} + 1))
		done
	done
	[ "$words" -ge 70 ] || fail "only $words words"
}

@test "man: vfio_tsm(5) is not made with a mark that the ABI does not have, or without a part of it" {
	page() { awk -f "$TOP/man/mdoc.awk" -f "$TOP/man/abi.awk" "$TOP"/configfs/ABI/* "$1"; }
	template=$BATS_TEST_TMPDIR/vfio_tsm.5.in
	page "$TOP/man/vfio_tsm.5.in" | cmp - "$MADE/vfio_tsm.5"
	for mark in /nothing/ '/nothing/*'; do
		{ cat "$TOP/man/vfio_tsm.5.in" && echo "@$mark@"; } > "$template"
		run_split page "$template"
		assert_failure 1
		[[ $stderr == "abi.awk: "*" /nothing/" ]] || fail "$stderr"
	done
	grep -v 'vfio_tsm/state@' "$TOP/man/vfio_tsm.5.in" | grep -vF 'tsm/*@' > "$template"
	run_split page "$template"
	assert_failure 1
	assert_equal "$stderr" "abi.awk: the page has no $CONFIGFS/default_region_mode"
}

@test "man: paragraphs, lists, tables and words of the ABI become mdoc" {
	printf '%s\n' 'What: /a/' 'Description:' $'\t\tIt is "x-y".' '' $'\t\tThen (EBUSY) a\\b:' '' $'\t\t- poll(2) is' \
		$'\t\t  long' '' $'\t\t===  ====' $'\t\tno   .x' $'\t\tA_B  c' $'\t\t===  ====' '' 'What: /a/b_c' \
		$'\t\t/a/d' 'Date: never' 'Description:' $'\t\t(RW) As b_c.' > "$BATS_TEST_TMPDIR/abi"
	printf '%s\n' '@/a/@' '@/a/*@' > "$BATS_TEST_TMPDIR/page"
	run awk -f "$TOP/man/mdoc.awk" -f "$TOP/man/abi.awk" "$BATS_TEST_TMPDIR/abi" "$BATS_TEST_TMPDIR/page"
	assert_success
	assert_output - <<-'EOF'
		It is
		.Li x\-y .
		.Pp
		Then
		.Er ( EBUSY )
		a\eb:
		.Bl -bullet -compact
		.It
		.Xr poll 2
		is long
		.El
		.Bl -tag -width 3n -compact
		.It Li no
		\&.x
		.It Ev A_B
		c
		.El
		.Bl -tag -width Ds
		.It Pa b_c , d No (read, write)
		As
		.Pa b_c .
		.El
	EOF
}

@test "ABI: it has the attributes of configfs and sysfs, and no other" {
	in_table() { sed -n "/[ *]$2\[/,/};/p" "$TOP/configfs/$1.c" | grep -oP '&(dev_|bin_)?attr_\K[a-z0-9_]+' | sed "s|^|$3/|"; }
	same=$(abi "$STATE/" | tr '\n' ' ' | grep -oP 'same name in\s+configfs: \K[^.]*' | tr -d ',')
	[ -n "$same" ]
	for name in $same; do assert_equal "$(abi_paths | grep -cxF "$POLICY/$name")" 1; done
	# shellcheck disable=SC2086
	expected=$(printf "$STATE/%s\n" $same && abi_paths | grep -v '/$')
	assert_equal "$(sort -u <<< "$expected")" "$({
		in_table main root_attrs "$CONFIGFS"
		in_table attrs vfio_tsm_attrs "$POLICY"
		in_table sysfs vfio_tsm_sysfs_attrs "$STATE"
		in_table evidence vfio_tsm_evidence_attrs "$EVIDENCE"
		in_table evidence vfio_tsm_evidence_bin_attrs "$EVIDENCE"
	} | sort)"
}

@test "ABI: it has the words of the kernel, and no other" {
	tables=
	while read -r table path; do
		words=$(abi_words "$path")
		# without a table, they are in the text
		[ -n "$words" ] || words=$(abi "$path" | grep -oE '"[^"]+"' | tr -d '"')
		[ "$table" != event ] || words=$(abi "$path" | tr -s '\t\n ' ' ' | grep -oP 'the event: \K[^(]*' | grep -oE '[a-z]+')
		expected=$(kernel_words "$table" | sort)
		[ "$table" != stage ] || expected=$(grep -vx none <<< "$expected")
		assert_equal "$(sort <<< "$words")" "$expected"
		tables+="$table"$'\n'
	done <<-EOF
		region_mode $POLICY/region_mode
		region_active $POLICY/region_mode_active
		bar_mmap $POLICY/bar_mmap
		admission $POLICY/admission
		guest_requests $POLICY/guest_requests
		scope $STATE/requests
		tdi_state $STATE/tdi_state
		state $POLICY/state
		stage $POLICY/last_error
		event $STATE/state
		reason $STATE/last_unbind
		blocked $STATE/blocked
	EOF
	assert_equal "$(sort <<< "${tables%$'\n'}")" "$(grep -oP 'vfio_tsm_\K[a-z_]+(?=_words\[\])' "$TOP/configfs/words.c" | sort)"
}

@test "ABI: the stages of a bind are in the order of the checks" {
	checks=$(for function in bind_checked check_connected check_registers call_tsm; do
		sed -n "/^static int $function(/,/^}/p" "$TOP/kernel/bind.c"
	done | grep -oP 'stage = VFIO_TSM_STAGE_\K[A-Z_]+' | tr 'A-Z_' 'a-z-' | awk '!seen[$0]++')
	# checked before these, or by another function
	assert_equal "$(abi_words "$POLICY/last_error" | grep -vxE 'foreign|quarantined|tdi-id|vdevice|admission')" \
		"$(grep -vx foreign <<< "$checks")"
	abi_words "$POLICY/last_error" | head -n 2 | cmp - <(printf 'foreign\nquarantined\n')
}

@test "man: every check of evidence is in tsmctl-evidence(8) and tsmctl-admission(8)" {
	checks=$(grep -oP '^\t\[PROOF_[A-Z]+\] = \{ "\K[a-z-]+' "$TOP/cli/evidence/verify.c")
	[ "$(wc -l <<< "$checks")" -ge 5 ] || fail "only these: $checks"
	for check in $checks; do
		for page in evidence admission; do on_page "$MADE/tsmctl-$page.8" check "$check"; done
	done
}

@test "man: every errno, field and parameter is in vfio-pci-tsm(4)" {
	header=$TOP/kernel/uapi/linux/vfio_tsm.h
	page=$TOP/man/vfio-pci-tsm.4
	errnos=$(grep -E '^ \* [A-Z0-9, ]+ - ' "$header" | sed 's/ - .*//' | grep -oE '\bE[A-Z0-9]+\b')
	[ "$(wc -l <<< "$errnos")" -ge 15 ] || fail "only $errnos"
	for errno in $(sort -u <<< "$errnos"); do
		[ "$(grep -cx "\.It Bq Er $errno" "$page")" -ge "$(grep -cx "$errno" <<< "$errnos")" ] || fail "no $errno"
	done
	for field in $(grep -oP '^ \* @\K[a-z_]+' "$header"); do
		on_page "$page" field "$field"
	done
	for parameter in $(grep -ohP '^module_param(_cb)?\(\K[a-z0-9_]+' "$TOP/kernel/main.c" "$TOP/configfs/main.c"); do
		on_page "$page" parameter "$parameter"
	done
	for ioctl in $(grep -oP '^#define \KVFIO_[A-Z_]+' "$header"); do
		grep -qx "\.Ss $ioctl" "$page" || fail "no $ioctl"
	done
}

@test "man: every exit status is in tsmctl(8), and that of a difference in tsmctl-diff(8)" {
	statuses=$(grep -oP '^\tEXIT_[A-Z_]+ = \K[0-9]+' "$TOP/cli/common/exitcode.h")
	[[ $statuses == *8* ]] || fail "only $statuses"
	for status in $statuses; do on_page "$MADE/tsmctl.8" status "$status"; done
	sed -n '/^\.Sh EXIT/,/^\.Sh EX[^I]/p' "$MADE/tsmctl-diff.8" | grep -q '8 if something does'
}

@test "man: every variable that tsmctl reads is in tsmctl(8)" {
	names=$(grep -rohP --include='*.c' --exclude-dir=helper '(getenv\(|root_find\(.*)"\K[A-Z_]+(?=")' "$TOP/cli" | sort -u)
	[[ $names == *COLUMNS*NO_COLOR*TERM*TSMCTL_ETC* ]] || fail "only $names"
	for name in $names; do
		grep -qx "\.It Ev $name" "$MADE/tsmctl.8" || fail "no $name"
	done
}

@test "man: each stage of a bind is in tsmctl-bind(8), with its hint, and is one of the driver's" {
	stages=$(tsmctl help tables | grep -P '^stage\t' | cut -f 2 | sort -u)
	assert_equal "$stages" "$(sed -n '/vfio_tsm_stage_words\[/,/};/s/.*= "\(.*\)",.*/\1/p' "$TOP/configfs/words.c" | grep -vx none | sort)"
	for stage in $stages; do
		grep -qE "^\.It Li ${stage/-/\\\\-} No \([A-Za-z ]+, exit status [0-9]\)$" "$MADE/tsmctl-bind.8" || fail "no $stage"
	done
	grep -q "^Run 'tsmctl allow DEVICE'\.$" "$MADE/tsmctl-bind.8"
}

@test "tests/README.md: has each file of tests/vm once in its table of what they prove" {
	rows=$(sed -n '/^What the files of `tests\/vm`/,/^Programs that/p' "$TOP/tests/README.md" | grep -oP '`\K[a-z0-9 -]+(?=` \|$)' | tr ' ' '\n' | sort)
	assert_equal "$rows" "$(basename -as .bats "$TOP"/tests/vm/*.bats | sort)"
}

@test "licence: each file that can have a comment names its licence" {
	git -c "safe.directory=$TOP" -C "$TOP" rev-parse > /dev/null 2>&1 || skip "no git"
	cd "$TOP" || return
	without=$(git -c "safe.directory=$TOP" ls-files | grep -vE '\.(json|patch|diff|prom)$|^kernel/patches/.*/message$|\.corpus/|^(README\.md|COPYING)$|^LICENSES/|^debian/(changelog|copyright|source/format)$|^\.reuse/' |
		xargs grep -L 'SPDX-License-Identifier: GPL-2\.0' || true)
	assert_equal "$without" ""
}

@test "man: every page that a page refers to exists" {
	for page in "${pages[@]}"; do
		while read -r name section _; do
			case $name in
			tsm*|vfio*)
				[ -e "$TOP/man/$name.$section" ] || [ -e "$MADE/$name.$section" ] ||
					fail "${page##*/} refers to $name($section)"
				;;
			esac
		done < <(sed -n 's/^\.Xr //p' "$page")
	done
}
