// SPDX-License-Identifier: GPL-2.0-or-later
/* tsmctl save: write what there is as a configuration. */
#include <errno.h>
#include <json-c/json.h>
#include <limits.h>

#include "config/file.h"
#include "config/files.h"
#include "host/policy.h"
#include "report.h"
#include "verbs/verbs.h"

static const char *opt_file;

static const struct poptOption options[] = { { "file", 'f', POPT_ARG_STRING, &opt_file, 0,
					       "write this file; - is standard output", "FILE" },
					     POPT_TABLEEND };

/* What a device without policy has; one that has nothing else is left out. */
static const struct {
	enum setting setting;
	const char *usual;
} policies[] = {
	{ SET_REGION_MODE, "default" },
	{ SET_BAR_MMAP, "refuse" },
	{ SET_BIND_ALLOWED, "1" },
	{ SET_TDI_ID, "none" },
};

static struct json_object *text_or_null(const char *text)
{
	return *text && !streq(text, "none") ? json_object_new_string(text) : NULL;
}

static int add_policy(struct ctx *ctx, const struct pci_device *dev, struct json_object *obj,
		      bool *special)
{
	char value[ATTR_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(policies); i++) {
		enum setting s = policies[i].setting;
		struct problem p = { .device = dev->name,
				     .attribute = setting_keys[s],
				     .stage = "read" };

		p.err = policy_get(ctx, dev, setting_keys[s], value);
		if (p.err)
			return report_error(ctx, &p, "cannot read %s: %s", setting_keys[s],
					    strerror(-p.err));
		*special |= !streq(value, policies[i].usual);
		json_object_object_add(obj, setting_keys[s],
				       s == SET_BIND_ALLOWED ?
					       json_object_new_boolean(streq(value, "1")) :
					       text_or_null(value));
	}
	return 0;
}

static int add_device(struct ctx *ctx, struct pci_device *dev, void *array)
{
	struct problem p = { .device = dev->name, .attribute = "tsm/connect", .stage = "read" };
	struct json_object *obj = json_object_new_object();
	bool special = streq(dev->driver, TSM_DRIVER);
	char tsm[ATTR_MAX];
	int ret;

	json_object_object_add(obj, "device", json_object_new_string(dev->name));
	/* of a device that is not there, only policy is known */
	if (dev->present)
		json_object_object_add(obj, "assigned", json_object_new_boolean(special));
	ret = add_policy(ctx, dev, obj, &special);
	p.err = pci_get(dev, "tsm/connect", tsm);
	if (!ret && !p.err) {
		special |= tsm[0] != '\0';
		json_object_object_add(obj, "tsm", text_or_null(tsm));
	} else if (!ret && p.err != -ENOENT && p.err != -ENODEV) {
		ret = report_error(ctx, &p, "cannot read tsm/connect: %s", strerror(-p.err));
	}
	if (ret || !special)
		json_object_put(obj);
	else
		json_object_array_add(array, obj);
	return ret;
}

static int collect(struct ctx *ctx, const struct verb *verb, struct json_object *root)
{
	struct json_object *devices = json_object_new_array();
	char mode[ATTR_MAX];
	int ret;

	json_object_object_add(root, "version", json_object_new_int(CONFIG_VERSION));
	/* without vfio_tsm, most would be missing from the file without a word */
	ret = policy_get_default(ctx, mode);
	if (!ret)
		json_object_object_add(root, DEFAULT_MODE, json_object_new_string(mode));
	json_object_object_add(root, "devices", devices);
	return ret ?: verb_each(ctx, verb, 0, NULL, add_device, devices);
}

static int write_file(struct ctx *ctx, const char *path, const char *text, size_t len)
{
	struct outcome o = { .attribute = "config", .value = path, .previous = path };
	struct problem p = { .attribute = "config", .value = path, .stage = "save" };
	cleanup_free char *before = NULL;
	struct trust_fault fault;
	size_t size;

	if (file_read(path, CONFIG_MAX, &before, &size, &fault) == 0 && size == len &&
	    memcmp(before, text, len) == 0)
		return report_outcome(ctx, &o);
	p.err = file_replace(ctx, path, text, len);
	if (p.err == -ENOENT)
		p.hint = "make its directory first: 'install -d -m 755', as root";
	/* not if it could not be locked, which has been said */
	if (p.err && ctx->answer.code)
		return p.err;
	if (p.err)
		return report_error(ctx, &p, "cannot write %s: %s", path, strerror(-p.err));
	o.previous = NULL;
	o.changed = true;
	o.note = ctx->dry_run ? NULL : "written";
	return report_outcome(ctx, &o);
}

static int run(struct ctx *ctx, const struct verb *verb, int argc, const char **argv)
{
	struct json_object *root;
	cleanup_free char *text = NULL;
	char path[PATH_MAX];
	int ret;

	if (argc)
		return verb_usage_error(ctx, verb, argv[0], "takes no '%s' (--file takes a file)",
					argv[0]);
	if (opt_file && streq(opt_file, "-") && ctx->json)
		return verb_usage_error(ctx, verb, opt_file,
					"--json and --file - both want standard output");
	ret = config_init(ctx);
	if (ret)
		return ret;
	if (snprintf(path, sizeof(path), "%s/config.json", ctx->etc.path) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	root = json_object_new_object();
	ret = collect(ctx, verb, root);
	if (!ret && asprintf(&text, "%s\n",
			     json_object_to_json_string_ext(
				     root, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
						   JSON_C_TO_STRING_NOSLASHESCAPE)) < 0)
		ret = -ENOMEM;
	json_object_put(root);
	if (ret)
		return ret;
	ctx->answer.done = 0;
	if (opt_file && streq(opt_file, "-")) {
		/* report_finish() tells if it could not be written */
		fputs(text, stdout);
		return 0;
	}
	ret = write_file(ctx, opt_file ?: path, text, strlen(text));
	return ret || opt_file ? ret : config_note_drop_ins(ctx);
}

const struct verb verb_save = {
	.name = "save",
	.synopsis = "[--file FILE]",
	.summary = "write what there is as a configuration",
	.help = "Writes /etc/tsmctl/config.json, or FILE: the default mode, and each device that "
		"is assigned, connected, or has policy of its own. 'apply' restores exactly that. "
		"The file is replaced as a whole; the one before it stays as FILE.old.",
	.options = options,
	.flags = VERB_ALL | VERB_ABSENT,
	.run = run,
};
