/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the host itself uses a device for: file systems, swap, members of dm, md, LVM
 * and btrfs, network interfaces, virtual functions. Processes are in owner.h.
 */
#ifndef TSMCTL_IN_USE_H
#define TSMCTL_IN_USE_H

#include "host/pci.h"

/* The attribute of results and errors that name the uses. */
#define IN_USE "in_use"

/**
 * struct host_use - the uses of a device
 * @count: how many were found
 * @text: the uses, with semicolons between them, printable; what does not fit is cut off
 * @hint: what ends the first of them
 */
struct host_use {
	unsigned int count;
	char text[512];
	char hint[160];
};

/**
 * in_use_find() - find what the host uses a device for
 * @ctx: this run
 * @dev: the device
 * @use: out
 *
 * Reads sysfs, /proc/self/mountinfo and /proc/swaps. TSMCTL_ROOT moves /proc. The
 * function sees file systems of other mount namespaces, but no network interfaces of
 * other network namespaces.
 *
 * Return: true if there is a use.
 */
bool in_use_find(struct ctx *ctx, const struct pci_device *dev, struct host_use *use);

/**
 * in_use_refuse() - report that the host uses a device, if it does
 * @ctx: this run
 * @dev: the device that is to be taken from its driver
 * @force: how the user can take it all the same, for the hint
 *
 * Return: 0 if the host does not use it, or -EBUSY, reported.
 */
int in_use_refuse(struct ctx *ctx, const struct pci_device *dev, const char *force);

#endif
