// SPDX-License-Identifier: GPL-2.0-or-later
/* Requests of clients, see protocol.h: the first that sees what a stranger sends. */
#include <errno.h>
#include <json-c/json.h>

#include "common/json.h"
#include "helper/service/protocol.h"

/* An object of plain values needs no more. */
#define DEPTH 2

static const struct {
	const char *name;
	enum request_kind kind;
} kinds[] = {
	{ "bind", REQUEST_BIND },
	{ "unbind", REQUEST_UNBIND },
	{ "state", REQUEST_STATE },
};

unsigned int request_kind(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (streq(kinds[i].name, name))
			return kinds[i].kind;
	return 0;
}

const char *request_name(enum request_kind kind)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (kinds[i].kind == kind)
			return kinds[i].name;
	return "none";
}

static const char *set_version(struct request *r, struct json_object *v)
{
	(void)r;
	if (!json_object_is_type(v, json_type_int) || json_object_get_int64(v) != PROTOCOL_VERSION)
		return "this version of the protocol is not known; 1 is";
	return NULL;
}

static const char *set_kind(struct request *r, struct json_object *v)
{
	const char *s = json_string(v);
	unsigned int kind = s ? request_kind(s) : 0;

	if (!kind)
		return "request is none of bind, unbind and state";
	r->kind = (enum request_kind)kind;
	return NULL;
}

static const char *set_device(struct request *r, struct json_object *v)
{
	const char *s = json_string(v);
	struct pci_addr addr;

	if (!s || pci_addr_parse(s, &addr))
		return "device is no PCI address: 0000:01:00.0";
	pci_addr_name(&addr, r->device);
	return NULL;
}

static const char *set_vdevice_id(struct request *r, struct json_object *v)
{
	int64_t id = json_object_get_int64(v);

	if (!json_object_is_type(v, json_type_int) || id < 0 || id > UINT32_MAX)
		return "vdevice_id is no number from 0 to 4294967295";
	r->vdevice_id = (uint32_t)id;
	return NULL;
}

static const struct {
	const char *key;
	const char *(*set)(struct request *r, struct json_object *v);
} members[] = {
	{ "version", set_version },
	{ "request", set_kind },
	{ "device", set_device },
	{ "vdevice_id", set_vdevice_id },
};

/* Returns what is wrong, or NULL. */
static const char *read_members(struct json_object *obj, struct request *r)
{
	const char *why = NULL;
	bool found[ARRAY_SIZE(members)] = {};
	size_t i;

	json_object_object_foreach(obj, key, v) {
		for (i = 0; i < ARRAY_SIZE(members) && !streq(members[i].key, key); i++)
			;
		if (i == ARRAY_SIZE(members))
			return "it has a key that is not known";
		found[i] = true;
		why = members[i].set(r, v);
		if (why)
			return why;
	}
	if (!found[0] || !found[1] || !found[2])
		return "it needs version, request and device";
	if (found[3] && r->kind != REQUEST_BIND)
		return "vdevice_id is for bind";
	return NULL;
}

int request_parse(const char *line, struct request *r, const char **why)
{
	struct request result = {};
	struct json_object *obj;
	struct json_fault f;
	int ret = json_read(line, strlen(line), DEPTH, &obj, &f);

	*why = "it is not a JSON object of strings and numbers";
	if (ret == -ENOMEM)
		*why = "there is no memory for it";
	else if (ret)
		*why = f.twice ? "it has a key twice" : *why;
	else if (json_object_is_type(obj, json_type_object))
		*why = read_members(obj, &result);
	json_object_put(obj);
	if (*why)
		return ret ?: -EINVAL;
	*r = result;
	return 0;
}
