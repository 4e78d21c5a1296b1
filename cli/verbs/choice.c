// SPDX-License-Identifier: GPL-2.0-or-later
/* --vmm and --hold of bind and unbind, see choice.h. */
#include <errno.h>
#include <stdint.h>

#include "report.h"
#include "verbs/choice.h"
#include "verbs/common.h"

int choice_check(struct ctx *ctx, const struct verb *verb, struct choice *c)
{
	unsigned int pid;

	if (!c->vmm)
		return 0;
	if (c->hold)
		return verb_usage_error(ctx, verb, c->vmm, "--hold and --vmm exclude each other");
	if (util_parse_u32(c->vmm, &pid) || !pid || pid > INT32_MAX)
		return verb_usage_error(ctx, verb, c->vmm, "'%s' is not a process ID", c->vmm);
	c->pid = (pid_t)pid;
	return 0;
}

int choice_allows(struct ctx *ctx, const struct pci_device *dev, const struct choice *c,
		  const struct owner *h, const char *what)
{
	struct problem p = {
		.device = dev->name, .attribute = "owner", .err = -EBUSY, .stage = "in-use"
	};
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", h->pid);
	p.value = h->pid ? pid : NULL;
	p.hint = streq(what, "bind") ? "leave out --hold to bind on its file" :
				       "leave out --hold to unbind on its file";
	if (c->hold && !h->ours)
		return report_error(ctx, &p, "cannot %s it: %s uses it, not tsm-bind-helper", what,
				    h->text);
	p.hint = "leave out --vmm";
	/* if the owner is not known, the helper checks the process of --vmm */
	if (c->pid && h->pid && h->pid != c->pid)
		return report_error(ctx, &p, "cannot %s it: %s uses it, not process %d", what,
				    h->text, c->pid);
	if (h->ours || h->pid || c->pid)
		return 0;
	p.hint = "run this on the host, outside of a container";
	return report_error(ctx, &p, "cannot %s it: %s uses it", what, h->text);
}
