// SPDX-License-Identifier: GPL-2.0-or-later
/* Requests of the guest, and VFIO_DEVICE_TSM_INFO. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/vfio.h>
#include <linux/vfio_tsm.h>

#include "client.h"

#define UNUSED __attribute__((unused))
#define STEP(step)                                                                      \
	static int step(UNUSED struct client *c, UNUSED const unsigned long long *args, \
			UNUSED const char *text, UNUSED char *answer, UNUSED size_t size)

#define PAGE 4096
#define UNTOUCHED 0xa5

static int call(struct client *c, unsigned long request, const void *arg)
{
	int ret = ioctl(c->device, request, arg);

	return ret < 0 ? -errno : ret;
}

/* Converts hexadecimal digits up to a colon or the end. Returns the number of bytes. */
static size_t from_hex(const char *text, unsigned char *bytes, size_t max)
{
	unsigned int byte;
	size_t n = 0;

	while (n < max && sscanf(text + 2 * n, "%2x", &byte) == 1)
		bytes[n++] = byte;
	return n;
}

/* Prints it in one call: another step may print at the same time. */
static void show_response(const unsigned char *response, size_t len)
{
	char line[2 * PAGE + 1] = "";

	for (size_t i = 0; i < len; i++)
		snprintf(line + 2 * i, sizeof(line) - 2 * i, "%02x", response[i]);
	printf("response %s\n", line);
}

/*
 * req:SCOPE:HEX:ROOM, sends these bytes, with room of ROOM bytes for the response, or 256.
 * Prints the response on a line. The value is the residue and the TSM's code.
 */
STEP(req)
{
	unsigned char bytes[256], response[PAGE];
	const char *hex = strchr(text, ':') ? strchr(text, ':') + 1 : "";
	const char *room = strchr(hex, ':');
	struct vfio_pci_tsm_req arg = {
		.argsz = sizeof(arg),
		.scope = args[0],
		.req_len = from_hex(hex, bytes, sizeof(bytes)),
		.resp_len = room ? strtoul(room + 1, NULL, 0) : 256,
		.req_uptr = (uintptr_t)bytes,
		.resp_uptr = (uintptr_t)response,
		.tsm_code = UNTOUCHED,
	};
	int ret;

	memset(response, UNTOUCHED, sizeof(response));
	ret = call(c, VFIO_DEVICE_TSM_REQ, &arg);
	for (size_t i = arg.resp_len; i < sizeof(response); i++)
		if (response[i] != UNTOUCHED)
			return -EPROTO;
	snprintf(answer, size, "%d %#llx", ret, (unsigned long long)arg.tsm_code);
	if (ret < 0)
		return ret;
	show_response(response, arg.resp_len - ret);
	return 0;
}

/*
 * req-arg:ARGSZ:FLAGS:SCOPE:ARCH:REQ_LEN:RESP_LEN:NULLS, sends zeros. Bit 0 of NULLS sets
 * the pointer to the request to NULL, and bit 1 the pointer to the response. The value is
 * the TSM's code in the argument afterwards.
 */
STEP(req_arg)
{
	unsigned char *buffer = calloc(2, 1 << 21);
	struct vfio_pci_tsm_req arg = {
		.argsz = args[0] ?: sizeof(arg),
		.flags = args[1],
		.scope = args[2],
		.tvm_arch = args[3],
		.req_len = args[4],
		.resp_len = args[5],
		.req_uptr = args[6] & 1 ? 0 : (uintptr_t)buffer,
		.resp_uptr = args[6] & 2 ? 0 : (uintptr_t)buffer + (1 << 21),
		.tsm_code = UNTOUCHED,
	};
	int ret = call(c, VFIO_DEVICE_TSM_REQ, &arg);

	free(buffer);
	snprintf(answer, size, "%#llx", (unsigned long long)arg.tsm_code);
	return ret < 0 ? ret : 0;
}

/* An argument with bytes that are unknown to this kernel, and @value in the last one */
static int long_arg(struct client *c, unsigned long request, size_t length, unsigned char value)
{
	unsigned char *arg = calloc(1, length + PAGE);
	int ret;

	*(__u32 *)arg = length;
	arg[length - 1] = value;
	ret = call(c, request, arg);
	free(arg);
	return ret < 0 ? ret : 0;
}

/* req-long:ARGSZ:VALUE, info-long and event-long */
STEP(req_long)
{
	return long_arg(c, VFIO_DEVICE_TSM_REQ, args[0], args[1]);
}
STEP(info_long)
{
	return long_arg(c, VFIO_DEVICE_TSM_INFO, args[0], args[1]);
}
STEP(event_long)
{
	return long_arg(c, VFIO_DEVICE_TSM_EVENT, args[0], args[1]);
}

