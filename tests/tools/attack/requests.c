// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Requests of the guest that no VMM sends, the other two ioctls for a bound device, and
 * root's operations on requests. messages.c has the requests that the TSM understands.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/vfio.h>
#include <linux/vfio_tsm.h>

#include "attack.h"

#define PAGE 4096
#define ROOM 256
#define SAME_PAGE 2048 /* offset in the thread's buffer, for a second object */
#define ADMIN_QUEUE 0x24

/* All threads share it. The kernel copies from and to it, and nothing reads it. */
static uint8_t large[VFIO_PCI_TSM_REQ_MAX + PAGE];

/* The result without the residue */
static int error_of(int answer)
{
	return answer < 0 ? answer : 0;
}

/* A length: 0, 1, around the limit, or any */
static uint32_t choose_length(struct thread *t)
{
	static const uint32_t lengths[] = {
		0,
		1,
		15,
		16,
		17,
		24,
		47,
		48,
		49,
		PAGE,
		VFIO_PCI_TSM_REQ_MAX - 1,
		VFIO_PCI_TSM_REQ_MAX,
		VFIO_PCI_TSM_REQ_MAX + 1,
		UINT32_MAX,
	};
	const unsigned int count = sizeof(lengths) / sizeof(*lengths);
	uint64_t which = below(t, count + 2);

	return which < count ? lengths[which] : below(t, VFIO_PCI_TSM_REQ_MAX);
}

/* Any bytes, mostly after a header that the TSM accepts, that do not change the TDI. */
static void make_noise(struct thread *t, struct message *m)
{
	message_make(m, one_in(t, 2) ? GET_DEVICE_INTERFACE_STATE : rnd(t));
	if (one_in(t, 2))
		m->bytes[below(t, 4)] = rnd(t);
	for (unsigned int i = one_in(t, 4) ? 0 : 16; i < sizeof(m->bytes); i++)
		m->bytes[i] = rnd(t);
	if (m->bytes[1] == STOP_INTERFACE_REQUEST || m->bytes[1] == START_INTERFACE_REQUEST)
		m->bytes[1] = LOCK_INTERFACE_REQUEST;
}

/* Random bytes of every length, with room of every length for the response */
int request_random(struct thread *t)
{
	struct vfio_pci_tsm_req arg = {
		.argsz = sizeof(arg),
		.scope = below(t, 2),
		.req_uptr = (uintptr_t)large,
		.resp_uptr = (uintptr_t)large,
	};
	uint8_t response[ROOM] = { 0 };
	bool is_long = one_in(t, 4);
	struct message m;
	int ret;

	make_noise(t, &m);
	arg.req_len = is_long ? choose_length(t) : below(t, sizeof(m.bytes) + 1);
	arg.resp_len = one_in(t, 4) ? choose_length(t) : ROOM;
	if (arg.req_len <= sizeof(m.bytes))
		arg.req_uptr = (uintptr_t)m.bytes;
	if (arg.resp_len <= ROOM)
		arg.resp_uptr = (uintptr_t)response;
	note(t, " %02x%02x, %u bytes for %u", m.bytes[0], m.bytes[1], arg.req_len, arg.resp_len);
	ret = call(victim.fd, VFIO_DEVICE_TSM_REQ, &arg);
	if (ret < 0)
		return ret;
	if (arg.req_len > VFIO_PCI_TSM_REQ_MAX || arg.resp_len > VFIO_PCI_TSM_REQ_MAX)
		fail("a request of %u bytes, with %u for the response", arg.req_len, arg.resp_len);
	if (arg.resp_len < (uint32_t)ret)
		fail("a residue of %d bytes, of %u", ret, arg.resp_len);
	if (arg.req_len > sizeof(m.bytes) || arg.resp_len > ROOM)
		return 0;
	return message_answer(m.bytes, arg.req_len, response, arg.resp_len - ret);
}

/* A place in the buffer of @t, before its second page or across the boundary */
static size_t place(struct thread *t, size_t length)
{
	return one_in(t, 2) ? PAGE - 1 - below(t, length) : below(t, SAME_PAGE - length);
}

