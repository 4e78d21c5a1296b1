/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Devices whose TDI must not be used: quarantined ones, and those that another module of
 * the kernel has bound. See vfio_tsm(5).
 */
#ifndef TSMCTL_QUARANTINE_H
#define TSMCTL_QUARANTINE_H

#include "host/pci.h"
#include "report.h"

#define QUARANTINED "quarantined"

/**
 * quarantine_is_on() - whether a device is quarantined
 * @ctx: this run
 * @dev: the device, whatever its driver is
 *
 * A device without a directory in configfs and without vfio-pci-tsm shows no quarantine.
 *
 * Return: true if it is quarantined.
 */
bool quarantine_is_on(struct ctx *ctx, const struct pci_device *dev);

/**
 * quarantine_refuse() - report that a device is quarantined, if it is
 * @ctx: this run
 * @dev: the device
 * @what: what is refused because of it
 *
 * Return: 0, or -EBUSY, reported.
 */
int quarantine_refuse(struct ctx *ctx, const struct pci_device *dev, const char *what);

/**
 * quarantine_report() - report that an unbind has left a device in quarantine
 * @ctx: this run
 * @dev: the device
 * @p: device, attribute and value of the error; the rest is filled in
 *
 * Return: -EIO.
 */
int quarantine_report(struct ctx *ctx, const struct pci_device *dev, struct problem *p);

/**
 * foreign_is_bound() - whether another module of the kernel has bound a device
 * @ctx: this run
 * @dev: the device
 *
 * Return: true if so.
 */
bool foreign_is_bound(struct ctx *ctx, const struct pci_device *dev);

/**
 * foreign_refuse() - report that another module of the kernel has bound a device, if so
 * @ctx: this run
 * @dev: the device
 * @what: what is refused because of it
 *
 * Return: 0, or -EBUSY, reported.
 */
int foreign_refuse(struct ctx *ctx, const struct pci_device *dev, const char *what);

#endif
