// SPDX-License-Identifier: GPL-2.0-or-later
/* The command line, the threads, and the counts. */
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "liar.h"

volatile bool done;
volatile unsigned int faults;

void fault(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("fault: ", stdout);
	vprintf(format, args);
	putchar('\n');
	va_end(args);
	__atomic_add_fetch(&faults, 1, __ATOMIC_RELAXED);
}

void count(struct count *count, bool ok)
{
	__atomic_add_fetch(ok ? &count->ok : &count->failed, 1, __ATOMIC_RELAXED);
}

static void print(const struct count *counts)
{
	for (; counts->what; counts++)
		printf("%-12s %lu ok, %lu failed\n", counts->what, counts->ok, counts->failed);
}

int main(int argc, char **argv)
{
	static void *(*const threads[])(void *) = { firmware_run, firmware_disturb, user_run };
	uint64_t seeds[sizeof(threads) / sizeof(*threads)];
	pthread_t ids[sizeof(threads) / sizeof(*threads)];

	if (argc != 4) {
		fputs("usage: tsm-liar ADDR SEED SECONDS\n", stderr);
		return 2;
	}
	user_begin(argv[1]);
	for (size_t i = 0; i < sizeof(threads) / sizeof(*threads); i++) {
		seeds[i] = strtoull(argv[2], NULL, 0) * 1000 + i;
		if (pthread_create(&ids[i], NULL, threads[i], &seeds[i])) {
			perror("tsm-liar");
			return 1;
		}
	}
	sleep((unsigned int)atoi(argv[3]));
	done = true;
	for (size_t i = sizeof(threads) / sizeof(*threads); i--;)
		pthread_join(ids[i], NULL);
	print(firmware_counts);
	print(user_counts);
	printf("%u faults\n", faults);
	return !!faults;
}
