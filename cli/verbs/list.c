// SPDX-License-Identifier: GPL-2.0-or-later
/* tsmctl list: the devices with a TSM side, one line each. */
#include <errno.h>
#include <json-c/json.h>

#include "host/info.h"
#include "host/model.h"
#include "host/policy.h"
#include "report.h"
#include "verbs/column.h"
#include "verbs/table.h"
#include "verbs/tree.h"
#include "verbs/common.h"

/* A value of --driver and --tsm: the device has none. */
#define NONE "none"

static const char *opt_output, *opt_sort, *opt_state, *opt_driver, *opt_tsm;
static int opt_noheadings, opt_tree, opt_capable;

static const struct poptOption options[] = {
	{ "output", 'o', POPT_ARG_STRING, &opt_output, 0,
	  "show these columns; after a +, in addition to the usual ones", "COLUMNS" },
	{ "noheadings", 0, POPT_ARG_NONE, &opt_noheadings, 0, "leave out the titles", NULL },
	{ "sort", 0, POPT_ARG_STRING, &opt_sort, 0,
	  "sort by this column; after a -, the largest value first", "COLUMN" },
	{ "tree", 0, POPT_ARG_NONE, &opt_tree, 0,
	  "show each function below its PF, or else below its DSM", NULL },
	{ "state", 0, POPT_ARG_STRING, &opt_state, 0,
	  "only devices in this state, or in several, with commas between them", "STATE" },
	{ "driver", 0, POPT_ARG_STRING, &opt_driver, 0,
	  "only devices with this driver; none: without a driver", "DRIVER" },
	{ "tsm", 0, POPT_ARG_STRING, &opt_tsm, 0, "only devices with this TSM; none: without a TSM",
	  "tsmN" },
	{ "capable", 0, POPT_ARG_NONE, &opt_capable, 0, "only devices that can become a TDI",
	  NULL },
	POPT_TABLEEND
};

static const struct verb_values values[] = {
	{ "output", column_titles },
	{ "sort", column_titles },
	{ "state", policy_states },
	{ NULL, NULL },
};

/**
 * struct list - one run of the verb
 * @columns: what is shown
 * @keys: what is needed of each device
 * @looked_at: how many devices were selected, before the filters
 */
struct list {
	struct column_list columns;
	struct column_keys keys;
	size_t looked_at;
};

/* The value of --sort. A function that compares has no argument for it. */
static enum column sort_column;
static bool sort_descending;

static int check_options(struct ctx *ctx, const struct verb *verb, struct list *list)
{
	int ret = column_parse(ctx, verb, opt_output, &list->columns);

	if (!ret && opt_sort) {
		sort_descending = *opt_sort == '-';
		ret = column_find(ctx, verb, "sort", opt_sort + sort_descending, &sort_column);
	}
	if (!ret)
		ret = verb_check_words(ctx, verb, "state", "a state", policy_states, opt_state);
	if (!ret && opt_tsm && !streq(opt_tsm, NONE) && !tsm_is_name(opt_tsm))
		ret = verb_usage_error(ctx, verb, opt_tsm,
				       "'%s' is not the name of a TSM, such as tsm0, or none",
				       opt_tsm);
	return ret;
}

/* Finds the keys that are needed. Other ones are not read. */
static void find_keys(struct list *list)
{
	for (size_t i = 0; i < list->columns.count; i++)
		column_need(list->columns.at[i], &list->keys);
	if (opt_sort)
		column_need(sort_column, &list->keys);
	if (opt_state || opt_capable)
		column_need(COLUMN_STATE, &list->keys);
	if (opt_tsm)
		column_need(COLUMN_TSM, &list->keys);
	if (opt_capable)
		column_need(COLUMN_CAN_BIND, &list->keys);
	if (opt_tree)
		column_need(COLUMN_DSM, &list->keys);
}

static bool has_driver(const struct pci_device *dev)
{
	return !opt_driver || streq(dev->driver, streq(opt_driver, NONE) ? "" : opt_driver);
}

/* PCI/TSM makes the directory tsm for functions that a TSM serves. */
static bool is_served(const struct pci_device *dev)
{
	return !opt_capable || (dev->present && !faccessat(dev->fd, "tsm", F_OK, 0));
}

static bool is_wanted(struct json_object *row)
{
	char buf[COLUMN_TEXT_MAX];
	const char *tsm = column_text(row, COLUMN_TSM, buf, sizeof(buf));

	if (opt_tsm && !streq(tsm, streq(opt_tsm, NONE) ? "-" : opt_tsm))
		return false;
	if (opt_capable && info_cannot_bind(row))
		return false;
	return !opt_state ||
	       util_in_list(opt_state, column_text(row, COLUMN_STATE, buf, sizeof(buf)));
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
	struct json_object *row;

	list->looked_at++;
	if (!has_driver(dev) || !is_served(dev))
		return 0;
	row = info_collect(ctx, dev, ctx->json ? NULL : list->keys.key);
	if (!is_wanted(row)) {
		json_object_put(row);
		return 0;
	}
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

static void note_none(const struct ctx *ctx, const struct list *list, int argc)
{
	if (ctx->json || ctx->quiet || json_object_array_length(ctx->answer.results))
		return;
	if (list->looked_at)
		fputs("tsmctl: no device passes the filters; 'tsmctl list' shows all of them\n",
		      stderr);
	else if (!argc)
		info_note_none(ctx);
}

static int run(struct ctx *ctx, const struct verb *verb, int argc, const char **argv)
{
	struct list list = { .looked_at = 0 };
	struct table_form form = { &list.columns, !opt_noheadings, opt_tree };
	int ret = check_options(ctx, verb, &list), err = 0;

	if (ret)
		return ret;
	find_keys(&list);
	attr_keep_alarm(true);
	ret = verb_each(ctx, verb, argc, argv, collect, &list);
	attr_keep_alarm(false);
	if (opt_sort)
		json_object_array_sort(ctx->answer.results, compare_rows);
	if (!ctx->json)
		err = table_print(ctx, ctx->answer.results, &form);
	if (!ret)
		note_none(ctx, &list, argc);
	model_done();
	return ret ?: err;
}

const struct verb verb_list = {
	.name = "list",
	.synopsis = "[DEVICE...]",
	.summary = "list devices with a TSM side",
	.help = "Lists each DEVICE, or all that can connect to a TSM, are assigned to " TSM_DRIVER
		", or have policy in configfs. A device is listed if it passes all filters: "
		"--state, --driver, --tsm and --capable.",
	.values = values,
	.options = options,
	.flags = VERB_DEVICES | VERB_ALL | VERB_ABSENT | VERB_ID,
	.run = run,
};
