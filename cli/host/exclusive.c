// SPDX-License-Identifier: GPL-2.0-or-later
/* Whether the kernel or a process has a block device for itself, see exclusive.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>

#include "host/exclusive.h"

/*
 * Another tsmctl that looks at the same device also has it open for a moment. A file system
 * or a volume still has it after that.
 */
#define TRIES 5
#define PAUSE_NS (10 * 1000 * 1000)

/* The node of a block device. Return: false if there is no such block device there. */
static bool find_node(int fd, const struct block *b, char *path, size_t size)
{
	const char *root = secure_getenv("TSMCTL_ROOT") ?: "";
	char text[4096], name[NAME_MAX + 1], number[32];
	struct stat st;

	if (attr_read_text(fd, "uevent", text, sizeof(text)) ||
	    attr_variable(text, "DEVNAME", name, sizeof(name)))
		util_copy(name, sizeof(name), b->name);
	if (snprintf(path, size, "%s/dev/%s", root, name) >= (int)size ||
	    fstatat(AT_FDCWD, path, &st, AT_SYMLINK_NOFOLLOW) || !S_ISBLK(st.st_mode))
		return false;
	snprintf(number, sizeof(number), "%u:%u", major(st.st_rdev), minor(st.st_rdev));
	return streq(number, b->number);
}

bool exclusive_is_open(int fd, const struct block *b)
{
	const struct timespec pause = { .tv_nsec = PAUSE_NS };
	char path[PATH_MAX];

	if (!find_node(fd, b, path, sizeof(path)))
		return false;
	for (int i = 0; i < TRIES; i++) {
		cleanup_fd int node = openat(
			AT_FDCWD, path, O_RDONLY | O_EXCL | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);

		if (node >= 0 || errno != EBUSY)
			return false;
		nanosleep(&pause, NULL);
	}
	return true;
}
