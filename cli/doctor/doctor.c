// SPDX-License-Identifier: GPL-2.0-or-later
/* Runs checks and keeps what they find, see doctor.h. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "doctor/device.h"
#include "doctor/doctor.h"
#include "doctor/host.h"
#include "host/refusal.h"

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

void finding_refuse(struct finding *f, const char *fmt, ...)
{
	va_list ap;

	f->verdict = FAILS;
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

void finding_warn(struct finding *f, const char *fmt, ...)
{
	va_list ap;

	f->verdict = WARNS;
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

/* Whether a node can be opened without an effect on another device. If not, the check fails. */
static bool is_right_node(struct finding *f, const char *root, const char *path, const char *number)
{
	char found[32];
	struct stat st;

	if (stat(path, &st))
		return true;
	if (!S_ISCHR(st.st_mode) && (!root[0] || !S_ISREG(st.st_mode))) {
		finding_fail(f, EXIT_UNSUPPORTED, "%.200s is not a character device", path);
		finding_fix(f, "run 'rm %.200s' and restart the host: devtmpfs makes the node",
			    path);
		return false;
	}
	snprintf(found, sizeof(found), "%u:%u", major(st.st_rdev), minor(st.st_rdev));
	if (!number || !S_ISCHR(st.st_mode) || streq(found, number))
		return true;
	finding_fail(f, EXIT_UNSUPPORTED, "%.200s is another device: %s, not %s", path, found,
		     number);
	number = strchr(number, ':') + 1;
	finding_fix(f, "rm %.100s && mknod %.100s c %u %s", path, path, major(st.st_rdev), number);
	return false;
}

void finding_node(struct finding *f, const char *root, const char *name, const char *number,
		  const char *fix)
{
	cleanup_fd int fd = -1;
	char path[PATH_MAX];
	int err;

	snprintf(path, sizeof(path), "%s/dev/%s", root, name);
	if (!is_right_node(f, root, path, number))
		return;
	fd = open(path, O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd >= 0) {
		finding_pass(f, "%.200s can be opened", path);
		return;
	}
	err = errno;
	if (err == ENODEV || err == ENXIO)
		finding_fail(f, EXIT_UNSUPPORTED, "%.200s has no driver: %s", path,
			     strerrorname_np(err));
	else
		finding_fail(f,
			     err == EACCES || err == EPERM ? EXIT_NOT_PERMITTED : EXIT_UNSUPPORTED,
			     "%.200s: %s", path, strerror(err));
	if (err == EACCES)
		finding_fix(f, "run it as root, or give its user access to %.200s", path);
	else if (err == EPERM)
		finding_fix(f, "allow %.200s in the device cgroup of this process", path);
	else if (err == ENOENT || err == ENODEV || err == ENXIO)
		finding_fix(f, "%s", fix);
	else
		finding_fix(f, "see whether another program can open it: 'head -c 0 %.200s'", path);
}

static void make_check(struct ctx *ctx, const struct pci_device *dev, const struct check *c,
		       struct finding *f)
{
	*f = (struct finding){ 0 };
	c->run(ctx, dev, f);
	if (f->verdict < WARNS || !(f->stage || c->stage))
		return;
	f->stage = f->stage ?: stage_find(c->stage, 0);
	f->code = f->stage->code;
	refusal_hint(ctx, dev, f->stage, f->fix);
}

void doctor_run(struct ctx *ctx, const struct pci_device *dev, const struct check *checks,
		finding_fn fn, void *arg)
{
	struct finding f;

	for (const struct check *c = checks; c->name; c++) {
		make_check(ctx, dev, c, &f);
		fn(ctx, dev, c, &f, arg);
		/* the other checks need the device */
		if (dev && !dev->present)
			return;
	}
}

const struct check *doctor_refusal(struct ctx *ctx, const struct pci_device *dev, bool early,
				   const char *skip, struct finding *f)
{
	for (const struct check *c = device_checks; c->name; c++) {
		if (!c->stage || (early && !c->attribute) || (skip && util_in_list(skip, c->stage)))
			continue;
		make_check(ctx, dev, c, f);
		if (f->verdict == FAILS)
			return c;
	}
	return NULL;
}

struct check_names {
	char *list;
	size_t size;
};

static void add_failing(struct ctx *ctx, const struct pci_device *dev, const struct check *check,
			const struct finding *f, void *arg)
{
	const struct check_names *n = arg;

	(void)ctx;
	(void)dev;
	if (f->verdict == FAILS)
		util_add_item(n->list, n->size, ", ", check->name);
}

bool doctor_failing(struct ctx *ctx, const struct pci_device *dev, char *names, size_t size)
{
	struct check_names n = { names, size };

	names[0] = '\0';
	doctor_run(ctx, NULL, host_checks, add_failing, &n);
	doctor_run(ctx, dev, device_checks, add_failing, &n);
	return names[0];
}
