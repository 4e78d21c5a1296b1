// SPDX-License-Identifier: GPL-2.0-or-later
/* PCI/TSM in sysfs, see tsm.h. */
#include <errno.h>
#include <fcntl.h>

#include "host/slow.h"
#include "host/tsm.h"

/* How long list and show wait for PCI/TSM's locks, once in a run. */
#define WAIT_MS 1000

#define NO_CONNECT "it cannot connect to a TSM: no tsm/connect in sysfs"

unsigned int tsm_find(const struct ctx *ctx, char *tsm, char *list, size_t size)
{
	cleanup_dir DIR *dir = NULL;
	unsigned int count = 0;
	struct dirent *e;

	list[0] = '\0';
	dir = util_opendirat(ctx->sysfs_fd, "class/tsm");
	if (!dir)
		return 0;
	while ((e = readdir(dir))) {
		if (!tsm_is_name(e->d_name))
			continue;
		util_copy(tsm, TSM_NAME_LEN, e->d_name);
		util_add_item(list, size, ", ", e->d_name);
		count++;
	}
	return count;
}

bool tsm_exists(const struct ctx *ctx, const char *tsm)
{
	char path[sizeof("class/tsm/") + TSM_NAME_LEN];

	snprintf(path, sizeof(path), "class/tsm/%s", tsm);
	return !faccessat(ctx->sysfs_fd, path, F_OK, 0);
}

int tsm_get(const struct pci_device *dev, const char *name, char *buf)
{
	static bool busy;
	int ret = -ENODEV;

	if (dev->present && busy)
		ret = -EBUSY;
	else if (dev->present)
		ret = attr_read_within(dev->fd, name, buf, ATTR_MAX, WAIT_MS);
	busy = busy || ret == -EBUSY;
	if (ret)
		buf[0] = '\0';
	return ret;
}

/* Reports once in a run: after PCI/TSM was busy, no attribute of it is read any more. */
static void report_busy(struct ctx *ctx, const struct pci_device *dev, const char *attr)
{
	struct problem p = { .device = dev->name,
			     .attribute = attr,
			     .err = -EBUSY,
			     .stage = "read",
			     .hint = "run it again when the TSM is done" };
	static bool reported;

	if (!reported)
		report_error(
			ctx, &p,
			"a TSM is slow: TSM and DSM of this and all later devices are unknown");
	reported = true;
}

int tsm_look(struct ctx *ctx, const struct pci_device *dev, const char *name, char *buf)
{
	int ret = tsm_get(dev, name, buf);

	if (ret == -EBUSY)
		report_busy(ctx, dev, name);
	return ret;
}

/* What --dry-run has planned: a pair of name and TSM for each device. */
static struct {
	char (*pairs)[2][PCI_NAME_LEN];
	size_t count;
} planned;

void tsm_plan(const struct pci_device *dev, const char *tsm)
{
	void *pairs = reallocarray(planned.pairs, planned.count + 1, sizeof(*planned.pairs));

	if (!pairs)
		return;
	planned.pairs = pairs;
	util_copy(planned.pairs[planned.count][0], PCI_NAME_LEN, dev->name);
	util_copy(planned.pairs[planned.count][1], PCI_NAME_LEN, streq(tsm, "none") ? "" : tsm);
	planned.count++;
}

/* The TSM that a plan has for a device; NULL if there is none. The last one counts. */
static const char *plan_of(const char *name)
{
	for (size_t i = planned.count; i; i--)
		if (streq(planned.pairs[i - 1][0], name))
			return planned.pairs[i - 1][1];
	return NULL;
}

/* The DSM before it is connected, which only a plan has: function 0, or that of the PF. */
static bool planned_dsm(const struct pci_device *dev, char *name)
{
	struct pci_addr addr;

	if (!planned.count)
		return false;
	if (!pci_link(dev, "physfn", &addr))
		addr = dev->addr;
	addr.fn = 0;
	pci_addr_name(&addr, name);
	return plan_of(name) && !streq(name, dev->name);
}

bool tsm_connects(const struct pci_device *dev)
{
	return dev->present && !faccessat(dev->fd, "tsm/connect", F_OK, 0);
}

/*
 * Reads an attribute of PCI/TSM before a change, and waits for PCI/TSM. @device is the one
 * that is to be changed.
 */
