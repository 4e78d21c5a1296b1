// SPDX-License-Identifier: GPL-2.0-or-later
/* Collects, reads and verifies the evidence of a device, see examine.h. */
#include <errno.h>
#include <fcntl.h>
#include <sys/random.h>

#include "common/stage.h"
#include "host/refusal.h"
#include "host/slow.h"
#include "report.h"
#include "verbs/common.h"
#include "verbs/examine.h"

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

/* The files go with the device, or with its driver. Return: 0, or negative errno, reported. */
static int check_again(struct ctx *ctx, const struct pci_device *dev, int err)
{
	struct pci_device now = *dev;

	if (err != -ENOENT && err != -ENODEV)
		return 0;
	return pci_look_driver(ctx, &now) ? verb_refuse_absent(ctx, dev) : check_device(ctx, &now);
}

/*
 * Has the TSM collect new evidence. Return: 1 if it has, 0 if this user must not ask for it and
 * need not, or negative errno, reported.
 */
static int ask(struct ctx *ctx, const struct pci_device *dev, const uint8_t *nonce, bool must)
{
	struct problem p = { .device = dev->name, .attribute = "evidence", .stage = "write" };
	char hex[NONCE_TEXT_LEN];
	struct wait w;

	evidence_hex((struct spdm_bytes){ nonce, SPDM_NONCE_SIZE }, hex);
	if (faccessat(dev->fd, EVIDENCE_NONCE, W_OK, AT_EACCESS)) {
		p.err = -errno;
		if (p.err != -EACCES || must)
			return check_again(ctx, dev, p.err) ?: report_refusal(ctx, &p);
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
	if (p.err)
		return check_again(ctx, dev, p.err) ?: report_refusal(ctx, &p);
	return !ctx->dry_run;
}

static int report_unread(struct ctx *ctx, const struct pci_device *dev, int err, bool fresh)
{
	struct problem p = {
		.device = dev->name, .attribute = "evidence", .err = err, .stage = "read"
	};

	/* nothing was asked for, and there is nothing to show */
	if (err == -ENODATA && ctx->dry_run)
		return 1;
	if (err == -ENODATA && !fresh) {
		p.err = -EACCES;
		return report_error(ctx, &p,
				    "no evidence was collected yet, and only root can ask for it");
	}
	if (err == -ENODATA)
		return report_error(ctx, &p, "the TSM has collected evidence, and it is gone");
	if (err == -EAGAIN) {
		p.code = EXIT_BUSY;
		return report_error(ctx, &p, "the evidence changes all the time");
	}
	return report_error(ctx, &p, "cannot read the evidence: %s", strerror(-err));
}

int examine_collect(struct ctx *ctx, const struct pci_device *dev, const uint8_t *nonce, bool must,
		    struct examined *x)
{
	int ret = check_device(ctx, dev);

	*x = (struct examined){ .fresh = false };
	if (ret)
		return ret;
	/* each device has a nonce of its own */
	if (nonce)
		memcpy(x->nonce, nonce, sizeof(x->nonce));
	else if (getrandom(x->nonce, sizeof(x->nonce), 0) != sizeof(x->nonce))
		return -EIO;
	ret = ask(ctx, dev, x->nonce, must);
	if (ret < 0)
		return ret;
	x->fresh = ret;
	ret = evidence_read(dev->fd, &x->evidence);
	if (ret)
		return check_again(ctx, dev, ret) ?: report_unread(ctx, dev, ret, x->fresh);
	return 0;
}

/*
 * The model of a device. Evidence is about the function through which the device is connected.
 * An unknown model matches no entry that names one.
 */
static void find_model(struct ctx *ctx, const struct pci_device *dev, char model[10])
{
	struct pci_device dsm cleanup_pci = { .fd = -1 };
	char name[ATTR_MAX], vendor[ATTR_MAX], device[ATTR_MAX];
	struct pci_addr addr;

	strcpy(model, "unknown");
	if (!refusal_dsm(dev, name) && !pci_addr_parse(name, &addr) &&
	    !pci_open(ctx, &addr, &dsm) && !pci_get(&dsm, "vendor", vendor) &&
	    !pci_get(&dsm, "device", device) && starts_with(vendor, "0x") &&
	    starts_with(device, "0x"))
		snprintf(model, 10, "%.4s:%.4s", vendor + 2, device + 2);
}

int examine_verify(struct ctx *ctx, const struct pci_device *dev, const struct trusted *t,
		   struct examined *x)
{
	struct problem p = { .device = dev->name, .attribute = "evidence", .stage = "parse" };
	struct demands d = { t->anchors, t->allowed, x->model, x->fresh ? x->nonce : NULL };
	enum evidence_file file;
	struct spdm_fault f;

	p.err = evidence_parse(&x->evidence, &file, &f);
	if (p.err) {
		p.value = evidence_file_name(file);
		return report_error(ctx, &p, "the evidence is not valid: %s, byte %zu: %s", p.value,
				    f.offset, f.what);
	}
	certs_read(&x->evidence.chain, &x->certs);
	certs_leaf(&x->certs, x->leaf);
	find_model(ctx, dev, x->model);
	verify(&x->evidence, &x->certs, &d, x->proofs);
	return 0;
}

void examine_free(struct examined *x)
{
	certs_free(&x->certs);
	evidence_free(&x->evidence);
}
