// SPDX-License-Identifier: GPL-2.0-only
/* Unbinds on request: VFIO_DEVICE_TSM_UNBIND, and the administrator's revoke. */
#include <linux/mutex.h>

#include "tdi.h"
#include "vfio_pci_tsm.h"

/* A reader of the state does not wait for PCI/TSM. */
static void tsm_refresh(void *priv)
{
	vfio_pci_tsm_refresh(priv);
}

static int tsm_revoke(void *priv)
{
	struct vfio_pci_tsm_device *tvdev = priv;
	int ret;

	ACQUIRE(mutex_intr, lock)(&tvdev->tdi.lock);
	ret = ACQUIRE_ERR(mutex_intr, &lock);
	if (ret)
		return ret;

	vfio_pci_tsm_refresh(tvdev);
	if (!vfio_pci_tsm_is_locked(tvdev))
		return 0;
	while (vfio_pci_tsm_is_locked(tvdev))
		vfio_pci_tsm_drop_locked(tvdev, VFIO_TSM_REASON_REVOKED);
	return vfio_tsm_is_quarantined(tvdev->tdev) ? -EIO : 0;
}

/* The guard checks each use for a quarantine, except for mappings: remove them. */
static int tsm_quarantined(void *priv)
{
	return vfio_pci_tsm_mmap_zap(priv);
}

static int tsm_can_bind(void *priv)
{
	struct vfio_pci_tsm_device *tvdev = priv;
	struct vfio_pci_tsm_view view;

	if (!vfio_pci_tsm_view(tvdev->core.pdev, &view))
		return -ENXIO;
	return vfio_pci_tsm_tsms_can_bind(&view);
}

const struct vfio_tsm_ops vfio_pci_tsm_ops = {
	.revoke = tsm_revoke,
	.quarantined = tsm_quarantined,
	.refresh = tsm_refresh,
	.can_bind = tsm_can_bind,
};

/**
 * vfio_pci_tsm_unbind() - VFIO_DEVICE_TSM_UNBIND
 * @tvdev: the device
 *
 * Return: 0, also when nothing is bound; -ENOTTY for a file that is not a cdev; -EBUSY
 * when another module of the kernel has bound it, and has to unbind it; -EIO when it was
 * quarantined before, or is now.
 *
 * Context: ioctl of the file that opened the device.
 */
int vfio_pci_tsm_unbind(struct vfio_pci_tsm_device *tvdev)
{
	enum vfio_pci_tsm_state state;

	if (!vfio_device_cdev_opened(&tvdev->core.vdev))
		return -ENOTTY;

	guard(mutex)(&tvdev->tdi.lock);
	vfio_pci_tsm_refresh(tvdev);
	/* Read once: an IDLE device can become FOREIGN, one that the owner has bound cannot. */
	state = READ_ONCE(tvdev->state.now);
	if (state == VFIO_PCI_TSM_FOREIGN)
		return -EBUSY;
	if (state >= VFIO_PCI_TSM_BOUND)
		vfio_pci_tsm_drop_locked(tvdev, VFIO_TSM_REASON_IOCTL);
	vfio_pci_tsm_acknowledge(tvdev, true);
	return vfio_tsm_is_quarantined(tvdev->tdev) ? -EIO : 0;
}
