/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writes what this program has changed to the journal of the host. */
#ifndef TSMCTL_JOURNAL_H
#define TSMCTL_JOURNAL_H

#include "report.h"

/* What "journalctl -t" and tsmctl events look for. */
#define JOURNAL_IDENTIFIER "tsmctl"

/**
 * journal_path() - where a file of the journal is
 * @ctx: this run
 * @name: absolute path on a host
 * @path: out; below TSMCTL_ROOT if sysfs or configfs is moved
 * @size: of @path
 *
 * Return: false if sysfs is moved and TSMCTL_ROOT is not set, or @path is too short.
 */
bool journal_path(const struct ctx *ctx, const char *name, char *path, size_t size);

/**
 * journal_change() - write a change to the journal
 * @ctx: this run, not under --dry-run
 * @o: the change
 *
 * Writes one entry with the fields of tsmctl-events(8). journald adds the user and the
 * process. Without a journal, it writes and reports nothing. If the journal does not accept
 * an entry within 100 ms, it prints a note on standard error, and this run writes no more
 * entries.
 */
void journal_change(const struct ctx *ctx, const struct outcome *o);

/**
 * journal_problem() - write a change that ended in an error to the journal
 * @ctx: this run, not under --dry-run
 * @p: the error; the present value of the attribute is not certain
 * @message: its message
 *
 * As journal_change(), with TSM_ERRNO instead of the values.
 */
void journal_problem(const struct ctx *ctx, const struct problem *p, const char *message);

#endif
