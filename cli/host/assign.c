// SPDX-License-Identifier: GPL-2.0-or-later
/* Giving a device to vfio-pci-tsm and back, see assign.h. */
#include <errno.h>

#include "host/assign.h"
#include "host/in_use.h"
#include "host/owner.h"
#include "host/quarantine.h"
#include "interrupt.h"
#include "report.h"

/* What sysfs shows when no driver_override is set. */
#define NO_OVERRIDE "(null)"

void assign_look(const struct pci_device *dev, struct assignment *a)
{
	util_copy(a->driver, sizeof(a->driver), dev->driver);
	if (pci_get(dev, "driver_override", a->override) || streq(a->override, NO_OVERRIDE))
		a->override[0] = '\0';
}

static bool has_driver(const struct ctx *ctx, const struct pci_device *dev)
{
	(void)dev;
	return pci_has_driver(ctx, TSM_DRIVER);
}

static bool has_group(const struct ctx *ctx, const struct pci_device *dev)
{
	return pci_group(ctx, dev) >= 0;
}

static const struct need needs[] = {
	{ -ENOENT, "module", "the driver " TSM_DRIVER " is not loaded", "run 'tsmctl load'",
	  has_driver },
	{ -ENODEV, "iommu", "it is in no IOMMU group", NO_IOMMU_HINT, has_group },
};

const struct need *assign_lacks(const struct ctx *ctx, const struct pci_device *dev)
{
	for (size_t i = 0; i < ARRAY_SIZE(needs); i++)
		if (!needs[i].is_met(ctx, dev))
			return &needs[i];
	return NULL;
}

/* The driver of a PF removes its VFs, and waits for processes that have them open. */
static int refuse_held_functions(struct ctx *ctx, const struct pci_device *dev)
{
	unsigned int count;
	char text[ATTR_MAX];
	int ret = 0;

	if (pci_get(dev, "sriov_numvfs", text) || util_parse_u32(text, &count))
		return 0;
	for (unsigned int i = 0; !ret && i < count; i++) {
		struct pci_device vf cleanup_pci = { .fd = -1 };
		struct pci_addr addr;
		char link[32];

		snprintf(link, sizeof(link), "virtfn%u", i);
		if (pci_link(dev, link, &addr) && !pci_open(ctx, &addr, &vf) && vf.present)
			ret = owner_refuse(ctx, &vf, "assign the function that it is a part of");
	}
	return ret;
}

int assign_check(struct ctx *ctx, const struct pci_device *dev, const char *force)
{
	struct problem p = { .device = dev->name,
			     .attribute = "driver",
			     .value = TSM_DRIVER,
			     .code = EXIT_UNSUPPORTED };
	const struct need *need = assign_lacks(ctx, dev);

	if (!need)
		return owner_refuse(ctx, dev, "assign it")     ?:
			       refuse_held_functions(ctx, dev) ?:
								 in_use_refuse(ctx, dev, force);
	p.err = need->err;
	p.stage = need->stage;
	p.hint = need->hint;
	return report_error(ctx, &p, "%s", need->message);
}

int assign_restore(struct ctx *ctx, struct pci_device *dev, const struct assignment *a)
{
	int ret;

	ret = pci_set(ctx, dev, "driver_override", a->override);
	pci_look_driver(ctx, dev);
	if (!streq(dev->driver, a->driver)) {
		ret = pci_unbind(ctx, dev) ?: ret;
		if (a->driver[0])
			pci_probe(ctx, dev);
	}
	pci_look_driver(ctx, dev);
	return ret ?: streq(dev->driver, a->driver) ? 0 : -EIO;
}

/* What this run has changed. Another run may be at work on the same device. */
struct changes {
	bool override;
	bool driver;
};

static int set_override(struct ctx *ctx, struct pci_device *dev, const char *value,
			struct changes *done)
{
	int ret = pci_set(ctx, dev, "driver_override", value);

	done->override = !ret;
	return ret;
}

/* ENODEV: another run has taken it from that driver in the meantime. */
static int detach(struct ctx *ctx, struct pci_device *dev, struct changes *done)
{
	int ret = pci_unbind(ctx, dev);

	done->driver = !ret;
	return ret == -ENODEV ? 0 : ret;
}

/*
 * After a failure, which is reported already; another one is as well. Puts back only what
 * this run has changed.
 */