/* Request, response and argument in one place, or at addresses that are not memory */
int request_memory(struct thread *t)
{
	static const char *const names[] = {
		"request and response at the page's end",
		"the same",
		"shifted",
		"response over the argument",
		"a response in a BAR",
		"a request in a BAR",
		"an argument at the page's end",
		"an address of the kernel",
	};
	unsigned int which = below(t, sizeof(names) / sizeof(*names)), shift = below(t, 24);
	size_t at = place(t, 128), other = place(t, 128);
	uint8_t *window = window_at(0, ADMIN_QUEUE);
	struct vfio_pci_tsm_req arg = {
		.argsz = sizeof(arg),
		.scope = below(t, 2),
		.resp_len = 24 + below(t, 80),
		.req_uptr = (uintptr_t)t->buffer + at,
		.resp_uptr = (uintptr_t)t->buffer + other,
	};
	void *argument = &arg;
	struct message m;

	message_make(&m, GET_DEVICE_INTERFACE_STATE);
	arg.req_len = m.length;
	memcpy(t->alias + at, m.bytes, m.length);
	note(t, " %s", names[which]);
	switch (which) {
	case 1:
		arg.resp_uptr = arg.req_uptr;
		break;
	case 2:
		arg.resp_uptr = arg.req_uptr + shift;
		break;
	case 3:
		arg.resp_uptr = (uintptr_t)&arg + 8;
		arg.resp_len = 32;
		break;
	case 4:
		if (!window)
			return -ENODEV;
		arg.resp_uptr = (uintptr_t)window;
		break;
	case 5:
		if (!window)
			return -ENODEV;
		arg.req_uptr = (uintptr_t)window;
		break;
	case 6:
		memcpy(t->alias + other, &arg, sizeof(arg));
		argument = t->buffer + other;
		break;
	case 7:
		*(one_in(t, 2) ? &arg.req_uptr : &arg.resp_uptr) = 0xffff888000001000;
		break;
	}
	return error_of(call(victim.fd, VFIO_DEVICE_TSM_REQ, argument));
}

/*
 * If the kernel read a message or a length twice, it would get two values. A STOP in the
 * scope INFO is refused, so the books differ if the TSM gets one.
 */
int request_race(struct thread *t)
{
	struct vfio_pci_tsm_req arg = {
		.argsz = sizeof(arg),
		.resp_len = 48,
		.req_uptr = (uintptr_t)t->buffer + SAME_PAGE,
		.resp_uptr = (uintptr_t)t->buffer + PAGE - 64,
	}, other;
	unsigned int times = 1 + below(t, 16);
	bool lengths = one_in(t, 2);
	struct message get, stop;
	int ret = 0;

	message_make(&get, GET_DEVICE_INTERFACE_STATE);
	message_make(&stop, STOP_INTERFACE_REQUEST);
	arg.req_len = get.length;
	other = arg;
	other.req_len = other.resp_len = VFIO_PCI_TSM_REQ_MAX + 1;
	memcpy(t->alias, &arg, sizeof(arg));
	memcpy(t->alias + SAME_PAGE, get.bytes, get.length);
	note(t, " %s, %u times", lengths ? "argument" : "message", times);
	if (lengths)
		flip_begin(t, 0, (uint8_t *)&arg, (uint8_t *)&other, sizeof(arg) - 8);
	else
		flip_begin(t, SAME_PAGE, get.bytes, stop.bytes, get.length);
	while (times--)
		ret = call(victim.fd, VFIO_DEVICE_TSM_REQ, t->buffer);
	flip_end(t);
	oracle_look();
	return error_of(ret);
}

/* Reads the state of the TDI by any file. Returns the residue, or a negative errno. */
static int get_state(int fd)
{
	uint8_t response[ROOM];
	struct message m;
	struct vfio_pci_tsm_req arg = {
		.argsz = sizeof(arg),
		.resp_len = ROOM,
		.req_uptr = (uintptr_t)m.bytes,
		.resp_uptr = (uintptr_t)response,
	};

	message_make(&m, GET_DEVICE_INTERFACE_STATE);
	arg.req_len = m.length;
	return call(fd, VFIO_DEVICE_TSM_REQ, &arg);
}

