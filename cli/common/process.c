// SPDX-License-Identifier: GPL-2.0-or-later
/* Process IDs in files, see process.h. */
#include <fcntl.h>
#include <sys/stat.h>

#include "common/process.h"
#include "common/util.h"

/* Fields of /proc/PID/stat between the command in parentheses and the start time */
#define START_FIELD 19

unsigned long long process_start(pid_t pid)
{
	char path[32], text[1024];
	cleanup_fd int fd = -1;
	const char *at;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (n <= 0)
		return 0;
	text[n] = '\0';
	/* a command may have spaces and parentheses */
	at = strrchr(text, ')');
	if (!at || !at[1])
		return 0;
	at += 2;
	for (int i = 0; at && i < START_FIELD; i++) {
		at = strchr(at, ' ');
		at = at ? at + 1 : NULL;
	}
	return at ? strtoull(at, NULL, 10) : 0;
}

unsigned long long process_space(void)
{
	struct stat st;

	return stat("/proc/self/ns/pid", &st) ? 0 : (unsigned long long)st.st_ino;
}
