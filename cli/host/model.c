// SPDX-License-Identifier: GPL-2.0-or-later
/* Names of devices, see model.h. */
#include <libudev.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/util.h"
#include "host/model.h"

/* Models of a host: most of its functions are of a few ones. */
#define MODELS 16

static struct udev *udev;
static struct udev_hwdb *hwdb;

/* The names that were looked up last, in a ring. */
static struct model {
	unsigned int vendor;
	unsigned int device;
	char *name;
} models[MODELS];
static size_t next;

static const char *hwdb_get(const char *modalias, const char *property)
{
	struct udev_list_entry *list = udev_hwdb_get_properties_list_entry(hwdb, modalias, 0);
	struct udev_list_entry *e = udev_list_entry_get_by_name(list, property);

	return e ? udev_list_entry_get_value(e) : NULL;
}

static char *look_up(unsigned int vendor, unsigned int device)
{
	cleanup_free char *vendor_name = NULL;
	char modalias[64], *name = NULL;
	const char *found;

	if (!udev) {
		udev = udev_new();
		hwdb = udev ? udev_hwdb_new(udev) : NULL;
	}
	snprintf(modalias, sizeof(modalias), "pci:v%08Xd%08X", vendor, device);
	if (hwdb) {
		found = hwdb_get(modalias, "ID_VENDOR_FROM_DATABASE");
		vendor_name = found ? strdup(found) : NULL;
		found = vendor_name ? hwdb_get(modalias, "ID_MODEL_FROM_DATABASE") : NULL;
		if (found && asprintf(&name, "%s %s", vendor_name, found) < 0)
			name = NULL;
	}
	if (!name && asprintf(&name, "%04x:%04x", vendor, device) < 0)
		name = NULL;
	return name;
}

const char *model_name(unsigned int vendor, unsigned int device)
{
	struct model *m;

	for (size_t i = 0; i < MODELS; i++) {
		m = &models[i];
		if (m->name && m->vendor == vendor && m->device == device)
			return m->name;
	}
	m = &models[next];
	next = (next + 1) % MODELS;
	free(m->name);
	*m = (struct model){ vendor, device, look_up(vendor, device) };
	return m->name ?: "";
}

void model_done(void)
{
	for (size_t i = 0; i < MODELS; i++) {
		free(models[i].name);
		models[i].name = NULL;
	}
	udev_hwdb_unref(hwdb);
	udev_unref(udev);
	hwdb = NULL;
	udev = NULL;
}
