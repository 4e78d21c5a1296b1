#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2013,SC2016,SC2030,SC2031,SC2154
# tsmctl list: its columns, their order, its filters, and the tree.
bats_require_minimum_version 1.5.0
load helpers

TITLES="ADDRESS STATE DRIVER TSM TDI-ID OWNER TDI-STATE MODE ACTIVE DSM NAME"

setup() { fake_host; }

dir() { echo "$SYS/devices/pci0000:00/$1"; }

# fake_vf ADDR PF DSM: an assigned VF, without a TSM of its own
fake_vf() {
	fake_assigned "$1"
	ln -s "../$2" "$(dir "$1")/physfn"
	rm "$(dir "$1")/tsm/connect" "$(dir "$1")/tsm/disconnect"
	echo "$3" > "$(dir "$1")/tsm/dsm"
}

# fake_card: two PFs, of which the first is the DSM of all, with two VFs each
fake_card() {
	fake_assigned 0000:01:00.0
	fake_assigned 0000:01:00.1
	rm "$(dir 0000:01:00.1)"/tsm/{,dis}connect
	echo 0000:01:00.0 > "$(dir 0000:01:00.1)/tsm/dsm"
	fake_vf 0000:01:10.0 0000:01:00.0 0000:01:00.0
	fake_vf 0000:01:10.1 0000:01:00.1 0000:01:00.0
	fake_vf 0000:01:10.2 0000:01:00.0 0000:01:00.0
	fake_vf 0000:01:10.3 0000:01:00.1 0000:01:00.0
}

# on_terminal WIDTH ARGUMENT...: list writes its table, $output, and standard error, $error,
# to terminals
on_terminal() {
	local width=$1 err=$BATS_TEST_TMPDIR/stderr
	shift

	COLUMNS=$width run_split script -qec "script -qefc 'tsmctl $* 2>&3' /dev/null 3>&1 > '$err.out' < /dev/null" "$err.raw"
	output=$(tr -d '\r' < "$err.out")
	error=$(sed '1d;$d' "$err.raw" | tr -d '\r')
	mapfile -t lines <<< "$output"
}

# starts: prints where the columns after the first one begin, once for each kind of line on stdin
starts() {
	awk '{ place = 1; places = ""
		while (match($0, /  +/)) {
			place += RSTART + RLENGTH - 1
			places = places " " place
			$0 = substr($0, RSTART + RLENGTH)
		}
		print places }' | sort -u
}

# addresses ARGUMENT...: the addresses that list prints with these arguments, on one line
addresses() {
	run_split tsmctl list --noheadings -o ADDRESS "$@"
	echo "$output" | xargs
}

@test "list: -o takes titles and keys in any case, and prints each column once, in the order given" {
	fake_assigned 0000:01:00.0
	run_split tsmctl list
	assert_success
	assert_equal "$(head -n 1 <<< "$output" | xargs)" "$TITLES"
	for names in STATE,ADDRESS state,address State,aDDress,state; do
		for option in "-o $names" "-o$names" "--output $names" "--output=$names"; do
			# shellcheck disable=SC2086
			run_split tsmctl list $option
			assert_success
			assert_output $'STATE   ADDRESS\nclosed  0000:01:00.0'
			assert_equal "$stderr" ""
		done
	done
	run_split tsmctl list -o region-mode,MODE,tdi_id,TDI-ID
	assert_output $'MODE     TDI-ID\ndefault  -'
	run_split tsmctl list -o +generation,state,last_error
	assert_equal "$(head -n 1 <<< "$output" | xargs)" "$TITLES GENERATION LAST-ERROR"
	assert_line --regexp '^0000:01:00.0 .* 3  +-$'
}

