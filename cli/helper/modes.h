/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the helper can be asked to do; each answers the exit code. */
#ifndef TSM_HELPER_MODES_H
#define TSM_HELPER_MODES_H

#include "session.h"

/**
 * hold() - bind a device that nobody holds, and hold it until told to stop
 * @s: session, with nothing open
 *
 * Return: exit code.
 */
int hold(struct session *s);

/**
 * pid_bind() - bind a device on the file of the process that holds it
 * @s: session, with nothing open; @s->pid names the process
 *
 * Return: exit code.
 */
int pid_bind(struct session *s);

/**
 * pid_unbind() - unbind it in the same way
 * @s: as for pid_bind()
 *
 * Return: exit code.
 */
int pid_unbind(struct session *s);

#endif
