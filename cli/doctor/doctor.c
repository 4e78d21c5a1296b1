// SPDX-License-Identifier: GPL-2.0-or-later
/* How a check answers, and which ones fail, see doctor.h. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/stage.h"
#include "doctor/device.h"
#include "doctor/doctor.h"
#include "doctor/host.h"

/* Puts text into a buffer; what does not fit is cut off. */
static void fill(char *buf, size_t size, const char *fmt, va_list ap)
{
	if (vsnprintf(buf, size, fmt, ap) < 0)
		buf[0] = '\0';
}

void finding_pass(struct finding *f, const char *fmt, ...)
{
	va_list ap;

	f->verdict = PASSES;
	va_start(ap, fmt);
	fill(f->evidence, sizeof(f->evidence), fmt, ap);
	va_end(ap);
}

void finding_skip(struct finding *f, const char *fmt, ...)
{
	va_list ap;

	f->verdict = DOES_NOT_APPLY;
	va_start(ap, fmt);
	fill(f->evidence, sizeof(f->evidence), fmt, ap);
	va_end(ap);
}

void finding_fail(struct finding *f, enum exit_code code, const char *fmt, ...)
{
	va_list ap;

	f->verdict = FAILS;
	f->code = code;
	va_start(ap, fmt);
	fill(f->evidence, sizeof(f->evidence), fmt, ap);
	va_end(ap);
}

void finding_fix(struct finding *f, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fill(f->fix, sizeof(f->fix), fmt, ap);
	va_end(ap);
}

const char *doctor_root(const struct ctx *ctx)
{
	const char *moved = secure_getenv("TSMCTL_ROOT");

	if (moved)
		return streq(moved, "/") ? "" : moved;
	return ctx->sysfs.moved ? NULL : "";
}

static void add_from_stage(struct finding *f, const struct pci_device *dev, const char *name)
{
	const struct stage *s = name && f->verdict == FAILS ? stage_find(name, 0) : NULL;

	if (!s)
		return;
	f->from_stage = !f->code && !f->fix[0];
	if (!f->code)
		f->code = s->code;
	if (!f->fix[0])
		util_fill(f->fix, sizeof(f->fix), s->hint, dev->name);
}

void doctor_run(struct ctx *ctx, const struct pci_device *dev, const struct check *checks,
		finding_fn fn, void *arg)
{
	for (const struct check *c = checks; c->name; c++) {
		struct finding f = { 0 };

		c->run(ctx, dev, &f);
		add_from_stage(&f, dev, c->stage);
		fn(ctx, dev, c, &f, arg);
		/* there is no more to be said of what is not there */
		if (dev && !dev->present)
			return;
	}
}

struct names {
	char *list;
	size_t size;
};

static void add_failing(struct ctx *ctx, const struct pci_device *dev, const struct check *check,
			const struct finding *f, void *arg)
{
	const struct names *n = arg;

	(void)ctx;
	(void)dev;
	if (f->verdict == FAILS && !f->advisory)
		util_add_item(n->list, n->size, ", ", check->name);
}

bool doctor_failing(struct ctx *ctx, const struct pci_device *dev, char *names, size_t size)
{
	struct names n = { names, size };

	names[0] = '\0';
	doctor_run(ctx, NULL, host_checks, add_failing, &n);
	doctor_run(ctx, dev, device_checks, add_failing, &n);
	return names[0];
}
