// SPDX-License-Identifier: GPL-2.0-or-later
/* Requests of clients, see protocol.h. This code parses input that is not trusted. */
#include <errno.h>
#include <json-c/json.h>

#include "helper/protocol.h"

/* A request is an object of plain values. */
#define DEPTH 2

static const struct {
	const char *name;
	enum request_kind kind;
} kinds[] = {
	{ "bind", REQUEST_BIND },
	{ "unbind", REQUEST_UNBIND },
	{ "state", REQUEST_STATE },
	{ "request", REQUEST_GUEST },
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

unsigned int request_files(enum request_kind kind)
{
	return kind == REQUEST_GUEST ? 2 : 1;
}

static const char *set_version(struct request *r, struct json_object *v)
{
	(void)r;
	if (!json_object_is_type(v, json_type_int) || json_object_get_int64(v) != PROTOCOL_VERSION)
		return "this version of the protocol is not supported; use 1";
	return NULL;
}

static const char *set_kind(struct request *r, struct json_object *v)
{
	const char *s = json_string(v);
	unsigned int kind = s ? request_kind(s) : 0;

	if (!kind)
		return "request is not one of bind, unbind, state and request";
	r->kind = (enum request_kind)kind;
	return NULL;
}

static const char *set_device(struct request *r, struct json_object *v)
{
	const char *s = json_string(v);
	struct pci_addr addr;

	if (!s || pci_addr_parse(s, &addr))
		return "device is not a PCI address: 0000:01:00.0";
	pci_addr_name(&addr, r->device);
	return NULL;
}

static const char *set_vdevice_id(struct request *r, struct json_object *v)
{
	int64_t id = json_object_get_int64(v);

	if (!json_object_is_type(v, json_type_int) || id < 0 || id > UINT32_MAX)
		return "vdevice_id is not a number from 0 to 4294967295";
	r->vdevice_id = (uint32_t)id;
	return NULL;
}

static const char *set_scope(struct request *r, struct json_object *v)
{
	const char *s = json_string(v);

	if (s && streq(s, "info"))
		r->scope = TSMBIND_SCOPE_INFO;
	else if (s && streq(s, "state-change"))
		r->scope = TSMBIND_SCOPE_STATE_CHANGE;
	else
		return "scope is not one of info and state-change";
	return NULL;
}

static bool set_length(uint32_t *len, struct json_object *v, int64_t least)
{
	int64_t n = json_object_get_int64(v);

	if (!json_object_is_type(v, json_type_int) || n < least || n > REQUEST_BYTES_MAX)
		return false;
	*len = (uint32_t)n;
	return true;
}

static const char *set_request_len(struct request *r, struct json_object *v)
{
	return set_length(&r->request_len, v, 1) ? NULL :
						   "request_len is not a number from 1 to 1048576";
}

static const char *set_response_len(struct request *r, struct json_object *v)
{
	return set_length(&r->response_len, v, 0) ?
		       NULL :
		       "response_len is not a number from 0 to 1048576";
}

#define EVERY_KIND (~0U)

#define FOR_REQUEST "scope, request_len and response_len are for request"

/* The kinds of requests that may have a key, and those that must have it */
static const struct {
	const char *key;
	const char *(*set)(struct request *r, struct json_object *v);
	unsigned int may;
	unsigned int must;
	const char *mistake; /* the message for a kind that may not have the key */
} members[] = {
	{ "version", set_version, EVERY_KIND, EVERY_KIND, NULL },
	{ "request", set_kind, EVERY_KIND, EVERY_KIND, NULL },
	{ "device", set_device, EVERY_KIND, EVERY_KIND, NULL },
	{ "vdevice_id", set_vdevice_id, REQUEST_BIND, 0, "vdevice_id is for bind" },
	{ "scope", set_scope, REQUEST_GUEST, REQUEST_GUEST, FOR_REQUEST },
	{ "request_len", set_request_len, REQUEST_GUEST, REQUEST_GUEST, FOR_REQUEST },
	{ "response_len", set_response_len, REQUEST_GUEST, REQUEST_GUEST, FOR_REQUEST },
};

/* Checks which keys are there. Return: what is wrong, or NULL. */
static const char *check_keys(const bool *found, enum request_kind kind)
{
	for (size_t i = 0; i < ARRAY_SIZE(members); i++)
		if (!found[i] && members[i].must == EVERY_KIND)
			return "it needs version, request and device";
	/* there is a kind now: check the keys that it must have and must not have */
	for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
		if (!found[i] && (members[i].must & kind))
			return "request needs scope, request_len and response_len";
		if (found[i] && !(members[i].may & kind))
			return members[i].mistake;
	}
	return NULL;
}

/* Return: what is wrong, or NULL. */
static const char *read_members(struct json_object *obj, struct request *r)
{
	const char *why = NULL;
	bool found[ARRAY_SIZE(members)] = {};
	size_t i;

	json_object_object_foreach(obj, key, v) {
		for (i = 0; i < ARRAY_SIZE(members) && !streq(members[i].key, key); i++)
			;
		if (i == ARRAY_SIZE(members))
			return "it has an unknown key";
		found[i] = true;
		why = members[i].set(r, v);
		if (why)
			return why;
	}
	return check_keys(found, r->kind);
}

int request_parse(const char *line, struct request *r, struct json_fault *f)
{
	struct request result = {};
	struct json_object *obj;
	int ret = json_read(line, strlen(line), DEPTH, &obj, f);
	const char *why = NULL;

	if (ret == -ENOMEM)
		why = "there is no memory for it";
	else if (!ret && json_object_is_type(obj, json_type_object))
		why = read_members(obj, &result);
	else if (!ret)
		why = "it is not a JSON object";
	json_object_put(obj);
	if (why)
		util_copy(f->message, sizeof(f->message), why);
	if (ret || why)
		return ret ?: -EINVAL;
	*r = result;
	return 0;
}
