// SPDX-License-Identifier: GPL-2.0-or-later
/* Assigns devices to vfio-pci-tsm and releases them, see assign.h. */
#include <errno.h>

#include "common/stage.h"
#include "host/assign.h"
#include "host/former.h"
#include "host/identity.h"
#include "host/owner.h"
#include "host/quarantine.h"
#include "host/slow.h"
#include "interrupt.h"

/* What sysfs shows when no driver_override is set. */
#define NO_OVERRIDE "(null)"

void assign_look(struct ctx *ctx, const struct pci_device *dev, struct assignment *a)
{
	util_copy(a->driver, sizeof(a->driver), dev->driver);
	if (pci_get(dev, "driver_override", a->override) || streq(a->override, NO_OVERRIDE))
		a->override[0] = '\0';
	a->former[0] = a->serial[0] = '\0';
	if (!streq(a->override, TSM_DRIVER))
		return;
	former_get(ctx, dev, a->former);
	former_get_serial(ctx, dev, a->serial);
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

static bool is_endpoint(const struct ctx *ctx, const struct pci_device *dev)
{
	return !pci_is_bridge(ctx, dev->name);
}

static const struct need needs[] = {
	/* its driver serves hot-plug and errors of what is below it */
	{ -EOPNOTSUPP, "bridge", "it is a bridge, which cannot be assigned",
	  "assign the devices behind it: 'tsmctl list --tree' shows them", is_endpoint },
	{ -ENOENT, "module", "the driver " TSM_DRIVER " is not loaded", LOAD_HINT, has_driver },
	{ -ENODEV, "iommu", NO_IOMMU_CAUSE, NO_IOMMU_HINT, has_group },
};

const struct need *assign_lacks(const struct ctx *ctx, const struct pci_device *dev)
{
	for (size_t i = 0; i < ARRAY_SIZE(needs); i++)
		if (!needs[i].is_met(ctx, dev))
			return &needs[i];
	return NULL;
}

/* The driver of a PF removes its VFs, and waits for the processes that have them open. */
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
			ret = owner_refuse(ctx, &vf, "assign its PF");
	}
	return ret;
}

int assign_check(struct ctx *ctx, const struct pci_device *dev)
{
	struct problem p = { .device = dev->name,
			     .attribute = "driver",
			     .value = TSM_DRIVER,
			     .code = EXIT_UNSUPPORTED };
	const struct need *need = assign_lacks(ctx, dev);

	if (!need)
		return owner_refuse(ctx, dev, "assign it") ?: refuse_held_functions(ctx, dev);
	p.err = need->err;
	p.stage = need->stage;
	p.hint = need->hint;
	return report_error(ctx, &p, "%s", need->message);
}

int assign_restore(struct ctx *ctx, struct pci_device *dev, const struct assignment *a,
		   struct wait *w)
{
	int ret, err = 0;

	wait_undo(ctx);
	ret = pci_set(ctx, dev, "driver_override", a->override);
	former_put(ctx, dev, a->former);
	former_put_serial(ctx, dev, a->serial);
	pci_look_driver(ctx, dev);
	if (!streq(dev->driver, a->driver)) {
		ret = pci_unbind(ctx, dev, w) ?: ret;
		if (a->driver[0] && !ctx->unfinished)
			err = pci_probe(ctx, dev, a->driver, w);
	}
	/* the link "driver" appears before the probe of the driver has ended */
	if (ctx->unfinished)
		return err ?: ret;
	pci_look_driver(ctx, dev);
	return ret ?: streq(dev->driver, a->driver) ? 0 : err ?: -EIO;
}

/* What this run has changed. Another run may change the same device meanwhile. */
struct assign_done {
	bool kept;
	bool override;
	bool driver;
};

static int set_override(struct ctx *ctx, struct pci_device *dev, const char *value,
			struct assign_done *done)
{
	int ret = pci_set(ctx, dev, "driver_override", value);

	done->override = !ret;
	return ret;
}

/* ENODEV: another run has detached it from that driver meanwhile. */
static int detach(struct ctx *ctx, struct pci_device *dev, struct assign_done *done, struct wait *w)
{
	int ret = pci_unbind(ctx, dev, w);

	done->driver = !ret;
	return ret == -ENODEV ? 0 : ret;
}

/*
 * Reports a step that was given up, after which nothing can be put back. The link "driver"
 * does not show how far the step is: it disappears before the driver has detached, and
 * appears before the driver's probe has ended.
 */
