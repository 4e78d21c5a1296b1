// SPDX-License-Identifier: GPL-2.0-or-later
/* What makes a device ready for a bind, see ready.h. */
#include "host/policy.h"
#include "report.h"
#include "verbs/ready.h"

const char *ready_tdi_id;
const char *ready_tsm;
int ready_force;

int ready_check(struct ctx *ctx, const struct verb *verb, struct ready *r)
{
	*r = (struct ready){ 0 };
	return verb_read_tdi_id(ctx, verb, ready_tdi_id, r->tdi_id, "") ?:
		       connection_choose(ctx, verb, ready_tsm, &r->connection);
}

/* The mode that is to be set; NULL if the regions are exclusive because that is the default. */
static int want_mode(struct ctx *ctx, const struct pci_device *dev, const char **mode)
{
	char own[ATTR_MAX], usual[ATTR_MAX] = "";
	int ret = policy_read(ctx, dev, "region_mode", own);

	if (!ret && streq(own, "default"))
		ret = policy_get_default(ctx, usual);
	*mode = streq(usual, "exclusive") ? NULL : "exclusive";
	return ret;
}

int ready_make(struct ctx *ctx, struct pci_device *dev, struct ready *r)
{
	int ret;

	memset(r->want, 0, sizeof(r->want));
	ret = want_mode(ctx, dev, &r->want[SET_REGION_MODE]) ?:
		      connection_look(ctx, dev, &r->connection, &r->link);
	if (ret)
		return ret;
	r->want[SET_TDI_ID] = r->tdi_id[0] ? r->tdi_id : NULL;
	r->want[SET_ASSIGNED] = "1";
	/* a function that is connected through another one follows that one */
	r->want[SET_TSM] = r->link.dsm[0] ? NULL : r->link.goal;
	r->want[SET_FORCE] = ready_force ? "1" : NULL;
	r->use.count = 0;
	ret = plan_make(ctx, dev, r->want, false, &r->plan);
	if (ret || !plan_takes(&r->plan))
		return ret;
	return assign_check(ctx, dev) ?:
		       in_use_refuse(ctx, dev, ready_force ? NULL : "--force", &r->use);
}

void ready_show(struct ctx *ctx, const struct pci_device *dev, const struct ready *r)
{
	struct outcome used = { .device = dev->name,
				.attribute = IN_USE,
				.value = r->use.text,
				.previous = r->use.text,
				.note = "it is assigned all the same, because of --force" };

	if (r->use.count)
		report_outcome(ctx, &used);
	plan_show(ctx, dev, &r->plan);
}
