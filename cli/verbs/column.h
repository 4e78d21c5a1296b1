/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The columns of list: what each shows of a device, and its name in options. */
#ifndef TSMCTL_COLUMN_H
#define TSMCTL_COLUMN_H

#include "verbs/verbs.h"

struct json_object;

/**
 * enum column - a column; the most important one is the first
 *
 * Those up to COLUMN_NAME are shown by default. There is one column for each key of
 * info_collect().
 */
enum column {
	COLUMN_ADDRESS,
	COLUMN_STATE,
	COLUMN_DRIVER,
	COLUMN_TSM,
	COLUMN_TDI_ID,
	COLUMN_OWNER,
	COLUMN_TDI_STATE,
	COLUMN_MODE,
	COLUMN_ACTIVE,
	COLUMN_DSM,
	COLUMN_NAME,
	COLUMN_VENDOR_ID,
	COLUMN_DEVICE_ID,
	COLUMN_TDI_TSM,
	COLUMN_BAR_MMAP,
	COLUMN_BIND_ALLOWED,
	COLUMN_ORIGIN,
	COLUMN_QUARANTINE,
	COLUMN_VDEVICE_ID,
	COLUMN_GENERATION,
	COLUMN_NUMA_NODE,
	COLUMN_OWNER_NAME,
	COLUMN_OWNER_IS_HELPER,
	COLUMN_LAST_ERROR,
	COLUMN_IOMMU_GROUP,
	COLUMN_GUEST_REQUESTS,
	COLUMN_REQUESTS,
	COLUMN_LAST_REQUEST,
	COLUMN_CAN_BIND,
	COLUMN_ADMISSION,
	COLUMN_ADMITTED,
	COLUMNS,
};

/* Bytes for the text of a column. */
#define COLUMN_TEXT_MAX 128

/* The titles, by enum column; NULL-terminated, for completion. */
extern const char *const column_titles[COLUMNS + 1];

/**
 * struct column_list - the columns of a table
 * @at: from left to right, each once
 * @count: how many
 * @named: by enum column, whether the user asked for it by name
 */
struct column_list {
	enum column at[COLUMNS];
	size_t count;
	bool named[COLUMNS];
};

/**
 * struct column_keys - keys of info_collect() that columns need
 * @key: the keys, each once; NULL-terminated
 * @count: how many
 */
struct column_keys {
	const char *key[COLUMNS + 1];
	size_t count;
};

/**
 * column_find() - read the name of a column
 * @ctx: this run
 * @verb: whose option has the name
 * @option: the option, for the error
 * @name: a title, or a key of info_collect(); in either case, with - or _
 * @column: out
 *
 * Return: 0, or -EINVAL, reported.
 */
int column_find(struct ctx *ctx, const struct verb *verb, const char *option, const char *name,
		enum column *column);

/**
 * column_parse() - read the value of --output
 * @ctx: this run
 * @verb: whose option it is
 * @text: names of columns, with commas between them; after a +, they are added to the
 *	default ones; NULL for the default ones
 * @list: out
 *
 * Return: 0, or negative errno, reported.
 */
int column_parse(struct ctx *ctx, const struct verb *verb, const char *text,
		 struct column_list *list);

/**
 * column_need() - add the keys that a column is made of
 * @column: the column
 * @keys: what is needed so far
 */
void column_need(enum column column, struct column_keys *keys);

/**
 * column_text() - what a column shows of a device
 * @row: from info_collect(), with the keys of column_need()
 * @column: the column
 * @buf: buffer for what is not a string
 * @size: bytes in @buf
 *
 * Return: @buf, or a string that lives as long as @row; "-" for an unknown value.
 */
const char *column_text(struct json_object *row, enum column column, char *buf, size_t size);

/**
 * column_compare() - compare two devices by a column
 * @a: from info_collect()
 * @b: from info_collect()
 * @column: the column
 * @descending: the largest value first
 *
 * Addresses and numbers are in their own order. A device without a value is after the
 * others in either direction. Devices with equal values are in the order of their addresses.
 *
 * Return: below 0 if @a is first, above 0 if @b is; 0 for the same address.
 */
int column_compare(struct json_object *a, struct json_object *b, enum column column,
		   bool descending);

#endif
