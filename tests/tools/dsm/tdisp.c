// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * TDIs and TDISP requests, as PCIe r7.0 section 11.3 specifies them for a device. A request
 * is checked in the same order as tsm_sim checks those of a guest: length of the header,
 * version, type, length, interface, state, nonce.
 *
 * The device-specific part of the report is the nonce of the lock, as tsm_sim has it: so a
 * guest that has read the report of this lock can start the TDI itself.
 */
#include <string.h>

#include "../tdisp.h"
#include "dsm.h"

#define TDISP_OK 0
#define INVALID_REQUEST 0x1
#define INVALID_INTERFACE_STATE 0x4
#define UNSPECIFIED 0x5
#define UNSUPPORTED_REQUEST 0x7
#define VERSION_MISMATCH 0x41
#define INVALID_INTERFACE 0x101
#define INVALID_NONCE 0x102

enum { UNLOCKED, LOCKED, RUN, ERROR };
#define IN(state) (1u << (state))
#define ANY (IN(UNLOCKED) | IN(LOCKED) | IN(RUN) | IN(ERROR))

#define LOCK_SIZE 20
#define SEGMENT_VALID (1u << 24)

/**
 * struct answer - an answer that is being made
 * @bytes: its payload, after the header; zeroed
 * @len: length of the payload
 * @size: room
 */
struct answer {
	uint8_t *bytes;
	size_t len;
	size_t size;
};

static void put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)value;
	at[1] = (uint8_t)(value >> 8);
}

static void put32(uint8_t *at, uint32_t value)
{
	put16(at, value);
	put16(at + 2, value >> 16);
}

static uint32_t get16(const uint8_t *at)
{
	return at[0] | (uint32_t)at[1] << 8;
}

static uint32_t get32(const uint8_t *at)
{
	return get16(at) | get16(at + 2) << 16;
}

static uint32_t version(struct dsm_function *fn, const uint8_t *payload, struct answer *answer)
{
	(void)fn;
	(void)payload;
	answer->bytes[0] = 1;
	answer->bytes[1] = TDISP_VERSION;
	answer->len = 2;
	return TDISP_OK;
}

static uint32_t capabilities(struct dsm_function *fn, const uint8_t *payload, struct answer *answer)
{
	(void)fn;
	(void)payload;
	answer->bytes[4] = 0xfe; /* the requests 0x81 to 0x87 */
	answer->bytes[25] = 52; /* address width */
	answer->bytes[26] = 1; /* requests at a time, of this TDI and of all */
	answer->bytes[27] = 1;
	answer->len = 28;
	return TDISP_OK;
}

static uint32_t lock(struct dsm_function *fn, const uint8_t *payload, struct answer *answer)
{
	(void)payload;
	dsm_random(fn->nonce, sizeof(fn->nonce));
	memcpy(fn->shown, fn->nonce, sizeof(fn->shown));
	if (dsm_faulty(DSM_NONCE))
		fn->nonce[0] ^= 1;
	fn->state = LOCKED;
	memcpy(answer->bytes, fn->shown, sizeof(fn->shown));
	answer->len = sizeof(fn->shown);
	return TDISP_OK;
}

static size_t make_report(const struct dsm_function *fn, uint8_t *report)
{
	uint8_t *at = report + 16;
	uint32_t ranges = 0;

	put16(report, 1u << 1); /* DMA without PASID */
	for (uint32_t bar = 0; bar < DSM_BARS; bar++) {
		uint64_t first = fn->bars[bar].first, size = fn->bars[bar].size;

		if (!size)
			continue;
		put32(at, (uint32_t)(first >> 12));
		put32(at + 4, (uint32_t)(first >> 44));
		put32(at + 8, (uint32_t)(((first + size - 1) >> 12) - (first >> 12) + 1));
		put32(at + 12, bar << 16);
		at += 16;
		ranges++;
	}
	put32(report + 12, ranges);
	put32(at, DSM_NONCE_SIZE);
	memcpy(at + 4, fn->shown, DSM_NONCE_SIZE);
	return (size_t)(at + 4 + DSM_NONCE_SIZE - report);
}

static uint32_t report(struct dsm_function *fn, const uint8_t *payload, struct answer *answer)
{
	uint8_t whole[16 + 16 * DSM_BARS + 4 + DSM_NONCE_SIZE] = { 0 };
	size_t size = make_report(fn, whole);
	size_t offset = get16(payload), portion = get16(payload + 2);

	if (offset >= size || !portion)
		return INVALID_REQUEST;
	if (portion > size - offset)
		portion = size - offset;
	if (portion > answer->size - 4)
		portion = answer->size - 4;
	put16(answer->bytes, (uint32_t)portion);
	put16(answer->bytes + 2, (uint32_t)(size - offset - portion));
	memcpy(answer->bytes + 4, whole + offset, portion);
	answer->len = 4 + portion;
	return TDISP_OK;
}

