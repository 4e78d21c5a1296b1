/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The help: for people, and as tables for completions and manual pages. */
#ifndef TSMCTL_HELP_H
#define TSMCTL_HELP_H

#include "verbs/verbs.h"

/**
 * help_print() - print usage and options
 * @verb: the verb, or NULL for the program
 * @global: the options of every verb
 *
 * Return: 1, which means that there is nothing more to do.
 */
int help_print(const struct verb *verb, const struct poptOption *global);

/**
 * help_no_verb() - report that there is no such verb, with the nearest one
 * @ctx: this run
 * @name: what was given
 *
 * Return: negative errno.
 */
int help_no_verb(struct ctx *ctx, const char *name);

/**
 * help_verb() - do 'tsmctl help'
 * @ctx: this run
 * @global: the options of every verb
 * @argc: number of arguments
 * @argv: the name of a verb, or "verbs" or "tables" for the tables
 *
 * Return: 1, or negative errno, reported.
 */
int help_verb(struct ctx *ctx, const struct poptOption *global, int argc, const char **argv);

#endif
