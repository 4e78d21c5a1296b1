// SPDX-License-Identifier: GPL-2.0-or-later
/* tsmctl evidence: what proves which device this is, and what runs in it. */
#include <errno.h>
#include <fcntl.h>
#include <sys/random.h>

#include "common/stage.h"
#include "config/files.h"
#include "config/trusted.h"
#include "host/slow.h"
#include "report.h"
#include "verbs/common.h"
#include "verbs/evidence-files.h"
#include "verbs/evidence-show.h"

static const char *opt_nonce;
static const char *opt_out;

static const struct poptOption options[] = {
	{ "nonce", 0, POPT_ARG_STRING, &opt_nonce, 0,
	  "ask the device with this nonce of 64 hexadecimal digits (default: a random one)",
	  "HEX" },
	{ "out", 0, POPT_ARG_STRING, &opt_out, 0,
	  "also write cert0, vca, measurements and report as they came to this directory", "DIR" },
	VERB_TIMEOUT,
	POPT_TABLEEND
};

/**
 * struct asked - what a run asks of each device
 * @anchors: what this host trusts
 * @nonce: the nonce of --nonce
 * @first: no device was shown yet
 */
struct asked {
	struct anchors *anchors;
	uint8_t nonce[SPDM_NONCE_SIZE];
	bool first;
};

/* Why a TSM has not collected evidence. */
static const struct {
	int err;
	const char *stage;
	const char *message;
	const char *hint;
	enum exit_code code;
} refusals[] = {
	{ -EOPNOTSUPP, "evidence", "its TSM offers no evidence",
	  "use a TSM whose driver offers it; tsm_sim does with transport=doe", EXIT_UNSUPPORTED },
	{ -ENOTCONN, "not-connected", "it is not connected to a TSM", "run 'tsmctl connect @'",
	  EXIT_UNSUPPORTED },
	{ -EBUSY, "evidence", "its TSM is busy", "try again", EXIT_BUSY },
	{ -ETIMEDOUT, "evidence", "its TSM or the device has not answered in time", LOG_HINT,
	  EXIT_BUSY },
	{ -EBADMSG, "evidence", "the answer of the device is not valid", LOG_HINT, EXIT_FAILED },
	{ -EIO, "evidence", "its TSM or the device has failed", LOG_HINT, EXIT_FAILED },
};

static int report_refusal(struct ctx *ctx, struct problem *p)
{
	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
		if (refusals[i].err != p->err)
			continue;
		p->stage = refusals[i].stage;
		p->hint = refusals[i].hint;
		p->code = refusals[i].code;
		return report_error(ctx, p, "cannot get evidence: %s", refusals[i].message);
	}
	return report_error(ctx, p, "cannot get evidence: %s", strerror(-p->err));
}

/* A device without the files in sysfs. */
static int check_device(struct ctx *ctx, const struct pci_device *dev)
{
	struct problem p = { .device = dev->name, .attribute = "evidence", .err = -EOPNOTSUPP };
	const struct stage *s = stage_find("driver", -EOPNOTSUPP);

	if (!faccessat(dev->fd, EVIDENCE_DIR, F_OK, 0))
		return 0;
	if (streq(dev->driver, TSM_DRIVER)) {
		p.stage = "evidence";
		p.hint = "load the module vfio_tsm of this version";
		return report_error(ctx, &p, "cannot get evidence: the module vfio_tsm has none");
	}
	p.attribute = "driver";
	p.value = dev->driver[0] ? dev->driver : NULL;
	p.stage = s->name;
	p.hint = s->hint;
	p.code = s->code;
	return report_error(ctx, &p, "cannot get evidence: %s", s->message);
}

/*
 * Has the TSM collect new evidence. Return: 1 if it has, 0 if this user must not ask for it, or
 * negative errno, reported.
 */
static int ask(struct ctx *ctx, const struct pci_device *dev, const uint8_t *nonce)
{
	struct problem p = { .device = dev->name, .attribute = "evidence", .stage = "write" };
	char hex[NONCE_TEXT_LEN];
	struct wait w;

	evidence_hex((struct spdm_bytes){ nonce, SPDM_NONCE_SIZE }, hex);
	if (faccessat(dev->fd, EVIDENCE_NONCE, W_OK, AT_EACCESS)) {
		p.err = -errno;
		if (p.err != -EACCES || opt_nonce)
			return report_refusal(ctx, &p);
		return 0;
	}
	wait_begin(&w, ctx, dev->name, WAIT_FOREVER, "the TSM to collect its evidence");
	p.err = pci_set_slow(dev, EVIDENCE_NONCE, hex, &w);
	if (p.err && ctx->unfinished) {
		p.hint = "'tsmctl evidence @' shows it when that process has ended";
		return slow_report(&w, &p);
	}
	if (p.err && (w.refused || w.lost))
		return report_error(ctx, &p, "cannot get evidence: %s", wait_why(&w, p.err));
	return p.err ? report_refusal(ctx, &p) : !ctx->dry_run;
}

