// SPDX-License-Identifier: GPL-2.0-or-later
/* Reads and changes a device's policy, with a report, see change.h. */
#include <errno.h>

#include "host/change.h"
#include "host/info.h"
#include "host/owner.h"
#include "host/policy.h"
#include "report.h"

int policy_show(struct ctx *ctx, struct pci_device *dev, const char *attr)
{
	char value[ATTR_MAX];
	struct outcome o = { .device = dev->name,
			     .attribute = attr,
			     .value = value,
			     .previous = value,
			     .flag = info_is_flag(attr) };

	return policy_read(ctx, dev, attr, value) ?: report_value(ctx, &o);
}

/* Whether the kernel would refuse the write because the device is in use, for --dry-run. */
static bool is_fixed(struct ctx *ctx, const struct pci_device *dev, const char *attr)
{
	char state[ATTR_MAX];

	if (policy_get(ctx, dev, "state", state))
		return false;
	if (streq(attr, "region_mode"))
		return streq(state, "open") || streq(state, "bound") || streq(state, "lost");
	return (streq(attr, "tdi_id") || streq(attr, "bar_mmap")) && streq(state, "bound");
}

int policy_put(struct ctx *ctx, struct pci_device *dev, const char *attr, const char *value)
{
	struct problem p = {
		.device = dev->name, .attribute = attr, .value = value, .stage = "write"
	};
	bool had = policy_has(ctx, dev->name);
	struct owner h;

	p.err = policy_create(ctx, dev);
	if (p.err)
		return p.err;
	if (ctx->dry_run && is_fixed(ctx, dev, attr))
		p.err = -EBUSY;
	else
		p.err = policy_set(ctx, dev, attr, value);
	if (p.err && p.err != -EBUSY)
		policy_report(ctx, dev, &p);
	/* EBUSY: the kernel would refuse to remove the directory of an open device */
	if (p.err && p.err != -EBUSY && !had)
		policy_forget(ctx, dev->name);
	if (p.err == -EBUSY && owner_find(ctx, dev, &h) > 0) {
		/* an open fixes the mode, and a bind the rest */
		p.hint = streq(attr, "region_mode") && !h.ours ? STOP_HINT : UNBIND_HINT;
		return report_error(ctx, &p, "cannot set %s to '%s' while %s uses it", attr, value,
				    h.text);
	}
	if (p.err == -EBUSY)
		return policy_report(ctx, dev, &p);
	return p.err;
}

int policy_change(struct ctx *ctx, struct pci_device *dev, const char *attr, const char *value)
{
	char before[ATTR_MAX];
	struct outcome o = { .device = dev->name,
			     .attribute = attr,
			     .value = value,
			     .previous = before,
			     .flag = info_is_flag(attr) };
	int ret;

	if (!dev->present)
		o.note = ABSENT_NOTE ": the policy waits for it";
	ret = policy_read(ctx, dev, attr, before);
	if (ret)
		return ret;
	if (streq(before, value))
		return report_outcome(ctx, &o);
	ret = policy_put(ctx, dev, attr, value);
	if (ret)
		return ret;
	o.changed = true;
	return report_outcome(ctx, &o);
}
