// SPDX-License-Identifier: GPL-2.0-only
/* The system does not go to sleep while a function is bound. */
#include <linux/pci.h>
#include <linux/suspend.h>

#include "vfio_pci_tsm.h"

/* How many suspends, hibernations and restores have been prepared and are not over. */
static atomic_t suspending;

/**
 * vfio_pci_tsm_is_suspending() - whether the system is on its way to sleep
 *
 * Return: true from a moment before the driver allows a suspend.
 *
 * Context: in a bind that has begun, false holds until the function is bound.
 */
bool vfio_pci_tsm_is_suspending(void)
{
	return atomic_read(&suspending);
}

/* A TDI does not survive sleep: its device loses power, or at least its state. */
static int refuse_suspend(struct vfio_pci_tsm_device *tvdev, void *refused)
{
	vfio_pci_tsm_refresh(tvdev);
	if (!vfio_pci_tsm_is_busy(tvdev))
		return 0;
	pci_warn(tvdev->core.pdev, "suspend refused: it is bound as a TDI\n");
	vfio_tsm_blocked(tvdev->tdev, VFIO_TSM_BLOCKED_SUSPEND);
	*(bool *)refused = true;
	return 0;
}

static int prepare_suspend(void)
{
	bool refused = false;

	atomic_inc(&suspending);
	vfio_pci_tsm_for_each(refuse_suspend, &refused);
	if (!refused)
		return 0;
	atomic_dec(&suspending);
	return -EBUSY;
}

static int pm_notify(struct notifier_block *nb, unsigned long action, void *unused)
{
	switch (action) {
	case PM_SUSPEND_PREPARE:
	case PM_HIBERNATION_PREPARE:
	case PM_RESTORE_PREPARE:
		return notifier_from_errno(prepare_suspend());
	case PM_POST_SUSPEND:
	case PM_POST_HIBERNATION:
	case PM_POST_RESTORE:
		/* The module may have been loaded after the suspend was prepared. */
		atomic_dec_if_positive(&suspending);
	}
	return NOTIFY_DONE;
}

struct notifier_block vfio_pci_tsm_pm_notifier = { .notifier_call = pm_notify };
