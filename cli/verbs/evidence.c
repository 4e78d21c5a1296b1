// SPDX-License-Identifier: GPL-2.0-or-later
/* tsmctl evidence: what proves which device this is, and what runs in it. */
#include <errno.h>

#include "config/files.h"
#include "host/admission.h"
#include "report.h"
#include "verbs/admit.h"
#include "verbs/common.h"
#include "verbs/evidence-files.h"
#include "verbs/evidence-show.h"

static const char *opt_nonce;
static const char *opt_out;
static const char *opt_allow;

static const struct poptOption options[] = {
	{ "nonce", 0, POPT_ARG_STRING, &opt_nonce, 0,
	  "ask the device with this nonce of 64 hexadecimal digits (default: a random one)",
	  "HEX" },
	{ "out", 0, POPT_ARG_STRING, &opt_out, 0,
	  "also write cert0, vca, measurements and report as they came to this directory", "DIR" },
	{ "allow", 0, POPT_ARG_STRING, &opt_allow, 0,
	  "print a list that allows these measurements under this name, and nothing else", "NAME" },
	VERB_TIMEOUT,
	POPT_TABLEEND
};

/**
 * struct asked - what a run asks of each device
 * @trusted: what this host trusts
 * @nonce: the nonce of --nonce
 * @first: no device was shown yet
 */
struct asked {
	struct trusted trusted;
	uint8_t nonce[SPDM_NONCE_SIZE];
	bool first;
};

static int report_proofs(struct ctx *ctx, const struct pci_device *dev, const struct proof *proofs)
{
	struct problem p = { .device = dev->name, .attribute = "evidence", .err = -EBADMSG };
	int ret = 0;

	for (size_t i = 0; i < PROOF_CHECKS; i++) {
		if (proofs[i].verdict != PROOF_FAILS)
			continue;
		p.stage = proof_name(i);
		ret = report_error(ctx, &p, "the evidence is refused: %s: %s", proof_name(i),
				   proofs[i].found);
	}
	return ret;
}

/*
 * Admits a device whose policy requires that. Only a nonce that could not be foreseen proves that
 * the evidence is new. Return: 0, also if it is not admitted, or negative errno, reported.
 */
static int admit(struct ctx *ctx, const struct pci_device *dev, const struct examined *x,
		 struct shown *s)
{
	int ret;

	s->required = admission_required(ctx, dev);
	if (!s->required || !x->fresh || opt_nonce || !proofs_admit(x->proofs))
		return 0;
	ret = admit_give(ctx, dev, x, false);
	s->admitted = !ret;
	return ret;
}

static int report_refusals(struct ctx *ctx, const struct pci_device *dev, const struct examined *x,
			   const struct shown *s)
{
	int ret = report_proofs(ctx, dev, x->proofs);

	/* a check that is not made also prevents the admission */
	if (ret || !s->required || !x->fresh || opt_nonce || proofs_admit(x->proofs))
		return ret;
	return admit_refuse(ctx, dev, x, "see tsmctl-admission(8)");
}

static int show(struct ctx *ctx, const struct pci_device *dev, struct asked *a,
		const struct examined *x)
{
	struct shown s = { .x = x };
	int ret = admit(ctx, dev, x, &s);

	if (ctx->json) {
		report_object(ctx, evidence_json(dev, &s));
	} else {
		if (!a->first)
			putchar('\n');
		a->first = false;
		evidence_print(dev, &s);
	}
	return report_refusals(ctx, dev, x, &s) ?: ret;
}

static int show_allowed(struct ctx *ctx, const struct pci_device *dev, const struct examined *x)
{
	int ret = report_proofs(ctx, dev, x->proofs);

	/* the measurements of a device that is not trusted must not be allowed */
	if (!ret)
		evidence_print_allowed(x, opt_allow);
	return ret;
}

static int examine(struct ctx *ctx, struct pci_device *dev, void *arg)
{
	struct examined x cleanup_examined = { .fresh = false };
	struct asked *a = arg;
	int ret, unwritten = 0;

	ret = examine_collect(ctx, dev, opt_nonce ? a->nonce : NULL, opt_nonce, &x);
	if (ret)
		return ret < 0 ? ret : 0;
	/* new evidence has ended an earlier admission, so go on if the files cannot be written */
	if (opt_out)
		unwritten = evidence_files_write(ctx, dev, &x.evidence, opt_out);
	ret = examine_verify(ctx, dev, &a->trusted, &x);
	if (ret)
		return ret;
	ret = opt_allow ? show_allowed(ctx, dev, &x) : show(ctx, dev, a, &x);
	return ret ?: unwritten;
}

static int check_arguments(struct ctx *ctx, const struct verb *verb, int argc, const char **argv,
			   struct asked *a)
{
	struct selector sel;

	if (opt_nonce && !nonce_parse(opt_nonce, a->nonce))
		return verb_usage_error(ctx, verb, opt_nonce,
					"'%s' is not a nonce of 64 hexadecimal digits", opt_nonce);
	if ((opt_out || opt_allow) &&
	    (argc != 1 || !selector_parse(argv[0], &sel) || sel.kind != SELECTOR_ADDRESS))
		return verb_usage_error(ctx, verb, NULL, "--%s needs one device, by its address",
					opt_out ? "out" : "allow");
	if (opt_allow && !allowed_is_name(opt_allow))
		return verb_usage_error(
			ctx, verb, opt_allow,
			"the name of --allow has 1 to 64 printable ASCII characters");
	if (opt_allow && ctx->json)
		return verb_usage_error(ctx, verb, NULL,
					"--allow prints a list of its own: leave out --json");
	return 0;
}

static int run(struct ctx *ctx, const struct verb *verb, int argc, const char **argv)
{
	struct asked a = { .first = true };
	int ret = check_arguments(ctx, verb, argc, argv, &a) ?: config_init(ctx);

	/* a list that is to be replaced may be empty or wrong */
	ret = ret ?: trusted_load(ctx, !opt_allow, &a.trusted);
	ret = ret ?: verb_change_each(ctx, verb, argc, argv, examine, &a);
	trusted_free(&a.trusted);
	return ret;
}

const struct verb verb_evidence = {
	.name = "evidence",
	.synopsis = "DEVICE... [--nonce HEX] [--out DIR] [--allow NAME]",
	.summary = "show and verify certificates and measurements of a device",
	.help = "Has the TSM collect evidence: the certificates of the device, its measurements, "
		"signed over a fresh nonce, and its TDI report. The command verifies chain, trust, "
		"signature, nonce and measurements, and fails if one of them is wrong; it admits a "
		"device whose policy requires that.",
	.options = options,
	.flags = VERB_DEVICES | VERB_TSM_SIDE,
	.run = run,
};
