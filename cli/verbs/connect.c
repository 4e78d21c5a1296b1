// SPDX-License-Identifier: GPL-2.0-or-later
/* tsmctl connect: a secure session between a device's DSM and a TSM. */
#include <errno.h>

#include "host/tsm.h"
#include "report.h"
#include "verbs/verbs.h"

static const char *opt_tsm;

static const struct poptOption options[] = {
	{ "tsm", 0, POPT_ARG_STRING, &opt_tsm, 0, "which TSM, if there are several", "tsmN" },
	POPT_TABLEEND,
};

static int connect_device(struct ctx *ctx, struct pci_device *dev, void *arg)
{
	const char *tsm = arg;
	char before[ATTR_MAX];
	struct outcome o = { .device = dev->name, .attribute = "tsm", .value = tsm };
	struct problem p = {
		.device = dev->name, .attribute = "tsm/connect", .value = tsm, .stage = "read"
	};

	p.err = pci_get(dev, "tsm/connect", before);
	if (p.err == -ENOENT)
		return tsm_report_none(ctx, dev, tsm);
	if (p.err)
		return report_error(ctx, &p, "cannot read tsm/connect: %s", strerror(-p.err));
	o.previous = before[0] ? before : NULL;
	if (streq(before, tsm))
		return report_outcome(ctx, &o);
	if (before[0]) {
		p.err = -EBUSY;
		p.stage = NULL;
		p.hint = "run 'tsmctl disconnect @' first";
		return report_error(ctx, &p, "it is connected to %s", before);
	}
	p.err = tsm_connect(ctx, dev, tsm);
	if (p.err)
		return p.err;
	o.changed = true;
	return report_outcome(ctx, &o);
}

static int run(struct ctx *ctx, const struct verb *verb, int argc, const char **argv)
{
	char tsm[TSM_NAME_LEN] = "", list[256];
	struct problem p = { .attribute = "tsm", .stage = "tsm", .code = EXIT_UNSUPPORTED };
	unsigned int count;

	if (opt_tsm && !tsm_is_name(opt_tsm))
		return verb_usage_error(ctx, verb, opt_tsm, "'%s' is no TSM: tsm0, tsm1, ...",
					opt_tsm);
	count = tsm_find(ctx, tsm, list, sizeof(list));
	if (!count) {
		p.err = -ENXIO;
		p.hint =
			"load the platform's TSM driver, or 'tsmctl load --sim DEVICES' for a software TSM";
		return report_error(ctx, &p, "this host has no TSM");
	}
	if (opt_tsm)
		return verb_each(ctx, verb, argc, argv, connect_device, (void *)opt_tsm);
	if (count > 1)
		return verb_usage_error(ctx, verb, NULL,
					"this host has several TSMs (%s): use --tsm", list);
	return verb_each(ctx, verb, argc, argv, connect_device, tsm);
}

const struct verb verb_connect = {
	.name = "connect",
	.synopsis = "DEVICE... [--tsm tsmN]",
	.summary = "connect a device to a TSM",
	.help = "Function 0 of a device is connected; its virtual functions follow. Needs only "
		"the kernel's own PCI/TSM.",
	.options = options,
	.flags = VERB_DEVICES | VERB_TSM_SIDE,
	.run = run,
};
