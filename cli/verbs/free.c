// SPDX-License-Identifier: GPL-2.0-or-later
/* tsmctl free: end the quarantine of a device. */
#include <errno.h>

#include "host/change.h"
#include "host/policy.h"
#include "host/quarantine.h"
#include "host/slow.h"
#include "verbs/common.h"

/* Reads the quarantine, which configfs does not show for a device without a directory. */
static int look(struct ctx *ctx, const struct pci_device *dev, char *value)
{
	struct problem p = { .device = dev->name, .attribute = "quarantine", .stage = "read" };

	p.err = policy_get(ctx, dev, "quarantine", value);
	if (!p.err)
		return 0;
	if (p.err == -ENOENT && !policy_has(ctx, dev->name)) {
		util_copy(value, ATTR_MAX, quarantine_is_on(ctx, dev) ? "1" : "0");
		return 0;
	}
	if (p.err == -ENOENT) {
		p.code = EXIT_UNSUPPORTED;
		p.hint = "load the vfio_tsm of this version of tsmctl";
		return report_error(ctx, &p,
				    "the loaded module vfio_tsm does not support quarantine");
	}
	return report_error(ctx, &p, "cannot read quarantine: %s", strerror(-p.err));
}

static int end(struct ctx *ctx, const struct pci_device *dev)
{
	struct problem p = {
		.device = dev->name, .attribute = "quarantine", .value = "0", .stage = "write"
	};
	char after[ATTR_MAX];
	struct wait w;

	wait_begin(&w, ctx, dev->name, WAIT_FOREVER, "the kernel to end its quarantine");
	p.err = policy_set_slow(dev, "quarantine", "0", &w);
	if (ctx->unfinished) {
		p.hint = "the quarantine may still end: see 'tsmctl show @'";
		return slow_report(&w, &p);
	}
	if (p.err)
		return report_error(ctx, &p, "cannot end the quarantine: %s", wait_why(&w, p.err));
	if (ctx->dry_run || policy_get(ctx, dev, "quarantine", after) || streq(after, "0"))
		return 0;
	p.err = -EBUSY;
	p.changed = true;
	p.stage = "verify";
	p.hint = LOG_HINT;
	return report_error(ctx, &p, "it is still quarantined, or quarantined again");
}

static int free_device(struct ctx *ctx, struct pci_device *dev, void *arg)
{
	char before[ATTR_MAX];
	struct outcome o = {
		.device = dev->name, .attribute = "quarantine", .value = "0", .previous = before
	};
	bool made;
	int ret;

	(void)arg;
	ret = policy_require(ctx, dev->name);
	if (ret)
		return ret;
	if (!dev->present)
		o.note = ABSENT_NOTE;
	made = !policy_has(ctx, dev->name);
	ret = policy_create(ctx, dev) ?: look(ctx, dev, before);
	if (!ret && streq(before, "1")) {
		ret = end(ctx, dev);
		o.changed = true;
	}
	ret = ret ?: report_outcome(ctx, &o);
	/* the directory was only needed to end the quarantine */
	if (made && !ctx->unfinished)
		ret = policy_forget(ctx, dev->name) ?: ret;
	return ret;
}

static int run(struct ctx *ctx, const struct verb *verb, int argc, const char **argv)
{
	return verb_change_each(ctx, verb, argc, argv, free_device, NULL);
}

const struct verb verb_free = {
	.name = "free",
	.synopsis = "DEVICE...",
	.summary = "end the quarantine of a device",
	.help = "Ends a quarantine: use this only after a reset of the device's link or a power "
		"cycle, because until then its TDI may be locked and in use. If a TSM began the "
		"quarantine, try 'disconnect' first.",
	.options = verb_timeout_alone,
	.flags = VERB_DEVICES | VERB_ABSENT | VERB_FUTURE,
	.offer = OFFER_QUARANTINED,
	.run = run,
};
