// SPDX-License-Identifier: GPL-2.0-or-later
/* Everything about a device, see info.h. */
#include <errno.h>
#include <json-c/json.h>
#include <limits.h>
#include <stdint.h>

#include "common/stage.h"
#include "host/admission.h"
#include "host/in_use.h"
#include "host/info.h"
#include "host/model.h"
#include "host/owner.h"
#include "host/summary.h"
#include "host/tdi.h"
#include "host/tsm.h"
#include "report.h"

enum source { FROM_PCI, FROM_POLICY, FROM_DRIVER, FROM_TSM, FROM_TDI };
/* WORD: "none" is one of its values. STATE: "unknown" means that there is no value. */
enum form { TEXT, WORD, STATE, NUMBER, FLAG };

/* Members that are one attribute each, in the order of the output. */
static const struct field {
	const char *key;
	enum source source;
	const char *attr;
	enum form form;
} fields[] = {
	{ "tsm", FROM_TSM, "tsm/connect", TEXT },
	{ "dsm", FROM_TSM, "tsm/dsm", TEXT },
	{ "tdi_tsm", FROM_TDI, "tsm/bound", TEXT },
	{ "region_mode", FROM_POLICY, "region_mode", TEXT },
	{ "region_mode_active", FROM_POLICY, "region_mode_active", TEXT },
	{ "bar_mmap", FROM_POLICY, "bar_mmap", TEXT },
	{ "bind_allowed", FROM_POLICY, "bind_allowed", FLAG },
	{ "state", FROM_POLICY, "state", TEXT },
	{ "origin", FROM_POLICY, "origin", TEXT },
	{ "quarantine", FROM_POLICY, "quarantine", FLAG },
	{ "tdi_id", FROM_POLICY, "tdi_id", TEXT },
	{ "vdevice_id", FROM_POLICY, "vdevice_id", NUMBER },
	{ "owner", FROM_POLICY, "owner", NUMBER },
	{ "generation", FROM_POLICY, "generation", NUMBER },
	{ "numa_node", FROM_PCI, "numa_node", NUMBER },
};

/* More of them, for the end of the object: keys keep their place. */
static const struct field policy_of_requests = { "guest_requests", FROM_POLICY, "guest_requests",
						 WORD };
static const struct field tdi_state = { "tdi_state", FROM_DRIVER, "tdi_state", STATE };
static const struct field admission = { ADMISSION, FROM_POLICY, ADMISSION, WORD };
static const struct field can_bind = { "can_bind", FROM_DRIVER, "can_bind", FLAG };

bool info_is_flag(const char *attr)
{
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		if (streq(fields[i].attr, attr))
			return fields[i].form == FLAG;
	return false;
}

static void add(struct json_object *obj, const char *key, struct json_object *value)
{
	json_object_object_add(obj, key, value);
}

static bool is_wanted(const char *const *keys, const char *key)
{
	return !keys || util_among(keys, key);
}

static struct json_object *new_text(const char *text)
{
	cleanup_free char *safe = util_printable(text);

	return safe ? json_object_new_string(safe) : NULL;
}

static bool is_nothing(const char *text, enum form form)
{
	if (form == STATE)
		return !*text || streq(text, TDI_UNKNOWN);
	return !*text || (streq(text, "none") && (form == TEXT || form == NUMBER));
}

/* "none", an empty line and a number below zero mean that there is no value. */
static struct json_object *new_value(const char *text, enum form form)
{
	unsigned int v;

	if (is_nothing(text, form))
		return NULL;
	if (form != NUMBER && form != FLAG)
		return new_text(text);
	if (util_parse_u32(text, &v))
		return NULL;
	return form == FLAG ? json_object_new_boolean(v != 0) : json_object_new_int64(v);
}

/*
 * Reads the TSM of a TDI as vfio_tsm has published it, because PCI/TSM's own attribute
 * waits for a bind that is slow. That attribute is read in two cases only: a bound function
 * of our driver without a directory in configfs, and a function on another vfio driver.
 * Functions on other drivers are never bound.
 */
