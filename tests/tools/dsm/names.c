// SPDX-License-Identifier: GPL-2.0-or-later
/* Names of SPDM messages (DSP0274) and TDISP messages (PCIe r7.0 section 11.3). */
#include <string.h>

#include "dsm.h"

struct name {
	uint32_t code;
	const char *name;
};

static const struct name spdm_names[] = {
	{ 0x01, "DIGESTS" },
	{ 0x02, "CERTIFICATE" },
	{ 0x03, "CHALLENGE_AUTH" },
	{ 0x04, "VERSION" },
	{ 0x60, "MEASUREMENTS" },
	{ 0x61, "CAPABILITIES" },
	{ 0x63, "ALGORITHMS" },
	{ 0x64, "KEY_EXCHANGE_RSP" },
	{ 0x65, "FINISH_RSP" },
	{ 0x68, "HEARTBEAT_ACK" },
	{ 0x69, "KEY_UPDATE_ACK" },
	{ 0x6c, "END_SESSION_ACK" },
	{ 0x7e, "VENDOR_DEFINED_RESPONSE" },
	{ 0x7f, "ERROR" },
	{ 0x81, "GET_DIGESTS" },
	{ 0x82, "GET_CERTIFICATE" },
	{ 0x83, "CHALLENGE" },
	{ 0x84, "GET_VERSION" },
	{ 0xe0, "GET_MEASUREMENTS" },
	{ 0xe1, "GET_CAPABILITIES" },
	{ 0xe3, "NEGOTIATE_ALGORITHMS" },
	{ 0xe4, "KEY_EXCHANGE" },
	{ 0xe5, "FINISH" },
	{ 0xe8, "HEARTBEAT" },
	{ 0xe9, "KEY_UPDATE" },
	{ 0xec, "END_SESSION" },
	{ 0xfe, "VENDOR_DEFINED_REQUEST" },
	{ 0, NULL },
};

static const struct name tdisp_names[] = {
	{ 0x01, "TDISP_VERSION" },
	{ 0x02, "TDISP_CAPABILITIES" },
	{ 0x03, "LOCK_INTERFACE_RESPONSE" },
	{ 0x04, "DEVICE_INTERFACE_REPORT" },
	{ 0x05, "DEVICE_INTERFACE_STATE" },
	{ 0x06, "START_INTERFACE_RESPONSE" },
	{ 0x07, "STOP_INTERFACE_RESPONSE" },
	{ 0x7f, "TDISP_ERROR" },
	{ 0x81, "GET_TDISP_VERSION" },
	{ 0x82, "GET_TDISP_CAPABILITIES" },
	{ 0x83, "LOCK_INTERFACE_REQUEST" },
	{ 0x84, "GET_DEVICE_INTERFACE_REPORT" },
	{ 0x85, "GET_DEVICE_INTERFACE_STATE" },
	{ 0x86, "START_INTERFACE_REQUEST" },
	{ 0x87, "STOP_INTERFACE_REQUEST" },
	{ 0, NULL },
};

static const struct name error_names[] = {
	{ 0x01, "INVALID_REQUEST" },
	{ 0x03, "BUSY" },
	{ 0x04, "INVALID_INTERFACE_STATE" },
	{ 0x05, "UNSPECIFIED" },
	{ 0x07, "UNSUPPORTED_REQUEST" },
	{ 0x41, "VERSION_MISMATCH" },
	{ 0x101, "INVALID_INTERFACE" },
	{ 0x102, "INVALID_NONCE" },
	{ 0, NULL },
};

static const char *look_up(const struct name *names, uint32_t code)
{
	for (; names->name; names++) {
		if (names->code == code)
			return names->name;
	}
	return "unknown";
}

/**
 * dsm_tdisp_of() - find the TDISP message in an SPDM message
 * @spdm: the SPDM message
 * @len: its length
 * @left: gets the length of the TDISP message
 *
 * Return: its first byte; NULL if this is not a vendor-defined message of PCI-SIG (registry
 * 3, vendor 1) with protocol 1, or it is shorter than a header.
 */
const uint8_t *dsm_tdisp_of(const uint8_t *spdm, size_t len, size_t *left)
{
	static const uint8_t head[] = { 3, 0, 2, 1, 0 };
	size_t payload;

	if (len < 12 || (spdm[1] != 0xfe && spdm[1] != 0x7e) ||
	    memcmp(spdm + 4, head, sizeof(head)) || spdm[11] != 1)
		return NULL;
	/* The length counts the byte with the protocol. */
	payload = spdm[9] | (size_t)spdm[10] << 8;
	if (payload < 1 + 16 || len - 11 < payload)
		return NULL;
	*left = payload - 1;
	return spdm + 12;
}

/**
 * dsm_name() - name an SPDM message, or the TDISP message in it
 * @spdm: the message
 * @len: its length
 *
 * Return: a constant string.
 */
const char *dsm_name(const uint8_t *spdm, size_t len)
{
	size_t left;
	const uint8_t *tdisp = dsm_tdisp_of(spdm, len, &left);

	if (tdisp)
		return dsm_tdisp_name(tdisp[1]);
	return len < 2 ? "unknown" : look_up(spdm_names, spdm[1]);
}

const char *dsm_tdisp_name(uint8_t type)
{
	return look_up(tdisp_names, type);
}

const char *dsm_error_name(uint32_t code)
{
	return look_up(error_names, code);
}
