// SPDX-License-Identifier: GPL-2.0-or-later
/* tsmctl bind: lock a device as a TDI, held by a helper in the background. */
#include <errno.h>

#include "holder.h"
#include "policy.h"
#include "report.h"
#include "verbs.h"

static int opt_hold;

static const struct poptOption options[] = {
	{ "hold", 0, POPT_ARG_NONE, &opt_hold, 0,
	  "a helper holds the device in the background; the only way yet, and the default", NULL },
	POPT_TABLEEND
};

/* What the helper would find out too, said before anything is opened. */
static int check(struct ctx *ctx, const struct pci_device *dev)
{
	struct problem p = { .device = dev->name,
			     .attribute = "driver",
			     .stage = "driver",
			     .err = -EOPNOTSUPP,
			     .code = EXIT_UNSUPPORTED };
	char hint[64];
	struct holder h;

	if (!streq(dev->driver, TSM_DRIVER)) {
		snprintf(hint, sizeof(hint), "run 'tsmctl assign %s'", dev->name);
		p.hint = hint;
		p.value = dev->driver[0] ? dev->driver : NULL;
		return report_error(ctx, &p, "its driver is %s, a bind needs " TSM_DRIVER,
				    p.value ?: "none");
	}
	if (!holder_find(ctx, dev, &h))
		return 0;
	p.attribute = "owner";
	p.stage = "in-use";
	p.err = -EBUSY;
	p.code = 0;
	p.hint =
		h.ours ?
			"run 'tsmctl unbind' first" :
			"its VMM can bind it; 'tsmctl revoke' is what an administrator can do to a bound one";
	return report_error(ctx, &p, "cannot bind it while %s holds it", h.text);
}

static int bind_device(struct ctx *ctx, struct pci_device *dev, void *arg)
{
	char before[ATTR_MAX], note[128];
	struct outcome o = { .device = dev->name,
			     .attribute = "state",
			     .value = "bound",
			     .previous = before,
			     .note = note };
	struct holder h;
	pid_t pid;
	int ret;

	(void)arg;
	ret = policy_require(ctx, dev->name);
	if (ret)
		return ret;
	if (policy_get(ctx, dev, "state", before))
		util_copy(before, sizeof(before), "unassigned");
	if (streq(before, "bound") && holder_find(ctx, dev, &h)) {
		snprintf(note, sizeof(note), "held by %s", h.text);
		return report_outcome(ctx, &o);
	}
	ret = check(ctx, dev) ?: holder_start(ctx, dev, &pid);
	if (ret)
		return ret;
	snprintf(note, sizeof(note), "held by process %d", pid);
	if (ctx->dry_run)
		o.note = NULL;
	o.changed = true;
	return report_outcome(ctx, &o);
}

static int run(struct ctx *ctx, const struct verb *verb, int argc, const char **argv)
{
	return devices_each(ctx, verb, argc, argv, bind_device, NULL);
}

const struct verb verb_bind = {
	.name = "bind",
	.synopsis = "DEVICE...",
	.summary = "bind a device that nobody holds, and hold it",
	.help = "Starts tsm-bind-helper, which opens the device, makes a VM and binds the device "
		"as a TDI, and stays in the background until 'unbind'. The device must be "
		"assigned, connected, and have a TDI id.",
	.options = options,
	.flags = VERB_DEVICES,
	.run = run,
};
