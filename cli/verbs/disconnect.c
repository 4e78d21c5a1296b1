// SPDX-License-Identifier: GPL-2.0-or-later
/* tsmctl disconnect: end the session between a device's DSM and its TSM. */
#include <errno.h>

#include "host/tsm.h"
#include "report.h"
#include "verbs/common.h"

/* Refuses a function that is connected through another one, as a VF through its PF. */
static int disconnect_follower(struct ctx *ctx, const struct pci_device *dev,
			       const struct outcome *none)
{
	struct tsm_dsm dsm;
	char hint[96];
	struct problem p = { .device = dev->name,
			     .attribute = "tsm/disconnect",
			     .value = dsm.tsm,
			     .err = -EOPNOTSUPP,
			     .stage = "disconnect",
			     .hint = hint,
			     .code = EXIT_UNSUPPORTED };
	int ret = tsm_follows(ctx, dev, &dsm);

	if (ret <= 0)
		return ret ?: report_outcome(ctx, none);
	snprintf(hint, sizeof(hint), "'tsmctl disconnect %s' disconnects all its functions",
		 dsm.name);
	return report_error(ctx, &p, "it is connected to %s through %s, and not by itself", dsm.tsm,
			    dsm.name);
}

/* Reports a device that is not connected now, by this run or before it. */
static int report_disconnected(struct ctx *ctx, const struct pci_device *dev,
			       const struct outcome *o)
{
	static const char *const want[SETTINGS] = { [SET_TSM] = "none" };

	report_outcome(ctx, o);
	return verb_keep(ctx, dev, want);
}

static int disconnect(struct ctx *ctx, struct pci_device *dev, void *arg)
{
	char before[ATTR_MAX];
	struct outcome o = { .device = dev->name, .attribute = "tsm" };
	int ret;

	(void)arg;
	ret = tsm_get_connected(ctx, dev, before);
	if (ret == -ENOENT)
		return disconnect_follower(ctx, dev, &o);
	if (ret)
		return ret;
	if (!before[0])
		return report_disconnected(ctx, dev, &o);
	o.previous = before;
	ret = tsm_disconnect(ctx, dev, before);
	if (ret < 0)
		return ret;
	o.changed = !ret;
	return report_disconnected(ctx, dev, &o);
}

static int run(struct ctx *ctx, const struct verb *verb, int argc, const char **argv)
{
	return verb_change_each(ctx, verb, argc, argv, disconnect, NULL);
}

const struct verb verb_disconnect = {
	.name = "disconnect",
	.synopsis = "DEVICE...",
	.summary = "disconnect a device from its TSM",
	.help = "Disconnects function 0 of a device; its virtual functions follow. The command "
		"is refused while the device is bound, or a function of which it is the DSM: the "
		"kernel would unbind all of them.",
	.options = verb_save_alone,
	.flags = VERB_DEVICES,
	.offer = OFFER_CONNECTED,
	.run = run,
};