static int get_waiting(struct ctx *ctx, const char *device, const struct pci_device *dev,
		       const char *name, char *buf)
{
	struct problem p = { .device = device, .attribute = name, .stage = "read" };
	struct wait w;

	wait_begin(&w, ctx, device, WAIT_FOREVER, "PCI/TSM, which is at work");
	p.err = pci_get_slow(dev, name, buf, &w);
	if (p.err == -ETIMEDOUT || p.err == -EINTR) {
		p.hint = "'tsmctl show @' shows it when PCI/TSM is idle";
		return slow_report(&w, &p);
	}
	if (!p.err || p.err == -ENOENT)
		return p.err;
	if (p.err == -EBUSY)
		return report_error(ctx, &p, "cannot read %s: PCI/TSM is at work", name);
	return report_error(ctx, &p, "cannot read %s: %s", name, strerror(-p.err));
}

int tsm_get_connected(struct ctx *ctx, const struct pci_device *dev, char *buf)
{
	return get_waiting(ctx, dev->name, dev, "tsm/connect", buf);
}

int tsm_get_bound(struct ctx *ctx, const struct pci_device *dev, char *buf)
{
	buf[0] = '\0';
	return dev->present ? get_waiting(ctx, dev->name, dev, "tsm/bound", buf) : -ENOENT;
}

int tsm_follows(struct ctx *ctx, const struct pci_device *dev, struct tsm_dsm *dsm)
{
	struct pci_device of cleanup_pci = { .fd = -1 };
	char text[ATTR_MAX];
	struct pci_addr addr;
	const char *plan;
	int ret;

	if (tsm_connects(dev))
		return 0;
	ret = get_waiting(ctx, dev->name, dev, "tsm/dsm", text);
	if (ret && ret != -ENOENT)
		return ret;
	if (!text[0] && !planned_dsm(dev, text))
		return 0;
	plan = plan_of(text);
	if (pci_addr_parse(text, &addr) || pci_open(ctx, &addr, &of))
		return 0;
	util_copy(dsm->name, sizeof(dsm->name), of.name);
	if (plan)
		util_copy(dsm->tsm, sizeof(dsm->tsm), plan);
	else
		ret = get_waiting(ctx, dev->name, &of, "tsm/connect", dsm->tsm);
	return ret && ret != -ENOENT ? ret : dsm->tsm[0] != '\0';
}

const char *tsm_lacks(const struct ctx *ctx, const struct pci_device *dev, const char *tsm)
{
	if (!tsm_connects(dev))
		return NO_CONNECT;
	return tsm_exists(ctx, tsm) ? NULL : "this host has no such TSM";
}

static int report_refusal(struct ctx *ctx, const struct pci_device *dev, struct problem *p,
			  const char *tsm, const struct wait *w)
{
	const char *why = NULL;

	p->stage = "connect";
	if (p->err == -ENXIO) {
		p->code = EXIT_UNSUPPORTED;
		p->hint = "'ls /sys/class/tsm' shows the TSMs";
		why = tsm_lacks(ctx, dev, tsm);
	} else {
		p->hint = w->refused || p->err == -EACCES || p->err == -EPERM ? NULL : LOG_HINT;
	}
	return report_error(ctx, p, "cannot connect it to %s: %s", tsm, why ?: wait_why(w, p->err));
}

static int connect_to(struct ctx *ctx, const struct pci_device *dev, const char *tsm,
		      struct wait *w)
{
	wait_begin(w, ctx, dev->name, WAIT_FOREVER, "%s to connect it", tsm);
	return pci_set_slow(dev, "tsm/connect", tsm, w);
}

