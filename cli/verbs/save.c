// SPDX-License-Identifier: GPL-2.0-or-later
/* tsmctl save: write the present settings as a configuration. */
#include <errno.h>
#include <json-c/json.h>
#include <limits.h>
#include <sys/stat.h>

#include "config/files.h"
#include "config/merge.h"
#include "config/write.h"
#include "host/policy.h"
#include "report.h"
#include "verbs/common.h"

static const char *opt_file;

static const struct poptOption options[] = { { "file", 'f', POPT_ARG_STRING, &opt_file, 0,
					       "write this file; - is standard output", "FILE" },
					     POPT_TABLEEND };

static int add_device(struct ctx *ctx, struct pci_device *dev, void *merge)
{
	(void)ctx;
	return merge_device(merge, dev);
}

static int collect(struct ctx *ctx, const struct verb *verb, struct merge *m,
		   struct json_object *root)
{
	struct json_object *devices = json_object_new_array();
	char mode[ATTR_MAX];
	int ret;

	json_object_object_add(root, "version", json_object_new_int(CONFIG_VERSION));
	ret = policy_get_default(ctx, mode);
	if (!ret)
		json_object_object_add(root, DEFAULT_MODE, json_object_new_string(mode));
	json_object_object_add(root, "devices", devices);
	return ret ?: verb_each(ctx, verb, 0, NULL, add_device, m) ?: merge_finish(m, devices);
}

/* Reads the present document. write_file() refuses a directory. */
static int load_base(struct ctx *ctx, const char *path, struct config *base)
{
	struct stat st;

	if (streq(path, "-"))
		return 0;
	if (stat(path, &st) ? errno == ENOENT : S_ISDIR(st.st_mode))
		return 0;
	return config_load(ctx, path, base);
}

/* Makes the text of the new document, for the caller to free. */
static int compose(struct ctx *ctx, const struct verb *verb, struct merge *m, char **text)
{
	struct json_object *root = json_object_new_object();
	int ret = collect(ctx, verb, m, root);

	if (!ret && !(*text = write_text(root)))
		ret = -ENOMEM;
	json_object_put(root);
	if (!ret)
		ctx->answer.done = 0;
	return ret;
}

static int save(struct ctx *ctx, const struct verb *verb, const char *path)
{
	struct file_lock lock cleanup_file_lock = FILE_UNLOCKED;
	struct config base = { 0 };
	struct merge m = { 0 };
	cleanup_free char *text = NULL;
	int ret;

	/* without vfio_tsm, the file would lack most settings, and nothing would show that */
	ret = policy_require(ctx, NULL);
	if (!ret && !streq(path, "-"))
		ret = write_lock(ctx, path, &lock);
	ret = ret ?: load_base(ctx, path, &base);
	if (!ret)
		ret = merge_init(&m, ctx, &base) ?: compose(ctx, verb, &m, &text);
	if (!ret && streq(path, "-"))
		/* report_finish() reports if it could not be written */
		fputs(text, stdout);
	else if (!ret)
		ret = write_file(ctx, path, &lock, text, ctx->dry_run ? NULL : "written");
	if (!ret)
		merge_report(&m);
	merge_done(&m);
	config_free(&base);
	return ret;
}

static int run(struct ctx *ctx, const struct verb *verb, int argc, const char **argv)
{
	char path[PATH_MAX];
	int ret;

	if (argc)
		return verb_usage_error(ctx, verb, argv[0], "takes no '%s' (--file takes a file)",
					argv[0]);
	if (opt_file && streq(opt_file, "-") && ctx->json)
		return verb_usage_error(
			ctx, verb, opt_file,
			"--json and --file - both use standard output: give a FILE");
	ret = config_init(ctx);
	if (ret)
		return ret;
	if (snprintf(path, sizeof(path), "%s/config.json", ctx->etc.path) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	ret = save(ctx, verb, opt_file ?: path);
	return ret || opt_file ? ret : config_note_drop_ins(ctx);
}

const struct verb verb_save = {
	.name = "save",
	.synopsis = "[--file FILE]",
	.summary = "write the present settings as a configuration",
	.help = "Writes /etc/tsmctl/config.json, or FILE: the default mode, and each device that "
		"is assigned, connected, or has policy of its own. Settings that cannot be seen now, "
		"such as those of an absent device, stay as the file has them.",
	.options = options,
	.flags = VERB_ALL | VERB_ABSENT,
	.run = run,
};
