# SPDX-License-Identifier: GPL-2.0-or-later
# The table of states in kernel/state.c: user space causes each change that it has. The
# module walk_states records the states, also those that the driver does not publish.
# User space can reach each row: root can bind and unbind as another module of the
# kernel, and the simulated TSM can fail.

# shellcheck disable=SC2154 # helpers.bash sets what is not set here
load helpers

walk=/sys/module/walk_states/parameters/walk
pairs=/sys/module/walk_states/parameters/pairs
foreign=/sys/module/other_bind/parameters

setup_file() {
	load helpers
	load_all
	modprobe -a other_bind walk_states
}
teardown_file() {
	load helpers
	modprobe -r walk_states other_bind
	unload_all
}
setup() { prepare; }
teardown() {
	inject error_bind 0
	inject error_unbind 0
	inject report_unbind 0
	set_attr quarantine 0
	echo "$dev" >$foreign/unbind
	cleanup
}

inject() { echo "$2" >"$debugfs/$dev/inject/$1"; }

# fail_stop: from now on the TSM cannot stop TDIs, and reports that
fail_stop() {
	inject error_unbind 5
	inject report_unbind 1
}

bind=put:$foreign/bind=$dev
unbind=put:$foreign/unbind=$dev
disconnect=put:$pci/devices/$dev/tsm/disconnect=tsm0
connect=put:$pci/devices/$dev/tsm/connect=tsm0
revoke=put:$configfs/$dev/tsm/bound=0
quarantine=put:$configfs/$dev/tsm/quarantine
force="sh:echo flr >$pci/devices/$dev/reset_method; echo 1 >$pci/devices/$dev/reset"

# in_the_end STATE: a step that waits until the function is in STATE
in_the_end() { echo "sh:until grep -q '^$dev .*$1\$' $walk; do :; done"; }

# walks STATES PUBLISHED STEP...: during the STEPs an open function goes through STATES;
# PUBLISHED are the state and origin after each STEP. In each of them, the summary agrees with
# the single files
walks() {
	local states=$1 published=$2 steps=() step
	shift 2
	for step; do
		steps+=("$step" "sh:cd $configfs/$dev/tsm && echo is \$(cat state origin); $(compare_summary)")
	done
	run client open "put:$walk=anew" "${steps[@]}" "sh:cat $walk"
	assert_equal "$(awk '$1 == "is" { print $2 "/" $3 }' <<<"$output" | paste -sd ' ')" "$published"
	assert_line "$dev $states"
	refute_output --partial differs
	assert_equal "$(grep -cx agrees <<<"$output")" "$(wc -w <<<"$published")"
}

@test "states of a bind and an unbind by the owner" {
	walks "IDLE BINDING LOCKING BOUND UNBINDING IDLE" "bound/vfio open/none" tsm-bind tsm-unbind
}

@test "states of a bind that a check refuses" {
	set_attr bind_allowed 0
	walks "IDLE BINDING IDLE" "open/none" tsm-bind
	assert_line "tsm-bind EACCES"
}

@test "states of a bind that the TSM refuses" {
	inject error_bind 5
	walks "IDLE BINDING LOCKING BINDING IDLE" "open/none" tsm-bind
	assert_line "tsm-bind EIO"
}

@test "states of a second bind, and of an unbind without a bind" {
	walks "IDLE BINDING LOCKING BOUND UNBINDING IDLE" "bound/vfio bound/vfio open/none open/none" \
		tsm-bind tsm-bind tsm-unbind tsm-unbind
	assert_equal "$(answers tsm-bind)" "OK EALREADY"
}

@test "states of a revoke" {
	walks "IDLE BINDING LOCKING BOUND UNBINDING IDLE" "bound/vfio open/none" tsm-bind "$revoke"
}

@test "states of the last close of a bound function" {
	echo anew >$walk
	client open tsm-bind close
	assert_equal "$(cat $walk)" "$dev IDLE BINDING LOCKING BOUND UNBINDING IDLE"
	assert_equal "$(attr state)" closed
}

@test "states of a disconnect that the owner acknowledges" {
	walks "IDLE BINDING LOCKING BOUND LOSING LOST IDLE" "bound/vfio lost/none lost/none open/none" \
		tsm-bind "$disconnect" "$(in_the_end LOST)" tsm-unbind
}

@test "states of a disconnect and the last close" {
	echo anew >$walk
	client open tsm-bind "$disconnect" "$(in_the_end LOST)" close
	assert_equal "$(cat $walk)" "$dev IDLE BINDING LOCKING BOUND LOSING LOST IDLE"
	assert_equal "$(attr state)" closed
}

@test "states of a bind while the function is lost" {
	walks "IDLE BINDING LOCKING BOUND LOSING LOST" "bound/vfio lost/none lost/none lost/none lost/none" \
		tsm-bind "$disconnect" "$connect" "$(in_the_end LOST)" tsm-bind
	assert_equal "$(answers tsm-bind)" "OK ENXIO"
}