static int get_tdi_tsm(struct summary *s, const char *attr, char *text)
{
	const struct pci_device *dev = s->dev;

	text[0] = '\0';
	if (streq(dev->driver, TSM_DRIVER)) {
		if (!summary_get(s, "tsm", text))
			return 0;
		if (!summary_get(s, "bound", text) && streq(text, "0"))
			return -ENOENT;
	} else if (!strstr(dev->driver, "vfio")) {
		return -ENOENT;
	}
	return tsm_look(s->ctx, dev, attr, text);
}

static int get_field(struct summary *s, const struct field *f, char *text)
{
	switch (f->source) {
	case FROM_PCI:
		return pci_get(s->dev, f->attr, text);
	case FROM_TSM:
		return tsm_look(s->ctx, s->dev, f->attr, text);
	case FROM_TDI:
		return get_tdi_tsm(s, f->attr, text);
	case FROM_DRIVER:
		return summary_get_driver(s, f->attr, text);
	default:
		return summary_get(s, f->attr, text);
	}
}

static void add_field(struct summary *s, const struct field *f, struct json_object *obj,
		      const char *const *keys)
{
	char text[ATTR_MAX];
	int ret;

	if (!is_wanted(keys, f->key))
		return;
	ret = get_field(s, f, text);
	add(obj, f->key, ret ? NULL : new_value(text, f->form));
}

static unsigned int id_of(const struct pci_device *dev, const char *attr)
{
	char text[ATTR_MAX];
	unsigned int v;

	if (pci_get(dev, attr, text) || util_parse_u32(text, &v) || v > 0xffff)
		return UINT_MAX;
	return v;
}

static void add_model(const struct pci_device *dev, struct json_object *obj)
{
	unsigned int vendor = dev->has_id ? dev->vendor : id_of(dev, "vendor");
	unsigned int device = dev->has_id ? dev->device : id_of(dev, "device");
	bool known = vendor != UINT_MAX && device != UINT_MAX;
	char text[8];

	add(obj, "name", known ? new_text(model_name(vendor, device)) : NULL);
	snprintf(text, sizeof(text), "%04x", vendor & 0xffff);
	add(obj, "vendor_id", known ? json_object_new_string(text) : NULL);
	snprintf(text, sizeof(text), "%04x", device & 0xffff);
	add(obj, "device_id", known ? json_object_new_string(text) : NULL);
}

static void add_identity(const struct pci_device *dev, struct json_object *obj,
			 const char *const *keys)
{
	add(obj, "address", json_object_new_string(dev->name));
	if (is_wanted(keys, "name") || is_wanted(keys, "vendor_id") || is_wanted(keys, "device_id"))
		add_model(dev, obj);
	add(obj, "driver", dev->driver[0] ? new_text(dev->driver) : NULL);
}

static struct json_object *new_errno(int err)
{
	const char *name = strerrorname_np(err);

	return name ? json_object_new_string(name) : NULL;
}

/* Why the last bind was refused: an object with both keys, or null. */
static struct json_object *new_last_error(struct summary *s)
{
	struct json_object *obj;
	char text[ATTR_MAX];
	const char *stage;
	int err;

	if (summary_get(s, "last_error", text))
		return NULL;
	stage = stage_parse(text, &err);
	if (!err)
		return NULL;
	obj = json_object_new_object();
	add(obj, "errno", new_errno(-err));
	add(obj, "stage", stage ? new_text(stage) : NULL);
	return obj;
}

/* An object for each line of an attribute, or null if it cannot be read */
static struct json_object *new_lines(struct summary *s, const char *attr,
				     struct json_object *(*new_line)(const char *line))
{
	struct json_object *array, *obj;
	char text[2048];

