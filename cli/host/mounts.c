// SPDX-License-Identifier: GPL-2.0-or-later
/* What is mounted and what is swap, see mounts.h. */
#include <errno.h>
#include <stdio.h>

#include "host/mounts.h"

/*
 * Reads a whole file of /proc; its size is not known before.
 * Return: NULL if it cannot be read, with errno.
 */
static char *read_proc(const char *name)
{
	const char *root = secure_getenv("TSMCTL_ROOT") ?: "";
	cleanup_file FILE *file = NULL;
	char path[PATH_MAX];
	char *text = NULL;
	size_t size = 0;

	snprintf(path, sizeof(path), "%s/proc/%s", root, name);
	file = fopen(path, "re");
	if (!file)
		return NULL;
	if (getdelim(&text, &size, '\0', file) >= 0)
		return text;
	free(text);
	return feof(file) ? strdup("") : NULL;
}

int mounts_read(struct mounts *m, const char **which)
{
	*which = "/proc/self/mountinfo";
	m->own = m->own ?: read_proc("self/mountinfo");
	if (!m->own)
		return -errno;
	m->init = m->init ?: read_proc("1/mountinfo") ?: strdup("");
	if (!m->init)
		return -ENOMEM;

	*which = "/proc/swaps";
	m->swaps = m->swaps ?: read_proc("swaps");
	if (!m->swaps && errno != ENOENT)
		return -errno;
	m->swaps = m->swaps ?: strdup("");
	return m->swaps ? 0 : -ENOMEM;
}

void mounts_free(struct mounts *m)
{
	free(m->own);
	free(m->init);
	free(m->swaps);
}

/* Names in /proc have \ooo in the place of blanks and backslashes. */
static void decode(char *text)
{
	char *out = text;

	for (; *text; out++) {
		unsigned int value;

		if (*text == '\\' && strspn(text + 1, "01234567") >= 3 &&
		    sscanf(text + 1, "%3o", &value) == 1) {
			*out = (char)value;
			text += 4;
		} else {
			*out = *text++;
		}
	}
	*out = '\0';
}

/* The next line of a text, without its end; NULL after the last one. */
static char *next_line(const char **text, char *line, size_t size)
{
	size_t n = strcspn(*text, "\n");

	if (!**text)
		return NULL;
	snprintf(line, size, "%.*s", (int)(n < size ? n : size - 1), *text);
	*text += n + ((*text)[n] == '\n');
	return line;
}

bool mounts_names(const char *path, const struct block *b)
{
	const char *slash = strrchr(path, '/');

	return starts_with(path, "/dev/") &&
	       (streq(slash + 1, b->name) || (b->alias[0] && streq(slash + 1, b->alias)));
}

/* Whether one of several paths, such as "/dev/sda1:/dev/sdb1" of bcachefs, names a block device. */
static bool any_names(const char *paths, const struct block *b)
{
	char path[4096];
	size_t n;

	for (; *paths; paths += n + (paths[n] == ':')) {
		n = strcspn(paths, ":");
		snprintf(path, sizeof(path), "%.*s", (int)n, paths);
		if (mounts_names(path, b))
			return true;
	}
	return false;
}

/* Whether the options of a file system name a block device for its log or its data. */
static bool has_option(const char *options, const struct block *b)
{
	static const char *const names[] = { "logdev=", "rtdev=", "journal_path=" };
	char path[4096];

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const char *found = strstr(options, names[i]);

		if (!found || sscanf(found + strlen(names[i]), "%4095[^, ]", path) != 1)
			continue;
		decode(path);
		if (mounts_names(path, b))
			return true;
	}
	return false;
}

/*
 * Finds where a block device is mounted. Some file systems, such as btrfs, have a device
 * number of their own; their source is the block device.
 */
static bool find_in(const char *text, const struct block *b, char *where, size_t size)
{
	char line[8192], number[32], point[4096], source[4096];
	const char *rest;

	while (next_line(&text, line, sizeof(line))) {
		if (sscanf(line, "%*s %*s %31s %*s %4095s", number, point) != 2)
			continue;
		rest = strstr(line, " - ");
		if (!rest || sscanf(rest, " - %*s %4095s", source) != 1)
			source[0] = '\0';
		decode(source);
		if (!(b->number[0] && streq(number, b->number)) &&
		    !(starts_with(number, "0:") && any_names(source, b)) &&
		    !(rest && has_option(rest, b)))
			continue;
		decode(point);
		util_copy(where, size, point);
		return true;
	}
	return false;
}

bool mounts_find(const struct mounts *m, const struct block *b, char *where, size_t size)
{
	return find_in(m->own, b, where, size) || find_in(m->init, b, where, size);
}

bool mounts_has_swap(const struct mounts *m, const struct block *b)
{
	char line[8192], path[4096], *gone;
	const char *text = m->swaps;

	while (next_line(&text, line, sizeof(line))) {
		if (sscanf(line, "%4095s", path) != 1)
			continue;
		decode(path);
		/* a node that was removed after swapon */
		gone = strstr(path, " (deleted)");
		if (gone)
			*gone = '\0';
		if (mounts_names(path, b))
			return true;
	}
	return false;
}
