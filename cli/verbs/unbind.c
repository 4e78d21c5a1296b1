// SPDX-License-Identifier: GPL-2.0-or-later
/* tsmctl unbind: have the helper that holds a device give it back, or unbind it on its VMM's file. */
#include <errno.h>

#include "host/helper.h"
#include "host/owner.h"
#include "host/policy.h"
#include "host/quarantine.h"
#include "report.h"
#include "verbs/choice.h"
#include "verbs/common.h"

static struct choice choice;

static const struct poptOption options[] = {
	{ "vmm", 0, POPT_ARG_STRING, &choice.vmm, 0,
	  "only if this process is the owner of the device (default: any owner)", "PID" },
	{ "hold", 0, POPT_ARG_NONE, &choice.hold, 0, "only if tsm-bind-helper holds the device",
	  NULL },
	VERB_TIMEOUT,
	POPT_TABLEEND
};

/* A lost device can be bound again once its owner has acknowledged that by an unbind. */
static bool is_bound(const char *state)
{
	return streq(state, "bound") || streq(state, "lost");
}

static int end_bind(struct ctx *ctx, const struct pci_device *dev, struct owner *h)
{
	int ret = choice_allows(ctx, dev, &choice, h, "unbind");

	if (ret)
		return ret;
	if (h->ours)
		return owner_stop(ctx, dev, h);
	return helper_unbind(ctx, dev, choice.pid ?: h->pid);
}

static int unbind(struct ctx *ctx, struct pci_device *dev, void *arg)
{
	char before[ATTR_MAX], after[ATTR_MAX];
	struct outcome o = {
		.device = dev->name, .attribute = "state", .value = after, .previous = before
	};
	struct problem p = {
		.device = dev->name, .attribute = "state", .err = -EBUSY, .stage = "verify"
	};
	struct owner h;
	bool held;
	int ret;

	(void)arg;
	ret = policy_require(ctx, dev->name);
	if (ret)
		return ret;
	if (policy_get(ctx, dev, "state", before))
		util_copy(before, sizeof(before), "unassigned");
	util_copy(after, sizeof(after), before);
	ret = foreign_refuse(ctx, dev, "unbind it");
	if (ret)
		return ret;
	held = owner_find(ctx, dev, &h);
	if (!held || (!h.ours && !is_bound(before)))
		return report_outcome(ctx, &o);
	ret = end_bind(ctx, dev, &h);
	if (ret)
		return ret;
	util_copy(after, sizeof(after), h.ours ? "closed" : "open");
	if (!ctx->dry_run && policy_get(ctx, dev, "state", after) == 0 && streq(after, "bound")) {
		p.hint = "another process may have bound it: see 'tsmctl show @'";
		p.changed = true;
		return report_error(ctx, &p,
				    h.ours ? "it is still bound, although its helper is gone" :
					     "it is still bound, or bound again");
	}
	if (!ctx->dry_run && quarantine_is_on(ctx, dev)) {
		p.value = QUARANTINED;
		return quarantine_report(ctx, dev, &p);
	}
	o.changed = true;
	return report_outcome(ctx, &o);
}

static int run(struct ctx *ctx, const struct verb *verb, int argc, const char **argv)
{
	return choice_check(ctx, verb, &choice) ?:
		       verb_change_each(ctx, verb, argc, argv, unbind, NULL);
}

const struct verb verb_unbind = {
	.name = "unbind",
	.synopsis = "DEVICE...",
	.summary = "unbind a device that is bound",
	.help = "Has the helper that holds the device unbind and close it, and waits for that. If a VMM "
		"has the device open, unbinds it on the VMM's own file, and the device stays open.",
	.options = options,
	.flags = VERB_DEVICES,
	.offer = OFFER_BOUND_OR_LOST,
	.run = run,
};
