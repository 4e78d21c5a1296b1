// SPDX-License-Identifier: GPL-2.0-only
/* Unbinds that somebody asks for: VFIO_DEVICE_TSM_UNBIND, and the administrator's revoke. */
#include <linux/mutex.h>

#include "vfio_pci_tsm.h"

/*
 * Who reads the state does not wait for a TSM that is slow to change it, or, where
 * it has just begun, can at least be killed.
 */
static void tsm_refresh(void *priv)
{
	struct vfio_pci_tsm_device *tvdev = priv;

	if (test_bit(VFIO_PCI_TSM_IN_TSM, &tvdev->flags))
		return;
	ACQUIRE(mutex_intr, lock)(&tvdev->tdi.lock);
	if (!ACQUIRE_ERR(mutex_intr, &lock))
		vfio_pci_tsm_refresh_locked(tvdev);
}

static int tsm_revoke(void *priv)
{
	struct vfio_pci_tsm_device *tvdev = priv;
	int ret;

	ACQUIRE(mutex_intr, lock)(&tvdev->tdi.lock);
	ret = ACQUIRE_ERR(mutex_intr, &lock);
	if (ret)
		return ret;

	vfio_pci_tsm_refresh_locked(tvdev);
	if (vfio_pci_tsm_state_is(tvdev, VFIO_PCI_TSM_BOUND))
		vfio_pci_tsm_drop_locked(tvdev, VFIO_TSM_REASON_REVOKED);
	return 0;
}

const struct vfio_tsm_ops vfio_pci_tsm_ops = {
	.revoke = tsm_revoke,
	.refresh = tsm_refresh,
};

/**
 * vfio_pci_tsm_unbind() - VFIO_DEVICE_TSM_UNBIND
 * @tvdev: the device
 *
 * Return: 0, also when nothing is bound; -ENOTTY for a file that is not a cdev.
 *
 * Context: ioctl of the file that opened the device.
 */
int vfio_pci_tsm_unbind(struct vfio_pci_tsm_device *tvdev)
{
	if (!vfio_device_cdev_opened(&tvdev->core.vdev))
		return -ENOTTY;

	guard(mutex)(&tvdev->tdi.lock);
	vfio_pci_tsm_refresh_locked(tvdev);
	if (vfio_pci_tsm_state_is(tvdev, VFIO_PCI_TSM_BOUND)) {
		vfio_pci_tsm_drop_locked(tvdev, VFIO_TSM_REASON_IOCTL);
	} else if (vfio_pci_tsm_state_is(tvdev, VFIO_PCI_TSM_LOST)) {
		vfio_pci_tsm_set_state(tvdev, VFIO_PCI_TSM_IDLE);
		vfio_tsm_acknowledged(tvdev->tdev);
	}
	return 0;
}
