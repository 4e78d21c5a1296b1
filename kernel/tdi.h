/* SPDX-License-Identifier: GPL-2.0-only */
/* The TDI of a function: tdi.c. */
#ifndef VFIO_PCI_TSM_TDI_H
#define VFIO_PCI_TSM_TDI_H

#include <linux/pci.h>

#include "vfio_pci_tsm.h"

void vfio_pci_tsm_drop_locked(struct vfio_pci_tsm_device *tvdev, enum vfio_tsm_reason reason);
void vfio_pci_tsm_tdi_work(struct work_struct *work);
bool vfio_pci_tsm_may_be_bound(struct vfio_pci_tsm_device *tvdev);
void vfio_pci_tsm_detach(struct vfio_pci_tsm_device *tvdev);

/**
 * vfio_pci_tsm_is_bound() - whether the function is bound, and the TSM still has it
 * @tvdev: the device
 *
 * A function that may still be locked, because the TSM did not stop its TDI, counts as
 * bound.
 *
 * Return: false holds as long as the caller keeps binds out, by an operation or the
 * device set's lock, and no other module of the kernel binds it; true may be outdated.
 *
 * Context: as vfio_pci_tsm_wait_lost(): the owner of a lost device may use it again once
 * PCI/TSM has unbound it.
 */
static inline bool vfio_pci_tsm_is_bound(struct vfio_pci_tsm_device *tvdev)
{
	/* Most functions are neither bound nor connected. */
	if (vfio_pci_tsm_state_is(tvdev, VFIO_PCI_TSM_IDLE) && !READ_ONCE(tvdev->core.pdev->tsm))
		return vfio_tsm_is_quarantined(tvdev->tdev);
	return vfio_pci_tsm_may_be_bound(tvdev);
}

#endif /* VFIO_PCI_TSM_TDI_H */