/* A bad field in one of the three arguments, which may be across the end of the page */
int request_bad(struct thread *t)
{
	static const unsigned long requests[] = { VFIO_DEVICE_TSM_REQ, VFIO_DEVICE_TSM_INFO,
						  VFIO_DEVICE_TSM_EVENT };
	unsigned int which = below(t, 3), field = below(t, which ? 4 : 6);
	size_t at = one_in(t, 2) ? 0 : PAGE - below(t, 48);
	union {
		struct vfio_pci_tsm_req req;
		uint32_t words[sizeof(struct vfio_pci_tsm_req) / sizeof(uint32_t)];
	} arg = { .req.argsz = sizeof(arg) };

	if (!which) {
		arg.req.req_len = arg.req.resp_len = ROOM;
		arg.req.req_uptr = arg.req.resp_uptr = (uintptr_t)large;
	}
	arg.words[field] = one_in(t, 2) ? rnd(t) : below(t, 64);
	note(t, " %u, word %u is %#x", which, field, arg.words[field]);
	memcpy(t->alias + at, &arg, sizeof(arg));
	return error_of(call(victim.fd, requests[which], t->buffer + at));
}

/* Only the owner's file may pass requests: no other file of the device, or of another one. */
int request_files(struct thread *t)
{
	static const char *const names[] = { "another file of the device",
					     "the sibling",
					     "iommufd",
					     "an eventfd",
					     "/dev/null",
					     "none" };
	unsigned int which = below(t, sizeof(names) / sizeof(*names));
	const unsigned long long args[MAX_ARGS] = { 0 };
	struct client c = CLIENT_INIT(victim.addr);
	const int files[] = { -1, sibling.fd, iommufd_slot, event, -1, -1 };
	int fd = files[which], ret;

	note(t, " %s", names[which]);
	if (!which) {
		ret = step_cdev(&c, args, "", NULL, 0);
		if (ret)
			return ret;
		fd = c.device;
	} else if (which == 4) {
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	}
	ret = get_state(fd);
	if (ret >= 0)
		fail("a request by a file that is not the owner's: %s", names[which]);
	if (!which)
		step_close(&c, args, "", NULL, 0);
	else if (which == 4)
		close(fd);
	return ret;
}

/* Root changes the requests that are allowed, and mostly restores them at once. */
int request_policy(struct thread *t)
{
	static const char *const words[] = { "none", "info", "all", "All", "", "none info" };
	const char *word = words[below(t, sizeof(words) / sizeof(*words))];
	bool back = !one_in(t, 8);
	char path[128];
	int ret;

	note(t, " '%s'%s", word, back ? ", and back" : "");
	snprintf(path, sizeof(path), "/sys/kernel/config/vfio_tsm/%s/tsm/guest_requests",
		 victim.addr);
	ret = write_text(path, word);
	if (back) {
		get_state(victim.fd);
		write_text(path, "all");
	}
	return ret;
}

static void inject(const char *name, unsigned int value)
{
	char path[128], text[16];

	snprintf(path, sizeof(path), "/sys/kernel/debug/tsm_sim/%s/inject/%s", victim.addr, name);
	snprintf(text, sizeof(text), "%u", value);
	write_text(path, text);
}

/* The TSM is slow for a while, or fails. */
int request_delay(struct thread *t)
{
	bool fails = one_in(t, 4);
	unsigned int delay = 1 + below(t, 50);
	int ret;

	note(t, " %u ms%s", delay, fails ? ", and fails" : "");
	inject("delay_guest_req_ms", delay);
	if (fails)
		inject("error_guest_req", EREMOTEIO);
	ret = get_state(victim.fd);
	inject("error_guest_req", 0);
	inject("delay_guest_req_ms", 0);
	return error_of(ret);
}

