// SPDX-License-Identifier: GPL-2.0-or-later
/* Devices whose TDI must not be used, see quarantine.h. */
#include <errno.h>

#include "host/policy.h"
#include "host/quarantine.h"
#include "host/refusal.h"

bool quarantine_is_on(struct ctx *ctx, const struct pci_device *dev)
{
	char text[ATTR_MAX];

	/* a quarantine outlives the driver; only on our driver does the state show it */
	if (policy_get(ctx, dev, "quarantine", text) == 0)
		return streq(text, "1");
	return policy_get(ctx, dev, "state", text) == 0 && streq(text, QUARANTINED);
}

/* Reports the stage for which something is refused. */
static int report(struct ctx *ctx, const struct pci_device *dev, const char *attribute,
		  const char *stage, const char *what)
{
	const struct stage *s = stage_find(stage, -EBUSY);
	char hint[REFUSAL_HINT_LEN];
	struct problem p = { .device = dev->name,
			     .attribute = attribute,
			     .value = stage,
			     .err = s->err,
			     .stage = stage,
			     .hint = hint };

	refusal_hint(ctx, dev, s, hint);
	return report_error(ctx, &p, "cannot %s: %s", what, s->message);
}

int quarantine_refuse(struct ctx *ctx, const struct pci_device *dev, const char *what)
{
	return quarantine_is_on(ctx, dev) ? report(ctx, dev, "state", QUARANTINED, what) : 0;
}

int quarantine_report(struct ctx *ctx, const struct pci_device *dev, struct problem *p)
{
	const struct stage *s = stage_find(QUARANTINED, -EBUSY);
	char hint[REFUSAL_HINT_LEN];

	refusal_hint(ctx, dev, s, hint);
	p->err = -EIO;
	p->stage = QUARANTINED;
	p->hint = hint;
	p->changed = true;
	return report_error(ctx, p, "it is not bound now, but %s", s->message);
}

bool foreign_is_bound(struct ctx *ctx, const struct pci_device *dev)
{
	char text[ATTR_MAX];

	return policy_get(ctx, dev, "origin", text) == 0 && streq(text, "foreign");
}

int foreign_refuse(struct ctx *ctx, const struct pci_device *dev, const char *what)
{
	return foreign_is_bound(ctx, dev) ? report(ctx, dev, "origin", "foreign", what) : 0;
}
