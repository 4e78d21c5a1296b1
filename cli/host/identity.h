/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which device is at an address: its model, and its serial number where sysfs has one. */
#ifndef TSMCTL_IDENTITY_H
#define TSMCTL_IDENTITY_H

#include "host/pci.h"

#define IDENTITY_SERIALS 2

/**
 * struct identity - what distinguishes a device from others at the same address
 * @id: vendor:device, or vendor:device:subvendor:subdevice where it has them; "" if it
 *	cannot be read
 * @serials: its serial numbers, "" for none. The first needs no driver: it is PCI's Device
 *	Serial Number, for a function without one that of its PF or of function 0. The second
 *	is the one that the nvme driver shows, or has shown until the device was assigned
 * @denied: PCI's number exists, but only root may read it
 */
struct identity {
	char id[PCI_ID_LEN];
	char serials[IDENTITY_SERIALS][PCI_SERIAL_LEN];
	bool denied;
};

/**
 * identity_look() - read the identity of a device
 * @ctx: this run
 * @dev: the device; one that is not present has none
 * @i: out
 */
void identity_look(struct ctx *ctx, const struct pci_device *dev, struct identity *i);

/**
 * identity_of_driver() - the serial number that only the driver of a device shows
 * @dev: the device
 * @serial: out, PCI_SERIAL_LEN bytes; "" for none
 */
void identity_of_driver(const struct pci_device *dev, char *serial);

/**
 * identity_serial() - the serial number to save
 * @i: the identity
 *
 * Return: the first one that the device has, or NULL.
 */
const char *identity_serial(const struct identity *i);

/**
 * enum identity_match - whether a device is the expected one
 * @IDENTITY_SAME: it is
 * @IDENTITY_OTHER: it is another one
 * @IDENTITY_UNKNOWN: what is expected cannot be read now: a serial number that only a
 *	driver shows, or the ID itself
 */
enum identity_match { IDENTITY_SAME, IDENTITY_OTHER, IDENTITY_UNKNOWN };

/**
 * identity_compare() - compare a device with the expected one
 * @i: the device's identity
 * @id: the expected ID, which matches any subsystem if it has none; NULL for any
 * @serial: the expected serial number, in any case; NULL for any
 *
 * Return: the result.
 */
enum identity_match identity_compare(const struct identity *i, const char *id, const char *serial);

#endif
