// SPDX-License-Identifier: GPL-2.0-or-later
/* tsmctl config: what the documents of the configuration contain, and whether they are valid. */
#include <errno.h>
#include <json-c/json.h>

#include "config/files.h"
#include "config/origin.h"
#include "config/state.h"
#include "host/policy.h"
#include "report.h"
#include "verbs/common.h"

static const char *const actions[] = { "show", "check", NULL };
/* for completion; other arguments are devices or files */
static const char *const words[] = { "show", "check", "@file", NULL };

/**
 * struct view - what is shown, and how
 * @wanted: the configuration
 * @device: the device that was asked for, or NULL
 * @begun: something was printed
 */
struct view {
	struct wanted wanted;
	const char *device;
	bool begun;
};

static struct json_object *new_path(const struct config_entry *e)
{
	char path[JSON_PATH_LEN];

	if (!e)
		return NULL;
	snprintf(path, sizeof(path), "devices[%zu]", e->index);
	return json_object_new_string(path);
}

/* Makes a value as a document has it. */
static struct json_object *new_value(const struct origin *o)
{
	if (!o->key)
		return NULL;
	return o->entry ? state_json(o->setting, o->value) : json_object_new_string(o->value);
}

static struct json_object *new_overrider(const struct origin *o)
{
	struct json_object *obj;

	if (!o->by_file)
		return NULL;
	obj = json_object_new_object();
	report_add_text(obj, "file", o->by_file->path);
	json_object_object_add(obj, "entry", new_path(o->by));
	return obj;
}

static void add_result(struct ctx *ctx, const struct view *v, const struct origin *o)
{
	struct json_object *obj = json_object_new_object();

	report_add_text(obj, "device", v->device);
	report_add_text(obj, "file", o->file ? o->file->path : NULL);
	json_object_object_add(obj, "entry", new_path(o->entry));
	report_add_text(obj, "selector", o->entry ? o->entry->sel.text : NULL);
	report_add_text(obj, "key", o->key);
	json_object_object_add(obj, "value", new_value(o));
	json_object_object_add(obj, "overridden_by", new_overrider(o));
	report_add_text(obj, "note", o->note);
	report_object(ctx, obj);
}

/* FILE, or FILE: devices[2] */
static void print_place(const struct config_file *file, const struct config_entry *e)
{
	cleanup_free char *safe = util_printable(file->path);

	printf("%s", safe ?: "");
	if (e)
		printf(": devices[%zu]", e->index);
}

static void print_selector(const struct config_entry *e, const char *before, const char *after)
{
	cleanup_free char *safe = util_printable(e->sel.text);

	printf("%s%s%s", before, safe ?: "", after);
}

static void print_value(const struct view *v, const struct origin *o)
{
	struct json_object *value = new_value(o);
	cleanup_free char *safe = util_printable(value ? json_object_get_string(value) : "null");

	printf("%s%-20s%s", v->device || !o->entry ? "  " : "    ", o->key, safe ?: "");
	json_object_put(value);
	if (v->device) {
		printf(", from ");
		print_place(o->file, o->entry);
		print_selector(o->entry, " (", ")");
	}
	if (o->by_file) {
		printf(", overridden by ");
		print_place(o->by_file, o->by);
	}
	putchar('\n');
}

static void print_row(const struct view *v, const struct origin *o)
{
	if (o->key) {
		print_value(v, o);
	} else if (v->device) {
		printf("  note: %s", o->note);
		if (o->file) {
			printf(" (");
			print_place(o->file, o->entry);
			printf(")");
		}
		putchar('\n');
	} else if (!o->entry) {
		print_place(o->file, NULL);
		printf("%s%s\n", o->note ? "\n  note: " : "", o->note ?: "");
	} else if (o->note) {
		printf("    note: %s\n", o->note);
	} else {
		printf("  devices[%zu]", o->entry->index);
		print_selector(o->entry, ": ", "\n");
	}
}

static void show_row(struct ctx *ctx, const struct origin *o, void *arg)
{
	if (ctx->json)
		add_result(ctx, arg, o);
	else
		print_row(arg, o);
}

static int show_device(struct ctx *ctx, struct pci_device *dev, void *arg)
{
	static const struct origin unnamed = { .note = "no document names it" };
	struct view *v = arg;
	const char *want[SETTINGS];
	bool named = wanted_of(ctx, &v->wanted, &dev->addr, want);

	if (!named && !dev->present && !policy_has(ctx, dev->name))
		return verb_refuse_absent(ctx, dev);
	v->device = dev->name;
	if (!ctx->json)
		printf("%s%s\n", v->begun ? "\n" : "", dev->name);
	v->begun = true;
	if (named)
		origin_of(ctx, &v->wanted, dev, show_row, v);
	else
		show_row(ctx, &unnamed, v);
	v->device = NULL;
	return 0;
}

/* Reports a valid document, or a remark on it. */
static void check_row(struct ctx *ctx, const struct origin *o, void *arg)
{
	if (o->key || (o->entry && !o->note))
		return;
	if (ctx->json)
		add_result(ctx, arg, o);
	if (ctx->json || ctx->quiet)
		return;
	print_place(o->file, o->entry);
	if (o->entry)
		print_selector(o->entry, ": ", "");
	printf(": %s%s\n", o->note ? "note: " : "valid", o->note ?: "");
}

static int show(struct ctx *ctx, const struct verb *verb, struct view *v, int argc,
		const char **argv)
{
	struct config config;
	int ret = config_load(ctx, NULL, &config) ?: wanted_init(&v->wanted, &config);

	if (!ret && argc)
		ret = verb_each(ctx, verb, argc, argv, show_device, v);
	else if (!ret)
		origin_each(ctx, &config, &v->wanted, show_row, v);
	wanted_done(&v->wanted);
	config_free(&config);
	return ret;
}

static int check(struct ctx *ctx, struct view *v, int argc, const char **argv)
{
	struct config config;
	int ret = config_check(ctx, argc, argv, &config) ?: wanted_init(&v->wanted, &config);

	if (!ret)
		origin_each(ctx, &config, &v->wanted, check_row, v);
	wanted_done(&v->wanted);
	config_free(&config);
	return ret;
}

static int run(struct ctx *ctx, const struct verb *verb, int argc, const char **argv)
{
	struct view v = { .device = NULL };
	int ret;

	if (!argc)
		return verb_usage_error(ctx, verb, NULL, "needs show or check");
	if (!util_among(actions, argv[0]))
		return verb_usage_error(ctx, verb, argv[0], "'%s' is neither show nor check",
					argv[0]);
	for (int i = 1; i < argc; i++)
		if (!*argv[i])
			return verb_usage_error(ctx, verb, argv[i], "an argument is empty");
	ret = config_init(ctx);
	if (ret)
		return ret;
	argc--;
	argv++;
	return streq(argv[-1], "show") ? show(ctx, verb, &v, argc, argv) :
					 check(ctx, &v, argc, argv);
}

const struct verb verb_config = {
	.name = "config",
	.synopsis = "show|check [DEVICE...|FILE...]",
	.summary = "show where each value comes from, or check the configuration",
	.help = "'show' prints each value of config.json and config.d/*.json in /etc/tsmctl, "
		"with its file and with what overrides it; with DEVICE, the values that count "
		"for these devices. 'check' prints each mistake in FILE, or without FILE in the "
		"documents that 'apply' reads; - is standard input.",
	.words = words,
	.flags = VERB_DEVICES | VERB_ALL | VERB_ABSENT | VERB_FUTURE,
	.run = run,
};
