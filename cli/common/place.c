// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A walk over the text of a JSON document, see place.h. json-c has parsed it
 * before, so syntax is not judged here; but the walk ends at the end of the text
 * whatever that is.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "common/place.h"

#define PATH_LEN 256
#define KEYS 16
/* As deep as json-c was asked to go, and a little more. */
#define DEPTH 16

struct key {
	const char *text;
	size_t len;
};

/* @want is the path looked for, or NULL to look for a key that is there twice; @key the last key passed. */
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

/* Passes a string; what is between its quotes is put into @key. */
static void skip_string(struct walk *w, struct key *key)
{
	w->p++;
	key->text = w->p;
	while (w->p < w->end && *w->p != '"')
		w->p += *w->p == '\\' && w->p + 1 < w->end ? 2 : 1;
	key->len = (size_t)(w->p - key->text);
	take(w, '"');
}

/* Appends to the path; one that is too long is found by nobody. */
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

/* Answers true when there is nothing more to look for. */
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
		/* what takes no space would be met again, for ever */
		return w->p == before;
	}
}

size_t place_find(const char *text, size_t len, const char *path, bool key)
{
	struct walk w = { .p = text, .end = text + len, .want = path };

	walk_value(&w);
	if (!w.found)
		return 0;
	return (size_t)((key && w.key ? w.key : w.found) - text);
}

enum place_fault place_check(const char *text, size_t len, char *path, size_t size, size_t *offset)
{
	struct walk w = { .p = text, .end = text + len };
	bool stopped = walk_value(&w);

	snprintf(path, size, "%s", w.path);
	*offset = (size_t)((w.found ?: w.p) - text);
	if (w.found)
		return PLACE_TWICE;
	return stopped ? PLACE_ODD : PLACE_FINE;
}

bool place_is_marked(const char *text, size_t len)
{
	return len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0;
}

void place_line(const char *text, size_t offset, unsigned int *line, unsigned int *column)
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
