// SPDX-License-Identifier: GPL-2.0-or-later
/* What the host itself uses a device for, see in_use.h. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>

#include "host/class_use.h"
#include "host/exclusive.h"
#include "host/in_use.h"
#include "host/mounts.h"
#include "report.h"

/* More than sysfs and a stack of block devices need; links could form a circle. */
#define DEPTH 32

#define HINT_LEN sizeof(((struct host_use *)0)->hint)

/**
 * struct search - one search for the uses of one device
 * @ctx: this run
 * @fd: the function's directory in sysfs
 * @use: the uses that were found
 * @mounts: read for the first block device
 * @loops: the loop devices that have a file, as "NAME FILE" lines; read for the first
 *	block device
 * @blind: the mounts could not be read, which has been reported
 * @full: the text of the uses is full, and the search ends
 */
struct search {
	const struct ctx *ctx;
	int fd;
	bool takes;
	struct host_use *use;
	struct mounts mounts;
	char *loops;
	bool blind;
	bool full;
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
	s->full |=
		!util_add_item(s->use->text, sizeof(s->use->text), "; ", safe ?: "out of memory");
}

/*
 * Puts a name into a hint. A name that a shell would read as something else stays out of it: the
 * message has the name.
 */
static const char *fill(char hint[HINT_LEN], const char *text, const char *name)
{
	static const char plain[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";

	util_fill(hint, HINT_LEN, text, name[strspn(name, plain)] ? "NAME" : name);
	return hint;
}

/*
 * Opens a directory. Returns NULL if it does not exist or cannot be opened. If it cannot be
 * opened, that counts as a use, because what is in it may be in use.
 */
static DIR *open_dir(struct search *s, int parent, const char *name)
{
	DIR *dir = util_opendirat(parent, name);

	if (!dir && errno != ENOENT && errno != ENOTDIR)
		add_use(s, "run it as root", "its directory %s in sysfs cannot be read: %s", name,
			strerror(errno));
	return dir;
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

static bool is_of_btrfs(struct search *s, const struct block *b)
{
	cleanup_dir DIR *dir = open_dir(s, s->ctx->sysfs_fd, "fs/btrfs");
	char path[2 * NAME_MAX + 64];
	struct dirent *e;

	while (dir && (e = readdir(dir))) {
		snprintf(path, sizeof(path), "%s/devices/%s", e->d_name, b->name);
		if (!faccessat(dirfd(dir), path, F_OK, AT_SYMLINK_NOFOLLOW))
			return true;
	}
	return false;
}

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

/* Writes the loop devices that have a file, a line each. */
static void list_loops(struct search *s, FILE *list)
{
	cleanup_dir DIR *dir = open_dir(s, s->ctx->sysfs_fd, "class/block");
	char file[ATTR_MAX];
	struct dirent *e;

	while (dir && (e = readdir(dir))) {
		cleanup_fd int loop = -1;

		if (!starts_with(e->d_name, "loop"))
			continue;
		loop = open_block(s, e->d_name);
		if (loop >= 0 && !attr_read(loop, "loop/backing_file", file, sizeof(file)))
			fprintf(list, "%s %s\n", e->d_name, file);
	}
}

static void read_loops(struct search *s)
{
	size_t size;
	FILE *list;

	if (s->loops)
		return;
	list = open_memstream(&s->loops, &size);
	if (list)
		list_loops(s, list);
	if (!list || fclose(list))
		add_use(s, "", "out of memory");
}

/* A loop device has the block device open, and sysfs does not list it as a holder. */
static void look_at_loops(struct search *s, const struct block *b, const char *subject)
{
	const char *line, *end;
	char name[NAME_MAX + 1], file[ATTR_MAX], hint[HINT_LEN];

	read_loops(s);
	for (line = s->loops; line && (end = strchr(line, '\n')); line = end + 1)
		if (sscanf(line, "%255s %255[^\n]", name, file) == 2 && mounts_names(file, b))
			add_use(s, fill(hint, "run 'losetup -d /dev/@' first", name),
				"%s belongs to %s", subject, name);
}

/* Reports the uses of a block device itself, not those of its partitions. */
static void look_at_block(struct search *s, const struct block *b, const char *subject)
{
	const char *type = mounted_elsewhere(s, b);
	const char *which;
	char where[4096], hint[HINT_LEN];
	int err;

	if (s->blind)
		return;
	err = mounts_read(&s->mounts, &which);
	if (err) {
		s->blind = true;
		add_use(s, "mount /proc, or run it as root", "%s cannot be read: %s", which,
			strerror(-err));
		return;
	}
	if (mounts_find(&s->mounts, b, where, sizeof(where)))
		add_use(s, "unmount it first", "%s is mounted on %s", subject, where);
	else if (type)
		add_use(s, "unmount it first", "%s is mounted (%s) in another mount namespace",
			subject, type);
	else if (is_of_btrfs(s, b))
		add_use(s, "unmount it first", "%s is part of a mounted btrfs file system",
			subject);
	if (mounts_has_swap(&s->mounts, b))
		add_use(s, fill(hint, "run 'swapoff /dev/@' first", b->name), "%s is used as swap",
			subject);
	look_at_loops(s, b, subject);
}

static void walk(struct search *s, int parent, const char *name, const char *parent_name,
		 const char *users, unsigned int depth);

/* Reports the devices that a block device belongs to, and their uses. */
static void look_at_holders(struct search *s, int fd, const char *subject, unsigned int depth)
{
	cleanup_dir DIR *dir = open_dir(s, fd, "holders");
	char alias[ATTR_MAX];
	unsigned int before;
	struct dirent *e;

	while (dir && !s->full && (e = readdir(dir))) {
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

static void read_block(int fd, const char *name, struct block *b)
{
	unsigned int major, minor;
	char text[ATTR_MAX];

	*b = (struct block){ 0 };
	util_copy(b->name, sizeof(b->name), name);
	if (!attr_read(fd, "dev", text, sizeof(text)) && sscanf(text, "%u:%u", &major, &minor) == 2)
		snprintf(b->number, sizeof(b->number), "%u:%u", major, minor);
	if (attr_read(fd, "dm/name", b->alias, sizeof(b->alias)))
		b->alias[0] = '\0';
}

/* What a message is about. @users: "sda1 belongs to dm-0", or NULL. */
static char *make_subject(int fd, const char *name, const char *users)
{
	char *subject;
	int n;

	if (!users)
		n = asprintf(&subject, "%s", name);
	else if (faccessat(fd, "partition", F_OK, 0))
		n = asprintf(&subject, "%s, which", users);
	else
		n = asprintf(&subject, "%s, whose %s", users, name);
	return n < 0 ? NULL : subject;
}

/* Looks at a block device or a partition. @users: as for make_subject(). */
static void look_at_node(struct search *s, int fd, const char *name, const char *users,
			 unsigned int depth)
{
	cleanup_free char *subject = make_subject(fd, name, users);
	struct block b;

	read_block(fd, name, &b);
	look_at_block(s, &b, subject ?: name);
	look_at_holders(s, fd, subject ?: name, depth);
}

/*
 * Reports a use that neither sysfs nor /proc shows, such as a journal on another disk. A
 * disk cannot be opened exclusively while one of its partitions is, so that this comes last.
 */
static void look_at_open(struct search *s, int fd, const char *name, const char *users)
{
	cleanup_free char *subject = make_subject(fd, name, users);
	char hint[HINT_LEN];
	struct block b;

	read_block(fd, name, &b);
	if (exclusive_is_open(fd, &b))
		add_use(s, fill(hint, "find its user with 'lsblk' and 'fuser -v /dev/@'", name),
			"%s is opened exclusively, as a file system, a volume or swap does it",
			subject ?: name);
}

static void look_at_interface(struct search *s, int fd, DIR *dir, const char *name)
{
	char text[ATTR_MAX], target[PATH_MAX], hint[HINT_LEN];
	unsigned int flags = 0;
	struct dirent *e;
	ssize_t n;

	if (!attr_read(fd, "flags", text, sizeof(text)))
		util_parse_u32(text, &flags);
	if ((flags & 1) || (!attr_read(fd, "operstate", text, sizeof(text)) && streq(text, "up")))
		add_use(s, fill(hint, "run 'ip link set @ down' first", name), "%s is up", name);
	n = readlinkat(fd, "master", target, sizeof(target) - 1);
	if (n > 0) {
		target[n] = '\0';
		add_use(s, fill(hint, "run 'ip link set @ nomaster' first", name),
			"%s belongs to %s", name,
			strrchr(target, '/') ? strrchr(target, '/') + 1 : target);
		return;
	}
	while ((e = readdir(dir))) {
		const char *upper;

		if (!starts_with(e->d_name, "upper_"))
			continue;
		upper = e->d_name + strlen("upper_");
		add_use(s, fill(hint, "run 'ip link delete @' first", upper), "%s carries %s", name,
			upper);
	}
}

/* The namespaces of a multipath NVMe are below its subsystem, not below the function. */
static void look_at_nvme(struct search *s, const char *controller, unsigned int depth)
{
	cleanup_dir DIR *dir = open_dir(s, s->ctx->sysfs_fd, "class/nvme-subsystem");
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

/* Looks at a device of any class. */
static void look_at_class(struct search *s, int fd, const char *name, const char *class)
{
	const struct class_use *found = class_use_find(s->fd, fd, class);
	char hint[HINT_LEN];

	if (found)
		add_use(s, fill(hint, found->hint, name), "%s %s", name, found->message);
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

/* The interfaces of a device, which can have any name. */
static void look_at_interfaces(struct search *s, DIR *interfaces)
{
	struct dirent *e;
	bool any = false;

	while ((e = readdir(interfaces))) {
		cleanup_dir DIR *dir = NULL;

		if (streq(e->d_name, ".") || streq(e->d_name, ".."))
			continue;
		any = true;
		dir = open_dir(s, dirfd(interfaces), e->d_name);
		if (dir)
			look_at_interface(s, dirfd(dir), dir, e->d_name);
	}
	/*
	 * The kernel makes the directory for the first interface, and shows only the interfaces
	 * in the caller's network namespace.
	 */
	if (!any)
		add_use(s, "move it to the network namespace of the host first",
			"it has an interface in another network namespace");
}

/*
 * Looks at a directory below a device, and at all directories in it. Follows no link.
 * For the name ".", @parent_name is the directory's own name.
 */
static void walk(struct search *s, int parent, const char *name, const char *parent_name,
		 const char *users, unsigned int depth)
{
	cleanup_dir DIR *dir = s->full ? NULL : open_dir(s, parent, name);
	const char *own = streq(name, ".") ? parent_name : name;
	unsigned int number, before = s->use->count;
	char class[NAME_MAX + 1];
	struct dirent *e;
	bool block;

	if (!dir)
		return;
	if (depth == DEPTH) {
		add_use(s, "find out what it is used for", "%s is nested too deep to be looked at",
			own);
		return;
	}
	class_of(dirfd(dir), class, sizeof(class));
	if (streq(name, "net") && !class[0]) {
		look_at_interfaces(s, dir);
		return;
	}
	block = streq(class, "block") || (!class[0] && !faccessat(dirfd(dir), "dev", F_OK, 0)) ||
		(users && streq(name, "."));
	if (streq(parent_name, "nvme") && sscanf(name, "nvme%u", &number) == 1)
		look_at_nvme(s, name, depth);
	else if (block)
		look_at_node(s, dirfd(dir), own, users, depth);
	else
		look_at_class(s, dirfd(dir), own, class);
	while ((e = readdir(dir)))
		if ((e->d_type == DT_DIR || e->d_type == DT_UNKNOWN) && !is_dull(e->d_name))
			walk(s, dirfd(dir), e->d_name, own, users, depth + 1);
	if (block && s->takes && s->use->count == before)
		look_at_open(s, dirfd(dir), own, users);
}

/* vfio-pci-tsm refuses a PF that its former driver leaves with VFs. */
static void look_for_functions(struct search *s, const struct pci_device *dev)
{
	unsigned int count = 0;
	char text[ATTR_MAX];
	int err;

	err = pci_get(dev, "sriov_numvfs", text);
	if (err == -ENOENT)
		return;
	err = err ?: util_parse_u32(text, &count);
	if (!err && !count)
		return;
	if (err)
		add_use(s, "", "its sriov_numvfs cannot be read: %s", strerror(-err));
	else
		add_use(s, "", "it has %u virtual function%s", count, count == 1 ? "" : "s");
	s->use->must = true;
	snprintf(s->use->hint, sizeof(s->use->hint),
		 "run 'echo 0 > /sys/bus/pci/devices/%s/sriov_numvfs' first", dev->name);
}

bool in_use_find(struct ctx *ctx, const struct pci_device *dev, bool takes, struct host_use *use)
{
	struct search s = { .ctx = ctx, .fd = dev->fd, .takes = takes, .use = use };

	*use = (struct host_use){ 0 };
	if (!dev->present)
		return false;
	walk(&s, dev->fd, ".", "", NULL, 0);
	look_for_functions(&s, dev);
	mounts_free(&s.mounts);
	free(s.loops);
	return use->count;
}

int in_use_refuse(struct ctx *ctx, const struct pci_device *dev, const char *force,
		  struct host_use *use)
{
	char hint[256];
	struct problem p = { .device = dev->name,
			     .attribute = IN_USE,
			     .value = use->text,
			     .err = -EBUSY,
			     .stage = "in-use",
			     .hint = hint };

	if (!in_use_find(ctx, dev, true, use) || (!force && !use->must))
		return 0;
	if (use->must)
		util_copy(hint, sizeof(hint), use->hint);
	else
		snprintf(hint, sizeof(hint), "%s, or assign it all the same: %s", use->hint, force);
	return report_error(ctx, &p, "the host uses it: %s", use->text);
}
