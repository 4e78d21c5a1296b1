/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where things are in the text of a JSON document, which json-c does not keep:
 * for messages, and to find keys that are there twice.
 */
#ifndef TSMCTL_PLACE_H
#define TSMCTL_PLACE_H

#include <stdbool.h>
#include <stddef.h>

/**
 * place_find() - find a value by its path
 * @text: a document that json-c has parsed
 * @len: its bytes
 * @path: as devices[2].tdi_id; "" for the whole
 * @key: find the key before it instead
 *
 * Return: the offset of the value, or key, in @text; 0 if it is not found.
 */
size_t place_find(const char *text, size_t len, const char *path, bool key);

/* What place_check() finds. */
enum place_fault { PLACE_FINE, PLACE_TWICE, PLACE_ODD };

/**
 * place_check() - find what json-c lets pass without a word
 * @text: a document that json-c has parsed
 * @len: its bytes
 * @path: out, the path of the fault
 * @size: bytes in @path
 * @offset: out, the offset of the fault in @text
 *
 * Looks at the first 16 keys of each object, and takes keys with escapes for
 * different ones: those who know all their keys need no more.
 *
 * Return: PLACE_TWICE if an object has a key twice, PLACE_ODD for what is no JSON,
 * as strings between single quotes, else PLACE_FINE.
 */
enum place_fault place_check(const char *text, size_t len, char *path, size_t size, size_t *offset);

/* What a place_is_marked() document gets for a message, and for a hint. */
#define PLACE_MARKED "it begins with a byte order mark, which JSON does not have"
#define PLACE_MARKED_HINT "save it as UTF-8 without a byte order mark"

/**
 * place_is_marked() - whether a text begins with a byte order mark
 * @text: any text
 * @len: its bytes
 *
 * Editors write one that nobody sees, and json-c calls it an invalid string.
 *
 * Return: true if so.
 */
bool place_is_marked(const char *text, size_t len);

/**
 * place_line() - line and column of an offset
 * @text: any text
 * @offset: into @text
 * @line: out, from 1
 * @column: out, in bytes, from 1
 */
void place_line(const char *text, size_t offset, unsigned int *line, unsigned int *column);

#endif
