/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Giving a device to the driver vfio-pci-tsm, and back. */
#ifndef TSMCTL_ASSIGN_H
#define TSMCTL_ASSIGN_H

#include "host/pci.h"

/**
 * struct assignment - who had a device, to give it back
 * @driver: its driver, "" for none
 * @override: its driver_override, "" for none
 */
struct assignment {
	char driver[DRIVER_NAME_LEN];
	char override[ATTR_MAX];
};

/**
 * assign_look() - note who has a device
 * @dev: the device
 * @a: out
 */
void assign_look(const struct pci_device *dev, struct assignment *a);

/* What mends a host without IOMMU groups, and a device in none. */
#define NO_IOMMU_HINT \
	"enable the IOMMU in the firmware and on the kernel command line (intel_iommu=on)"

/**
 * struct need - what a device needs to be assigned
 * @err: negative errno without it
 * @stage: as in an error
 * @message: what is missing, without a full stop
 * @hint: the next step
 * @is_met: whether it is there
 */
struct need {
	int err;
	const char *stage;
	const char *message;
	const char *hint;
	bool (*is_met)(const struct ctx *ctx, const struct pci_device *dev);
};

/**
 * assign_lacks() - what is missing before a device can be assigned
 * @ctx: this run
 * @dev: the device
 *
 * Return: the first need that is not met, or NULL.
 */
const struct need *assign_lacks(const struct ctx *ctx, const struct pci_device *dev);

/**
 * assign_check() - whether a device could be given to vfio-pci-tsm
 * @ctx: this run
 * @dev: the device
 * @force: NULL to take a device that the host itself uses; otherwise how the user can
 *	do that, for the hint
 *
 * A process that has the device open, or one of its virtual functions, is always an error.
 *
 * Return: 0, or negative errno, reported: no driver, no IOMMU, or it is in use.
 */
int assign_check(struct ctx *ctx, const struct pci_device *dev, const char *force);

/**
 * assign_take() - give a device to vfio-pci-tsm
 * @ctx: this run
 * @dev: the device, which passed assign_check(); @dev->driver is brought up to date
 *
 * If the driver does not take it, its former driver gets it back.
 *
 * Return: 0, or negative errno, reported.
 */
int assign_take(struct ctx *ctx, struct pci_device *dev);

/**
 * assign_release() - let the kernel find a device's ordinary driver
 * @ctx: this run
 * @dev: the device; @dev->driver is brought up to date
 *
 * If a step fails, the device is put back as it was.
 *
 * Return: 0, also if no driver took it, or negative errno, reported.
 */
int assign_release(struct ctx *ctx, struct pci_device *dev);

/**
 * assign_restore() - give a device back to who had it
 * @ctx: this run
 * @dev: the device; @dev->driver is brought up to date
 * @a: who had it
 *
 * Return: 0 if the same driver has it again, or negative errno, not reported.
 */
int assign_restore(struct ctx *ctx, struct pci_device *dev, const struct assignment *a);

#endif
