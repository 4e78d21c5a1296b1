// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Reading JSON, see json.h. json-c parses a document. A walk over its text then finds
 * what json-c does not keep: where a value is, and keys that are there twice. The walk
 * does not check the syntax, and never goes beyond the end of the text.
 */
#include <ctype.h>
#include <errno.h>
#include <json-c/json.h>
#include <stdarg.h>

#include "common/json.h"

#define PATH_LEN 256
#define KEYS 16
/* Deeper than any depth that a caller passes to json_read(). */
#define DEPTH 16

struct key {
	const char *text;
	size_t len;
};

/* @want: path to find, or NULL to find a key that is there twice; @key: the last key passed */
struct walk {
	const char *p, *end;
	char path[PATH_LEN];
	const char *want;
	const char *found;
	const char *key;
	unsigned int depth;
};

static bool walk_value(struct walk *w);

static int peek(const struct walk *w)
{
	return w->p < w->end ? (unsigned char)*w->p : -1;
}

static bool take(struct walk *w, char c)
{
	if (peek(w) != c)
		return false;
	w->p++;
	return true;
}

static void skip_blanks(struct walk *w)
{
	while (w->p < w->end && strchr(" \t\r\n", *w->p) && *w->p)
		w->p++;
}

/* Skips a string, and sets @key to the text between its quotes. */
static void skip_string(struct walk *w, struct key *key)
{
	w->p++;
	key->text = w->p;
	while (w->p < w->end && *w->p != '"')
		w->p += *w->p == '\\' && w->p + 1 < w->end ? 2 : 1;
	key->len = (size_t)(w->p - key->text);
	take(w, '"');
}

/* Appends a key to the path. A path that is too long is cut off, and is never found. */
static void push_key(struct walk *w, const struct key *key)
{
	size_t used = strlen(w->path);

	snprintf(w->path + used, sizeof(w->path) - used, "%s%.*s", used ? "." : "",
		 key->len < PATH_LEN ? (int)key->len : PATH_LEN, key->text);
}

static void push_index(struct walk *w, size_t index)
{
	size_t used = strlen(w->path);

	snprintf(w->path + used, sizeof(w->path) - used, "[%zu]", index);
}

static bool seen_before(struct key *keys, size_t *count, const struct key *key)
{
	for (size_t i = 0; i < *count; i++)
		if (keys[i].len == key->len && memcmp(keys[i].text, key->text, key->len) == 0)
			return true;
	if (*count < KEYS)
		keys[(*count)++] = *key;
	return false;
}

static bool walk_object(struct walk *w)
{
	size_t used = strlen(w->path), count = 0;
	struct key keys[KEYS], key;
	const char *at;

	w->p++;
	for (;;) {
		skip_blanks(w);
		at = w->p;
		if (peek(w) != '"')
			return !take(w, '}');
		skip_string(w, &key);
		push_key(w, &key);
		w->key = at;
		if (!w->want && seen_before(keys, &count, &key)) {
			w->found = at;
			return true;
		}
		skip_blanks(w);
		take(w, ':');
		if (walk_value(w))
			return true;
		w->path[used] = '\0';
		skip_blanks(w);
		take(w, ',');
	}
}

static bool walk_array(struct walk *w)
{
	size_t used = strlen(w->path);

	w->p++;
	for (size_t i = 0;; i++) {
		skip_blanks(w);
		if (peek(w) < 0)
			return true;
		if (take(w, ']'))
			return false;
		push_index(w, i);
		if (walk_value(w))
			return true;
		w->path[used] = '\0';
		skip_blanks(w);
		take(w, ',');
	}
}

/* Return: true if the search is over. */
static bool walk_value(struct walk *w)
{
	const char *before;
	struct key key;
	bool done;

	skip_blanks(w);
	if (w->want && strcmp(w->path, w->want) == 0) {
		w->found = w->p;
		return true;
	}
	switch (peek(w)) {
	case '{':
	case '[':
		if (w->depth == DEPTH)
			return true;
		w->depth++;
		done = *w->p == '{' ? walk_object(w) : walk_array(w);
		w->depth--;
		return done;
	case '"':
		skip_string(w, &key);
		return false;
	default:
		before = w->p;
		while (w->p < w->end && (isalnum((unsigned char)*w->p) || strchr("+-.", *w->p)) &&
		       *w->p)
			w->p++;
		/* a value of no characters would be found again for ever */
		return w->p == before;
	}
}

size_t json_find(const char *text, size_t len, const char *path, bool key)
{
	struct walk w = { .p = text, .end = text + len, .want = path };

	walk_value(&w);
	if (!w.found)
		return 0;
	return (size_t)((key && w.key ? w.key : w.found) - text);
}

