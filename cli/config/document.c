// SPDX-License-Identifier: GPL-2.0-or-later
/* From the text of a configuration to its meaning, see document.h. */
#include <ctype.h>
#include <errno.h>
#include <json-c/json.h>
#include <limits.h>
#include <stdarg.h>

#include "config/document.h"

/* More levels than a valid document has. A deeper value is reported where it begins. */
#define DEPTH 8

/*
 * One document while it is read. @first: the index of the first entry that it added. @wrong: it
 * has a mistake.
 */
struct reader {
	struct config *config;
	size_t first;
	const char *text;
	size_t len;
	config_mistake_fn fn;
	void *arg;
	bool wrong;
};

typedef int (*value_fn)(struct reader *r, struct config_entry *entry, const char *path,
			struct json_object *value, enum setting s);

const char *setting_key(int s)
{
	static const char *const keys[SETTINGS] = {
		[SET_ASSIGNED] = "assigned", [SET_TSM] = "tsm",
		[SET_FORCE] = "force",	     [SET_ID] = "id",
		[SET_SERIAL] = "serial",
	};

	return s < SET_ASSIGNED ? policies[s].name : keys[s];
}

/* Return: 0 to go on, or -EINVAL. */
static int mistake_at(struct reader *r, size_t offset, const char *path, const char *fmt,
		      va_list ap)
{
	struct json_mistake m;

	json_mistake(&m, r->text, offset, path, fmt, ap);
	r->wrong = true;
	return r->fn(&m, r->arg) ? 0 : -EINVAL;
}

/* Reports a mistake at the value of a path. Return: 0 to look for more, or -EINVAL. */
static int PRINTF_LIKE(3, 4) mistake(struct reader *r, const char *path, const char *fmt, ...)
{
	va_list ap;
	int ret;

	va_start(ap, fmt);
	ret = mistake_at(r, json_place(r->text, r->len, path, false), path, fmt, ap);
	va_end(ap);
	return ret;
}

/* Reports a mistake at a known offset. Return: as mistake(). */
static int PRINTF_LIKE(4, 5)
	mistake_here(struct reader *r, size_t offset, const char *path, const char *fmt, ...)
{
	va_list ap;
	int ret;

	va_start(ap, fmt);
	ret = mistake_at(r, offset, path, fmt, ap);
	va_end(ap);
	return ret;
}

/* Looks a string up in a table. The result lives as long as the program. */
static const char *among(const char *const *words, struct json_object *value)
{
	const char *text = json_string(value);

	for (; text && *words; words++)
		if (streq(*words, text))
			return *words;
	return NULL;
}

static int read_choice(struct reader *r, struct config_entry *entry, const char *path,
		       struct json_object *value, enum setting s)
{
	char buf[48];

	entry->want[s] = among(policies[s].words, value);
	return entry->want[s] ? 0 :
				mistake(r, path, "%s is %s", json_shown(value, buf, sizeof(buf)),
					policies[s].mistake);
}

static int read_flag(struct reader *r, struct config_entry *entry, const char *path,
		     struct json_object *value, enum setting s)
{
	char buf[48];

	if (!json_object_is_type(value, json_type_boolean))
		return mistake(r, path, "%s is neither true nor false",
			       json_shown(value, buf, sizeof(buf)));
	entry->want[s] = json_object_get_boolean(value) ? "1" : "0";
	return 0;
}

static int read_tdi_id(struct reader *r, struct config_entry *entry, const char *path,
		       struct json_object *value, enum setting s)
{
	const char *text = value ? json_string(value) : "none";
	char buf[48];

	if (!text || tdi_id_parse(text, entry->tdi_id, sizeof(entry->tdi_id)))
		return mistake(
			r, path,
			"%s is not a TDI id: null, \"00:02.0\", \"0000:00:02.0\", or \"0x10\" with at most 32 bits",
			json_shown(value, buf, sizeof(buf)));
	entry->want[s] = entry->tdi_id;
	return 0;
}

static int read_tsm(struct reader *r, struct config_entry *entry, const char *path,
		    struct json_object *value, enum setting s)
{
	const char *text = value ? json_string(value) : "none";
	char buf[48];

	if (!text || (!streq(text, "none") && !tsm_is_name(text)))
		return mistake(r, path, "%s is not a TSM: null, \"tsm0\", \"tsm1\", ...",
			       json_shown(value, buf, sizeof(buf)));
	util_copy(entry->tsm, sizeof(entry->tsm), text);
	entry->want[s] = entry->tsm;
	return 0;
}

/* Stores the ID in lower case, as sysfs has it. */
static int read_id(struct reader *r, struct config_entry *entry, const char *path,
		   struct json_object *value, enum setting s)
{
	const char *text = json_string(value);
	char buf[48];

