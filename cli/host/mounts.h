/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is mounted and what is swap, as /proc shows it. */
#ifndef TSMCTL_MOUNTS_H
#define TSMCTL_MOUNTS_H

#include <limits.h>

#include "common/util.h"
#include "host/attr.h"

/**
 * struct block - a block device
 * @name: its name in the kernel
 * @alias: its name as a dm device, or ""
 * @number: "MAJOR:MINOR", or ""
 */
struct block {
	char name[NAME_MAX + 1];
	char alias[ATTR_MAX];
	char number[32];
};

/**
 * struct mounts - the texts; all NULL to begin with
 * @own: /proc/self/mountinfo
 * @init: /proc/1/mountinfo, which is the host's if tsmctl runs in a container; "" if the
 *	caller may not read it
 * @swaps: /proc/swaps; "" on a kernel without swap
 */
struct mounts {
	char *own;
	char *init;
	char *swaps;
};

/**
 * mounts_read() - read the texts that are not there yet
 * @m: the texts
 * @which: the file that could not be read, out
 *
 * TSMCTL_ROOT moves /proc.
 *
 * Return: 0 or negative errno.
 */
int mounts_read(struct mounts *m, const char **which);

/**
 * mounts_free() - free the texts
 * @m: the texts
 */
void mounts_free(struct mounts *m);

/**
 * mounts_find() - where a block device is mounted
 * @m: the texts
 * @b: the block device
 * @where: out, the first place
 * @size: of @where
 *
 * Return: false if it is not mounted.
 */
bool mounts_find(const struct mounts *m, const struct block *b, char *where, size_t size);

/**
 * mounts_has_swap() - whether a block device is used as swap
 * @m: the texts
 * @b: the block device
 */
bool mounts_has_swap(const struct mounts *m, const struct block *b);

/**
 * mounts_names() - whether a path names a block device
 * @path: as in /proc and sysfs
 * @b: the block device
 */
bool mounts_names(const char *path, const struct block *b);

#endif
