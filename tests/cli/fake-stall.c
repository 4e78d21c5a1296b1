// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a user's own file system does to those who close its files, what a host that is
 * short of processes and files does, and a driver that refuses to bind: preloaded into
 * tsm-bind-helper.
 *
 * STALL	children do not get to their end
 * FORK_FAILS	how often fork() fails at first
 * PIPE_FAILS	how often pipe2() does
 * TOKENERS	how many documents of JSON there is memory for
 * BIND_FAILS	file that contains the errno of each bind, as last_error does
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define TSM_BIND _IO(VFIO_TYPE, VFIO_BASE + 22)

static bool stall;
static int fork_fails, pipe_fails, tokeners;
static const char *bind_fails;
static int (*real_ioctl)(int fd, unsigned long request, ...);

__attribute__((constructor)) static void look(void)
{
	stall = getenv("STALL");
	fork_fails = atoi(getenv("FORK_FAILS") ?: "0");
	pipe_fails = atoi(getenv("PIPE_FAILS") ?: "0");
	tokeners = atoi(getenv("TOKENERS") ?: "1000000");
	bind_fails = getenv("BIND_FAILS");
	real_ioctl = (__typeof__(real_ioctl))dlsym(RTLD_NEXT, "ioctl");
}

void _exit(int status)
{
	while (stall)
		poll(NULL, 0, -1);
	((__typeof__(&_exit))dlsym(RTLD_NEXT, "_exit"))(status);
	__builtin_unreachable();
}

pid_t fork(void)
{
	errno = EAGAIN;
	return fork_fails-- > 0 ? -1 : ((__typeof__(&fork))dlsym(RTLD_NEXT, "fork"))();
}

int pipe2(int *fds, int flags)
{
	errno = EMFILE;
	return pipe_fails-- > 0 ? -1 : ((__typeof__(&pipe2))dlsym(RTLD_NEXT, "pipe2"))(fds, flags);
}

struct json_tokener *json_tokener_new_ex(int depth);

struct json_tokener *json_tokener_new_ex(int depth)
{
	return tokeners-- > 0 ?
		       ((__typeof__(&json_tokener_new_ex))dlsym(RTLD_NEXT, "json_tokener_new_ex"))(
			       depth) :
		       NULL;
}

int ioctl(int fd, unsigned long request, ...)
{
	char text[64] = "";
	va_list ap;
	void *arg;
	int file;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	if (!bind_fails || request != TSM_BIND)
		return real_ioctl(fd, request, arg);
	file = open(bind_fails, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (file < 0 || read(file, text, sizeof(text) - 1) < 0)
		return -1;
	close(file);
	errno = -atoi(text);
	return -1;
}
