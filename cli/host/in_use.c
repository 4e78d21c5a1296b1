// SPDX-License-Identifier: GPL-2.0-or-later
/* What the host itself uses a device for, see in_use.h. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>

#include "host/in_use.h"
#include "report.h"

/* More than sysfs and a stack of block devices need; links could form a circle. */
#define DEPTH 16

/**
 * struct search - one search for the uses of one device
 * @ctx: this run
 * @use: the uses that were found
 * @mounts: text of /proc/self/mountinfo, read for the first block device
 * @swaps: text of /proc/swaps
 */
struct search {
	const struct ctx *ctx;
	struct host_use *use;
	char *mounts;
	char *swaps;
};

/* A block device: its name in the kernel, its name as a dm device, its number. */
struct block {
	char name[NAME_MAX + 1];
	char alias[ATTR_MAX];
	char number[32];
};

static void PRINTF_LIKE(3, 4) add_use(struct search *s, const char *hint, const char *fmt, ...)
{
	cleanup_free char *text = NULL;
	cleanup_free char *safe = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	safe = text ? util_printable(text) : NULL;
	if (!s->use->count++)
		util_copy(s->use->hint, sizeof(s->use->hint), hint);
	util_add_item(s->use->text, sizeof(s->use->text), "; ", safe ?: "out of memory");
}

/* Reads a whole file of /proc; its size is not known before. */
static char *read_proc(const char *name)
{
	const char *root = secure_getenv("TSMCTL_ROOT") ?: "";
	cleanup_file FILE *file = NULL;
	char path[PATH_MAX];
	char *text = NULL;
	size_t size = 0;

	snprintf(path, sizeof(path), "%s/proc/%s", root, name);
	file = fopen(path, "re");
	if (!file || getdelim(&text, &size, '\0', file) < 0) {
		free(text);
		return strdup("");
	}
	return text;
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

/* Whether a path in /dev is of a block device. */
static bool is_node_of(const char *path, const struct block *b)
{
	const char *slash = strrchr(path, '/');

	return starts_with(path, "/dev/") &&
	       (streq(slash + 1, b->name) || (b->alias[0] && streq(slash + 1, b->alias)));
}

/*
 * Finds where a block device is mounted. Some file systems, as btrfs, have a number of
 * their own: they have the device as their source.
 */
static bool find_mount(const struct search *s, const struct block *b, char *where, size_t size)
{
	char line[8192], number[32], point[4096], source[4096];
	const char *text = s->mounts, *rest;

	while (next_line(&text, line, sizeof(line))) {
		if (sscanf(line, "%*s %*s %31s %*s %4095s", number, point) != 2)
			continue;
		rest = strstr(line, " - ");
		if (!rest || sscanf(rest, " - %*s %4095s", source) != 1)
			source[0] = '\0';
		decode(source);
		if (!(b->number[0] && streq(number, b->number)) &&
		    !(starts_with(number, "0:") && is_node_of(source, b)))
			continue;
		decode(point);
		util_copy(where, size, point);
		return true;
	}
	return false;
}

static bool is_swap(const struct search *s, const struct block *b)
{
	char line[8192], path[4096];
	const char *text = s->swaps;

	while (next_line(&text, line, sizeof(line))) {
		if (sscanf(line, "%4095s", path) != 1)
			continue;
		decode(path);
		if (is_node_of(path, b))
			return true;
	}
	return false;
}

/* File systems show their devices in sysfs, whatever mount namespace they are in. */
static const char *mounted_elsewhere(const struct search *s, const struct block *b)
{
	static const char *const types[] = { "ext4", "xfs", "f2fs", "erofs" };
	char path[NAME_MAX + 64];

	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		snprintf(path, sizeof(path), "fs/%s/%s", types[i], b->name);
		if (!faccessat(s->ctx->sysfs_fd, path, F_OK, 0))
			return types[i];
	}
	return NULL;
}

static bool is_of_btrfs(const struct search *s, const struct block *b)
{
	cleanup_dir DIR *dir = util_opendirat(s->ctx->sysfs_fd, "fs/btrfs");
	char path[2 * NAME_MAX + 64];
	struct dirent *e;

	while (dir && (e = readdir(dir))) {
		snprintf(path, sizeof(path), "%s/devices/%s", e->d_name, b->name);
		if (!faccessat(dirfd(dir), path, F_OK, AT_SYMLINK_NOFOLLOW))
			return true;
	}
	return false;
}

