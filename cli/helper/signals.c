// SPDX-License-Identifier: GPL-2.0-or-later
/* Signals that end this process, see signals.h. */
#include <errno.h>
#include <signal.h>
#include <sys/signalfd.h>

#include "helper/signals.h"

int signals_watch(bool children)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	if (children)
		sigaddset(&set, SIGCHLD);
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return -errno;
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? -errno : fd;
}
