/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The BARs of a device: their addresses and their mappings. */
#ifndef TSMCTL_DOCTOR_BARS_H
#define TSMCTL_DOCTOR_BARS_H

#include "doctor/doctor.h"

/**
 * check_bars() - whether the kernel has an address for each BAR
 * @ctx: this run
 * @dev: the device
 * @f: the finding
 */
void check_bars(struct ctx *ctx, const struct pci_device *dev, struct finding *f);

/**
 * count_bar_mappings() - count the mappings of a VFIO device in a process
 * @root: of the file system, as kernel_root()
 * @pid: the process
 * @name: of the device, vfioN
 * @unknown: out, the number of mappings of VFIO devices without the name of the device
 *
 * Return: the number of mappings.
 */
unsigned int count_bar_mappings(const char *root, pid_t pid, const char *name,
				unsigned int *unknown);

#endif
