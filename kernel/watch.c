// SPDX-License-Identifier: GPL-2.0-only
/*
 * A bound function is looked at once a second, because neither PCI/TSM reports that
 * a TDI is gone, nor a function that it was reset.
 */
#include <linux/workqueue.h>

#include "vfio_pci_tsm.h"

/**
 * vfio_pci_tsm_watch() - look whether a bound function still has its TDI
 * @work: the device's
 *
 * Runs from a bind until it finds the device unbound.
 */
void vfio_pci_tsm_watch(struct work_struct *work)
{
	struct vfio_pci_tsm_device *tvdev =
		container_of(to_delayed_work(work), struct vfio_pci_tsm_device, watch);

	vfio_pci_tsm_refresh(tvdev);
	if (vfio_pci_tsm_state_is(tvdev, VFIO_PCI_TSM_BOUND))
		queue_delayed_work(system_freezable_power_efficient_wq, &tvdev->watch,
				   VFIO_PCI_TSM_WATCH_INTERVAL);
}
