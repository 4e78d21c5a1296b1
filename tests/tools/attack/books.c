// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The books of the driver and of the simulated TSM must agree: a function is `bound` if,
 * and only if, its TDI is locked or runs. Its origin is `foreign` if, and only if, the TDI
 * has the ID of other_bind.
 *
 * Both are read several times, in turn. Only values of one moment are compared: the TSM's
 * state and number of binds were the same before and after the driver's state was read,
 * and so was the driver's generation. The books may differ only while a change is on its
 * way:
 *
 *	locked, and `lost`		PCI/TSM has yet to unbind it
 *	locked, and not `bound`		a bind is at work
 *	not locked, and `bound`		an unbind, a close or a disconnect is at work
 *	unlocked, and `bound`		for any time, in the generations of a STOP
 *	locked, and `quarantined`	for any time
 *
 * The driver looks at the TSM at each read of its state, so it never shows a TDI that is gone.
 * Each difference ends, or becomes another one, within half a minute.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "attack.h"

#define PATIENCE 30 /* seconds */
#define FOREIGN_ID "0x4242\n"

struct books {
	/* of the TSM */
	char tdisp[32], binds[16], tdi[16];
	/* of the driver; empty if it does not have the function */
	char state[32], origin[16], generation[24];
};

static unsigned int compared, unsteady, differed, foreign_seen, stopped;

int read_sim(const struct function *f, const char *name, char *text, size_t size)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/kernel/debug/tsm_sim/%s/%s", f->addr, name);
	return read_text(path, text, size);
}

static int read_sysfs(const struct function *f, const char *name, char *text, size_t size)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/vfio_tsm/%s", f->addr, name);
	return read_text(path, text, size);
}

static int read_config(const struct function *f, const char *name, char *text, size_t size)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/kernel/config/vfio_tsm/%s/tsm/%s", f->addr, name);
	return read_text(path, text, size);
}

/* Reads configfs, or sysfs if there is no directory. Returns a negative errno without a driver. */
int function_read(const struct function *f, const char *name, char *text, size_t size)
{
	int ret = read_config(f, name, text, size);

	return ret < 0 ? read_sysfs(f, name, text, size) : ret;
}

bool function_is_bound(const struct function *f)
{
	char text[32] = "";

	return function_read(f, "state", text, sizeof(text)) > 0 && !strcmp(text, "bound\n");
}

bool function_has_driver(const struct function *f)
{
	char text[32] = "";

	return read_sysfs(f, "state", text, sizeof(text)) > 0;
}

static bool is_locked(const struct books *b)
{
	return !strcmp(b->tdisp, "CONFIG_LOCKED\n") || !strcmp(b->tdisp, "RUN\n");
}

static bool is_bound(const struct books *b)
{
	return !strcmp(b->state, "bound\n");
}

/* The guest has stopped the TDI, and the VMM has not unbound it yet. */
static bool is_stopped(const struct function *f, const struct books *b)
{
	return f == functions && is_bound(b) && !strcmp(b->tdisp, "CONFIG_UNLOCKED\n") &&
	       strcmp(b->origin, "foreign\n") && was_stopped(strtoull(b->generation, NULL, 10));
}

/* Reads configfs and sysfs in turn. Returns false if something has changed meanwhile. */
static bool read_books(struct function *f, struct books *b)
{
	int (*read_driver)(const struct function *f, const char *name, char *text, size_t size) =
		f->looks++ % 2 ? read_sysfs : function_read;
	struct books again = { 0 };

	*b = (struct books){ 0 };
	if (read_sim(f, "binds", b->binds, sizeof(b->binds)) < 0 ||
	    read_sim(f, "state", b->tdisp, sizeof(b->tdisp)) < 0)
		return false;
	read_sim(f, "tdi_id", b->tdi, sizeof(b->tdi));
	if (read_driver(f, "generation", b->generation, sizeof(b->generation)) < 0)
		b->generation[0] = '\0';
	if (read_driver(f, "state", b->state, sizeof(b->state)) < 0)
		b->state[0] = '\0';
	if (read_driver(f, "origin", b->origin, sizeof(b->origin)) < 0)
		b->origin[0] = '\0';
	if (read_driver(f, "generation", again.generation, sizeof(again.generation)) < 0)
		again.generation[0] = '\0';
	read_sim(f, "state", again.tdisp, sizeof(again.tdisp));
	read_sim(f, "binds", again.binds, sizeof(again.binds));

	return !strcmp(b->binds, again.binds) && !strcmp(b->tdisp, again.tdisp) &&
	       !strcmp(b->generation, again.generation);
}

