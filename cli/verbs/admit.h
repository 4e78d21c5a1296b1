/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Verifies devices, and admits them: for evidence, bind, prepare and apply. */
#ifndef TSMCTL_ADMIT_H
#define TSMCTL_ADMIT_H

#include "verbs/examine.h"

/**
 * admit_give() - tell the kernel that the evidence of a device was verified
 * @ctx: this run
 * @dev: the device
 * @x: its evidence, for which proofs_admit() is true
 * @print: also print the change, which is recorded in each case
 *
 * The kernel refuses this if it has other evidence by now.
 *
 * Return: 0, or negative errno, reported.
 */
int admit_give(struct ctx *ctx, const struct pci_device *dev, const struct examined *x, bool print);

/**
 * admit_refuse() - report why a device is not admitted: an error for each check
 * @ctx: this run
 * @dev: the device
 * @x: its evidence, for which proofs_admit() is false
 * @hint: the next step
 *
 * Return: -EACCES.
 */
int admit_refuse(struct ctx *ctx, const struct pci_device *dev, const struct examined *x,
		 const char *hint);

/**
 * admit_device() - verify a device by a random nonce, and admit it
 * @ctx: this run, not under --dry-run, which asks no device
 * @dev: the device, whose policy requires it
 *
 * An earlier admission ends, whatever the result is. What this host trusts is read for
 * the first device of a run, and kept until admit_done().
 *
 * Return: 0, or negative errno, reported.
 */
int admit_device(struct ctx *ctx, const struct pci_device *dev);

/**
 * admit_missing() - admit a device if it could be, must be, and is not
 * @ctx: this run
 * @dev: the device
 *
 * Under --dry-run, the function reports that the device would be verified.
 *
 * Return: 0, or negative errno, reported.
 */
int admit_missing(struct ctx *ctx, const struct pci_device *dev);

/**
 * admit_note() - report that a device would be verified, and admitted if it is good
 * @ctx: this run, under --dry-run
 * @dev: the device
 */
void admit_note(struct ctx *ctx, const struct pci_device *dev);

/**
 * admit_done() - free what was read for the devices of this run, at its end
 */
void admit_done(void);

#endif
