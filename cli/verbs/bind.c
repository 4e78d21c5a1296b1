// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * tsmctl bind: bind a device as a TDI, on the file of the VMM that has it open; or, if no
 * process has, with a helper that holds it in the background.
 */
#include <errno.h>

#include "doctor/device.h"
#include "host/admission.h"
#include "host/helper.h"
#include "host/owner.h"
#include "host/policy.h"
#include "interrupt.h"
#include "report.h"
#include "verbs/admit.h"
#include "verbs/choice.h"
#include "verbs/ready.h"

static struct choice choice;
static char *opt_vdevice_id;
static int opt_prepare;

static const struct poptOption options[] = {
	{ "vmm", 0, POPT_ARG_STRING, &choice.vmm, 0,
	  "bind on the file of this process (default: the owner of the device)", "PID" },
	{ "hold", 0, POPT_ARG_NONE, &choice.hold, 0,
	  "have a helper hold the device (default if no process has it open)", NULL },
	{ "vdevice-id", 0, POPT_ARG_STRING, &opt_vdevice_id, 0,
	  "bind by this vDEVICE of the VMM's iommufd (default: by tdi_id)", "ID" },
	{ "prepare", 0, POPT_ARG_NONE, &opt_prepare, 0,
	  "make the device ready before, as 'tsmctl prepare' does; a bind that fails undoes that",
	  NULL },
	READY_OPTIONS("with --prepare: "),
	VERB_TIMEOUT,
	POPT_TABLEEND
};

/*
 * Refuses a bind for what can be read: with @early, only the checks that need no driver. The
 * rest is for --dry-run, which does not ask the driver.
 */
static int refuse(struct ctx *ctx, const struct pci_device *dev, bool early)
{
	struct problem p = { .device = dev->name, .attribute = "bound", .value = "1" };
	char text[ATTR_MAX];
	struct finding f;
	/* bind itself admits the device, and --dry-run does not ask it */
	const struct check *c = doctor_refusal(
		ctx, dev, early, opt_vdevice_id ? "admission,tdi-id" : "admission", &f);

	if (!c)
		return 0;
	if (early) {
		p.attribute = c->attribute;
		if (streq(c->attribute, "driver"))
			p.value = dev->driver[0] ? dev->driver : NULL;
		else
			p.value = policy_get(ctx, dev, c->attribute, text) ? NULL : text;
	}
	p.err = f.stage->err;
	p.stage = f.stage->name;
	p.hint = f.fix;
	p.code = f.code;
	return report_error(ctx, &p, "%s: %s: %s",
			    early ? "cannot bind it" : "a bind would be refused", f.stage->message,
			    f.evidence);
}

/* The helper would not find the cdev, which --dry-run does not ask. */
static int refuse_without_cdev(struct ctx *ctx, const struct pci_device *dev)
{
	struct problem p = { .device = dev->name,
			     .attribute = "driver",
			     .value = dev->driver,
			     .err = -EOPNOTSUPP,
			     .stage = "find cdev",
			     .hint = NO_CDEV_HINT,
			     .code = EXIT_UNSUPPORTED };
	char name[CDEV_NAME_LEN], attr[64];

	/* on a kernel without cdevs, the directory exists, but has no device number */
	if (owner_cdev(dev, name)) {
		snprintf(attr, sizeof(attr), "vfio-dev/%s/dev", name);
		if (!faccessat(dev->fd, attr, F_OK, 0))
			return 0;
	}
	return report_error(ctx, &p, NO_CDEV_CAUSE);
}

/* Refuses a bind on the owner's file that cannot succeed. */
static int check_owner(struct ctx *ctx, const struct pci_device *dev, const struct owner *h)
{
	struct problem p = { .device = dev->name,
			     .attribute = "owner",
			     .err = -EBUSY,
			     .stage = "in-use",
			     .hint = UNBIND_HINT };

	if (h->ours)
		return report_error(ctx, &p, "cannot bind it while %s holds it", h->text);
	return choice_allows(ctx, dev, &choice, h, "bind");
}

static int bind_on_file(struct ctx *ctx, const struct pci_device *dev, struct owner *h)
{
	int ret = check_owner(ctx, dev, h);

	if (ret)
		return ret;
	/* configfs may not see the process of --vmm, which can be the owner nevertheless */
	if (choice.pid)
		h->pid = choice.pid;
	return helper_bind(ctx, dev, h->pid, opt_vdevice_id);
}

static int refuse_vdevice(struct ctx *ctx, const struct pci_device *dev)
{
	struct problem p = { .device = dev->name,
			     .attribute = "vdevice_id",
			     .value = opt_vdevice_id,
			     .err = -EINVAL,
			     .stage = "vdevice",
			     .hint = "leave out --vdevice-id: the helper makes a vDEVICE itself" };

	return report_error(ctx, &p, "no VMM has it open, and so there is no vDEVICE to bind by");
}

static int bind_anew(struct ctx *ctx, const struct pci_device *dev, char *note, size_t size)
{
	bool joined;
	pid_t pid;
	int ret;

	/* no process has it open: the helper reports what is wrong with that process */
	if (choice.pid)
		return helper_bind(ctx, dev, choice.pid, opt_vdevice_id);
	if (opt_vdevice_id)
		return refuse_vdevice(ctx, dev);
	ret = helper_hold(ctx, dev, &pid, &joined);
	if (!ret)
		snprintf(note, size, "held by process %d%s", pid,
			 joined ? ", the holder of its IOMMU group" : "");
	return ret;
}

/* Reports what --prepare has done, once. */
static void show_prepared(struct ctx *ctx, const struct pci_device *dev, struct ready *r)
{
	if (r->plan.count)
		ready_show(ctx, dev, r);
	r->plan.count = 0;
}

