/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How the helper restricts itself: environment, capabilities, system calls. */
#ifndef TSM_HELPER_SANDBOX_H
#define TSM_HELPER_SANDBOX_H

#include <stddef.h>

/* Roles that may use a system call; bits, for the tables. */
enum sandbox_role {
	SANDBOX_HOLD = 1 << 0, /* holds a device that is bound */
	SANDBOX_PID = 1 << 1, /* uses a VMM's file */
	SANDBOX_SERVE = 1 << 2, /* accepts clients */
	SANDBOX_CLIENT = 1 << 3, /* reads the request of a client */
	/* the kinds of requests: each does only what its request needs */
	SANDBOX_BIND = 1 << 4,
	SANDBOX_UNBIND = 1 << 5,
	SANDBOX_STATE = 1 << 6,
	SANDBOX_REQUEST = 1 << 7,
};

/**
 * sandbox_start() - leave everything that came from the caller; before all else
 * @keep: how many descriptors to keep, from 3 on; an exec closes them
 *
 * Afterwards the environment is empty, all other descriptors are closed, the directory is /,
 * there are no core dumps, other processes of the same user cannot trace this one, and it
 * cannot gain privileges.
 *
 * Return: 0 or negative errno.
 */
int sandbox_start(unsigned int keep);

/**
 * sandbox_caps() - drop capabilities for good
 * @keep: capabilities to keep, if this process has them
 * @count: how many
 *
 * Return: 0 or negative errno.
 */
int sandbox_caps(const unsigned int *keep, size_t count);

/**
 * sandbox_filter() - allow only a role's system calls; others fail with EPERM
 * @role: the role; a second call can only allow less
 *
 * Return: 0 or negative errno.
 */
int sandbox_filter(enum sandbox_role role);

#endif
