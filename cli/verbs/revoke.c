// SPDX-License-Identifier: GPL-2.0-or-later
/* tsmctl revoke: an administrator's unbind, whoever holds the device. */
#include <errno.h>

#include "host/policy.h"
#include "host/quarantine.h"
#include "report.h"
#include "verbs/verbs.h"

static int revoke_bind(struct ctx *ctx, struct pci_device *dev, void *arg)
{
	char before[ATTR_MAX], after[ATTR_MAX], hint[QUARANTINE_HINT_LEN];
	struct outcome o = {
		.device = dev->name, .attribute = "bound", .value = "0", .previous = before
	};
	struct problem p = {
		.device = dev->name, .attribute = "bound", .value = "0", .stage = "read"
	};

	(void)arg;
	p.err = policy_require(ctx, dev->name);
	if (p.err)
		return p.err;
	p.err = policy_get(ctx, dev, "bound", before);
	if (p.err == -ENOENT) {
		/* not on our driver, and never was */
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
	p.err = policy_set(ctx, dev, "bound", "0");
	if (p.err == -EIO && quarantine_is_on(ctx, dev)) {
		ctx->answer.changed = true;
		quarantine_hint(dev, hint);
		p.hint = hint;
		p.stage = QUARANTINED;
		return report_error(
			ctx, &p,
			"it is not bound now, but quarantined: the TSM may not have stopped its TDI");
	}
	if (p.err)
		return report_error(ctx, &p, "cannot revoke the bind: %s", strerror(-p.err));
	p.stage = "verify";
	if (!ctx->dry_run && policy_get(ctx, dev, "bound", after) == 0 && streq(after, "1")) {
		p.err = -EBUSY;
		return report_error(ctx, &p, "it is still bound, or bound again");
	}
	o.changed = true;
	return report_outcome(ctx, &o);
}

static int run(struct ctx *ctx, const struct verb *verb, int argc, const char **argv)
{
	return verb_each(ctx, verb, argc, argv, revoke_bind, NULL);
}

const struct verb verb_revoke = {
	.name = "revoke",
	.synopsis = "DEVICE...",
	.summary = "unbind a device from outside, whoever holds it",
	.help = "The guest loses private access to the device at once. The process that holds "
		"the device keeps it open. A bind by another module of the kernel is revoked in the "
		"same way. For a device that 'tsmctl bind' bound, use 'unbind'.",
	.flags = VERB_DEVICES,
	.run = run,
};
