// SPDX-License-Identifier: GPL-2.0-or-later
/* tsmctl metrics: numbers for Prometheus. */
#include <errno.h>
#include <inttypes.h>
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

static void put_sample(FILE *out, const struct family *f, const struct sample *sample)
{
	const char *value = sample->labels, *before = "{";

	fputs(f->name, out);
	for (size_t i = 0; f->labels[i]; i++) {
		fprintf(out, "%s%s=\"", before, f->labels[i]);
		put_value(out, value);
		fputc('"', out);
		before = ",";
		value += strlen(value) + 1;
	}
	fprintf(out, "} %" PRIu64 "\n", sample->value);
}

/* In OpenMetrics, the family of a counter has the name of its samples without _total. */
static int name_length(const struct family *f)
{
	size_t n = strlen(f->name);

	return (int)(opt_openmetrics && streq(f->type, "counter") ? n - strlen(TOTAL) : n);
}

static void put_family(FILE *out, const struct family *f, const struct samples *samples)
{
	int n = name_length(f);

	if (!samples->count)
		return;
	fprintf(out, "# HELP %.*s %s\n", n, f->name, f->help);
	fprintf(out, "# TYPE %.*s %s\n", n, f->name, f->type);
	for (size_t i = 0; i < samples->count; i++)
		put_sample(out, f, &samples->all[i]);
}

static int compose(const struct samples *all, char **text, size_t *len)
{
	FILE *out = open_memstream(text, len);
	int ret = 0;

	if (!out)
		return -ENOMEM;
	for (size_t i = 0; families[i].name; i++) {
		put_family(out, &families[i], &all[i]);
		ret = ret ?: all[i].err;
	}
	if (opt_openmetrics)
		fputs("# EOF\n", out);
	return fclose(out) ? -ENOMEM : ret;
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
	int ret = file_lock(ctx, opt_output, &lock);

	/* file_lock() reports errors itself once the directory is open */
	if (ret && lock.dir >= 0)
		return ret;
	ret = ret ?: file_publish(ctx, opt_output, &lock, text, len, &fault);
	return ret ? report_unwritten(ctx, ret, &fault) : 0;
}

static void answer_sample(struct ctx *ctx, const struct family *f, const struct sample *sample)
{
	struct json_object *obj = json_object_new_object();
	struct json_object *labels = json_object_new_object();
	const char *value = sample->labels;

	for (size_t i = 0; f->labels[i]; i++, value += strlen(value) + 1)
		json_object_object_add(labels, f->labels[i], json_object_new_string(value));
	json_object_object_add(obj, "name", json_object_new_string(f->name));
	json_object_object_add(obj, "type", json_object_new_string(f->type));
	json_object_object_add(obj, "labels", labels);
	json_object_object_add(obj, "value", json_object_new_uint64(sample->value));
	report_object(ctx, obj);
}

static void answer_json(struct ctx *ctx, const struct samples *all)
{
	for (size_t i = 0; families[i].name; i++)
		for (size_t j = 0; j < all[i].count; j++)
			answer_sample(ctx, &families[i], &all[i].all[j]);
}

static int answer(struct ctx *ctx, const struct samples *all)
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
	struct samples *all;
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
	families_free(all);
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