/* req-at:ADDRESS, info-at and event-at, with an argument at any address */
STEP(req_at)
{
	return call(c, VFIO_DEVICE_TSM_REQ, (void *)(uintptr_t)args[0]);
}
STEP(info_at)
{
	return call(c, VFIO_DEVICE_TSM_INFO, (void *)(uintptr_t)args[0]);
}
STEP(event_at)
{
	return call(c, VFIO_DEVICE_TSM_EVENT, (void *)(uintptr_t)args[0]);
}

/* Two pages, of which the second is not mapped */
static unsigned char *half(void)
{
	unsigned char *page =
		mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	munmap(page + PAGE, PAGE);
	return page;
}

/* The first @bytes of an argument of @size bytes. The memory behind them is not mapped. */
static int cut_arg(struct client *c, unsigned long request, __u32 size, size_t bytes)
{
	unsigned char *page = half(), *arg = page + PAGE - bytes;
	int ret;

	memcpy(arg, &size, bytes < sizeof(size) ? bytes : sizeof(size));
	ret = call(c, request, arg);
	munmap(page, PAGE);
	return ret < 0 ? ret : 0;
}

/* req-cut:BYTES, info-cut and event-cut, with an argument of which so many bytes are mapped */
STEP(req_cut)
{
	return cut_arg(c, VFIO_DEVICE_TSM_REQ, sizeof(struct vfio_pci_tsm_req), args[0]);
}
STEP(info_cut)
{
	return cut_arg(c, VFIO_DEVICE_TSM_INFO, sizeof(struct vfio_pci_tsm_info), args[0]);
}
STEP(event_cut)
{
	return cut_arg(c, VFIO_DEVICE_TSM_EVENT, sizeof(struct vfio_pci_tsm_event), args[0]);
}

/*
 * req-memory:KIND:SCOPE:HEX, sends these bytes from or into unusual memory: the request or
 * the response ends in a page that is not mapped; the response or the argument is
 * read-only; request and response are the same memory, or overlap, or the response is over
 * the argument; the response is the mapping of BAR 0; or a pointer is an address of the
 * kernel. Prints the response on a line.
 */
STEP(req_memory)
{
	const char *hex = strchr(strchr(text, ':') + 1, ':') + 1;
	static unsigned char bytes[PAGE], before[PAGE], response[PAGE];
	struct vfio_pci_tsm_req *arg =
		mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	const unsigned char *answered;
	size_t room;
	int ret;

	*arg = (struct vfio_pci_tsm_req){
		.argsz = sizeof(*arg),
		.scope = strchr(text, ':')[1] - '0',
		.req_len = from_hex(hex, bytes, sizeof(bytes)),
		.resp_len = 256,
		.req_uptr = (uintptr_t)bytes,
		.resp_uptr = (uintptr_t)response,
	};
	if (!strncmp(text, "half-request", 12))
		arg->req_uptr = (uintptr_t)half() + PAGE - 2;
	else if (!strncmp(text, "half-response", 13))
		arg->resp_uptr = (uintptr_t)half() + PAGE - 128;
	else if (!strncmp(text, "const-response", 14))
		arg->resp_uptr =
			(uintptr_t)mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	else if (!strncmp(text, "same", 4))
		arg->resp_uptr = arg->req_uptr;
	else if (!strncmp(text, "shifted", 7))
		arg->resp_uptr = arg->req_uptr + 4;
	else if (!strncmp(text, "argument", 8))
		arg->resp_uptr = (uintptr_t)arg;
	else if (!strncmp(text, "bar", 3))
		arg->resp_uptr = (uintptr_t)c->map[0];
	else if (!strncmp(text, "kernel-request", 14))
		arg->req_uptr = 0xffff888000001000;
	else if (!strncmp(text, "kernel-response", 15))
		arg->resp_uptr = 0xffff888000001000;
	else if (!strncmp(text, "const-argument", 14))
		mprotect(arg, PAGE, PROT_READ);
	else
		return -EINVAL;
	memcpy(before, bytes, sizeof(before));
	/* The response may replace the argument. */
	answered = (const unsigned char *)(uintptr_t)arg->resp_uptr;
	room = arg->resp_len;
	ret = call(c, VFIO_DEVICE_TSM_REQ, arg);
	if (ret >= 0)
		show_response(answered, room - ret);
	munmap(arg, PAGE);
	/* The VMM sends an interrupted request again, so it must not have changed. */
	if (ret == -EINTR && memcmp(before, bytes, sizeof(before)))
		return -EPROTO;
	return ret < 0 ? ret : 0;
}

/* info; the value is STATE TDI_STATE TDI_ID VDEVICE REASON CAPS */
STEP(info)
{
	struct vfio_pci_tsm_info arg = { .argsz = sizeof(arg) };
	int ret = call(c, VFIO_DEVICE_TSM_INFO, &arg);

	if (arg.flags || arg.pad || arg.argsz != sizeof(arg))
		return -EPROTO;
	snprintf(answer, size, "%u %u %#x %u %u %#llx", arg.state, arg.tdi_state, arg.tdi_id,
		 arg.vdevice_id, arg.reason, (unsigned long long)arg.caps);
	return ret;
}

