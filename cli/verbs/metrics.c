// SPDX-License-Identifier: GPL-2.0-or-later
/* tsmctl metrics: numbers for Prometheus. */
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>

#include "config/file.h"
#include "report.h"
#include "verbs/families.h"
#include "verbs/common.h"

#define TOTAL "_total"

static const char *opt_output;
static int opt_openmetrics;

static const struct poptOption options[] = {
	{ "output", 0, POPT_ARG_STRING, &opt_output, 0,
	  "replace this file in one step instead of printing; - is standard output", "FILE" },
	{ "openmetrics", 0, POPT_ARG_NONE, &opt_openmetrics, 0,
	  "OpenMetrics 1.0 instead of the text format of Prometheus", NULL },
	POPT_TABLEEND
};

/* Both formats escape the same three bytes in the value of a label. */
static void put_value(FILE *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '\\' || *text == '"' || *text == '\n')
			fputc('\\', out);
		fputc(*text == '\n' ? 'n' : *text, out);
	}
}

static void put_sample(FILE *out, const char *name, struct json_object *sample)
{
	struct json_object *labels = json_object_object_get(sample, "labels");
	const char *before = "{";

	fputs(name, out);
	json_object_object_foreach(labels, label, value) {
		fprintf(out, "%s%s=\"", before, label);
		put_value(out, json_object_get_string(value));
		fputc('"', out);
		before = ",";
	}
	fprintf(out, "} %s\n", json_object_get_string(json_object_object_get(sample, "value")));
}

/* In OpenMetrics, the family of a counter has the name of its samples without _total. */
static int name_length(const struct family *f)
{
	size_t n = strlen(f->name);

	return (int)(opt_openmetrics && streq(f->type, "counter") ? n - strlen(TOTAL) : n);
}

static void put_family(FILE *out, const struct family *f, struct json_object *samples)
{
	int n = name_length(f);

	if (!json_object_array_length(samples))
		return;
	fprintf(out, "# HELP %.*s %s\n", n, f->name, f->help);
	fprintf(out, "# TYPE %.*s %s\n", n, f->name, f->type);
	for (size_t i = 0; i < json_object_array_length(samples); i++)
		put_sample(out, f->name, json_object_array_get_idx(samples, i));
}

static int compose(struct json_object *all, char **text, size_t *len)
{
	FILE *out = open_memstream(text, len);

	if (!out)
		return -ENOMEM;
	for (size_t i = 0; families[i].name; i++)
		put_family(out, &families[i], json_object_array_get_idx(all, i));
	if (opt_openmetrics)
		fputs("# EOF\n", out);
	return fclose(out) ? -ENOMEM : 0;
}

static int report_unwritten(struct ctx *ctx, int err, const struct trust_fault *fault)
{
	struct problem p = {
		.attribute = "metrics", .value = opt_output, .stage = "write", .err = err
	};
	char hint[FILE_HINT_LEN];

	if (fault->why[0])
		p.hint = "give another file";
	else if (err == -ENOENT)
		p.hint = file_directory_hint(opt_output, hint);
	return report_error(ctx, &p, "cannot write %s: %s", opt_output,
			    fault->why[0] ? fault->why : strerror(-err));
}

static int write_file(struct ctx *ctx, const char *text, size_t len)
{
	struct file_lock lock cleanup_file_lock = FILE_UNLOCKED;
	struct trust_fault fault = { .why = "" };
	int ret = ctx->dry_run ? 0 : file_lock(ctx, opt_output, &lock);

	/* file_lock() reports errors itself once the directory is open */
	if (ret && lock.dir >= 0)
		return ret;
	ret = ret ?: file_publish(ctx, opt_output, &lock, text, len, &fault);
	return ret ? report_unwritten(ctx, ret, &fault) : 0;
}

static void answer_json(struct ctx *ctx, struct json_object *all)
{
	for (size_t i = 0; i < json_object_array_length(all); i++) {
		struct json_object *samples = json_object_array_get_idx(all, i);

		for (size_t j = 0; j < json_object_array_length(samples); j++)
			report_object(ctx, json_object_get(json_object_array_get_idx(samples, j)));
	}
}

static int answer(struct ctx *ctx, struct json_object *all)
{
	bool file = opt_output && !streq(opt_output, "-");
	cleanup_free char *text = NULL;
	size_t len;
	int ret = compose(all, &text, &len);

	if (ret)
		return ret;
	if (ctx->json)
		answer_json(ctx, all);
	else if (!file)
		fwrite(text, 1, len, stdout);
	return file ? write_file(ctx, text, len) : 0;
}

static int look(struct ctx *ctx, struct pci_device *dev, void *all)
{
	families_look(ctx, dev, all);
	return 0;
}

static int run(struct ctx *ctx, const struct verb *verb, int argc, const char **argv)
{
	struct selection s cleanup_selection;
	struct json_object *all;
	int ret, err;

	ret = verb_select(ctx, verb, argc, argv, &s);
	if (ret)
		return ret;
	all = families_new();
	if (!all)
		return -ENOMEM;
	families_look(ctx, NULL, all);
	ret = select_each(ctx, &s, look, all);
	/* also after an error: the samples of a device that is gone must disappear */
	err = answer(ctx, all);
	/* without a result, nothing was done */
	if (err)
		ctx->answer.done = 0;
	json_object_put(all);
	return err ?: ret;
}

const struct verb verb_metrics = {
	.name = "metrics",
	.synopsis = "[DEVICE...] [--output FILE] [--openmetrics]",
	.summary = "print metrics of devices for Prometheus",
	.help = "Prints states, refused operations, binds and requests of each DEVICE, or of all "
		"devices that 'list' shows, in the text format of Prometheus. An unknown value "
		"has no sample.",
	.options = options,
	.flags = VERB_DEVICES | VERB_ALL | VERB_ABSENT,
	.run = run,
};
