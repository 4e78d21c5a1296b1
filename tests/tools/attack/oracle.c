// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Asks the simulated TSM whether each TDI is as it was locked. The TSM compares when it is
 * asked, and when the TDI is unlocked. The counters of a TDI that is unlocked and
 * disconnected at once are gone, so this also reads the kernel log.
 *
 * A device that is `lost` without a disconnect of the TSM is also a failure: the driver
 * unbinds before a reset that it could not refuse, so the simulated TSM does not see
 * such resets. Resets by root that had begun when the bind began are allowed: the PCI core
 * checks whether it may reset before it waits for the device lock. So such a reset was
 * permitted, and comes when the function is bound.
 *
 * books.c compares the state of the driver with that of the TSM.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "attack.h"

atomic_bool looks_bound;
atomic_int letting_go;
struct excuse disconnects, forces, resets, binds, unbinds, rebinds, steals;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_t thread;
static atomic_bool stop;
static int kmsg = -1;
static char log_line[1024];
/* at the last look, under the lock */
static unsigned int looks, looks_while_bound, losses_let_pass;

void excuse_begin(struct excuse *excuse)
{
	excuse->begun++;
}

void excuse_end(struct excuse *excuse)
{
	excuse->ended++;
}

/*
 * Whether no such operation was at work from @since, which this sets anew, to now. @before
 * is how many had begun before the values to be judged were read. Operations that began
 * after that also excuse the next look.
 */
static bool quiet_since(struct excuse *excuse, unsigned int *since, unsigned int before)
{
	/* In this order, an operation that ends in between counts as at work. */
	unsigned int ended = excuse->ended, begun = excuse->begun;
	bool quiet = begun == ended && begun == *since;

	*since = before;
	return quiet;
}

/*
 * Reads the new lines of the kernel log. Returns true if a TDI of these functions went to
 * ERROR. The last such line stays in @log_line.
 */
static bool read_log(void)
{
	char line[1024];
	ssize_t length;
	bool found = false;

	/* EPIPE: some lines were overwritten, and the next read goes on after them. */
	while ((length = read(kmsg, line, sizeof(line) - 1)) > 0 || errno == EPIPE) {
		if (length <= 0)
			continue;
		line[length] = '\0';
		if (!strstr(line, "TDI in ERROR"))
			continue;
		for (unsigned int i = 0; i < nr_functions; i++) {
			if (!strstr(line, functions[i].addr))
				continue;
			memcpy(log_line, line, length + 1);
			found = true;
		}
	}
	return found;
}

/* A TDI that was unlocked since has no registers now, but the log has the changed one. */
static void fail_violation(const struct function *f)
{
	char regs[4096] = "";

	read_sim(f, "regs", regs, sizeof(regs));
	fail("the TSM saw a violation: %slocked and present registers of %s:\n%s", log_line,
	     f->addr, regs);
}

static void look_at_violations(struct function *f)
{
	unsigned int before = forces.begun;
	char text[64];
	unsigned long count;
	bool quiet;

	if (read_sim(f, "violations", text, sizeof(text)) < 0)
		return; /* disconnected */
	quiet = quiet_since(&forces, &f->forces_then, before);
	count = strtoul(text, NULL, 10);
	if (count > f->violations && quiet) {
		read_log();
		fail_violation(f);
	}
	f->violations = count; /* a disconnect sets it to 0 */
}

/* @was_bound and the counters are of the last state that was seen. */
static void look_at_state(struct function *f)
{
	char state[64], reason[64] = "unknown\n";
	unsigned int before = binds.begun;
	bool quiet, lost, bound;

	if (function_read(f, "state", state, sizeof(state)) < 0) {
		/* Without a driver it cannot be open. */
		f->was_bound = false;
		if (f == functions)
			looks_bound = false;
		return;
	}
	quiet = quiet_since(&binds, &f->binds_then, before);
	/*
	 * Compare with that bind, not with the last look: the driver also shows "bound"
	 * while it waits for the TSM to unbind a disconnected TDI.
	 */
	quiet &= disconnects.begun == f->disconnects_at_bind && steals.begun == f->steals_at_bind;
	bound = !strcmp(state, "bound\n");
	lost = !strcmp(state, "lost\n");
	if (f == functions) {
		looks_bound = bound;
		looks++;
		looks_while_bound += bound;
	}
	if (lost && f->was_bound && f->reset_at_bind) {
		losses_let_pass++;
	} else if (lost && f->was_bound && quiet && !forces.begun) {
		function_read(f, "last_unbind", reason, sizeof(reason));
		fail("the TDI of %s was lost, and was not disconnected; reason: %s", f->addr,
		     reason);
	}
	f->was_bound = bound;
}

/* A bind has succeeded. Notes what excuses a loss from now on. */
void function_bound(struct function *f, bool reset, unsigned int disconnects_before,
		    unsigned int steals_before)
{
	f->reset_at_bind = reset;
	f->disconnects_at_bind = disconnects_before;
	f->steals_at_bind = steals_before;
}

static void look(void)
{
	if (read_log() && !forces.begun)
		fail_violation(functions);
	for (unsigned int i = 0; i < nr_functions; i++) {
		look_at_violations(&functions[i]);
		look_at_state(&functions[i]);
		look_at_books(&functions[i]);
	}
}

/* If another thread is looking at this moment, that is enough. */
void oracle_look(void)
{
	if (pthread_mutex_trylock(&lock))
		return;
	look();
	pthread_mutex_unlock(&lock);
}

/*
 * Sees what was done before the call: a look of another thread may have begun earlier, so this
 * waits for its end.
 */
void oracle_look_after(void)
{
	pthread_mutex_lock(&lock);
	look();
	pthread_mutex_unlock(&lock);
}

/* This thread is also the owner that closes the device when its driver waits for that. */
static void *run(void *unused)
{
	const struct timespec pause = { .tv_nsec = 5000000 };

	while (!stop) {
		oracle_look();
		if (letting_go) {
			device_close(&victim, 0);
			device_close(&sibling, 0);
		}
		nanosleep(&pause, NULL);
	}
	return unused;
}

void oracle_start(void)
{
	char text[64];

	kmsg = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (kmsg < 0 || lseek(kmsg, 0, SEEK_END) < 0)
		fail("/dev/kmsg: %s", answer_name(-errno));
	if (read_sim(functions, "violations", text, sizeof(text)) < 0)
		fail("%s is not connected to the simulated TSM", victim.addr);
	for (unsigned int i = 0; i < nr_functions; i++) {
		if (read_sim(&functions[i], "violations", text, sizeof(text)) > 0)
			functions[i].violations = strtoul(text, NULL, 10);
	}
	if (pthread_create(&thread, NULL, run, NULL))
		fail("cannot start a thread");
}

/* All other threads have ended. Changes that are on their way must end, or this fails. */
void oracle_stop(void)
{
	const struct timespec pause = { .tv_nsec = 5000000 };

	stop = true;
	pthread_join(thread, NULL);
	oracle_look();
	while (!books_agree()) {
		nanosleep(&pause, NULL);
		oracle_look();
	}
}

void oracle_summary(void)
{
	printf("bound at %u of %u looks; lost %u times to a reset that had begun before the bind\n",
	       looks_while_bound, looks, losses_let_pass);
	books_summary();
}
