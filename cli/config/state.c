// SPDX-License-Identifier: GPL-2.0-or-later
/* The present settings of a device, see state.h. */
#include <errno.h>
#include <json-c/json.h>

#include "config/state.h"
#include "host/identity.h"
#include "host/policy.h"
#include "host/tsm.h"
#include "report.h"

/* The value of a device that was never changed. */
static const char *usual(int s)
{
	return s < SET_ASSIGNED ? policies[s].usual : s == SET_ASSIGNED ? "0" : "none";
}

static int read_policy(struct ctx *ctx, const struct pci_device *dev, struct state *st)
{
	struct problem p = { .device = dev->name, .stage = "read" };

	for (int s = 0; s < SET_ASSIGNED; s++) {
		p.attribute = policies[s].name;
		p.err = policy_get(ctx, dev, p.attribute, st->values[s]);
		if (p.err && policy_lacks(ctx, dev, p.attribute))
			continue;
		if (p.err)
			return policy_report(ctx, dev, &p);
		st->known[s] = true;
	}
	return 0;
}

static int read_tsm(struct ctx *ctx, const struct pci_device *dev, struct state *st)
{
	char *value = st->values[SET_TSM];
	int ret = dev->present ? tsm_get_connected(ctx, dev, value) : -ENOENT;

	if (ret)
		return ret == -ENOENT ? 0 : ret;
	if (!value[0])
		util_copy(value, ATTR_MAX, "none");
	st->known[SET_TSM] = true;
	return 0;
}

int state_read(struct ctx *ctx, const struct pci_device *dev, struct state *st)
{
	*st = (struct state){ .known = { false } };
	if (dev->present) {
		util_copy(st->values[SET_ASSIGNED], ATTR_MAX,
			  streq(dev->driver, TSM_DRIVER) ? "1" : "0");
		/* while the driver is not loaded, this cannot be seen */
		st->known[SET_ASSIGNED] = streq(dev->driver, TSM_DRIVER) ||
					  pci_has_driver(ctx, TSM_DRIVER);
	}
	return read_policy(ctx, dev, st) ?: read_tsm(ctx, dev, st);
}

bool state_is_usual(enum setting s, const char *value)
{
	return streq(value, usual(s));
}

bool state_differs(const struct state *st, const char *const want[SETTINGS])
{
	for (int s = 0; s < SET_FORCE; s++)
		if (st->known[s] && !streq(st->values[s], want[s] ?: usual(s)))
			return true;
	return false;
}

struct json_object *state_json(enum setting s, const char *value)
{
	if (s == SET_BIND_ALLOWED || s == SET_ASSIGNED || s == SET_FORCE)
		return json_object_new_boolean(streq(value, "1"));
	/* "none" is a value of guest_requests and of admission like the others */
	if ((s == SET_TDI_ID || s == SET_TSM) && streq(value, "none"))
		return NULL;
	return json_object_new_string(value);
}

struct json_object *state_entry(struct ctx *ctx, const struct pci_device *dev,
				const struct config_entry *before)
{
	struct json_object *obj = json_object_new_object();
	const char *id, *serial;
	struct identity i;

	identity_look(ctx, dev, &i);
	id = i.id[0] ? i.id : before ? before->want[SET_ID] : NULL;
	serial = before && before->want[SET_SERIAL] ? before->want[SET_SERIAL] :
						      identity_serial(&i);
	json_object_object_add(obj, "device", json_object_new_string(dev->name));
	if (id)
		json_object_object_add(obj, setting_key(SET_ID), json_object_new_string(id));
	if (serial)
		json_object_object_add(obj, setting_key(SET_SERIAL),
				       json_object_new_string(serial));
	return obj;
}

static void add_setting(struct json_object *obj, enum setting s, const char *value)
{
	if (value)
		json_object_object_add(obj, setting_key(s), state_json(s, value));
}

void state_add(struct json_object *obj, const char *const values[SETTINGS])
{
	add_setting(obj, SET_ASSIGNED, values[SET_ASSIGNED]);
	for (int s = 0; s <= SET_FORCE; s++)
		if (s != SET_ASSIGNED)
			add_setting(obj, (enum setting)s, values[s]);
}
