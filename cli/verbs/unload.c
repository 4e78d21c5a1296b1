// SPDX-License-Identifier: GPL-2.0-or-later
/* tsmctl unload: remove the kernel modules, if nothing needs them. */
#include <errno.h>

#include "config/lock.h"
#include "host/modules.h"
#include "host/policy.h"
#include "host/quarantine.h"
#include "report.h"
#include "verbs/common.h"

static int opt_forget;

static const struct poptOption options[] = {
	{ "forget", 0, POPT_ARG_NONE, &opt_forget, 0,
	  "remove the policy of all devices first: their directories in configfs", NULL },
	POPT_TABLEEND
};

static const char *const modules[] = { "vfio_pci_tsm", SIM_MODULE, "vfio_tsm" };

/* Removes the policy of a device, under its lock: another run may need the policy. */
static int forget(struct ctx *ctx, const struct pci_addr *addr)
{
	struct pci_device dev cleanup_pci = { .fd = -1 };
	struct outcome forgotten = {
		.device = dev.name, .attribute = "policy", .previous = "kept", .changed = true
	};
	struct problem p = { .device = dev.name, .stage = "open" };
	int ret;

	p.err = pci_open(ctx, addr, &dev);
	if (p.err)
		return report_error(ctx, &p, "cannot open it in sysfs: %s", strerror(-p.err));
	ret = lock_device(ctx, &dev);
	if (ret)
		return ret;
	/* another run may have removed it meanwhile */
	if (policy_has(ctx, dev.name))
		ret = policy_forget(ctx, dev.name) ?: report_outcome(ctx, &forgotten);
	unlock_device(ctx, &dev);
	return ret;
}

/* Devices that have policy. visit() collects their names, or removes the policy. */
struct directories {
	struct ctx *ctx;
	char text[512];
	unsigned int count;
	unsigned int left;
	int ret;
};

static int visit(const struct ctx *ctx, const struct pci_addr *addr, void *arg)
{
	struct directories *d = arg;
	char name[PCI_NAME_LEN];

	(void)ctx;
	if (opt_forget)
		return d->ret = forget(d->ctx, addr);
	pci_addr_name(addr, name);
	d->left += !util_add_item(d->text, sizeof(d->text) - UTIL_MORE, " ", name);
	d->count++;
	return 0;
}

/* The kernel does not remove a module that keeps a quarantine: a new one would not have it. */
static int find_quarantined(const struct ctx *ctx, const struct pci_addr *addr, void *arg)
{
	struct pci_device dev cleanup_pci = { .fd = -1 };
	struct directories *d = arg;

	if (pci_open(ctx, addr, &dev) || !quarantine_is_on(d->ctx, &dev))
		return 0;
	d->left += !util_add_item(d->text, sizeof(d->text) - UTIL_MORE, " ", dev.name);
	d->count++;
	return 0;
}

static int check_quarantine(struct ctx *ctx)
{
	struct directories d = { .ctx = ctx };
	char hint[64];
	struct problem p = { .attribute = "module",
			     .value = "vfio_tsm",
			     .err = -EBUSY,
			     .stage = QUARANTINED,
			     .hint = hint };

	policy_scan(ctx, find_quarantined, &d);
	if (!d.count)
		return 0;
	util_add_more(d.text, sizeof(d.text), d.left);
	snprintf(hint, sizeof(hint), "'tsmctl doctor %.*s' shows what ends it",
		 (int)strcspn(d.text, " "), d.text);
	return report_error(ctx, &p, "vfio_tsm keeps devices in quarantine: %s", d.text);
}

/* Refuses to remove modules that are needed: without the driver, owners lose their devices. */
static int check(struct ctx *ctx)
{
	struct problem p = {
		.attribute = "module", .value = "vfio_pci_tsm", .err = -EBUSY, .stage = "in-use"
	};
	struct directories d = { .ctx = ctx };
	char text[512];
	int ret;

	if (pci_driver_devices(ctx, TSM_DRIVER, text, sizeof(text))) {
		p.hint = "run 'tsmctl release all'";
		return report_error(ctx, &p, TSM_DRIVER " still has %s", text);
	}
	ret = check_quarantine(ctx);
	if (ret)
		return ret;
	ret = policy_scan(ctx, visit, &d);
	if (d.ret)
		return d.ret;
	p.value = "vfio_tsm";
	if (ret) {
		p.err = ret;
		return report_error(ctx, &p, "cannot look through configfs: %s", strerror(-ret));
	}
	if (!d.count)
		return 0;
	util_add_more(d.text, sizeof(d.text), d.left);
	p.hint = "'tsmctl unload --forget' also removes that";
	return report_error(ctx, &p, "configfs still has the policy of %s", d.text);
}

static int remove_one(struct ctx *ctx, const char *name)
{
	struct outcome o = { .attribute = name, .value = "unloaded" };
	struct problem p = { .attribute = "module", .value = name, .stage = "module" };

	p.err = module_remove(ctx, name, &o.changed);
	if (p.err) {
		p.hint =
			p.err != -EBUSY && p.err != -EAGAIN ?
				NULL :
			!streq(name, "vfio_tsm") ?
				"'lsmod' shows what uses it" :
				"'lsmod' shows what uses it; if nothing does, a device without policy is in quarantine: the kernel log names it, and 'tsmctl free' ends that";
		p.code = p.err == -EAGAIN ? EXIT_BUSY : 0;
		return report_error(ctx, &p, "cannot remove module %s: %s", name, strerror(-p.err));
	}
	o.previous = o.changed ? "loaded" : "unloaded";
	return report_outcome(ctx, &o);
}

static int run(struct ctx *ctx, const struct verb *verb, int argc, const char **argv)
{
	cleanup_fd int lock = -1;
	int ret;

	if (argc)
		return verb_usage_error(ctx, verb, argv[0], "takes no '%s'", argv[0]);
	ret = modules_init(ctx, NULL) ?: lock_modules(ctx, &lock) ?: check(ctx);
	/* an open directory of configfs would keep its module */
	policy_close(ctx);
	for (size_t i = 0; !ret && i < ARRAY_SIZE(modules); i++)
		ret = remove_one(ctx, modules[i]);
	modules_done();
	return ret;
}

const struct verb verb_unload = {
	.name = "unload",
	.synopsis = "[--forget]",
	.summary = "remove the kernel modules",
	.help = "Removes vfio_pci_tsm, vfio_tsm and tsm_sim. The command is refused while a "
		"device is assigned or in quarantine, and while policy is in configfs, unless "
		"--forget is given.",
	.options = options,
	.run = run,
};
