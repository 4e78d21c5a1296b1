// SPDX-License-Identifier: GPL-2.0-or-later
/* Whether a device is the one that the configuration means, see expected.h. */
#include <errno.h>

#include "config/expected.h"
#include "host/former.h"
#include "report.h"

static void describe(const char *id, const char *serial, char text[EXPECTED_TEXT_LEN])
{
	snprintf(text, EXPECTED_TEXT_LEN, "%s%s%s%s", id ?: "", id && serial ? ", " : "",
		 serial ? "serial number " : "", serial ?: "");
}

void expected_compare(struct ctx *ctx, const struct pci_device *dev,
		      const char *const want[SETTINGS], struct comparison *c)
{
	struct identity i;

	identity_look(ctx, dev, &i);
	c->match = identity_compare(&i, want[SET_ID], want[SET_SERIAL]);
	c->denied = i.denied;
	describe(i.id[0] ? i.id : "a device without a readable ID", identity_serial(&i), c->found);
	describe(want[SET_ID], want[SET_SERIAL], c->expected);
}

static bool expects_one(const char *const want[SETTINGS])
{
	return want[SET_ID] || want[SET_SERIAL];
}

bool expected_is_other(struct ctx *ctx, const struct pci_device *dev,
		       const char *const want[SETTINGS], struct comparison *c)
{
	if (!expects_one(want))
		return false;
	expected_compare(ctx, dev, want, c);
	return c->match == IDENTITY_OTHER;
}

static int refuse(struct ctx *ctx, const struct pci_device *dev, const char *const want[SETTINGS],
		  bool takes)
{
	struct comparison c;
	/* the unit of a device takes the exit status of ENODEV for a success */
	struct problem p = { .device = dev->name,
			     .attribute = want[SET_ID] ? setting_key(SET_ID) :
							 setting_key(SET_SERIAL),
			     .value = c.expected,
			     .err = -ENODEV,
			     .stage = "identity",
			     .hint = "'lspci -nnv -s @' shows what it is",
			     .code = EXIT_FAILED };

	if (!dev->present || !expects_one(want))
		return 0;
	expected_compare(ctx, dev, want, &c);
	if (c.match == IDENTITY_UNKNOWN && takes && !ctx->dry_run) {
		former_await_serial(ctx, dev, true);
		/* the driver may have shown it just before, when udev found no run waiting */
		expected_compare(ctx, dev, want, &c);
	}
	if (c.match != IDENTITY_UNKNOWN && !ctx->dry_run)
		former_await_serial(ctx, dev, false);
	if (c.match == IDENTITY_OTHER)
		return report_error(ctx, &p, "another device has this address: %s instead of %s",
				    c.found, c.expected);
	/* under --dry-run, a serial number that this user may not read is not an error */
	if (c.match == IDENTITY_SAME || !takes || (c.denied && ctx->dry_run))
		return 0;
	p.attribute = setting_key(SET_SERIAL);
	p.hint = "load its ordinary driver, which shows the serial number";
	return report_error(ctx, &p,
			    "cannot tell whether it is the expected device: found %s, expected %s",
			    c.found, c.expected);
}

struct check {
	struct ctx *ctx;
	const struct pci_device *dev;
	bool takes;
	int ret;
};

static void check_entry(const struct config_entry *e, bool counts, void *arg)
{
	struct check *c = arg;

	if (counts && !c->ret)
		c->ret = refuse(c->ctx, c->dev, e->want, c->takes);
}

int expected_check(struct ctx *ctx, const struct wanted *w, const struct pci_device *dev,
		   bool takes)
{
	struct check c = { .ctx = ctx, .dev = dev, .takes = takes };

	wanted_each(ctx, w, &dev->addr, check_entry, &c);
	return c.ret;
}
