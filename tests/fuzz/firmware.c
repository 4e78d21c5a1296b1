// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * libFuzzer harness for what tsm-sim-firmware takes from a device in a session: TDISP answers, the
 * interface report, certificates and measurements. The sessions are replaced: the input has how
 * each step ends, and what the device has answered. What then goes to the kernel must be valid.
 *
 * The input is a list of commands. Each has its type, then what its steps take: a byte of the
 * result, and for an answer its length, how many of its bytes follow, each in two bytes, and these.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/device.h"
#include "firmware/record.h"
#include "firmware/session.h"

#define COMMANDS_MAX 16

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct {
	const uint8_t *at;
	size_t left;
} input;

static struct record record;
static uint8_t chain[SESSION_CHAIN_MAX];
static size_t sent[TSM_SIM_PARTS];
static const size_t most[TSM_SIM_PARTS] = {
	[TSM_SIM_PART_CERT0] = 16384,
	[TSM_SIM_PART_VCA] = 1024,
	[TSM_SIM_PART_MEASUREMENTS] = 16384,
	[TSM_SIM_PART_REPORT] = 4096,
};

static size_t take(size_t max)
{
	size_t n = 0;

	for (int i = 0; i < 2 && input.left; i++, input.left--)
		n = n << 8 | *input.at++;
	return n < max ? n : max;
}

static int result(void)
{
	static const int results[] = { 0, -EIO, -EBADMSG, -ENOTCONN };

	if (!input.left)
		return -EIO;
	input.left--;
	return results[*input.at++ % 4];
}

/* If the input has too few bytes, zeroes follow, so that a short input can have long answers. */
static size_t take_bytes(uint8_t *to, size_t max)
{
	size_t n = take(max), head = take(n);

	head = head < input.left ? head : input.left;
	memset(to, 0, n);
	memcpy(to, input.at, head);
	input.at += head;
	input.left -= head;
	return n;
}

struct session *session_new(session_carry *carry, void *arg)
{
	static char any;

	(void)carry;
	(void)arg;
	return (struct session *)&any;
}

void session_trust(struct session *session, const uint8_t *root, size_t len)
{
	(void)session;
	(void)root;
	(void)len;
}

int session_connect(struct session *session)
{
	(void)session;
	return result();
}

int session_disconnect(struct session *session)
{
	(void)session;
	return result();
}

int session_measure(struct session *session, const uint8_t nonce[SESSION_NONCE_SIZE])
{
	(void)session;
	(void)nonce;
	record.vca_len = take(sizeof(record.vca));
	record.measurements_len = take(sizeof(record.measurements));
	return result();
}

/* An answer that has the header of its request begins with 0xff in the place of the header. */
int session_tdisp(struct session *session, const uint8_t *request, size_t len, uint8_t *answer,
		  size_t *size)
{
	int ret = result();

	(void)session;
	if (ret)
		return ret;
	*size = take_bytes(answer, *size);
	if (*size >= 16 && answer[0] == 0xff && len >= 16) {
		memcpy(answer, request, 16);
		answer[1] &= 0x7f;
	}
	return 0;
}

const char *session_problem(const struct session *session)
{
	(void)session;
	return "a problem that is longer than usual, so that the room for it is used";
}

const uint8_t *session_chain(const struct session *session, size_t *len)
{
	(void)session;
	*len = take(sizeof(chain));
	return chain;
}

const struct record *session_record(const struct session *session)
{
	(void)session;
	return &record;
}

int link_exchange(struct link *link, uint32_t type, const uint8_t *data, size_t len)
{
	(void)link;
	(void)type;
	(void)data;
	(void)len;
	return -EIO;
}

/* Reads a byte after the other, so that one beyond an object is seen. */
static void read_all(const uint8_t *data, size_t len)
{
	static volatile uint8_t sum;

	for (size_t i = 0; i < len; i++)
		sum ^= data[i];
	(void)sum;
}

int link_part(struct link *link, uint32_t part, const uint8_t *data, size_t len)
{
	(void)link;
	if (part >= TSM_SIM_PARTS || len > most[part] - sent[part])
		abort();
	sent[part] += len;
	read_all(data, len);
	return 0;
}

int link_done(struct link *link, int ret, uint32_t state, const uint8_t *data, size_t len)
{
	(void)link;
	if (ret > 0 || ret < -4095 || (!ret && (state > 3 || len > TSM_SIM_MAX_TDISP)))
		abort();
	if (!ret)
		read_all(data, len);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static union link_message message;
	struct link link = { .command = &message, .other = &message, .next = &message };

	input.at = data;
	input.left = size;
	for (int i = 0; i < COMMANDS_MAX && input.left > 1; i++) {
		struct tsm_sim_msg *msg = &message.msg;

		msg->type = *input.at++ & 0xf;
		msg->value = *input.at++ & 1;
		input.left -= 2;
		msg->function = 0x100;
		msg->size = sizeof(*msg);
		if (msg->type == TSM_SIM_REQUEST)
			msg->size += (uint32_t)take_bytes(msg->data, TSM_SIM_MAX_TDISP);
		if (msg->type == TSM_SIM_EVIDENCE)
			msg->size += SESSION_NONCE_SIZE;
		memset(sent, 0, sizeof(sent));
		device_command(&link);
	}
	return 0;
}
