/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Assigns a device to the driver vfio-pci-tsm, and releases it. */
#ifndef TSMCTL_ASSIGN_H
#define TSMCTL_ASSIGN_H

#include "host/pci.h"

/**
 * struct assignment - the driver that a device has, to restore it later
 * @driver: its driver, "" for none
 * @override: its driver_override, "" for none
 * @former: if it is assigned, the driver_override that it had before, "" for none
 * @serial: if it is assigned, the serial number that its former driver has shown
 */
struct assignment {
	char driver[DRIVER_NAME_LEN];
	char override[ATTR_MAX];
	char former[ATTR_MAX];
	char serial[ATTR_MAX];
};

/**
 * assign_look() - read which driver a device has
 * @ctx: this run
 * @dev: the device
 * @a: out
 */
void assign_look(struct ctx *ctx, const struct pci_device *dev, struct assignment *a);

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
 * assign_check() - whether a device could be assigned to vfio-pci-tsm
 * @ctx: this run
 * @dev: the device
 *
 * It is always an error if a process has the device or one of its virtual functions open.
 * The uses of the host itself are checked by in_use_refuse().
 *
 * Return: 0, or negative errno, reported: no driver, no IOMMU, or a process has it open.
 */
int assign_check(struct ctx *ctx, const struct pci_device *dev);

/**
 * assign_take() - assign a device to vfio-pci-tsm
 * @ctx: this run
 * @dev: the device, which passed assign_check(); @dev->driver is brought up to date
 *
 * If the driver does not take it, its former driver gets it back. A driver_override that
 * another program has set is kept for assign_release().
 *
 * Return: 0; 1 if another run has detached it from its former driver meanwhile; or negative
 * errno, reported.
 */
int assign_take(struct ctx *ctx, struct pci_device *dev);

/**
 * assign_release() - let the kernel find a device's ordinary driver
 * @ctx: this run
 * @dev: the device; @dev->driver is brought up to date
 *
 * Restores the driver_override that the device had before it was assigned. An override that
 * was set since then stays. If a step fails, the device is put back as it was.
 *
 * Return: 0, also if no driver took it, or negative errno, reported.
 */
int assign_release(struct ctx *ctx, struct pci_device *dev);

/**
 * assign_goal() - which driver a device will have once it is released
 * @ctx: this run
 * @dev: the device
 * @a: the driver that it has
 *
 * Return: the driver, or NULL if the kernel chooses.
 */
const char *assign_goal(const struct ctx *ctx, const struct pci_device *dev,
			const struct assignment *a);

/* The note of a plan if assign_goal() returns NULL. */
#define KERNEL_CHOOSES "the kernel chooses its driver"

/**
 * assign_restore() - give a device back to the driver that it had
 * @ctx: this run
 * @dev: the device; @dev->driver is brought up to date
 * @a: the driver that it had
 * @w: out, the wait, for slow_report(), which must be called if @ctx->unfinished is set
 *
 * Return: 0 if the same driver has it again, or negative errno, not reported.
 */
int assign_restore(struct ctx *ctx, struct pci_device *dev, const struct assignment *a,
		   struct wait *w);

#endif
