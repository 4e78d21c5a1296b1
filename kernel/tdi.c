// SPDX-License-Identifier: GPL-2.0-only
/*
 * The TDI of a function: whether it is bound, and how a bind ends. When the TDI is lost,
 * the loss is marked at once, and a worker has PCI/TSM unbind it. When the owner or the
 * administrator ends it, PCI/TSM unbinds it at once.
 *
 * Another module of the kernel may also call pci_tsm_bind(). PCI/TSM does not report
 * that to the driver. So the driver looks for such a TDI wherever it checks whether a
 * function is bound, and once a second. When it finds one, it guards it as its own.
 */
#include <linux/pci-tsm.h>

#include "tdi.h"
#include "vfio_pci_tsm.h"

/**
 * vfio_pci_tsm_drop_locked() - unbind a function, and give back what the bind took
 * @tvdev: the device, with vfio_pci_tsm_is_locked()
 * @reason: why; not used if it is lost, or if the module that bound it has unbound it
 *
 * Every unbind ends here. A loss was published before. Another module may bind the
 * function again meanwhile; then it is FOREIGN at the end.
 *
 * Context: under tdi.lock; waits for PCI/TSM.
 */
void vfio_pci_tsm_drop_locked(struct vfio_pci_tsm_device *tvdev, enum vfio_tsm_reason reason)
{
	lockdep_assert_held(&tvdev->tdi.lock);

	if (vfio_pci_tsm_unbind_begin(tvdev))
		pci_tsm_unbind(tvdev->core.pdev);
	vfio_pci_tsm_hold_end(tvdev);
	vfio_pci_tsm_unbound(tvdev, reason);
}

/**
 * vfio_pci_tsm_tdi_work() - do the work that is left after a change of the state
 * @work: the device's
 *
 * Unbind a function that is lost. If another module has bound a function, take what its
 * TDI needs, and give it back afterwards.
 *
 * Context: remove() waits for it under the device lock, so it must not take pci_bus_sem.
 */
void vfio_pci_tsm_tdi_work(struct work_struct *work)
{
	struct vfio_pci_tsm_device *tvdev =
		container_of(work, struct vfio_pci_tsm_device, tdi.work);

	guard(mutex)(&tvdev->tdi.lock);
	if (vfio_pci_tsm_state_is(tvdev, VFIO_PCI_TSM_FOREIGN))
		vfio_pci_tsm_hold_foreign(tvdev);
	if (vfio_pci_tsm_state_is(tvdev, VFIO_PCI_TSM_LOSING) ||
	    vfio_pci_tsm_state_is(tvdev, VFIO_PCI_TSM_LEAVING))
		vfio_pci_tsm_drop_locked(tvdev, VFIO_TSM_REASON_LOST);
}

/**
 * vfio_pci_tsm_may_be_bound() - whether a function is bound that PCI/TSM may have a TDI of
 * @tvdev: the device
 *
 * Return and context: as vfio_pci_tsm_is_bound(), which calls this.
 */
bool vfio_pci_tsm_may_be_bound(struct vfio_pci_tsm_device *tvdev)
{
	struct pci_dev *pdev = tvdev->core.pdev;

	if (vfio_pci_tsm_state_is(tvdev, VFIO_PCI_TSM_IDLE) && !vfio_pci_tsm_has_tdi(pdev))
		return vfio_tsm_is_quarantined(tvdev->tdev);
	vfio_pci_tsm_refresh(tvdev);
	/* Another module may have bound it again while this has waited. */
	return vfio_pci_tsm_wait_lost(tvdev) || vfio_pci_tsm_is_guarded(tvdev) ||
	       vfio_pci_tsm_has_tdi(pdev);
}

/**
 * vfio_pci_tsm_detach() - the driver detaches from a function
 * @tvdev: the device, closed for good
 *
 * This also unbinds the TDI of another module, because no other driver would guard it.
 *
 * Context: probe or remove; waits for PCI/TSM as the last close does.
 */
void vfio_pci_tsm_detach(struct vfio_pci_tsm_device *tvdev)
{
	vfio_pci_tsm_adopt_no_more(tvdev);
	disable_delayed_work_sync(&tvdev->watch);
	scoped_guard(mutex, &tvdev->tdi.lock) {
		if (vfio_pci_tsm_is_locked(tvdev))
			vfio_pci_tsm_drop_locked(tvdev, VFIO_TSM_REASON_CLOSE);
	}
	disable_work_sync(&tvdev->tdi.work);
}
