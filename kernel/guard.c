// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is refused while the function is a locked TDI. PCIe r7.0 table 11-2 has
 * the registers whose change sends a TDI to ERROR; the tables here have the
 * operations of VFIO that lead to them, or that make the host touch what is the
 * guest's now.
 */
#include <linux/vfio.h>
#include <linux/vfio_tsm.h>

#include "vfio_pci_tsm.h"

/* ioctls of the device file. */
static const unsigned int refused_ioctls[] = {
	/* FLR; vfio_pci_ioctl_reset() */
	VFIO_DEVICE_RESET,
	/* Secondary bus reset, and zaps before; vfio_pci_dev_set_hot_reset() */
	VFIO_DEVICE_PCI_HOT_RESET,
	/* Would write to a BAR from then on; vfio_pci_ioeventfd() */
	VFIO_DEVICE_IOEVENTFD,
};

/* Features, whatever is asked of them but whether they are there. */
static const u32 refused_features[] = {
	/* Zap, and lose state in D3; vfio_pci_runtime_pm_entry() */
	VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY,
	VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY_WITH_WAKEUP,
};

static bool is_refused_ioctl(unsigned int cmd)
{
	for (int i = 0; i < ARRAY_SIZE(refused_ioctls); i++) {
		if (refused_ioctls[i] == cmd)
			return true;
	}
	return false;
}

static bool is_refused_feature(u32 flags)
{
	if (flags & VFIO_DEVICE_FEATURE_PROBE)
		return false;

	for (int i = 0; i < ARRAY_SIZE(refused_features); i++) {
		if (refused_features[i] == (flags & VFIO_DEVICE_FEATURE_MASK))
			return true;
	}
	return false;
}

/*
 * Regions but for configuration space: BARs, whose contents are the guest's, the
 * ROM, which is read by flipping its enable bit, and VGA.
 */
static bool is_refused_region(loff_t pos)
{
	return VFIO_PCI_OFFSET_TO_INDEX(pos) != VFIO_PCI_CONFIG_REGION_INDEX;
}

/*
 * Begins an operation: 0, and a bind waits until op_end(); or -EBUSY when it is
 * one that a bound device refuses.
 */
static int op_begin(struct vfio_pci_tsm_device *tsm, bool refused)
{
	if (down_read_killable(&tsm->op_sem))
		return -EINTR;
	if (refused && READ_ONCE(tsm->bound)) {
		up_read(&tsm->op_sem);
		return -EBUSY;
	}
	return 0;
}

static void op_end(struct vfio_pci_tsm_device *tsm)
{
	up_read(&tsm->op_sem);
}

long vfio_pci_tsm_ioctl(struct vfio_device *vdev, unsigned int cmd, unsigned long arg)
{
	struct vfio_pci_tsm_device *tsm = to_tsm_device(vdev);
	long ret;

	switch (cmd) {
	case VFIO_DEVICE_TSM_BIND:
		return vfio_pci_tsm_bind(tsm, arg);
	case VFIO_DEVICE_TSM_UNBIND:
		return vfio_pci_tsm_unbind(tsm, arg);
	}

	ret = op_begin(tsm, is_refused_ioctl(cmd));
	if (ret)
		return ret;
	ret = vfio_pci_core_ioctl(vdev, cmd, arg);
	op_end(tsm);
	return ret;
}

int vfio_pci_tsm_feature(struct vfio_device *vdev, u32 flags, void __user *arg, size_t argsz)
{
	struct vfio_pci_tsm_device *tsm = to_tsm_device(vdev);
	int ret;

	ret = op_begin(tsm, is_refused_feature(flags));
	if (ret)
		return ret;
	ret = vfio_pci_core_ioctl_feature(vdev, flags, arg, argsz);
	op_end(tsm);
	return ret;
}

int vfio_pci_tsm_region_info(struct vfio_device *vdev, struct vfio_region_info *info,
			     struct vfio_info_cap *caps)
{
	struct vfio_pci_tsm_device *tsm = to_tsm_device(vdev);
	int ret;

	/* To tell the size of a ROM, vfio-pci maps it, through its enable bit. */
	ret = op_begin(tsm, info->index == VFIO_PCI_ROM_REGION_INDEX);
	if (ret)
		return ret;
	ret = vfio_pci_ioctl_get_region_info(vdev, info, caps);
	op_end(tsm);
	return ret;
}

ssize_t vfio_pci_tsm_read(struct vfio_device *vdev, char __user *buf, size_t count, loff_t *ppos)
{
	struct vfio_pci_tsm_device *tsm = to_tsm_device(vdev);
	ssize_t ret;

	ret = op_begin(tsm, is_refused_region(*ppos));
	if (ret)
		return ret;
	ret = vfio_pci_core_read(vdev, buf, count, ppos);
	op_end(tsm);
	return ret;
}

ssize_t vfio_pci_tsm_write(struct vfio_device *vdev, const char __user *buf, size_t count,
			   loff_t *ppos)
{
	struct vfio_pci_tsm_device *tsm = to_tsm_device(vdev);
	ssize_t ret;

	ret = op_begin(tsm, is_refused_region(*ppos));
	if (ret)
		return ret;
	ret = vfio_pci_core_write(vdev, buf, count, ppos);
	op_end(tsm);
	return ret;
}

/*
 * The IOMMU domain of a TDI stays as it is. These run under the device set's
 * lock, as a bind does, so a false @bound stays false until they are through.
 */

int vfio_pci_tsm_attach_ioas(struct vfio_device *vdev, u32 *pt_id)
{
	if (READ_ONCE(to_tsm_device(vdev)->bound))
		return -EBUSY;
	return vfio_iommufd_physical_attach_ioas(vdev, pt_id);
}

/* Cannot answer; closing the device detaches what is left. */
void vfio_pci_tsm_detach_ioas(struct vfio_device *vdev)
{
	if (READ_ONCE(to_tsm_device(vdev)->bound))
		return;
	vfio_iommufd_physical_detach_ioas(vdev);
}

int vfio_pci_tsm_pasid_attach_ioas(struct vfio_device *vdev, u32 pasid, u32 *pt_id)
{
	if (READ_ONCE(to_tsm_device(vdev)->bound))
		return -EBUSY;
	return vfio_iommufd_physical_pasid_attach_ioas(vdev, pasid, pt_id);
}

void vfio_pci_tsm_pasid_detach_ioas(struct vfio_device *vdev, u32 pasid)
{
	if (READ_ONCE(to_tsm_device(vdev)->bound))
		return;
	vfio_iommufd_physical_pasid_detach_ioas(vdev, pasid);
}