/* A change that can be on its way, as it was before the books were read */
struct at_work {
	struct excuse *what;
	unsigned int begun;
	bool busy;
};

static void begin(struct at_work *work)
{
	unsigned int ended = work->what->ended;

	work->begun = work->what->begun;
	work->busy = work->begun != ended;
}

static bool was_at_work(const struct at_work *work)
{
	return work->busy || work->what->begun != work->begun;
}

static bool any_was(const struct at_work *work, unsigned int count)
{
	bool any = false;

	while (count--)
		any |= was_at_work(&work[count]);
	return any;
}

static bool is_closing(const struct function *f)
{
	const struct device *d = device_of(f);

	return d && !d->opened;
}

static void fail_books(const struct function *f, const struct books *b, const char *why)
{
	fail("%s: the books differ%s\nthe TSM: %sbinds %sTDI %sthe driver: %sorigin %sgeneration %s",
	     f->addr, why, b->tdisp, b->binds, b->tdi, b->state[0] ? b->state : "no state\n",
	     b->origin[0] ? b->origin : "none\n", b->generation);
}

/* Each difference must end, or become another one, in time. */
static void differs(struct function *f, const struct books *b)
{
	struct timespec now;
	char key[sizeof(f->difference)];

	clock_gettime(CLOCK_MONOTONIC, &now);
	snprintf(key, sizeof(key), "%s %s %s", b->binds, b->generation, b->state);
	if (!f->differs_since || strcmp(key, f->difference)) {
		f->differs_since = now.tv_sec;
		memcpy(f->difference, key, sizeof(key));
	}
	if (now.tv_sec - f->differs_since > PATIENCE)
		fail_books(f, b, ", for half a minute");
}

void look_at_books(struct function *f)
{
	struct at_work locking[] = { { .what = &binds },
				     { .what = &rebinds },
				     { .what = &forces } };
	struct at_work unlocking[] = { { .what = &unbinds },
				       { .what = &disconnects },
				       { .what = &steals },
				       { .what = &rebinds },
				       { .what = &forces } };
	bool closing = is_closing(f), excused;
	struct books b;

	for (unsigned int i = 0; i < sizeof(locking) / sizeof(*locking); i++)
		begin(&locking[i]);
	for (unsigned int i = 0; i < sizeof(unlocking) / sizeof(*unlocking); i++)
		begin(&unlocking[i]);

	compared++;
	if (!read_books(f, &b)) {
		unsteady++;
		return;
	}
	foreign_seen += !strcmp(b.origin, "foreign\n");
	/* look_at_violations() checks whether that is a failure. */
	if (!strcmp(b.tdisp, "ERROR\n"))
		return;
	if (always_bound && f == functions && !(is_bound(&b) && is_locked(&b)))
		fail_books(f, &b, " from what was asked for");
	if (is_bound(&b) == is_locked(&b) || (is_locked(&b) && !strcmp(b.state, "quarantined\n"))) {
		f->differs_since = 0;
		if (is_bound(&b) && !strcmp(b.origin, "foreign\n") != !strcmp(b.tdi, FOREIGN_ID))
			fail_books(f, &b, " in its origin");
		return;
	}

	if (is_stopped(f, &b)) {
		stopped++;
		f->differs_since = 0;
		return;
	}
	differed++;
	if (is_locked(&b))
		excused = !strcmp(b.state, "lost\n") ||
			  any_was(locking, sizeof(locking) / sizeof(*locking));
	else
		excused = closing || is_closing(f) ||
			  any_was(unlocking, sizeof(unlocking) / sizeof(*unlocking));
	if (!excused)
		fail_books(f, &b, ", and nothing was at work");
	differs(f, &b);
}

/* Whether the last look found no difference */
bool books_agree(void)
{
	bool agree = true;

	for (unsigned int i = 0; i < nr_functions; i++)
		agree &= !functions[i].differs_since;
	return agree;
}

/*
 * Returns how often the looks have found @what, and sets @by to the attack that causes it.
 * Returns NULL if they do not look for @what.
 */
const unsigned int *books_seen(const char *what, const char **by)
{
	if (!strcmp(what, "stopped")) {
		*by = "request-stop";
		return &stopped;
	}
	*by = "foreign-bind";
	return strcmp(what, "foreign") ? NULL : &foreign_seen;
}

void books_summary(void)
{
	printf("books compared %u times: %u changed meanwhile, %u differed while something was at work; foreign at %u, stopped at %u\n",
	       compared, unsteady, differed, foreign_seen, stopped);
}
