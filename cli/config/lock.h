/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Locks between several tsmctl: files that nobody else can open, and so not lock either. */
#ifndef TSMCTL_LOCK_H
#define TSMCTL_LOCK_H

#include "ctx.h"

/**
 * lock_take() - take a lock, waiting for its holder
 * @ctx: this run; with neither --quiet nor --json, it is said who is waited for
 * @dir: directory, opened
 * @name: file in it, made if need be, of mode 0600; it has the holder's process ID
 * @path: both, for messages
 * @seconds: how long to wait for any one holder; another one is waited for anew
 *
 * Return: a file descriptor, which holds the lock until it is closed, or negative
 * errno, reported; -EBUSY if it took too long.
 */
int lock_take(struct ctx *ctx, int dir, const char *name, const char *path, unsigned int seconds);

#endif
