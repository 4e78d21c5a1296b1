// SPDX-License-Identifier: GPL-2.0-or-later
/* Plans: made, shown, run and rolled back, see plan.h. */
#include <errno.h>

#include "config/plan.h"
#include "config/state.h"
#include "host/change.h"
#include "host/info.h"
#include "host/owner.h"
#include "host/policy.h"
#include "host/slow.h"
#include "host/tsm.h"
#include "interrupt.h"
#include "report.h"

#define NONE "none"

/* How a kind of setting is read, changed and changed back. */
struct kind {
	int (*read)(struct ctx *ctx, const struct pci_device *dev, enum setting s, char *buf);
	int (*change)(struct ctx *ctx, struct pci_device *dev, const struct step *step,
		      const struct plan *plan);
	int (*undo)(struct ctx *ctx, struct pci_device *dev, const struct step *step,
		    const struct plan *plan, struct wait *w);
};

static int read_policy(struct ctx *ctx, const struct pci_device *dev, enum setting s, char *buf)
{
	return policy_read(ctx, dev, setting_key(s), buf);
}

static int change_policy(struct ctx *ctx, struct pci_device *dev, const struct step *step,
			 const struct plan *plan)
{
	(void)plan;
	return policy_put(ctx, dev, setting_key(step->setting), step->to);
}

static int undo_policy(struct ctx *ctx, struct pci_device *dev, const struct step *step,
		       const struct plan *plan, struct wait *w)
{
	(void)plan;
	(void)w;
	return policy_set(ctx, dev, setting_key(step->setting), step->from);
}

/* An override without the driver is neither "1" nor "0", so that a plan for either changes it. */
static int read_assigned(struct ctx *ctx, const struct pci_device *dev, enum setting s, char *buf)
{
	struct assignment a;

	(void)ctx;
	(void)s;
	assign_look(ctx, dev, &a);
	if (streq(a.driver, TSM_DRIVER))
		util_copy(buf, ATTR_MAX, "1");
	else
		util_copy(buf, ATTR_MAX, streq(a.override, TSM_DRIVER) ? "override" : "0");
	return 0;
}

static int change_assigned(struct ctx *ctx, struct pci_device *dev, const struct step *step,
			   const struct plan *plan)
{
	(void)plan;
	if (streq(step->to, "0"))
		return assign_release(ctx, dev);
	return assign_check(ctx, dev) ?: policy_create(ctx, dev) ?: assign_take(ctx, dev);
}

static int undo_assigned(struct ctx *ctx, struct pci_device *dev, const struct step *step,
			 const struct plan *plan, struct wait *w)
{
	(void)step;
	return assign_restore(ctx, dev, &plan->before, w);
}

/* A function that cannot be connected itself has the TSM of its DSM, or none. */
static int read_tsm(struct ctx *ctx, const struct pci_device *dev, enum setting s, char *buf)
{
	struct tsm_dsm dsm;
	int ret;

	(void)s;
	ret = tsm_get_connected(ctx, dev, buf);
	if (ret == -ENOENT)
		ret = tsm_follows(ctx, dev, &dsm);
	if (ret < 0)
		return ret;
	if (ret)
		util_copy(buf, ATTR_MAX, dsm.tsm);
	if (!buf[0])
		util_copy(buf, ATTR_MAX, NONE);
	return 0;
}

/* Reports a change that could not be undone. */
static void report_stuck(struct ctx *ctx, const struct pci_device *dev, const struct step *step,
			 const char *attribute, int err, const struct wait *w)
{
	struct problem p = { .device = dev->name,
			     .attribute = attribute,
			     .value = step->from,
			     .err = err,
			     .stage = "roll-back",
			     .hint = SHOW_HINT,
			     .changed = true };

	if (ctx->unfinished) {
		p.hint = SHOW_LATER_HINT;
		slow_report(w, &p);
		return;
	}
	report_error(ctx, &p, "cannot put %s back: %s", attribute, strerror(-err));
}

static int set_tsm(struct ctx *ctx, const struct pci_device *dev, const char *attribute,
		   const char *tsm, const char *what, struct wait *w)
{
	wait_begin(w, ctx, dev->name, WAIT_FOREVER, "%s to %s it", tsm, what);
	return pci_set_slow(dev, attribute, tsm, w);
}

static int change_tsm(struct ctx *ctx, struct pci_device *dev, const struct step *step,
		      const struct plan *plan)
{
	int ret = 0, err = 0;
	struct wait w;
	bool ours;

	(void)plan;
	if (!tsm_connects(dev))
		return tsm_report_none(ctx, dev, step->to);
	if (!streq(step->from, NONE))
		ret = tsm_disconnect(ctx, dev, step->from);
	if (ret < 0 || streq(step->to, NONE))
		return ret;
	/* a device that another run has disconnected is not connected again */
	ours = !streq(step->from, NONE) && !ret;
	ret = tsm_connect(ctx, dev, step->to);
	if (ret < 0 && !ctx->unfinished && !ctx->gave_up && ours) {
		wait_undo(ctx);
		err = set_tsm(ctx, dev, "tsm/connect", step->from, "connect", &w);
	}
	if (err)
		report_stuck(ctx, dev, step, "tsm", err, &w);
	return ret;
}

static int undo_tsm(struct ctx *ctx, struct pci_device *dev, const struct step *step,
		    const struct plan *plan, struct wait *w)
{
	int ret = 0;

	(void)plan;
	if (!streq(step->to, NONE))
		ret = set_tsm(ctx, dev, "tsm/disconnect", step->to, "disconnect", w);
	if (!streq(step->from, NONE) && !ctx->unfinished)
		ret = set_tsm(ctx, dev, "tsm/connect", step->from, "connect", w) ?: ret;
	return ret;
}