	if (!text || !pci_id_is(text))
		return mistake(
			r, path,
			"%s is not an ID: \"8086:10c9\", or with the subsystem \"8086:10c9:8086:a03c\"",
			json_shown(value, buf, sizeof(buf)));
	for (size_t i = 0; text[i]; i++)
		entry->id[i] = (char)tolower((unsigned char)text[i]);
	entry->want[s] = entry->id;
	return 0;
}

static int read_serial(struct reader *r, struct config_entry *entry, const char *path,
		       struct json_object *value, enum setting s)
{
	const char *text = json_string(value);
	char buf[48];

	if (!text || !pci_serial_is(text))
		return mistake(r, path, "%s is not a serial number: up to %d printable characters",
			       json_shown(value, buf, sizeof(buf)), PCI_SERIAL_LEN - 1);
	util_copy(entry->serial, sizeof(entry->serial), text);
	entry->want[s] = entry->serial;
	return 0;
}

static const value_fn readers[SETTINGS] = {
	[SET_REGION_MODE] = read_choice, [SET_BAR_MMAP] = read_choice,
	[SET_BIND_ALLOWED] = read_flag,	 [SET_GUEST_REQUESTS] = read_choice,
	[SET_TDI_ID] = read_tdi_id,	 [SET_ADMISSION] = read_choice,
	[SET_ASSIGNED] = read_flag,	 [SET_TSM] = read_tsm,
	[SET_FORCE] = read_flag,	 [SET_ID] = read_id,
	[SET_SERIAL] = read_serial,
};

static int read_selector(struct reader *r, struct config_entry *entry, const char *path,
			 struct json_object *value)
{
	const char *text = json_string(value);
	char buf[48];

	/* not driver= and pf=, which select by the present: the document itself changes drivers */
	if (text && selector_parse(text, &entry->sel) && entry->sel.kind != SELECTOR_DRIVER &&
	    entry->sel.kind != SELECTOR_PF) {
		entry->sel.text = strdup(text);
		return entry->sel.text ? 0 : -ENOMEM;
	}
	entry->sel.text = NULL;
	return mistake(
		r, path,
		"%s is not a device: an address (\"0000:01:00.0\" or \"01:00.0\"), a glob over addresses, \"vendor:device\" (\"8086:10c9\"), or \"all\"",
		json_shown(value, buf, sizeof(buf)));
}

static int setting_by_key(const char *key)
{
	for (int s = 0; s < SETTINGS; s++)
		if (streq(setting_key(s), key))
			return s;
	return -1;
}

/* Refuses settings for one device in an entry that also matches devices plugged in later. */
static int check_pattern(struct reader *r, const struct config_entry *entry, const char *at)
{
	char path[JSON_PATH_LEN];
	int ret = 0;

	if (!entry->sel.text || entry->sel.kind == SELECTOR_ADDRESS)
		return 0;
	for (int s = SET_FORCE; !ret && s < SETTINGS; s++) {
		snprintf(path, sizeof(path), "%s.%s", at, setting_key(s));
		if (entry->want[s])
			ret = mistake(r, path,
				      "%s is for one device: \"device\" must be an address",
				      setting_key(s));
	}
	return ret;
}

static int read_entry(struct reader *r, struct json_object *obj, size_t index)
{
	struct config_entry *entry = calloc(1, sizeof(*entry));
	char path[JSON_PATH_LEN], at[32];
	bool named = false;
	int ret = 0, s;

	if (!entry)
		return -ENOMEM;
	entry->index = index;
	entry->order = r->config->count;
	entry->json = json_object_get(obj);
	/* from here on, config_free() frees it */
	r->config->entries[r->config->count++] = entry;
	snprintf(at, sizeof(at), "devices[%zu]", index);
	if (!json_object_is_type(obj, json_type_object))
		return mistake(r, at, "an entry must be an object, {...}");
	json_object_object_foreach(obj, key, value) {
		snprintf(path, sizeof(path), "%s.%.60s", at, key);
		s = setting_by_key(key);
		if (s >= 0)
			ret = readers[s](r, entry, path, value, (enum setting)s);
		else if (!streq(key, "device"))
			ret = mistake_here(
				r, json_place(r->text, r->len, path, true), path,
				"unknown key; a device has device, assigned, region_mode, bar_mmap, bind_allowed, guest_requests, tdi_id, admission, tsm, force, id and serial");
		else
			ret = read_selector(r, entry, path, value);
		named = named || streq(key, "device");
		if (ret)
			return ret;
	}
	if (!named)
		return mistake(r, at, "the key \"device\" is missing");
	return check_pattern(r, entry, at);
}

static int read_devices(struct reader *r, struct json_object *array)
{
	struct config *c = r->config;
	size_t n, size;
	void *entries;
	int ret = 0;

	if (!json_object_is_type(array, json_type_array))
		return mistake(r, "devices", "it must be an array, [...]");
	n = json_object_array_length(array);
	if (__builtin_add_overflow(c->count, n, &size))
		return -ENOMEM;
	entries = reallocarray(c->entries, size ?: 1, sizeof(*c->entries));
	if (!entries)
		return -ENOMEM;
	c->entries = entries;
	for (size_t i = 0; !ret && i < n; i++)
		ret = read_entry(r, json_object_array_get_idx(array, i), i);
	return ret;
}

