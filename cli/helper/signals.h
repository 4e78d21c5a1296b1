/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Signals that ask for an end. */
#ifndef TSM_HELPER_SIGNALS_H
#define TSM_HELPER_SIGNALS_H

#include <stdbool.h>

/**
 * signals_watch() - have signals that ask for an end read from a file
 * @children: also the one that tells of a child's end
 *
 * Return: a signalfd for the caller to close, or negative errno.
 */
int signals_watch(bool children);

#endif