size_t json_place(const char *text, size_t len, const char *path, bool key)
{
	size_t offset = json_find(text, len, path, key);
	char parent[PATH_LEN];

	util_copy(parent, sizeof(parent), path);
	if (offset || !strrchr(parent, '.'))
		return offset;
	*strrchr(parent, '.') = '\0';
	return json_find(text, len, parent, false);
}

const char *json_shown(struct json_object *value, char *buf, size_t size)
{
	const char *text = json_object_to_json_string_ext(value, JSON_C_TO_STRING_NOSLASHESCAPE);

	if (!util_copy(buf, size, text ?: "?") && size > 4)
		strcpy(buf + size - 4, "...");
	return buf;
}

void json_line(const char *text, size_t offset, unsigned int *line, unsigned int *column)
{
	*line = 1;
	*column = 1;
	for (size_t i = 0; i < offset; i++) {
		if (text[i] == '\n') {
			++*line;
			*column = 1;
		} else {
			++*column;
		}
	}
}

const char *json_string(struct json_object *value)
{
	const char *text;

	if (!json_object_is_type(value, json_type_string))
		return NULL;
	text = json_object_get_string(value);
	/* strlen() ends at a NUL within the string */
	return strlen(text) == (size_t)json_object_get_string_len(value) ? text : NULL;
}

static int PRINTF_LIKE(3, 4) fault_at(struct json_fault *f, size_t offset, const char *fmt, ...)
{
	va_list ap;

	f->offset = offset;
	va_start(ap, fmt);
	vsnprintf(f->message, sizeof(f->message), fmt, ap);
	va_end(ap);
	return -EINVAL;
}

static int parse(const char *text, size_t len, int depth, struct json_object **root,
		 struct json_fault *f)
{
	const char *nul = memchr(text, '\0', len);
	struct json_tokener *tok = json_tokener_new_ex(depth);
	enum json_tokener_error err;
	size_t end;

	if (!tok)
		return -ENOMEM;
	json_tokener_set_flags(tok, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	/* include the NUL: it ends a document that is a bare number */
	*root = json_tokener_parse_ex(tok, text, (int)len + 1);
	err = json_tokener_get_error(tok);
	end = json_tokener_get_parse_end(tok);
	json_tokener_free(tok);
	if (nul && (err == json_tokener_success || end >= (size_t)(nul - text)))
		return fault_at(f, (size_t)(nul - text), "a NUL byte");
	if (err == json_tokener_success)
		return 0;
	if (err == json_tokener_continue || end >= len)
		return fault_at(f, len, "the document ends too early");
	return fault_at(f, end, "this is not valid JSON: %s", json_tokener_error_desc(err));
}

/* Rejects equal keys, of which json-c keeps the last, and syntax that only json-c accepts. */
static int check_text(const char *text, size_t len, struct json_fault *f)
{
	struct walk w = { .p = text, .end = text + len };
	bool stopped = walk_value(&w);

	if (w.found) {
		util_copy(f->path, sizeof(f->path), w.path);
		return fault_at(f, (size_t)(w.found - text), "this key is there twice");
	}
	return stopped ? fault_at(f, (size_t)(w.p - text), "this is not valid JSON") : 0;
}

int json_read(const char *text, size_t len, int depth, struct json_object **root,
	      struct json_fault *f)
{
	int ret;

	*root = NULL;
	*f = (struct json_fault){ 0 };
	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
		f->hint = "save it as UTF-8 without a byte order mark";
		return fault_at(f, 0, "it begins with a byte order mark, which JSON does not have");
	}
	ret = parse(text, len, depth, root, f) ?: check_text(text, len, f);
	if (!ret)
		return 0;
	json_object_put(*root);
	*root = NULL;
	return ret;
}

static void place(struct json_mistake *m, const char *text, size_t offset, const char *path,
		  const char *hint)
{
	m->hint = hint;
	util_copy(m->path, sizeof(m->path), path);
	json_line(text, offset, &m->line, &m->column);
}

void json_mistake(struct json_mistake *m, const char *text, size_t offset, const char *path,
		  const char *fmt, va_list ap)
{
	place(m, text, offset, path, NULL);
	vsnprintf(m->message, sizeof(m->message), fmt, ap);
}

int json_read_file(const char *text, size_t len, int depth, struct json_object **root,
		   struct json_mistake *m)
{
	struct json_fault f;
	int ret = json_read(text, len, depth, root, &f);

	if (ret != -EINVAL)
		return ret;
	place(m, text, f.offset, f.path, f.hint);
	util_copy(m->message, sizeof(m->message), f.message);
	return ret;
}
