/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The present settings of a device, in the form of a configuration. */
#ifndef TSMCTL_STATE_H
#define TSMCTL_STATE_H

#include "config/document.h"
#include "host/pci.h"

/**
 * struct state - the present settings of a device
 * @values: text of each, in the form of struct config_entry; those from SET_FORCE on are
 *	not used
 * @known: whether it can be seen; driver and TSM only of a device that is present
 */
struct state {
	char values[SETTINGS][ATTR_MAX];
	bool known[SETTINGS];
};

/**
 * state_read() - read the settings of a device
 * @ctx: this run
 * @dev: the device, which need not be present
 * @st: out
 *
 * Return: 0, or negative errno, reported.
 */
int state_read(struct ctx *ctx, const struct pci_device *dev, struct state *st);

/**
 * state_differs() - whether a device differs from a configuration
 * @st: the device
 * @want: its settings in the configuration; NULL stands for the usual value
 *
 * Return: true if a setting that can be seen differs.
 */
bool state_differs(const struct state *st, const char *const want[SETTINGS]);

/**
 * state_json() - make the JSON value of a setting, as a document has it
 * @s: the setting
 * @value: its text
 *
 * Return: the value; NULL is null.
 */
struct json_object *state_json(enum setting s, const char *value);

/**
 * state_entry() - begin an entry for a device
 * @ctx: this run
 * @dev: the device, which need not be present
 * @before: the entry of the same device before, or NULL
 *
 * An ID or a serial number that cannot be seen is copied from @before.
 *
 * Return: an object with its address, and if they are known its ID and serial number.
 */
struct json_object *state_entry(struct ctx *ctx, const struct pci_device *dev,
				const struct config_entry *before);

/**
 * state_add() - add settings to an entry
 * @obj: the entry
 * @values: text of each, or NULL; only those up to SET_FORCE count
 *
 * The driver comes first, because a reader looks for it first.
 */
void state_add(struct json_object *obj, const char *const values[SETTINGS]);

/**
 * state_is_usual() - whether a value is that of a device that was never changed
 * @s: the setting
 * @value: its text
 */
bool state_is_usual(enum setting s, const char *value);

#endif
