// SPDX-License-Identifier: GPL-2.0-or-later
/* tsmctl apply and diff: change devices to match the configuration, or show what would change. */
#include <errno.h>

#include "config/expected.h"
#include "config/files.h"
#include "config/lock.h"
#include "config/plan.h"
#include "config/wanted.h"
#include "host/admission.h"
#include "host/in_use.h"
#include "host/owner.h"
#include "host/policy.h"
#include "host/select.h"
#include "host/tsm.h"
#include "report.h"
#include "verbs/admit.h"
#include "verbs/common.h"

static const char *opt_file;
static const char *opt_wait;
static int opt_prune;

/* Drivers may take seconds for each device. The value is below TimeoutStartSec=. */
#define WAIT_SECONDS 240
#define LOCK "apply.lock"

#define BOTH_OPTIONS                                                                             \
	{ "file", 'f', POPT_ARG_STRING, &opt_file, 0, "only this document; - is standard input", \
	  "FILE" },                                                                              \
	{                                                                                        \
		"prune", 0, POPT_ARG_NONE, &opt_prune, 0,                                        \
			"release, disconnect and forget devices that no document names", NULL    \
	}

static const struct poptOption diff_options[] = { BOTH_OPTIONS, POPT_TABLEEND };

static const struct poptOption options[] = {
	BOTH_OPTIONS,
	{ "wait", 0, POPT_ARG_STRING, &opt_wait, 0,
	  "how long to wait for another apply (default: 240)", "SECONDS" },
	VERB_TIMEOUT,
	POPT_TABLEEND,
};

/* What --prune wants of a device. Its policy is also removed. */
static const char *const nothing[SETTINGS] = {
	[SET_ASSIGNED] = "0",
	[SET_TSM] = "none",
};

/*
 * @explicit: devices were given as arguments
 * @found: without arguments, the devices to work on, in any order
 */
struct run {
	struct ctx *ctx;
	struct wanted wanted;
	bool only_show;
	bool explicit;
	struct pci_addr *found;
	size_t count;
	size_t size;
};

/* Lets one apply run at a time: udev starts one for each function that appears. */
static int lock(struct ctx *ctx, unsigned int seconds, int *fd)
{
	if (ctx->dry_run)
		return 0;
	*fd = lock_run(ctx, LOCK, seconds);
	return *fd < 0 ? *fd : 0;
}

/* Refuses to change a device that is open or bound, or that functions rely on that are bound. */
static int refuse_busy(struct ctx *ctx, const struct pci_device *dev, const struct plan *plan)
{
	struct problem p = {
		.device = dev->name,
		.attribute = "state",
		.err = -EBUSY,
		.stage = "in-use",
		.hint = UNBOUND_HINT,
	};
	char bound[ATTR_MAX];
	int ret = owner_refuse(ctx, dev, "change it") ?: tsm_get_bound(ctx, dev, bound);

	if (ret && ret != -ENOENT)
		return ret;
	if (!bound[0])
		return plan_disconnects(plan) ? tsm_refuse_bound(ctx, dev) : 0;
	p.value = "bound";
	return report_error(ctx, &p, "cannot change it: " BOUND_CAUSE);
}

/* Refuses to take a device from the host that uses it, unless that is forced. */
static int refuse_host_use(struct ctx *ctx, const struct pci_device *dev, const struct plan *plan,
			   struct host_use *use)
{
	use->count = 0;
	return plan_takes(plan) ? in_use_refuse(ctx, dev, plan->force ? NULL : PLAN_FORCE, use) : 0;
}

/* Reports what the host uses a device for. Return: whether apply refuses the device for that. */
static bool note_host_use(struct ctx *ctx, const struct pci_device *dev, const struct plan *plan,
			  const struct host_use *use)
{
	struct outcome o = { .device = dev->name,
			     .attribute = IN_USE,
			     .value = use->text,
			     .previous = use->text,
			     .note = "apply will refuse it: the host uses it" };
	bool force = plan->force && !use->must;

	if (!use->count)
		return false;
	if (force)
		o.note = "it is assigned all the same, because of force";
	report_outcome(ctx, &o);
	return !force;
}

