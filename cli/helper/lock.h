/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Locks in the run directory: one holder for each device. */
#ifndef TSM_HELPER_LOCK_H
#define TSM_HELPER_LOCK_H

#include "helper/session.h"

/**
 * lock_file() - take a lock, and write this process ID into the lock file
 * @dir: directory, from run_dir_open()
 * @name: the file; it is emptied, but not removed, when the lock is released
 * @path: path of the file, for @fault
 * @other: out, the process that has the lock, if another one has it
 * @fault: out, why the file is not trusted
 *
 * Return: a descriptor, -EBUSY if another process has it, -EPERM or -ELOOP with @fault
 * filled in, or negative errno.
 */
int lock_file(int dir, const char *name, const char *path, unsigned int *other,
	      struct trust_fault *fault);

/**
 * lock_device() - make sure that no other holder has the device
 * @s: session; @s->lock is opened, or @s->other is set to the process that has the lock
 *
 * Return: 0, -EBUSY if another holder has the device, or negative errno.
 */
int lock_device(struct session *s);

/**
 * lock_take_over() - write this process ID into the lock that another helper has passed
 * @s: session, with @s->lock and @s->pid_file from that helper
 *
 * Return: 0 or negative errno.
 */
int lock_take_over(struct session *s);

/**
 * unlock_device() - release that lock, after everything else
 * @s: session
 */
void unlock_device(struct session *s);

#endif