static int report_unread(struct ctx *ctx, const struct pci_device *dev, int err, bool fresh)
{
	struct problem p = {
		.device = dev->name, .attribute = "evidence", .err = err, .stage = "read"
	};

	/* nothing was asked for, and there is nothing to show */
	if (err == -ENODATA && ctx->dry_run)
		return 0;
	if (err == -ENODATA && !fresh) {
		p.err = -EACCES;
		return report_error(ctx, &p,
				    "there is no evidence yet, and only root can ask for it");
	}
	if (err == -ENODATA)
		return report_error(ctx, &p, "the TSM has collected evidence, and it is gone");
	if (err == -EAGAIN) {
		p.code = EXIT_BUSY;
		return report_error(ctx, &p, "the evidence changes all the time");
	}
	return report_error(ctx, &p, "cannot read the evidence: %s", strerror(-err));
}

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

/* Verifies and shows what was read. */
static int show(struct ctx *ctx, const struct pci_device *dev, struct asked *a, struct evidence *e,
		const uint8_t *nonce)
{
	struct problem p = { .device = dev->name, .attribute = "evidence", .stage = "parse" };
	struct certs certs cleanup_certs = { .count = 0 };
	struct proof proofs[PROOF_CHECKS];
	struct shown s = { e, &certs, proofs, .fresh = nonce, .verified = true };
	enum evidence_file file;
	struct spdm_fault f;

	p.err = evidence_parse(e, &file, &f);
	if (p.err) {
		p.value = evidence_file_name(file);
		return report_error(ctx, &p, "the evidence is not valid: %s, byte %zu: %s", p.value,
				    f.offset, f.what);
	}
	certs_read(&e->chain, &certs);
	verify(e, &certs, a->anchors, nonce, proofs);
	for (size_t i = 0; i < PROOF_CHECKS; i++)
		s.verified &= proofs[i].verdict == PROOF_PASSES;
	if (ctx->json) {
		report_object(ctx, evidence_json(dev, &s));
	} else {
		if (!a->first)
			putchar('\n');
		a->first = false;
		evidence_print(dev, &s);
	}
	return report_proofs(ctx, dev, proofs);
}

static int examine(struct ctx *ctx, struct pci_device *dev, void *arg)
{
	struct evidence e cleanup_evidence = { 0 };
	struct asked *a = arg;
	bool fresh;
	int ret;

	ret = check_device(ctx, dev);
	if (ret)
		return ret;
	/* each device has a nonce of its own */
	if (!opt_nonce && getrandom(a->nonce, sizeof(a->nonce), 0) != sizeof(a->nonce))
		return -EIO;
	ret = ask(ctx, dev, a->nonce);
	if (ret < 0)
		return ret;
	fresh = ret;
	ret = evidence_read(dev->fd, &e);
	if (ret)
		return report_unread(ctx, dev, ret, fresh);
	if (opt_out)
		ret = evidence_files_write(ctx, dev, &e, opt_out);
	return ret ?: show(ctx, dev, a, &e, fresh ? a->nonce : NULL);
}

static int check_arguments(struct ctx *ctx, const struct verb *verb, int argc, const char **argv,
			   struct asked *a)
{
	struct selector sel;

	if (opt_nonce && !nonce_parse(opt_nonce, a->nonce))
		return verb_usage_error(ctx, verb, opt_nonce,
					"'%s' is not a nonce of 64 hexadecimal digits", opt_nonce);
	if (opt_out &&
	    (argc != 1 || !selector_parse(argv[0], &sel) || sel.kind != SELECTOR_ADDRESS))
		return verb_usage_error(ctx, verb, NULL, "--out needs one device, by its address");
	return 0;
}

static int run(struct ctx *ctx, const struct verb *verb, int argc, const char **argv)
{
	struct asked a = { .first = true };
	int ret = check_arguments(ctx, verb, argc, argv, &a) ?:
			  config_init(ctx)		     ?:
							       trusted_load(ctx, &a.anchors);

	ret = ret ?: verb_change_each(ctx, verb, argc, argv, examine, &a);
	anchors_free(a.anchors);
	return ret;
}

const struct verb verb_evidence = {
	.name = "evidence",
	.synopsis = "DEVICE... [--nonce HEX] [--out DIR]",
	.summary = "show and verify certificates and measurements of a device",
	.help = "Has the TSM collect evidence: the certificates of the device, its measurements, "
		"signed over a fresh nonce, and its TDI report. The command verifies chain, trust, "
		"signature and nonce, and fails if one of them is wrong.",
	.options = options,
	.flags = VERB_DEVICES | VERB_TSM_SIDE,
	.run = run,
};
