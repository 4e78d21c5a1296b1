/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The one reader of JSON: of operators, clients and other programs. It is strict, wants
 * UTF-8, rejects keys that are there twice, and reports the place of a mistake.
 */
#ifndef TSMCTL_JSON_H
#define TSMCTL_JSON_H

#include <stdarg.h>

#include "common/util.h"

struct json_object;

/* Enough for the path of a value in a valid document, and the end of string */
#define JSON_PATH_LEN 96

/**
 * struct json_fault - the mistake in a text
 * @offset: where it is
 * @path: path of a key that is there twice, such as devices[2].tdi_id; else "". It has the
 *	bytes of the text
 * @message: what is wrong, without a full stop
 * @hint: the action that corrects it, or NULL
 */
struct json_fault {
	size_t offset;
	char path[JSON_PATH_LEN];
	char message[128];
	const char *hint;
};

/**
 * json_read() - read a document
 * @text: the document, with a NUL after it
 * @len: its bytes
 * @depth: the deepest nesting that is allowed
 * @root: out, for json_object_put(); NULL on failure
 * @f: out, the mistake, if there is one
 *
 * The function compares the first 16 keys of each object, and treats a key with escapes as
 * a different key. That is enough for a caller that rejects unknown keys.
 *
 * Return: 0, -EINVAL with @f filled in, or -ENOMEM.
 */
int json_read(const char *text, size_t len, int depth, struct json_object **root,
	      struct json_fault *f);

/**
 * struct json_mistake - the mistake in a document, for people
 * @line: its line, from 1
 * @column: byte in the line, from 1
 * @path: where in the document, as devices[2].tdi_id; "" for the whole
 * @message: what is wrong, without a full stop
 * @hint: what corrects it, or NULL
 */
struct json_mistake {
	unsigned int line;
	unsigned int column;
	char path[JSON_PATH_LEN];
	char message[256];
	const char *hint;
};

/**
 * json_mistake() - describe a mistake
 * @m: out
 * @text: the document
 * @offset: where the mistake is, see json_place()
 * @path: of the value, or ""
 * @fmt: what is wrong, for @ap
 * @ap: the arguments of @fmt
 */
void PRINTF_LIKE(5, 0) json_mistake(struct json_mistake *m, const char *text, size_t offset,
				    const char *path, const char *fmt, va_list ap);

/**
 * json_read_file() - read a document that a person has written
 * @text: the document, with a NUL after it
 * @len: its bytes
 * @depth: the deepest nesting that is allowed
 * @root: out, for json_object_put(); NULL on failure
 * @m: out, the mistake, if there is one
 *
 * Return: as json_read().
 */
int json_read_file(const char *text, size_t len, int depth, struct json_object **root,
		   struct json_mistake *m);

/**
 * json_find() - find a value by its path
 * @text: a document that json_read() has accepted
 * @len: its bytes
 * @path: such as devices[2].tdi_id; "" for the whole document
 * @key: find the key of the value instead
 *
 * Return: the offset of the value or key in @text; 0 if it is not found.
 */
size_t json_find(const char *text, size_t len, const char *path, bool key);

/**
 * json_place() - where a mistake is
 * @text: a document that json_read() has accepted
 * @len: its bytes
 * @path: of the value
 * @key: the key of the value is the mistake
 *
 * Return: as json_find(); the offset of the object around it, if the value is not found.
 */
size_t json_place(const char *text, size_t len, const char *path, bool key);

/**
 * json_shown() - a value as JSON, shortened for a message
 * @value: the value
 * @buf: out
 * @size: bytes in @buf, more than 4
 *
 * Return: @buf.
 */
const char *json_shown(struct json_object *value, char *buf, size_t size);

/**
 * json_line() - line and column of an offset
 * @text: any text
 * @offset: into @text
 * @line: out, from 1
 * @column: out, in bytes, from 1
 */
void json_line(const char *text, size_t offset, unsigned int *line, unsigned int *column);

/**
 * json_string() - the text of a value
 * @value: the value
 *
 * Return: the text, or NULL if the value is not a string, or has a NUL in it.
 */
const char *json_string(struct json_object *value);

#endif
