// SPDX-License-Identifier: GPL-2.0-or-later
/* tsmctl revoke: an unbind by the administrator, for any owner. */
#include <errno.h>

#include "host/policy.h"
#include "host/quarantine.h"
#include "host/slow.h"
#include "verbs/common.h"

static int revoke_bind(struct ctx *ctx, struct pci_device *dev, void *arg)
{
	char before[ATTR_MAX], after[ATTR_MAX];
	struct outcome o = { .device = dev->name,
			     .attribute = "bound",
			     .value = "0",
			     .previous = before,
			     .flag = true };
	struct problem p = {
		.device = dev->name, .attribute = "bound", .value = "0", .stage = "read"
	};
	struct wait w;

	(void)arg;
	p.err = policy_require(ctx, dev->name);
	if (p.err)
		return p.err;
	p.err = policy_get(ctx, dev, "bound", before);
	if (p.err == -ENOENT) {
		/* it is not assigned, and never was */
		util_copy(before, sizeof(before), "0");
		p.err = 0;
	}
	if (p.err)
		return report_error(ctx, &p, "cannot read bound: %s", strerror(-p.err));
	if (streq(before, "0"))
		return report_outcome(ctx, &o);
	p.err = policy_create(ctx, dev);
	if (p.err)
		return p.err;
	p.stage = "write";
	wait_begin(&w, ctx, dev->name, WAIT_FOREVER, "the TSM to unbind it");
	p.err = policy_set_slow(dev, "bound", "0", &w);
	if (ctx->unfinished) {
		p.hint = "it may be unbound in the end: see 'tsmctl show @'";
		return slow_report(&w, &p);
	}
	if (p.err == -EIO && quarantine_is_on(ctx, dev))
		return quarantine_report(ctx, dev, &p);
	if (p.err)
		return report_error(ctx, &p, "cannot revoke the bind: %s", wait_why(&w, p.err));
	p.stage = "verify";
	if (!ctx->dry_run && policy_get(ctx, dev, "bound", after) == 0 && streq(after, "1")) {
		p.err = -EBUSY;
		p.changed = true;
		return report_error(ctx, &p, "it is still bound, or bound again");
	}
	o.changed = true;
	return report_outcome(ctx, &o);
}

static int run(struct ctx *ctx, const struct verb *verb, int argc, const char **argv)
{
	/* no lock: a run that is stopped, or waits for a driver, must not keep a device bound */
	return verb_seconds(ctx, verb, verb_timeout, &ctx->timeout) ?:
		       verb_each(ctx, verb, argc, argv, revoke_bind, NULL);
}

const struct verb verb_revoke = {
	.name = "revoke",
	.synopsis = "DEVICE...",
	.summary = "unbind a device as the administrator, for any owner",
	.help = "The guest loses private access to the device at once. The owner keeps the device "
		"open.",
	.options = verb_timeout_alone,
	.flags = VERB_DEVICES,
	.offer = OFFER_BOUND,
	.run = run,
};
