/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which function of a table is below which other one. */
#ifndef TSMCTL_TREE_H
#define TSMCTL_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json_object;

/* The key of a row that has the address of its PF; for a tree alone. */
#define TREE_PF "pf"

/* The parent of a row that is below no other one. */
#define TREE_TOP SIZE_MAX

/**
 * struct tree - rows of a table, as a tree
 * @count: how many
 * @parents: for each row, the index of the row above it, or TREE_TOP
 * @order: indexes of the rows: parents come before what is below them, and otherwise the
 *	order is that of the rows
 */
struct tree {
	size_t count;
	size_t *parents;
	size_t *order;
};

#define cleanup_tree __attribute__((cleanup(tree_done)))

/**
 * tree_make() - arrange rows
 * @tree: out, for tree_done()
 * @rows: array of objects with the keys address, dsm, and TREE_PF where there is a PF
 * @deep: a function is below its PF, or else below its DSM, if that is among the rows;
 *	otherwise all rows are at the top
 *
 * Return: 0 or -ENOMEM.
 */
int tree_make(struct tree *tree, struct json_object *rows, bool deep);

/**
 * tree_done() - free what tree_make() allocated
 * @tree: the tree, or zeroes
 */
void tree_done(struct tree *tree);

#endif