static uint32_t state(struct dsm_function *fn, const uint8_t *payload, struct answer *answer)
{
	(void)payload;
	answer->bytes[0] = fn->state;
	answer->len = 1;
	return TDISP_OK;
}

static uint32_t start(struct dsm_function *fn, const uint8_t *payload, struct answer *answer)
{
	(void)answer;
	if (memcmp(payload, fn->nonce, sizeof(fn->nonce)))
		return INVALID_NONCE;
	fn->state = RUN;
	return TDISP_OK;
}

static uint32_t stop(struct dsm_function *fn, const uint8_t *payload, struct answer *answer)
{
	(void)payload;
	(void)answer;
	memset(fn->nonce, 0, sizeof(fn->nonce));
	fn->state = UNLOCKED;
	return TDISP_OK;
}

static const struct request {
	uint8_t type;
	uint8_t payload; /* bytes after the header */
	uint8_t states; /* in which it is legal */
	uint32_t (*answer)(struct dsm_function *fn, const uint8_t *payload, struct answer *answer);
} requests[] = {
	{ GET_TDISP_VERSION, 0, ANY, version },
	{ GET_TDISP_CAPABILITIES, 4, ANY, capabilities },
	{ LOCK_INTERFACE_REQUEST, LOCK_SIZE, IN(UNLOCKED), lock },
	{ GET_DEVICE_INTERFACE_REPORT, 4, IN(LOCKED) | IN(RUN), report },
	{ GET_DEVICE_INTERFACE_STATE, 0, ANY, state },
	{ START_INTERFACE_REQUEST, DSM_NONCE_SIZE, IN(LOCKED), start },
	{ STOP_INTERFACE_REQUEST, 0, ANY, stop },
};

static const struct request *find_request(uint8_t type)
{
	for (size_t i = 0; i < sizeof(requests) / sizeof(*requests); i++) {
		if (requests[i].type == type)
			return &requests[i];
	}
	return NULL;
}

/* Without the valid bit the segment is reserved. */
static struct dsm_function *find_function(uint32_t id)
{
	uint32_t mask = id & SEGMENT_VALID ? 0x1ffffff : 0xffff;

	for (size_t i = 0; i < dsm.count; i++) {
		if (!((dsm.functions[i].id ^ id) & mask))
			return &dsm.functions[i];
	}
	return NULL;
}

static uint32_t handle(const uint8_t *message, size_t len, struct answer *answer)
{
	const struct request *request = find_request(message[1]);
	struct dsm_function *fn = find_function(get32(message + 4));

	if (message[0] != TDISP_VERSION &&
	    (message[1] != GET_TDISP_VERSION || message[0] >> 4 != TDISP_VERSION >> 4))
		return VERSION_MISMATCH;
	if (!request)
		return UNSUPPORTED_REQUEST;
	if (len != (size_t)TDISP_HEADER + request->payload)
		return INVALID_REQUEST;
	if (!fn)
		return INVALID_INTERFACE;
	if (!(IN(fn->state) & request->states))
		return INVALID_INTERFACE_STATE;
	return request->answer(fn, message + TDISP_HEADER, answer);
}

/**
 * dsm_tdisp() - answer a TDISP request
 * @request: the request
 * @len: its length
 * @answer: gets the answer
 * @size: its size
 *
 * Return: the length of the answer; 0 if there is none, because @request is shorter than a
 * header or @size too small.
 */
size_t dsm_tdisp(const uint8_t *request, size_t len, uint8_t *answer, size_t size)
{
	struct answer out = { .bytes = answer + TDISP_HEADER, .size = size - TDISP_HEADER };
	uint32_t error;

	if (len < TDISP_HEADER || size < TDISP_HEADER + 64)
		return 0;
	memset(answer, 0, size);
	error = dsm_faulty(DSM_ERROR) ? UNSPECIFIED : handle(request, len, &out);
	answer[0] = TDISP_VERSION;
	answer[1] = error ? TDISP_ERROR : request[1] & 0x7f;
	memcpy(answer + 4, request + 4, TDISP_HEADER - 4);
	if (error) {
		put32(out.bytes, error);
		put32(out.bytes + 4, error == UNSUPPORTED_REQUEST ? request[1] : 0);
		out.len = 8;
	}
	return TDISP_HEADER + out.len;
}

/* Without the session in which they were locked, TDIs are in ERROR. */
void dsm_session_ended(void)
{
	for (size_t i = 0; i < dsm.count; i++) {
		if (dsm.functions[i].state != UNLOCKED)
			dsm.functions[i].state = ERROR;
	}
}
