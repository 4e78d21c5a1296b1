// SPDX-License-Identifier: GPL-2.0-or-later
/* tsmctl apply and diff: make devices what the configuration says, or tell how. */
#include <errno.h>

#include "common/rundir.h"
#include "config/files.h"
#include "config/lock.h"
#include "config/plan.h"
#include "config/wanted.h"
#include "host/in_use.h"
#include "host/owner.h"
#include "host/policy.h"
#include "host/select.h"
#include "host/tsm.h"
#include "report.h"
#include "verbs/verbs.h"

static const char *opt_file;
static const char *opt_wait;
static int opt_prune;

/* A driver may take seconds for a device; less than TimeoutStartSec= of the units. */
#define WAIT_SECONDS 240
#define LOCK "apply.lock"

#define BOTH_OPTIONS                                                                             \
	{ "file", 'f', POPT_ARG_STRING, &opt_file, 0, "this document only; - is standard input", \
	  "FILE" },                                                                              \
	{                                                                                        \
		"prune", 0, POPT_ARG_NONE, &opt_prune, 0,                                        \
			"release, disconnect and forget devices that no document names", NULL    \
	}

static const struct poptOption diff_options[] = { BOTH_OPTIONS, POPT_TABLEEND };

static const struct poptOption options[] = {
	BOTH_OPTIONS,
	{ "wait", 0, POPT_ARG_STRING, &opt_wait, 0,
	  "wait so long for another apply to end (default: 240)", "SECONDS" },
	POPT_TABLEEND
};

/* What --prune wants of a device; its policy goes too. */
static const char *const nothing[SETTINGS] = {
	[SET_ASSIGNED] = "0",
	[SET_TSM] = "none",
};

/*
 * @explicit: devices were given as arguments
 * @found: without arguments, the devices that concern us, in any order
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

/* One apply at a time: udev starts one for each function that appears. */
static int lock(struct ctx *ctx, unsigned int seconds, int *fd)
{
	struct problem p = { .attribute = "run", .value = ctx->run.path, .stage = "lock" };
	cleanup_free char *path = NULL;
	struct trust_fault fault;
	cleanup_fd int dir = -1;

	if (ctx->dry_run)
		return 0;
	if (access(ctx->run.path, F_OK))
		act(ctx, "create %s", ctx->run.path);
	dir = run_dir_open(ctx->run.path, true, &fault);
	if (dir < 0) {
		p.err = dir;
		p.hint = fault.why[0] ? fault.mend : NULL;
		return fault.why[0] ? report_error(ctx, &p, "%s is not trusted: %s", ctx->run.path,
						   fault.why) :
				      report_error(ctx, &p, "cannot use %s: %s", ctx->run.path,
						   strerror(-dir));
	}
	if (asprintf(&path, "%s/" LOCK, ctx->run.path) < 0)
		return -ENOMEM;
	*fd = lock_take(ctx, dir, LOCK, path, seconds);
	return *fd < 0 ? *fd : 0;
}

/* A device in use is left as it is, unless there is nothing to do. */
static int refuse_in_use(struct ctx *ctx, const struct pci_device *dev, const struct plan *plan)
{
	struct problem p = {
		.device = dev->name,
		.attribute = "state",
		.err = -EBUSY,
		.stage = "in-use",
		.hint = "run 'tsmctl unbind @' or 'tsmctl revoke @' first",
	};
	char bound[ATTR_MAX];
	int ret;

	ret = owner_refuse(ctx, dev, "change it");
	if (!ret && plan_takes(plan))
		ret = in_use_refuse(ctx, dev, plan->force ? NULL : PLAN_FORCE);
	if (ret)
		return ret;
	if (pci_get(dev, "tsm/bound", bound) || !bound[0])
		return plan_disconnects(plan) ? tsm_refuse_bound(ctx, dev) : 0;
	p.value = "bound";
	return report_error(ctx, &p, "cannot change it while it is bound");
}

/* What the host uses a device for that is to be assigned. */
static bool note_host_use(struct ctx *ctx, const struct pci_device *dev, const struct plan *plan)
{
	struct host_use use;
	struct outcome o = { .device = dev->name,
			     .attribute = IN_USE,
			     .value = use.text,
			     .previous = use.text,
			     .note = "apply will refuse it: the host uses it" };
	bool force;

	if (!plan_takes(plan) || !in_use_find(ctx, dev, &use))
		return false;
	force = plan->force && !use.must;
	if (force)
		o.note = "it is taken all the same, because of force";
	report_outcome(ctx, &o);
	return !force;
}

/* diff shows what differs, and where apply would be refused for what is in use. */
static bool note_use(struct ctx *ctx, const struct pci_device *dev, const struct plan *plan)
{
	char bound[ATTR_MAX], list[256], note[320] = "";
	struct outcome o = { .device = dev->name, .attribute = "state", .note = note };
	struct owner h;

	if (owner_find(ctx, dev, &h))
		snprintf(note, sizeof(note), "apply will refuse it: %s holds it", h.text);
	else if (pci_get(dev, "tsm/bound", bound) == 0 && bound[0])
		snprintf(note, sizeof(note), "apply will refuse it: it is bound");
	else if (plan_disconnects(plan) && tsm_find_bound(ctx, dev, list, sizeof(list)))
		snprintf(note, sizeof(note), "apply will refuse it: bound are %s", list);
	if (policy_get(ctx, dev, "state", bound) == 0)
		o.value = o.previous = bound;
	if (note[0])
		report_outcome(ctx, &o);
	return note_host_use(ctx, dev, plan) || note[0];
}