/* info-generation; the value is the field that info leaves out */
STEP(info_generation)
{
	struct vfio_pci_tsm_info arg = { .argsz = sizeof(arg) };
	int ret = call(c, VFIO_DEVICE_TSM_INFO, &arg);

	snprintf(answer, size, "%llu", (unsigned long long)arg.generation);
	return ret;
}

/* info-const, with an argument that is read-only */
STEP(info_const)
{
	static const struct vfio_pci_tsm_info arg = { .argsz = sizeof(arg) };

	return call(c, VFIO_DEVICE_TSM_INFO, &arg);
}

/* info-arg:ARGSZ:FLAGS */
STEP(info_arg)
{
	struct vfio_pci_tsm_info arg = { .argsz = args[0] ?: sizeof(arg), .flags = args[1] };

	return call(c, VFIO_DEVICE_TSM_INFO, &arg);
}

#define MAX_THREADS 64

/* Threads that send requests without a pause */
static struct {
	pthread_t threads[MAX_THREADS];
	unsigned int count;
	struct vfio_pci_tsm_req arg;
	unsigned char bytes[256];
	int device;
	atomic_bool stop;
	atomic_uint answers[256];
} flood;

static void *send_requests(UNUSED void *unused)
{
	struct vfio_pci_tsm_req arg = flood.arg;
	unsigned char response[256];
	sigset_t child;

	/* A waiting request would end with EINTR even for a signal that is ignored. */
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	pthread_sigmask(SIG_BLOCK, &child, NULL);
	arg.resp_uptr = (uintptr_t)response;
	while (!flood.stop) {
		int ret = ioctl(flood.device, VFIO_DEVICE_TSM_REQ, &arg);

		flood.answers[ret < 0 ? errno & 255 : 0]++;
	}
	return NULL;
}

/* flood:THREADS:SCOPE:HEX, sends these bytes again and again from now on */
STEP(begin_flood)
{
	const char *hex = strchr(strchr(text, ':') + 1, ':') + 1;
	int ret = 0;

	flood.arg = (struct vfio_pci_tsm_req){
		.argsz = sizeof(flood.arg),
		.scope = args[1],
		.req_len = from_hex(hex, flood.bytes, sizeof(flood.bytes)),
		.req_uptr = (uintptr_t)flood.bytes,
		.resp_len = 256,
	};
	/* A descriptor of its own stays open when the client closes the device. */
	flood.device = dup(c->device);
	for (flood.count = 0; flood.count < args[0] && flood.count < MAX_THREADS && !ret;) {
		ret = pthread_create(&flood.threads[flood.count], NULL, send_requests, NULL);
		flood.count += !ret;
	}
	return -ret;
}

/* flood-sent:N, waits until N requests have returned */
STEP(flood_sent)
{
	unsigned int sent;

	do {
		sent = 0;
		for (int i = 0; i < 256; i++)
			sent += flood.answers[i];
	} while (sent < args[0]);
	return 0;
}

/* flood-close, closes the file of the threads; the last request at work ends its use */
STEP(close_flood)
{
	return close(flood.device) ? -errno : 0;
}

/* flood-end, ends the threads; the value is the set of results */
STEP(end_flood)
{
	flood.stop = true;
	for (unsigned int i = 0; i < flood.count; i++)
		pthread_join(flood.threads[i], NULL);
	close(flood.device);
	for (int i = 0; i < 256; i++) {
		size_t len = strlen(answer);

		if (flood.answers[i])
			snprintf(answer + len, size - len, "%s%s", len ? " " : "",
				 i ? strerrorname_np(i) : "OK");
	}
	return 0;
}

static void nothing(UNUSED int signal)
{
}

/* signals, from now on SIGUSR1 only interrupts a system call */
STEP(take_signals)
{
	struct sigaction action = { .sa_handler = nothing, .sa_flags = SA_RESTART };

	return sigaction(SIGUSR1, &action, NULL) ? -errno : 0;
}

const struct step request_steps[] = {
	{ "req", req },
	{ "req-arg", req_arg },
	{ "req-long", req_long },
	{ "req-at", req_at },
	{ "req-cut", req_cut },
	{ "req-memory", req_memory },
	{ "info", info },
	{ "info-generation", info_generation },
	{ "info-arg", info_arg },
	{ "info-long", info_long },
	{ "info-at", info_at },
	{ "info-cut", info_cut },
	{ "info-const", info_const },
	{ "event-long", event_long },
	{ "event-at", event_at },
	{ "event-cut", event_cut },
	{ "flood", begin_flood },
	{ "flood-sent", flood_sent },
	{ "flood-close", close_flood },
	{ "flood-end", end_flood },
	{ "signals", take_signals },
	{ NULL, NULL },
};
