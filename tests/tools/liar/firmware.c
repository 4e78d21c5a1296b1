// SPDX-License-Identifier: GPL-2.0-or-later
/* The firmware, and a thread that writes to the same file at any time. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include <linux/tsm_sim.h>

#include "../tdisp.h"
#include "liar.h"

#define ROOM (sizeof(struct tsm_sim_msg) + TSM_SIM_MAX_DATA + 64)

/* A message with its data, and more than the kernel accepts */
union message {
	struct tsm_sim_msg msg;
	uint8_t bytes[ROOM];
};

enum { RIGHT, EXCHANGE, PART, FLOOD, DONE, GARBAGE, SHORT, LATE, CLOSE, DISTURB };

struct count firmware_counts[] = {
	[RIGHT] = { "right", 0, 0 },
	[EXCHANGE] = { "exchange", 0, 0 },
	[PART] = { "part", 0, 0 },
	[FLOOD] = { "flood", 0, 0 },
	[DONE] = { "done", 0, 0 },
	[GARBAGE] = { "garbage", 0, 0 },
	[SHORT] = { "short read", 0, 0 },
	[LATE] = { "late", 0, 0 },
	[CLOSE] = { "close", 0, 0 },
	[DISTURB] = { "disturb", 0, 0 },
	{ NULL, 0, 0 },
};

/* lock: written while the file is closed; the command is read and written without it */
static pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
static int fd = -1;
static uint64_t command;

static void fill(uint64_t *seed, uint8_t *to, size_t len)
{
	uint8_t value = (uint8_t)draw(seed, 256);

	memset(to, value, len);
	for (uint32_t i = draw(seed, 8); i && len; i--)
		to[draw(seed, (uint32_t)len)] = (uint8_t)draw(seed, 256);
}

/* A length that is often at a border */
static size_t length(uint64_t *seed)
{
	static const size_t borders[] = {
		0, 1, 4, 16, 17, 32, 33, 1024, 1025, 4096, TSM_SIM_MAX_DATA, TSM_SIM_MAX_DATA + 1
	};

	if (draw(seed, 2))
		return borders[draw(seed, sizeof(borders) / sizeof(*borders))];
	return draw(seed, TSM_SIM_MAX_DATA + 16);
}

static void begin(union message *m, uint32_t type, uint32_t value, size_t len)
{
	m->msg = (struct tsm_sim_msg){
		.size = (uint32_t)(sizeof(m->msg) + len),
		.type = type,
		.command = command,
		.value = value,
	};
}

/* What an honest firmware does next */
static void make_right(const union message *asked, union message *m)
{
	size_t len = asked->msg.size - sizeof(asked->msg);

	switch (asked->msg.type) {
	case TSM_SIM_BIND:
		begin(m, TSM_SIM_DONE, 1, TSM_SIM_NONCE_SIZE);
		memset(m->msg.data, 0x5a, TSM_SIM_NONCE_SIZE);
		break;
	case TSM_SIM_EVIDENCE:
		/* The first one; what the kernel then asks for is answered with the end. */
		begin(m, TSM_SIM_PART, asked->msg.command % TSM_SIM_PARTS, 1000);
		memset(m->msg.data, 0x5a, 1000);
		break;
	case TSM_SIM_REQUEST:
		begin(m, TSM_SIM_DONE, asked->msg.data[1] == START_INTERFACE_REQUEST ? 2 : 1,
		      TDISP_HEADER + 1);
		memcpy(m->msg.data, asked->msg.data, len < TDISP_HEADER ? len : TDISP_HEADER);
		m->msg.data[1] &= 0x7f;
		m->msg.data[TDISP_HEADER] = 1;
		break;
	default:
		begin(m, TSM_SIM_DONE, 0, 0);
	}
}

/* For an object that it does not understand, the mailbox has no answer, and the kernel waits a second. */
static void make_exchange(uint64_t *seed, union message *m)
{
	static const uint8_t get_version[] = { 0x10, 0x84, 0, 0 };
	size_t len = length(seed);

	if (draw(seed, 4)) {
		begin(m, TSM_SIM_EXCHANGE, 1, sizeof(get_version));
		memcpy(m->msg.data, get_version, sizeof(get_version));
		return;
	}
	begin(m, TSM_SIM_EXCHANGE, 1 + draw(seed, 2), draw(seed, 4) ? len / 4 * 4 : len);
	fill(seed, m->msg.data, len);
}

static void make_done(uint64_t *seed, union message *m)
{
	static const int results[] = { 0, 0, 0, -EIO, -EBADMSG, -ENOSPC, -4095, -4096, 1 };
	size_t len = length(seed);

	begin(m, TSM_SIM_DONE, draw(seed, 5), len);
	m->msg.result = results[draw(seed, sizeof(results) / sizeof(*results))];
	fill(seed, m->msg.data, len);
}

