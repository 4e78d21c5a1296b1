/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The mode hold: the holder. */
#ifndef TSM_HELPER_HOLD_H
#define TSM_HELPER_HOLD_H

#include "helper/invocation.h"

/**
 * hold() - bind a device that is closed, and hold it until this process is stopped
 * @in: invocation with a device
 *
 * Return: exit code.
 */
int hold(struct invocation *in);

#endif