	if (summary_get_lines(s, attr, text, sizeof(text)))
		return NULL;
	array = json_object_new_array();
	for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line != '\0') {
		obj = new_line(line);
		if (obj)
			json_object_array_add(array, obj);
	}
	return array;
}

/* How many requests of the guest there were of a scope, and how many of them failed */
static struct json_object *new_requests(const char *line)
{
	unsigned long long count, failed;
	struct json_object *obj;
	char scope[32];

	if (sscanf(line, "%31s %llu %llu", scope, &count, &failed) != 3)
		return NULL;
	obj = json_object_new_object();
	add(obj, "scope", new_text(scope));
	add(obj, "count", json_object_new_uint64(count));
	add(obj, "failed", json_object_new_uint64(failed));
	return obj;
}

/* How many operations of a kind the driver has refused; a kind without any is left out */
static struct json_object *new_refused(const char *line)
{
	unsigned long long count;
	struct json_object *obj;
	char kind[64];

	if (sscanf(line, "%63s %llu", kind, &count) != 2 || !count)
		return NULL;
	obj = json_object_new_object();
	add(obj, "kind", new_text(kind));
	add(obj, "count", json_object_new_uint64(count));
	return obj;
}

/* The request of the guest that ended last: an object with all four keys, or null. */
static struct json_object *new_last_request(struct summary *s)
{
	char text[ATTR_MAX], scope[32], code[32];
	struct json_object *obj;
	long long result;

	if (summary_get_driver(s, "last_request", text) ||
	    sscanf(text, "%31s %lld %31s", scope, &result, code) != 3)
		return NULL;
	obj = json_object_new_object();
	add(obj, "scope", new_text(scope));
	add(obj, "errno", result < 0 && result > INT_MIN ? new_errno((int)-result) : NULL);
	add(obj, "residue", result < 0 ? NULL : json_object_new_int64(result));
	add(obj, "tsm_code", new_text(code));
	return obj;
}

/* Does not search through all processes: that would take too long for a list. */
static void add_owner(struct summary *s, struct json_object *obj)
{
	struct owner h = { .pid = summary_owner(s) };

	if (h.pid)
		owner_describe(s->ctx, s->dev, &h);
	add(obj, "owner_name", *h.name ? json_object_new_string(h.name) : NULL);
	add(obj, "owner_is_helper", h.pid ? json_object_new_boolean(h.ours) : NULL);
}

/* The certificate on which a device is admitted: the one that its present evidence has. */
static struct json_object *new_admitted(struct summary *s)
{
	char text[ATTR_MAX], leaf[CERT_DIGEST_LEN];

	if (summary_get(s, ADMITTED, text) || !admission_leaf(s->dev, text, leaf))
		return NULL;
	return new_text(leaf);
}

static void add_group(struct ctx *ctx, const struct pci_device *dev, struct json_object *obj)
{
	int group = dev->present ? pci_group(ctx, dev) : -1;

	add(obj, "iommu_group", group < 0 ? NULL : json_object_new_int(group));
}

static struct json_object *collect(struct summary *s, const char *const *keys)
{
	struct json_object *obj = json_object_new_object();

	add_identity(s->dev, obj, keys);
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		add_field(s, &fields[i], obj, keys);
	if (is_wanted(keys, "owner_name") || is_wanted(keys, "owner_is_helper"))
		add_owner(s, obj);
	if (is_wanted(keys, "last_error"))
		add(obj, "last_error", new_last_error(s));
	if (is_wanted(keys, "iommu_group"))
		add_group(s->ctx, s->dev, obj);
	add_field(s, &policy_of_requests, obj, keys);
	if (is_wanted(keys, "requests"))
		add(obj, "requests", new_lines(s, "requests", new_requests));
	if (is_wanted(keys, "last_request"))
		add(obj, "last_request", new_last_request(s));
	add_field(s, &tdi_state, obj, keys);
	add_field(s, &can_bind, obj, keys);
	add_field(s, &admission, obj, keys);
	if (is_wanted(keys, ADMITTED))
		add(obj, ADMITTED, new_admitted(s));
	return obj;
}

