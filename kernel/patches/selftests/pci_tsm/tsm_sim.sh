#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Tests of PCI/TSM with the TSM in software, on one PCIe function, which is reset.
#
# DEVICE is the address of the function. Without it, the first function 0 of a device that can
# be reset and has no driver is used. BIND is the name of the module that calls pci_tsm_bind().

DIR=$(dirname "$(readlink -f "$0")")
# shellcheck source=/dev/null # it is in the kernel's tree
. "$DIR"/../kselftest/ktap_helpers.sh

BIND=${BIND:-tsm_bind}
DEBUGFS=/sys/kernel/debug/tsm_sim
PCI=/sys/bus/pci/devices
bind=/sys/module/$BIND/parameters

# skip REASON...: ends the test
skip() {
	ktap_skip_all "$*"
	exit "$KSFT_SKIP"
}

find_device() {
	local path
	for path in "$PCI"/*.0; do
		# Only a PCIe function has the file.
		if [ -e "$path/current_link_speed" ] && [ -e "$path/reset" ] &&
				[ ! -e "$path/driver" ]; then
			basename "$path"
			return
		fi
	done
}

# write VALUE FILE [ERROR]: writes, and succeeds if that ends as expected: with ERROR, with the
# text of that error
write() {
	local output
	if output=$(LC_ALL=C bash -c 'printf "%s\n" "$1" >"$2"' - "$1" "$2" 2>&1); then
		[ -z "$3" ]
	else
		[ -n "$3" ] && [[ $output == *": $3" ]]
	fi
}

# is FILE TEXT
is() {
	local text
	text=$(cat "$1") && [ "$text" = "$2" ]
}

connect() { write "$tsm" "$dev/tsm/connect" "$@"; }
disconnect() { write "$tsm" "$dev/tsm/disconnect" "$@"; }
bind() { write "$name" "$bind/bind" "$@"; }
unbind() { write "$name" "$bind/unbind"; }
inject() { write "$2" "$sim/inject/$1"; }
# request RUN|STATE [ERROR]: as the guest would
request() { write "$1" "$sim/guest_request" "$2"; }
# is_bound STATE: bound, with this TDISP state
is_bound() { is "$dev/tsm/bound" "$tsm" && is "$sim/state" "$1"; }
is_unbound() { is "$dev/tsm/bound" "" && is "$sim/state" CONFIG_UNLOCKED; }

connects() {
	connect && is "$dev/tsm/connect" "$tsm" && is "$dev/tsm/dsm" "$name" &&
		connect "Device or resource busy"
}

connect_fails() {
	inject error_connect 5 && connect "Input/output error" && is "$dev/tsm/connect" "" &&
		inject error_connect 0
}

needs_connection() { bind "Invalid argument" && disconnect "No such device or address"; }

binds() { bind && is_bound CONFIG_LOCKED && is "$sim/tdi_id" 0x4242 && unbind && is_unbound; }

rebinds() {
	bind && write "$name" "$bind/rebind" && is_bound CONFIG_LOCKED &&
		is "$sim/tdi_id" 0x4343 && unbind && is "$sim/tdi_id" none
}

bind_fails() {
	inject error_bind 12 && bind "Cannot allocate memory" && is_unbound &&
		inject error_bind 0 && bind && unbind
}

# PCI/TSM takes the function for unbound. The TSM stops the TDI before the next bind.
unbind_fails() {
	inject error_unbind 5 && bind && unbind && is "$dev/tsm/bound" "" &&
		is "$sim/state" CONFIG_LOCKED && bind "Device or resource busy" &&
		inject error_unbind 0 && bind && unbind && is_unbound
}

starts() {
	bind && request STATE && is "$sim/guest_request" CONFIG_LOCKED &&
		request RUN && is_bound RUN && request RUN "Invalid argument" &&
		unbind && is_unbound
}

request_fails() {
	inject error_guest_req 11 && bind && request RUN "Resource temporarily unavailable" &&
		is_bound CONFIG_LOCKED && inject error_guest_req 0 && unbind
}

needs_bind() { request STATE "No such device or address"; }

resets() {
	write "$name" "$bind/bind_reset" && is_bound ERROR && is "$sim/violations" 1 &&
		request RUN "Invalid argument" && unbind && is_unbound
}

disconnects() {
	bind && is_bound CONFIG_LOCKED && disconnect && is "$dev/tsm/connect" "" && is_unbound
}

unloads() {
	connect && bind && modprobe -r tsm_sim && [ ! -e "$dev/tsm/connect" ] &&
		[ ! -e "/sys/class/tsm/$tsm" ]
}

ktap_print_header
[ "$(id -u)" = 0 ] || skip "needs root"
name=${DEVICE:-$(find_device)}
[ -n "$name" ] || skip "no PCIe function that can be reset and has no driver"
[ -e "$PCI/$name" ] || skip "no function $name"
[ ! -e /sys/module/tsm_sim ] || skip "tsm_sim is in use"
mountpoint -q /sys/kernel/debug || mount -t debugfs none /sys/kernel/debug
modprobe "$BIND" 2>/dev/null || insmod "$DIR/test_modules/$BIND.ko" || skip "no module $BIND"
before=$(ls /sys/class/tsm 2>/dev/null)
modprobe tsm_sim "devices=$name" || { rmmod "$BIND"; skip "no module tsm_sim"; }
tsm=$(comm -13 <(echo "$before") <(ls /sys/class/tsm))
dev=$PCI/$name
sim=$DEBUGFS/$name

ktap_set_plan 14
ktap_test_result "registers a TSM" test -n "$tsm"
ktap_test_result "connect: an error is returned, and nothing is connected" connect_fails
ktap_test_result "bind, disconnect: refused without a connection" needs_connection
ktap_test_result "connect: once" connects
ktap_test_result "bind: locks the TDI, which unbind stops" binds
ktap_test_result "bind: again, with another ID" rebinds
ktap_test_result "bind: an error is returned, and nothing is locked" bind_fails
ktap_test_result "unbind: an error keeps the TDI locked" unbind_fails
ktap_test_result "guest_req: starts the TDI, once" starts
ktap_test_result "guest_req: an error is returned, and changes nothing" request_fails
ktap_test_result "guest_req: refused without a bind" needs_bind
ktap_test_result "reset: moves the TDI to ERROR" resets
ktap_test_result "disconnect: unbinds" disconnects
ktap_test_result "unload: unbinds, disconnects and unregisters" unloads

[ ! -e /sys/module/tsm_sim ] || modprobe -r tsm_sim
rmmod "$BIND"
ktap_finished