@test "list: each key of the JSON is a column, with the text that show prints" {
	fake_assigned 0000:01:00.0 bound
	fake_tdi 0000:01:00.0 run
	policy 0000:01:00.0 tdi_id 0000:00:05.0
	policy 0000:01:00.0 owner 4194304
	policy 0000:01:00.0 tsm tsm0
	policy 0000:01:00.0 last_error "-16 mapped"
	policy 0000:01:00.0 region_mode_active exclusive
	run_split tsmctl list --json
	keys=$(read_answer keys | cut -d ' ' -f 5-)
	[ "$(wc -w <<< "$keys")" -gt 25 ]
	shown=$(tsmctl show)
	for key in $keys; do
		run_split tsmctl list -o "$key"
		assert_success
		case $key in
		region_mode) title=MODE ;;
		region_mode_active) title=ACTIVE ;;
		*) title=${key^^} title=${title//_/-} ;;
		esac
		assert_equal "${lines[0]}" "$title"
		assert_equal "${lines[1]}" "$(sed -n "s/^$key  *//p" <<< "$shown")"
		# the title is a name of the column
		run_split tsmctl list -o "$title"
		assert_equal "${lines[0]}" "$title"
	done
}

@test "list: a wrong column or state is a usage error that names the right ones, before anything is read" {
	fake_assigned 0000:01:00.0
	never_answers 0000:01:00.0 tsm/connect
	while IFS='|' read -r option value said; do
		run_split timeout 20 tsmctl list "$option" "$value"
		assert_equal "$status" 2
		assert_equal "$output" ""
		assert_one_line "$said" "'tsmctl list --help'"
	done <<- 'EOF'
		-o|STAET|'STAET' in --output is not a column, but there is 'STATE'; the columns are ADDRESS, STATE, 
		-o|state,ownr|'ownr' in --output is not a column, but there is 'OWNER'; 
		-o|+tdi_stat|'tdi_stat' in --output is not a column, but there is 'TDI-STATE'; 
		-o|xyz|'xyz' in --output is not a column; the columns are ADDRESS, 
		-o|xyz|, LAST-REQUEST, CAN-BIND, ADMISSION, ADMITTED; see
		-o|state,|'' in --output is not a column; 
		-o|+|'' in --output is not a column; 
		-o|in_use|'in_use' in --output is not a column
		--sort|stat_e|'stat_e' in --sort is not a column, but there is 'STATE'; 
		--sort|-stat_e|'stat_e' in --sort is not a column, but there is 'STATE'; 
		--sort|-|'' in --sort is not a column; 
		--state|bond|'bond' in --state is not a state, but there is 'bound'; --state takes absent, unassigned,
		--state|open,|'' in --state is not a state; --state takes absent,
		--state|BOUND|'BOUND' in --state is not a state
		--tsm|sim|'sim' is not the name of a TSM, such as tsm0, or none
	EOF
	run_split tsmctl list -o $'\033[2J\n'
	assert_equal "$status" 2
	assert_one_line '\x1b[2J\x0a'
	run_split tsmctl list -o "$(printf 'A%.0s' {1..5000})"
	assert_equal "$status" 2
	run_split tsmctl list --json -o nonesuch
	assert_equal "$status" 2
	assert_golden list-no-column
	assert_equal "$stderr" ""
}

@test "list: --noheadings leaves out the first line, and nothing else" {
	fake_card
	policy 0000:01:00.0 owner 4194304
	run_split tsmctl list
	table=$output
	run_split tsmctl list --noheadings
	assert_success
	assert_equal "$(tr -s ' ' <<< "$output")" "$(tail -n +2 <<< "$table" | tr -s ' ')"
	# With libsmartcols of Debian 13, a heading that is left out takes no width. So each table is
	# compared with itself: its columns begin at the same places in all rows.
	for rows in "$table" "$output"; do
		run starts <<< "$rows"
		assert_equal "${#lines[@]}: $(wc -w <<< "${lines[0]}")" "1: 10"
	done
}

@test "list: does not read what no column shows" {
	fake_assigned 0000:01:00.0
	for attr in connect dsm bound; do never_answers 0000:01:00.0 "tsm/$attr"; done
	for options in "-o address,state,owner" "-o driver --sort state" "-o address --state closed --driver vfio-pci-tsm" \
		"-o address,name --capable"; do
		# shellcheck disable=SC2086
		run_split timeout 20 tsmctl list $options
		assert_success
		assert_equal "$stderr" ""
		assert_equal "${#lines[@]}" 2
	done
	run_split tsmctl list -o tsm
	assert_equal "$status" 7
}

