// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Requests of the guest that stop in the middle: the kernel has begun to process them, and
 * waits for the message. Another bind may come in the meantime.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/userfaultfd.h>
#include <linux/vfio.h>
#include <linux/vfio_tsm.h>

#include "attack.h"

#define PAGE 4096

/**
 * struct stall - a request that stops in the middle
 * @message: the message that the kernel will find
 * @arg: its argument
 * @page: the page in which the message will be
 * @uffd: userfaultfd of that page
 * @response: the response of the TSM
 * @answer: the result of the ioctl
 * @done: whether the ioctl has returned
 * @pthread: the thread that sends it
 */
struct stall {
	struct message message;
	struct vfio_pci_tsm_req arg;
	uint8_t *page;
	int uffd;
	uint8_t response[RESPONSE];
	int answer;
	atomic_bool done;
	pthread_t pthread;
};

static void *stall_run(void *data)
{
	struct stall *stall = data;

	stall->answer = call(victim.fd, VFIO_DEVICE_TSM_REQ, &stall->arg);
	stall->done = true;
	return NULL;
}

static void stall_page(struct stall *stall)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .range.len = PAGE, .mode = UFFDIO_REGISTER_MODE_MISSING };

	stall->page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	stall->uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	reg.range.start = (uintptr_t)stall->page;
	if (stall->page == MAP_FAILED || stall->uffd < 0 || ioctl(stall->uffd, UFFDIO_API, &api) ||
	    ioctl(stall->uffd, UFFDIO_REGISTER, &reg))
		fail("a page that comes later: %s", answer_name(-errno));
}

/* Returns once the kernel waits for the message, or has refused the request. */
static void stall_begin(struct stall *stall, uint32_t scope)
{
	struct pollfd event = { .events = POLLIN };

	stall_page(stall);
	stall->arg = (struct vfio_pci_tsm_req){
		.argsz = sizeof(stall->arg),
		.scope = scope,
		.req_len = stall->message.length,
		.resp_len = RESPONSE,
		.req_uptr = (uintptr_t)stall->page,
		.resp_uptr = (uintptr_t)stall->response,
	};
	if (pthread_create(&stall->pthread, NULL, stall_run, stall))
		fail("cannot start a thread");
	event.fd = stall->uffd;
	while (!stall->done && poll(&event, 1, 1) == 0)
		;
}

/* Fills the message in, and returns the result. */
static int stall_end(struct stall *stall)
{
	uint8_t page[PAGE] = { 0 };
	struct uffdio_copy copy = {
		.dst = (uintptr_t)stall->page,
		.src = (uintptr_t)page,
		.len = PAGE,
	};

	memcpy(page, stall->message.bytes, stall->message.length);
	/* If that fails, the kernel finds zeros as soon as the file is closed. */
	if (ioctl(stall->uffd, UFFDIO_COPY, &copy))
		memset(stall->message.bytes, 0, sizeof(stall->message.bytes));
	close(stall->uffd);
	pthread_join(stall->pthread, NULL);
	munmap(stall->page, PAGE);
	if (stall->answer < 0)
		return stall->answer;
	return message_answer(stall->message.bytes, stall->message.length, stall->response,
			      RESPONSE - stall->answer);
}

/*
 * The owner's operations while the request waits for its message; mostly none. None at all if
 * it was refused: while the device is not open, that would close each new file of it.
 */
static void meanwhile(struct thread *t, const struct stall *stall)
{
	if (stall->done)
		return;
	switch (below(t, 8)) {
	case 0:
		/* The request still has the file, and its bind. */
		note(t, ", closed");
		device_close(&victim, 0);
		break;
	case 1:
	case 2:
		note(t, ", bound again");
		device_unbind();
		device_settle(true);
		device_bind(0);
		break;
	case 3:
	case 4:
		note(t, ", revoked, bound again");
		tsm_revoke(t);
		device_settle(true);
		device_bind(0);
		break;
	default:
		break;
	}
}

/* A report or a START that waits, while there may be another bind */
int request_late(struct thread *t)
{
	struct stall stall = { 0 };
	bool start = one_in(t, 2);
	unsigned int rebinds_before;
	uint8_t nonce[TDISP_NONCE];
	struct span span;
	uint64_t from;
	int ret = 0;

	note(t, " %s", start ? "START" : "report");
	if (!freeze_forbid())
		return -EAGAIN;
	from = span_begin(&rebinds_before);
	message_make(&stall.message, start ? START_INTERFACE_REQUEST : GET_DEVICE_INTERFACE_REPORT);
	stall_begin(&stall, start);
	span = span_between(from, rebinds_before);
	meanwhile(t, &stall);
	/* The nonce of the new bind, which a request of the old bind must not use. */
	if (start)
		ret = read_nonce(stall.message.bytes + TDISP_HEADER);
	ret = stall_end(&stall) ?: ret;
	freeze_allow();
	if (ret)
		return ret;
	claim(start ? "the nonce" : "the report",
	      start ? stall.message.bytes + TDISP_HEADER : nonce_of(stall.response), span);
	/* another request with the nonce, to compare with */
	read_nonce(nonce);
	return 0;
}

/* A STOP that waits for its message. Afterwards the VMM mostly unbinds the device. */
int request_stop(struct thread *t)
{
	bool changes = !one_in(t, 8), unbind = !one_in(t, 4);
	struct stall stall = { 0 };
	unsigned int rebinds_before, which = 0;
	struct span span;
	uint64_t from;
	int ret;

	note(t, "%s", changes ? "" : " in scope INFO");
	if (!freeze_forbid())
		return -EAGAIN;
	message_make(&stall.message, STOP_INTERFACE_REQUEST);
	from = span_begin(&rebinds_before);
	/* A STOP that may only read is refused, and needs no excuse. */
	if (changes)
		which = stop_begin(from);
	stall_begin(&stall, changes);
	span = span_between(from, rebinds_before);
	if (changes && span.from <= span.to)
		stop_known(which, span);
	meanwhile(t, &stall);
	ret = stall_end(&stall);
	if (changes && span.from > span.to)
		stop_end(which);
	freeze_allow();
	oracle_look();
	if (!ret && !changes)
		fail("a request that may only read has stopped the TDI");
	if (!ret && unbind)
		device_unbind();
	return ret;
}