/* Reports the uses of a block device itself, not those of its partitions. */
static void look_at_block(struct search *s, const struct block *b, const char *subject)
{
	const char *type = mounted_elsewhere(s, b);
	char where[4096];

	s->mounts = s->mounts ?: read_proc("self/mountinfo");
	s->swaps = s->swaps ?: read_proc("swaps");
	if (!s->mounts || !s->swaps)
		add_use(s, "run it again", "%s may be in use: out of memory", subject);
	else if (find_mount(s, b, where, sizeof(where)))
		add_use(s, "unmount it first", "%s is mounted on %s", subject, where);
	else if (type)
		add_use(s, "unmount it first", "%s is mounted (%s) in another mount namespace",
			subject, type);
	else if (is_of_btrfs(s, b))
		add_use(s, "unmount it first", "%s is part of a mounted btrfs file system",
			subject);
	if (s->swaps && is_swap(s, b))
		add_use(s, "stop it with 'swapoff' first", "%s is used as swap", subject);
}

static void walk(struct search *s, int parent, const char *name, const char *parent_name,
		 const char *users, unsigned int depth);

static int open_block(const struct search *s, const char *name)
{
	static const char *const places[] = { "class/block", "block", "devices/virtual/block" };
	char path[NAME_MAX + 64];
	int fd = -1;

	for (size_t i = 0; fd < 0 && i < ARRAY_SIZE(places); i++) {
		snprintf(path, sizeof(path), "%s/%s", places[i], name);
		fd = openat(s->ctx->sysfs_fd, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	}
	return fd;
}

/* Reports what has a block device as its member, and the uses of that. */
static void look_at_holders(struct search *s, int fd, const char *subject, unsigned int depth)
{
	cleanup_dir DIR *dir = util_opendirat(fd, "holders");
	char alias[ATTR_MAX];
	unsigned int before;
	struct dirent *e;

	while (dir && (e = readdir(dir))) {
		cleanup_free char *users = NULL;
		cleanup_fd int holder = -1;

		if (e->d_name[0] == '.')
			continue;
		holder = open_block(s, e->d_name);
		if (holder < 0 || attr_read(holder, "dm/name", alias, sizeof(alias)))
			alias[0] = '\0';
		if (asprintf(&users, "%s belongs to %s%s%s%s", subject, e->d_name,
			     alias[0] ? " (" : "", alias, alias[0] ? ")" : "") < 0)
			users = NULL;
		before = s->use->count;
		if (holder >= 0 && users)
			walk(s, holder, ".", e->d_name, users, depth + 1);
		if (s->use->count == before)
			add_use(s, "stop what it belongs to first", "%s", users ?: subject);
	}
}

/* The class of a device in sysfs; "" if there is none. */
static void class_of(int fd, char *class, size_t size)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(fd, "subsystem", target, sizeof(target) - 1);
	const char *slash;

	target[n < 0 ? 0 : n] = '\0';
	slash = strrchr(target, '/');
	util_copy(class, size, slash ? slash + 1 : target);
}

/* Looks at a block device or a partition. @users: "sda1 belongs to dm-0", or NULL. */
static void look_at_node(struct search *s, int fd, const char *name, const char *users,
			 unsigned int depth)
{
	cleanup_free char *subject = NULL;
	struct block b = { 0 };
	unsigned int major, minor;
	char text[ATTR_MAX];
	int n;

	util_copy(b.name, sizeof(b.name), name);
	if (!attr_read(fd, "dev", text, sizeof(text)) && sscanf(text, "%u:%u", &major, &minor) == 2)
		snprintf(b.number, sizeof(b.number), "%u:%u", major, minor);
	if (attr_read(fd, "dm/name", b.alias, sizeof(b.alias)))
		b.alias[0] = '\0';
	if (!users)
		n = asprintf(&subject, "%s", name);
	else if (faccessat(fd, "partition", F_OK, 0))
		n = asprintf(&subject, "%s, which", users);
	else
		n = asprintf(&subject, "%s, whose %s", users, name);
	if (n < 0)
		subject = NULL;
	look_at_block(s, &b, subject ?: name);
	look_at_holders(s, fd, subject ?: name, depth);
}

static void look_at_interface(struct search *s, int fd, DIR *dir, const char *name)
{
	char text[ATTR_MAX], target[PATH_MAX];
	unsigned int flags = 0;
	struct dirent *e;
	ssize_t n;

	if (!attr_read(fd, "flags", text, sizeof(text)))
		util_parse_u32(text, &flags);
	if ((flags & 1) || (!attr_read(fd, "operstate", text, sizeof(text)) && streq(text, "up")))
		add_use(s, "shut it down with 'ip link set' first", "%s is up", name);
	n = readlinkat(fd, "master", target, sizeof(target) - 1);
	if (n > 0) {
		target[n] = '\0';
		add_use(s, "take it out of that with 'ip link set' first", "%s belongs to %s", name,
			strrchr(target, '/') ? strrchr(target, '/') + 1 : target);
		return;
	}
	while ((e = readdir(dir)))
		if (starts_with(e->d_name, "upper_"))
			add_use(s, "remove that with 'ip link' first", "%s carries %s", name,
				e->d_name + strlen("upper_"));
}

