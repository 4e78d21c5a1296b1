// SPDX-License-Identifier: GPL-2.0-or-later
/* tsmctl admission: whether a device must be verified before a bind. */
#include "verbs/common.h"
#include "verbs/word.h"

static const char *opt_set;

static const struct poptOption options[] = { { "set", 0, POPT_ARG_STRING, &opt_set, 0,
					       "the value, if not the last argument", "ADMISSION" },
					     VERB_SAVE,
					     VERB_TIMEOUT,
					     POPT_TABLEEND };

static const struct verb_values values[] = { { "set", policy_admissions }, { NULL, NULL } };

static int run(struct ctx *ctx, const struct verb *verb, int argc, const char **argv)
{
	struct word w = { POLICY_ADMISSION, opt_set, "none and required" };

	return word_run(ctx, verb, argc, argv, &w);
}

const struct verb verb_admission = {
	.name = "admission",
	.synopsis = "DEVICE... [none|required]",
	.summary = "read or set whether a device must be verified before a bind",
	.help = "Sets the value, or without a value prints the present one. If it is required, the "
		"driver refuses each bind until the evidence of the device was verified.",
	.words = policy_admissions,
	.values = values,
	.options = options,
	.flags = VERB_DEVICES | VERB_ABSENT | VERB_FUTURE,
	.run = run,
};
