// SPDX-License-Identifier: GPL-2.0-or-later
/* tsmctl prepare: make a device ready for a bind, or change nothing. */
#include "doctor/device.h"
#include "host/policy.h"
#include "report.h"
#include "verbs/admit.h"
#include "verbs/ready.h"

static const struct poptOption options[] = { READY_OPTIONS(""), VERB_SAVE, VERB_TIMEOUT,
					     POPT_TABLEEND };

/* Reports what still prevents a bind, which the verb does not change. */
static void note_refusal(struct ctx *ctx, const struct pci_device *dev)
{
	char note[700];
	struct outcome o = { .device = dev->name, .attribute = "prepare", .note = note };
	struct finding f;

	if (!doctor_refusal(ctx, dev, false, NULL, &f))
		return;
	snprintf(note, sizeof(note), "a bind would still be refused: %s; %s", f.evidence, f.fix);
	report_outcome(ctx, &o);
}

static void report_ready(struct ctx *ctx, const struct pci_device *dev, const struct ready *r)
{
	char state[ATTR_MAX];
	struct outcome o = {
		.device = dev->name, .attribute = "state", .value = state, .previous = state
	};

	if (r->plan.count)
		ready_show(ctx, dev, r);
	else if (!policy_get(ctx, dev, "state", state))
		report_outcome(ctx, &o);
	/* under --dry-run, the checks would find what is not done yet */
	if (!ctx->dry_run || !r->plan.count)
		note_refusal(ctx, dev);
}

static int prepare(struct ctx *ctx, struct pci_device *dev, void *arg)
{
	struct ready *r = arg;
	int ret = ready_make(ctx, dev, r) ?: plan_do(ctx, dev, &r->plan);

	if (ret)
		return ret;
	ret = admit_missing(ctx, dev);
	if (ret) {
		/* as for each other step that fails */
		plan_undo(ctx, dev, &r->plan);
		return ret;
	}
	report_ready(ctx, dev, r);
	return verb_keep(ctx, dev, r->want);
}

static int run(struct ctx *ctx, const struct verb *verb, int argc, const char **argv)
{
	struct ready r;

	return ready_check(ctx, verb, &r) ?: verb_change_each(ctx, verb, argc, argv, prepare, &r);
}

const struct verb verb_prepare = {
	.name = "prepare",
	.synopsis = "DEVICE... [--tdi-id ID]",
	.summary = "make a device ready for a bind: mode, ID, driver and TSM",
	.help = "Sets exclusive regions and the requester ID, assigns the device, and connects it to "
		"a TSM, as far as that is not done yet. If a step fails, those before it are undone.",
	.options = options,
	.flags = VERB_DEVICES | VERB_TSM_SIDE | VERB_NO_BRIDGE,
	.offer = OFFER_NOT_BOUND,
	.run = run,
};
