/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The changes that bring one device to what the configuration wants. */
#ifndef TSMCTL_PLAN_H
#define TSMCTL_PLAN_H

#include "config/document.h"
#include "host/assign.h"

/* How a document assigns a device that the host uses, for hints. */
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
 * @force: it is assigned even if the host uses it
 * @waits: it is not present, so its driver and TSM cannot be changed yet
 * @before: its driver and override before, to roll back
 * @had_policy: it had a directory in configfs, to roll back
 * @foreign: the steps that another run has done meanwhile, for plan_show() and plan_undo()
 */
struct plan {
	struct step steps[SETTINGS];
	unsigned int count;
	bool forget;
	bool force;
	bool waits;
	struct assignment before;
	bool had_policy;
	bool foreign[SETTINGS];
};

/**
 * plan_make() - compare a device with what is wanted of it
 * @ctx: this run
 * @dev: the device, which need not be present
 * @want: as wanted_of() fills it in
 * @forget: its policy is to be removed
 * @plan: out
 *
 * Return: 0, or negative errno, reported.
 */
int plan_make(struct ctx *ctx, const struct pci_device *dev, const char *const want[SETTINGS],
	      bool forget, struct plan *plan);

/**
 * plan_disconnects() - whether a plan disconnects a device
 * @plan: the plan
 *
 * Return: true if so, also if it connects another TSM afterwards.
 */
bool plan_disconnects(const struct plan *plan);

/**
 * plan_takes() - whether a plan assigns a device
 * @plan: the plan
 *
 * Return: true if so.
 */
bool plan_takes(const struct plan *plan);

/**
 * plan_goal() - the value that a plan gives a setting
 * @plan: the plan
 * @setting: the setting
 *
 * Return: its new value, or NULL if it stays as it is.
 */
const char *plan_goal(const struct plan *plan, enum setting setting);

/**
 * plan_show() - report what a plan has done, or would do
 * @ctx: this run
 * @dev: the device
 * @plan: the plan, after plan_do(); or under --dry-run
 */
void plan_show(struct ctx *ctx, const struct pci_device *dev, const struct plan *plan);

/**
 * plan_do() - carry out a plan completely, or change nothing
 * @ctx: this run
 * @dev: the device; if the plan assigns it, not in use
 * @plan: the plan
 *
 * If a step fails, the steps before it are undone, last first. Only they are reported.
 *
 * Return: 0, or negative errno, reported.
 */
int plan_do(struct ctx *ctx, struct pci_device *dev, struct plan *plan);

/**
 * plan_undo() - undo a plan, except the steps that another run has done
 * @ctx: this run
 * @dev: the device
 * @plan: the plan, after plan_do() has succeeded and instead of plan_show(); it does not forget
 *	policy
 */
void plan_undo(struct ctx *ctx, struct pci_device *dev, const struct plan *plan);

/**
 * plan_run() - carry out a plan completely and report it, or change nothing
 * @ctx: this run
 * @dev: the device, neither open nor bound; if the plan assigns it, also not in use
 * @plan: the plan
 *
 * Return: as plan_do().
 */
int plan_run(struct ctx *ctx, struct pci_device *dev, struct plan *plan);

#endif
