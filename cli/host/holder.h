/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Asks tsm-bind-helper to give back one of the devices that it holds. */
#ifndef TSMCTL_HOLDER_H
#define TSMCTL_HOLDER_H

#include "host/pci.h"
#include "waiting.h"

/* Room for what the holder reports */
#define HOLDER_WHY_LEN 256

/**
 * holder_give_back() - have a holder unbind and close a device, and wait until it has
 * @ctx: this run
 * @dev: the device
 * @w: the wait, begun
 * @pidfd: the holder
 * @why: out, HOLDER_WHY_LEN bytes: what the holder reports, if that is a failure, or ""
 *
 * The holder keeps its other devices. A holder without a control socket, which has one device,
 * gets SIGTERM, and the function waits for its end.
 *
 * Return: 0; -ETIMEDOUT or -EINTR from the wait; -EIO with @why filled in; or negative errno.
 */
int holder_give_back(const struct ctx *ctx, const struct pci_device *dev, struct wait *w, int pidfd,
		     char *why);

#endif
