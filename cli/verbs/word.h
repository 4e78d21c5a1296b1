/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A verb for one attribute of policy whose values are a few words: requests and admission. */
#ifndef TSMCTL_WORD_H
#define TSMCTL_WORD_H

#include "host/policies.h"
#include "verbs/verbs.h"

/**
 * struct word - the attribute, and what the command line has
 * @id: the attribute
 * @set: the value of --set, or NULL
 * @choice: its words for a message, as "none, info and all"
 */
struct word {
	enum policy_id id;
	const char *set;
	const char *choice;
};

/**
 * word_run() - read or set the attribute of each device
 * @ctx: this run
 * @verb: the verb, with --set, --save and --timeout; its last argument can be the value
 * @argc: number of its arguments
 * @argv: its arguments
 * @w: the attribute
 *
 * Return: 0, or negative errno, reported.
 */
int word_run(struct ctx *ctx, const struct verb *verb, int argc, const char **argv, struct word *w);

#endif
