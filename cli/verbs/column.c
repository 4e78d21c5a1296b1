// SPDX-License-Identifier: GPL-2.0-or-later
/* The columns of list, see column.h. */
#include <ctype.h>
#include <errno.h>
#include <json-c/json.h>

#include "common/bdf.h"
#include "host/info.h"
#include "verbs/column.h"
#include "verbs/common.h"

/* How many columns are shown by default. */
#define USUAL (COLUMN_NAME + 1)
/* Longer than each title and key. */
#define TITLE_MAX 32

const char *const column_titles[COLUMNS + 1] = {
	[COLUMN_ADDRESS] = "ADDRESS",
	[COLUMN_STATE] = "STATE",
	[COLUMN_DRIVER] = "DRIVER",
	[COLUMN_TSM] = "TSM",
	[COLUMN_TDI_ID] = "TDI-ID",
	[COLUMN_OWNER] = "OWNER",
	[COLUMN_TDI_STATE] = "TDI-STATE",
	[COLUMN_MODE] = "MODE",
	[COLUMN_ACTIVE] = "ACTIVE",
	[COLUMN_DSM] = "DSM",
	[COLUMN_NAME] = "NAME",
	[COLUMN_VENDOR_ID] = "VENDOR-ID",
	[COLUMN_DEVICE_ID] = "DEVICE-ID",
	[COLUMN_TDI_TSM] = "TDI-TSM",
	[COLUMN_BAR_MMAP] = "BAR-MMAP",
	[COLUMN_BIND_ALLOWED] = "BIND-ALLOWED",
	[COLUMN_ORIGIN] = "ORIGIN",
	[COLUMN_QUARANTINE] = "QUARANTINE",
	[COLUMN_VDEVICE_ID] = "VDEVICE-ID",
	[COLUMN_GENERATION] = "GENERATION",
	[COLUMN_NUMA_NODE] = "NUMA-NODE",
	[COLUMN_OWNER_NAME] = "OWNER-NAME",
	[COLUMN_OWNER_IS_HELPER] = "OWNER-IS-HELPER",
	[COLUMN_LAST_ERROR] = "LAST-ERROR",
	[COLUMN_IOMMU_GROUP] = "IOMMU-GROUP",
	[COLUMN_GUEST_REQUESTS] = "GUEST-REQUESTS",
	[COLUMN_REQUESTS] = "REQUESTS",
	[COLUMN_LAST_REQUEST] = "LAST-REQUEST",
	[COLUMN_CAN_BIND] = "CAN-BIND",
	[COLUMN_ADMISSION] = "ADMISSION",
	[COLUMN_ADMITTED] = "ADMITTED",
};

static const char *const column_key[COLUMNS] = {
	[COLUMN_ADDRESS] = "address",
	[COLUMN_STATE] = "state",
	[COLUMN_DRIVER] = "driver",
	[COLUMN_TSM] = "tsm",
	[COLUMN_TDI_ID] = "tdi_id",
	[COLUMN_OWNER] = "owner",
	[COLUMN_TDI_STATE] = "tdi_state",
	[COLUMN_MODE] = "region_mode",
	[COLUMN_ACTIVE] = "region_mode_active",
	[COLUMN_DSM] = "dsm",
	[COLUMN_NAME] = "name",
	[COLUMN_VENDOR_ID] = "vendor_id",
	[COLUMN_DEVICE_ID] = "device_id",
	[COLUMN_TDI_TSM] = "tdi_tsm",
	[COLUMN_BAR_MMAP] = "bar_mmap",
	[COLUMN_BIND_ALLOWED] = "bind_allowed",
	[COLUMN_ORIGIN] = "origin",
	[COLUMN_QUARANTINE] = "quarantine",
	[COLUMN_VDEVICE_ID] = "vdevice_id",
	[COLUMN_GENERATION] = "generation",
	[COLUMN_NUMA_NODE] = "numa_node",
	[COLUMN_OWNER_NAME] = "owner_name",
	[COLUMN_OWNER_IS_HELPER] = "owner_is_helper",
	[COLUMN_LAST_ERROR] = "last_error",
	[COLUMN_IOMMU_GROUP] = "iommu_group",
	[COLUMN_GUEST_REQUESTS] = "guest_requests",
	[COLUMN_REQUESTS] = "requests",
	[COLUMN_LAST_REQUEST] = "last_request",
	[COLUMN_CAN_BIND] = "can_bind",
	[COLUMN_ADMISSION] = "admission",
	[COLUMN_ADMITTED] = "admitted",
};

/* Keys that a column may show in the place of its own one, or that decide about that. */
static const struct {
	enum column column;
	const char *key;
} other_keys[] = {
	{ COLUMN_TSM, "tdi_tsm" },
	{ COLUMN_TDI_STATE, "can_bind" },
	{ COLUMN_TDI_STATE, "state" },
};

/* Writes a name in the form of the titles. */
static void to_title(const char *name, char *title, size_t size)
{
	util_copy(title, size, name);
	for (char *c = title; *c; c++)
		*c = *c == '_' ? '-' : (char)toupper((unsigned char)*c);
}