/* The namespaces of a multipath NVMe are below its subsystem, not below the function. */
static void look_at_nvme(struct search *s, const char *controller, unsigned int depth)
{
	cleanup_dir DIR *dir = util_opendirat(s->ctx->sysfs_fd, "class/nvme-subsystem");
	char path[2 * NAME_MAX + 2];
	struct dirent *e;

	while (dir && (e = readdir(dir))) {
		cleanup_fd int fd = -1;

		snprintf(path, sizeof(path), "%s/%s", e->d_name, controller);
		if (e->d_name[0] == '.' || faccessat(dirfd(dir), path, F_OK, AT_SYMLINK_NOFOLLOW))
			continue;
		fd = openat(dirfd(dir), e->d_name, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (fd >= 0)
			walk(s, fd, ".", "", NULL, depth + 1);
	}
}

/* Directories with many entries and no device in them. */
static bool is_dull(const char *name)
{
	static const char *const dull[] = { "power",  "holders",    "slaves",	   "queue",
					    "mq",     "msi_irqs",   "integrity",   "trace",
					    "queues", "statistics", "iommu_group", "wakeup" };

	for (size_t i = 0; i < ARRAY_SIZE(dull); i++)
		if (streq(name, dull[i]))
			return true;
	return name[0] == '.';
}

/*
 * Looks at a directory below a device, and at all directories in it. Follows no link.
 * @parent_name is "net" for an interface; for ".", it is the directory's own name.
 */
static void walk(struct search *s, int parent, const char *name, const char *parent_name,
		 const char *users, unsigned int depth)
{
	cleanup_dir DIR *dir = depth < DEPTH ? util_opendirat(parent, name) : NULL;
	const char *own = streq(name, ".") ? parent_name : name;
	char class[NAME_MAX + 1];
	unsigned int number;
	struct dirent *e;

	if (!dir)
		return;
	class_of(dirfd(dir), class, sizeof(class));
	if (streq(parent_name, "net") && !streq(name, ".")) {
		look_at_interface(s, dirfd(dir), dir, name);
		return;
	}
	if (streq(parent_name, "nvme") && sscanf(name, "nvme%u", &number) == 1)
		look_at_nvme(s, name, depth);
	else if (streq(class, "block") || (!class[0] && !faccessat(dirfd(dir), "dev", F_OK, 0)) ||
		 (users && streq(name, ".")))
		look_at_node(s, dirfd(dir), own, users, depth);
	while ((e = readdir(dir)))
		if ((e->d_type == DT_DIR || e->d_type == DT_UNKNOWN) && !is_dull(e->d_name))
			walk(s, dirfd(dir), e->d_name, own, users, depth + 1);
}

static void look_for_functions(struct search *s, const struct pci_device *dev)
{
	char text[ATTR_MAX], hint[160];
	unsigned int count;

	if (pci_get(dev, "sriov_numvfs", text) || util_parse_u32(text, &count) || !count)
		return;
	snprintf(hint, sizeof(hint), "run 'echo 0 > /sys/bus/pci/devices/%s/sriov_numvfs' first",
		 dev->name);
	add_use(s, hint, "it has %u virtual function%s", count, count == 1 ? "" : "s");
}

bool in_use_find(struct ctx *ctx, const struct pci_device *dev, struct host_use *use)
{
	struct search s = { .ctx = ctx, .use = use };

	*use = (struct host_use){ 0 };
	if (!dev->present)
		return false;
	walk(&s, dev->fd, ".", "", NULL, 0);
	look_for_functions(&s, dev);
	free(s.mounts);
	free(s.swaps);
	return use->count;
}

int in_use_refuse(struct ctx *ctx, const struct pci_device *dev, const char *force)
{
	char hint[256];
	struct host_use use;
	struct problem p = { .device = dev->name,
			     .attribute = IN_USE,
			     .value = use.text,
			     .err = -EBUSY,
			     .stage = "in-use",
			     .hint = hint };

	if (!in_use_find(ctx, dev, &use))
		return 0;
	snprintf(hint, sizeof(hint), "%s, or take it all the same: %s", use.hint, force);
	return report_error(ctx, &p, "the host uses it: %s", use.text);
}
