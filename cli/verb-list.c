// SPDX-License-Identifier: GPL-2.0-or-later
/* tsmctl list: the devices with a TSM side, one line each. */
#include <errno.h>
#include <json-c/json.h>

#include "info.h"
#include "report.h"
#include "term.h"
#include "verbs.h"

/* Region mode and TDI id as they are and as they are configured share a column. */
static const struct {
	const char *title;
	const char *key;
} columns[] = {
	{ "ADDRESS", "address" }, { "DRIVER", "driver" },    { "TSM", "tsm" },
	{ "DSM", "dsm" },	  { "MODE", "region_mode" }, { "ACTIVE", "region_mode_active" },
	{ "STATE", "state" },	  { "TDI-ID", "tdi_id" },    { "OWNER", "owner" },
	{ "NAME", "name" },
};

#define COLUMNS ((int)ARRAY_SIZE(columns))
/* Ten attributes, each four times as long when its bytes are escaped. */
#define LINE_LEN (ARRAY_SIZE(columns) * 4 * 256)

static int collect(struct ctx *ctx, struct pci_device *dev, void *arg)
{
	(void)arg;
	report_object(ctx, info_collect(ctx, dev));
	return 0;
}

/* Appends a field, filled up to its width unless it is the last, to a line. */
static void add_field(char *line, size_t size, const char *text, int column, int width)
{
	size_t used = strlen(line);

	if (column + 1 == COLUMNS)
		width = 0;
	snprintf(line + used, size - used, "%s%-*s", column ? "  " : "", width, text);
}

/* On a terminal, what does not fit is cut off: a second line would blur the columns. */
static void print_line(const char *line, unsigned int width)
{
	printf("%.*s\n", width ? (int)width : (int)LINE_LEN, line);
}

static void print_table(struct json_object *rows)
{
	int width[ARRAY_SIZE(columns)];
	size_t n = json_object_array_length(rows);
	unsigned int terminal = term_width();
	char line[LINE_LEN] = "", buf[64];

	if (!n)
		return;
	for (int c = 0; c < COLUMNS; c++) {
		width[c] = (int)strlen(columns[c].title);
		for (size_t r = 0; r < n; r++) {
			int len = (int)strlen(info_text(json_object_array_get_idx(rows, r),
							columns[c].key, buf, sizeof(buf)));

			width[c] = len > width[c] ? len : width[c];
		}
		add_field(line, sizeof(line), columns[c].title, c, width[c]);
	}
	print_line(line, terminal);
	for (size_t r = 0; r < n; r++) {
		line[0] = '\0';
		for (int c = 0; c < COLUMNS; c++)
			add_field(line, sizeof(line),
				  info_text(json_object_array_get_idx(rows, r), columns[c].key, buf,
					    sizeof(buf)),
				  c, width[c]);
		print_line(line, terminal);
	}
}

static int run(struct ctx *ctx, const struct verb *verb, int argc, const char **argv)
{
	int ret = devices_each(ctx, verb, argc, argv, collect, NULL);

	if (!ctx->json)
		print_table(ctx->answer.results);
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