static int report_name(struct ctx *ctx, const struct verb *verb, const char *option,
		       const char *name, const char *title)
{
	const char *nearest = NULL;
	char all[512] = "";

	for (size_t c = 0; c < COLUMNS; c++) {
		util_consider(title, column_titles[c], &nearest);
		util_add_item(all, sizeof(all), ", ", column_titles[c]);
	}
	return verb_usage_error(ctx, verb, name,
				"'%s' in --%s is not a column%s%s%s; the columns are %s", name,
				option, nearest ? ", but there is '" : "", nearest ?: "",
				nearest ? "'" : "", all);
}

int column_find(struct ctx *ctx, const struct verb *verb, const char *option, const char *name,
		enum column *column)
{
	char title[TITLE_MAX], of_key[TITLE_MAX];

	to_title(name, title, sizeof(title));
	for (enum column c = 0; c < COLUMNS; c++) {
		to_title(column_key[c], of_key, sizeof(of_key));
		if (!streq(title, column_titles[c]) && !streq(title, of_key))
			continue;
		*column = c;
		return 0;
	}
	return report_name(ctx, verb, option, name, title);
}

static void add_usual(struct column_list *list)
{
	for (enum column c = 0; c < USUAL; c++)
		list->at[list->count++] = c;
}

/* Adds a column. One that is in the list already stays where it is. */
static void add_named(struct column_list *list, enum column column)
{
	list->named[column] = true;
	for (size_t i = 0; i < list->count; i++)
		if (list->at[i] == column)
			return;
	list->at[list->count++] = column;
}

int column_parse(struct ctx *ctx, const struct verb *verb, const char *text,
		 struct column_list *list)
{
	cleanup_free char *copy = NULL;
	enum column column;
	char *rest, *name;
	int ret;

	*list = (struct column_list){ 0 };
	if (!text || *text == '+')
		add_usual(list);
	if (!text)
		return 0;
	rest = copy = strdup(*text == '+' ? text + 1 : text);
	if (!copy)
		return -ENOMEM;
	while ((name = strsep(&rest, ","))) {
		ret = column_find(ctx, verb, "output", name, &column);
		if (ret)
			return ret;
		add_named(list, column);
	}
	return 0;
}

static void add_key(struct column_keys *keys, const char *key)
{
	if (!util_among(keys->key, key))
		keys->key[keys->count++] = key;
}

void column_need(enum column column, struct column_keys *keys)
{
	add_key(keys, column_key[column]);
	for (size_t i = 0; i < ARRAY_SIZE(other_keys); i++)
		if (other_keys[i].column == column)
			add_key(keys, other_keys[i].key);
}

const char *column_text(struct json_object *row, enum column column, char *buf, size_t size)
{
	const char *text;

	if (column == COLUMN_TDI_STATE && info_cannot_bind(row))
		return "no-bind";
	text = info_text(row, column_key[column], buf, size);
	/* a function that is not connected itself shows the TSM that holds it as a TDI */
	if (column == COLUMN_TSM && streq(text, "-"))
		return info_text(row, "tdi_tsm", buf, size);
	return text;
}

static int sign(int n)
{
	return (n > 0) - (n < 0);
}

/* Return: whether there is an address among them; then @order has their order. */
static bool compare_addresses(const char *a, const char *b, int *order)
{
	struct pci_addr x, y;
	bool first = !pci_addr_parse(a, &x), second = !pci_addr_parse(b, &y);

	if (!first && !second)
		return false;
	/* a value that is not an address comes after the addresses */
	*order = second - first;
	if (first && second)
		*order = pci_addr_compare(&x, &y);
	return true;
}

static bool compare_numbers(struct json_object *a, struct json_object *b, enum column column,
			    int *order)
{
	struct json_object *x = NULL, *y = NULL;

	json_object_object_get_ex(a, column_key[column], &x);
	json_object_object_get_ex(b, column_key[column], &y);
	if (!json_object_is_type(x, json_type_int) || !json_object_is_type(y, json_type_int))
		return false;
	*order = (json_object_get_int64(x) > json_object_get_int64(y)) -
		 (json_object_get_int64(x) < json_object_get_int64(y));
	return true;
}

static int compare_values(struct json_object *a, struct json_object *b, enum column column)
{
	char x[COLUMN_TEXT_MAX], y[COLUMN_TEXT_MAX];
	const char *s = column_text(a, column, x, sizeof(x));
	const char *t = column_text(b, column, y, sizeof(y));
	int order;

	if (compare_numbers(a, b, column, &order) || compare_addresses(s, t, &order))
		return order;
	/* tsm10 comes after tsm9 */
	if (column == COLUMN_TSM || column == COLUMN_TDI_TSM)
		return sign(strverscmp(s, t));
	return sign(strcmp(s, t));
}

static bool is_unknown(struct json_object *row, enum column column)
{
	char buf[COLUMN_TEXT_MAX];

	return streq(column_text(row, column, buf, sizeof(buf)), "-");
}

int column_compare(struct json_object *a, struct json_object *b, enum column column,
		   bool descending)
{
	int order = is_unknown(a, column) - is_unknown(b, column);

	if (order)
		return order;
	order = compare_values(a, b, column);
	if (order)
		return descending ? -order : order;
	return compare_values(a, b, COLUMN_ADDRESS);
}
