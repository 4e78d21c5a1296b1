/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the host itself uses a device for: file systems, swap, members of dm, md, LVM
 * and btrfs, network interfaces, consoles, watchdogs, mediated devices, the display, virtual
 * functions. For processes, see owner.h.
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
 * @hint: how to end the first of them
 * @must: one use must end, because the device cannot be assigned even by force; then @hint
 *	is about that use
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
 * @takes: the device is to be taken: also open its block devices exclusively (exclusive.h). A
 *	run that only shows a device must not, because a mount at that moment would fail
 * @use: out
 *
 * Reads sysfs, and /proc (mounts.h). What cannot be read counts as a use. Without @takes, or if
 * the caller may not open block devices, it finds only ext4, xfs, f2fs, erofs and btrfs in other
 * mount namespaces. It does not find a process that has a block device open in the ordinary way.
 *
 * Return: true if there is a use.
 */
bool in_use_find(struct ctx *ctx, const struct pci_device *dev, bool takes, struct host_use *use);

/**
 * in_use_refuse() - report that the host uses a device, if it does
 * @ctx: this run
 * @dev: the device that is to be detached from its driver
 * @force: how the user can assign it all the same, for the hint; NULL if the user has asked
 *	for that
 * @use: out, the uses
 *
 * Return: 0 if the host does not use it, or the user assigns it all the same; -EBUSY,
 * reported.
 */
int in_use_refuse(struct ctx *ctx, const struct pci_device *dev, const char *force,
		  struct host_use *use);

#endif
