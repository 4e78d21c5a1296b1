/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The admission of a device: its policy "admission", and whether the kernel holds it admitted on
 * its present evidence. Only the kernel decides that, and refuses binds without it.
 */
#ifndef TSMCTL_ADMISSION_H
#define TSMCTL_ADMISSION_H

#include "evidence/certs.h"
#include "host/pci.h"

/* The policy, and the generation of the evidence on which a device is admitted, or 0 */
#define ADMISSION "admission"
#define ADMITTED "admitted"
/* The value of the policy */
#define REQUIRED "required"

/**
 * admission_required() - whether a device must be admitted before a bind
 * @ctx: this run
 * @dev: the device
 *
 * Return: true if its policy requires that.
 */
bool admission_required(struct ctx *ctx, const struct pci_device *dev);

/**
 * admission_lacks() - whether a device could be admitted, must be, and is not
 * @ctx: this run
 * @dev: the device
 *
 * Return: 1 if it is assigned and connected, and not bound; 0 if not; or negative errno, reported.
 */
int admission_lacks(struct ctx *ctx, const struct pci_device *dev);

/**
 * admission_would_lack() - the same after changes that are planned
 * @ctx: this run
 * @dev: the device
 * @required: its policy will require an admission
 * @assigned: it will be assigned
 * @connects: the plan connects it
 *
 * Return: as admission_lacks().
 */
int admission_would_lack(struct ctx *ctx, const struct pci_device *dev, bool required,
			 bool assigned, bool connects);

/**
 * admission_leaf() - the certificate of a device that is admitted
 * @dev: the device
 * @admitted: ADMITTED as it was read
 * @digest: out, CERT_DIGEST_LEN bytes: digest of its leaf certificate; "" on failure
 *
 * Return: true if it is admitted, and its evidence is the one on which it was.
 */
bool admission_leaf(const struct pci_device *dev, const char *admitted, char *digest);

#endif
