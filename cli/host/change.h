/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One attribute of a device's policy: read or changed, and reported. */
#ifndef TSMCTL_CHANGE_H
#define TSMCTL_CHANGE_H

#include "host/pci.h"

/* For a device that is not present: a mistyped address looks like one of a later device. */
#define ABSENT_NOTE "this host has no such device now"

/**
 * policy_put() - set an attribute of a device's policy
 * @ctx: this run
 * @dev: the device; its configfs directory is made if there is none
 * @attr: attribute
 * @value: wanted
 *
 * Return: 0, or negative errno, reported.
 */
int policy_put(struct ctx *ctx, struct pci_device *dev, const char *attr, const char *value);

/**
 * policy_change() - set an attribute of a device's policy, if it differs, with a note if
 *	the device is not present
 * @ctx: this run
 * @dev: the device; its configfs directory is made if the value is not the default
 * @attr: attribute
 * @value: wanted, in the form that the kernel reads back
 *
 * Return: 0, or negative errno, reported.
 */
int policy_change(struct ctx *ctx, struct pci_device *dev, const char *attr, const char *value);

/**
 * policy_show() - report an attribute of a device's policy
 * @ctx: this run
 * @dev: the device
 * @attr: attribute
 *
 * Return: 0, or negative errno, reported.
 */
int policy_show(struct ctx *ctx, struct pci_device *dev, const char *attr);

#endif
