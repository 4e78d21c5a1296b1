// SPDX-License-Identifier: GPL-2.0-only
/*
 * The iommufd vDEVICE that a bind names. It is built only for kernels whose iommufd
 * can look one up (kernel/patches); for others vfio_pci_tsm.h has stubs. The vDEVICE is
 * held from before the TDI is locked until after it is unlocked, so that one requester ID
 * means the same function to the guest's vIOMMU and to the TSM.
 */
#include <linux/iommufd.h>
#include <linux/module.h>

#include "vfio_pci_tsm.h"

MODULE_IMPORT_NS("IOMMUFD");

/**
 * vfio_pci_tsm_get_vdevice() - hold a vDEVICE for a bind
 * @tvdev: the device, open by its cdev and not bound
 * @id: ID of a vDEVICE of this device, in the iommufd that it is bound to
 * @tdi_id: gets its virt_id, the guest's requester ID of the function
 *
 * Return: 0; -ENOENT when there is no such vDEVICE, or it belongs to another device;
 * -EOVERFLOW when its virt_id is not an ID that a TDI can have. With an error, none is
 * held.
 *
 * Context: with operations stopped.
 */
int vfio_pci_tsm_get_vdevice(struct vfio_pci_tsm_device *tvdev, u32 id, u32 *tdi_id)
{
	struct iommufd_device *idev = tvdev->core.vdev.iommufd_device;
	struct iommufd_vdevice *vdevice;

	if (!idev)
		return -ENOENT;
	vdevice = iommufd_device_get_vdevice(idev, id);
	if (IS_ERR(vdevice))
		return PTR_ERR(vdevice);

	if (vdevice->virt_id > U32_MAX) {
		iommufd_device_put_vdevice(idev, vdevice);
		return -EOVERFLOW;
	}
	*tdi_id = vdevice->virt_id;
	tvdev->op.vdevice = vdevice;
	return 0;
}

/**
 * vfio_pci_tsm_put_vdevice() - put the vDEVICE of a bind, if there is one
 * @tvdev: the device, not bound any more
 *
 * Context: under tdi.lock, or with operations stopped when the bind has failed;
 * before the device leaves its iommufd, which is after the last close.
 */
void vfio_pci_tsm_put_vdevice(struct vfio_pci_tsm_device *tvdev)
{
	/* A bind of a device that is lost may fail while another module's TDI leaves. */
	struct iommufd_vdevice *vdevice = xchg(&tvdev->op.vdevice, NULL);

	if (vdevice)
		iommufd_device_put_vdevice(tvdev->core.vdev.iommufd_device, vdevice);
}
