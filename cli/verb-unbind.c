// SPDX-License-Identifier: GPL-2.0-or-later
/* tsmctl unbind: stop the helper that holds a device. */
#include <errno.h>

#include "holder.h"
#include "policy.h"
#include "report.h"
#include "verbs.h"

static int unbind(struct ctx *ctx, struct pci_device *dev, void *arg)
{
	char before[ATTR_MAX], after[ATTR_MAX];
	struct outcome o = {
		.device = dev->name, .attribute = "state", .value = after, .previous = before
	};
	struct problem p = {
		.device = dev->name, .attribute = "owner", .err = -EBUSY, .stage = "in-use"
	};
	char pid[16];
	struct holder h;
	bool held;
	int ret;

	(void)arg;
	ret = policy_require(ctx, dev->name);
	if (ret)
		return ret;
	if (policy_get(ctx, dev, "state", before))
		util_copy(before, sizeof(before), "unassigned");
	util_copy(after, sizeof(after), before);
	held = holder_find(ctx, dev, &h);
	if (!held || (!h.ours && !streq(before, "bound")))
		return report_outcome(ctx, &o);
	if (!h.ours) {
		snprintf(pid, sizeof(pid), "%d", h.pid);
		p.value = h.pid ? pid : NULL;
		p.hint = "its holder can unbind it; 'tsmctl revoke' does so without the holder";
		return report_error(ctx, &p, "cannot unbind it: %s holds it, not tsm-bind-helper",
				    h.text);
	}
	ret = holder_stop(ctx, dev, &h);
	if (ret)
		return ret;
	util_copy(after, sizeof(after), "closed");
	if (!ctx->dry_run && policy_get(ctx, dev, "state", after) == 0 && streq(after, "bound")) {
		p.attribute = "state";
		p.stage = "verify";
		p.hint = "another process may have bound it: 'tsmctl show'";
		return report_error(ctx, &p, "it is still bound, although its helper is gone");
	}
	o.changed = true;
	return report_outcome(ctx, &o);
}

static int run(struct ctx *ctx, const struct verb *verb, int argc, const char **argv)
{
	return devices_each(ctx, verb, argc, argv, unbind, NULL);
}

const struct verb verb_unbind = {
	.name = "unbind",
	.synopsis = "DEVICE...",
	.summary = "unbind a device that 'bind' bound",
	.help = "Stops the helper that holds the device, and waits until it is gone. A device "
		"that a VMM holds is left alone: see 'revoke'.",
	.flags = VERB_DEVICES,
	.run = run,
};
