// SPDX-License-Identifier: GPL-2.0-or-later
/* The last operations of each thread, and the counts of all of them. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "attack.h"

static struct record *current(struct thread *t)
{
	return &t->ring[t->operation % RING];
}

/* Notes parameters of the operation that has begun. */
void note(struct thread *t, const char *format, ...)
{
	struct record *r = current(t);
	size_t used = strlen(r->text);
	va_list args;

	va_start(args, format);
	vsnprintf(r->text + used, sizeof(r->text) - used, format, args);
	va_end(args);
}

void record_begin(struct thread *t, uint64_t operation, unsigned int attack)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	t->began = now.tv_sec;
	t->operation = operation;
	*current(t) = (struct record){
		.operation = operation,
		.attack = attack,
		.bound = looks_bound,
	};
}

void record_end(struct thread *t, int answer)
{
	struct record *r = current(t);
	unsigned int error = answer < 0 ? -answer : 0;

	r->answer = -error;
	r->finished = true;
	t->answers[r->attack][r->bound][error < MAX_ERRNO ? error : MAX_ERRNO - 1]++;
	t->finished++;
}

const char *answer_name(int answer)
{
	return answer ? strerrorname_np(-answer) ?: "E?" : "OK";
}

/* Prints the last operations of every thread. The threads go on meanwhile. */
void record_print(void)
{
	for (unsigned int i = 0; i < nr_threads; i++) {
		struct thread *t = threads[i];
		uint64_t last = t->operation;

		printf("thread %u, the last operations:\n", i);
		for (uint64_t n = last < RING ? 1 : last - RING + 1; n <= last; n++) {
			const struct record *r = &t->ring[n % RING];

			if (r->operation != n)
				continue;
			printf("  %u.%llu %s %s%s = %s\n", i, (unsigned long long)n,
			       r->bound ? "bound" : "open ", attacks[r->attack].name, r->text,
			       r->finished ? answer_name(r->answer) : "(not back)");
		}
	}
	fflush(stdout);
}

/* Prints the failure and the seed, and ends the program. */
void fail(const char *format, ...)
{
	static pthread_mutex_t once = PTHREAD_MUTEX_INITIALIZER;
	va_list args;

	pthread_mutex_lock(&once);
	printf("FAILED: ");
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\nseed %#llx, %u threads\n", (unsigned long long)seed, nr_threads);
	record_print();
	/* The other threads may be anywhere, with any locks. */
	_exit(1);
}

static void summary_line(unsigned int attack, int bound)
{
	unsigned int sums[MAX_ERRNO] = { 0 }, all = 0;

	for (unsigned int i = 0; i < nr_threads; i++) {
		for (int error = 0; error < MAX_ERRNO; error++) {
			sums[error] += threads[i]->answers[attack][bound][error];
			all += threads[i]->answers[attack][bound][error];
		}
	}

	printf("%-20s %-7s %7u ", bound ? "" : attacks[attack].name, bound ? "bound" : "unbound",
	       all);
	for (int error = 0; error < MAX_ERRNO; error++) {
		if (sums[error])
			printf(" %s %u", answer_name(-error), sums[error]);
	}
	printf("\n");
}

/* Prints how often each attack was tried, and its results. */
void record_summary(void)
{
	printf("%-20s %-7s %7s  %s\n", "ATTACK", "WHILE", "TIMES", "ANSWERS");
	for (unsigned int i = 0; i < nr_attacks(); i++) {
		if (!weights[i])
			continue;
		summary_line(i, 0);
		summary_line(i, 1);
	}
}
