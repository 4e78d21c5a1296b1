// SPDX-License-Identifier: GPL-2.0-or-later
/* Verbs for an attribute whose values are a few words, see word.h. */
#include "common/selector.h"
#include "host/change.h"
#include "verbs/common.h"
#include "verbs/word.h"

static int apply(struct ctx *ctx, struct pci_device *dev, void *arg)
{
	const struct word *w = arg;
	const char *want[SETTINGS] = { NULL }, *name = policies[w->id].name;

	want[w->id] = w->set;
	if (!w->set)
		return policy_show(ctx, dev, name);
	return policy_change(ctx, dev, name, w->set) ?: verb_keep(ctx, dev, want);
}

int word_run(struct ctx *ctx, const struct verb *verb, int argc, const char **argv, struct word *w)
{
	const char *last = argc ? argv[argc - 1] : NULL;
	struct selector sel;

	/* a single argument is a device: one of the words may be "all" */
	if (!w->set && argc > 1 && util_among(policies[w->id].words, last)) {
		w->set = last;
		argc--;
	} else if (!w->set && argc > 1 && !selector_parse(last, &sel)) {
		return verb_usage_error(ctx, verb, last, "'%s' is neither a device nor one of %s",
					last, w->choice);
	}
	/* reading changes nothing */
	if (!w->set)
		return verb_refuse_save(ctx, verb) ?: verb_each(ctx, verb, argc, argv, apply, w);
	return verb_check_policy(ctx, verb, w->id, w->set) ?:
		       verb_change_each(ctx, verb, argc, argv, apply, w);
}