/* Checks the version, on which the meaning of all other keys depends. */
static void read_version(struct reader *r, struct json_object *root)
{
	struct json_object *value;
	char buf[48];

	if (!json_object_object_get_ex(root, "version", &value))
		mistake(r, "", "the key \"version\" is missing; this tsmctl reads version %d",
			CONFIG_VERSION);
	else if (!json_object_is_type(value, json_type_int) ||
		 json_object_get_int64(value) != CONFIG_VERSION)
		mistake(r, "version", "%s is not a supported version; this tsmctl reads version %d",
			json_shown(value, buf, sizeof(buf)), CONFIG_VERSION);
}

static int read_root(struct reader *r, struct json_object *root)
{
	char path[JSON_PATH_LEN], buf[48];
	int ret = 0;

	if (!json_object_is_type(root, json_type_object))
		return mistake(r, "", "the document must be an object, {...}");
	read_version(r, root);
	if (r->wrong)
		return -EINVAL;
	json_object_object_foreach(root, key, value) {
		snprintf(path, sizeof(path), "%.80s", key);
		if (streq(key, "version"))
			continue;
		if (streq(key, "devices")) {
			ret = read_devices(r, value);
		} else if (!streq(key, "default_region_mode")) {
			ret = mistake_here(
				r, json_place(r->text, r->len, path, true), path,
				"unknown key; a document has version, default_region_mode and devices");
		} else {
			r->config->default_mode = among(policy_modes + 1, value);
			if (!r->config->default_mode)
				ret = mistake(r, path, "%s is not a mode: exclusive or shared",
					      json_shown(value, buf, sizeof(buf)));
		}
		if (ret)
			return ret;
	}
	return 0;
}

static int compare_entries(const void *a, const void *b)
{
	const struct config_entry *x = *(const struct config_entry *const *)a;
	const struct config_entry *y = *(const struct config_entry *const *)b;

	/* entries for the same device stay in the order of the document */
	return selector_compare(&x->sel, &y->sel) ?: (x->index > y->index) - (x->index < y->index);
}

/* The entries of this document whose selectors could be read, in their order. */
static struct config_entry **sort_entries(const struct reader *r, size_t *count)
{
	const struct config *c = r->config;
	struct config_entry **sorted = calloc(c->count - r->first + 1, sizeof(*sorted));

	*count = 0;
	for (size_t i = r->first; sorted && i < c->count; i++)
		if (c->entries[i]->sel.text)
			sorted[(*count)++] = c->entries[i];
	if (sorted)
		qsort(sorted, *count, sizeof(*sorted), compare_entries);
	return sorted;
}

/* Reports each device that this document has twice. */
static int check_twins(struct reader *r)
{
	size_t n;
	cleanup_free struct config_entry **sorted = sort_entries(r, &n);
	char path[JSON_PATH_LEN];
	int ret = 0;

	if (!sorted)
		return -ENOMEM;
	for (size_t i = 1; !ret && i < n; i++) {
		if (selector_compare(&sorted[i - 1]->sel, &sorted[i]->sel))
			continue;
		snprintf(path, sizeof(path), "devices[%zu].device", sorted[i]->index);
		ret = mistake(r, path, "'%s' already has an entry: devices[%zu]",
			      sorted[i]->sel.text, sorted[i - 1]->index);
	}
	return ret;
}

static int parse(struct reader *r, struct json_object **root)
{
	struct json_mistake m;
	int ret = json_read_file(r->text, r->len, DEPTH, root, &m);

	if (ret == -EINVAL)
		r->fn(&m, r->arg);
	return ret;
}

static void put_json(struct json_object **obj)
{
	json_object_put(*obj);
}

int config_parse(struct config *config, const char *text, size_t len, config_mistake_fn fn,
		 void *arg)
{
	__attribute__((cleanup(put_json))) struct json_object *root = NULL;
	struct reader r = {
		.config = config,
		.first = config->count,
		.text = text,
		.len = len,
		.fn = fn,
		.arg = arg,
	};
	int ret;

	if (len > CONFIG_MAX)
		ret = mistake_here(&r, 0, "", "it has more than %u bytes", CONFIG_MAX);
	else
		ret = parse(&r, &root) ?: read_root(&r, root) ?: check_twins(&r);
	return ret ?: r.wrong ? -EINVAL : 0;
}

void config_free(struct config *config)
{
	for (size_t i = 0; i < config->count; i++) {
		free((char *)config->entries[i]->sel.text);
		json_object_put(config->entries[i]->json);
		free(config->entries[i]);
	}
	free(config->entries);
	for (size_t i = 0; i < config->file_count; i++) {
		free(config->files[i]->path);
		free(config->files[i]);
	}
	free(config->files);
	*config = (struct config){ 0 };
}
