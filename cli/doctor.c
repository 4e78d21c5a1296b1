// SPDX-License-Identifier: GPL-2.0-or-later
/* How a check answers, and which ones fail, see doctor.h. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "doctor.h"

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

static void add_failing(struct ctx *ctx, const struct pci_device *dev, const struct check *checks,
			char *names, size_t size)
{
	for (const struct check *c = checks; c->name; c++) {
		struct finding f = { 0 };
		size_t used = strlen(names);

		c->run(ctx, dev, &f);
		if (f.verdict == FAILS && !f.advisory)
			snprintf(names + used, size - used, "%s%s", used ? ", " : "", c->name);
		if (dev && !dev->present)
			return;
	}
}

bool doctor_failing(struct ctx *ctx, const struct pci_device *dev, char *names, size_t size)
{
	names[0] = '\0';
	add_failing(ctx, NULL, host_checks, names, size);
	add_failing(ctx, dev, device_checks, names, size);
	return names[0];
}
