// SPDX-License-Identifier: GPL-2.0-only
/*
 * A bound function is looked at once a second, because PCI/TSM does not report
 * that a TDI is gone; and at once after an error.
 */
#include <linux/workqueue.h>

#include "vfio_pci_tsm.h"

/**
 * vfio_pci_tsm_watch() - notice that the TSM has let go of an idle device
 * @work: the device's
 *
 * Runs from a bind until it finds the device unbound, and on an error.
 */
void vfio_pci_tsm_watch(struct work_struct *work)
{
	struct vfio_pci_tsm_device *tvdev =
		container_of(to_delayed_work(work), struct vfio_pci_tsm_device, watch);

	/* VFs may be on buses that recovery does not walk; of a root complex, it walks none. */
	if (test_and_clear_bit(VFIO_PCI_TSM_TELL_OTHERS, &tvdev->flags))
		vfio_pci_tsm_tell_dependents(tvdev->core.pdev);

	if (vfio_pci_tsm_is_bound(tvdev))
		queue_delayed_work(system_freezable_power_efficient_wq, &tvdev->watch,
				   VFIO_PCI_TSM_WATCH_INTERVAL);
}

/**
 * vfio_pci_tsm_end_watch() - stop it, when the device is closed or goes away
 * @tvdev: the device
 *
 * Others are told of an error all the same: it may be nobody else who does.
 *
 * Context: may sleep; not under tdi.lock or functions_lock.
 */
void vfio_pci_tsm_end_watch(struct vfio_pci_tsm_device *tvdev)
{
	cancel_delayed_work_sync(&tvdev->watch);
	if (test_and_clear_bit(VFIO_PCI_TSM_TELL_OTHERS, &tvdev->flags))
		vfio_pci_tsm_tell_dependents(tvdev->core.pdev);
}
