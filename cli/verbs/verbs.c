// SPDX-License-Identifier: GPL-2.0-or-later
/* The one table of verbs, and what several of them share. */
#include <errno.h>
#include <stdarg.h>

#include "host/owner.h"
#include "host/policy.h"
#include "report.h"
#include "verbs/verbs.h"

const struct verb *const verbs[] = {
	&verb_list,   &verb_show,    &verb_mode,   &verb_tdi_id,  &verb_allow,	 &verb_deny,
	&verb_load,   &verb_unload,  &verb_assign, &verb_release, &verb_connect, &verb_disconnect,
	&verb_bind,   &verb_unbind,  &verb_revoke, &verb_apply,	  &verb_diff,	 &verb_save,
	&verb_doctor, &verb_monitor, NULL,
};

const struct verb *verb_find(const char *name)
{
	for (const struct verb *const *v = verbs; *v; v++)
		if (streq((*v)->name, name))
			return *v;
	return NULL;
}

int verb_usage_error(struct ctx *ctx, const struct verb *verb, const char *value, const char *fmt,
		     ...)
{
	cleanup_free char *message = NULL;
	char hint[64];
	struct problem p = {
		.value = value,
		.err = -EINVAL,
		.stage = "usage",
		.hint = hint,
		.code = EXIT_USAGE,
	};
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&message, fmt, ap) < 0)
		message = NULL;
	va_end(ap);
	snprintf(hint, sizeof(hint), "see 'tsmctl %s%s--help'", verb ? verb->name : "",
		 verb ? " " : "");
	return report_error(ctx, &p, "%s%s%s", verb ? verb->name : "", verb ? ": " : "",
			    message ?: "");
}

int policy_show(struct ctx *ctx, struct pci_device *dev, const char *attr)
{
	char value[ATTR_MAX];
	struct outcome o = {
		.device = dev->name, .attribute = attr, .value = value, .previous = value
	};
	struct problem p = { .device = dev->name, .attribute = attr, .stage = "read" };

	p.err = policy_require(ctx, dev->name);
	if (p.err)
		return p.err;
	p.err = policy_get(ctx, dev, attr, value);
	if (p.err)
		return report_error(ctx, &p, "cannot read %s: %s", attr, strerror(-p.err));
	return report_value(ctx, &o);
}

/* What the kernel refuses while a device is in use, for --dry-run. */
static bool is_fixed(struct ctx *ctx, const struct pci_device *dev, const char *attr)
{
	char state[ATTR_MAX];

	if (policy_get(ctx, dev, "state", state))
		return false;
	if (streq(attr, "region_mode"))
		return streq(state, "open") || streq(state, "bound") || streq(state, "lost");
	return (streq(attr, "tdi_id") || streq(attr, "bar_mmap")) && streq(state, "bound");
}

int policy_put(struct ctx *ctx, struct pci_device *dev, const char *attr, const char *value)
{
	struct problem p = {
		.device = dev->name, .attribute = attr, .value = value, .stage = "write"
	};
	struct holder h;

	p.err = policy_create(ctx, dev);
	if (p.err)
		return p.err;
	if (ctx->dry_run && is_fixed(ctx, dev, attr))
		p.err = -EBUSY;
	else
		p.err = policy_set(ctx, dev, attr, value);
	if (p.err == -EBUSY && holder_find(ctx, dev, &h) > 0) {
		/* the mode is fixed at open, the rest by the bind alone */
		p.hint = streq(attr, "region_mode") && !h.ours ? "stop it first" :
								 "run 'tsmctl unbind @' first";
		return report_error(ctx, &p, "cannot set %s to '%s' while %s holds it", attr, value,
				    h.text);
	}
	if (p.err)
		return report_error(ctx, &p, "cannot set %s to '%s': %s", attr, value,
				    strerror(-p.err));
	return 0;
}

int policy_change(struct ctx *ctx, struct pci_device *dev, const char *attr, const char *value)
{
	char before[ATTR_MAX];
	struct outcome o = {
		.device = dev->name, .attribute = attr, .value = value, .previous = before
	};
	struct problem p = { .device = dev->name, .attribute = attr, .stage = "read" };
	int ret;

	p.err = policy_require(ctx, dev->name);
	if (p.err)
		return p.err;
	p.err = policy_get(ctx, dev, attr, before);
	if (p.err)
		return report_error(ctx, &p, "cannot read %s: %s", attr, strerror(-p.err));
	if (streq(before, value))
		return report_outcome(ctx, &o);
	ret = policy_put(ctx, dev, attr, value);
	if (ret)
		return ret;
	o.changed = true;
	return report_outcome(ctx, &o);
}
