/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the helper takes from itself: surroundings, capabilities, system calls. */
#ifndef TSM_HELPER_SANDBOX_H
#define TSM_HELPER_SANDBOX_H

#include <stddef.h>

/* Who has a system call; bits, for the tables. */
enum sandbox_role {
	SANDBOX_HOLD = 1 << 0, /* holds a device that is bound */
	SANDBOX_PID = 1 << 1, /* uses a VMM's file */
	SANDBOX_SERVE = 1 << 2, /* takes clients */
	SANDBOX_CLIENT = 1 << 3, /* hears one of them */
	/* does for it what it has asked for, and nothing else */
	SANDBOX_BIND = 1 << 4,
	SANDBOX_UNBIND = 1 << 5,
	SANDBOX_STATE = 1 << 6,
	SANDBOX_REQUEST = 1 << 7,
};

/**
 * sandbox_start() - leave the caller's surroundings behind; first of all
 * @keep: descriptors to keep, from 3 on, of which later programs get none
 *
 * Environment, other descriptors, directory, core dumps, a look inside by others of
 * the same user: all of that is gone afterwards, and no privilege can be gained.
 *
 * Return: 0 or negative errno.
 */
int sandbox_start(unsigned int keep);

/**
 * sandbox_caps() - drop capabilities, for good
 * @keep: those to keep, as far as they are there
 * @count: how many
 *
 * Return: 0 or negative errno.
 */
int sandbox_caps(const unsigned int *keep, size_t count);

/**
 * sandbox_filter() - allow a role's system calls only; others answer EPERM
 * @role: the role; a second call narrows further
 *
 * Return: 0 or negative errno.
 */
int sandbox_filter(enum sandbox_role role);

#endif