static int report_left(const struct wait *w, struct problem *p, const char *driver, const char *may,
		       const char *override)
{
	char hint[2 * ATTR_MAX];

	snprintf(
		hint, sizeof(hint),
		"%s may %s, its driver_override is %s: when that process has ended, 'tsmctl assign @' or 'tsmctl release @' does the rest",
		driver, may, override[0] ? override : "none");
	p->hint = hint;
	return slow_report(w, p);
}

#define STILL "still have it"
#define YET "still get it"

/*
 * Undoes the changes of this run, and only those, after a failure that is already reported.
 * Reports if that fails.
 */
static void put_back(struct ctx *ctx, struct pci_device *dev, const struct assignment *old,
		     const struct assign_done *done)
{
	struct assignment wanted = *old;
	const struct assignment *before = &wanted;
	struct problem p = { .device = dev->name,
			     .attribute = "driver",
			     .value = before->driver[0] ? before->driver : NULL,
			     .stage = "roll-back",
			     .hint = SHOW_HINT,
			     .changed = true };
	struct assignment now;
	struct wait w;

	if (pci_look_driver(ctx, dev))
		return;
	assign_look(ctx, dev, &now);
	/* another run that failed may have left it without a driver */
	if (!done->driver && now.driver[0])
		util_copy(wanted.driver, sizeof(wanted.driver), now.driver);
	if (!done->override)
		util_copy(wanted.override, sizeof(wanted.override), now.override);
	/* what could not be changed need not be changed back */
	if (streq(now.driver, before->driver) && streq(now.override, before->override))
		return;
	p.err = assign_restore(ctx, dev, before, &w);
	if (!p.err)
		return;
	if (ctx->unfinished) {
		p.hint = SHOW_LATER_HINT;
		slow_report(&w, &p);
		return;
	}
	report_error(ctx, &p, "cannot give it back to %s: %s", p.value ?: "no driver",
		     strerror(-p.err));
}

/* Keeps an override of another program; without one, removes what an earlier assign kept. */
static int keep_override(struct ctx *ctx, const struct pci_device *dev, struct problem *p,
			 const char *override, struct assign_done *done)
{
	if (streq(override, TSM_DRIVER))
		return 0;
	p->err = former_put(ctx, dev, override);
	done->kept = !p->err;
	if (!p->err)
		return 0;
	p->stage = "override";
	p->hint = "run 'echo > /sys/bus/pci/devices/@/driver_override' first, if nothing needs it";
	return report_error(ctx, p, "cannot keep its driver_override '%s' in %s: %s", override,
			    ctx->run.path, strerror(-p->err));
}

static int give(struct ctx *ctx, struct pci_device *dev, struct problem *p,
		struct assign_done *done)
{
	struct wait w;

	p->stage = "override";
	p->err = set_override(ctx, dev, TSM_DRIVER, done);
	if (p->err)
		return report_error(ctx, p, "cannot set driver_override: %s", strerror(-p->err));
	p->stage = "unbind";
	p->err = detach(ctx, dev, done, &w);
	if (ctx->unfinished)
		return report_left(&w, p, dev->driver, STILL, TSM_DRIVER);
	if (p->err)
		return report_error(ctx, p, "cannot detach it from driver %s: %s", dev->driver,
				    wait_why(&w, p->err));
	p->stage = "probe";
	p->err = pci_probe(ctx, dev, TSM_DRIVER, &w);
	if (ctx->unfinished)
		return report_left(&w, p, TSM_DRIVER, YET, TSM_DRIVER);
	if (p->err)
		return report_error(ctx, p, "cannot probe for " TSM_DRIVER ": %s",
				    wait_why(&w, p->err));
	if (ctx->dry_run)
		return 0;
	p->stage = "verify";
	p->err = pci_look_driver(ctx, dev);
	if (p->err)
		return report_error(ctx, p, "it was removed from the host meanwhile");
	if (streq(dev->driver, TSM_DRIVER))
		return 0;
	p->err = -EIO;
	p->code = EXIT_FAILED;
	p->hint = LOG_HINT "; its former driver was asked to take it back";
	return report_error(ctx, p, TSM_DRIVER " did not take it, its driver is %s",
			    dev->driver[0] ? dev->driver : "none");
}

