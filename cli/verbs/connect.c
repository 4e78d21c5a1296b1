// SPDX-License-Identifier: GPL-2.0-or-later
/* tsmctl connect: a secure session between a device's DSM and a TSM. */
#include "host/tsm.h"
#include "report.h"
#include "verbs/common.h"
#include "verbs/connection.h"

static const char *opt_tsm;

static const struct poptOption options[] = {
	{ "tsm", 0, POPT_ARG_STRING, &opt_tsm, 0, "which TSM, if there are several", "tsmN" },
	VERB_SAVE,
	VERB_TIMEOUT,
	POPT_TABLEEND,
};

/* Reports a function that is connected through another one. */
static int report_follower(struct ctx *ctx, const struct pci_device *dev, const struct link *link)
{
	char note[128];
	struct outcome o = { .device = dev->name,
			     .attribute = "tsm",
			     .value = link->now,
			     .previous = link->now,
			     .note = note };

	snprintf(note, sizeof(note), "it is connected through %s%s", link->dsm,
		 verb_saves ? ", whose connection is the one to save" : "");
	return report_outcome(ctx, &o);
}

static int connect_device(struct ctx *ctx, struct pci_device *dev, void *arg)
{
	struct link link;
	struct outcome o = { .device = dev->name, .attribute = "tsm", .value = link.goal };
	const char *want[SETTINGS] = { [SET_TSM] = link.goal };
	int ret;

	ret = connection_look(ctx, dev, arg, &link);
	if (ret)
		return ret;
	if (link.dsm[0])
		return report_follower(ctx, dev, &link);
	o.previous = link.now[0] ? link.now : NULL;
	if (!link.now[0]) {
		ret = tsm_connect(ctx, dev, link.goal);
		if (ret < 0)
			return ret;
		o.changed = !ret;
	}
	report_outcome(ctx, &o);
	return verb_keep(ctx, dev, want);
}

static int run(struct ctx *ctx, const struct verb *verb, int argc, const char **argv)
{
	struct connection c;

	return connection_choose(ctx, verb, opt_tsm, &c) ?:
		       verb_change_each(ctx, verb, argc, argv, connect_device, &c);
}

const struct verb verb_connect = {
	.name = "connect",
	.synopsis = "DEVICE... [--tsm tsmN]",
	.summary = "connect a device to a TSM",
	.help = "Connects function 0 of a device; its virtual functions follow. The command "
		"needs only the kernel's own PCI/TSM.",
	.options = options,
	.flags = VERB_DEVICES | VERB_TSM_SIDE,
	.offer = OFFER_UNCONNECTED,
	.run = run,
};
