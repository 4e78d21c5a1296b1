/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Attributes that may take the kernel long: a driver detaches only when a device is no longer
 * in use, and a TSM communicates with the device. No signal ends such a write. So a second
 * process, the writer, makes it, and this process can print what it waits for, and give up.
 * The writer is started for the first such attribute, and ends with this process, unless the
 * kernel keeps it. A read can be interrupted, and this process repeats it.
 */
#ifndef TSMCTL_SLOW_H
#define TSMCTL_SLOW_H

#include "host/attr.h"
#include "report.h"
#include "waiting.h"

/**
 * slow_write() - write an attribute, and wait for the kernel
 * @w: the wait, begun, with the device; ended here
 * @dirfd: directory
 * @where: path of the directory, for the trace only
 * @name: attribute, relative
 * @value: text without a newline
 *
 * Under --dry-run, it writes nothing, as attr_write().
 *
 * Return: 0 or negative errno, for wait_why(). If it was given up, @w->ctx->unfinished is
 * set, it counts as a change, and slow_report() must be called. A step that was not begun,
 * see wait_may_step(), is not given up.
 */
int slow_write(struct wait *w, int dirfd, const char *where, const char *name, const char *value);

/**
 * slow_read() - read an attribute, and wait for the kernel
 * @w: the wait, begun, with the device; ended here
 * @dirfd: directory
 * @name: attribute, relative
 * @buf: out, ATTR_MAX bytes; "" on failure
 *
 * Under --dry-run, it waits for one second. After a read that was given up, later reads of
 * this run fail unless they succeed at once.
 *
 * Return: 0 or negative errno; -EBUSY if it did not wait. If it was given up, -ETIMEDOUT or
 * -EINTR, @w->ctx->gave_up is set, and slow_report() must be called.
 */
int slow_read(struct wait *w, int dirfd, const char *name, char *buf);

/* Hints for a roll-back that failed, and for one that the kernel has not ended. */
#define SHOW_HINT "'tsmctl show @' shows what it is now"
#define SHOW_LATER_HINT "'tsmctl show @' shows what it is when that process has ended"

/**
 * slow_report() - report a step or a read that was given up
 * @w: the wait
 * @p: the error; its hint names what is left, and what to do about it
 *
 * A step on which the kernel still works counts as a change.
 *
 * Return: @p->err, for the caller to return.
 */
int slow_report(const struct wait *w, const struct problem *p);

/**
 * slow_done() - end the writer, if it waits for nothing
 */
void slow_done(void);

#endif
