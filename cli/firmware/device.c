// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/util.h"
#include "firmware/device.h"
#include "firmware/record.h"
#include "firmware/session.h"

/* TDISP, PCIe r7.0 section 11.3 */
#define TDISP_VERSION 0x10
#define LOCK_INTERFACE_REQUEST 0x83
#define GET_DEVICE_INTERFACE_REPORT 0x84
#define GET_DEVICE_INTERFACE_STATE 0x85
#define STOP_INTERFACE_REQUEST 0x87
#define TDISP_REQUEST 0x80
#define HEADER_SIZE 16
/* flags, stream, MMIO reporting offset, mask for peer to peer: all 0 */
#define LOCK_SIZE 20
/* offset and length; in an answer, length of this portion, and of what comes after it */
#define PORTION_SIZE 4
#define REPORT_MAX 4096

enum { UNLOCKED, LOCKED, RUN, ERROR };

_Static_assert(SESSION_OBJECT_MAX == SESSION_DOE_HEADER + TSM_SIM_MAX_DATA,
	       "a data object of a session is one of the kernel");

struct device {
	struct device *next;
	uint32_t id;
	struct session *session;
	char problem[200];
};

static struct device *devices;
static struct link *current;
static struct {
	const uint8_t *bytes;
	size_t len;
} root;

void device_trust(const uint8_t *bytes, size_t len)
{
	root.bytes = bytes;
	root.len = len;
}

/* Puts the header of the data object off and on: the kernel makes its own. */
static int carry(void *arg, const uint8_t *object, size_t len, uint8_t *answer, size_t *answer_len)
{
	uint32_t words;
	int ret;

	(void)arg;
	if (len <= SESSION_DOE_HEADER)
		return -EINVAL;
	ret = link_exchange(current, object[2], object + SESSION_DOE_HEADER,
			    len - SESSION_DOE_HEADER);
	if (ret < 0)
		return ret;
	if ((size_t)ret > SESSION_OBJECT_MAX - SESSION_DOE_HEADER)
		return -EMSGSIZE;
	*answer_len = SESSION_DOE_HEADER + (size_t)ret;
	words = (uint32_t)(*answer_len / 4);
	memcpy(answer, object, 4);
	memcpy(answer + 4, &words, sizeof(words));
	memcpy(answer + SESSION_DOE_HEADER, current->other->msg.data, (size_t)ret);
	return 0;
}

static struct device *find(uint32_t id)
{
	struct device *device = devices;

	while (device && device->id != id)
		device = device->next;
	if (device)
		return device;
	device = calloc(1, sizeof(*device));
	if (!device)
		return NULL;
	device->id = id;
	device->session = session_new(carry, NULL);
	if (!device->session) {
		free(device);
		return NULL;
	}
	session_trust(device->session, root.bytes, root.len);
	device->next = devices;
	devices = device;
	return device;
}

/* Keeps why a step of the session failed, if it did. Returns @ret. */
static int keep_problem(struct device *device, int ret)
{
	if (ret)
		snprintf(device->problem, sizeof(device->problem), "%s",
			 ret == -ENOTCONN ? "the device has no session" :
					    session_problem(device->session));
	return ret;
}

static int tdisp(struct device *device, const uint8_t *request, size_t len, uint8_t *answer,
		 size_t *size)
{
	return keep_problem(device, session_tdisp(device->session, request, len, answer, size));
}

/**
 * struct own - a TDISP request of the firmware's own, and its answer
 * @type: type of the request
 * @payload: what follows the header of the request
 * @payload_len: its length
 * @answer: what follows the header of the answer
 * @answer_len: its length
 */
struct own {
	uint8_t type;
	uint8_t payload[LOCK_SIZE];
	size_t payload_len;
	uint8_t answer[SESSION_TDISP_MAX - HEADER_SIZE];
	size_t answer_len;
};

static int unexpected(struct device *device, uint8_t type, uint8_t answer)
{
	snprintf(device->problem, sizeof(device->problem),
		 "the device has answered TDISP request %#x with %#x", type, answer);
	return -EIO;
}

