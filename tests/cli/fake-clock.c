// SPDX-License-Identifier: GPL-2.0-or-later
/* Plays a host on which everything is slow: each look at the clock takes two seconds. */
#include <dlfcn.h>
#include <time.h>

int clock_gettime(clockid_t id, struct timespec *now)
{
	static int (*real)(clockid_t, struct timespec *);
	static time_t slept;
	int ret;

	if (!real)
		real = (__typeof__(real))dlsym(RTLD_NEXT, "clock_gettime");
	ret = real(id, now);
	if (id == CLOCK_MONOTONIC) {
		slept += 2;
		now->tv_sec += slept;
	}
	return ret;
}
