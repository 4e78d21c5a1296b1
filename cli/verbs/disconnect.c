// SPDX-License-Identifier: GPL-2.0-or-later
/* tsmctl disconnect: end the session between a device's DSM and its TSM. */
#include <errno.h>

#include "host/tsm.h"
#include "report.h"
#include "verbs/verbs.h"

static int disconnect(struct ctx *ctx, struct pci_device *dev, void *arg)
{
	char before[ATTR_MAX];
	struct outcome o = { .device = dev->name, .attribute = "tsm" };
	struct problem p = { .device = dev->name, .attribute = "tsm/disconnect", .stage = "read" };

	(void)arg;
	p.err = pci_get(dev, "tsm/connect", before);
	if (p.err == -ENOENT)
		return report_outcome(ctx, &o);
	if (p.err)
		return report_error(ctx, &p, "cannot read tsm/connect: %s", strerror(-p.err));
	if (!before[0])
		return report_outcome(ctx, &o);
	o.previous = before;
	p.err = tsm_disconnect(ctx, dev, before);
	if (p.err)
		return p.err;
	o.changed = true;
	return report_outcome(ctx, &o);
}

static int run(struct ctx *ctx, const struct verb *verb, int argc, const char **argv)
{
	return verb_each(ctx, verb, argc, argv, disconnect, NULL);
}

const struct verb verb_disconnect = {
	.name = "disconnect",
	.synopsis = "DEVICE...",
	.summary = "disconnect a device from its TSM",
	.help = "Refused while the device is bound, or another function of which it is the DSM, "
		"as a virtual function: the kernel itself would unbind them all. Needs only the "
		"kernel's own PCI/TSM.",
	.flags = VERB_DEVICES,
	.run = run,
};
