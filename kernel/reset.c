// SPDX-License-Identifier: GPL-2.0-only
/*
 * Resets that do not come through VFIO: sysfs, and siblings below the same bus.
 * A driver cannot veto a reset once it runs, but the PCI core asks two things
 * before it starts: pdev->reset_methods (pci_reset_supported()), for resets of
 * the function, and PCI_DEV_FLAGS_NO_BUS_RESET of every function below
 * (pci_bus_resettable()), for resets of bus and slot. While bound, both say no.
 * What comes through all the same, because root wrote reset_method, finds the
 * function unbound when it begins.
 */
#include <linux/pci.h>
#include <linux/string.h>

#include "vfio_pci_tsm.h"

/**
 * vfio_pci_tsm_resets_off() - have the PCI core refuse resets
 * @tsm: the device
 *
 * Context: under tsm_lock, with no reset at work.
 */
void vfio_pci_tsm_resets_off(struct vfio_pci_tsm_device *tsm)
{
	struct pci_dev *pdev = tsm->core.pdev;

	lockdep_assert_held(&tsm->tsm_lock);
	memcpy(tsm->reset_methods, pdev->reset_methods, sizeof(tsm->reset_methods));
	memset(pdev->reset_methods, 0, sizeof(pdev->reset_methods));
	tsm->no_bus_reset = pdev->dev_flags & PCI_DEV_FLAGS_NO_BUS_RESET;
	pdev->dev_flags |= PCI_DEV_FLAGS_NO_BUS_RESET;
}

/**
 * vfio_pci_tsm_resets_on() - have resets as they were
 * @tsm: the device
 *
 * Context: under tsm_lock.
 */
void vfio_pci_tsm_resets_on(struct vfio_pci_tsm_device *tsm)
{
	struct pci_dev *pdev = tsm->core.pdev;

	lockdep_assert_held(&tsm->tsm_lock);
	/* What root wrote in the meantime stays. */
	if (!pdev->reset_methods[0])
		memcpy(pdev->reset_methods, tsm->reset_methods, sizeof(pdev->reset_methods));
	if (!tsm->no_bus_reset)
		pdev->dev_flags &= ~PCI_DEV_FLAGS_NO_BUS_RESET;
}

static struct vfio_pci_tsm_device *pdev_to_tsm(struct pci_dev *pdev)
{
	return container_of(dev_get_drvdata(&pdev->dev), struct vfio_pci_tsm_device, core);
}

/* Under the device lock, perhaps the device set's lock and memory_lock as well. */
static void reset_prepare(struct pci_dev *pdev)
{
	struct vfio_pci_tsm_device *tsm = pdev_to_tsm(pdev);

	guard(mutex)(&tsm->tsm_lock);
	tsm->resetting = true;
	if (tsm->bound) {
		pci_warn(pdev, "reset by force: the bound TDI is lost\n");
		vfio_pci_tsm_drop_locked(tsm, VFIO_TSM_LOST);
	}
}

static void reset_done(struct pci_dev *pdev)
{
	struct vfio_pci_tsm_device *tsm = pdev_to_tsm(pdev);

	guard(mutex)(&tsm->tsm_lock);
	tsm->resetting = false;
}

const struct pci_error_handlers vfio_pci_tsm_err_handlers = {
	.error_detected = vfio_pci_core_aer_err_detected,
	.reset_prepare = reset_prepare,
	.reset_done = reset_done,
};
