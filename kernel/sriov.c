// SPDX-License-Identifier: GPL-2.0-only
/*
 * SR-IOV is not switched on, off or resized while the PF or one of its VFs is bound or
 * quarantined.
 */
#include <linux/pci.h>

#include "vfio_pci_tsm.h"

/*
 * SR-IOV Control is among the registers that a TDI must keep, so the PF is not bound
 * while it changes. The device lock is held, so tdi.lock must not be taken. A bind does
 * not wait for this change either: the removal of VFs waits for their owners, which may
 * also be the owner of the PF.
 */
static bool begin_sriov_change(struct vfio_pci_tsm_device *tvdev)
{
	set_bit(VFIO_PCI_TSM_SRIOV, &tvdev->flags);
	vfio_pci_tsm_refresh(tvdev);
	return !vfio_pci_tsm_is_busy(tvdev) && !vfio_tsm_is_quarantined(tvdev->tdev);
}

/**
 * vfio_pci_tsm_set_num_vfs() - write to sriov_numvfs of a function on this driver
 * @pdev: the PF
 * @nr_virtfn: the new number of VFs, 0 for no SR-IOV
 *
 * Return: the number of VFs; -EBUSY while the PF or one of its VFs is bound or
 * quarantined; any other error of vfio-pci's own.
 *
 * Context: the driver's sriov_configure, under the device lock.
 */
int vfio_pci_tsm_set_num_vfs(struct pci_dev *pdev, int nr_virtfn)
{
	struct vfio_pci_tsm_device *tvdev = pdev_to_tvdev(pdev);
	int ret;

	if (!begin_sriov_change(tvdev) || vfio_pci_tsm_has_bound_vf(pdev)) {
		vfio_tsm_blocked(tvdev->tdev, VFIO_TSM_BLOCKED_SRIOV);
		ret = -EBUSY;
	} else {
		ret = vfio_pci_core_sriov_configure(&tvdev->core, nr_virtfn);
	}

	clear_bit(VFIO_PCI_TSM_SRIOV, &tvdev->flags);
	return ret;
}