/*
 * Verifies the device anew, even if it is admitted: its firmware may have changed since then, and
 * that takes a message to the device and back.
 */
static int admit(struct ctx *ctx, const struct pci_device *dev)
{
	if (!admission_required(ctx, dev))
		return 0;
	if (!ctx->dry_run)
		return admit_device(ctx, dev);
	admit_note(ctx, dev);
	return 0;
}

static int bind_one(struct ctx *ctx, struct pci_device *dev, struct ready *r)
{
	char before[ATTR_MAX], note[128] = "";
	struct outcome o = { .device = dev->name,
			     .attribute = "state",
			     .value = "bound",
			     .previous = before,
			     .note = note };
	bool held, planned;
	struct owner h;
	int ret;

	ret = policy_require(ctx, dev->name);
	if (ret)
		return ret;
	if (policy_get(ctx, dev, "state", before))
		util_copy(before, sizeof(before), "unassigned");
	if (opt_prepare)
		ret = ready_make(ctx, dev, r) ?: plan_do(ctx, dev, &r->plan);
	if (ret)
		r->plan.count = 0;
	/* checks would find what --dry-run has not done */
	planned = ctx->dry_run && r->plan.count;
	ret = ret ?: planned ? 0 : refuse(ctx, dev, true);
	if (ret)
		return ret;
	held = owner_find(ctx, dev, &h);
	if (held)
		snprintf(note, sizeof(note), "%s by %s", h.ours ? "held" : "used", h.text);
	if (held && streq(before, "bound"))
		return choice_allows(ctx, dev, &choice, &h, "bind") ?: report_outcome(ctx, &o);
	if (ctx->dry_run && !planned)
		ret = refuse_without_cdev(ctx, dev) ?: refuse(ctx, dev, false);
	if (!ret)
		ret = admit(ctx, dev);
	if (!ret)
		ret = held ? bind_on_file(ctx, dev, &h) : bind_anew(ctx, dev, note, sizeof(note));
	if (ret)
		return ret;
	if (!*note || (ctx->dry_run && !held))
		o.note = NULL;
	o.changed = true;
	show_prepared(ctx, dev, r);
	return report_outcome(ctx, &o);
}

/* Whether another run has bound it meanwhile: its helper keeps this run's helper from it. */
static int find_bound(struct ctx *ctx, const struct pci_device *dev, int failure)
{
	struct outcome o = { .device = dev->name,
			     .attribute = "state",
			     .value = "bound",
			     .previous = "bound",
			     .note = "another run has bound it at the same time" };
	char state[ATTR_MAX];
	struct owner h;

	if (choice.pid || opt_vdevice_id || policy_get(ctx, dev, "state", state) ||
	    !streq(state, "bound") || !owner_find(ctx, dev, &h) || !h.ours)
		return failure;
	report_drop(ctx);
	return report_outcome(ctx, &o);
}

static int bind_device(struct ctx *ctx, struct pci_device *dev, void *arg)
{
	char names[256], advice[320];
	struct ready *r = arg;
	bool given_up, more;
	int ret;

	report_hold(ctx);
	r->plan.count = 0;
	ret = bind_one(ctx, dev, r);
	/* a bind that was given up may still succeed, and is not that of another run */
	given_up = ret == -ETIMEDOUT || ret == -EINTR;
	if (ret && !given_up)
		ret = find_bound(ctx, dev, ret);
	/* a TSM that is slow would keep doctor waiting */
	more = ret && !given_up && !interrupt_pending() &&
	       doctor_failing(ctx, dev, names, sizeof(names));
	if (more)
		snprintf(advice, sizeof(advice), "'tsmctl doctor %s' fails on: %s", dev->name,
			 names);
	if (ret && !given_up && r->plan.count)
		plan_undo(ctx, dev, &r->plan);
	else
		show_prepared(ctx, dev, r);
	report_release(ctx, more ? advice : NULL);
	return ret;
}

static int run(struct ctx *ctx, const struct verb *verb, int argc, const char **argv)
{
	struct ready r = { 0 };
	unsigned int id;
	int ret = choice_check(ctx, verb, &choice);

	if (!ret && opt_prepare)
		ret = ready_check(ctx, verb, &r);
	else if (!ret && (ready_tdi_id || ready_tsm || ready_force))
		ret = verb_usage_error(ctx, verb, NULL,
				       "--tdi-id, --tsm and --force need --prepare");
	if (ret)
		return ret;
	if (opt_vdevice_id && (util_parse_u32(opt_vdevice_id, &id) || !id))
		return verb_usage_error(ctx, verb, opt_vdevice_id,
					"'%s' is not the ID of a vDEVICE: 1 or more",
					opt_vdevice_id);
	if (opt_vdevice_id && choice.hold)
		return verb_usage_error(ctx, verb, opt_vdevice_id,
					"--vdevice-id is for a device that a VMM has open");
	return verb_change_each(ctx, verb, argc, argv, bind_device, &r);
}

const struct verb verb_bind = {
	.name = "bind",
	.synopsis = "DEVICE...",
	.summary = "bind a device, for the VMM that has it open or with a holder",
	.help = "A device that a VMM has open through iommufd is bound on the VMM's own file, "
		"for the VMM's VM; the VMM goes on undisturbed. If no process has it open, "
		"tsm-bind-helper opens the device, makes a VM, and holds the device in the "
		"background until 'unbind'.",
	.options = options,
	/* function 0 cannot be opened any more while a function that relies on it is bound */
	.flags = VERB_DEVICES | VERB_SORTED,
	.offer = OFFER_UNBOUND,
	.run = run,
};
