// SPDX-License-Identifier: GPL-2.0-or-later
/* Plans: made, shown, run and rolled back, see plan.h. */
#include <errno.h>

#include "config/plan.h"
#include "host/change.h"
#include "host/owner.h"
#include "host/policy.h"
#include "host/tsm.h"
#include "interrupt.h"
#include "report.h"

#define NONE "none"

/* How a kind of setting is read, changed and changed back. */
struct kind {
	const char *attribute;
	int (*read)(struct ctx *ctx, const struct pci_device *dev, enum setting s, char *buf);
	int (*change)(struct ctx *ctx, struct pci_device *dev, const struct step *step,
		      const struct plan *plan);
	int (*undo)(struct ctx *ctx, struct pci_device *dev, const struct step *step,
		    const struct plan *plan);
};

static int read_policy(struct ctx *ctx, const struct pci_device *dev, enum setting s, char *buf)
{
	struct problem p = { .device = dev->name, .attribute = setting_keys[s], .stage = "read" };

	p.err = policy_require(ctx, dev->name);
	if (p.err)
		return p.err;
	p.err = policy_get(ctx, dev, setting_keys[s], buf);
	if (p.err)
		return report_error(ctx, &p, "cannot read %s: %s", setting_keys[s],
				    strerror(-p.err));
	return 0;
}

static int change_policy(struct ctx *ctx, struct pci_device *dev, const struct step *step,
			 const struct plan *plan)
{
	(void)plan;
	return policy_put(ctx, dev, setting_keys[step->setting], step->to);
}

static int undo_policy(struct ctx *ctx, struct pci_device *dev, const struct step *step,
		       const struct plan *plan)
{
	(void)plan;
	return policy_set(ctx, dev, setting_keys[step->setting], step->from);
}

/* An override without the driver is neither, so that both wishes mend it. */
static int read_assigned(struct ctx *ctx, const struct pci_device *dev, enum setting s, char *buf)
{
	struct assignment a;

	(void)ctx;
	(void)s;
	assign_look(dev, &a);
	if (streq(a.driver, TSM_DRIVER))
		util_copy(buf, ATTR_MAX, "1");
	else
		util_copy(buf, ATTR_MAX, streq(a.override, TSM_DRIVER) ? "override" : "0");
	return 0;
}

static int change_assigned(struct ctx *ctx, struct pci_device *dev, const struct step *step,
			   const struct plan *plan)
{
	if (streq(step->to, "0"))
		return assign_release(ctx, dev);
	return assign_check(ctx, dev, plan->force ? NULL : PLAN_FORCE) ?:
		       policy_create(ctx, dev)			       ?:
									 assign_take(ctx, dev);
}

static int undo_assigned(struct ctx *ctx, struct pci_device *dev, const struct step *step,
			 const struct plan *plan)
{
	(void)step;
	return assign_restore(ctx, dev, &plan->before);
}

/* What cannot be connected is not connected. */
static int read_tsm(struct ctx *ctx, const struct pci_device *dev, enum setting s, char *buf)
{
	struct problem p = { .device = dev->name, .attribute = "tsm/connect", .stage = "read" };

	(void)s;
	p.err = pci_get(dev, "tsm/connect", buf);
	if (p.err && p.err != -ENOENT)
		return report_error(ctx, &p, "cannot read tsm/connect: %s", strerror(-p.err));
	if (!buf[0])
		util_copy(buf, ATTR_MAX, NONE);
	return 0;
}

/* What was done for a step that failed, or before it, stays. */
static void report_stuck(struct ctx *ctx, const struct pci_device *dev, const struct step *step,
			 const char *attribute, int err)
{
	struct problem p = { .device = dev->name,
			     .attribute = attribute,
			     .value = step->from,
			     .err = err,
			     .stage = "roll-back",
			     .hint = "'tsmctl show' tells what it is now" };

	ctx->answer.changed = true;
	report_error(ctx, &p, "cannot put %s back: %s", attribute, strerror(-err));
}

static int change_tsm(struct ctx *ctx, struct pci_device *dev, const struct step *step,
		      const struct plan *plan)
{
	char now[ATTR_MAX];
	int ret = 0, err;

	(void)plan;
	if (!streq(step->from, NONE))
		ret = tsm_disconnect(ctx, dev, step->from);
	if (ret || streq(step->to, NONE))
		return ret;
	if (pci_get(dev, "tsm/connect", now) == -ENOENT)
		return tsm_report_none(ctx, dev, step->to);
	ret = tsm_connect(ctx, dev, step->to);
	err = ret && !streq(step->from, NONE) ? pci_set(ctx, dev, "tsm/connect", step->from) : 0;
	if (err)
		report_stuck(ctx, dev, step, "tsm", err);
	return ret;
}

static int undo_tsm(struct ctx *ctx, struct pci_device *dev, const struct step *step,
		    const struct plan *plan)
{
	int ret = 0;

	(void)plan;
	if (!streq(step->to, NONE))
		ret = pci_set(ctx, dev, "tsm/disconnect", step->to);
	if (!streq(step->from, NONE))
		ret = pci_set(ctx, dev, "tsm/connect", step->from) ?: ret;
	return ret;
}

