// SPDX-License-Identifier: GPL-2.0-only
/*
 * VFIO_DEVICE_TSM_EVENT: the eventfd by which the owner learns of changes that it did not
 * make. vfio_tsm keeps it, because each change is published there: it signals the eventfd
 * under the lock of the publication, and drops it when the device is closed.
 */
#include <linux/eventfd.h>
#include <linux/uaccess.h>
#include <linux/vfio_tsm.h>

#include "arg.h"
#include "request.h"
#include "vfio_pci_tsm.h"

/**
 * vfio_pci_tsm_ioctl_event() - VFIO_DEVICE_TSM_EVENT
 * @tvdev: the device
 * @arg: user address of a struct vfio_pci_tsm_event
 *
 * Return: 0, or a negative errno, as in <linux/vfio_tsm.h>; with an error, the eventfd that
 * was set before stays.
 *
 * Context: ioctl of the file that opened the device. Does not wait for PCI/TSM.
 */
int vfio_pci_tsm_ioctl_event(struct vfio_pci_tsm_device *tvdev, unsigned long arg)
{
	struct eventfd_ctx *ctx = NULL;
	struct vfio_pci_tsm_event event;
	int ret;

	ret = vfio_pci_tsm_copy_arg(&event, sizeof(event),
				    offsetofend(struct vfio_pci_tsm_event, pad), arg);
	if (ret)
		return ret;
	if (event.flags || event.pad || event.eventfd < -1)
		return -EINVAL;
	if (!vfio_device_cdev_opened(&tvdev->core.vdev))
		return -ENOTTY;

	if (event.eventfd >= 0) {
		ctx = eventfd_ctx_fdget(event.eventfd);
		if (IS_ERR(ctx))
			return PTR_ERR(ctx);
	}
	vfio_tsm_set_event(tvdev->tdev, ctx);
	return 0;
}
