// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the PCI core reports of a function: a reset begins or has ended, an
 * uncorrectable error was detected, recovery from it has ended.
 *
 * A reset that could not be refused finds the function unbound when it begins, unless
 * the TSM takes too long: reset_prepare() comes first, and for a PF or function 0 on
 * this driver it has the functions that depend on it unbound. The PCI core does not
 * report a forced reset of a bridge, or of a PF or function 0 on another driver.
 *
 * Recovery from an error has the bus reset, unless the bus cannot be reset. So an error
 * turns resets on again at once: those of the function itself, and for a PF those of its
 * VFs, which recovery may not walk. If the PF is on another driver, such a VF keeps the
 * recovery from a reset until its watch has found it lost.
 */
#include <linux/pci.h>

#include "vfio_pci_tsm.h"

/*
 * Whether recovery from an error is at work on a function of this driver. The driver does
 * not detach from a PF as long as one of its VFs is in use: the VFs are removed first, and
 * a PF that has VFs is not probed.
 */
static bool is_recovering(struct pci_dev *pdev)
{
	if (READ_ONCE(pdev->dev.driver) != &vfio_pci_tsm_driver.driver)
		return false;
	/* While the driver is being attached, the device has no driver data. */
	return dev_get_drvdata(&pdev->dev) &&
	       test_bit(VFIO_PCI_TSM_RECOVERING, &pdev_to_tvdev(pdev)->flags);
}

/**
 * vfio_pci_tsm_is_in_error() - whether an error is being recovered from
 * @tvdev: the device
 *
 * Return: true for a fatal error of the function, its PF or DSM, and for recovery of
 * the function or its PF from any error, if it is on this driver.
 */
bool vfio_pci_tsm_is_in_error(struct vfio_pci_tsm_device *tvdev)
{
	struct pci_dev *pdev = tvdev->core.pdev;

	return is_recovering(pdev) || is_recovering(pci_physfn(pdev)) ||
	       pci_channel_offline(pdev) || pci_channel_offline(pci_physfn(pdev)) ||
	       (tvdev->hold.dsm && pci_channel_offline(tvdev->hold.dsm));
}

/*
 * A reset of a PF is also a reset of its VFs, and a reset of a DSM harms all functions
 * that it serves. If PCI/TSM does not unbind them in time, the reset goes on and finds
 * them locked. Their TDIs go to ERROR then, as table 11-2 requires for a Function Level
 * Reset. That protects the guest's data, and the worker goes on with the unbind. A
 * longer wait could last for ever: see the locks in vfio_pci_tsm.h.
 *
 * Context: under the device lock, perhaps the device set's lock and memory_lock.
 */
static void reset_prepare(struct pci_dev *pdev)
{
	struct vfio_pci_tsm_device *tvdev = pdev_to_tvdev(pdev);
	unsigned long deadline = vfio_pci_tsm_reset_deadline();
	bool unlocked;

	set_bit(VFIO_PCI_TSM_RESETTING, &tvdev->flags);
	vfio_pci_tsm_disturb_dependents(pdev, VFIO_TSM_REASON_RESET);
	/* Another module may bind it again while the driver clears up after its last bind. */
	do {
		vfio_pci_tsm_disturb(tvdev, VFIO_TSM_REASON_RESET);
		unlocked = vfio_pci_tsm_wait_unlocked(tvdev, deadline);
	} while (unlocked && vfio_pci_tsm_has_tdi(pdev) && time_before(jiffies, deadline));
	if (!unlocked || vfio_pci_tsm_has_tdi(pdev))
		pci_warn(pdev, "reset while the TDI is locked: the TSM is too slow\n");
	vfio_pci_tsm_wait_dependents(pdev, deadline);
}

/* This also ends recovery, whose end the PCI core does not report for CXL memory devices. */
static void reset_done(struct pci_dev *pdev)
{
	struct vfio_pci_tsm_device *tvdev = pdev_to_tvdev(pdev);

	clear_bit(VFIO_PCI_TSM_RECOVERING, &tvdev->flags);
	clear_bit(VFIO_PCI_TSM_RESETTING, &tvdev->flags);
}

/*
 * A fatal error on the way to the function, or in it, ends the secure IDE stream, and
 * recovery resets the link. After other errors, such as a neighbour's unsupported request,
 * the link works, and TDISP does not require the TDI to end. If a driver wants the bus to
 * be reset then, that is refused as any other reset. VFs may be on buses that recovery does
 * not walk. For a root complex it does not walk any bus.
 *
 * Context: under the device lock, with pci_bus_sem held.
 */
static pci_ers_result_t error_detected(struct pci_dev *pdev, pci_channel_state_t state)
{
	struct vfio_pci_tsm_device *tvdev = pdev_to_tvdev(pdev);

	/* A recovery that fails ends with this callback, and does not call error_resume(). */
	assign_bit(VFIO_PCI_TSM_RECOVERING, &tvdev->flags, state != pci_channel_io_perm_failure);
	if (state == pci_channel_io_frozen || pci_channel_offline(pdev)) {
		vfio_pci_tsm_disturb(tvdev, VFIO_TSM_REASON_AER);
		vfio_pci_tsm_disturb_dependents(pdev, VFIO_TSM_REASON_AER);
		vfio_pci_tsm_give_resets_for_recovery(pdev);
	}
	return vfio_pci_core_aer_err_detected(pdev, state);
}

static void error_resume(struct pci_dev *pdev)
{
	clear_bit(VFIO_PCI_TSM_RECOVERING, &pdev_to_tvdev(pdev)->flags);
}

const struct pci_error_handlers vfio_pci_tsm_err_handlers = {
	.error_detected = error_detected,
	.resume = error_resume,
	.reset_prepare = reset_prepare,
	.reset_done = reset_done,
};
