// SPDX-License-Identifier: GPL-2.0-or-later
/* tsmctl release: give a device back to its ordinary driver. */
#include <errno.h>

#include "holder.h"
#include "policy.h"
#include "report.h"
#include "verbs.h"

static int opt_forget;

static const struct poptOption options[] = {
	{ "forget", 0, POPT_ARG_NONE, &opt_forget, 0,
	  "remove the device's policy as well: its directory in configfs", NULL },
	POPT_TABLEEND
};

/* Gives the device back; @held is whether vfio-pci-tsm has it now. */
static int give_back(struct ctx *ctx, struct pci_device *dev, bool held)
{
	struct problem p = { .device = dev->name, .attribute = "driver", .stage = "override" };

	p.err = held ? holder_refuse(ctx, dev, "release it") : 0;
	if (p.err)
		return p.err;
	p.err = pci_set(ctx, dev, "driver_override", "");
	if (p.err)
		return report_error(ctx, &p, "cannot clear driver_override: %s", strerror(-p.err));
	p.stage = "unbind";
	p.err = held ? pci_unbind(ctx, dev) : 0;
	if (p.err)
		return report_error(ctx, &p, "cannot take it from " TSM_DRIVER ": %s",
				    strerror(-p.err));
	p.stage = "probe";
	/* without a driver for it, the kernel may call the probe a failure */
	p.err = pci_probe(ctx, dev);
	if (p.err == -EACCES || p.err == -EPERM || p.err == -ENOENT)
		return report_error(ctx, &p, "cannot probe for its driver: %s", strerror(-p.err));
	if (ctx->dry_run)
		return 0;
	p.stage = "verify";
	p.err = pci_look_driver(ctx, dev);
	if (p.err)
		return report_error(ctx, &p, "it has vanished");
	if (!streq(dev->driver, TSM_DRIVER))
		return 0;
	p.err = -EBUSY;
	p.hint = "remove its ID from the driver: write it to remove_id";
	return report_error(ctx, &p, TSM_DRIVER " took it again");
}

static int release(struct ctx *ctx, struct pci_device *dev, void *arg)
{
	char before[DRIVER_NAME_LEN], override[ATTR_MAX];
	struct outcome o = { .device = dev->name, .attribute = "driver" };
	bool held = streq(dev->driver, TSM_DRIVER);
	bool had = opt_forget && policy_has(ctx, dev->name);
	int ret;

	(void)arg;
	util_copy(before, sizeof(before), dev->driver);
	pci_get(dev, "driver_override", override);
	if (held || streq(override, TSM_DRIVER)) {
		ret = give_back(ctx, dev, held);
		if (ret)
			return ret;
		o.changed = true;
		if (!ctx->dry_run && !dev->driver[0])
			o.note = "no driver of this host took it";
	}
	if (had) {
		ret = policy_forget(ctx, dev->name);
		if (ret)
			return ret;
		o.changed = true;
	}
	o.previous = before[0] ? before : NULL;
	if (dev->driver[0] && !(ctx->dry_run && held))
		o.value = dev->driver;
	return report_outcome(ctx, &o);
}

static int run(struct ctx *ctx, const struct verb *verb, int argc, const char **argv)
{
	return devices_each(ctx, verb, argc, argv, release, NULL);
}

const struct verb verb_release = {
	.name = "release",
	.synopsis = "DEVICE... [--forget]",
	.summary = "give a device back to its ordinary driver",
	.help = "Clears driver_override, takes the device from " TSM_DRIVER ", and lets the "
		"kernel find its driver. The policy stays in configfs unless --forget is given.",
	.options = options,
	.flags = VERB_DEVICES | VERB_ABSENT,
	.run = run,
};
