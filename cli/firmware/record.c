// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include <hal/base.h>
#include <industry_standard/spdm.h>

#include "firmware/record.h"

/* Bytes of CAPABILITIES in SPDM 1.2 */
#define CAPABILITIES_SIZE 20

/* The requests that are recorded, with the code of their answer */
static const struct {
	uint8_t request;
	uint8_t answer;
} recorded[] = {
	{ SPDM_GET_VERSION, SPDM_VERSION },
	{ SPDM_GET_CAPABILITIES, SPDM_CAPABILITIES },
	{ SPDM_NEGOTIATE_ALGORITHMS, SPDM_ALGORITHMS },
	{ SPDM_GET_MEASUREMENTS, SPDM_MEASUREMENTS },
};

/* The code of the answer to a request, or 0 if it is not recorded */
static uint8_t answer_to(uint8_t request)
{
	for (size_t i = 0; i < sizeof(recorded) / sizeof(*recorded); i++) {
		if (recorded[i].request == request)
			return recorded[i].answer;
	}
	return 0;
}

/*
 * The length of an answer without padding: outside of a session, messages are padded to 4
 * bytes. 0 if @len is too short for the answer.
 */
static size_t exact(const uint8_t *message, size_t len)
{
	size_t want = len;

	switch (message[1]) {
	case SPDM_VERSION:
		want = len < 6 ? 6 : 6 + 2 * (size_t)message[5];
		break;
	case SPDM_CAPABILITIES:
		want = CAPABILITIES_SIZE;
		break;
	case SPDM_ALGORITHMS:
		want = len < 6 ? 6 : message[4] | (size_t)message[5] << 8;
		break;
	}
	return want <= len ? want : 0;
}

void record_request(struct record *record, const uint8_t *message, size_t len)
{
	/* Others, such as RESPOND_IF_READY, leave it pending. */
	if (len < 4 || !answer_to(message[1]))
		return;
	record->request_len = 0;
	if (message[1] == SPDM_GET_VERSION)
		record->vca_len = 0;
	if (message[1] == SPDM_GET_MEASUREMENTS)
		record->measurements_len = 0;
	if (len > sizeof(record->request))
		return;
	memcpy(record->request, message, len);
	record->request_len = len;
}

/* Appends request and answer. Returns the new length; 0 if they do not fit. */
static size_t append(struct record *record, uint8_t *to, size_t at, size_t size,
		     const uint8_t *answer, size_t len)
{
	if (record->request_len > size - at || len > size - at - record->request_len)
		return 0;
	memcpy(to + at, record->request, record->request_len);
	at += record->request_len;
	memcpy(to + at, answer, len);
	return at + len;
}

void record_answer(struct record *record, const uint8_t *message, size_t len)
{
	if (len < 4 || !record->request_len || answer_to(record->request[1]) != message[1])
		return;
	len = exact(message, len);
	if (!len)
		return;
	if (message[1] == SPDM_MEASUREMENTS)
		record->measurements_len = append(record, record->measurements, 0,
						  sizeof(record->measurements), message, len);
	else
		record->vca_len = append(record, record->vca, record->vca_len, sizeof(record->vca),
					 message, len);
	record->request_len = 0;
}
