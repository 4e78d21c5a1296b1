// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A table of devices, see table.h. libsmartcols lays it out. The library could also fit a
 * table into a terminal, but it cuts the values, and half an address looks like another
 * value. So this file leaves out whole columns, and the library only measures them.
 */
#include <errno.h>
#include <json-c/json.h>
#include <libsmartcols/libsmartcols.h>

#include "term.h"
#include "verbs/table.h"
#include "verbs/tree.h"

#define GAP "  "
/* A name that is cut to less is of no use. */
#define NAME_MIN 8
/* Ends a name that is cut. */
#define MARK '>'

static void unref_table(struct libscols_table **tb)
{
	scols_unref_table(*tb);
}

#define cleanup_table __attribute__((cleanup(unref_table)))

/**
 * struct layout - what of a table is shown
 * @columns: from left to right
 * @name: room for a name in bytes; 0 if names are not cut
 * @headings: whether the first line has the titles
 */
struct layout {
	struct column_list columns;
	size_t name;
	bool headings;
};

/* The column with the branches of a tree: the address, or without that the first one. */
static size_t tree_column(const struct layout *l)
{
	for (size_t i = 0; i < l->columns.count; i++)
		if (l->columns.at[i] == COLUMN_ADDRESS)
			return i;
	return 0;
}

static struct libscols_table *new_table(const struct layout *l, bool is_tree)
{
	struct libscols_table *tb = scols_new_table();

	/* the texts are printable, and a byte takes one column */
	if (!tb || scols_table_set_column_separator(tb, GAP) ||
	    scols_table_enable_noencoding(tb, 1) ||
	    scols_table_enable_noheadings(tb, !l->headings) ||
	    scols_table_set_termforce(tb, SCOLS_TERMFORCE_NEVER))
		goto fail;
	for (size_t i = 0; i < l->columns.count; i++) {
		int flags = is_tree && i == tree_column(l) ? SCOLS_FL_TREE : 0;

		if (!scols_table_new_column(tb, column_titles[l->columns.at[i]], 0, flags))
			goto fail;
	}
	return tb;
fail:
	scols_unref_table(tb);
	return NULL;
}

static int set_cell(struct libscols_line *line, size_t i, const struct layout *l,
		    struct json_object *row)
{
	char buf[COLUMN_TEXT_MAX];
	const char *text = column_text(row, l->columns.at[i], buf, sizeof(buf));
	cleanup_free char *cut = NULL;

	if (l->columns.at[i] != COLUMN_NAME || !l->name || strlen(text) <= l->name)
		return scols_line_set_data(line, i, text);
	cut = strndup(text, l->name);
	if (!cut)
		return -ENOMEM;
	cut[l->name - 1] = MARK;
	return scols_line_set_data(line, i, cut);
}

static int add_lines(struct libscols_table *tb, const struct layout *l, struct json_object *rows,
		     const struct tree *tree)
{
	cleanup_free struct libscols_line **lines =
		calloc(tree->count, sizeof(struct libscols_line *));

	for (size_t i = 0; lines && i < tree->count; i++) {
		size_t row = tree->order[i], parent = tree->parents[row];

		lines[row] = scols_table_new_line(tb, parent == TREE_TOP ? NULL : lines[parent]);
		for (size_t c = 0; c < l->columns.count; c++)
			if (!lines[row] ||
			    set_cell(lines[row], c, l, json_object_array_get_idx(rows, row)))
				return -ENOMEM;
	}
	return lines ? 0 : -ENOMEM;
}

static struct libscols_table *build(const struct layout *l, struct json_object *rows,
				    const struct tree *tree, bool is_tree)
{
	struct libscols_table *tb = new_table(l, is_tree);

	if (tb && add_lines(tb, l, rows, tree)) {
		scols_unref_table(tb);
		return NULL;
	}
	return tb;
}

