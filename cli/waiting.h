/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Waits for another tsmctl, the kernel, a TSM or tsm-bind-helper. After two seconds, a line
 * on standard error names what is waited for, and how long the wait has taken.
 */
#ifndef TSMCTL_WAITING_H
#define TSMCTL_WAITING_H

#include <stdint.h>
#include <time.h>

#include "common/util.h"
#include "ctx.h"

/* No limit unless --timeout sets one. */
#define WAIT_FOREVER UINT32_MAX

/**
 * struct wait - one wait
 * @ctx: this run
 * @device: PCI address, or NULL
 * @what: what is waited for, as in "waiting for WHAT"
 * @began: when it began
 * @limit: seconds, or WAIT_FOREVER
 * @next: seconds after which the next line is printed
 * @least: milliseconds that it may take even if the time of --timeout is over
 * @seconds: how long it has taken so far
 * @refused: -ETIMEDOUT or -EINTR if that is why the step was not begun
 * @lost: the process that was to do the step could not be started or asked, or was killed
 * @shown: a line without a newline is on the terminal
 */
struct wait {
	struct ctx *ctx;
	const char *device;
	char what[256];
	struct timespec began;
	unsigned int limit;
	unsigned int next;
	unsigned int seconds;
	long least;
	int refused;
	bool lost;
	bool shown;
};

/**
 * wait_clock() - begin to count the seconds of --timeout
 * @ctx: this run
 *
 * Call before the work on a device.
 */
void wait_clock(struct ctx *ctx);

/**
 * wait_undo() - begin to undo what was done to a device
 * @ctx: this run
 *
 * The end of the time of --timeout or a signal may be the cause, and does not end the undo.
 * The undo has the time of --timeout again, and at least 60 seconds. A second signal ends it.
 * wait_clock() ends this state.
 */
void wait_undo(struct ctx *ctx);

/**
 * wait_begin() - begin a wait
 * @w: the wait; its strings must live as long
 * @ctx: this run
 * @device: PCI address, or NULL
 * @usual: seconds to wait without --timeout, or WAIT_FOREVER
 * @fmt: what is waited for, as for printf, as in "waiting for ..."
 *
 * From now on, signals stay pending, except under --dry-run, see interrupt.h. wait_step()
 * looks for them.
 */
void wait_begin(struct wait *w, struct ctx *ctx, const char *device, unsigned int usual,
		const char *fmt, ...) PRINTF_LIKE(5, 6);

/**
 * wait_may_step() - whether to begin a step of a change
 * @w: the wait for it, begun
 *
 * A step must not begin when the time is over, or when a signal is pending and the work on
 * the device has taken two seconds. A step that has begun gets at least a second.
 *
 * Return: 0, -ETIMEDOUT or -EINTR; see wait_why().
 */
int wait_may_step(struct wait *w);

/**
 * wait_why() - what an error of a step means, in words
 * @w: the wait for the step
 * @err: negative errno
 *
 * Return: as strerror(3), except for a step that was not begun.
 */
const char *wait_why(const struct wait *w, int err);

/**
 * wait_step() - wait a moment
 * @w: the wait
 * @fd: a file that becomes readable at its end, or -1
 *
 * Return: 1 if @fd is readable, 0 to go on; -ETIMEDOUT when the time is over; -EINTR if a
 * signal is pending and the wait has taken two seconds.
 */
int wait_step(struct wait *w, int fd);

/**
 * wait_look() - whether a wait is over, without waiting
 * @w: the wait
 *
 * Return: as wait_step(), but never 1.
 */
int wait_look(struct wait *w);

/**
 * wait_for() - wait until a file is readable
 * @w: the wait
 * @fd: a file that becomes readable at its end
 *
 * Return: 0, -ETIMEDOUT or -EINTR.
 */
int wait_for(struct wait *w, int fd);

/**
 * wait_end() - end a wait, and remove its line from the terminal
 * @w: the wait
 */
void wait_end(struct wait *w);

/**
 * wait_given_up() - write the message that a wait was given up
 * @w: the wait
 * @err: what wait_for() returned
 * @text: out, as "gave up after 5 s of waiting for ..."
 * @size: of @text
 */
void wait_given_up(const struct wait *w, int err, char *text, size_t size);

#endif
