// SPDX-License-Identifier: GPL-2.0-only
/* VFIO_DEVICE_TSM_INFO: the state of a device, for an owner that has no sysfs. */
#include <linux/kconfig.h>
#include <linux/uaccess.h>
#include <linux/vfio_tsm.h>

#include "arg.h"
#include "request.h"
#include "vfio_pci_tsm.h"

/* The numbers of the ABI are those of the kernel, except for the state. */
#define SAME(_user, _kernel) \
	static_assert((u32)(VFIO_TSM_##_kernel) == (u32)VFIO_PCI_TSM_INFO_##_user)
SAME(TDI_UNKNOWN, TDI_UNKNOWN);
SAME(TDI_UNLOCKED, TDI_UNLOCKED);
SAME(TDI_LOCKED, TDI_LOCKED);
SAME(TDI_RUN, TDI_RUN);
SAME(TDI_ERROR, TDI_ERROR);
SAME(REASON_NONE, REASON_NONE);
SAME(REASON_IOCTL, REASON_IOCTL);
SAME(REASON_CLOSE, REASON_CLOSE);
SAME(REASON_REVOKED, REASON_REVOKED);
SAME(REASON_RESET, REASON_RESET);
SAME(REASON_LOST, REASON_LOST);
SAME(REASON_AER, REASON_AER);
SAME(REASON_REMOVED, REASON_REMOVED);
SAME(REASON_FOREIGN, REASON_FOREIGN);
SAME(REASON_DRIVER, REASON_DRIVER);
SAME(REASON_DRIVER, NR_REASONS - 1);

static u32 number_of(const struct vfio_tsm_info *now)
{
	switch (now->state) {
	case VFIO_TSM_BOUND:
		return now->bound.foreign ? VFIO_PCI_TSM_INFO_STATE_FOREIGN :
					    VFIO_PCI_TSM_INFO_STATE_BOUND;
	case VFIO_TSM_LOST:
		return VFIO_PCI_TSM_INFO_STATE_LOST;
	case VFIO_TSM_QUARANTINED:
		return VFIO_PCI_TSM_INFO_STATE_QUARANTINED;
	default:
		return VFIO_PCI_TSM_INFO_STATE_OPEN;
	}
}

/* What this kernel and the TSM offer now. */
static u64 find_caps(struct vfio_pci_tsm_device *tvdev)
{
	struct vfio_pci_tsm_view view;
	u64 caps = 0;

	if (__is_defined(VFIO_PCI_TSM_VDEVICE))
		caps |= VFIO_PCI_TSM_INFO_CAP_VDEVICE;
	if (tvdev->regions.mode == VFIO_TSM_REGIONS_EXCLUSIVE)
		caps |= VFIO_PCI_TSM_INFO_CAP_EXCLUSIVE;
	if (!vfio_pci_tsm_view(tvdev->core.pdev, &view))
		return caps;
	if (vfio_pci_tsm_tsms_can_bind(&view))
		caps |= VFIO_PCI_TSM_INFO_CAP_BIND;
	if (vfio_pci_tsm_tsms_take_requests(&view))
		caps |= VFIO_PCI_TSM_INFO_CAP_REQ;
	return caps;
}

/**
 * vfio_pci_tsm_ioctl_info() - VFIO_DEVICE_TSM_INFO
 * @tvdev: the device
 * @arg: user address of a struct vfio_pci_tsm_info
 *
 * Return: 0, or a negative errno, as in <linux/vfio_tsm.h>.
 *
 * Context: ioctl of the file that opened the device. Does not wait for PCI/TSM.
 */
int vfio_pci_tsm_ioctl_info(struct vfio_pci_tsm_device *tvdev, unsigned long arg)
{
	struct vfio_pci_tsm_info info;
	struct vfio_tsm_info now;
	size_t size;
	int ret;

	ret = vfio_pci_tsm_copy_arg(&info, sizeof(info),
				    offsetofend(struct vfio_pci_tsm_info, caps), arg);
	if (ret)
		return ret;
	size = min(info.argsz, sizeof(info));
	if (info.flags)
		return -EINVAL;
	if (!vfio_device_cdev_opened(&tvdev->core.vdev))
		return -ENOTTY;

	vfio_pci_tsm_refresh(tvdev);
	vfio_tsm_get_info(tvdev->tdev, &now);
	info = (struct vfio_pci_tsm_info){
		.argsz = size,
		.state = number_of(&now),
		.tdi_state = now.tdi_state,
		.tdi_id = now.bound.tdi_id,
		.vdevice_id = now.bound.vdevice_id,
		.reason = now.last_unbind,
		.generation = now.generation,
		.caps = find_caps(tvdev),
	};
	return copy_to_user((void __user *)arg, &info, size) ? -EFAULT : 0;
}
