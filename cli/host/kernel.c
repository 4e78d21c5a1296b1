// SPDX-License-Identifier: GPL-2.0-or-later
/* The running kernel, see kernel.h. */
#include <fcntl.h>
#include <limits.h>
#include <zlib.h>

#include "host/attr.h"
#include "host/kernel.h"

/* Both are lists from kernels.mk. */
static const char *const kernels[] = { KERNELS };
static const char *const needed[] = { KERNEL_OPTIONS };

const char *kernel_root(const struct ctx *ctx)
{
	const char *moved = secure_getenv("TSMCTL_ROOT");

	if (moved)
		return streq(moved, "/") ? "" : moved;
	return ctx->sysfs.moved ? NULL : "";
}

static void release_name(const char *root, char *buf, size_t size)
{
	cleanup_fd int fd = open(root[0] ? root : "/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || attr_read(fd, "proc/sys/kernel/osrelease", buf, size))
		util_copy(buf, size, "?");
}

/* Opens the kernel's configuration, wherever it is; packed or not. */
static gzFile open_config(const char *root, const char *release, char *path, size_t size)
{
	gzFile file;

	snprintf(path, size, "%s/proc/config.gz", root);
	file = gzopen(path, "re");
	if (!file) {
		snprintf(path, size, "%s/boot/config-%s", root, release);
		file = gzopen(path, "re");
	}
	if (!file) {
		snprintf(path, size, "%s/lib/modules/%s/config", root, release);
		file = gzopen(path, "re");
	}
	return file;
}

/* Whether a line sets an option, to y or m. */
static bool sets(const char *line, const char *option)
{
	size_t n = strlen(option);

	return starts_with(line, "CONFIG_") && strncmp(line + 7, option, n) == 0 &&
	       (starts_with(line + 7 + n, "=y") || starts_with(line + 7 + n, "=m"));
}

long kernel_options(const char *root, const char *const *options, size_t count, char *where,
		    size_t size)
{
	char line[512], release[128];
	gzFile file;
	long set = 0;

	release_name(root, release, sizeof(release));
	file = open_config(root, release, where, size);
	if (!file) {
		snprintf(where, size, "no %s/boot/config-%s, no %s/proc/config.gz", root, release,
			 root);
		return -1;
	}
	while (gzgets(file, line, sizeof(line)))
		for (size_t i = 0; i < count; i++)
			if (sets(line, options[i]))
				set |= 1L << i;
	gzclose(file);
	return set;
}

/* Compares two releases by their first two numbers. */
static int compare(const char *a, const char *b)
{
	unsigned int a1 = 0, a2 = 0, b1 = 0, b2 = 0;

	sscanf(a, "%u.%u", &a1, &a2);
	sscanf(b, "%u.%u", &b1, &b2);
	return a1 != b1 ? (a1 > b1) - (a1 < b1) : (a2 > b2) - (a2 < b2);
}

/* A list of all kernels for a sentence, such as "7.2 or 7.3" */
static void list_kernels(char *buf, size_t size)
{
	size_t used = 0;

	for (size_t i = 0; i < ARRAY_SIZE(kernels) && used < size; i++)
		used += (size_t)snprintf(buf + used, size - used, "%s%s",
					 !i			      ? "" :
					 i == ARRAY_SIZE(kernels) - 1 ? " or " :
									", ",
					 kernels[i]);
}

static bool check_release(const char *release, const char *list, struct kernel_verdict *v)
{
	v->fit = KERNEL_FITS;
	if (release[0] < '0' || release[0] > '9')
		return true;
	snprintf(v->fix, sizeof(v->fix), "use Linux %s", list);
	if (compare(release, kernels[0]) < 0) {
		v->fit = KERNEL_UNFIT;
		snprintf(v->found, sizeof(v->found), "Linux %.60s is older than %s", release,
			 kernels[0]);
		return false;
	}
	for (size_t i = 0; i < ARRAY_SIZE(kernels); i++)
		if (compare(release, kernels[i]) == 0)
			return true;
	v->fit = KERNEL_UNTRIED;
	snprintf(v->found, sizeof(v->found), "tsmctl %s is for Linux %s, and not for %.60s",
		 VERSION, list, release);
	return true;
}

enum kernel_fit kernel_check(const char *root, struct kernel_verdict *v)
{
	char where[PATH_MAX], release[128], list[64], missing[160] = "";
	size_t used = 0;
	long set;

	memset(v, 0, sizeof(*v));
	release_name(root, release, sizeof(release));
	list_kernels(list, sizeof(list));
	if (!check_release(release, list, v))
		return v->fit;
	set = kernel_options(root, needed, ARRAY_SIZE(needed), where, sizeof(where));
	if (set < 0) {
		if (v->fit != KERNEL_FITS)
			return v->fit;
		v->fit = KERNEL_UNKNOWN;
		snprintf(v->found, sizeof(v->found),
			 "cannot find the kernel's configuration: %.200s", where);
		return v->fit;
	}
	for (size_t i = 0; i < ARRAY_SIZE(needed); i++)
		if (!(set & (1L << i)))
			used += (size_t)snprintf(missing + used, sizeof(missing) - used,
						 "%sCONFIG_%s", used ? ", " : "", needed[i]);
	if (used) {
		v->fit = KERNEL_UNFIT;
		snprintf(v->found, sizeof(v->found), "%.120s lacks %s", where, missing);
		snprintf(v->fix, sizeof(v->fix), "use Linux %s with %s", list, missing);
	} else if (v->fit == KERNEL_FITS) {
		snprintf(v->found, sizeof(v->found), "%.200s has all %zu options", where,
			 ARRAY_SIZE(needed));
		v->fix[0] = '\0';
	}
	return v->fit;
}
