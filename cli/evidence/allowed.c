// SPDX-License-Identifier: GPL-2.0-or-later
/* The list of allowed measurements, see allowed.h. */
#include <ctype.h>
#include <errno.h>
#include <json-c/json.h>
#include <stdarg.h>

#include "common/bdf.h"
#include "evidence/allowed.h"
#include "evidence/evidence.h"

/* More levels than a valid list has. */
#define DEPTH 8
/* A longer value is cut off in a message. */
#define DIGITS_SHOWN 16

/* @root: the document; allowed_check() relies on its form, because allowed_parse() has checked it */
struct allowed {
	struct json_object *root;
};

/* A list while it is read. */
struct reader {
	const char *text;
	size_t len;
	struct json_mistake *mistake;
};

/* Reports a mistake at the value of a path. @key: at its key instead. Return: -EINVAL */
static int PRINTF_LIKE(4, 5)
	mistake(struct reader *r, const char *path, bool key, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	json_mistake(r->mistake, r->text, json_place(r->text, r->len, path, key), path, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

/* Refuses the value at a path. */
static int refuse(struct reader *r, const char *path, struct json_object *value, const char *what)
{
	char buf[48];

	return mistake(r, path, false, "%s is not %s", json_shown(value, buf, sizeof(buf)), what);
}

typedef int (*read_fn)(struct reader *r, const char *path, struct json_object *value);

/**
 * struct key - a key of an object
 * @name: the key
 * @optional: it may be missing
 * @read: checks its value
 */
struct key {
	const char *name;
	bool optional;
	read_fn read;
};

static const struct key *find_key(const struct key *keys, const char *name)
{
	for (; keys->name; keys++)
		if (streq(keys->name, name))
			return keys;
	return NULL;
}

/* Checks an object by the table of its keys. @what: the object; @all: its keys, in words */
static int read_object(struct reader *r, const char *path, struct json_object *obj,
		       const struct key *keys, const char *what, const char *all)
{
	char below[JSON_PATH_LEN];
	int ret;

	if (!json_object_is_type(obj, json_type_object))
		return mistake(r, path, false, "%s must be an object, {...}", what);
	for (const struct key *k = keys; k->name; k++)
		if (!k->optional && !json_object_object_get_ex(obj, k->name, NULL))
			return mistake(r, path, false, "the key \"%s\" is missing", k->name);
	json_object_object_foreach(obj, name, value) {
		const struct key *k = find_key(keys, name);

		snprintf(below, sizeof(below), "%s%s%.40s", path, *path ? "." : "", name);
		if (!k)
			return mistake(r, below, true, "unknown key; %s has %s", what, all);
		ret = k->read(r, below, value);
		if (ret)
			return ret;
	}
	return 0;
}

static int read_array(struct reader *r, const char *path, struct json_object *array, read_fn read)
{
	char below[JSON_PATH_LEN];
	int ret = 0;

	if (!json_object_is_type(array, json_type_array))
		return mistake(r, path, false, "it must be an array, [...]");
	for (size_t i = 0; !ret && i < json_object_array_length(array); i++) {
		snprintf(below, sizeof(below), "%.70s[%zu]", path, i);
		ret = read(r, below, json_object_array_get_idx(array, i));
	}
	return ret;
}

/* An entry without measurements would match each device, and a block without values none. */
static int read_some(struct reader *r, const char *path, struct json_object *array, read_fn read)
{
	if (json_object_is_type(array, json_type_array) && !json_object_array_length(array))
		return mistake(r, path, false, "it must not be empty");
	return read_array(r, path, array, read);
}

static int read_value(struct reader *r, const char *path, struct json_object *value)
{
	const char *text = json_string(value);
	size_t n = text ? strlen(text) : 0;

	if (!n || n % 2 || strspn(text, "0123456789abcdefABCDEF") != n)
		return refuse(r, path, value, "a value: an even number of hexadecimal digits");
	return 0;
}

static int read_values(struct reader *r, const char *path, struct json_object *array)
{
	return read_some(r, path, array, read_value);
}

static int64_t number_of(struct json_object *obj, const char *key)
{
	struct json_object *value = NULL;

	json_object_object_get_ex(obj, key, &value);
	return json_object_get_int64(value);
}

static int read_index(struct reader *r, const char *path, struct json_object *value)
{
	if (!json_object_is_type(value, json_type_int) || json_object_get_int64(value) < 1 ||
	    json_object_get_int64(value) > ALLOWED_INDEX_MAX)
		return refuse(r, path, value, "an index: 1 to 254");
	return 0;
}

static int read_block(struct reader *r, const char *path, struct json_object *obj)
{
	static const struct key keys[] = { { "index", false, read_index },
					   { "values", false, read_values },
					   {} };

	return read_object(r, path, obj, keys, "a measurement", "index and values");
}

static int read_blocks(struct reader *r, const char *path, struct json_object *array)
{
	bool seen[ALLOWED_INDEX_MAX + 1] = { false };
	char below[JSON_PATH_LEN];
	int ret = read_some(r, path, array, read_block);

	for (size_t i = 0; !ret && i < json_object_array_length(array); i++) {
		bool *twin = &seen[number_of(json_object_array_get_idx(array, i), "index")];

		snprintf(below, sizeof(below), "%.60s[%zu].index", path, i);
		if (*twin)
			ret = mistake(r, below, false,
				      "this index is there twice: give it both values");
		*twin = true;
	}
	return ret;
}

bool allowed_is_name(const char *text)
{
	size_t n = strlen(text);

	for (size_t i = 0; i < n; i++)
		if (!isprint((unsigned char)text[i]))
			return false;
	return n && n <= ALLOWED_NAME_LEN;
}

static int read_name(struct reader *r, const char *path, struct json_object *value)
{
	const char *text = json_string(value);

	if (!text || !allowed_is_name(text))
		return refuse(r, path, value, "a name: 1 to 64 printable ASCII characters");
	return 0;
}

static int read_model(struct reader *r, const char *path, struct json_object *value)
{
	const char *text = json_string(value);

	if (!text || !pci_id_is(text) || strlen(text) != strlen("144d:a80a"))
		return refuse(r, path, value, "a model, vendor:device, such as \"144d:a80a\"");
	return 0;
}

static int read_entry(struct reader *r, const char *path, struct json_object *obj)
{
	static const struct key keys[] = { { "name", false, read_name },
					   { "device", true, read_model },
					   { "measurements", false, read_blocks },
					   {} };

	return read_object(r, path, obj, keys, "an entry", "name, device and measurements");
}

static int read_entries(struct reader *r, const char *path, struct json_object *array)
{
	return read_array(r, path, array, read_entry);
}

static int read_version(struct reader *r, const char *path, struct json_object *value)
{
	if (json_object_is_type(value, json_type_int) &&
	    json_object_get_int64(value) == ALLOWED_VERSION)
		return 0;
	return refuse(r, path, value, "a supported version; this tsmctl reads version 1");
}

static int read_root(struct reader *r, struct json_object *root)
{
	static const struct key keys[] = { { "version", false, read_version },
					   { "allowed", false, read_entries },
					   {} };
	struct json_object *version;

	/* the meaning of all other keys depends on it */
	if (json_object_object_get_ex(root, "version", &version) &&
	    read_version(r, "version", version))
		return -EINVAL;
	return read_object(r, "", root, keys, "the list", "version and allowed");
}

int allowed_parse(const char *text, size_t len, struct allowed **list, struct json_mistake *m)
{
	struct reader r = { text, len, m };
	struct json_object *root = NULL;
	int ret;

	*list = NULL;
	ret = json_read_file(text, len, DEPTH, &root, m) ?: read_root(&r, root);
	if (!ret) {
		*list = malloc(sizeof(**list));
		ret = *list ? 0 : -ENOMEM;
	}
	if (ret)
		json_object_put(root);
	else
		(*list)->root = root;
	return ret;
}

void allowed_free(struct allowed *list)
{
	if (list)
		json_object_put(list->root);
	free(list);
}

/* --- matching -------------------------------------------------------------- */

static struct json_object *member(struct json_object *obj, const char *key)
{
	struct json_object *value = NULL;

	json_object_object_get_ex(obj, key, &value);
	return value;
}

static const char *text_of(struct json_object *obj, const char *key)
{
	return json_object_get_string(member(obj, key));
}

static bool is_value(struct spdm_bytes value, const char *hex)
{
	char digits[3];

	if (strlen(hex) != 2 * value.len)
		return false;
	for (size_t i = 0; i < value.len; i++) {
		evidence_hex((struct spdm_bytes){ value.at + i, 1 }, digits);
		if (strncasecmp(digits, hex + 2 * i, 2))
			return false;
	}
	return true;
}

static const struct spdm_block *find_block(const struct spdm_measurements *m, int64_t index)
{
	for (size_t i = 0; i < m->count; i++)
		if (m->blocks[i].index == index)
			return &m->blocks[i];
	return NULL;
}

/* Whether the device has a block with one of its values. */
static bool has_block(const struct spdm_measurements *m, struct json_object *block)
{
	const struct spdm_block *b = find_block(m, number_of(block, "index"));
	struct json_object *values = member(block, "values");

	for (size_t i = 0; b && i < json_object_array_length(values); i++)
		if (is_value(b->value,
			     json_object_get_string(json_object_array_get_idx(values, i))))
			return true;
	return false;
}

/* How many blocks of an entry differ. @first: out, the first one */
static size_t count_others(struct json_object *entry, const struct spdm_measurements *m,
			   struct json_object **first)
{
	struct json_object *blocks = member(entry, "measurements");
	size_t others = 0;

	for (size_t i = json_object_array_length(blocks); i > 0; i--) {
		struct json_object *block = json_object_array_get_idx(blocks, i - 1);

		if (has_block(m, block))
			continue;
		*first = block;
		others++;
	}
	return others;
}

/* Writes into @why how a block differs. */
static void describe(struct json_object *entry, struct json_object *block, size_t others,
		     const struct spdm_measurements *m, char *why)
{
	const struct spdm_block *b = find_block(m, number_of(block, "index"));
	struct json_object *values = member(block, "values");
	size_t count = json_object_array_length(values), shown = DIGITS_SHOWN / 2;
	const char *value = json_object_get_string(json_object_array_get_idx(values, 0));
	char found[DIGITS_SHOWN + 1], more[48] = "", rest[48] = "";

	if (count > 1)
		snprintf(more, sizeof(more), " (one of %zu values)", count);
	if (others > 1)
		snprintf(rest, sizeof(rest), " (%zu measurements differ)", others);
	if (b && shown > b->value.len)
		shown = b->value.len;
	if (b)
		evidence_hex((struct spdm_bytes){ b->value.at, shown }, found);
	snprintf(why, ALLOWED_WHY_LEN, "measurement %d is %s%s, '%s' allows %.*s%s%s%s",
		 (int)number_of(block, "index"), b ? found : "missing",
		 b && shown < b->value.len ? ".." : "", text_of(entry, "name"), DIGITS_SHOWN, value,
		 strlen(value) > DIGITS_SHOWN ? ".." : "", more, rest);
}

bool allowed_check(const struct allowed *list, const struct spdm_measurements *m, const char *model,
		   char *why)
{
	struct json_object *entries = member(list->root, "allowed"), *closest = NULL;
	struct json_object *differs = NULL;
	size_t least = SIZE_MAX;

	for (size_t i = 0; i < json_object_array_length(entries); i++) {
		struct json_object *entry = json_object_array_get_idx(entries, i), *first = NULL;
		const char *only = text_of(entry, "device");
		size_t others;

		if (only && strcasecmp(only, model))
			continue;
		others = count_others(entry, m, &first);
		if (others < least) {
			closest = entry;
			differs = first;
			least = others;
		}
	}
	if (!closest)
		snprintf(why, ALLOWED_WHY_LEN, "the list has no entry for this device, %s", model);
	else if (!least)
		snprintf(why, ALLOWED_WHY_LEN, "%s", text_of(closest, "name"));
	else
		describe(closest, differs, least, m, why);
	return closest && !least;
}
