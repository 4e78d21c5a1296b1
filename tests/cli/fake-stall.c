// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Plays a user's file system that stalls a process that closes its files, a host that is
 * short of processes and files, a driver that refuses to bind, and one with a TSM behind
 * it: preloaded into tsm-bind-helper.
 *
 * STALL	children do not end
 * FORK_FAILS	how often fork() fails at first
 * PIPE_FAILS	how often pipe2() does
 * TOKENERS	number of JSON documents that there is memory for
 * BIND_FAILS	file that contains the errno of each bind, as last_error does
 * REQUESTS	file that contains the errno of each request of a guest, or 0: then the
 *		response is the request with its bits inverted. While it contains
 *		"wait", requests do not end, and the first byte of their memfd is W
 * OTHERS	number of an ioctl of VFIO; the process dies at it, unless the others of BIND,
 *		UNBIND and REQ are refused with EPERM
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "fake.h"

#define TSM_BIND _IO(VFIO_TYPE, VFIO_BASE + 22)
#define TSM_REQ _IO(VFIO_TYPE, VFIO_BASE + 24)

/* As struct vfio_pci_tsm_req */
struct tsm_req {
	uint32_t argsz, flags, scope, tvm_arch, req_len, resp_len;
	uint64_t req_uptr, resp_uptr, tsm_code;
};

static bool stall;
static int fork_fails, pipe_fails, tokeners;
static const char *bind_fails, *requests;
static unsigned long others;
static int (*real_ioctl)(int fd, unsigned long request, ...);

__attribute__((constructor)) static void look(void)
{
	stall = getenv("STALL");
	fork_fails = atoi(getenv("FORK_FAILS") ?: "0");
	pipe_fails = atoi(getenv("PIPE_FAILS") ?: "0");
	tokeners = atoi(getenv("TOKENERS") ?: "1000000");
	bind_fails = getenv("BIND_FAILS");
	requests = getenv("REQUESTS");
	if (getenv("OTHERS"))
		others = _IO(VFIO_TYPE, VFIO_BASE + atoi(getenv("OTHERS")));
	real_ioctl = REAL(ioctl);
}

void _exit(int status)
{
	while (stall)
		poll(NULL, 0, -1);
	REAL(_exit)(status);
	__builtin_unreachable();
}

pid_t fork(void)
{
	errno = EAGAIN;
	return fork_fails-- > 0 ? -1 : REAL(fork)();
}

int pipe2(int *fds, int flags)
{
	errno = EMFILE;
	return pipe_fails-- > 0 ? -1 : REAL(pipe2)(fds, flags);
}

struct json_tokener *json_tokener_new_ex(int depth);

struct json_tokener *json_tokener_new_ex(int depth)
{
	return tokeners-- > 0 ? REAL(json_tokener_new_ex)(depth) : NULL;
}

/* The errno in a file, negative; positive if it cannot be read */
static int error_in(const char *path)
{
	char text[64] = "";
	int file = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	if (file < 0 || read(file, text, sizeof(text) - 1) < 0)
		return EIO;
	close(file);
	return atoi(text);
}

static bool is_to_wait(void)
{
	char text[64] = "";
	int file = open(requests, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	ssize_t n = read(file, text, sizeof(text) - 1);

	close(file);
	/* it is empty while it is being written */
	return n == 0 || !strncmp(text, "wait", 4);
}

/* Shows the client in the first byte of its memfd that its request has come. */
static void tell(void)
{
	for (int fd = 3; fd < 64; fd++)
		if (fcntl(fd, F_GET_SEALS) >= 0 && pwrite(fd, "W", 1, 0) != 1)
			abort();
}

/* Waits like a slow TSM; the process can be killed. */
static void wait_while_told(void)
{
	if (!is_to_wait())
		return;
	tell();
	while (is_to_wait())
		poll(NULL, 0, 1);
}

/* Plays a TSM whose result code is the scope with many other bits */
static int pass_request(struct tsm_req *req)
{
	unsigned char *in = (void *)(uintptr_t)req->req_uptr;
	unsigned char *out = (void *)(uintptr_t)req->resp_uptr;
	uint32_t n = req->req_len < req->resp_len ? req->req_len : req->resp_len;
	int err;

	wait_while_told();
	err = error_in(requests);
	if (req->argsz != sizeof(*req) || req->flags || req->tvm_arch)
		err = -EBADR;
	req->tsm_code = 0xfedcba9876543210 + req->scope;
	errno = err < 0 ? -err : err;
	if (err)
		return -1;
	for (uint32_t i = 0; i < n; i++)
		out[i] = ~in[i];
	return (int)(req->resp_len - n);
}

static bool may_issue_others(int fd, unsigned long request)
{
	for (unsigned long other = TSM_BIND; other <= TSM_REQ; other++)
		if (other != request && (!real_ioctl(fd, other, NULL) || errno != EPERM))
			return true;
	return false;
}

int ioctl(int fd, unsigned long request, ...)
{
	va_list ap;
	void *arg;
	int err;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	if (request == others && may_issue_others(fd, request))
		__builtin_trap();
	if (requests && request == TSM_REQ)
		return pass_request(arg);
	if (!bind_fails || request != TSM_BIND)
		return real_ioctl(fd, request, arg);
	err = error_in(bind_fails);
	errno = err < 0 ? -err : err;
	return -1;
}
