// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Requests of the guest that the simulated TSM understands: TDISP messages (PCIe r7.0
 * section 11.3). Each result is checked: the response has the form of the message, and
 * the bytes after it are unchanged.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <linux/vfio.h>
#include <linux/vfio_tsm.h>

#include "attack.h"

#define TDISP_REQUEST 0x80
#define ERROR (TDISP_HEADER + 8)
#define REPORT (TDISP_HEADER + 4) /* offset of the report in its response */
#define ROOM (2 * RESPONSE)
#define UNTOUCHED 0xa5

/* Writes the function's own requester ID. The test bed has one segment. */
static void put_interface(uint8_t *at)
{
	unsigned int segment, bus, device, function;

	if (sscanf(victim.addr, "%x:%x:%x.%x", &segment, &bus, &device, &function) != 4)
		fail("%s is not an address", victim.addr);
	at[0] = device << 3 | function;
	at[1] = bus;
}

void message_make(struct message *m, uint8_t type)
{
	*m = (struct message){ .bytes = { TDISP_VERSION, type }, .length = TDISP_HEADER };
	put_interface(m->bytes + 4);
	switch (type) {
	case GET_TDISP_CAPABILITIES:
		m->length += 4;
		break;
	case GET_DEVICE_INTERFACE_REPORT:
		/* offset 0 and the largest length */
		m->bytes[TDISP_HEADER + 2] = m->bytes[TDISP_HEADER + 3] = 0xff;
		m->length += 4;
		break;
	case START_INTERFACE_REQUEST:
		m->length += TDISP_NONCE;
		break;
	}
}

/* Codes of TDISP_ERROR, as the results in the table */
static int tdisp_error(uint32_t code)
{
	switch (code) {
	case 0x1: /* INVALID_REQUEST */
		return -EBADMSG;
	case 0x4: /* INVALID_INTERFACE_STATE */
		return -EBADFD;
	case 0x7: /* UNSUPPORTED_REQUEST */
		return -EBADRQC;
	case 0x41: /* VERSION_MISMATCH */
		return -EPROTONOSUPPORT;
	case 0x101: /* INVALID_INTERFACE */
		return -EADDRNOTAVAIL;
	case 0x102: /* INVALID_NONCE */
		return -EKEYREJECTED;
	default:
		return -EPROTO;
	}
}

/*
 * Checks the TSM's @response, of @length bytes, to @request, of which the TSM got @known
 * bytes. Returns 0, or a negative errno for a TDISP_ERROR.
 */
int message_answer(const uint8_t *request, size_t known, const uint8_t *response, size_t length)
{
	uint8_t echo[TDISP_HEADER] = { 0 };
	uint32_t code;

	memcpy(echo, request, known < TDISP_HEADER ? known : TDISP_HEADER);
	if (length < TDISP_HEADER || response[0] != TDISP_VERSION || response[2] || response[3] ||
	    memcmp(response + 4, echo + 4, TDISP_HEADER - 4))
		fail("a response of %zu bytes, which is not TDISP: %02x %02x", length, response[0],
		     response[1]);
	if (response[1] != TDISP_ERROR && response[1] != (echo[1] & ~TDISP_REQUEST))
		fail("the response %#x to the request %#x", response[1], echo[1]);
	if (response[1] != TDISP_ERROR)
		return 0;
	if (length != ERROR)
		fail("a TDISP_ERROR of %zu bytes", length);
	memcpy(&code, response + TDISP_HEADER, sizeof(code));
	return tdisp_error(code);
}

