/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether the kernel or a process has a block device for itself. */
#ifndef TSMCTL_EXCLUSIVE_H
#define TSMCTL_EXCLUSIVE_H

#include <stdbool.h>

#include "host/mounts.h"

/**
 * exclusive_is_open() - whether a block device is opened exclusively
 * @fd: its directory in sysfs
 * @b: the block device
 *
 * File systems, swap, volumes and their logs and journals open a block device with O_EXCL or as
 * its holder in the kernel, whatever sysfs and /proc show of them. This opens the node below
 * /dev in the same way, for a moment. TSMCTL_ROOT moves /dev.
 *
 * Return: true if the kernel refuses that with EBUSY; false also if the node does not exist or
 * the caller may not open it.
 */
bool exclusive_is_open(int fd, const struct block *b);

#endif
