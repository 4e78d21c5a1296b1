/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Locks in the run directory: one helper for each device. */
#ifndef TSM_HELPER_LOCK_H
#define TSM_HELPER_LOCK_H

#include "helper/session.h"

/**
 * lock_file() - take a lock that has its owner's process ID in it
 * @dir: directory, from run_dir_open()
 * @name: file; it stays when the lock is let go, but empty
 * @path: both, for @fault
 * @other: out, the process that has it, if another has
 * @fault: out, why it is not trusted
 *
 * Return: a descriptor, -EBUSY if another process has it, -EPERM or -ELOOP with @fault
 * filled in, or negative errno.
 */
int lock_file(int dir, const char *name, const char *path, unsigned int *other,
	      struct trust_fault *fault);

/**
 * lock_device() - make sure that no other helper has the device
 * @s: session; @s->lock is opened, or @s->other says who has it
 *
 * Return: 0, -EBUSY if another helper has it, or negative errno.
 */
int lock_device(struct session *s);

/**
 * unlock_device() - let that lock go; last of all
 * @s: session
 */
void unlock_device(struct session *s);

#endif