/* And where it would fail for what is missing. */
static void note_missing(struct ctx *ctx, const struct pci_device *dev, const struct plan *plan)
{
	const char *assigned = plan_goal(plan, SET_ASSIGNED), *tsm = plan_goal(plan, SET_TSM);
	struct outcome o = { .device = dev->name, .attribute = "driver" };
	const struct need *need = NULL;
	char text[ATTR_MAX], note[128];

	if (assigned && !streq(assigned, "0"))
		need = assign_lacks(ctx, dev);
	if (need) {
		snprintf(note, sizeof(note), "apply will fail: %s", need->message);
		o.note = note;
	}
	if (!o.note && tsm && !streq(tsm, "none")) {
		o.attribute = "tsm";
		if (pci_get(dev, "tsm/connect", text) == -ENOENT)
			o.note = "apply will fail: it cannot connect to a TSM";
		else if (!tsm_exists(ctx, tsm))
			o.note = "apply will fail: this host has no such TSM";
	}
	if (o.note)
		report_outcome(ctx, &o);
}

static int apply_device(struct ctx *ctx, struct pci_device *dev, void *arg)
{
	const char *want[SETTINGS];
	const struct run *run = arg;
	struct outcome unnamed = { .device = dev->name,
				   .attribute = "config",
				   .note = "no document names it: nothing is done" };
	struct problem absent = { .device = dev->name,
				  .err = -ENODEV,
				  .stage = "select",
				  .hint = "'lspci -D' shows the addresses of all devices",
				  .code = EXIT_NO_DEVICE };
	struct plan plan;
	bool named;
	int ret;

	named = wanted_of(ctx, &run->wanted, &dev->addr, want);
	if (!named && run->explicit && !dev->present && !policy_has(ctx, dev->name))
		return report_error(ctx, &absent, "no such device");
	if (named)
		ret = plan_make(ctx, dev, want, false, &plan);
	else if (opt_prune)
		ret = plan_make(ctx, dev, nothing, true, &plan);
	else
		return run->explicit ? report_outcome(ctx, &unnamed) : 0;
	if (ret)
		return ret;
	if (run->only_show || (!plan.count && !plan.forget)) {
		plan_show(ctx, dev, &plan);
		if ((plan.count || plan.forget) && !note_use(ctx, dev, &plan))
			note_missing(ctx, dev, &plan);
		return 0;
	}
	ret = refuse_in_use(ctx, dev, &plan);
	if (ret)
		return ret;
	if (plan.force)
		note_host_use(ctx, dev, &plan);
	return plan_run(ctx, dev, &plan);
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

static int compare_addrs(const void *a, const void *b)
{
	uint64_t x = pci_addr_key(a), y = pci_addr_key(b);

	return (x > y) - (x < y);
}

/* Functions that are there, addresses with policy, and addresses that are named. */
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
	qsort(run->found, run->count, sizeof(*run->found), compare_addrs);
	for (size_t i = 1; i < run->count; i++)
		if (compare_addrs(&run->found[kept], &run->found[i]))
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
	unsigned int seconds = WAIT_SECONDS;
	cleanup_fd int lock_fd = -1;
	int ret;

	if (opt_wait && (util_parse_u32(opt_wait, &seconds) || seconds > 86400))
		return verb_usage_error(ctx, verb, opt_wait,
					"'%s' is no number of seconds, 0 to 86400", opt_wait);

	/* a plan changes nothing, and says so in the same words */
	if (r.only_show)
		ctx->dry_run = 1;
	ret = config_init(ctx) ?: config_load(ctx, opt_file, &config);
	if (!ret)
		ret = lock(ctx, seconds, &lock_fd);
	/* it may have changed meanwhile, and who changed it may have had the lock before us */
	if (!ret && lock_fd >= 0 && !(opt_file && streq(opt_file, "-"))) {
		config_free(&config);
		ret = config_load(ctx, opt_file, &config);
	}
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
	.synopsis = "[DEVICE...] [--file FILE] [--prune] [--wait SECONDS]",
	.summary = "make devices what the configuration says",
	.help = "Reads config.json and config.d/*.json in /etc/tsmctl, or FILE, and changes only "
		"what differs: policy first, then the driver, then the TSM. A device that cannot "
		"be finished is put back as it was, and the others go on. Devices that are open "
		"or bound are not changed. With DEVICE, only these.",
	.options = options,
	.flags = VERB_DEVICES | VERB_ALL | VERB_ABSENT | VERB_FUTURE,
	.run = run,
};

const struct verb verb_diff = {
	.name = "diff",
	.synopsis = "[DEVICE...] [--file FILE] [--prune]",
	.summary = "show what 'apply' would change",
	.help = "Changes nothing. Exit status 0: nothing differs; 8: something does.",
	.options = diff_options,
	.flags = VERB_DEVICES | VERB_ALL | VERB_ABSENT | VERB_FUTURE,
	.run = run,
};
