/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The run directory, and the locks in it. */
#ifndef TSM_HELPER_LOCK_H
#define TSM_HELPER_LOCK_H

#include "helper/session.h"

/**
 * run_dir_open() - open a directory for lock files and sockets, or make it
 * @path: absolute path
 * @fault: out, why it is not trusted
 *
 * Return: a descriptor, -EPERM with @fault filled in if anybody else may write to
 * it, or negative errno.
 */
int run_dir_open(const char *path, struct trust_fault *fault);

/**
 * lock_file() - take a lock that has its owner's process ID in it
 * @dir: directory, from run_dir_open()
 * @name: file; it stays when the lock is let go, but empty
 * @other: out, the process that has it, if another has
 *
 * Return: a descriptor, -EBUSY if another process has it, or negative errno.
 */
int lock_file(int dir, const char *name, unsigned int *other);

/**
 * lock_take() - make sure that no other helper has the device
 * @s: session; @s->lock is opened, or @s->other says who has it
 *
 * Return: 0, -EBUSY if another helper has it, or negative errno.
 */
int lock_take(struct session *s);

/**
 * lock_drop() - let the lock go; last of all
 * @s: session
 */
void lock_drop(struct session *s);

#endif
