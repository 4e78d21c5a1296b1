// SPDX-License-Identifier: GPL-2.0-or-later
/* tsmctl requests: which requests of its guest a device passes to the TSM. */
#include "verbs/common.h"
#include "verbs/word.h"

static const char *opt_set;

static const struct poptOption options[] = { { "set", 0, POPT_ARG_STRING, &opt_set, 0,
					       "the requests, if not the last argument",
					       "REQUESTS" },
					     VERB_SAVE,
					     VERB_TIMEOUT,
					     POPT_TABLEEND };

static const struct verb_values values[] = { { "set", policy_requests }, { NULL, NULL } };

static int run(struct ctx *ctx, const struct verb *verb, int argc, const char **argv)
{
	struct word w = { POLICY_GUEST_REQUESTS, opt_set, "none, info and all" };

	return word_run(ctx, verb, argc, argv, &w);
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
