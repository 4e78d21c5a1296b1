/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the helper can be asked to do; each answers the exit code. */
#ifndef TSM_HELPER_MODES_H
#define TSM_HELPER_MODES_H

#include "helper/session.h"

/**
 * struct invocation - what the command line says
 * @s: the device, with nothing open
 * @listen: absolute path of the service's socket; NULL takes systemd's
 * @config: absolute path of the service's configuration; NULL takes RULES_PATH, if it is there
 */
struct invocation {
	struct session s;
	const char *listen;
	const char *config;
};

/**
 * watch_signals() - have signals that ask for an end read from a file
 * @children: also the one that tells of a child's end
 *
 * Return: a signalfd for the caller to close, or negative errno.
 */
int watch_signals(bool children);

/**
 * hold() - bind a device that nobody holds, and hold it until told to stop
 * @in: with a device
 *
 * Return: exit code.
 */
int hold(struct invocation *in);

/**
 * pid_bind() - bind a device on the file of the process that holds it
 * @in: with a device, and the process
 *
 * Return: exit code.
 */
int pid_bind(struct invocation *in);

/**
 * pid_unbind() - unbind it in the same way
 * @in: as for pid_bind()
 *
 * Return: exit code.
 */
int pid_unbind(struct invocation *in);

/**
 * serve() - answer clients on a socket until told to stop
 * @in: with what it listens on
 *
 * Return: exit code.
 */
int serve(struct invocation *in);

#endif