/* Reports with which error apply would refuse a device. Return: that error, or 0. */
static int note_busy(struct ctx *ctx, const struct pci_device *dev, const struct plan *plan)
{
	char state[ATTR_MAX], note[512];
	struct outcome o = { .device = dev->name, .attribute = "state", .note = note };
	int ret;

	report_hold(ctx);
	ret = refuse_busy(ctx, dev, plan);
	snprintf(note, sizeof(note), "apply will fail: %s", ret ? report_held(ctx) : "");
	report_drop(ctx);
	if (!policy_get(ctx, dev, "state", state))
		o.value = o.previous = state;
	if (ret)
		report_outcome(ctx, &o);
	return ret;
}

/* Reports why apply would refuse a device that is in use. Return: whether it would. */
static bool note_use(struct ctx *ctx, const struct pci_device *dev, const struct plan *plan)
{
	struct host_use use = { 0 };
	int ret = note_busy(ctx, dev, plan);

	if (plan_takes(plan))
		in_use_find(ctx, dev, true, &use);
	return note_host_use(ctx, dev, plan, &use) || ret;
}

/* Reports why apply would fail because something is missing. */
static void note_missing(struct ctx *ctx, const struct pci_device *dev, const struct plan *plan)
{
	const char *assigned = plan_goal(plan, SET_ASSIGNED), *tsm = plan_goal(plan, SET_TSM);
	char note[128];
	struct outcome o = { .device = dev->name, .attribute = "apply", .note = note };
	const struct need *need = NULL;
	const char *why = NULL;

	if (assigned && !streq(assigned, "0"))
		need = assign_lacks(ctx, dev);
	if (need)
		why = need->message;
	else if (tsm && !streq(tsm, "none"))
		why = tsm_lacks(ctx, dev, tsm);
	if (!why)
		return;
	snprintf(note, sizeof(note), "apply will fail: %s", why);
	report_outcome(ctx, &o);
}

/**
 * struct target - what is wanted of a device
 * @run: the documents that want it
 * @want: as wanted_of() fills it in
 * @forget: its policy is to be removed
 */
struct target {
	const struct run *run;
	const char *want[SETTINGS];
	bool forget;
};

/* Fills in what is wanted now. Return: whether a document names the device. */
static bool look_up(struct ctx *ctx, const struct pci_device *dev, struct target *target)
{
	bool named = wanted_of(ctx, &target->run->wanted, &dev->addr, target->want);

	if (!named)
		memcpy(target->want, nothing, sizeof(nothing));
	target->forget = !named;
	return named;
}

/* Changes a device under its lock. Another run may have changed it before. */
static int change_device(struct ctx *ctx, struct pci_device *dev, void *arg)
{
	struct target *target = arg;
	struct host_use use;
	struct plan plan;
	int ret;

	/* another device may have its address by now */
	if (!look_up(ctx, dev, target) && !opt_prune)
		return 0;
	ret = plan_make(ctx, dev, target->want, target->forget, &plan) ?:
		      expected_check(ctx, &target->run->wanted, dev, plan_takes(&plan));
	if (ret)
		return ret;
	if (!plan.count && !plan.forget) {
		plan_show(ctx, dev, &plan);
		return admit_missing(ctx, dev);
	}
	ret = refuse_busy(ctx, dev, &plan) ?: refuse_host_use(ctx, dev, &plan, &use);
	if (ret)
		return ret;
	note_host_use(ctx, dev, &plan, &use);
	/*
	 * A device that is not admitted keeps what was changed: the driver refuses its binds, and
	 * the host must not get a device back that it does not trust.
	 */
	return plan_run(ctx, dev, &plan) ?: target->forget ? 0 : admit_missing(ctx, dev);
}

