// SPDX-License-Identifier: GPL-2.0-or-later
/* What verbs write with --save, see saved.h. */
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <limits.h>

#include "config/expected.h"
#include "config/files.h"
#include "config/saved.h"
#include "config/state.h"
#include "config/wanted.h"
#include "config/write.h"
#include "host/attr.h"
#include "host/policy.h"
#include "report.h"

/* It sorts after digits, so that these drop-ins override those such as 50-local.json. */
#define PREFIX "tsmctl-"

/**
 * struct drop_in - a drop-in while it is changed
 * @path: its path
 * @lock: the lock on it
 * @base: what was in it
 * @root: what is to be in it
 * @devices: its entries, which drop_in_write() adds to @root
 * @note: the entry that is changed, as text
 */
struct drop_in {
	char path[PATH_MAX];
	struct file_lock lock;
	struct config base;
	struct json_object *root;
	struct json_object *devices;
	char *note;
};

static void drop_in_done(struct drop_in *d)
{
	file_unlock(&d->lock);
	config_free(&d->base);
	json_object_put(d->devices);
	json_object_put(d->root);
	free(d->note);
}

#define cleanup_drop_in __attribute__((cleanup(drop_in_done)))

/* Makes config.d. The administrator has to make the directory of the configuration. */
static int make_directory(struct ctx *ctx)
{
	cleanup_fd int fd = open(ctx->etc.path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct problem p = { .attribute = "config", .value = ctx->etc.path, .stage = "save" };
	char hint[FILE_HINT_LEN];

	if (fd < 0)
		p.err = -errno;
	else if (faccessat(fd, "config.d", F_OK, 0))
		p.err = dir_make(ctx, fd, ctx->etc.path, "config.d");
	if (!p.err)
		return 0;
	snprintf(hint, sizeof(hint), "make it first, as root: 'install -d -m 755 %s'",
		 ctx->etc.path);
	if (p.err == -ENOENT)
		p.hint = hint;
	return report_error(ctx, &p, "cannot write to %s: %s", ctx->etc.path, strerror(-p.err));
}

static int drop_in_open(struct ctx *ctx, struct drop_in *d, const char *name)
{
	int ret;

	if (snprintf(d->path, sizeof(d->path), "%s/config.d/" PREFIX "%s.json", ctx->etc.path,
		     name) >= (int)sizeof(d->path))
		return -ENAMETOOLONG;
	ret = make_directory(ctx);
	/* --dry-run has not made it */
	if (!ret && !ctx->dry_run)
		ret = write_lock(ctx, d->path, &d->lock);
	/* config_load() refuses a link that leads nowhere */
	if (!ret && !faccessat(AT_FDCWD, d->path, F_OK, AT_SYMLINK_NOFOLLOW))
		ret = config_load(ctx, d->path, &d->base);
	if (ret)
		return ret;
	d->root = json_object_new_object();
	d->devices = json_object_new_array();
	json_object_object_add(d->root, "version", json_object_new_int(CONFIG_VERSION));
	return 0;
}

static void add_default(struct drop_in *d, const char *mode)
{
	if (mode)
		json_object_object_add(d->root, DEFAULT_MODE, json_object_new_string(mode));
}

static int drop_in_write(struct ctx *ctx, struct drop_in *d)
{
	cleanup_free char *text = NULL;

	json_object_object_add(d->root, "devices", json_object_get(d->devices));
	text = write_text(d->root);
	return text ? write_file(ctx, d->path, &d->lock, text, d->note) : -ENOMEM;
}

/* The old entry of a device, or NULL; reports if it was of another device at its address. */
static const struct config_entry *entry_of(struct ctx *ctx, const struct pci_device *dev,
					   const struct config_entry *e)
{
	struct outcome o = { .device = dev->name,
			     .attribute = "config",
			     .note = "its drop-in was for another device, and is replaced" };
	struct comparison c;

	if (!e || !dev->present || !expected_is_other(ctx, dev, e->want, &c))
		return e;
	report_outcome(ctx, &o);
	return NULL;
}

static struct json_object *new_entry(struct ctx *ctx, const struct pci_device *dev,
				     const struct config_entry *before,
				     const char *const want[SETTINGS])
{
	struct json_object *obj = state_entry(ctx, dev, before);
	const char *values[SETTINGS];

	for (int s = 0; s < SETTINGS; s++)
		values[s] = want[s] ?: before ? before->want[s] : NULL;
	state_add(obj, values);
	return obj;
}

static void compose(struct ctx *ctx, struct drop_in *d, const struct pci_device *dev,
		    const char *const want[SETTINGS])
{
	const struct config_entry *own = NULL;
	struct json_object *obj;
	const char *text;

	for (size_t i = 0; !own && i < d->base.count; i++)
		if (d->base.entries[i]->sel.kind == SELECTOR_ADDRESS &&
		    pci_addr_key(&d->base.entries[i]->sel.addr) == pci_addr_key(&dev->addr))
			own = d->base.entries[i];
	obj = new_entry(ctx, dev, entry_of(ctx, dev, own), want);
	text = json_object_to_json_string_ext(obj, JSON_C_TO_STRING_SPACED |
							   JSON_C_TO_STRING_NOSLASHESCAPE);
	d->note = text ? strdup(text) : NULL;
	add_default(d, d->base.default_mode);
	for (size_t i = 0; i < d->base.count; i++)
		json_object_array_add(d->devices,
				      d->base.entries[i] == own ?
					      obj :
					      json_object_get(d->base.entries[i]->json));
	if (!own)
		json_object_array_add(d->devices, obj);
}

/* Reports that another file has another value, which counts, if it is not the one written. */
static void note_overridden(struct ctx *ctx, const char *device, const char *path, const char *key,
			    const struct config_file *file)
{
	cleanup_free char *note = NULL;

	if (streq(file->path, path) ||
	    asprintf(&note, "%s has another %s, which counts: see 'tsmctl config show'", file->path,
		     key) < 0)
		return;
	report_outcome(ctx,
		       &(struct outcome){ .device = device, .attribute = "config", .note = note });
}

/* Looks for entries of other files that expect another device at this address. */
struct rivals {
	struct ctx *ctx;
	const struct pci_device *dev;
	const char *path;
};

static void note_rival(const struct config_entry *e, bool counts, void *arg)
{
	const struct rivals *r = arg;
	cleanup_free char *note = NULL;
	struct comparison c;

	if (!counts || streq(e->file->path, r->path) ||
	    !expected_is_other(r->ctx, r->dev, e->want, &c) ||
	    asprintf(&note, "%s expects %s at this address: apply refuses %s", e->file->path,
		     c.expected, c.found) < 0)
		return;
	report_outcome(r->ctx, &(struct outcome){ .device = r->dev->name,
						  .attribute = "config",
						  .note = note });
}

static void check_device(struct ctx *ctx, const char *path, const struct config *config,
			 const struct pci_device *dev, const char *const want[SETTINGS])
{
	struct rivals r = { ctx, dev, path };
	const struct config_entry *from[SETTINGS];
	struct wanted w;

	if (wanted_init(&w, config))
		return;
	wanted_from(ctx, &w, &dev->addr, from);
	for (int s = 0; s < SETTINGS; s++)
		if (want[s] && from[s] && !streq(from[s]->want[s], want[s]))
			note_overridden(ctx, dev->name, path, setting_key(s), from[s]->file);
	if (dev->present)
		wanted_each(ctx, &w, &dev->addr, note_rival, &r);
	wanted_done(&w);
}

int saved_put(struct ctx *ctx, const struct pci_device *dev, const char *const want[SETTINGS])
{
	struct drop_in d cleanup_drop_in = { .lock = FILE_UNLOCKED };
	struct config all = { 0 };
	int ret = drop_in_open(ctx, &d, dev->name);

	if (ret)
		return ret;
	compose(ctx, &d, dev, want);
	ret = drop_in_write(ctx, &d);
	/* --dry-run has written nothing that could be read */
	if (ret || ctx->dry_run)
		return ret;
	ret = config_load(ctx, NULL, &all);
	if (!ret)
		check_device(ctx, d.path, &all, dev, want);
	config_free(&all);
	return ret;
}

int saved_put_default(struct ctx *ctx, const char *mode)
{
	struct drop_in d cleanup_drop_in = { .lock = FILE_UNLOCKED };
	struct config all = { 0 };
	int ret = drop_in_open(ctx, &d, "default");

	if (ret)
		return ret;
	add_default(&d, mode);
	for (size_t i = 0; i < d.base.count; i++)
		json_object_array_add(d.devices, json_object_get(d.base.entries[i]->json));
	ret = drop_in_write(ctx, &d);
	if (ret || ctx->dry_run)
		return ret;
	ret = config_load(ctx, NULL, &all);
	for (size_t i = all.file_count; !ret && i-- > 0;)
		if (all.files[i]->default_mode) {
			if (!streq(all.files[i]->default_mode, mode))
				note_overridden(ctx, NULL, d.path, DEFAULT_MODE, all.files[i]);
			break;
		}
	config_free(&all);
	return ret;
}