@test "states of a reset that root forces" {
	walks "IDLE BINDING LOCKING BOUND LOSING LOST IDLE" "bound/vfio lost/none lost/none open/none" \
		tsm-bind "$force" "$(in_the_end LOST)" tsm-unbind
	assert_equal "$(sim violations)" 0
}

@test "states of a bind and an unbind by another module" {
	walks "IDLE FOREIGN LEAVING IDLE" "bound/foreign open/none open/none" "$bind" "$unbind" "$(in_the_end IDLE)"
}

@test "states of a bind by another module and a disconnect" {
	walks "IDLE FOREIGN LEAVING IDLE" "bound/foreign open/none open/none" "$bind" "$disconnect" "$(in_the_end IDLE)"
}

@test "states of a bind by another module and a revoke" {
	walks "IDLE FOREIGN UNBINDING IDLE" "bound/foreign open/none" "$bind" "$revoke"
}

@test "states of a bind by another module and a reset that root forces" {
	walks "IDLE FOREIGN LOSING LOST IDLE" "bound/foreign lost/none lost/none open/none" \
		"$bind" "$force" "$(in_the_end LOST)" tsm-unbind
	assert_equal "$(sim violations)" 0
}

@test "states of a bind by another module, while the owner can neither bind nor unbind" {
	walks "IDLE FOREIGN" "bound/foreign bound/foreign bound/foreign" "$bind" tsm-bind tsm-unbind
	assert_equal "$(answers tsm-bind) $(answers tsm-unbind)" "EBUSY EBUSY"
}

@test "states of a bind by another module while the function is lost" {
	walks "IDLE BINDING LOCKING BOUND LOSING LOST FOREIGN LEAVING IDLE" \
		"bound/vfio lost/none lost/none lost/none bound/foreign open/none open/none" \
		tsm-bind "$disconnect" "$connect" "$(in_the_end LOST)" "$bind" "$unbind" "$(in_the_end IDLE)"
}

# A quarantine is not a state of the table: it is published instead of one.

@test "states of a failed stop at an unbind, and a disconnect that ends the quarantine" {
	fail_stop
	walks "IDLE BINDING LOCKING BOUND UNBINDING IDLE" \
		"bound/vfio quarantined/none quarantined/none open/none" \
		tsm-bind tsm-unbind tsm-bind "$disconnect"
	assert_equal "$(answers tsm-bind)" "OK EBUSY"
}

@test "states of a failed stop after a loss, and an administrator who ends the quarantine" {
	fail_stop
	walks "IDLE BINDING LOCKING BOUND LOSING LOST" \
		"bound/vfio quarantined/none quarantined/none lost/none" \
		tsm-bind "$force" "$(in_the_end LOST)" "$quarantine=0"
}

@test "states of a failed stop of a TDI that another module has bound" {
	fail_stop
	walks "IDLE FOREIGN LEAVING IDLE" "bound/foreign quarantined/none open/none" \
		"$bind" "sh:echo $dev >$foreign/unbind; until grep -q '^$dev .*IDLE\$' $walk; do :; done" \
		"$quarantine=0"
}

@test "states of a bind of a quarantined function by another module, after the TSM could stop it" {
	fail_stop
	walks "IDLE BINDING LOCKING BOUND UNBINDING IDLE FOREIGN LEAVING IDLE" \
		"bound/vfio quarantined/none quarantined/none bound/foreign open/none open/none" \
		tsm-bind tsm-unbind "put:$debugfs/$dev/inject/error_unbind=0" "$bind" "$unbind" "$(in_the_end IDLE)"
}

@test "states of a quarantine by the administrator, which fails while the function is bound" {
	walks "IDLE BINDING LOCKING BOUND" "quarantined/none open/none bound/vfio bound/vfio" \
		"$quarantine=1" "$quarantine=0" tsm-bind "$quarantine=1"
	assert_line "$quarantine=1 EBUSY"
}

@test "states of a quarantine by the administrator while the function is lost" {
	walks "IDLE BINDING LOCKING BOUND LOSING LOST" \
		"bound/vfio lost/none lost/none quarantined/none lost/none" \
		tsm-bind "$disconnect" "$(in_the_end LOST)" "$quarantine=1" "$quarantine=0"
}

# table: the rows of kernel/state.c, as "FROM TO"
table() {
	sed -n '/changes\[\] = {/,/^};/s/^\t{ VFIO_PCI_TSM_\([A-Z]*\), VFIO_PCI_TSM_\([A-Z]*\), .*/\1 \2/p' \
		"$top/kernel/state.c" | sort
}

@test "the tests above have caused every change of the table, and no other" {
	[ "$(table | wc -l)" -ge 16 ]
	assert_equal "$(cut -d ' ' -f 1,2 <"$pairs" | sort)" "$(table)"
}