/* Measures each column, by enum column. The library has the widths once it has printed. */
static int measure(struct libscols_table *tb, const struct column_list *columns,
		   size_t width[COLUMNS])
{
	cleanup_free char *text = NULL;

	if (scols_print_table_to_string(tb, &text))
		return -ENOMEM;
	for (size_t i = 0; i < columns->count; i++)
		width[columns->at[i]] = scols_column_get_width(scols_table_get_column(tb, i));
	return 0;
}

static size_t line_width(const struct column_list *columns, const size_t width[COLUMNS])
{
	size_t sum = 0;

	for (size_t i = 0; i < columns->count; i++)
		sum += width[columns->at[i]] + (i ? strlen(GAP) : 0);
	return sum;
}

/* Cuts names if they end the lines. Nothing else is cut. Return: whether the table fits then. */
static bool cut_name(struct layout *l, const size_t width[COLUMNS], size_t terminal)
{
	size_t others = line_width(&l->columns, width) - width[COLUMN_NAME];

	if (l->columns.at[l->columns.count - 1] != COLUMN_NAME || others + NAME_MIN > terminal)
		return false;
	l->name = terminal - others;
	return true;
}

/* Return: the column to leave out next; COLUMN_ADDRESS if all have to stay. */
static enum column least_important(const struct column_list *columns)
{
	enum column least = COLUMN_ADDRESS;

	for (size_t i = 0; i < columns->count; i++)
		if (columns->at[i] > least && !columns->named[columns->at[i]])
			least = columns->at[i];
	return least;
}

static void leave_out(struct column_list *columns, enum column column)
{
	size_t kept = 0;

	for (size_t i = 0; i < columns->count; i++)
		if (columns->at[i] != column)
			columns->at[kept++] = columns->at[i];
	columns->count = kept;
}

/* Return: whether the layout has changed. */
static bool fit(struct layout *l, const size_t width[COLUMNS], size_t terminal)
{
	bool changed = false;

	while (line_width(&l->columns, width) > terminal) {
		enum column least = least_important(&l->columns);

		if (cut_name(l, width, terminal))
			return true;
		if (least == COLUMN_ADDRESS)
			break;
		leave_out(&l->columns, least);
		changed = true;
	}
	return changed;
}

static void note_left_out(const struct ctx *ctx, const struct column_list *all,
			  const struct column_list *shown)
{
	char names[256] = "ADDRESS";

	if (all->count == shown->count || ctx->quiet || !isatty(STDERR_FILENO))
		return;
	for (size_t i = 0, next = 0; i < all->count; i++) {
		if (next < shown->count && shown->at[next] == all->at[i])
			next++;
		else
			util_add_item(names, sizeof(names), ",", column_titles[all->at[i]]);
	}
	/* the lines of the table come before it */
	fflush(stdout);
	fprintf(stderr,
		"tsmctl: the terminal is too narrow for all columns; 'tsmctl list -o %s' shows the others\n",
		names);
}

static int print(const struct ctx *ctx, struct json_object *rows, const struct table_form *form,
		 const struct tree *tree)
{
	struct layout layout = { .columns = *form->columns, .headings = form->headings };
	struct libscols_table *tb cleanup_table = build(&layout, rows, tree, form->tree);
	size_t terminal = term_width(), width[COLUMNS] = { 0 };

	if (!tb)
		return -ENOMEM;
	if (terminal && measure(tb, &layout.columns, width))
		return -ENOMEM;
	if (terminal && fit(&layout, width, terminal)) {
		scols_unref_table(tb);
		tb = build(&layout, rows, tree, form->tree);
	}
	if (!tb || scols_print_table(tb))
		return -ENOMEM;
	note_left_out(ctx, form->columns, &layout.columns);
	return 0;
}

int table_print(const struct ctx *ctx, struct json_object *rows, const struct table_form *form)
{
	struct tree tree cleanup_tree = { 0 };

	if (!json_object_array_length(rows))
		return 0;
	return tree_make(&tree, rows, form->tree) ?: print(ctx, rows, form, &tree);
}
