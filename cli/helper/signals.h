/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Signals that end this process. */
#ifndef TSM_HELPER_SIGNALS_H
#define TSM_HELPER_SIGNALS_H

#include <stdbool.h>

/**
 * signals_watch() - have SIGTERM, SIGINT and SIGHUP read from a file
 * @children: also SIGCHLD
 *
 * Return: a signalfd for the caller to close, or negative errno.
 */
int signals_watch(bool children);

#endif
