// SPDX-License-Identifier: GPL-2.0-or-later
/* Following connections and policies, see changes.h. */
#include <errno.h>
#include <search.h>
#include <sys/inotify.h>

#include "host/policies.h"
#include "host/policy.h"
#include "host/summary.h"
#include "host/tsm.h"
#include "report.h"
#include "verbs/changes.h"

/* How long a look may stop the monitor, and how long until the next one. */
#define WAIT_MS 100
#define AGAIN_MS 1000

/* A value counts when its file is closed. */
#define WRITTEN (IN_CLOSE_WRITE | IN_ONLYDIR)
#define ENTRIES (IN_CREATE | IN_MOVED_TO | IN_DELETE | IN_MOVED_FROM)

/* A device; an unknown value is "". @seen: @tsm is known. */
struct followed {
	uint64_t key;
	struct pci_addr addr;
	bool seen;
	char tsm[TSM_NAME_LEN];
	char policy[POLICIES][32];
};

/* @device: the device of the directory; NULL for the directory of the module */
struct changes_dir {
	int wd;
	struct followed *device;
};

static int compare(const void *a, const void *b)
{
	uint64_t x = ((const struct followed *)a)->key, y = ((const struct followed *)b)->key;

	return (x > y) - (x < y);
}

static struct followed *find(struct changes *c, const struct pci_addr *addr)
{
	struct followed probe = { .key = pci_addr_key(addr) };
	void **node = tfind(&probe, &c->devices, compare);

	return node ? *node : NULL;
}

/* A device that appears while monitor runs was not connected before, and had no policy. */
static struct followed *add(struct changes *c, const struct pci_addr *addr)
{
	struct followed *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	d->key = pci_addr_key(addr);
	d->addr = *addr;
	d->seen = c->began;
	for (size_t i = 0; c->began && i < POLICIES; i++)
		util_copy(d->policy[i], sizeof(d->policy[i]), policies[i].usual);
	if (!tsearch(d, &c->devices, compare)) {
		free(d);
		return NULL;
	}
	return d;
}

/* Reports an error once: it is the same for each device. */
static void report_unwatched(struct changes *c, int err)
{
	struct problem p = { .attribute = "inotify", .err = err, .stage = "monitor" };
	static bool reported;

	if (!reported)
		report_error(c->ctx, &p,
			     "cannot wait for all changes of connections and policy: %s",
			     strerror(-err));
	reported = true;
}

/* Watches a directory, if it exists. Return: whether it is watched. */
static bool watch(struct changes *c, int dir, const char *path, uint32_t mask,
		  struct followed *device)
{
	cleanup_fd int fd = dir < 0 ? -1 : dir_open(dir, path);
	struct changes_dir *dirs;
	char name[32];
	int wd;

	if (fd < 0)
		return false;
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	wd = inotify_add_watch(c->fd, name, mask);
	dirs = wd < 0 ? NULL : reallocarray(c->dirs, c->count + 1, sizeof(*dirs));
	if (!dirs) {
		report_unwatched(c, wd < 0 ? -errno : -ENOMEM);
		return false;
	}
	c->dirs = dirs;
	for (size_t i = 0; i < c->count; i++)
		if (dirs[i].wd == wd)
			return true;
	dirs[c->count++] = (struct changes_dir){ wd, device };
	return true;
}

static void look_connection(struct changes *c, struct followed *d, const struct pci_device *dev)
{
	struct event e = { .device = dev->name };
	char now[ATTR_MAX] = "";
	int ret = -ENOENT;

	if (c->busy)
		return;
	if (dev->present)
		ret = attr_read_within(dev->fd, "tsm/connect", now, sizeof(now), WAIT_MS);
	c->busy = ret == -EBUSY;
	if (c->busy)
		return;
	if (ret)
		now[0] = '\0';
	if (d->seen && !streq(now, d->tsm)) {
		e.name = now[0] ? EVENT_CONNECTED : EVENT_DISCONNECTED;
		e.tsm = now[0] ? now : d->tsm;
		c->show(c->arg, &e);
	}
	d->seen = true;
	util_copy(d->tsm, sizeof(d->tsm), now);
}

/* While a device is bound, tdi_id is the ID of the bind, and not policy. */
static bool is_shown(struct summary *s, const char *attr)
{
	char bound[ATTR_MAX];

	return !streq(attr, "tdi_id") || summary_get(s, "bound", bound) || !streq(bound, "1");
}

static void compare_value(struct changes *c, const char *device, const char *attr, const char *now,
			  char *before, size_t size)
{
	const struct event e = { .device = device,
				 .name = EVENT_POLICY,
				 .previous = before,
				 .attribute = attr,
				 .value = now };

	if (before[0] && now[0] && !streq(now, before))
		c->show(c->arg, &e);
	util_copy(before, size, now);
}

