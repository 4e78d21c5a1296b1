/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a device had before it was assigned, and shows no more: the driver_override that
 * somebody else had set, and the serial number that only its driver knew. Both are kept in
 * the run directory, as ADDRESS.override and ADDRESS.serial, until the device is released.
 * They belong to the device, not to its address: the number of its directory's inode in
 * sysfs is kept with them. ADDRESS.awaited tells udev that apply could not go on without the
 * serial number. Nothing of this survives a reboot.
 */
#ifndef TSMCTL_FORMER_H
#define TSMCTL_FORMER_H

#include "host/pci.h"

/**
 * former_get() - the override that a device had
 * @ctx: this run
 * @dev: the device
 * @override: out, ATTR_MAX bytes; "" if it had none, or none that can be trusted
 */
void former_get(struct ctx *ctx, const struct pci_device *dev, char *override);

/**
 * former_put() - keep the override that a device has
 * @ctx: this run
 * @dev: the device, which is to be assigned
 * @override: its override; "" removes what is kept
 *
 * Return: 0 or negative errno, not reported.
 */
int former_put(struct ctx *ctx, const struct pci_device *dev, const char *override);

/**
 * former_get_serial() - the serial number that the driver of before has shown
 * @ctx: this run
 * @dev: the device
 * @serial: out, ATTR_MAX bytes; "" as in former_get()
 */
void former_get_serial(struct ctx *ctx, const struct pci_device *dev, char *serial);

/**
 * former_put_serial() - keep the serial number that the driver of before has shown
 * @ctx: this run
 * @dev: the device, which is assigned now
 * @serial: its number; "" removes what is kept
 *
 * Return: 0 or negative errno, not reported.
 */
int former_put_serial(struct ctx *ctx, const struct pci_device *dev, const char *serial);

/**
 * former_await_serial() - have apply run again when the driver shows the serial number
 * @ctx: this run
 * @dev: the device
 * @wait: whether to wait for it, or no longer
 */
void former_await_serial(struct ctx *ctx, const struct pci_device *dev, bool wait);

#endif
