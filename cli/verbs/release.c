// SPDX-License-Identifier: GPL-2.0-or-later
/* tsmctl release: give a device back to its ordinary driver. */
#include "host/assign.h"
#include "host/policy.h"
#include "report.h"
#include "verbs/verbs.h"

static int opt_forget;

static const struct poptOption options[] = {
	{ "forget", 0, POPT_ARG_NONE, &opt_forget, 0,
	  "remove the device's policy as well: its directory in configfs", NULL },
	POPT_TABLEEND
};

static int release(struct ctx *ctx, struct pci_device *dev, void *arg)
{
	char before[DRIVER_NAME_LEN], override[ATTR_MAX];
	struct outcome o = { .device = dev->name, .attribute = "driver" };
	struct outcome forgotten = {
		.device = dev->name, .attribute = "policy", .previous = "kept", .changed = true
	};
	bool held = streq(dev->driver, TSM_DRIVER);
	bool had = opt_forget && policy_has(ctx, dev->name);
	int ret;

	(void)arg;
	util_copy(before, sizeof(before), dev->driver);
	pci_get(dev, "driver_override", override);
	if (held || streq(override, TSM_DRIVER)) {
		ret = assign_release(ctx, dev);
		if (ret)
			return ret;
		o.changed = true;
		if (ctx->dry_run)
			o.note = "the kernel chooses its driver";
		else if (!dev->driver[0])
			o.note = "no driver of this host took it";
	}
	o.previous = before[0] ? before : NULL;
	if (dev->driver[0] && !(ctx->dry_run && held))
		o.value = dev->driver;
	report_outcome(ctx, &o);
	if (!had)
		return 0;
	ret = policy_forget(ctx, dev->name);
	return ret ?: report_outcome(ctx, &forgotten);
}

static int run(struct ctx *ctx, const struct verb *verb, int argc, const char **argv)
{
	return verb_each(ctx, verb, argc, argv, release, NULL);
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