void requests_end(void)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/kernel/config/vfio_tsm/%s/tsm/guest_requests",
		 victim.addr);
	write_text(path, "all");
	inject("error_guest_req", 0);
	inject("delay_guest_req_ms", 0);
}

/* At any time. Its fields must be consistent. */
int tsm_info(struct thread *t)
{
	struct vfio_pci_tsm_info info = { .argsz = sizeof(info) };
	int ret = call(victim.fd, VFIO_DEVICE_TSM_INFO, &info);

	if (ret)
		return ret;
	note(t, " state %u TDI %u generation %llu", info.state, info.tdi_state,
	     (unsigned long long)info.generation);
	if (info.argsz != sizeof(info) || info.flags || info.pad ||
	    info.state > VFIO_PCI_TSM_INFO_STATE_QUARANTINED ||
	    info.tdi_state > VFIO_PCI_TSM_INFO_TDI_ERROR ||
	    info.reason > VFIO_PCI_TSM_INFO_REASON_DRIVER)
		fail("INFO: argsz %u flags %#x pad %#x state %u TDI %u reason %u", info.argsz,
		     info.flags, info.pad, info.state, info.tdi_state, info.reason);
	if (info.state == VFIO_PCI_TSM_INFO_STATE_OPEN && (info.tdi_id || info.vdevice_id))
		fail("INFO: not bound, as %#x by vDEVICE %u", info.tdi_id, info.vdevice_id);
	return 0;
}

/* The number of an eventfd, or of another file. @made is to be closed after the call. */
static int choose_eventfd(struct thread *t, int *made, bool *is_eventfd)
{
	uint64_t full = UINT64_MAX - 1;

	*made = -1;
	*is_eventfd = false;
	switch (below(t, 8)) {
	case 0:
		return -1;
	case 1:
		return one_in(t, 2) ? iommufd_slot : victim.fd;
	case 2:
		return rnd(t);
	case 3:
		*made = open("/dev/null", O_RDWR | O_CLOEXEC);
		return *made;
	case 4:
		*is_eventfd = true;
		return event;
	case 5:
		*made = eventfd(0, EFD_CLOEXEC | EFD_SEMAPHORE);
		break;
	case 6:
		*made = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (write(*made, &full, sizeof(full)) < 0)
			note(t, " not full");
		break;
	default:
		*made = eventfd(0, EFD_CLOEXEC);
	}
	*is_eventfd = true;
	return *made;
}

/* Sets several, also while a loss is signalled. The last one stays set, and is closed. */
int tsm_event(struct thread *t)
{
	unsigned int times = 1 + below(t, 4);
	int ret = 0, made;

	note(t, " %u", times);
	while (times--) {
		bool is_eventfd;
		struct vfio_pci_tsm_event arg = {
			.argsz = sizeof(arg),
			.eventfd = choose_eventfd(t, &made, &is_eventfd),
		};

		note(t, " %d", arg.eventfd);
		ret = call(victim.fd, VFIO_DEVICE_TSM_EVENT, &arg);
		if (!ret && arg.eventfd != -1 && !is_eventfd)
			fail("file %d was taken for an eventfd", arg.eventfd);
		if (made >= 0)
			close(made);
	}
	return ret;
}

/* A change that the owner did not make is signalled before the change has ended. */
int event_revoke(struct thread *t)
{
	struct vfio_pci_tsm_event arg = { .argsz = sizeof(arg) };
	uint64_t count = 0;
	int ret;

	arg.eventfd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ret = call(victim.fd, VFIO_DEVICE_TSM_EVENT, &arg);
	if (!ret)
		ret = tsm_revoke(t);
	/* There is no signal if another thread has set its own eventfd or closed the device. */
	if (!ret && read(arg.eventfd, &count, sizeof(count)) < 0)
		note(t, " not signalled");
	note(t, " %llu", (unsigned long long)count);
	close(arg.eventfd);
	return ret ?: count ? 0 : -ENODATA;
}
