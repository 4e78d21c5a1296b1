// SPDX-License-Identifier: GPL-2.0-or-later
/* Ends a process when its client is gone, see watch.h. */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <unistd.h>

#include "common/exitcode.h"
#include "helper/service/watch.h"

static short events_of(int fd, int timeout)
{
	/* poll() always reports POLLHUP and POLLERR */
	struct pollfd pfd = { .fd = fd };

	while (poll(&pfd, 1, timeout) < 0 && errno == EINTR)
		;
	return pfd.revents;
}

int watch_gone(int fd)
{
	return events_of(fd, 0) ? -EPIPE : 0;
}

/* Ends all threads, except those in a wait that cannot be interrupted. */
static void *wait_for_end(void *arg)
{
	if (events_of((int)(intptr_t)arg, -1))
		_exit(EXIT_FAILED);
	return NULL;
}

int watch_start(int fd)
{
	pthread_attr_t attr;
	pthread_t thread;
	int ret = pthread_attr_init(&attr);

	if (ret)
		return -ret;
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	ret = pthread_create(&thread, &attr, wait_for_end, (void *)(intptr_t)fd);
	pthread_attr_destroy(&attr);
	return -ret;
}