/* Does a request whose answer has at least @want bytes. Returns 0 or a negative errno. */
static int ask(struct device *device, uint32_t function, struct own *own, size_t want)
{
	uint8_t request[HEADER_SIZE + LOCK_SIZE] = { TDISP_VERSION, own->type };
	uint8_t got[SESSION_TDISP_MAX];
	size_t size = sizeof(got);
	int ret;

	memcpy(request + 4, &function, sizeof(function));
	memcpy(request + HEADER_SIZE, own->payload, own->payload_len);
	ret = tdisp(device, request, HEADER_SIZE + own->payload_len, got, &size);
	if (ret)
		return ret;
	if (size < HEADER_SIZE + want || got[1] != (own->type & ~TDISP_REQUEST) ||
	    memcmp(got + 4, request + 4, HEADER_SIZE - 4))
		return unexpected(device, own->type, size > 1 ? got[1] : 0);
	own->answer_len = size - HEADER_SIZE;
	memcpy(own->answer, got + HEADER_SIZE, own->answer_len);
	return 0;
}

/*
 * Does a request with @payload zeroes, whose answer has @want bytes after the header. Returns 0
 * or a negative errno.
 */
static int own_request(struct device *device, uint32_t function, uint8_t type, size_t payload,
		       uint8_t *answer, size_t want)
{
	struct own own = { .type = type, .payload_len = payload };
	int ret = ask(device, function, &own, want);

	if (!ret && own.answer_len != want)
		ret = unexpected(device, type, type & (uint8_t)~TDISP_REQUEST);
	if (!ret && want)
		memcpy(answer, own.answer, want);
	return ret;
}

static int get_state(struct device *device, uint32_t function, uint32_t *state)
{
	uint8_t answer = UNLOCKED;
	int ret = own_request(device, function, GET_DEVICE_INTERFACE_STATE, 0, &answer, 1);

	*state = answer;
	return !ret && answer > ERROR ? -EIO : ret;
}

/**
 * struct outcome - what a command ends with
 * @state: state of the TDI
 * @data: data of the command
 * @len: its length
 */
struct outcome {
	uint32_t state;
	uint8_t data[TSM_SIM_MAX_TDISP];
	size_t len;
};

static int do_connect(struct device *device, const struct tsm_sim_msg *msg, struct outcome *out)
{
	(void)msg;
	(void)out;
	return keep_problem(device, session_connect(device->session));
}

static int do_disconnect(struct device *device, const struct tsm_sim_msg *msg, struct outcome *out)
{
	(void)msg;
	(void)out;
	return keep_problem(device, session_disconnect(device->session));
}

static int do_unbind(struct device *device, const struct tsm_sim_msg *msg, struct outcome *out)
{
	out->state = UNLOCKED;
	return own_request(device, msg->function, STOP_INTERFACE_REQUEST, 0, NULL, 0);
}

/* A TDI that an earlier session has left is stopped first. */
static int do_bind(struct device *device, const struct tsm_sim_msg *msg, struct outcome *out)
{
	int ret = get_state(device, msg->function, &out->state);

	if (!ret && out->state != UNLOCKED)
		ret = do_unbind(device, msg, out);
	if (ret)
		return ret;
	out->state = LOCKED;
	out->len = TSM_SIM_NONCE_SIZE;
	return own_request(device, msg->function, LOCK_INTERFACE_REQUEST, LOCK_SIZE, out->data,
			   TSM_SIM_NONCE_SIZE);
}

/* The guest's answer is the device's. The state comes from the device, and not from that. */
static int do_request(struct device *device, const struct tsm_sim_msg *msg, struct outcome *out)
{
	int ret;

	out->len = sizeof(out->data);
	ret = tdisp(device, msg->data, msg->size - sizeof(*msg), out->data, &out->len);
	return ret ?: get_state(device, msg->function, &out->state);
}

static void put16(uint8_t *to, size_t value)
{
	to[0] = (uint8_t)value;
	to[1] = (uint8_t)(value >> 8);
}

