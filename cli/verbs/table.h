/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A table of devices as text, by libsmartcols. */
#ifndef TSMCTL_TABLE_H
#define TSMCTL_TABLE_H

#include "verbs/column.h"

/**
 * struct table_form - how a table looks
 * @columns: the columns that are wanted
 * @headings: the first line has their titles
 * @tree: a function is below its PF, or else below its DSM, if that is in the table
 */
struct table_form {
	const struct column_list *columns;
	bool headings;
	bool tree;
};

/**
 * table_print() - print a table on standard output
 * @ctx: this run
 * @rows: array of objects from info_collect(), with the keys of column_need(); for a tree
 *	also with those of tree_make(). Prints nothing for an empty array
 * @form: how it looks
 *
 * On a terminal, columns that were not asked for by name are left out until a line fits, the
 * least important one first. Then standard error names them, if it is a terminal.
 *
 * Return: 0 or -ENOMEM.
 */
int table_print(const struct ctx *ctx, struct json_object *rows, const struct table_form *form);

#endif
