// SPDX-License-Identifier: GPL-2.0-only
/*
 * The driver checks a bound function twice a second, because PCI/TSM does not report that
 * a TDI is gone, and a function does not report that it was reset. It checks a function
 * that a TSM can be connected to once a second, because another module of the kernel may
 * bind it, and the TSM may fail to stop that TDI.
 */
#include <linux/workqueue.h>

#include "vfio_pci_tsm.h"

/**
 * vfio_pci_tsm_watch() - compare the state with the TDI that PCI/TSM has
 * @work: the device's
 *
 * Runs from probe to remove if a TSM can be connected to the function, else from a bind
 * until it finds the device unbound.
 */
void vfio_pci_tsm_watch(struct work_struct *work)
{
	struct vfio_pci_tsm_device *tvdev =
		container_of(to_delayed_work(work), struct vfio_pci_tsm_device, watch);

	vfio_pci_tsm_refresh(tvdev);
	/* A TSM begins a quarantine from within PCI/TSM, where mappings cannot be removed. */
	if (vfio_tsm_is_quarantined(tvdev->tdev) && vfio_pci_tsm_is_mapped(tvdev))
		vfio_pci_tsm_mmap_zap(tvdev);
	if (vfio_pci_tsm_state_is(tvdev, VFIO_PCI_TSM_FOREIGN) && READ_ONCE(tvdev->hold.incomplete))
		queue_work(vfio_pci_tsm_wq, &tvdev->tdi.work);
	if (tvdev->awake.connectable || vfio_pci_tsm_is_locked(tvdev))
		vfio_pci_tsm_start_watch(tvdev);
}