static void look_policy(struct changes *c, struct followed *d, const struct pci_device *dev)
{
	char now[ATTR_MAX];
	struct summary s;

	summary_begin(&s, c->ctx, dev);
	for (size_t i = 0; i < POLICIES; i++) {
		const char *attr = policies[i].name;

		if (!is_shown(&s, attr))
			continue;
		if (summary_get(&s, attr, now))
			now[0] = '\0';
		compare_value(c, dev->name, attr, now, d->policy[i], sizeof(d->policy[i]));
	}
}

static void look_default(struct changes *c)
{
	char now[ATTR_MAX];

	if (!policy_available(c->ctx) ||
	    attr_read(c->ctx->policy_fd, DEFAULT_MODE, now, sizeof(now)))
		now[0] = '\0';
	if (c->wanted(c->arg, NULL))
		compare_value(c, NULL, DEFAULT_MODE, now, c->default_mode, sizeof(c->default_mode));
}

static void look(struct changes *c, struct followed *d, const struct pci_device *dev)
{
	char path[PCI_NAME_LEN + sizeof("/tsm")];

	snprintf(path, sizeof(path), "%s/tsm", dev->name);
	/* watch before the look: then a change in between is seen */
	watch(c, dev->fd, "tsm", WRITTEN, d);
	if (policy_available(c->ctx))
		watch(c, c->ctx->policy_fd, path, WRITTEN, d);
	look_connection(c, d, dev);
	look_policy(c, d, dev);
}

void changes_follow(struct changes *c, const struct pci_addr *addr)
{
	struct pci_device dev cleanup_pci = { .fd = -1 };
	struct followed *d;

	if (c->fd < 0 || !c->wanted(c->arg, addr) || pci_open(c->ctx, addr, &dev))
		return;
	d = find(c, addr);
	if (!d && (tsm_connects(&dev) || policy_has(c->ctx, dev.name)))
		d = add(c, addr);
	if (d)
		look(c, d, &dev);
}

static void follow_node(const void *node, VISIT visit, void *changes)
{
	const struct followed *d = *(struct followed *const *)node;

	if (visit == preorder || visit == leaf)
		changes_follow(changes, &d->addr);
}

static int follow_found(const struct ctx *ctx, const struct pci_addr *addr, void *changes)
{
	(void)ctx;
	changes_follow(changes, addr);
	return 0;
}

void changes_look(struct changes *c)
{
	if (c->fd < 0)
		return;
	c->busy = false;
	policy_close(c->ctx);
	c->attached = policy_available(c->ctx) &&
		      watch(c, c->ctx->policy_fd, ".", WRITTEN | ENTRIES, NULL);
	look_default(c);
	twalk_r(c->devices, follow_node, c);
	/* devices that can connect to a new TSM, and new policies */
	pci_scan(c->ctx, follow_found, c);
	policy_scan(c->ctx, follow_found, c);
}

int changes_begin(struct changes *c)
{
	c->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (c->fd < 0) {
		struct problem p = { .attribute = "inotify", .err = -errno, .stage = "monitor" };

		return report_error(c->ctx, &p,
				    "cannot wait for changes of connections and policy: %s",
				    strerror(-p.err));
	}
	changes_look(c);
	c->began = true;
	return 0;
}

static struct changes_dir *find_dir(struct changes *c, int wd)
{
	for (size_t i = 0; i < c->count; i++)
		if (c->dirs[i].wd == wd)
			return &c->dirs[i];
	return NULL;
}

static void take_one(struct changes *c, const struct inotify_event *i)
{
	struct changes_dir *dir = find_dir(c, i->wd);
	struct pci_addr addr;

	if (i->mask & IN_Q_OVERFLOW) {
		changes_look(c);
	} else if (dir && i->mask & IN_IGNORED) {
		/* the module was removed */
		if (!dir->device) {
			c->attached = false;
			policy_close(c->ctx);
		}
		*dir = c->dirs[--c->count];
	} else if (dir && dir->device) {
		changes_follow(c, &dir->device->addr);
	} else if (dir && i->len && !pci_addr_parse(i->name, &addr)) {
		changes_follow(c, &addr);
	} else if (dir) {
		look_default(c);
	}
}

/* The module may have been loaded. A slow TSM may have ended its work. */
static void look_again(struct changes *c)
{
	if (!c->attached) {
		policy_close(c->ctx);
		if (policy_available(c->ctx))
			changes_look(c);
	}
	if (c->busy) {
		c->busy = false;
		twalk_r(c->devices, follow_node, c);
	}
}

void changes_take(struct changes *c)
{
	char buf[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	ssize_t n;

	if (c->fd < 0)
		return;
	look_again(c);
	while ((n = read(c->fd, buf, sizeof(buf))) > 0) {
		const struct inotify_event *i;

		for (char *p = buf; p < buf + n; p += sizeof(*i) + i->len) {
			i = (const struct inotify_event *)(void *)p;
			take_one(c, i);
		}
	}
}

int changes_timeout(const struct changes *c)
{
	return c->fd >= 0 && (c->busy || !c->attached) ? AGAIN_MS : -1;
}

void changes_end(struct changes *c)
{
	tdestroy(c->devices, free);
	free(c->dirs);
	util_close(&c->fd);
}
