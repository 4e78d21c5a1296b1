/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The way of one device from what it is to what the configuration wants. */
#ifndef TSMCTL_PLAN_H
#define TSMCTL_PLAN_H

#include "config/document.h"
#include "host/assign.h"

/* How a document has a device taken that the host uses, for hints. */
#define PLAN_FORCE "\"force\": true in its entry"

/**
 * struct step - one setting to change
 * @setting: which
 * @from: its value now, as in struct config_entry
 * @to: its value afterwards
 */
struct step {
	enum setting setting;
	char from[ATTR_MAX];
	const char *to;
};

/**
 * struct plan - what is to be done to a device
 * @steps: in the order of enum setting
 * @count: how many
 * @forget: remove its directory in configfs at the end
 * @force: it is taken although the host itself uses it
 * @waits: it is not there, so driver and TSM have to wait for it
 * @before: who had it, to roll back
 * @had_policy: it had a directory in configfs, to roll back
 */
struct plan {
	struct step steps[SETTINGS];
	unsigned int count;
	bool forget;
	bool force;
	bool waits;
	struct assignment before;
	bool had_policy;
};

/**
 * plan_make() - compare a device with what is wanted of it
 * @ctx: this run
 * @dev: the device, which need not be present
 * @want: as wanted_of() fills it in
 * @forget: its policy is to go
 * @plan: out
 *
 * Return: 0, or negative errno, reported.
 */
int plan_make(struct ctx *ctx, const struct pci_device *dev, const char *const want[SETTINGS],
	      bool forget, struct plan *plan);

/**
 * plan_disconnects() - whether a plan takes a device from its TSM
 * @plan: the plan
 *
 * Return: true if so, be it for another TSM.
 */
bool plan_disconnects(const struct plan *plan);

/**
 * plan_takes() - whether a plan takes a device from its driver
 * @plan: the plan
 *
 * Return: true if the device is to be assigned.
 */
bool plan_takes(const struct plan *plan);

/**
 * plan_goal() - what a plan makes of a setting
 * @plan: the plan
 * @setting: the setting
 *
 * Return: its new value, or NULL if it stays as it is.
 */
const char *plan_goal(const struct plan *plan, enum setting setting);

/**
 * plan_show() - report what a plan would do
 * @ctx: this run, under --dry-run
 * @dev: the device
 * @plan: the plan
 */
void plan_show(struct ctx *ctx, const struct pci_device *dev, const struct plan *plan);

/**
 * plan_run() - do it, or nothing
 * @ctx: this run
 * @dev: the device; it must not be open or bound, and for a plan that takes it not in use
 * @plan: the plan
 *
 * If a step fails, those before it are undone, last first.
 *
 * Return: 0, or negative errno, reported.
 */
int plan_run(struct ctx *ctx, struct pci_device *dev, const struct plan *plan);

#endif