static void put_back(struct ctx *ctx, struct pci_device *dev, const struct assignment *old,
		     const struct changes *done)
{
	struct assignment wanted = *old;
	const struct assignment *before = &wanted;
	struct problem p = { .device = dev->name,
			     .attribute = "driver",
			     .value = before->driver[0] ? before->driver : NULL,
			     .stage = "roll-back",
			     .hint = "'tsmctl show' tells what it is now" };

	struct assignment now;

	if (pci_look_driver(ctx, dev))
		return;
	assign_look(dev, &now);
	/* another run that failed may have left it without a driver */
	if (!done->driver && now.driver[0])
		util_copy(wanted.driver, sizeof(wanted.driver), now.driver);
	if (!done->override)
		util_copy(wanted.override, sizeof(wanted.override), now.override);
	/* what could not be changed need not be changed back */
	if (streq(now.driver, before->driver) && streq(now.override, before->override))
		return;
	p.err = assign_restore(ctx, dev, before);
	if (!p.err)
		return;
	ctx->answer.changed = true;
	report_error(ctx, &p, "cannot give it back to %s: %s", p.value ?: "no driver",
		     strerror(-p.err));
}

static int give(struct ctx *ctx, struct pci_device *dev, struct problem *p, struct changes *done)
{
	p->stage = "override";
	p->err = set_override(ctx, dev, TSM_DRIVER, done);
	if (p->err)
		return report_error(ctx, p, "cannot set driver_override: %s", strerror(-p->err));
	p->stage = "unbind";
	p->err = detach(ctx, dev, done);
	if (p->err)
		return report_error(ctx, p, "cannot take it from driver %s: %s", dev->driver,
				    strerror(-p->err));
	p->stage = "probe";
	p->err = pci_probe(ctx, dev);
	if (p->err)
		return report_error(ctx, p, "cannot probe for " TSM_DRIVER ": %s",
				    strerror(-p->err));
	if (ctx->dry_run)
		return 0;
	p->stage = "verify";
	p->err = pci_look_driver(ctx, dev);
	if (p->err)
		return report_error(ctx, p, "it has vanished");
	if (streq(dev->driver, TSM_DRIVER))
		return 0;
	p->err = -EIO;
	p->code = EXIT_FAILED;
	p->hint = "the kernel log says why: 'dmesg'; its former driver was asked to take it back";
	return report_error(ctx, p, TSM_DRIVER " did not take it, its driver is %s",
			    dev->driver[0] ? dev->driver : "none");
}

int assign_take(struct ctx *ctx, struct pci_device *dev)
{
	struct problem p = { .device = dev->name, .attribute = "driver", .value = TSM_DRIVER };
	struct changes done = { 0 };
	struct assignment before;
	int ret;

	interrupt_hold();
	assign_look(dev, &before);
	ret = give(ctx, dev, &p, &done);
	/* another run may have done it all */
	if (ret && (pci_look_driver(ctx, dev) || !streq(dev->driver, TSM_DRIVER)))
		put_back(ctx, dev, &before, &done);
	return ret;
}

/* The steps back to the ordinary driver; who calls puts back what failed. */
static int take_back(struct ctx *ctx, struct pci_device *dev, bool held, struct changes *done)
{
	struct problem p = { .device = dev->name, .attribute = "driver", .stage = "override" };

	p.err = set_override(ctx, dev, "", done);
	if (p.err)
		return report_error(ctx, &p, "cannot clear driver_override: %s", strerror(-p.err));
	p.stage = "unbind";
	p.err = held ? detach(ctx, dev, done) : 0;
	if (p.err)
		return report_error(ctx, &p, "cannot take it from " TSM_DRIVER ": %s",
				    strerror(-p.err));
	p.stage = "probe";
	/* without a driver for it, the kernel may call the probe a failure */
	p.err = pci_probe(ctx, dev);
	if (p.err == -EACCES || p.err == -EPERM || p.err == -ENOENT)
		return report_error(ctx, &p, "cannot probe for its driver: %s", strerror(-p.err));
	if (ctx->dry_run)
		return 0;
	p.stage = "verify";
	p.err = pci_look_driver(ctx, dev);
	if (p.err)
		return report_error(ctx, &p, "it has vanished");
	if (!streq(dev->driver, TSM_DRIVER))
		return 0;
	p.err = -EBUSY;
	p.hint = "remove its ID from the driver: write it to remove_id";
	return report_error(ctx, &p, TSM_DRIVER " took it again");
}

int assign_release(struct ctx *ctx, struct pci_device *dev)
{
	bool held = streq(dev->driver, TSM_DRIVER);
	struct changes done = { 0 };
	struct assignment before;
	int ret;

	/* its ordinary driver would not ask whether a TDI is still locked */
	ret = held ? owner_refuse(ctx, dev, "release it") ?:
		     quarantine_refuse(ctx, dev, "release it") :
		     0;
	if (ret)
		return ret;
	interrupt_hold();
	assign_look(dev, &before);
	ret = take_back(ctx, dev, held, &done);
	if (ret)
		put_back(ctx, dev, &before, &done);
	return ret;
}