static size_t get16(const uint8_t *from)
{
	return from[0] | (size_t)from[1] << 8;
}

/* Reads the interface report in portions. Returns its length, or a negative errno. */
static int get_report(struct device *device, uint32_t function, uint8_t report[REPORT_MAX])
{
	size_t at = 0, portion, rest;

	do {
		struct own own = { .type = GET_DEVICE_INTERFACE_REPORT,
				   .payload_len = PORTION_SIZE };
		int ret;

		put16(own.payload, at);
		put16(own.payload + 2, sizeof(own.answer) - PORTION_SIZE);
		ret = ask(device, function, &own, PORTION_SIZE);
		if (ret)
			return ret;
		portion = get16(own.answer);
		rest = get16(own.answer + 2);
		if (!portion || portion != own.answer_len - PORTION_SIZE ||
		    portion + rest > REPORT_MAX - at) {
			snprintf(device->problem, sizeof(device->problem),
				 "the interface report is malformed");
			return -EIO;
		}
		memcpy(report + at, own.answer + PORTION_SIZE, portion);
		at += portion;
	} while (rest);
	return (int)at;
}

/* Gives the kernel what the session has recorded, and the report. */
static int send_evidence(struct device *device, const uint8_t *report, size_t report_len)
{
	const struct record *record = session_record(device->session);
	size_t chain_len;
	const uint8_t *chain = session_chain(device->session, &chain_len);
	int ret;

	if (!chain_len || !record->vca_len || !record->measurements_len) {
		snprintf(device->problem, sizeof(device->problem), "a message was too long");
		return -EIO;
	}
	ret = link_part(current, TSM_SIM_PART_CERT0, chain, chain_len);
	if (!ret)
		ret = link_part(current, TSM_SIM_PART_VCA, record->vca, record->vca_len);
	if (!ret)
		ret = link_part(current, TSM_SIM_PART_MEASUREMENTS, record->measurements,
				record->measurements_len);
	return ret ?: link_part(current, TSM_SIM_PART_REPORT, report, report_len);
}

static int do_evidence(struct device *device, const struct tsm_sim_msg *msg, struct outcome *out)
{
	uint8_t report[REPORT_MAX];
	int ret;

	(void)out;
	if (msg->size != sizeof(*msg) + SESSION_NONCE_SIZE)
		return -EPROTO;
	ret = keep_problem(device, session_measure(device->session, msg->data));
	if (!ret && msg->value)
		ret = get_report(device, msg->function, report);
	return ret < 0 ? ret : send_evidence(device, report, (size_t)ret);
}

static const struct {
	const char *name;
	int (*run)(struct device *device, const struct tsm_sim_msg *msg, struct outcome *out);
} commands[] = {
	[TSM_SIM_CONNECT] = { "connect", do_connect },
	[TSM_SIM_DISCONNECT] = { "disconnect", do_disconnect },
	[TSM_SIM_BIND] = { "bind", do_bind },
	[TSM_SIM_UNBIND] = { "unbind", do_unbind },
	[TSM_SIM_REQUEST] = { "request", do_request },
	[TSM_SIM_EVIDENCE] = { "evidence", do_evidence },
};

int device_command(struct link *link)
{
	const struct tsm_sim_msg *msg = &link->command->msg;
	struct outcome out = { .len = 0 };
	struct device *device;
	int ret;

	if (msg->type >= ARRAY_SIZE(commands) || !commands[msg->type].run)
		return link_done(link, -EOPNOTSUPP, 0, NULL, 0);
	device = find(msg->device);
	if (!device)
		return link_done(link, -ENOMEM, 0, NULL, 0);
	current = link;
	device->problem[0] = '\0';
	ret = commands[msg->type].run(device, msg, &out);
	if (ret)
		fprintf(stderr, "tsm-sim-firmware: %04x: %s: %s\n", msg->function,
			commands[msg->type].name, device->problem);
	return link_done(link, ret, out.state, out.data, out.len);
}
