/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The states of a device, as words of an option --state. */
#ifndef TSMCTL_VERB_STATE_H
#define TSMCTL_VERB_STATE_H

#include "verbs/verbs.h"

/**
 * state_check() - check the value of --state
 * @ctx: this run
 * @verb: whose option it is
 * @list: the value: states, with commas between them
 *
 * Return: 0, or -EINVAL, reported, if a word of it is not a state.
 */
int state_check(struct ctx *ctx, const struct verb *verb, const char *list);

#endif