#define POLICY(name) name, read_policy, change_policy, undo_policy

static const struct kind kinds[SETTINGS] = {
	[SET_REGION_MODE] = { POLICY("region_mode") },
	[SET_BAR_MMAP] = { POLICY("bar_mmap") },
	[SET_BIND_ALLOWED] = { POLICY("bind_allowed") },
	[SET_TDI_ID] = { POLICY("tdi_id") },
	[SET_ASSIGNED] = { "driver", read_assigned, change_assigned, undo_assigned },
	[SET_TSM] = { "tsm", read_tsm, change_tsm, undo_tsm },
};

int plan_make(struct ctx *ctx, const struct pci_device *dev, const char *const want[SETTINGS],
	      bool forget, struct plan *plan)
{
	struct step *step;
	int ret;

	*plan = (struct plan){
		.had_policy = policy_has(ctx, dev->name),
		.force = want[SET_FORCE] && streq(want[SET_FORCE], "1"),
	};
	plan->forget = forget && plan->had_policy;
	assign_look(dev, &plan->before);
	for (int s = 0; s < SETTINGS; s++) {
		if (!want[s] || s == SET_FORCE)
			continue;
		if (!dev->present && (s == SET_ASSIGNED || s == SET_TSM)) {
			plan->waits |= !streq(want[s], "0") && !streq(want[s], NONE);
			continue;
		}
		step = &plan->steps[plan->count];
		ret = kinds[s].read(ctx, dev, (enum setting)s, step->from);
		if (ret)
			return ret;
		step->setting = (enum setting)s;
		step->to = want[s];
		plan->count += !streq(step->from, step->to);
	}
	return 0;
}

bool plan_disconnects(const struct plan *plan)
{
	for (unsigned int i = 0; i < plan->count; i++)
		if (plan->steps[i].setting == SET_TSM && !streq(plan->steps[i].from, NONE))
			return true;
	return false;
}

bool plan_takes(const struct plan *plan)
{
	const char *assigned = plan_goal(plan, SET_ASSIGNED);

	return assigned && streq(assigned, "1");
}

const char *plan_goal(const struct plan *plan, enum setting setting)
{
	for (unsigned int i = 0; i < plan->count; i++)
		if (plan->steps[i].setting == setting)
			return plan->steps[i].to;
	return NULL;
}

/* A step as the verb for its setting reports it. */
static void report_step(struct ctx *ctx, const struct pci_device *dev, const struct plan *plan,
			const struct step *step, const char *rolled_back)
{
	struct outcome o = { .device = dev->name,
			     .attribute = kinds[step->setting].attribute,
			     .value = step->to,
			     .previous = step->from,
			     .changed = !rolled_back,
			     .note = rolled_back };

	if (step->setting == SET_ASSIGNED) {
		o.previous = plan->before.driver[0] ? plan->before.driver : NULL;
		o.value = streq(step->to, "1") ? TSM_DRIVER : NULL;
		if (!o.value && !ctx->dry_run && dev->driver[0])
			o.value = dev->driver;
	} else if (step->setting == SET_TSM) {
		o.previous = streq(step->from, NONE) ? NULL : step->from;
		o.value = streq(step->to, NONE) ? NULL : step->to;
	}
	if (rolled_back)
		o.value = o.previous;
	report_outcome(ctx, &o);
}

void plan_show(struct ctx *ctx, const struct pci_device *dev, const struct plan *plan)
{
	struct outcome forgotten = {
		.device = dev->name, .attribute = "policy", .previous = "kept", .changed = true
	};
	struct outcome waiting = { .device = dev->name,
				   .attribute = "driver",
				   .note = "it is not there: driver and TSM wait until it is" };

	for (unsigned int i = 0; i < plan->count; i++)
		report_step(ctx, dev, plan, &plan->steps[i], NULL);
	if (plan->forget)
		report_outcome(ctx, &forgotten);
	if (plan->waits)
		report_outcome(ctx, &waiting);
}

/* Undoes the first @done steps, last first, and says so. */
static void roll_back(struct ctx *ctx, struct pci_device *dev, const struct plan *plan,
		      unsigned int done)
{
	while (done--) {
		const struct step *step = &plan->steps[done];
		const struct kind *kind = &kinds[step->setting];
		int err = kind->undo(ctx, dev, step, plan);

		if (err)
			report_stuck(ctx, dev, step, kind->attribute, err);
		else
			report_step(ctx, dev, plan, step, "rolled back");
	}
	if (!plan->had_policy)
		policy_forget(ctx, dev->name);
}

int plan_run(struct ctx *ctx, struct pci_device *dev, const struct plan *plan)
{
	unsigned int i;
	int ret = 0;

	interrupt_hold();
	for (i = 0; !ret && i < plan->count; i++)
		ret = kinds[plan->steps[i].setting].change(ctx, dev, &plan->steps[i], plan);
	if (!ret && plan->forget)
		ret = policy_forget(ctx, dev->name);
	else if (ret)
		i--;
	if (ret) {
		roll_back(ctx, dev, plan, i);
		return ret;
	}
	plan_show(ctx, dev, plan);
	return 0;
}
