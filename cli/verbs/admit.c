// SPDX-License-Identifier: GPL-2.0-or-later
/* Verifies devices, and admits them, see admit.h. */
#include <errno.h>
#include <inttypes.h>

#include "config/files.h"
#include "host/admission.h"
#include "host/policy.h"
#include "report.h"
#include "verbs/admit.h"

/* Read for the first device that is verified: the same for all devices of a run. */
static struct trusted trusted;

static int load_trusted(struct ctx *ctx)
{
	int ret;

	if (trusted.anchors)
		return 0;
	ret = config_init(ctx) ?: trusted_load(ctx, true, &trusted);
	if (ret)
		trusted_free(&trusted);
	return ret;
}

void admit_done(void)
{
	trusted_free(&trusted);
}

static int report_failure(struct ctx *ctx, const struct pci_device *dev, struct problem *p)
{
	if (p->err == -ESTALE) {
		p->hint = "try again";
		p->code = EXIT_BUSY;
		return report_error(
			ctx, p,
			"cannot admit it: another run has collected its evidence meanwhile");
	}
	if (p->err == -ENODATA)
		return report_error(ctx, p,
				    "cannot admit it: its evidence is gone, as after a disconnect");
	return policy_report(ctx, dev, p);
}

int admit_give(struct ctx *ctx, const struct pci_device *dev, const struct examined *x, bool print)
{
	struct outcome o = {
		.device = dev->name, .attribute = ADMITTED, .value = x->leaf, .changed = true
	};
	char generation[24];
	struct problem p = { .device = dev->name,
			     .attribute = ADMITTED,
			     .value = generation,
			     .stage = "admission" };

	snprintf(generation, sizeof(generation), "%" PRIu64, x->evidence.generation);
	p.err = policy_set(ctx, dev, ADMITTED, generation);
	if (p.err)
		return report_failure(ctx, dev, &p);
	if (print)
		return report_outcome(ctx, &o);
	report_change(ctx, &o);
	return 0;
}

int admit_refuse(struct ctx *ctx, const struct pci_device *dev, const struct examined *x,
		 const char *hint)
{
	struct problem p = { .device = dev->name,
			     .attribute = "evidence",
			     .err = -EACCES,
			     .stage = "admission",
			     .hint = hint };

	for (size_t i = 0; i < PROOF_CHECKS; i++) {
		if (x->proofs[i].verdict == PROOF_PASSES)
			continue;
		p.value = proof_name(i);
		report_error(ctx, &p, "it is not admitted: %s: %s", proof_name(i),
			     x->proofs[i].found);
	}
	return p.err;
}

int admit_device(struct ctx *ctx, const struct pci_device *dev)
{
	struct examined x cleanup_examined = { .fresh = false };
	int ret = load_trusted(ctx)				    ?:
			  examine_collect(ctx, dev, NULL, true, &x) ?:
			  examine_verify(ctx, dev, &trusted, &x);

	if (ret)
		return ret;
	if (!proofs_admit(x.proofs))
		return admit_refuse(ctx, dev, &x,
				    "'tsmctl evidence @' shows its certificates and measurements");
	return admit_give(ctx, dev, &x, true);
}

void admit_note(struct ctx *ctx, const struct pci_device *dev)
{
	struct outcome o = { .device = dev->name,
			     .attribute = ADMITTED,
			     .note = "its evidence would be verified: its admission is required" };

	/* what the value would be is not known */
	report_change(ctx, &o);
	report_outcome(ctx, &o);
}

int admit_missing(struct ctx *ctx, const struct pci_device *dev)
{
	int ret = admission_lacks(ctx, dev);

	if (ret <= 0)
		return ret;
	if (!ctx->dry_run)
		return admit_device(ctx, dev);
	admit_note(ctx, dev);
	return 0;
}
