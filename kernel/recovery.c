// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the PCI core reports of a function: a reset begins or has ended, an
 * uncorrectable error was detected, recovery from it has ended.
 *
 * A reset that could not be refused finds the function unbound when it begins:
 * reset_prepare() comes first, and for a PF or function 0 on this driver it unbinds
 * the functions that depend on it. A driver does not hear of a forced reset of a
 * bridge, or of a PF or function 0 on another driver.
 *
 * Recovery from an error wants the bus reset, and asks whether it can be. So an error
 * turns resets on again at once: of the function itself, and of a PF for its VFs,
 * which recovery may not walk. With the PF on another driver, such a VF keeps the
 * recovery from a reset until its watch has found it lost.
 */
#include <linux/pci.h>
#include <linux/workqueue.h>

#include "vfio_pci_tsm.h"

/*
 * Whether recovery from an error is at work on a function of this driver. A PF does
 * not leave the driver as long as a VF of it is in use: its VFs go first, and one
 * that has some is not probed.
 */
static bool is_recovering(struct pci_dev *pdev)
{
	if (READ_ONCE(pdev->dev.driver) != &vfio_pci_tsm_driver.driver)
		return false;
	/* Not there yet while the driver is being bound to it */
	return dev_get_drvdata(&pdev->dev) &&
	       test_bit(VFIO_PCI_TSM_RECOVERING, &pdev_to_tvdev(pdev)->flags);
}

/**
 * vfio_pci_tsm_has_error() - whether an error came, or is being recovered from
 * @tvdev: the device, with the flag AER cleared since what is to be known began
 *
 * Return: true for an error of the function, a fatal one of its PF or DSM, and for
 * recovery of its PF from any, as far as that is on this driver.
 *
 * Context: under tdi.lock.
 */
bool vfio_pci_tsm_has_error(struct vfio_pci_tsm_device *tvdev)
{
	struct pci_dev *pdev = tvdev->core.pdev;

	return test_bit(VFIO_PCI_TSM_AER, &tvdev->flags) || is_recovering(pdev) ||
	       is_recovering(pci_physfn(pdev)) || pci_channel_offline(pdev) ||
	       pci_channel_offline(pci_physfn(pdev)) ||
	       (tvdev->hold.dsm && pci_channel_offline(tvdev->hold.dsm));
}

/* Under the device lock, perhaps the device set's lock and memory_lock as well. */
static void reset_prepare(struct pci_dev *pdev)
{
	struct vfio_pci_tsm_device *tvdev = pdev_to_tvdev(pdev);

	scoped_guard(mutex, &tvdev->tdi.lock) {
		set_bit(VFIO_PCI_TSM_RESETTING, &tvdev->flags);
		if (vfio_pci_tsm_state_is(tvdev, VFIO_PCI_TSM_BOUND))
			vfio_pci_tsm_drop_locked(tvdev, VFIO_TSM_REASON_RESET);
	}
	/* A PF's reset is its VFs' as well, and a DSM's harms all that it serves. */
	vfio_pci_tsm_lose_dependents(pdev);
}

static void reset_done(struct pci_dev *pdev)
{
	struct vfio_pci_tsm_device *tvdev = pdev_to_tvdev(pdev);

	guard(mutex)(&tvdev->tdi.lock);
	clear_bit(VFIO_PCI_TSM_RESETTING, &tvdev->flags);
}

/*
 * An uncorrectable error on the way to the function, or in it: a secure IDE
 * stream ends with it, and recovery may reset the link. This comes with
 * pci_bus_sem held, which PCI/TSM takes below its own lock, so the TDI cannot be
 * unbound here: whoever looks at the device next does it, the watch at once.
 */
static pci_ers_result_t error_detected(struct pci_dev *pdev, pci_channel_state_t state)
{
	struct vfio_pci_tsm_device *tvdev = pdev_to_tvdev(pdev);

	/* A recovery that has failed ends with this, and has no error_resume(). */
	assign_bit(VFIO_PCI_TSM_RECOVERING, &tvdev->flags, state != pci_channel_io_perm_failure);
	set_bit(VFIO_PCI_TSM_AER, &tvdev->flags);
	set_bit(VFIO_PCI_TSM_TELL_OTHERS, &tvdev->flags);
	vfio_pci_tsm_give_resets_for_recovery(pdev);
	mod_delayed_work(system_freezable_power_efficient_wq, &tvdev->watch, 0);
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
