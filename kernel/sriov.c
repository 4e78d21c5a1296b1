// SPDX-License-Identifier: GPL-2.0-only
/* SR-IOV is not switched on, off or resized while the PF or one of its VFs is bound. */
#include <linux/pci.h>

#include "vfio_pci_tsm.h"

/*
 * Whether a VF is bound. One that is bound a moment later is no harm: a VF is
 * removed, and so closed and unbound, before its PF stops to decode for it. The
 * TSM is asked without functions_lock, which is every device's.
 */
static bool has_bound_vf(struct pci_dev *pf)
{
	struct vfio_pci_tsm_device *vf;
	bool bound = false;

	while (!bound && (vf = vfio_pci_tsm_get_bound_vf(pf))) {
		bound = vfio_pci_tsm_is_bound(vf);
		vfio_put_device(&vf->core.vdev);
	}
	return bound;
}

/*
 * SR-IOV Control is among the registers that a TDI must keep, so the PF is not
 * bound, and will not be, while it changes. Not by op.sem: removing VFs waits for
 * their owners, who may be the PF's as well.
 */
static bool begin_sriov_change(struct vfio_pci_tsm_device *tvdev)
{
	guard(mutex)(&tvdev->tdi.lock);
	if (vfio_pci_tsm_state_is(tvdev, VFIO_PCI_TSM_BOUND))
		return false;
	set_bit(VFIO_PCI_TSM_SRIOV, &tvdev->flags);
	return true;
}

/**
 * vfio_pci_tsm_set_num_vfs() - write to sriov_numvfs of a function on this driver
 * @pdev: the PF
 * @nr_virtfn: how many VFs there shall be, 0 for no SR-IOV
 *
 * Return: the number of VFs; -EBUSY while the PF or one of its VFs is bound; any
 * other error of vfio-pci's own.
 *
 * Context: the driver's sriov_configure, under the device lock.
 */
int vfio_pci_tsm_set_num_vfs(struct pci_dev *pdev, int nr_virtfn)
{
	struct vfio_pci_tsm_device *tvdev = pdev_to_tvdev(pdev);
	int ret;

	if (!begin_sriov_change(tvdev) || has_bound_vf(pdev)) {
		vfio_tsm_blocked(tvdev->tdev, VFIO_TSM_BLOCKED_SRIOV);
		ret = -EBUSY;
	} else {
		ret = vfio_pci_core_sriov_configure(&tvdev->core, nr_virtfn);
	}

	scoped_guard(mutex, &tvdev->tdi.lock)
		clear_bit(VFIO_PCI_TSM_SRIOV, &tvdev->flags);
	return ret;
}
