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
 * @must: a use that has to end, because the device cannot be taken even by force; then
 *	@hint ends that
 */
struct host_use {
	unsigned int count;
	char text[512];
	char hint[160];
	bool must;
};

/**
 * in_use_find() - find what the host uses a device for
 * @ctx: this run
 * @dev: the device
 * @use: out
 *
 * Reads sysfs, and /proc (mounts.h). What cannot be read counts as a use. In other mount
 * namespaces, ext4, xfs, f2fs, erofs and btrfs are seen, and not the other file systems.
 * A process that has a block device open is not seen, nor is a pool of ZFS.
 *
 * Return: true if there is a use.
 */
bool in_use_find(struct ctx *ctx, const struct pci_device *dev, struct host_use *use);

/**
 * in_use_refuse() - report that the host uses a device, if it does
 * @ctx: this run
 * @dev: the device that is to be taken from its driver
 * @force: how the user can take it all the same, for the hint; NULL if the user has said
 *	so
 * @use: out, the uses
 *
 * Return: 0 if the host does not use it, or the user takes it all the same; -EBUSY,
 * reported.
 */
int in_use_refuse(struct ctx *ctx, const struct pci_device *dev, const char *force,
		  struct host_use *use);

#endif
