// SPDX-License-Identifier: GPL-2.0-or-later
/* Which TSM a device is to be connected to, see connection.h. */
#include <errno.h>

#include "report.h"
#include "verbs/common.h"
#include "verbs/connection.h"

int connection_choose(struct ctx *ctx, const struct verb *verb, const char *tsm,
		      struct connection *c)
{
	struct problem p = {
		.attribute = "tsm",
		.err = -ENXIO,
		.stage = "tsm",
		.hint = "load the platform's TSM driver, or 'tsmctl load --sim DEVICES' for a software TSM",
		.code = EXIT_UNSUPPORTED
	};
	unsigned int count;

	*c = (struct connection){ 0 };
	if (tsm && !tsm_is_name(tsm))
		return verb_usage_error(ctx, verb, tsm, "'%s' is not a TSM: tsm0, tsm1, ...", tsm);
	count = tsm_find(ctx, c->tsm, c->all, sizeof(c->all));
	if (!count)
		return report_error(ctx, &p, "this host has no TSM");
	if (tsm)
		util_copy(c->tsm, sizeof(c->tsm), tsm);
	else if (count > 1)
		c->tsm[0] = '\0';
	return 0;
}

static int report_several(struct ctx *ctx, const struct pci_device *dev, const struct connection *c)
{
	char hint[64];
	struct problem p = { .device = dev->name,
			     .attribute = "tsm",
			     .err = -EINVAL,
			     .stage = "usage",
			     .hint = hint,
			     .code = EXIT_USAGE };

	snprintf(hint, sizeof(hint), "see 'tsmctl %s --help'", ctx->verb);
	return report_error(ctx, &p, "this host has several TSMs (%s): use --tsm", c->all);
}

/* A function that is connected through another one, as a VF through its PF. */
static int look_through(struct ctx *ctx, const struct pci_device *dev, const struct connection *c,
			struct link *link)
{
	struct problem p = {
		.device = dev->name, .attribute = "tsm/connect", .value = c->tsm, .err = -EBUSY
	};
	struct tsm_dsm dsm;
	int ret = tsm_follows(ctx, dev, &dsm);

	if (ret <= 0)
		return ret ?: tsm_report_none(ctx, dev, c->tsm[0] ? c->tsm : NULL);
	if (c->tsm[0] && !streq(dsm.tsm, c->tsm))
		return report_error(ctx, &p, "it is connected to %s through %s", dsm.tsm, dsm.name);
	util_copy(link->now, sizeof(link->now), dsm.tsm);
	util_copy(link->goal, sizeof(link->goal), dsm.tsm);
	util_copy(link->dsm, sizeof(link->dsm), dsm.name);
	return 0;
}

int connection_look(struct ctx *ctx, const struct pci_device *dev, const struct connection *c,
		    struct link *link)
{
	struct problem p = { .device = dev->name,
			     .attribute = "tsm/connect",
			     .value = c->tsm,
			     .err = -EBUSY,
			     .hint = "run 'tsmctl disconnect @' first" };
	int ret;

	*link = (struct link){ 0 };
	ret = tsm_get_connected(ctx, dev, link->now);
	if (ret == -ENOENT)
		return look_through(ctx, dev, c, link);
	if (ret)
		return ret;
	util_copy(link->goal, sizeof(link->goal), c->tsm[0] ? c->tsm : link->now);
	if (!link->goal[0])
		return report_several(ctx, dev, c);
	if (link->now[0] && !streq(link->now, link->goal))
		return report_error(ctx, &p, "it is connected to %s", link->now);
	return 0;
}
