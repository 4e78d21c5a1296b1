// SPDX-License-Identifier: GPL-2.0-or-later
/* tsmctl connect: a secure session between a device's DSM and a TSM. */
#include <errno.h>

#include "host/tsm.h"
#include "report.h"
#include "verbs/common.h"

static const char *opt_tsm;

static const struct poptOption options[] = {
	{ "tsm", 0, POPT_ARG_STRING, &opt_tsm, 0, "which TSM, if there are several", "tsmN" },
	VERB_SAVE,
	VERB_TIMEOUT,
	POPT_TABLEEND,
};

/* The TSMs of this host, if there are several and --tsm was not given. */
static char several[256];

static int report_several(struct ctx *ctx, const struct pci_device *dev)
{
	struct problem p = { .device = dev->name,
			     .attribute = "tsm",
			     .err = -EINVAL,
			     .stage = "usage",
			     .hint = "see 'tsmctl connect --help'",
			     .code = EXIT_USAGE };

	return report_error(ctx, &p, "this host has several TSMs (%s): use --tsm", several);
}

/* Reports a function that is connected through another one, as a VF through its PF. */
static int connect_follower(struct ctx *ctx, const struct pci_device *dev, const char *tsm)
{
	char note[128];
	struct tsm_dsm dsm;
	struct outcome o = { .device = dev->name, .attribute = "tsm", .note = note };
	struct problem p = {
		.device = dev->name, .attribute = "tsm/connect", .value = tsm, .err = -EBUSY
	};
	int ret;

	ret = tsm_follows(ctx, dev, &dsm);
	if (ret <= 0)
		return ret ?: tsm_report_none(ctx, dev, *tsm ? tsm : NULL);
	if (*tsm && !streq(dsm.tsm, tsm))
		return report_error(ctx, &p, "it is connected to %s through %s", dsm.tsm, dsm.name);
	snprintf(note, sizeof(note), "it is connected through %s%s", dsm.name,
		 verb_saves ? ", whose connection is the one to save" : "");
	o.value = o.previous = dsm.tsm;
	return report_outcome(ctx, &o);
}

/* Reports a device that is connected now, by this run or before it. */
static int report_connected(struct ctx *ctx, const struct pci_device *dev, const struct outcome *o)
{
	const char *want[SETTINGS] = { [SET_TSM] = o->value };

	report_outcome(ctx, o);
	return verb_keep(ctx, dev, want);
}

static int connect_device(struct ctx *ctx, struct pci_device *dev, void *arg)
{
	const char *tsm = arg;
	char before[ATTR_MAX];
	struct outcome o = { .device = dev->name, .attribute = "tsm", .value = tsm };
	struct problem p = {
		.device = dev->name, .attribute = "tsm/connect", .value = tsm, .err = -EBUSY
	};
	int ret;

	ret = tsm_get_connected(ctx, dev, before);
	if (ret == -ENOENT)
		return connect_follower(ctx, dev, tsm);
	if (ret)
		return ret;
	o.previous = before[0] ? before : NULL;
	if (!*tsm && before[0])
		o.value = before;
	if (streq(before, o.value))
		return before[0] ? report_connected(ctx, dev, &o) : report_several(ctx, dev);
	if (before[0]) {
		p.hint = "run 'tsmctl disconnect @' first";
		return report_error(ctx, &p, "it is connected to %s", before);
	}
	ret = tsm_connect(ctx, dev, tsm);
	if (ret < 0)
		return ret;
	o.changed = !ret;
	return report_connected(ctx, dev, &o);
}

static int run(struct ctx *ctx, const struct verb *verb, int argc, const char **argv)
{
	char tsm[TSM_NAME_LEN] = "";
	struct problem p = { .attribute = "tsm", .stage = "tsm", .code = EXIT_UNSUPPORTED };
	unsigned int count;

	if (opt_tsm && !tsm_is_name(opt_tsm))
		return verb_usage_error(ctx, verb, opt_tsm, "'%s' is not a TSM: tsm0, tsm1, ...",
					opt_tsm);
	count = tsm_find(ctx, tsm, several, sizeof(several));
	if (!count) {
		p.err = -ENXIO;
		p.hint =
			"load the platform's TSM driver, or 'tsmctl load --sim DEVICES' for a software TSM";
		return report_error(ctx, &p, "this host has no TSM");
	}
	if (opt_tsm)
		return verb_change_each(ctx, verb, argc, argv, connect_device, (void *)opt_tsm);
	/* a device that is connected already needs no choice */
	if (count > 1)
		tsm[0] = '\0';
	return verb_change_each(ctx, verb, argc, argv, connect_device, tsm);
}

const struct verb verb_connect = {
	.name = "connect",
	.synopsis = "DEVICE... [--tsm tsmN]",
	.summary = "connect a device to a TSM",
	.help = "Connects function 0 of a device; its virtual functions follow. The command "
		"needs only the kernel's own PCI/TSM.",
	.options = options,
	.flags = VERB_DEVICES | VERB_TSM_SIDE,
	.run = run,
};