struct json_object *info_collect(struct ctx *ctx, const struct pci_device *dev,
				 const char *const *keys)
{
	struct summary s;

	summary_begin(&s, ctx, dev);
	return collect(&s, keys);
}

/* What only show has: the counters, and why the device was unbound. */
static const struct field history[] = {
	{ "opens", FROM_DRIVER, "open_count", NUMBER },
	{ "binds", FROM_DRIVER, "bind_count", NUMBER },
	{ "lost_binds", FROM_DRIVER, "loss_count", NUMBER },
	{ "last_unbind", FROM_DRIVER, "last_unbind", TEXT },
};

struct json_object *info_collect_all(struct ctx *ctx, const struct pci_device *dev, const char *use)
{
	struct json_object *obj;
	struct summary s;

	summary_begin(&s, ctx, dev);
	obj = collect(&s, NULL);
	add(obj, IN_USE, use ? json_object_new_string(use) : NULL);
	for (size_t i = 0; i < ARRAY_SIZE(history); i++)
		add_field(&s, &history[i], obj, NULL);
	add(obj, "refused", new_lines(&s, "blocked", new_refused));
	return obj;
}

static const char *member(struct json_object *obj, const char *key)
{
	struct json_object *v;

	return json_object_object_get_ex(obj, key, &v) && v ? json_object_get_string(v) : NULL;
}

/* The text of requests or refused. */
static const char *array_text(struct json_object *array, char *buf, size_t size)
{
	char item[96];

	buf[0] = '\0';
	for (size_t i = 0; i < json_object_array_length(array); i++) {
		struct json_object *obj = json_object_array_get_idx(array, i);

		if (member(obj, "kind"))
			snprintf(item, sizeof(item), "%s %s", member(obj, "kind"),
				 member(obj, "count"));
		else
			snprintf(item, sizeof(item), "%s %s (%s failed)",
				 member(obj, "scope") ?: "?", member(obj, "count"),
				 member(obj, "failed"));
		util_add_item(buf, size, ", ", item);
	}
	return buf[0] ? buf : "-";
}

/* The text of last_error or last_request. */
static const char *object_text(struct json_object *obj, char *buf, size_t size)
{
	const char *err = member(obj, "errno"), *residue = member(obj, "residue");

	if (!json_object_object_get_ex(obj, "scope", NULL))
		snprintf(buf, size, "%s at %s", err ?: "?", member(obj, "stage") ?: "?");
	else
		snprintf(buf, size, "%s: %s%s, TSM code %s", member(obj, "scope"),
			 residue ? "residue " : "",
			 residue     ?:
				 err ?:
				       "?",
			 member(obj, "tsm_code"));
	return buf;
}

const char *info_text(struct json_object *obj, const char *key, char *buf, size_t size)
{
	struct json_object *v;

	if (!json_object_object_get_ex(obj, key, &v) || !v)
		return "-";
	if (json_object_is_type(v, json_type_boolean))
		return json_object_get_boolean(v) ? "yes" : "no";
	if (json_object_is_type(v, json_type_object))
		return object_text(v, buf, size);
	if (json_object_is_type(v, json_type_array))
		return array_text(v, buf, size);
	return json_object_get_string(v);
}

bool info_cannot_bind(struct json_object *obj)
{
	char can[8], state[16];

	return streq(info_text(obj, "can_bind", can, sizeof(can)), "no") &&
	       !streq(info_text(obj, "state", state, sizeof(state)), "bound");
}

void info_note_none(const struct ctx *ctx)
{
	if (ctx->json || ctx->quiet || json_object_array_length(ctx->answer.results))
		return;
	fputs("tsmctl: no device has a TSM side, is assigned, or has policy; 'tsmctl doctor' checks the host\n",
	      stderr);
}
