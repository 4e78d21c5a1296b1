/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Runs tsm-bind-helper. */
#ifndef TSMCTL_HELPER_H
#define TSMCTL_HELPER_H

#include <sys/types.h>

#include "host/pci.h"

/**
 * helper_hold() - start a helper that binds a device and stays
 * @ctx: this run
 * @dev: the device
 * @pid: out, the process that holds the device
 * @joined: out, that is another helper, which holds another function of the IOMMU group
 *
 * Waits until the helper prints that the device is bound. The helper goes on in the
 * background, in a session of its own, and outlives this process. If a helper already holds
 * another function of the IOMMU group, that one holds this device also.
 *
 * Return: 0, or negative errno, reported.
 */
int helper_hold(struct ctx *ctx, const struct pci_device *dev, pid_t *pid, bool *joined);

/**
 * helper_bind() - have a helper bind a device on its VMM's file
 * @ctx: this run
 * @dev: the device
 * @vmm: the process that has it open
 * @vdevice_id: vDEVICE in the VMM's iommufd, or NULL for the configured TDI id
 *
 * Return: 0, or negative errno, reported.
 */
int helper_bind(struct ctx *ctx, const struct pci_device *dev, pid_t vmm, const char *vdevice_id);

/**
 * helper_unbind() - have a helper unbind a device on its VMM's file
 * @ctx: this run
 * @dev: the device
 * @vmm: the process that has it open
 *
 * Return: 0, or negative errno, reported.
 */
int helper_unbind(struct ctx *ctx, const struct pci_device *dev, pid_t vmm);

#endif
