// SPDX-License-Identifier: GPL-2.0-or-later
/* The states of a device, see state.h. */
#include <errno.h>

#include "host/policy.h"
#include "verbs/state.h"

static int report_word(struct ctx *ctx, const struct verb *verb, const char *list, const char *word)
{
	const char *nearest = NULL;

	for (const char *const *s = policy_states; *s; s++)
		util_consider(word, *s, &nearest);
	return verb_usage_error(
		ctx, verb, list,
		"'%s' in --state is not a state%s%s%s: absent, unassigned, closed, open, bound, lost or quarantined",
		word, nearest ? ", but there is '" : "", nearest ?: "", nearest ? "'" : "");
}

int state_check(struct ctx *ctx, const struct verb *verb, const char *list)
{
	const char *end;

	for (const char *word = list;; word = end + 1) {
		cleanup_free char *copy = NULL;

		end = strchrnul(word, ',');
		copy = strndup(word, (size_t)(end - word));
		if (!copy)
			return -ENOMEM;
		if (!util_among(policy_states, copy))
			return report_word(ctx, verb, list, copy);
		if (!*end)
			return 0;
	}
}
