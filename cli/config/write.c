// SPDX-License-Identifier: GPL-2.0-or-later
/* Documents that tsmctl writes, see write.h. */
#include <errno.h>
#include <json-c/json.h>

#include "config/document.h"
#include "config/write.h"
#include "report.h"

char *write_text(struct json_object *root)
{
	const char *json = json_object_to_json_string_ext(
		root,
		JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED | JSON_C_TO_STRING_NOSLASHESCAPE);
	char *text;

	return json && asprintf(&text, "%s\n", json) >= 0 ? text : NULL;
}

static int report_unwritten(struct ctx *ctx, const char *path, int err)
{
	struct problem p = { .attribute = "config", .value = path, .stage = "save", .err = err };
	char hint[FILE_HINT_LEN];

	if (err == -ENOENT)
		p.hint = file_directory_hint(path, hint);
	return report_error(ctx, &p, "cannot write %s: %s", path, strerror(-err));
}

int write_lock(struct ctx *ctx, const char *path, struct file_lock *lock)
{
	int ret = file_lock(ctx, path, lock);

	/* file_lock() reports errors itself once the directory is open */
	return ret && lock->dir < 0 ? report_unwritten(ctx, path, ret) : ret;
}

int write_file(struct ctx *ctx, const char *path, const struct file_lock *lock, const char *text,
	       const char *note)
{
	struct outcome o = { .attribute = "config", .value = path, .previous = path };
	cleanup_free char *before = NULL;
	struct trust_fault fault;
	size_t size, len = strlen(text);
	int ret;

	if (file_read(path, CONFIG_MAX, &before, &size, &fault) == 0 && size == len &&
	    memcmp(before, text, len) == 0)
		return report_outcome(ctx, &o);
	ret = file_replace(ctx, path, lock, text, len);
	if (ret)
		return report_unwritten(ctx, path, ret);
	o.previous = NULL;
	o.changed = true;
	o.note = note;
	return report_outcome(ctx, &o);
}
