// SPDX-License-Identifier: GPL-2.0-or-later
/* PCI/TSM in sysfs, see tsm.h. */
#include <errno.h>
#include <fcntl.h>

#include "host/tsm.h"
#include "report.h"

/* How long list and show wait for PCI/TSM's locks, once in a run. */
#define WAIT_MS 1000

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

static int report_refusal(struct ctx *ctx, struct problem *p, const char *tsm)
{
	p->stage = "connect";
	if (p->err == -ENXIO) {
		p->code = EXIT_UNSUPPORTED;
		p->hint = "'ls /sys/class/tsm' shows the TSMs";
	} else {
		p->hint = p->err == -EACCES || p->err == -EPERM ?
				  NULL :
				  "the kernel log may say more: 'dmesg'";
	}
	return report_error(ctx, p, "cannot connect it to %s: %s", tsm, strerror(-p->err));
}

int tsm_connect(struct ctx *ctx, const struct pci_device *dev, const char *tsm)
{
	struct problem p = { .device = dev->name, .attribute = "tsm/connect", .value = tsm };
	char after[ATTR_MAX];

	/* nobody else would say so */
	if (ctx->dry_run && !tsm_exists(ctx, tsm))
		p.err = -ENXIO;
	else
		p.err = pci_set(ctx, dev, "tsm/connect", tsm);
	if (p.err)
		return report_refusal(ctx, &p, tsm);
	p.stage = "verify";
	if (ctx->dry_run || (pci_get(dev, "tsm/connect", after) == 0 && streq(after, tsm)))
		return 0;
	p.err = -EIO;
	return report_error(ctx, &p, "it is not connected to %s afterwards", tsm);
}

/* The functions that a disconnect would unbind, as they are found. */
struct bound {
	const struct pci_device *dsm;
	char *list;
	size_t size;
	unsigned int count;
};

static int consider_bound(const struct ctx *ctx, const struct pci_addr *addr, void *arg)
{
	struct pci_device dev cleanup_pci = { .fd = -1 };
	struct bound *b = arg;
	char text[ATTR_MAX];

	if (pci_open(ctx, addr, &dev) || pci_get(&dev, "tsm/bound", text) || !text[0])
		return 0;
	/* one that is bound, and does not tell by whom, is nobody else's */
	if (!streq(dev.name, b->dsm->name) &&
	    (pci_get(&dev, "tsm/dsm", text) || !streq(text, b->dsm->name)))
		return 0;
	util_add_item(b->list, b->size, ", ", dev.name);
	b->count++;
	return 0;
}

unsigned int tsm_find_bound(const struct ctx *ctx, const struct pci_device *dev, char *list,
			    size_t size)
{
	struct bound b = { .dsm = dev, .list = list, .size = size };

	list[0] = '\0';
	pci_scan(ctx, consider_bound, &b);
	return b.count;
}

int tsm_refuse_bound(struct ctx *ctx, const struct pci_device *dev)
{
	char list[256], tsm[ATTR_MAX];
	struct problem p = { .device = dev->name,
			     .attribute = "tsm/disconnect",
			     .value = tsm,
			     .err = -EBUSY,
			     .stage = "disconnect",
			     .hint = "run 'tsmctl unbind' or 'tsmctl revoke' for them first" };

	pci_get(dev, "tsm/connect", tsm);
	if (!tsm_find_bound(ctx, dev, list, sizeof(list)))
		return 0;
	if (streq(list, dev->name))
		return report_error(ctx, &p, "cannot disconnect it while it is bound to a VM");
	p.hint = "run 'tsmctl unbind' or 'tsmctl revoke' for each of them first";
	return report_error(ctx, &p, "cannot disconnect it: what hangs on it is bound: %s", list);
}

int tsm_disconnect(struct ctx *ctx, const struct pci_device *dev, const char *tsm)
{
	struct problem p = { .device = dev->name,
			     .attribute = "tsm/disconnect",
			     .value = tsm,
			     .stage = "disconnect" };
	int ret;

	/* PCI/TSM would unbind all that has it for DSM, and guests would lose devices */
	ret = tsm_refuse_bound(ctx, dev);
	if (ret)
		return ret;
	p.err = pci_set(ctx, dev, "tsm/disconnect", tsm);
	if (p.err)
		return report_error(ctx, &p, "cannot disconnect it from %s: %s", tsm,
				    strerror(-p.err));
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

	return report_error(ctx, &p, "it cannot connect to a TSM: no tsm/connect in sysfs");
}
