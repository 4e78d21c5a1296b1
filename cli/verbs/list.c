// SPDX-License-Identifier: GPL-2.0-or-later
/* tsmctl list: the devices with a TSM side, one line each. */
#include <errno.h>
#include <json-c/json.h>

#include "host/info.h"
#include "report.h"
#include "verbs/column.h"
#include "verbs/table.h"
#include "verbs/tree.h"
#include "verbs/verbs.h"

static const char *opt_output, *opt_sort;
static int opt_noheadings, opt_tree;

static const struct poptOption options[] = {
	{ "output", 'o', POPT_ARG_STRING, &opt_output, 0,
	  "show these columns; after a +, in addition to the usual ones", "COLUMNS" },
	{ "noheadings", 0, POPT_ARG_NONE, &opt_noheadings, 0, "leave out the titles", NULL },
	{ "sort", 0, POPT_ARG_STRING, &opt_sort, 0,
	  "sort by this column; after a -, the largest value first", "COLUMN" },
	{ "tree", 0, POPT_ARG_NONE, &opt_tree, 0,
	  "show each function below its PF, or else below its DSM", NULL },
	POPT_TABLEEND
};

static const struct verb_values values[] = {
	{ "output", column_titles },
	{ "sort", column_titles },
	{ NULL, NULL },
};

/**
 * struct list - one run of the verb
 * @columns: what is shown
 * @keys: what is needed of each device
 */
struct list {
	struct column_list columns;
	struct column_keys keys;
};

/* Of --sort. A function that compares has no argument for them. */
static enum column sort_column;
static bool sort_descending;

static int check_options(struct ctx *ctx, const struct verb *verb, struct list *list)
{
	int ret = column_parse(ctx, verb, opt_output, &list->columns);

	if (!ret && opt_sort) {
		sort_descending = *opt_sort == '-';
		ret = column_find(ctx, verb, "sort", opt_sort + sort_descending, &sort_column);
	}
	return ret;
}

/* What nobody asks for is not read. */
static void find_keys(struct list *list)
{
	for (size_t i = 0; i < list->columns.count; i++)
		column_need(list->columns.at[i], &list->keys);
	if (opt_sort)
		column_need(sort_column, &list->keys);
	if (opt_tree)
		column_need(COLUMN_DSM, &list->keys);
}

static void add_pf(const struct pci_device *dev, struct json_object *row)
{
	char name[PCI_NAME_LEN];
	struct pci_addr pf;

	if (!dev->present || !pci_link(dev, "physfn", &pf))
		return;
	pci_addr_name(&pf, name);
	json_object_object_add(row, TREE_PF, json_object_new_string(name));
}

static int collect(struct ctx *ctx, struct pci_device *dev, void *arg)
{
	struct list *list = arg;
	struct json_object *row = info_collect(ctx, dev, ctx->json ? NULL : list->keys.key);

	if (opt_tree && !ctx->json)
		add_pf(dev, row);
	report_object(ctx, row);
	return 0;
}

static int compare_rows(const void *a, const void *b)
{
	return column_compare(*(struct json_object *const *)a, *(struct json_object *const *)b,
			      sort_column, sort_descending);
}

static int run(struct ctx *ctx, const struct verb *verb, int argc, const char **argv)
{
	struct list list = { .columns.count = 0 };
	struct table_form form = { &list.columns, !opt_noheadings, opt_tree };
	int ret = check_options(ctx, verb, &list), err = 0;

	if (ret)
		return ret;
	find_keys(&list);
	ret = verb_each(ctx, verb, argc, argv, collect, &list);
	if (opt_sort)
		json_object_array_sort(ctx->answer.results, compare_rows);
	if (!ctx->json)
		err = table_print(ctx, ctx->answer.results, &form);
	if (!ret && !argc)
		info_note_none(ctx);
	info_done();
	return ret ?: err;
}

const struct verb verb_list = {
	.name = "list",
	.synopsis = "[DEVICE...]",
	.summary = "list devices with a TSM side",
	.help = "Without DEVICE: all that can connect to a TSM, are assigned to " TSM_DRIVER
		", or have policy in configfs. Works without our modules: what is not known is -. "
		"COLUMN is a title, or a key of 'list --json', in any case. COLUMNS are several, "
		"by commas.",
	.values = values,
	.options = options,
	.flags = VERB_DEVICES | VERB_ALL | VERB_ABSENT,
	.run = run,
};