@test "list: escapes unprintable bytes as in the JSON" {
	fake_assigned 0000:01:00.0
	printf '\033[2J\\x\xff' > "$CFG/0000:01:00.0/tsm/state"
	run_split tsmctl list -o state,address
	assert_line --index 1 '\x1b[2J\x\xff  0000:01:00.0'
}

@test "list: --sort sorts addresses and numbers by value, puts unknown values last, and equal ones by address" {
	for addr in 10000:01:00.0 0000:0a:00.0 0000:10:00.0 ffff:01:00.0; do fake_assigned "$addr"; done
	policy 0000:0a:00.0 owner 10
	policy 0000:10:00.0 owner 9
	policy ffff:01:00.0 owner 1000
	assert_equal "$(addresses --sort address)" "0000:0a:00.0 0000:10:00.0 ffff:01:00.0 10000:01:00.0"
	assert_equal "$(addresses --sort -address)" "10000:01:00.0 ffff:01:00.0 0000:10:00.0 0000:0a:00.0"
	assert_equal "$(addresses --sort=-address 0a:00.0 ffff:01:00.0)" "ffff:01:00.0 0000:0a:00.0"
	assert_equal "$(addresses --sort owner)" "0000:10:00.0 0000:0a:00.0 ffff:01:00.0 10000:01:00.0"
	assert_equal "$(addresses --sort=-OWNER)" "ffff:01:00.0 0000:0a:00.0 0000:10:00.0 10000:01:00.0"
	assert_equal "$(addresses --sort mode ffff:01:00.0 10:00.0 0a:00.0)" "0000:0a:00.0 0000:10:00.0 ffff:01:00.0"
	assert_equal "$(addresses --sort -mode)" "0000:0a:00.0 0000:10:00.0 ffff:01:00.0 10000:01:00.0"
	echo tsm10 > "$(dir 0000:0a:00.0)/tsm/connect"
	echo tsm9 > "$(dir 0000:10:00.0)/tsm/connect"
	assert_equal "$(addresses --sort -tsm)" "0000:0a:00.0 0000:10:00.0 ffff:01:00.0 10000:01:00.0"
	policy 0000:0a:00.0 tdi_id 0000:00:10.0
	policy 0000:10:00.0 tdi_id 10000:00:01.0
	policy ffff:01:00.0 tdi_id 'no address'
	policy 10000:01:00.0 tdi_id 0000:00:05.0
	assert_equal "$(addresses --sort tdi-id)" "10000:01:00.0 0000:0a:00.0 0000:10:00.0 ffff:01:00.0"
	run_split tsmctl list --json --sort -owner
	assert_equal "$(results owner | xargs)" "1000 10 9 null"
	# without --sort, the order is that of the arguments
	assert_equal "$(addresses ffff:01:00.0 0a:00.0)" "ffff:01:00.0 0000:0a:00.0"
}

@test "list: filters work alone, together, with devices, and in JSON" {
	fake_assigned 0000:01:00.0 bound
	fake_assigned 0000:02:00.0
	echo tsm1 > "$(dir 0000:02:00.0)/tsm/connect"
	fake_device 0000:03:00.0 nvme
	fake_tsm_side 0000:03:00.0
	fake_policy 0000:03:00.0 unassigned
	fake_policy 0000:04:00.0 absent
	# its TSM is the one that it is bound to
	fake_vf 0000:05:00.0 0000:01:00.0 0000:01:00.0
	policy 0000:05:00.0 state bound
	policy 0000:05:00.0 tsm tsm0
	while IFS='|' read -r filters wanted; do
		# shellcheck disable=SC2086
		assert_equal "$filters: $(addresses $filters)" "$filters: $wanted"
		# shellcheck disable=SC2086
		run_split tsmctl list --json $filters
		assert_success
		assert_equal "$filters: $(results address | xargs)$(errors message)" "$filters: $wanted"
		assert_equal "$stderr" ""
	done <<- 'EOF'
		--state bound|0000:01:00.0 0000:05:00.0
		--state=absent,closed,lost|0000:02:00.0 0000:04:00.0
		--driver nvme|0000:03:00.0
		--driver none|0000:04:00.0
		--driver vfio-pci|
		--tsm tsm0|0000:01:00.0 0000:05:00.0
		--tsm tsm1|0000:02:00.0
		--tsm tsm10|
		--tsm none|0000:03:00.0 0000:04:00.0
		--state bound,closed --driver vfio-pci-tsm --tsm tsm1 --capable|0000:02:00.0
		--state bound --tsm tsm1|
		--state bound,closed 01:00.0 0000:0[23]:*|0000:01:00.0 0000:02:00.0
	EOF
	run_split tsmctl list --json --state closed 02:00.0
	with=$output
	run_split tsmctl list --json 02:00.0
	assert_output "$with"
}

