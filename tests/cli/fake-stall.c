// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a user's own file system does to those who close its files, and what a host
 * that is short of processes and files does: preloaded into tsm-bind-helper.
 *
 * STALL	children do not get to their end
 * FORK_FAILS	how often fork() fails at first
 * PIPE_FAILS	how often pipe2() does
 */
#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

static bool stall;
static int fork_fails, pipe_fails;

__attribute__((constructor)) static void look(void)
{
	stall = getenv("STALL");
	fork_fails = atoi(getenv("FORK_FAILS") ?: "0");
	pipe_fails = atoi(getenv("PIPE_FAILS") ?: "0");
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