/* Changes fields of a message that was right, or how much of it is written. */
static size_t spoil(uint64_t *seed, union message *m)
{
	static const size_t small[] = { 0, 1, sizeof(m->msg) - 1, sizeof(m->msg), ROOM };
	size_t size = m->msg.size;

	for (uint32_t i = 1 + draw(seed, 3); i; i--)
		m->bytes[draw(seed, sizeof(m->msg))] ^= (uint8_t)(1 << draw(seed, 8));
	return draw(seed, 4) ? size : small[draw(seed, sizeof(small) / sizeof(*small))];
}

static void send_message(int kind, const union message *m, size_t size)
{
	count(&firmware_counts[kind], write(fd, m, size < ROOM ? size : ROOM) >= 0);
}

/* Closes the file. The next round opens it. */
static void leave(void)
{
	pthread_rwlock_wrlock(&lock);
	count(&firmware_counts[CLOSE], !close(fd));
	fd = -1;
	pthread_rwlock_unlock(&lock);
}

static void enter(void)
{
	pthread_rwlock_wrlock(&lock);
	fd = open(DEVICE, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	pthread_rwlock_unlock(&lock);
	if (fd < 0)
		fault("%s: %s", DEVICE, strerror(errno));
}

/* Sends more of one part than the kernel has room for, until it has refused that. */
static bool flood(uint64_t *seed, const union message *asked, union message *m)
{
	static bool floods;

	if (asked->msg.type != TSM_SIM_ANSWER)
		floods = asked->msg.type == TSM_SIM_EVIDENCE && !draw(seed, 4);
	if (!floods)
		return false;
	begin(m, TSM_SIM_PART, command % TSM_SIM_PARTS, TSM_SIM_MAX_DATA);
	fill(seed, m->msg.data, TSM_SIM_MAX_DATA);
	send_message(FLOOD, m, m->msg.size);
	return true;
}

static void reply(uint64_t *seed, const union message *asked)
{
	static union message m;
	uint32_t chance = draw(seed, 100);
	size_t size;

	if (flood(seed, asked, &m))
		return;
	if (chance < 60) {
		make_right(asked, &m);
		send_message(RIGHT, &m, m.msg.size);
	} else if (chance < 66) {
		make_exchange(seed, &m);
		send_message(EXCHANGE, &m, m.msg.size);
	} else if (chance < 80) {
		size = length(seed);
		begin(&m, TSM_SIM_PART, draw(seed, TSM_SIM_PARTS + 1), size);
		fill(seed, m.msg.data, size);
		send_message(PART, &m, m.msg.size);
	} else if (chance < 88) {
		make_done(seed, &m);
		send_message(DONE, &m, m.msg.size);
	} else if (chance < 97) {
		make_right(asked, &m);
		size = spoil(seed, &m);
		send_message(GARBAGE, &m, size);
	} else if (chance < 99) {
		/* Nothing until the command has ended at its limit, which the test sets to 300 ms. */
		count(&firmware_counts[LATE], true);
		poll(NULL, 0, 400);
	} else {
		leave();
	}
}

/* Reads the next message, and replies until the kernel has taken something. */
static void turn(uint64_t *seed, union message *asked)
{
	struct pollfd poller = { .fd = fd, .events = POLLIN | POLLOUT };

	if (poll(&poller, 1, 20) <= 0)
		return;
	if (poller.revents & POLLIN) {
		ssize_t n;

		if (!draw(seed, 16))
			count(&firmware_counts[SHORT],
			      read(fd, asked, draw(seed, sizeof(asked->msg))) < 0);
		n = read(fd, asked, sizeof(*asked));
		if (n < 0)
			return;
		if ((size_t)n < sizeof(asked->msg) || asked->msg.size != (size_t)n)
			fault("a message of %zd bytes has the size %u", n, asked->msg.size);
		__atomic_store_n(&command, asked->msg.command, __ATOMIC_RELAXED);
	}
	/* An ANSWER belongs to the command before it: the kernel waits for more. */
	reply(seed, asked);
}

void *firmware_run(void *arg)
{
	static union message asked = { .msg = { .size = sizeof(asked.msg) } };

	while (!done) {
		if (fd < 0)
			enter();
		if (fd >= 0)
			turn(arg, &asked);
	}
	leave();
	return NULL;
}

void *firmware_disturb(void *arg)
{
	static union message m;
	uint64_t *seed = arg;

	while (!done) {
		size_t len = length(seed);

		m.msg = (struct tsm_sim_msg){
			.size = (uint32_t)(sizeof(m.msg) + len),
			.type = TSM_SIM_EXCHANGE + draw(seed, 3),
			.command = __atomic_load_n(&command, __ATOMIC_RELAXED) + draw(seed, 2),
			.value = draw(seed, 4),
		};
		pthread_rwlock_rdlock(&lock);
		if (fd >= 0)
			count(&firmware_counts[DISTURB], write(fd, &m, m.msg.size) >= 0);
		pthread_rwlock_unlock(&lock);
		poll(NULL, 0, (int)draw(seed, 20));
	}
	return NULL;
}
