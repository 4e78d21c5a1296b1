// SPDX-License-Identifier: GPL-2.0-or-later
/* tsmctl assign: give a device to vfio-pci-tsm, or leave everything as it was. */
#include "host/assign.h"
#include "host/policy.h"
#include "report.h"
#include "verbs/verbs.h"

static int assign(struct ctx *ctx, struct pci_device *dev, void *arg)
{
	char before[DRIVER_NAME_LEN], others[512], note[640];
	struct outcome o = { .device = dev->name, .attribute = "driver", .value = TSM_DRIVER };
	int ret;

	(void)arg;
	util_copy(before, sizeof(before), dev->driver);
	o.previous = before[0] ? before : NULL;
	if (streq(before, TSM_DRIVER)) {
		o.changed = !policy_has(ctx, dev->name);
		return policy_create(ctx, dev) ?: report_outcome(ctx, &o);
	}
	ret = assign_check(ctx, dev) ?: policy_create(ctx, dev) ?: assign_take(ctx, dev);
	if (ret)
		return ret;
	if (pci_group_strangers(ctx, pci_group(ctx, dev), dev, others, sizeof(others))) {
		snprintf(
			note, sizeof(note),
			"it cannot be bound while others of its IOMMU group are on other drivers: %s",
			others);
		o.note = note;
	}
	o.changed = true;
	return report_outcome(ctx, &o);
}

static int run(struct ctx *ctx, const struct verb *verb, int argc, const char **argv)
{
	return verb_each(ctx, verb, argc, argv, assign, NULL);
}

const struct verb verb_assign = {
	.name = "assign",
	.synopsis = "DEVICE...",
	.summary = "give a device to the driver " TSM_DRIVER,
	.help = "Sets driver_override, takes the device from its present driver, probes, and "
		"verifies; if " TSM_DRIVER " does not take it, its former driver gets it back. "
		"Makes the device's directory in configfs.",
	.flags = VERB_DEVICES | VERB_TSM_SIDE,
	.run = run,
};
