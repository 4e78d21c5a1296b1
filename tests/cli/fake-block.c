// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Plays block devices that somebody has opened exclusively: preloaded into tsmctl.
 *
 * TSMCTL_ROOT	a file below its dev/ is a block device: it has "MAJOR:MINOR", and then
 *		" ERRNO" with which it cannot be opened exclusively
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "fake.h"

/* Reads a file that stands for a block device. */
static bool read_node(const char *path, unsigned int *major, unsigned int *minor, int *err)
{
	const char *root = getenv("TSMCTL_ROOT");
	char dev[PATH_MAX];
	FILE *file;
	int count;

	snprintf(dev, sizeof(dev), "%s/dev/", root ?: "");
	if (!root || strncmp(path, dev, strlen(dev)))
		return false;
	file = fopen(path, "re");
	if (!file)
		return false;
	*err = 0;
	count = fscanf(file, "%u:%u %d", major, minor, err);
	fclose(file);
	return count >= 2;
}

int fstatat(int dir, const char *restrict name, struct stat *restrict st, int flags)
{
	unsigned int major, minor;
	int err, ret = REAL(fstatat)(dir, name, st, flags);

	if (!ret && S_ISREG(st->st_mode) && read_node(name, &major, &minor, &err)) {
		st->st_mode = S_IFBLK | 0600;
		st->st_rdev = makedev(major, minor);
	}
	return ret;
}

int openat(int dir, const char *name, int flags, ...)
{
	mode_t mode = OPEN_MODE(flags);
	unsigned int major, minor;
	int err;

	if ((flags & (O_EXCL | O_CREAT)) == O_EXCL && read_node(name, &major, &minor, &err) &&
	    err) {
		errno = err;
		return -1;
	}
	return REAL(openat)(dir, name, flags, mode);
}

/* With _FORTIFY_SOURCE, openat() is this if its flags are not constant. */
int __openat_2(int dir, const char *name, int flags);

int __openat_2(int dir, const char *name, int flags)
{
	return openat(dir, name, flags);
}