@test "list: --capable lists functions that a TSM serves, unless a TSM of the host cannot bind" {
	# 1: yes. 2: no TSM serves it. 3: it is gone. 4, 5: cannot bind, but one is bound
	for i in 1 2 4 5; do fake_assigned "0000:0$i:00.0"; fake_tdi "0000:0$i:00.0"; done
	rm -r "$(dir 0000:02:00.0)/tsm"
	fake_policy 0000:03:00.0 absent
	for i in 4 5; do echo 0 > "$(dir "0000:0$i:00.0")/vfio_tsm/can_bind"; done
	policy 0000:05:00.0 state bound
	# neither driver nor policy counts
	fake_device 0000:06:00.0 nvme
	fake_tsm_side 0000:06:00.0
	policy 0000:01:00.0 bind_allowed 0
	assert_equal "$(addresses --capable)" "0000:01:00.0 0000:05:00.0 0000:06:00.0"
	run_split tsmctl list --json --capable
	assert_equal "$(results address | xargs)" "0000:01:00.0 0000:05:00.0 0000:06:00.0"
}

@test "list: exits with 0 and a note if no device passes the filters; an absent device stays an error" {
	fake_assigned 0000:01:00.0
	for args in "--state lost" "--driver nvme 01:00.0" "--tsm tsm7 all"; do
		# shellcheck disable=SC2086
		run_split tsmctl list $args
		assert_success
		assert_output ""
		assert_one_line "no device passes the filters"
		# shellcheck disable=SC2086
		run_split tsmctl list --quiet $args
		assert_success
		assert_equal "$output$stderr" ""
	done
	run_split tsmctl list --json --state lost
	assert_success
	assert_golden list-nothing
	assert_equal "$stderr" ""
	run_split tsmctl list --state lost 09:00.0
	assert_equal "$status" 3
	assert_one_line "no such device"
	rm -r "$(dir 0000:01:00.0)" "$SYS/bus/pci/devices/0000:01:00.0" "$CFG/0000:01:00.0"
	run_split tsmctl list --state lost
	assert_success
	assert_one_line "no device has a TSM side"
}

@test "list: --tree puts VFs below their PF, and other functions below their DSM" {
	fake_card
	fake_assigned 0000:02:00.0
	run_split tsmctl list --tree --noheadings -o ADDRESS
	assert_success
	assert_output "$(cat <<- 'EOF'
		0000:01:00.0
		|-0000:01:00.1
		| |-0000:01:10.1
		| `-0000:01:10.3
		|-0000:01:10.0
		`-0000:01:10.2
		0000:02:00.0
	EOF
	)"
	run_split tsmctl list --tree --noheadings -o ADDRESS --sort -address
	assert_output "$(cat <<- 'EOF'
		0000:02:00.0
		0000:01:00.0
		|-0000:01:10.2
		|-0000:01:10.0
		`-0000:01:00.1
		  |-0000:01:10.3
		  `-0000:01:10.1
	EOF
	)"
	# siblings keep the order of --sort, even if their PF comes between them
	policy 0000:01:10.0 owner 1
	policy 0000:01:00.0 owner 2
	policy 0000:01:10.2 owner 3
	run_split tsmctl list --tree --noheadings -o ADDRESS,OWNER --sort owner 01:00.0 '0000:01:10.[02]'
	assert_output $'0000:01:00.0    2\n|-0000:01:10.0  1\n`-0000:01:10.2  3'
	# if the PF is not listed, the DSM takes its place; if neither is, nothing does
	run_split tsmctl list --tree --noheadings -o STATE,ADDRESS 01:10.1 01:00.0
	assert_output $'closed  0000:01:00.0\nclosed  `-0000:01:10.1'
	run_split tsmctl list --tree --noheadings -o ADDRESS,STATE 01:10.1 01:10.0
	assert_output $'0000:01:10.1  closed\n0000:01:10.0  closed'
	# without addresses, the first column has the branches
	run_split tsmctl list --tree --noheadings -o STATE 01:10.1 01:00.1
	assert_output $'closed\n`-closed'
}