int tsm_connect(struct ctx *ctx, const struct pci_device *dev, const char *tsm)
{
	struct problem p = { .device = dev->name, .attribute = "tsm/connect", .value = tsm };
	struct wait w = { 0 };
	char after[ATTR_MAX];
	int ret;

	/* under --dry-run, the kernel does not check that */
	if (ctx->dry_run && !tsm_exists(ctx, tsm))
		p.err = -ENXIO;
	else
		p.err = connect_to(ctx, dev, tsm, &w);
	if (ctx->unfinished) {
		p.stage = "connect";
		p.hint =
			"it may be connected in the end: see 'tsmctl show @'; 'tsmctl disconnect @' undoes that";
		return slow_report(&w, &p);
	}
	if (ctx->dry_run && !p.err) {
		tsm_plan(dev, tsm);
		return 0;
	}
	/* another run may have connected it meanwhile, or the process that was killed */
	if (p.err && !tsm_get(dev, "tsm/connect", after) && streq(after, tsm))
		return !w.lost;
	if (p.err)
		return report_refusal(ctx, dev, &p, tsm, &w);
	ret = tsm_get_connected(ctx, dev, after);
	/* a change that cannot be verified still counts as one */
	if (ret && ret != -ENOENT) {
		ctx->gave_up = true;
		report_change(ctx, &(struct outcome){ .device = dev->name,
						      .attribute = "tsm",
						      .value = tsm,
						      .previous = "none",
						      .note = "not verified" });
	}
	if (ret != -ENOENT && (ret || streq(after, tsm)))
		return ret;
	p.stage = "verify";
	p.err = -EIO;
	return report_error(ctx, &p, "the kernel reported success, but it is not connected to %s",
			    tsm);
}

/*
 * How long a scan of all functions is used again, in ms, and how many times as long as it took
 * itself: on a host with many functions, scans are a small part of what a run does.
 */
#define SCAN_MS 1000
#define SCAN_TIMES 10

/* The functions that can be bound, by their DSM, of the last scan. */
static struct {
	struct timespec began;
	unsigned long took_ms;
	struct candidate {
		struct pci_addr addr;
		/* its own name, if it has no DSM: then it belongs to no other device */
		char dsm[PCI_NAME_LEN];
	} *all;
	size_t count;
	size_t size;
} scan;

/* A scan, for messages about the device that is to be disconnected. */
struct scan_for {
	struct ctx *ctx;
	const struct pci_device *dsm;
};

static int add_candidate(const struct pci_addr *addr, const char *dsm)
{
	if (scan.count == scan.size) {
		size_t size = scan.size ? scan.size * 2 : 64;
		void *all = reallocarray(scan.all, size, sizeof(*scan.all));

		if (!all)
			return -ENOMEM;
		scan.all = all;
		scan.size = size;
	}
	scan.all[scan.count].addr = *addr;
	util_copy(scan.all[scan.count++].dsm, PCI_NAME_LEN, dsm);
	return 0;
}

static int consider(const struct ctx *ctx, const struct pci_addr *addr, void *arg)
{
	struct pci_device dev cleanup_pci = { .fd = -1 };
	const struct scan_for *f = arg;
	char dsm[ATTR_MAX];
	int ret;

	if (pci_open(ctx, addr, &dev) || faccessat(dev.fd, "tsm/bound", F_OK, 0))
		return 0;
	ret = get_waiting(f->ctx, f->dsm->name, &dev, "tsm/dsm", dsm);
	return ret && ret != -ENOENT ? ret : add_candidate(addr, dsm[0] ? dsm : dev.name);
}

static int by_dsm(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;
	uint64_t xkey = pci_addr_key(&x->addr), ykey = pci_addr_key(&y->addr);

	return strcmp(x->dsm, y->dsm) ?: (xkey > ykey) - (xkey < ykey);
}

/* Return: the place of the first function of a DSM, or of the next DSM if it has none. */
static size_t first_of(const char *dsm)
{
	size_t low = 0, high = scan.count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(scan.all[middle].dsm, dsm) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool is_of(size_t place, const char *dsm)
{
	return place < scan.count && streq(scan.all[place].dsm, dsm);
}

/* Return: ms since the last scan began. */
static unsigned long scan_age(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec - scan.began.tv_sec) * 1000 +
	       (now.tv_nsec - scan.began.tv_nsec) / 1000000;
}

/*
 * Looks at all functions, but not again for each device that a run disconnects: the last scan
 * has the functions of a DSM that was connected by then.
 */
static int find_candidates(struct ctx *ctx, const struct pci_device *dev)
{
	struct scan_for f = { ctx, dev };
	int ret;

	if (is_of(first_of(dev->name), dev->name) &&
	    scan_age() < SCAN_MS + SCAN_TIMES * scan.took_ms)
		return 0;
	scan.count = 0;
	clock_gettime(CLOCK_MONOTONIC, &scan.began);
	ret = pci_scan(ctx, consider, &f);
	scan.took_ms = scan_age();
	if (ret && ret != -ENOENT)
		scan.count = 0;
	if (scan.count)
		qsort(scan.all, scan.count, sizeof(*scan.all), by_dsm);
	/* without a PCI bus, nothing is bound */
	return ret == -ENOENT ? 0 : ret;
}

