// SPDX-License-Identifier: GPL-2.0-or-later
/* tsmctl assign: give a device to vfio-pci-tsm, or change nothing. */
#include "host/assign.h"
#include "host/former.h"
#include "host/in_use.h"
#include "host/policy.h"
#include "host/quarantine.h"
#include "report.h"
#include "verbs/common.h"

static int opt_force;

static const struct poptOption options[] = {
	{ "force", 0, POPT_ARG_NONE, &opt_force, 0,
	  "assign a device even if the host uses it, as for a mounted file system", NULL },
	VERB_SAVE,
	VERB_TIMEOUT,
	POPT_TABLEEND
};

static int assign(struct ctx *ctx, struct pci_device *dev, void *arg)
{
	char before[DRIVER_NAME_LEN], others[512], note[900];
	struct outcome o = { .device = dev->name, .attribute = "driver", .value = TSM_DRIVER };
	struct outcome used = { .device = dev->name,
				.attribute = IN_USE,
				.note = "it is assigned all the same, because of --force" };
	struct host_use use;
	char override[ATTR_MAX];
	bool had;
	int ret;

	(void)arg;
	note[0] = '\0';
	util_copy(before, sizeof(before), dev->driver);
	o.previous = before[0] ? before : NULL;
	if (streq(before, TSM_DRIVER)) {
		o.changed = !policy_has(ctx, dev->name);
		if (o.changed) {
			o.attribute = "policy";
			o.value = "kept";
			o.previous = NULL;
		}
		return policy_create(ctx, dev) ?: report_outcome(ctx, &o);
	}
	used.value = used.previous = use.text;
	ret = assign_check(ctx, dev) ?: in_use_refuse(ctx, dev, opt_force ? NULL : "--force", &use);
	if (ret)
		return ret;
	had = policy_has(ctx, dev->name);
	ret = policy_create(ctx, dev) ?: assign_take(ctx, dev);
	/* another run that has assigned it needs the policy */
	if (ret < 0 && !had && !ctx->unfinished && !streq(dev->driver, TSM_DRIVER))
		policy_forget(ctx, dev->name);
	if (ret < 0)
		return ret;
	if (use.count)
		report_outcome(ctx, &used);
	former_get(ctx, dev, override);
	if (override[0] && !ctx->dry_run)
		snprintf(note, sizeof(note),
			 "its driver_override was '%s': 'tsmctl release' restores that", override);
	if (pci_group_strangers(ctx, pci_group(ctx, dev), dev, others, sizeof(others))) {
		snprintf(
			note + strlen(note), sizeof(note) - strlen(note),
			"%sit cannot be bound while functions of its IOMMU group have other drivers: %s",
			note[0] ? "; " : "", others);
	}
	if (note[0])
		o.note = note;
	if (quarantine_is_on(ctx, dev))
		o.note = "it is quarantined, and cannot be opened: see 'tsmctl doctor'";
	o.changed = true;
	return report_outcome(ctx, &o);
}

static int assign_and_keep(struct ctx *ctx, struct pci_device *dev, void *arg)
{
	const char *want[SETTINGS] = { [SET_ASSIGNED] = "1", [SET_FORCE] = opt_force ? "1" : NULL };

	return assign(ctx, dev, arg) ?: verb_keep(ctx, dev, want);
}

static int run(struct ctx *ctx, const struct verb *verb, int argc, const char **argv)
{
	return verb_change_each(ctx, verb, argc, argv, assign_and_keep, NULL);
}

const struct verb verb_assign = {
	.name = "assign",
	.synopsis = "DEVICE... [--force]",
	.summary = "give a device to the driver " TSM_DRIVER,
	.help = "Sets driver_override, detaches the device from its driver, and has " TSM_DRIVER
		" probe it; if that fails, its former driver gets it back. A device that the "
		"host itself uses is refused.",
	.options = options,
	.flags = VERB_DEVICES | VERB_TSM_SIDE | VERB_NO_BRIDGE,
	.offer = OFFER_UNASSIGNED,
	.run = run,
};
