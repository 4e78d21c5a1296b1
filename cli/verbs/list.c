// SPDX-License-Identifier: GPL-2.0-or-later
/* tsmctl list: the devices with a TSM side, one line each. */
#include <errno.h>
#include <json-c/json.h>

#include "host/info.h"
#include "report.h"
#include "term.h"
#include "verbs/verbs.h"

/* What one looks for most comes first, for narrow terminals. */
static const struct {
	const char *title;
	const char *key;
} columns[] = {
	{ "ADDRESS", "address" },
	{ "STATE", "state" },
	{ "DRIVER", "driver" },
	{ "TSM", "tsm" },
	{ "TDI-ID", "tdi_id" },
	{ "OWNER", "owner" },
	{ "TDI-STATE", "tdi_state" },
	{ "MODE", "region_mode" },
	{ "ACTIVE", "region_mode_active" },
	{ "DSM", "dsm" },
	{ "NAME", "name" },
};

#define COLUMNS ((int)ARRAY_SIZE(columns))
#define NAME (COLUMNS - 1)
/* A name cut to less says nothing. */
#define NAME_MIN 8
/* Ends a line of which something is left out. */
#define MARK '>'

/**
 * struct table - where the fields of a line are
 * @width: of each column
 * @shown: how many columns there is room for
 * @name: bytes of a name there is room for
 */
struct table {
	int width[ARRAY_SIZE(columns)];
	int shown;
	int name;
};

static int collect(struct ctx *ctx, struct pci_device *dev, void *arg)
{
	(void)arg;
	report_object(ctx, info_collect(ctx, dev, NULL));
	return 0;
}

/* A function without a TSM of its own has the one that holds it as a TDI. */
static const char *cell(struct json_object *row, int c, char *buf, size_t size)
{
	const char *text;

	if (streq(columns[c].key, "tdi_state") && info_cannot_bind(row))
		return "no-bind";
	text = info_text(row, columns[c].key, buf, size);
	return streq(columns[c].key, "tsm") && streq(text, "-") ?
		       info_text(row, "tdi_tsm", buf, size) :
		       text;
}

static void measure(struct table *t, struct json_object *rows)
{
	char buf[64];

	for (int c = 0; c < COLUMNS; c++) {
		t->width[c] = (int)strlen(columns[c].title);
		for (size_t r = 0; r < json_object_array_length(rows); r++) {
			int len = (int)strlen(
				cell(json_object_array_get_idx(rows, r), c, buf, sizeof(buf)));

			t->width[c] = len > t->width[c] ? len : t->width[c];
		}
	}
}

/*
 * On a terminal, columns that do not fit are left out as a whole, and only a name is
 * cut: half an address looks like another value, a second line would blur the columns.
 */
static void fit(struct table *t, int terminal)
{
	int used = t->width[0];

	t->shown = COLUMNS;
	t->name = t->width[NAME];
	if (!terminal)
		return;
	for (t->shown = 1; t->shown < NAME; t->shown++) {
		/* room for the mark, too */
		if (used + 2 + t->width[t->shown] + 2 > terminal)
			return;
		used += 2 + t->width[t->shown];
	}
	if (t->name > terminal - used - 2)
		t->name = terminal - used - 2;
	if (t->name >= NAME_MIN || t->name == t->width[NAME])
		t->shown = COLUMNS;
}

/* One line: of a device, or without one, of titles. */
static void print_line(const struct table *t, struct json_object *row)
{
	char buf[64];

	for (int c = 0; c < t->shown; c++) {
		const char *text = row ? cell(row, c, buf, sizeof(buf)) : columns[c].title;

		if (c != NAME)
			printf("%s%-*s", c ? "  " : "", t->width[c], text);
		else if ((int)strlen(text) <= t->name)
			printf("  %s", text);
		else
			printf("  %.*s%c", t->name - 1, text, MARK);
	}
	if (t->shown < COLUMNS)
		printf(" %c", MARK);
	putchar('\n');
}

static void print_table(struct json_object *rows)
{
	size_t n = json_object_array_length(rows);
	struct table t;

	if (!n)
		return;
	measure(&t, rows);
	fit(&t, (int)term_width());
	print_line(&t, NULL);
	for (size_t r = 0; r < n; r++)
		print_line(&t, json_object_array_get_idx(rows, r));
}

static int run(struct ctx *ctx, const struct verb *verb, int argc, const char **argv)
{
	int ret = verb_each(ctx, verb, argc, argv, collect, NULL);

	if (!ctx->json)
		print_table(ctx->answer.results);
	if (!ret && !argc)
		info_note_none(ctx);
	info_done();
	return ret;
}

const struct verb verb_list = {
	.name = "list",
	.synopsis = "[DEVICE...]",
	.summary = "list devices with a TSM side",
	.help = "Without DEVICE: all that can connect to a TSM, are assigned to " TSM_DRIVER
		", or have policy in configfs. Works without our modules: what is not known is -.",
	.flags = VERB_DEVICES | VERB_ALL | VERB_ABSENT,
	.run = run,
};
