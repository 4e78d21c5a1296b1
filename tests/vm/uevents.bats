# SPDX-License-Identifier: GPL-2.0-or-later
# The owner of a device binds and unbinds it without a pause. That must not flood the
# listeners to uevents, and they must get the final state.

# shellcheck disable=SC2154 # helpers.bash sets what is not set here
load helpers

setup_file() { load helpers; load_all; modprobe other_bind; }
teardown_file() { load helpers; modprobe -r other_bind; unload_all; }
setup() { prepare; }
teardown() { cleanup; }

uptime="sh:echo uptime \$(cut -d . -f 1 /proc/uptime)"

# The rate is per second, so the allowed number depends on the time that the machine needs.
@test "an owner causes at most 20 uevents a second, and one afterwards" {
	generation=$(attr generation)
	run client uevents "$uptime" open "repeat:200:tsm-bind,tsm-unbind" "$uptime" "uevents-until:$((generation + 401))"
	assert_line --regexp '^uevents-until:.* OK$'
	began=$(awk '/^uptime/ { print $2; exit }' <<<"$output")
	ended=$(awk '/^uptime/ { last = $2 } END { print last }' <<<"$output")
	sent=$(grep -c '^uevent ' <<<"$output")
	echo "$sent uevents in $((ended - began)) s"
	[ "$sent" -le $((20 * (ended - began + 2) + 1)) ]
	assert_equal "$(attr generation)" $((generation + 402))
}

@test "the last uevent of an owner that caused too many has the final state" {
	generation=$(attr generation)
	run client uevents open "repeat:50:tsm-bind,tsm-unbind" tsm-bind "uevents-until:$((generation + 102))"
	assert_line --regexp "^uevent EVENT=bound STATE=bound REASON=none GENERATION=$((generation + 102)) TDI_ID=0000:00:05.0"
}

@test "a change by root is a uevent at once, also after too many by the owner" {
	generation=$(attr generation)
	run client uevents open "repeat:50:tsm-bind,tsm-unbind" tsm-bind \
		"sh:echo 0 >$configfs/$dev/tsm/bound" "uevents-until:$((generation + 103))" tsm-bind \
		"sh:echo tsm0 >$pci/devices/$dev/tsm/disconnect; cat $configfs/$dev/tsm/state" uevents-show
	assert_line --regexp '^uevent EVENT=unbound STATE=open REASON=revoked'
	assert_line --regexp '^uevent EVENT=lost STATE=lost REASON=lost'
}

@test "a change by another module is a uevent at once, also after too many by the owner" {
	generation=$(attr generation)
	run client uevents open "repeat:50:tsm-bind,tsm-unbind" \
		"sh:echo $dev >/sys/module/other_bind/parameters/bind; cat $configfs/$dev/tsm/state" \
		"sh:echo $dev >/sys/module/other_bind/parameters/unbind; cat $configfs/$dev/tsm/state" uevents-show
	number=$((generation + 102))
	assert_line --regexp "^uevent EVENT=bound STATE=bound REASON=none GENERATION=$number TDI_ID=0000:42:08.2"
	assert_line --regexp "^uevent EVENT=unbound STATE=open REASON=foreign GENERATION=$((number + 1))"
}
