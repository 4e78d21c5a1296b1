// SPDX-License-Identifier: GPL-2.0-or-later
/* tsmctl release: give a device back to its ordinary driver. */
#include "host/assign.h"
#include "host/policy.h"
#include "report.h"
#include "verbs/common.h"

static int opt_forget;

static const struct poptOption options[] = {
	{ "forget", 0, POPT_ARG_NONE, &opt_forget, 0,
	  "also remove the device's policy: its directory in configfs", NULL },
	VERB_SAVE,
	VERB_TIMEOUT,
	POPT_TABLEEND
};

static int release(struct ctx *ctx, struct pci_device *dev, void *arg)
{
	const char *goal = NULL;
	char before[DRIVER_NAME_LEN], note[ATTR_MAX + 128] = "";
	struct assignment was;
	struct outcome o = { .device = dev->name, .attribute = "driver" };
	struct outcome forgotten = {
		.device = dev->name, .attribute = "policy", .previous = "kept", .changed = true
	};
	bool held = streq(dev->driver, TSM_DRIVER);
	bool had = opt_forget && policy_has(ctx, dev->name);
	int ret;

	(void)arg;
	util_copy(before, sizeof(before), dev->driver);
	assign_look(ctx, dev, &was);
	if (held || streq(was.override, TSM_DRIVER)) {
		ret = assign_release(ctx, dev);
		if (ret)
			return ret;
		o.changed = true;
		goal = ctx->dry_run ? assign_goal(ctx, dev, &was) : NULL;
		o.open = ctx->dry_run && !goal;
		if (o.open)
			util_copy(note, sizeof(note), KERNEL_CHOOSES);
		else if (ctx->dry_run)
			o.value = goal;
		else if (!dev->driver[0])
			util_copy(note, sizeof(note), "no driver of this host took it");
		if (was.former[0])
			snprintf(note + strlen(note), sizeof(note) - strlen(note),
				 "%sits driver_override is '%s' again", note[0] ? "; " : "",
				 was.former);
		o.note = note[0] ? note : NULL;
	}
	o.previous = before[0] ? before : NULL;
	if (!goal && dev->driver[0] && !(ctx->dry_run && held))
		o.value = dev->driver;
	report_outcome(ctx, &o);
	if (!had)
		return 0;
	ret = policy_forget(ctx, dev->name);
	return ret ?: report_outcome(ctx, &forgotten);
}

static int release_and_keep(struct ctx *ctx, struct pci_device *dev, void *arg)
{
	const char *want[SETTINGS] = { [SET_ASSIGNED] = "0" };

	return release(ctx, dev, arg) ?: verb_keep(ctx, dev, want);
}

static int run(struct ctx *ctx, const struct verb *verb, int argc, const char **argv)
{
	/* policy in other files would come back */
	if (opt_forget && verb_saves)
		return verb_usage_error(
			ctx, verb, NULL,
			"--forget and --save exclude each other: remove its entries, which 'tsmctl config show' shows");
	return verb_change_each(ctx, verb, argc, argv, release_and_keep, NULL);
}

const struct verb verb_release = {
	.name = "release",
	.synopsis = "DEVICE... [--forget]",
	.summary = "give a device back to its ordinary driver",
	.help = "Clears driver_override, or restores the one from before 'assign', detaches the "
		"device from " TSM_DRIVER
		", and lets the kernel find its driver. The policy stays in "
		"configfs unless --forget is given.",
	.options = options,
	.flags = VERB_DEVICES | VERB_ABSENT,
	.offer = OFFER_ASSIGNED,
	.run = run,
};