@test "list: --tree has each function once, even if functions are each other's DSM" {
	for i in 0 1 2 3; do fake_assigned "0000:01:00.$i"; done
	for i in 0 1 2; do echo "0000:01:00.$(((i + 1) % 3))" > "$(dir "0000:01:00.$i")/tsm/dsm"; done
	echo 0000:01:00.1 > "$(dir 0000:01:00.3)/tsm/dsm"
	run_split timeout 20 tsmctl list --tree --noheadings -o ADDRESS
	assert_success
	assert_output "$(cat <<- 'EOF'
		0000:01:00.0
		`-0000:01:00.2
		  `-0000:01:00.1
		    `-0000:01:00.3
	EOF
	)"
}

@test "list: options for columns, headings and the tree do not change the JSON" {
	fake_card
	run_split tsmctl list --json
	before=$output
	run_split tsmctl list --json --tree --noheadings -o owner
	assert_success
	assert_output "$before"
}

@test "list: leaves out the least important columns on a narrow terminal, and names them once" {
	fake_card
	policy 0000:01:00.0 owner 4194304
	policy 0000:01:00.0 tdi_id 0000:00:05.0
	on_terminal 80 list
	assert_equal "$(xargs <<< "${lines[0]}")" "ADDRESS STATE DRIVER TSM TDI-ID OWNER TDI-STATE"
	assert_equal "${#lines[@]}" 7
	assert_equal "$error" "tsmctl: the terminal is too narrow for all columns; 'tsmctl list -o ADDRESS,MODE,ACTIVE,DSM,NAME' shows the others"
	on_terminal 40 list --tree
	assert_equal "$(xargs <<< "${lines[0]}")" "ADDRESS STATE DRIVER"
	[[ $error == *"-o ADDRESS,TSM,TDI-ID,OWNER,"*",NAME'"* ]] || fail "$error"
	# columns that -o names stay, however long the line becomes
	on_terminal 40 list -o +generation,mode,last-error
	assert_equal "$(xargs <<< "${lines[0]}")" "ADDRESS MODE GENERATION LAST-ERROR"
	on_terminal 40 list -o address,mode,active,dsm
	assert_equal "$(xargs <<< "${lines[0]}")" "ADDRESS MODE ACTIVE DSM"
	assert_equal "$error" ""
	# with room for all of them, only the name is cut
	on_terminal 120 list
	assert_equal "$(xargs <<< "${lines[0]}")" "$TITLES"
	assert_equal "$error" ""
	[[ ${lines[1]} == *"Intel"*">" && ${#lines[1]} -eq 120 ]] || fail "$output"
	on_terminal 400 list
	[[ ${lines[1]} != *">" ]] || fail "$output"
}

@test "list: names the columns that are left out on terminals only, and not with --quiet" {
	fake_card
	on_terminal 40 list --quiet
	assert_equal "$(xargs <<< "${lines[0]}")" "ADDRESS STATE DRIVER TSM"
	assert_equal "$error" ""
	COLUMNS=40 run_split script -qec "tsmctl list 2> '$BATS_TEST_TMPDIR/error'" /dev/null
	refute_output --partial OWNER
	assert_equal "$(< "$BATS_TEST_TMPDIR/error")" ""
	COLUMNS=40 run_split script -qec "tsmctl list > '$BATS_TEST_TMPDIR/table'" /dev/null
	assert_output ""
	assert_equal "$(head -n 1 "$BATS_TEST_TMPDIR/table" | xargs)" "$TITLES"
}
