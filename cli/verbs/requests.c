// SPDX-License-Identifier: GPL-2.0-or-later
/* tsmctl requests: which requests of its guest a device passes to the TSM. */
#include "common/selector.h"
#include "host/change.h"
#include "host/policies.h"
#include "report.h"
#include "verbs/common.h"

#define ATTRIBUTE "guest_requests"

static const char *opt_set;

static const struct poptOption options[] = { { "set", 0, POPT_ARG_STRING, &opt_set, 0,
					       "the requests, if not the last argument",
					       "REQUESTS" },
					     VERB_SAVE,
					     VERB_TIMEOUT,
					     POPT_TABLEEND };

static const struct verb_values values[] = { { "set", policy_requests }, { NULL, NULL } };

static int apply(struct ctx *ctx, struct pci_device *dev, void *arg)
{
	const char *want[SETTINGS] = { [SET_GUEST_REQUESTS] = opt_set };

	(void)arg;
	if (!opt_set)
		return policy_show(ctx, dev, ATTRIBUTE);
	return policy_change(ctx, dev, ATTRIBUTE, opt_set) ?: verb_keep(ctx, dev, want);
}

static int run(struct ctx *ctx, const struct verb *verb, int argc, const char **argv)
{
	const char *last = argc ? argv[argc - 1] : NULL;
	struct selector sel;

	/* "all" is a device if it is the only argument */
	if (!opt_set && argc > 1 && util_among(policy_requests, last)) {
		opt_set = last;
		argc--;
	} else if (!opt_set && argc > 1 && !selector_parse(last, &sel)) {
		return verb_usage_error(ctx, verb, last,
					"'%s' is neither a device nor one of none, info and all",
					last);
	}
	/* reading changes nothing */
	if (!opt_set)
		return verb_refuse_save(ctx, verb) ?: verb_each(ctx, verb, argc, argv, apply, NULL);
	return verb_check_policy(ctx, verb, POLICY_GUEST_REQUESTS, opt_set) ?:
		       verb_change_each(ctx, verb, argc, argv, apply, NULL);
}

const struct verb verb_requests = {
	.name = "requests",
	.synopsis = "DEVICE... [none|info|all]",
	.summary = "read or set which requests of its guest a device passes to the TSM",
	.help = "Sets the value, which applies to requests that begin afterwards, or without a "
		"value prints the present one. The value can be changed while the device is "
		"bound.",
	.words = policy_requests,
	.values = values,
	.options = options,
	.flags = VERB_DEVICES | VERB_ABSENT | VERB_FUTURE,
	.run = run,
};