/* Reports that apply would verify the device. */
static int note_admission(struct ctx *ctx, const struct pci_device *dev, const struct plan *plan)
{
	const char *admission = plan_goal(plan, SET_ADMISSION), *tsm = plan_goal(plan, SET_TSM);
	const char *assigned = plan_goal(plan, SET_ASSIGNED);
	bool required = admission ? streq(admission, REQUIRED) : admission_required(ctx, dev);
	int ret;

	if (plan->forget || (tsm && streq(tsm, "none")))
		return 0;
	ret = admission_would_lack(ctx, dev, required,
				   assigned ? plan_takes(plan) : streq(dev->driver, TSM_DRIVER),
				   tsm);
	if (ret > 0)
		admit_note(ctx, dev);
	return ret < 0 ? ret : 0;
}

static int show_device(struct ctx *ctx, struct pci_device *dev, const struct target *target)
{
	struct plan plan;
	int ret;

	ret = plan_make(ctx, dev, target->want, target->forget, &plan) ?:
		      expected_check(ctx, &target->run->wanted, dev, plan_takes(&plan));
	if (ret)
		return ret;
	plan_show(ctx, dev, &plan);
	if ((plan.count || plan.forget) && !note_use(ctx, dev, &plan))
		note_missing(ctx, dev, &plan);
	return note_admission(ctx, dev, &plan);
}

static int apply_device(struct ctx *ctx, struct pci_device *dev, void *arg)
{
	const struct run *run = arg;
	struct outcome unnamed = { .device = dev->name,
				   .attribute = "config",
				   .note = "no document names it: nothing is done" };
	struct target target = { .run = run };
	struct change change = { change_device, &target };
	struct plan plan;
	int ret, lacks;
	bool named;

	named = look_up(ctx, dev, &target);
	if (!named && run->explicit && !dev->present && !policy_has(ctx, dev->name))
		return verb_refuse_absent(ctx, dev);
	if (!named && !opt_prune)
		return run->explicit ? report_outcome(ctx, &unnamed) : 0;
	if (run->only_show)
		return show_device(ctx, dev, &target);
	/* look without the lock, which most do not need; an error may be due to another run */
	report_hold(ctx);
	ret = plan_make(ctx, dev, target.want, target.forget, &plan);
	lacks = ret ? ret : admission_lacks(ctx, dev);
	/* a look that was given up is the end of the work on this device */
	if (ctx->gave_up) {
		report_release(ctx, NULL);
		return lacks;
	}
	report_drop(ctx);
	if (!ret && !plan.count && !plan.forget && !lacks) {
		ret = expected_check(ctx, &run->wanted, dev, false);
		if (!ret)
			plan_show(ctx, dev, &plan);
		return ret;
	}
	return verb_change(ctx, dev, &change);
}

static int remember(struct run *run, const struct pci_addr *addr)
{
	if (run->count == run->size) {
		size_t size = run->size ? run->size * 2 : 64;
		void *found = reallocarray(run->found, size, sizeof(*run->found));

		if (!found)
			return -ENOMEM;
		run->found = found;
		run->size = size;
	}
	run->found[run->count++] = *addr;
	return 0;
}

static int consider(const struct ctx *ctx, const struct pci_addr *addr, void *arg)
{
	static const struct selector any = { .kind = SELECTOR_ALL, .text = "all" };
	const char *want[SETTINGS];
	struct run *run = arg;

	(void)ctx;
	if (wanted_of(run->ctx, &run->wanted, addr, want) ||
	    (opt_prune && select_matches(run->ctx, &any, addr)))
		return remember(run, addr);
	return 0;
}

/* Finds present functions, addresses with policy, and addresses that documents name. */
static int find_devices(struct ctx *ctx, struct run *run)
{
	size_t kept = 0;
	int ret;

	ret = pci_scan(ctx, consider, run);
	if (ret == -ENOENT)
		ret = 0;
	ret = ret ?: policy_scan(ctx, consider, run);
	for (size_t i = 0; !ret && i < run->wanted.exacts; i++)
		ret = remember(run, &run->wanted.exact[i]->sel.addr);
	if (ret || !run->count)
		return ret;
	qsort(run->found, run->count, sizeof(*run->found), pci_addr_compare);
	for (size_t i = 1; i < run->count; i++)
		if (pci_addr_compare(&run->found[kept], &run->found[i]))
			run->found[++kept] = run->found[i];
	run->count = kept + 1;
	return 0;
}

