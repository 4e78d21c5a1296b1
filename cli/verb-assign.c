// SPDX-License-Identifier: GPL-2.0-or-later
/* tsmctl assign: give a device to vfio-pci-tsm, or leave everything as it was. */
#include <errno.h>

#include "holder.h"
#include "policy.h"
#include "report.h"
#include "verbs.h"

/* What sysfs shows when no driver_override is set. */
#define NO_OVERRIDE "(null)"

static int check(struct ctx *ctx, const struct pci_device *dev)
{
	struct problem p = { .device = dev->name,
			     .attribute = "driver",
			     .value = TSM_DRIVER,
			     .code = EXIT_UNSUPPORTED };

	if (!pci_has_driver(ctx, TSM_DRIVER)) {
		p.err = -ENOENT;
		p.stage = "module";
		p.hint = "run 'tsmctl load'";
		return report_error(ctx, &p, "the driver " TSM_DRIVER " is not loaded");
	}
	if (pci_group(ctx, dev) < 0) {
		p.err = -ENODEV;
		p.stage = "iommu";
		p.hint = "enable the IOMMU in the firmware and the kernel (intel_iommu=on)";
		return report_error(ctx, &p, "no IOMMU: it is in no IOMMU group");
	}
	return holder_refuse(ctx, dev, "assign it");
}

/* Gives the device back to whoever had it; what fails here is not reported again. */
static void roll_back(struct ctx *ctx, struct pci_device *dev, const char *driver,
		      const char *override)
{
	pci_set(ctx, dev, "driver_override", streq(override, NO_OVERRIDE) ? "" : override);
	pci_look_driver(ctx, dev);
	if (driver[0] && !streq(dev->driver, driver))
		pci_probe(ctx, dev);
	pci_look_driver(ctx, dev);
}

static int give(struct ctx *ctx, struct pci_device *dev, struct problem *p)
{
	p->stage = "override";
	p->err = pci_set(ctx, dev, "driver_override", TSM_DRIVER);
	if (p->err)
		return report_error(ctx, p, "cannot set driver_override: %s", strerror(-p->err));
	p->stage = "unbind";
	p->err = pci_unbind(ctx, dev);
	if (p->err)
		return report_error(ctx, p, "cannot take it from driver %s: %s", dev->driver,
				    strerror(-p->err));
	p->stage = "probe";
	p->err = pci_probe(ctx, dev);
	if (p->err)
		return report_error(ctx, p, "cannot probe for " TSM_DRIVER ": %s",
				    strerror(-p->err));
	if (ctx->dry_run)
		return 0;
	p->stage = "verify";
	p->err = pci_look_driver(ctx, dev);
	if (p->err)
		return report_error(ctx, p, "it has vanished");
	if (streq(dev->driver, TSM_DRIVER))
		return 0;
	p->err = -EIO;
	p->code = EXIT_FAILED;
	p->hint = "the kernel log says why: 'dmesg'; its former driver was asked to take it back";
	return report_error(ctx, p, TSM_DRIVER " did not take it, its driver is %s",
			    dev->driver[0] ? dev->driver : "none");
}

static int assign(struct ctx *ctx, struct pci_device *dev, void *arg)
{
	char before[DRIVER_NAME_LEN], override[ATTR_MAX], others[512], note[640];
	struct outcome o = { .device = dev->name, .attribute = "driver", .value = TSM_DRIVER };
	struct problem p = { .device = dev->name, .attribute = "driver", .value = TSM_DRIVER };
	int ret;

	(void)arg;
	util_copy(before, sizeof(before), dev->driver);
	o.previous = before[0] ? before : NULL;
	if (streq(before, TSM_DRIVER)) {
		o.changed = !policy_has(ctx, dev->name);
		return policy_create(ctx, dev) ?: report_outcome(ctx, &o);
	}
	ret = check(ctx, dev) ?: policy_create(ctx, dev);
	if (ret)
		return ret;
	if (pci_get(dev, "driver_override", override))
		util_copy(override, sizeof(override), NO_OVERRIDE);
	ret = give(ctx, dev, &p);
	if (ret) {
		roll_back(ctx, dev, before, override);
		return ret;
	}
	if (pci_group_strangers(ctx, pci_group(ctx, dev), dev, others, sizeof(others))) {
		snprintf(
			note, sizeof(note),
			"it cannot be opened while host drivers hold others of its IOMMU group: %s",
			others);
		o.note = note;
	}
	o.changed = true;
	return report_outcome(ctx, &o);
}

static int run(struct ctx *ctx, const struct verb *verb, int argc, const char **argv)
{
	return devices_each(ctx, verb, argc, argv, assign, NULL);
}

const struct verb verb_assign = {
	.name = "assign",
	.synopsis = "DEVICE...",
	.summary = "give a device to the driver " TSM_DRIVER,
	.help = "Sets driver_override, takes the device from its present driver, probes, and "
		"verifies; if " TSM_DRIVER " does not take it, its former driver gets it back. "
		"Makes the device's directory in configfs.",
	.flags = VERB_DEVICES,
	.run = run,
};
