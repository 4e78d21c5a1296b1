// SPDX-License-Identifier: GPL-2.0-or-later
/* Plays a host on which everything is slow: each look at the clock takes two seconds. */
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t id, struct timespec *now)
{
	static time_t slept;
	/* the sanitizers look at the clock before dlsym() can be called */
	int ret = (int)syscall(SYS_clock_gettime, id, now);

	if (id == CLOCK_MONOTONIC) {
		slept += 2;
		now->tv_sec += slept;
	}
	return ret;
}