/* Sends @m. Returns 0 and the response, or a negative errno, also for a TDISP_ERROR. */
static int message_send(const struct message *m, uint32_t scope, uint8_t response[ROOM])
{
	struct vfio_pci_tsm_req arg = {
		.argsz = sizeof(arg),
		.scope = scope,
		.req_len = m->length,
		.resp_len = RESPONSE,
		.req_uptr = (uintptr_t)m->bytes,
		.resp_uptr = (uintptr_t)response,
	};
	int ret;

	memset(response, UNTOUCHED, ROOM);
	ret = call(victim.fd, VFIO_DEVICE_TSM_REQ, &arg);
	if (ret > RESPONSE)
		fail("a residue of %d bytes, of %d", ret, RESPONSE);
	for (int i = ret < 0 ? RESPONSE : RESPONSE - ret; i < ROOM; i++) {
		if (response[i] != UNTOUCHED)
			fail("byte %d of a response of %d was written", i, RESPONSE - ret);
	}
	return ret < 0 ? ret : message_answer(m->bytes, m->length, response, RESPONSE - ret);
}

/* The nonce at the end of @response, which is of GET_DEVICE_INTERFACE_REPORT */
const uint8_t *nonce_of(const uint8_t *response)
{
	size_t portion = response[TDISP_HEADER] | response[TDISP_HEADER + 1] << 8;

	if (portion < TDISP_NONCE || REPORT + portion > RESPONSE)
		fail("a report of %zu bytes", portion);
	return response + REPORT + portion - TDISP_NONCE;
}

/* Reads the nonce of the present bind. */
int read_nonce(uint8_t *nonce)
{
	uint8_t response[ROOM];
	unsigned int rebinds_before;
	uint64_t from = span_begin(&rebinds_before);
	struct message m;
	int ret;

	message_make(&m, GET_DEVICE_INTERFACE_REPORT);
	ret = message_send(&m, VFIO_PCI_TSM_REQ_SCOPE_INFO, response);
	if (ret)
		return ret;
	memcpy(nonce, nonce_of(response), TDISP_NONCE);
	claim("the report", nonce, span_between(from, rebinds_before));
	return 0;
}

/* A request that changes nothing, in any scope */
int request_get(struct thread *t)
{
	static const uint8_t types[] = {
		GET_TDISP_VERSION,
		GET_TDISP_CAPABILITIES,
		GET_DEVICE_INTERFACE_REPORT,
		GET_DEVICE_INTERFACE_STATE,
	};
	uint8_t type = types[below(t, 4)], response[ROOM], nonce[TDISP_NONCE];
	struct message m;

	note(t, " %#x", type);
	if (type == GET_DEVICE_INTERFACE_REPORT)
		return read_nonce(nonce);
	message_make(&m, type);
	return message_send(&m, below(t, 2), response);
}

/* A START with the nonce of the report, a wrong one, or that of an earlier bind */
int request_start(struct thread *t)
{
	unsigned int which = below(t, 4), bit = below(t, 8 * TDISP_NONCE), rebinds_before;
	uint32_t scope = one_in(t, 8) ? VFIO_PCI_TSM_REQ_SCOPE_INFO :
					VFIO_PCI_TSM_REQ_SCOPE_STATE_CHANGE;
	uint8_t response[ROOM];
	struct message m;
	uint64_t from;
	int ret;

	message_make(&m, START_INTERFACE_REQUEST);
	if (which < 2 || !choose_nonce(t, m.bytes + TDISP_HEADER)) {
		ret = read_nonce(m.bytes + TDISP_HEADER);
		if (ret)
			return ret;
	}
	if (which == 1)
		m.bytes[TDISP_HEADER + bit / 8] ^= 1 << bit % 8;
	note(t, " %s, scope %u",
	     which == 0 ? "the nonce" :
	     which == 1 ? "a wrong nonce" :
			  "an old nonce",
	     scope);

	from = span_begin(&rebinds_before);
	ret = message_send(&m, scope, response);
	if (ret)
		return ret;
	if (which == 1)
		fail("a wrong nonce has started the TDI");
	if (scope != VFIO_PCI_TSM_REQ_SCOPE_STATE_CHANGE)
		fail("a request that may only read has started the TDI");
	claim("the nonce", m.bytes + TDISP_HEADER, span_between(from, rebinds_before));
	return 0;
}