static int apply_default(struct ctx *ctx, const char *mode, bool only_show)
{
	char before[ATTR_MAX];
	struct outcome o = { .attribute = DEFAULT_MODE, .value = mode, .previous = before };
	int ret;

	ret = policy_get_default(ctx, before);
	if (ret)
		return ret;
	ctx->answer.done++;
	if (streq(before, mode))
		return 0;
	if (!only_show && (ret = policy_set_default(ctx, mode))) {
		ctx->answer.done--;
		return ret;
	}
	o.changed = true;
	return report_outcome(ctx, &o);
}

static int apply_all(struct ctx *ctx, const struct verb *verb, struct run *run,
		     const struct config *config, int argc, const char **argv)
{
	struct problem p = { .stage = "select" };
	int ret = 0;

	run->explicit = argc > 0;
	if (argc)
		return verb_each(ctx, verb, argc, argv, apply_device, run);
	if (config->default_mode)
		ret = apply_default(ctx, config->default_mode, run->only_show);
	p.err = find_devices(ctx, run);
	if (p.err)
		return report_error(ctx, &p, "cannot look for devices: %s", strerror(-p.err));
	return select_visit(ctx, run->found, run->count, apply_device, run) ?: ret;
}

static int run(struct ctx *ctx, const struct verb *verb, int argc, const char **argv)
{
	struct run r = { .ctx = ctx, .only_show = streq(verb->name, "diff") };
	struct config config = { 0 };
	bool in = opt_file && streq(opt_file, "-");
	int seconds = WAIT_SECONDS, timeout = -1;
	cleanup_fd int lock_fd = -1;
	int ret;

	ret = verb_seconds(ctx, verb, opt_wait, &seconds) ?:
		      verb_seconds(ctx, verb, verb_timeout, &timeout);
	if (ret)
		return ret;
	/* diff changes nothing, and reports that as --dry-run does */
	if (r.only_show)
		ctx->dry_run = 1;
	ret = config_init(ctx);
	/* read standard input before the lock: another apply must not wait for that */
	if (!ret && in)
		ret = config_load(ctx, opt_file, &config);
	if (!ret)
		ret = lock(ctx, (unsigned int)seconds, &lock_fd);
	/* --timeout is for devices, not for that lock */
	ctx->timeout = timeout;
	/* read under the lock: an older configuration must not be applied after a newer one */
	if (!ret && !in)
		ret = config_load(ctx, opt_file, &config);
	if (!ret)
		ret = wanted_init(&r.wanted, &config);
	if (!ret)
		ret = apply_all(ctx, verb, &r, &config, argc, argv);
	free(r.found);
	wanted_done(&r.wanted);
	config_free(&config);
	if (!ret && r.only_show && ctx->answer.changed && !ctx->answer.code)
		ctx->answer.verdict = EXIT_DIFFERS;
	return ret;
}

const struct verb verb_apply = {
	.name = "apply",
	.synopsis = "[DEVICE...] [--file FILE] [--prune] [--wait SECONDS] [--timeout SECONDS]",
	.summary = "change devices to match the configuration",
	.help = "Reads config.json and config.d/*.json in /etc/tsmctl, or FILE, and changes only "
		"what differs: policy first, then the driver, then the TSM. If a change of a device "
		"fails, its other changes are undone, and apply goes on with the next device.",
	.options = options,
	.flags = VERB_DEVICES | VERB_ALL | VERB_ABSENT | VERB_FUTURE,
	.run = run,
};

const struct verb verb_diff = {
	.name = "diff",
	.synopsis = "[DEVICE...] [--file FILE] [--prune]",
	.summary = "show what 'apply' would change",
	.help = "Shows what apply would change. The exit status is 0 if nothing differs, and 8 if "
		"something does.",
	.options = diff_options,
	.flags = VERB_DEVICES | VERB_ALL | VERB_ABSENT | VERB_FUTURE,
	.run = run,
};
