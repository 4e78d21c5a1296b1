/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The mode hold: the stand-alone holder. */
#ifndef TSM_HELPER_HOLD_H
#define TSM_HELPER_HOLD_H

#include "helper/invocation.h"

/**
 * hold() - bind a device that nobody holds, and hold it until told to stop
 * @in: with a device
 *
 * Return: exit code.
 */
int hold(struct invocation *in);

#endif
