// SPDX-License-Identifier: GPL-2.0-or-later
/* tsmctl allow and deny: whether a device may be bound at all. */
#include "host/change.h"
#include "report.h"
#include "verbs/common.h"

static int apply(struct ctx *ctx, struct pci_device *dev, void *value)
{
	const char *want[SETTINGS] = { [SET_BIND_ALLOWED] = value };

	return policy_change(ctx, dev, "bind_allowed", value) ?: verb_keep(ctx, dev, want);
}

static int run(struct ctx *ctx, const struct verb *verb, int argc, const char **argv)
{
	char value[] = { streq(verb->name, "allow") ? '1' : '0', '\0' };

	return verb_change_each(ctx, verb, argc, argv, apply, value);
}

const struct verb verb_allow = {
	.name = "allow",
	.synopsis = "DEVICE...",
	.summary = "let a device be bound",
	.help = "A device may be bound unless 'deny' has forbidden that. It need not exist yet.",
	.options = verb_save_alone,
	.flags = VERB_DEVICES | VERB_ABSENT | VERB_FUTURE,
	.run = run,
};

const struct verb verb_deny = {
	.name = "deny",
	.synopsis = "DEVICE...",
	.summary = "refuse binds of a device",
	.help = "A device that is bound stays bound: see 'revoke'. The device need not exist yet.",
	.options = verb_save_alone,
	.flags = VERB_DEVICES | VERB_ABSENT | VERB_FUTURE,
	.run = run,
};