int assign_take(struct ctx *ctx, struct pci_device *dev)
{
	struct problem p = { .device = dev->name, .attribute = "driver", .value = TSM_DRIVER };
	struct assign_done done = { 0 };
	struct assignment before, now;
	char serial[PCI_SERIAL_LEN];
	int ret;

	interrupt_hold();
	former_await_serial(ctx, dev, false);
	assign_look(ctx, dev, &before);
	/* an entry with a serial number needs it to recognize the device */
	identity_of_driver(dev, serial);
	if (serial[0])
		former_put_serial(ctx, dev, serial);
	ret = keep_override(ctx, dev, &p, before.override, &done) ?: give(ctx, dev, &p, &done);
	/* another run may have assigned it */
	if (ret && !ctx->unfinished &&
	    (pci_look_driver(ctx, dev) || !streq(dev->driver, TSM_DRIVER))) {
		put_back(ctx, dev, &before, &done);
		/* another run that has set the override needs what is kept */
		assign_look(ctx, dev, &now);
		if (done.kept && !streq(now.override, TSM_DRIVER))
			former_put(ctx, dev, before.former);
		if (dev->driver[0])
			former_put_serial(ctx, dev, "");
	}
	/* only the run that detached it from its former driver may give it back */
	return ret ?: before.driver[0] && !done.driver;
}

/* The steps back to the ordinary driver. If one fails, the caller puts the device back. */
static int take_back(struct ctx *ctx, struct pci_device *dev, bool held,
		     const struct assignment *before, struct assign_done *done)
{
	struct problem p = { .device = dev->name, .attribute = "driver", .stage = "override" };
	const char *override = before->override;
	struct wait w;

	/* an override that was set after the device was assigned is another program's */
	if (!override[0] || streq(override, TSM_DRIVER)) {
		override = before->former;
		p.err = set_override(ctx, dev, override, done);
	}
	if (p.err)
		return report_error(ctx, &p, "cannot %s driver_override: %s",
				    before->former[0] ? "restore" : "clear", strerror(-p.err));
	p.stage = "unbind";
	p.err = held ? detach(ctx, dev, done, &w) : 0;
	if (ctx->unfinished)
		return report_left(&w, &p, TSM_DRIVER, STILL, override);
	if (p.err)
		return report_error(ctx, &p, "cannot detach it from driver " TSM_DRIVER ": %s",
				    wait_why(&w, p.err));
	p.stage = "probe";
	/* if the kernel has no driver for it, the probe may fail */
	p.err = pci_probe(ctx, dev, NULL, &w);
	if (ctx->unfinished)
		return report_left(&w, &p, "its driver", YET, override);
	if (w.refused || w.lost || p.err == -EACCES || p.err == -EPERM || p.err == -ENOENT)
		return report_error(ctx, &p, "cannot probe for its driver: %s",
				    wait_why(&w, p.err));
	if (ctx->dry_run)
		return 0;
	p.stage = "verify";
	p.err = pci_look_driver(ctx, dev);
	if (p.err)
		return report_error(ctx, &p, "it was removed from the host meanwhile");
	if (!streq(dev->driver, TSM_DRIVER))
		return 0;
	p.err = -EBUSY;
	p.hint = "remove its ID: 'echo VENDOR DEVICE > /sys/bus/pci/drivers/" TSM_DRIVER
		 "/remove_id'";
	return report_error(ctx, &p, TSM_DRIVER " took it again");
}

const char *assign_goal(const struct ctx *ctx, const struct pci_device *dev,
			const struct assignment *a)
{
	/* it keeps another driver that it already has */
	if (dev->driver[0] && !streq(dev->driver, TSM_DRIVER))
		return dev->driver;
	/* assign_release() leaves this override */
	if (a->override[0] && !streq(a->override, TSM_DRIVER))
		return pci_has_driver(ctx, a->override) ? a->override : NULL;
	return a->former[0] && pci_has_driver(ctx, a->former) ? a->former : NULL;
}

int assign_release(struct ctx *ctx, struct pci_device *dev)
{
	bool held = streq(dev->driver, TSM_DRIVER);
	struct assign_done done = { 0 };
	struct assignment before;
	int ret;

	/* its ordinary driver would not check whether a TDI is still locked */
	ret = held ? owner_refuse(ctx, dev, "release it") ?:
		     quarantine_refuse(ctx, dev, "release it") :
		     0;
	if (ret)
		return ret;
	interrupt_hold();
	/* before its driver has it again, and udev looks for that file */
	former_await_serial(ctx, dev, false);
	assign_look(ctx, dev, &before);
	ret = take_back(ctx, dev, held, &before, &done);
	/* the rest of a step that was given up needs what is kept */
	if (ctx->unfinished)
		return ret;
	if (ret)
		put_back(ctx, dev, &before, &done);
	if (!ret) {
		former_put(ctx, dev, "");
		former_put_serial(ctx, dev, "");
	}
	return ret;
}
