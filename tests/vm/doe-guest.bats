# SPDX-License-Identifier: GPL-2.0-or-later
# A guest starts its TDI on a device that answers for itself: each of its messages goes over
# the wire, and it does I/O in RUN.
# vm: --dsm --timeout 1200

# shellcheck disable=SC2154,SC2034 # helpers.bash sets what is not set here
load helpers
load doe

setup_file() { load helpers; load doe; doe_load; }
teardown_file() { load helpers; unload_all; }

setup() { doe_begin; }
teardown() { doe_end; }

# life: each request in the capture with its answer and the answer's fields, without the interface
# and without repetitions
life() {
	"$tsm_dsm" --decode "$capture" | sed -E 's/ (plain|secured) [0-9]+( session 0x[0-9a-f]+)?//; s/ interface 0x100//' |
		awk '$1 == ">" { request = $2; next } { $1 = request ":"; print }' | uniq
}

@test "doe: a guest in RUN does I/O, and the capture has the whole life of its TDI" {
	prepare
	run -0 tsm-vmm "$dev"
	echo "$output" | sed 's/^/# /' >&3
	for line in "guest: starts with a wrong nonce: message 0x7f, code 0x102" "guest: TDI state 0x2" \
		"guest: NVMe version 0x10400" "guest: all Identify commands succeeded" \
		"guest: TDI state 0x0" "guest: reads the NVMe version again: 0xffffffff" \
		"guest: sends Identify again: no completion and no data" "vmm: the guest has ended with 0" \
		"vmm: device open, TDI CONFIG_UNLOCKED, last unbind ioctl"; do
		assert_line "$line"
	done
	assert_line --regexp '^guest: Identify by DMA, serial number nvme0 *$'
	first=$(($(head -n 1 "$pci/devices/$dev/resource" | cut -d ' ' -f 1) >> 12))
	assert_line "$(printf 'guest: interface report: bytes 0x44, ranges 0x1, first page %#x' $first)"
	refute_line --regexp '^host: .*success$'
	assert_equal "$(sim violations) $(sim binds) $(sim state)" "0 1 CONFIG_UNLOCKED"
	echo tsm0 >"$pci/devices/$dev/tsm/disconnect"
	# The guest's requests are those between LOCK and the second STOP, which is that of the unbind.
	# After each, the firmware asks for the state.
	run life
	assert_output "GET_VERSION: VERSION
GET_CAPABILITIES: CAPABILITIES
NEGOTIATE_ALGORITHMS: ALGORITHMS
GET_DIGESTS: DIGESTS
GET_CERTIFICATE: CERTIFICATE
CHALLENGE: CHALLENGE_AUTH
KEY_EXCHANGE: KEY_EXCHANGE_RSP
FINISH: FINISH_RSP
GET_MEASUREMENTS: MEASUREMENTS
GET_DEVICE_INTERFACE_STATE: DEVICE_INTERFACE_STATE CONFIG_UNLOCKED
LOCK_INTERFACE_REQUEST: LOCK_INTERFACE_RESPONSE
GET_TDISP_VERSION: TDISP_VERSION
GET_DEVICE_INTERFACE_STATE: DEVICE_INTERFACE_STATE CONFIG_LOCKED
GET_DEVICE_INTERFACE_REPORT: DEVICE_INTERFACE_REPORT 64 bytes, 4 left
GET_DEVICE_INTERFACE_STATE: DEVICE_INTERFACE_STATE CONFIG_LOCKED
GET_DEVICE_INTERFACE_REPORT: DEVICE_INTERFACE_REPORT 4 bytes, 0 left
GET_DEVICE_INTERFACE_STATE: DEVICE_INTERFACE_STATE CONFIG_LOCKED
START_INTERFACE_REQUEST: TDISP_ERROR INVALID_NONCE
GET_DEVICE_INTERFACE_STATE: DEVICE_INTERFACE_STATE CONFIG_LOCKED
START_INTERFACE_REQUEST: START_INTERFACE_RESPONSE
GET_DEVICE_INTERFACE_STATE: DEVICE_INTERFACE_STATE RUN
STOP_INTERFACE_REQUEST: STOP_INTERFACE_RESPONSE
GET_DEVICE_INTERFACE_STATE: DEVICE_INTERFACE_STATE CONFIG_UNLOCKED
STOP_INTERFACE_REQUEST: STOP_INTERFACE_RESPONSE
END_SESSION: END_SESSION_ACK"
}

@test "doe: a device that does not start the TDI leaves the guest without MMIO" {
	prepare
	fault error@START_INTERFACE_REQUEST
	run -1 tsm-vmm "$dev"
	assert_line "guest: TDISP error 0x5"
	assert_line "guest: gives up"
	refute_line --partial "vmm: RUN"
	refute_line --partial "guest: NVMe version"
	assert_line "vmm: device open, TDI CONFIG_UNLOCKED, last unbind ioctl"
	no_fault
	run -0 tsm-vmm "$dev"
}

@test "doe: a device that does not answer a guest in RUN is quarantined, and works after a new connection" {
	prepare
	fault silence@STOP_INTERFACE_REQUEST
	run -1 tsm-vmm "$dev"
	assert_line "guest: all Identify commands succeeded"
	assert_line "vmm: request 0x87: Input/output error"
	assert_line "vmm: device bound, TDI unknown, last unbind none"
	refute_line "guest: stops the TDI"
	assert_line "tsm-vmm: unbind: Input/output error"
	says "request: TDISP: Input/output error"
	says "unbind: the device has no session"
	assert_equal "$(sysfs state) $(sysfs tdi_state)" "quarantined unknown"
	run -1 tsm-vmm "$dev"
	no_fault
	echo tsm0 >"$pci/devices/$dev/tsm/disconnect"
	connect
	assert_equal "$(sysfs state)" closed
	run -0 tsm-vmm "$dev"
	assert_line "vmm: the guest has ended with 0"
	assert_equal "$(sim violations)" 0
}