/* Return: 1 if a function is bound now, 0 if not, or negative errno, reported. */
static int is_bound(struct ctx *ctx, const struct pci_device *dsm, const struct pci_addr *addr)
{
	struct pci_device dev cleanup_pci = { .fd = -1 };
	char text[ATTR_MAX];
	int ret;

	if (pci_open(ctx, addr, &dev))
		return 0;
	ret = get_waiting(ctx, dsm->name, &dev, "tsm/bound", text);
	return ret && ret != -ENOENT ? ret : text[0] != '\0';
}

int tsm_find_bound(struct ctx *ctx, const struct pci_device *dev, char *list, size_t size)
{
	unsigned int left = 0;
	int ret, count = 0;

	list[0] = '\0';
	ret = find_candidates(ctx, dev);
	for (size_t i = first_of(dev->name); ret >= 0 && is_of(i, dev->name); i++) {
		const struct candidate *c = &scan.all[i];
		char name[PCI_NAME_LEN];

		ret = is_bound(ctx, dev, &c->addr);
		if (ret <= 0)
			continue;
		pci_addr_name(&c->addr, name);
		left += !util_add_item(list, size - UTIL_MORE, ", ", name);
		count++;
	}
	util_add_more(list, size, left);
	return ret < 0 ? ret : count;
}

int tsm_refuse_bound(struct ctx *ctx, const struct pci_device *dev)
{
	char list[256], tsm[ATTR_MAX];
	struct problem p = { .device = dev->name,
			     .attribute = "tsm/disconnect",
			     .value = tsm,
			     .err = -EBUSY,
			     .stage = "disconnect",
			     .hint = UNBOUND_HINT };
	int count = tsm_find_bound(ctx, dev, list, sizeof(list));

	if (count <= 0)
		return count;
	tsm_get(dev, "tsm/connect", tsm);
	if (streq(list, dev->name))
		return report_error(ctx, &p, "cannot disconnect it while it is bound to a VM");
	p.hint = "run 'tsmctl unbind' or 'tsmctl revoke' for each of them first";
	return report_error(ctx, &p, "cannot disconnect it: " DEPENDENTS_CAUSE ": %s", list);
}

int tsm_disconnect(struct ctx *ctx, const struct pci_device *dev, const char *tsm)
{
	struct problem p = { .device = dev->name,
			     .attribute = "tsm/disconnect",
			     .value = tsm,
			     .stage = "disconnect" };
	char after[ATTR_MAX];
	struct wait w;
	int ret;

	/* PCI/TSM would unbind each function that has it as DSM, and guests would lose devices */
	ret = tsm_refuse_bound(ctx, dev);
	if (ret)
		return ret;
	if (ctx->dry_run)
		tsm_plan(dev, "none");
	wait_begin(&w, ctx, dev->name, WAIT_FOREVER, "%s to disconnect it", tsm);
	p.err = pci_set_slow(dev, "tsm/disconnect", tsm, &w);
	if (ctx->unfinished) {
		p.hint = "it may be disconnected in the end: see 'tsmctl show @'";
		return slow_report(&w, &p);
	}
	/* another run may have disconnected it meanwhile, or the process that was killed */
	if (p.err && !tsm_get(dev, "tsm/connect", after) && !after[0])
		return !w.lost;
	if (p.err)
		return report_error(ctx, &p, "cannot disconnect it from %s: %s", tsm,
				    wait_why(&w, p.err));
	return 0;
}

int tsm_report_none(struct ctx *ctx, const struct pci_device *dev, const char *tsm)
{
	struct problem p = {
		.device = dev->name,
		.attribute = "tsm/connect",
		.value = tsm,
		.err = -ENOENT,
		.stage = "device",
		.hint = "connect function 0 of a TEE-capable device; its other functions follow",
		.code = EXIT_UNSUPPORTED,
	};

	return report_error(ctx, &p, NO_CONNECT);
}
