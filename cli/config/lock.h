/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Locks between runs of tsmctl: files that other users cannot open, and so cannot lock.
 *
 * A run has the lock on at most one device at a time. It takes the lock of apply before that,
 * and the lock on a document last. So no two runs wait for each other.
 */
#ifndef TSMCTL_LOCK_H
#define TSMCTL_LOCK_H

#include "host/pci.h"

/**
 * lock_take() - take a lock; wait if another process has it
 * @ctx: this run
 * @dir: directory, opened
 * @name: file in it, created with mode 0600 if necessary; it contains the process ID
 * @path: path of the file, for messages
 * @seconds: how long to wait for one process; for the next process, the time begins again
 *
 * Return: a file descriptor, which keeps the lock until it is closed, or negative
 * errno, reported; -EBUSY if it took too long.
 */
int lock_take(struct ctx *ctx, int dir, const char *name, const char *path, unsigned int seconds);

/**
 * lock_run() - take a lock in the run directory
 * @ctx: this run, not under --dry-run
 * @name: name of its file
 * @seconds: as for lock_take()
 *
 * Return: as lock_take().
 */
int lock_run(struct ctx *ctx, const char *name, unsigned int seconds);

/**
 * lock_modules() - take the lock on the kernel modules
 * @ctx: this run; none is taken under --dry-run
 * @fd: out, for the caller to close; -1 if none is taken, as for lock_device()
 *
 * Return: 0, or negative errno, reported.
 */
int lock_modules(struct ctx *ctx, int *fd);

/**
 * lock_device() - take the lock on a device, and look at the device again
 * @ctx: this run; @ctx->device_lock is set
 * @dev: the device; opened again, because the process that had the lock may have changed it
 *
 * Waits for 60 seconds in all, or for --timeout. No lock is taken under --dry-run, or if
 * there is no place for the file in the run directory, which is noted once. None is taken
 * either if this user may not write there: the user may still be allowed to change the device.
 *
 * Return: 0, or negative errno, reported.
 */
int lock_device(struct ctx *ctx, struct pci_device *dev);

/**
 * unlock_device() - release the lock on a device
 * @ctx: this run
 * @dev: the device
 *
 * A step that was given up keeps the lock until the kernel has ended it.
 */
void unlock_device(struct ctx *ctx, const struct pci_device *dev);

#endif
