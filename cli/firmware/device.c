// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/util.h"
#include "firmware/device.h"
#include "firmware/session.h"

/* TDISP, PCIe r7.0 section 11.3 */
#define TDISP_VERSION 0x10
#define LOCK_INTERFACE_REQUEST 0x83
#define GET_DEVICE_INTERFACE_STATE 0x85
#define STOP_INTERFACE_REQUEST 0x87
#define TDISP_REQUEST 0x80
#define HEADER_SIZE 16
/* flags, stream, MMIO reporting offset, mask for peer to peer: all 0 */
#define LOCK_SIZE 20

enum { UNLOCKED, LOCKED, RUN, ERROR };

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
			 ret == -ENOTCONN ? "there is no session" :
					    session_problem(device->session));
	return ret;
}

static int tdisp(struct device *device, const uint8_t *request, size_t len, uint8_t *answer,
		 size_t *size)
{
	return keep_problem(device, session_tdisp(device->session, request, len, answer, size));
}

/*
 * Does a request of the firmware's own, whose answer has @want bytes after the header.
 * Returns 0 or a negative errno.
 */
static int own_request(struct device *device, uint32_t function, uint8_t type, size_t payload,
		       uint8_t *answer, size_t want)
{
	uint8_t request[HEADER_SIZE + LOCK_SIZE] = { TDISP_VERSION, type };
	uint8_t got[SESSION_TDISP_MAX];
	size_t size = sizeof(got);
	int ret;

	memcpy(request + 4, &function, sizeof(function));
	ret = tdisp(device, request, HEADER_SIZE + payload, got, &size);
	if (ret)
		return ret;
	if (size != HEADER_SIZE + want || got[1] != (type & ~TDISP_REQUEST) ||
	    memcmp(got + 4, request + 4, HEADER_SIZE - 4)) {
		snprintf(device->problem, sizeof(device->problem),
			 "the device has answered TDISP request %#x with %#x", type,
			 size > 1 ? got[1] : 0);
		return -EIO;
	}
	if (want)
		memcpy(answer, got + HEADER_SIZE, want);
	return 0;
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

static const struct {
	const char *name;
	int (*run)(struct device *device, const struct tsm_sim_msg *msg, struct outcome *out);
} commands[] = {
	[TSM_SIM_CONNECT] = { "connect", do_connect },
	[TSM_SIM_DISCONNECT] = { "disconnect", do_disconnect },
	[TSM_SIM_BIND] = { "bind", do_bind },
	[TSM_SIM_UNBIND] = { "unbind", do_unbind },
	[TSM_SIM_REQUEST] = { "request", do_request },
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