static const struct kind kinds[] = {
	[0 ... POLICIES - 1] = { read_policy, change_policy, undo_policy },
	[SET_ASSIGNED] = { read_assigned, change_assigned, undo_assigned },
	[SET_TSM] = { read_tsm, change_tsm, undo_tsm },
};

/* What a change of a setting is called, as by the verb for it. */
static const char *attribute_of(enum setting s)
{
	return s == SET_ASSIGNED ? "driver" : setting_key(s);
}

/* Whether a function loses its TSM together with its DSM, and only then. */
static bool is_left_to_dsm(const struct pci_device *dev, const char *tsm)
{
	return streq(tsm, NONE) && !tsm_connects(dev);
}

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
	assign_look(ctx, dev, &plan->before);
	for (int s = 0; s < SET_FORCE; s++) {
		if (!want[s])
			continue;
		if (!dev->present && (s == SET_ASSIGNED || s == SET_TSM)) {
			plan->waits |= !streq(want[s], "0") && !streq(want[s], NONE);
			continue;
		}
		/* a module without this attribute does what is usual */
		if (s < SET_ASSIGNED && state_is_usual((enum setting)s, want[s]) &&
		    policy_lacks(ctx, dev, setting_key(s)))
			continue;
		step = &plan->steps[plan->count];
		ret = kinds[s].read(ctx, dev, (enum setting)s, step->from);
		if (ret)
			return ret;
		if (s == SET_TSM && is_left_to_dsm(dev, want[s]))
			continue;
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

/* Reports a step as the verb for its setting does. */
static void report_step(struct ctx *ctx, const struct pci_device *dev, const struct plan *plan,
			const struct step *step, const char *rolled_back, bool foreign)
{
	struct outcome o = { .device = dev->name,
			     .attribute = attribute_of(step->setting),
			     .value = step->to,
			     .previous = step->from,
			     .changed = !rolled_back && !foreign,
			     .flag = info_is_flag(attribute_of(step->setting)),
			     .note = rolled_back };

	if (step->setting == SET_ASSIGNED) {
		o.previous = plan->before.driver[0] ? plan->before.driver : NULL;
		o.value = streq(step->to, "1") ? TSM_DRIVER : NULL;
		if (!o.value && !ctx->dry_run && dev->driver[0])
			o.value = dev->driver;
		if (!o.value && ctx->dry_run) {
			o.value = assign_goal(ctx, dev, &plan->before);
			o.open = !o.value;
			o.note = o.open ? KERNEL_CHOOSES : rolled_back;
		}
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
	const char *tsm = plan_goal(plan, SET_TSM);
	struct outcome forgotten = {
		.device = dev->name, .attribute = "policy", .previous = "kept", .changed = true
	};
	struct outcome waiting = {
		.device = dev->name,
		.attribute = "driver",
		.note = "it is not present: its driver and TSM cannot be set yet"
	};

	for (unsigned int i = 0; i < plan->count; i++)
		report_step(ctx, dev, plan, &plan->steps[i], NULL, plan->foreign[i]);
	if (tsm && ctx->dry_run)
		tsm_plan(dev, tsm);
	if (plan->forget)
		report_outcome(ctx, &forgotten);
	if (plan->waits)
		report_outcome(ctx, &waiting);
}

/*
 * Undoes the first @done steps, last first, except those that another run has done; reports
 * each one. An undo that is given up is the last one: the others may depend on its result.
 */
static void roll_back(struct ctx *ctx, struct pci_device *dev, const struct plan *plan,
		      unsigned int done)
{
	struct wait w;

	wait_undo(ctx);
	for (; done && !ctx->unfinished; done--) {
		const unsigned int last = done - 1;
		const struct step *step = &plan->steps[last];
		int err;

		if (plan->foreign[last])
			continue;
		err = kinds[step->setting].undo(ctx, dev, step, plan, &w);
		if (err)
			report_stuck(ctx, dev, step, attribute_of(step->setting), err, &w);
		else
			report_step(ctx, dev, plan, step, "rolled back", false);
	}
	while (done--)
		report_step(ctx, dev, plan, &plan->steps[done], NULL, plan->foreign[done]);
	/* another run that has assigned it needs the policy */
	if (!plan->had_policy && !ctx->unfinished &&
	    (!streq(dev->driver, TSM_DRIVER) || streq(plan->before.driver, TSM_DRIVER)))
		policy_forget(ctx, dev->name);
}

int plan_do(struct ctx *ctx, struct pci_device *dev, struct plan *plan)
{
	unsigned int i;
	int ret = 0;

	interrupt_hold();
	for (i = 0; !ret && i < plan->count; i++) {
		ret = kinds[plan->steps[i].setting].change(ctx, dev, &plan->steps[i], plan);
		plan->foreign[i] = ret > 0;
		ret = ret < 0 ? ret : 0;
	}
	/* a step that goes on or was not verified may succeed: it needs what was done before it */
	if (ctx->unfinished || (ret && ctx->gave_up)) {
		for (unsigned int done = 0; done + 1 < i; done++)
			report_step(ctx, dev, plan, &plan->steps[done], NULL, plan->foreign[done]);
		return ret;
	}
	if (!ret && plan->forget)
		ret = policy_forget(ctx, dev->name);
	else if (ret)
		i--;
	if (ret)
		roll_back(ctx, dev, plan, i);
	return ret;
}

void plan_undo(struct ctx *ctx, struct pci_device *dev, const struct plan *plan)
{
	roll_back(ctx, dev, plan, plan->count);
}

int plan_run(struct ctx *ctx, struct pci_device *dev, struct plan *plan)
{
	int ret = plan_do(ctx, dev, plan);

	if (!ret)
		plan_show(ctx, dev, plan);
	return ret;
}
