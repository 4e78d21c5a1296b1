// SPDX-License-Identifier: GPL-2.0-or-later
/* Devices whose TDI must not be used, see quarantine.h. */
#include <errno.h>

#include "common/stage.h"
#include "host/policy.h"
#include "host/quarantine.h"
#include "host/tsm.h"
#include "report.h"

bool quarantine_is_on(struct ctx *ctx, const struct pci_device *dev)
{
	char text[ATTR_MAX];

	/* a quarantine outlives the driver; only on our driver does the state show it */
	if (policy_get(ctx, dev, "quarantine", text) == 0)
		return streq(text, "1");
	return policy_get(ctx, dev, "state", text) == 0 && streq(text, QUARANTINED);
}

void quarantine_hint(const struct pci_device *dev, char buf[QUARANTINE_HINT_LEN])
{
	char dsm[ATTR_MAX];

	/* the session is that of the PF or of function 0 */
	if (tsm_get(dev, "tsm/dsm", dsm) || !dsm[0])
		util_copy(dsm, sizeof(dsm), dev->name);
	snprintf(
		buf, QUARANTINE_HINT_LEN,
		"run 'tsmctl disconnect %.16s'; if the quarantine stays, power cycle the device and run 'tsmctl free %s'",
		dsm, dev->name);
}

int quarantine_refuse(struct ctx *ctx, const struct pci_device *dev, const char *what)
{
	char hint[QUARANTINE_HINT_LEN];
	const struct stage *s = stage_find(QUARANTINED, -EBUSY);
	struct problem p = { .device = dev->name,
			     .attribute = "state",
			     .value = QUARANTINED,
			     .err = -EBUSY,
			     .stage = QUARANTINED,
			     .hint = hint };

	if (!quarantine_is_on(ctx, dev))
		return 0;
	quarantine_hint(dev, hint);
	return report_error(ctx, &p, "cannot %s: %s", what, s->message);
}

bool foreign_is_bound(struct ctx *ctx, const struct pci_device *dev)
{
	char text[ATTR_MAX];

	return policy_get(ctx, dev, "origin", text) == 0 && streq(text, "foreign");
}

int foreign_refuse(struct ctx *ctx, const struct pci_device *dev, const char *what)
{
	const struct stage *s = stage_find("foreign", -EBUSY);
	struct problem p = { .device = dev->name,
			     .attribute = "origin",
			     .value = s->name,
			     .err = s->err,
			     .stage = s->name,
			     .hint = s->hint };

	if (!foreign_is_bound(ctx, dev))
		return 0;
	return report_error(ctx, &p, "cannot %s: %s", what, s->message);
}
