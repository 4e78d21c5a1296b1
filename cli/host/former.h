/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a device had before it was assigned, and no longer shows: the driver_override that
 * another program had set, and the serial number that only its driver showed. Both are kept
 * in the run directory, as ADDRESS.override and ADDRESS.serial, until the device is released.
 * They belong to the device, not to its address: the number of its directory's inode in
 * sysfs is kept with them. If ADDRESS.awaited exists, apply needs the serial number to go on,
 * and udev starts it again. A reboot removes all of these files.
 */
#ifndef TSMCTL_FORMER_H
#define TSMCTL_FORMER_H

#include "host/pci.h"

/**
 * former_get() - read the override that a device had
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
 * former_get_serial() - read the serial number that the former driver has shown
 * @ctx: this run
 * @dev: the device
 * @serial: out, ATTR_MAX bytes; "" as in former_get()
 */
void former_get_serial(struct ctx *ctx, const struct pci_device *dev, char *serial);

/**
 * former_put_serial() - keep the serial number that the former driver has shown
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
 * @wait: true to wait for it, false to end that
 */
void former_await_serial(struct ctx *ctx, const struct pci_device *dev, bool wait);

#endif
