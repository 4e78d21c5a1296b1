// SPDX-License-Identifier: GPL-2.0-only
/*
 * Operations that are refused while the function is a locked TDI. PCIe r7.0 table
 * 11-2 lists the registers whose change sends a TDI to ERROR. The tables here list
 * the operations of VFIO that change them, or that make the host touch what belongs
 * to the guest now. Writes to configuration space have a table of their own, in
 * config.c; mappings are in mmap.c, resets by the host in resets.c, SR-IOV in
 * sriov.c, suspend in pm.c.
 */
#include <linux/uaccess.h>
#include <linux/vfio.h>
#include <linux/vfio_tsm.h>

#include "arg.h"
#include "config.h"
#include "ops.h"
#include "request.h"
#include "tdi.h"
#include "vfio_pci_tsm.h"

/*
 * What is seldom called, or needs a check, is noinline here: so the path of everything else
 * is as direct as possible.
 */

/* An operation that is let through. */
#define ALLOWED (-1)

struct refused {
	u32 what;
	enum vfio_tsm_blocked kind;
};

/* ioctls of the device file. */
static const struct refused refused_ioctls[] = {
	/* FLR; vfio_pci_ioctl_reset() */
	{ VFIO_DEVICE_RESET, VFIO_TSM_BLOCKED_RESET },
	/* Zaps BARs, then resets the secondary bus; vfio_pci_dev_set_hot_reset() */
	{ VFIO_DEVICE_PCI_HOT_RESET, VFIO_TSM_BLOCKED_HOT_RESET },
	/* Writes to a BAR from then on; vfio_pci_ioeventfd() */
	{ VFIO_DEVICE_IOEVENTFD, VFIO_TSM_BLOCKED_IOEVENTFD },
};

/* Features: every use of them, except to probe whether they exist. */
static const struct refused refused_features[] = {
	/* Zap BARs, and lose state in D3; vfio_pci_runtime_pm_entry() */
	{ VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY, VFIO_TSM_BLOCKED_LOW_POWER },
	{ VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY_WITH_WAKEUP, VFIO_TSM_BLOCKED_LOW_POWER },
};

/* Regions, by index; all others are refused as REGION. */
static const struct refused refused_regions[] = {
	/* Their contents belong to the guest; vfio_pci_bar_rw() */
	{ VFIO_PCI_BAR0_REGION_INDEX, VFIO_TSM_BLOCKED_BAR },
	{ VFIO_PCI_BAR1_REGION_INDEX, VFIO_TSM_BLOCKED_BAR },
	{ VFIO_PCI_BAR2_REGION_INDEX, VFIO_TSM_BLOCKED_BAR },
	{ VFIO_PCI_BAR3_REGION_INDEX, VFIO_TSM_BLOCKED_BAR },
	{ VFIO_PCI_BAR4_REGION_INDEX, VFIO_TSM_BLOCKED_BAR },
	{ VFIO_PCI_BAR5_REGION_INDEX, VFIO_TSM_BLOCKED_BAR },
	/* Flips the enable bit of the expansion ROM BAR; pci_map_rom() */
	{ VFIO_PCI_ROM_REGION_INDEX, VFIO_TSM_BLOCKED_ROM },
};

static int find_refused(const struct refused *table, size_t size, u32 what)
{
	for (size_t i = 0; i < size; i++) {
		if (table[i].what == what)
			return table[i].kind;
	}
	return ALLOWED;
}

static int refused_ioctl(unsigned int cmd)
{
	return find_refused(refused_ioctls, ARRAY_SIZE(refused_ioctls), cmd);
}

static int refused_feature(u32 flags)
{
	if (flags & VFIO_DEVICE_FEATURE_PROBE)
		return ALLOWED;
	return find_refused(refused_features, ARRAY_SIZE(refused_features),
			    flags & VFIO_DEVICE_FEATURE_MASK);
}

static bool is_config(loff_t pos)
{
	return VFIO_PCI_OFFSET_TO_INDEX(pos) == VFIO_PCI_CONFIG_REGION_INDEX;
}

static int refused_region(loff_t pos)
{
	int kind = find_refused(refused_regions, ARRAY_SIZE(refused_regions),
				VFIO_PCI_OFFSET_TO_INDEX(pos));

	return kind == ALLOWED ? VFIO_TSM_BLOCKED_REGION : kind;
}

/* Whether an operation of a kind is refused now. Low power would end the connection. */
static bool is_refused(struct vfio_pci_tsm_device *tvdev, int kind)
{
	if (kind == VFIO_TSM_BLOCKED_LOW_POWER && READ_ONCE(tvdev->core.pdev->tsm))
		return true;
	return vfio_pci_tsm_is_bound(tvdev);
}

/* End an operation that is refused. Return: -EBUSY. */
static noinline int refuse(struct vfio_pci_tsm_device *tvdev, int kind)
{
	vfio_tsm_blocked(tvdev->tdev, kind);
	vfio_pci_tsm_op_end(tvdev);
	return -EBUSY;
}

/*
 * Begin an operation of a kind that may be refused. An operation that is always allowed
 * does not wait for a bind, which takes as long as the TSM takes, and a bind does not wait
 * for it. Return: 0, and a bind waits until vfio_pci_tsm_op_end(); -EBUSY when it is
 * refused now; -EINTR.
 */
static int begin(struct vfio_pci_tsm_device *tvdev, int kind)
{
	int ret;

	ret = vfio_pci_tsm_op_begin(tvdev);
	if (ret)
		return ret;
	return is_refused(tvdev, kind) ? refuse(tvdev, kind) : 0;
}

/*
 * The same for an access to a region. There are many of these, so the kind is found only
 * for one that is refused.
 */
static inline int begin_region(struct vfio_pci_tsm_device *tvdev, loff_t pos)
{
	int ret;

	ret = vfio_pci_tsm_op_begin(tvdev);
	if (ret)
		return ret;
	return unlikely(vfio_pci_tsm_is_bound(tvdev)) ? refuse(tvdev, refused_region(pos)) : 0;
}

static noinline int ioctl_bind(struct vfio_pci_tsm_device *tvdev, unsigned long arg)
{
	struct vfio_pci_tsm_bind bind;
	int ret;

	ret = vfio_pci_tsm_copy_arg(&bind, sizeof(bind), offsetofend(struct vfio_pci_tsm_bind, pad),
				    arg);
	if (ret)
		return ret;
	if (bind.flags || bind.pad)
		return -EINVAL;
	return vfio_pci_tsm_bind(tvdev, bind.vdevice_id);
}

static noinline int ioctl_unbind(struct vfio_pci_tsm_device *tvdev, unsigned long arg)
{
	struct vfio_pci_tsm_unbind unbind;
	int ret;

	ret = vfio_pci_tsm_copy_arg(&unbind, sizeof(unbind),
				    offsetofend(struct vfio_pci_tsm_unbind, flags), arg);
	if (ret)
		return ret;
	if (unbind.flags)
		return -EINVAL;
	return vfio_pci_tsm_unbind(tvdev);
}

static noinline long ioctl_guarded(struct vfio_device *vdev, unsigned int cmd, unsigned long arg,
				   int kind)
{
	struct vfio_pci_tsm_device *tvdev = to_tvdev(vdev);
	long ret;

	ret = begin(tvdev, kind);
	if (ret)
		return ret;
	ret = vfio_pci_core_ioctl(vdev, cmd, arg);
	vfio_pci_tsm_op_end(tvdev);
	return ret;
}

long vfio_pci_tsm_ioctl(struct vfio_device *vdev, unsigned int cmd, unsigned long arg)
{
	struct vfio_pci_tsm_device *tvdev = to_tvdev(vdev);
	int kind;

	switch (cmd) {
	case VFIO_DEVICE_TSM_BIND:
		return ioctl_bind(tvdev, arg);
	case VFIO_DEVICE_TSM_UNBIND:
		return ioctl_unbind(tvdev, arg);
	case VFIO_DEVICE_TSM_REQ:
		return vfio_pci_tsm_guest_request(tvdev, arg);
	case VFIO_DEVICE_TSM_INFO:
		return vfio_pci_tsm_ioctl_info(tvdev, arg);
	case VFIO_DEVICE_TSM_EVENT:
		return vfio_pci_tsm_ioctl_event(tvdev, arg);
	}

	kind = refused_ioctl(cmd);
	if (kind == ALLOWED)
		return vfio_pci_core_ioctl(vdev, cmd, arg);
	return ioctl_guarded(vdev, cmd, arg, kind);
}

int vfio_pci_tsm_feature(struct vfio_device *vdev, u32 flags, void __user *arg, size_t argsz)
{
	struct vfio_pci_tsm_device *tvdev = to_tvdev(vdev);
	int kind = refused_feature(flags);
	int ret;

	if (kind == ALLOWED)
		return vfio_pci_core_ioctl_feature(vdev, flags, arg, argsz);
	ret = begin(tvdev, kind);
	if (ret)
		return ret;
	ret = vfio_pci_core_ioctl_feature(vdev, flags, arg, argsz);
	vfio_pci_tsm_op_end(tvdev);
	return ret;
}

/*
 * vfio-pci maps a ROM to find its size, and sets its enable bit for that. So while bound,
 * this returns what vfio-pci returned right before the bind. A function that another
 * module of the kernel bound shows no ROM then, unless its owner has bound it before.
 */
static noinline int rom_info(struct vfio_pci_tsm_device *tvdev, struct vfio_region_info *info,
			     struct vfio_info_cap *caps)
{
	int ret;

	ret = vfio_pci_tsm_op_begin(tvdev);
	if (ret)
		return ret;
	if (vfio_pci_tsm_is_bound(tvdev)) {
		info->offset = VFIO_PCI_INDEX_TO_OFFSET(info->index);
		info->size = tvdev->op.rom.size;
		info->flags = tvdev->op.rom.flags;
	} else {
		ret = vfio_pci_ioctl_get_region_info(&tvdev->core.vdev, info, caps);
	}
	vfio_pci_tsm_op_end(tvdev);
	return ret;
}

int vfio_pci_tsm_region_info(struct vfio_device *vdev, struct vfio_region_info *info,
			     struct vfio_info_cap *caps)
{
	if (info->index == VFIO_PCI_ROM_REGION_INDEX)
		return rom_info(to_tvdev(vdev), info, caps);
	return vfio_pci_ioctl_get_region_info(vdev, info, caps);
}

static noinline ssize_t read_region(struct vfio_device *vdev, char __user *buf, size_t count,
				    loff_t *ppos)
{
	struct vfio_pci_tsm_device *tvdev = to_tvdev(vdev);
	ssize_t ret;

	ret = begin_region(tvdev, *ppos);
	if (ret)
		return ret;
	ret = vfio_pci_core_read(vdev, buf, count, ppos);
	vfio_pci_tsm_op_end(tvdev);
	return ret;
}

ssize_t vfio_pci_tsm_read(struct vfio_device *vdev, char __user *buf, size_t count, loff_t *ppos)
{
	if (is_config(*ppos))
		return vfio_pci_core_read(vdev, buf, count, ppos);
	return read_region(vdev, buf, count, ppos);
}

/* Writes that vfio-pci must not mix with another one, so one at a time. */
static ssize_t write_alone(struct vfio_pci_tsm_device *tvdev, bool bound, u8 kinds,
			   const char __user *buf, size_t count, loff_t *ppos)
{
	ssize_t ret;

	ACQUIRE(mutex_kill, lock)(&tvdev->config.lock);
	ret = ACQUIRE_ERR(mutex_kill, &lock);
	if (ret)
		return ret;
	if (bound)
		return vfio_pci_tsm_config_write(tvdev, true, buf, count, ppos);
	if (kinds & VFIO_PCI_TSM_CONFIG_SHARED)
		return vfio_pci_tsm_config_write_shared(tvdev, buf, count, ppos);
	return vfio_pci_core_write(&tvdev->core.vdev, buf, count, ppos);
}

/*
 * A write to bytes that matter to a TDI. While a bind is at work, the write waits only if
 * it would be refused when the function is bound. While the bind still waits for earlier
 * operations, the write also waits for them: they may be resets.
 */
static ssize_t write_guarded(struct vfio_pci_tsm_device *tvdev, u8 kinds, const char __user *buf,
			     size_t count, loff_t *ppos)
{
	ssize_t ret;

	ret = vfio_pci_tsm_op_begin_unless_binding(tvdev);
	if (!ret) {
		ret = write_alone(tvdev, true, kinds, buf, count, ppos);
		if (ret != -EBUSY)
			return ret;
		ret = vfio_pci_tsm_op_begin(tvdev);
	}
	if (ret < 0)
		return ret;
	ret = write_alone(tvdev, vfio_pci_tsm_is_bound(tvdev), kinds, buf, count, ppos);
	vfio_pci_tsm_op_end(tvdev);
	return ret;
}

/* A write to configuration space that needs more than vfio-pci's own checks. */
static noinline ssize_t write_special(struct vfio_pci_tsm_device *tvdev, u8 kinds,
				      const char __user *buf, size_t count, loff_t *ppos)
{
	if ((kinds & VFIO_PCI_TSM_CONFIG_HOSTS) && vfio_pci_tsm_config_is_hosts(tvdev)) {
		vfio_tsm_blocked(tvdev->tdev, VFIO_TSM_BLOCKED_UNKNOWN);
		return -EBUSY;
	}
	if (kinds & VFIO_PCI_TSM_CONFIG_GUARDED)
		return write_guarded(tvdev, kinds, buf, count, ppos);
	return write_alone(tvdev, false, kinds, buf, count, ppos);
}

static noinline ssize_t write_region(struct vfio_device *vdev, const char __user *buf, size_t count,
				     loff_t *ppos)
{
	struct vfio_pci_tsm_device *tvdev = to_tvdev(vdev);
	ssize_t ret;

	ret = begin_region(tvdev, *ppos);
	if (ret)
		return ret;
	ret = vfio_pci_core_write(vdev, buf, count, ppos);
	vfio_pci_tsm_op_end(tvdev);
	return ret;
}

ssize_t vfio_pci_tsm_write(struct vfio_device *vdev, const char __user *buf, size_t count,
			   loff_t *ppos)
{
	struct vfio_pci_tsm_device *tvdev = to_tvdev(vdev);
	u8 kinds;

	if (!is_config(*ppos))
		return write_region(vdev, buf, count, ppos);
	kinds = vfio_pci_tsm_config_kinds(tvdev, *ppos, count);
	if (kinds)
		return write_special(tvdev, kinds, buf, count, ppos);
	return vfio_pci_core_write(vdev, buf, count, ppos);
}

/*
 * The IOMMU domain of a TDI stays as it is, and all functions of its group have the
 * same one. The functions below run under the device set's lock.
 */

int vfio_pci_tsm_attach_ioas(struct vfio_device *vdev, u32 *pt_id)
{
	struct vfio_pci_tsm_device *tvdev = to_tvdev(vdev);
	int ret;

	if (!vfio_pci_tsm_attach_begin(tvdev, vdev->iommufd_attached, VFIO_TSM_BLOCKED_ATTACH))
		return -EBUSY;
	ret = vfio_iommufd_physical_attach_ioas(vdev, pt_id);
	vfio_pci_tsm_attach_end(tvdev);
	return ret;
}

/* It cannot return an error. Closing the device detaches what is left. */
void vfio_pci_tsm_detach_ioas(struct vfio_device *vdev)
{
	struct vfio_pci_tsm_device *tvdev = to_tvdev(vdev);

	if (!vfio_pci_tsm_attach_begin(tvdev, false, VFIO_TSM_BLOCKED_DETACH))
		return;
	vfio_iommufd_physical_detach_ioas(vdev);
	vfio_pci_tsm_attach_end(tvdev);
}

int vfio_pci_tsm_pasid_attach_ioas(struct vfio_device *vdev, u32 pasid, u32 *pt_id)
{
	struct vfio_pci_tsm_device *tvdev = to_tvdev(vdev);
	int ret;

	if (!vfio_pci_tsm_attach_begin(tvdev, true, VFIO_TSM_BLOCKED_ATTACH))
		return -EBUSY;
	ret = vfio_iommufd_physical_pasid_attach_ioas(vdev, pasid, pt_id);
	vfio_pci_tsm_attach_end(tvdev);
	return ret;
}

void vfio_pci_tsm_pasid_detach_ioas(struct vfio_device *vdev, u32 pasid)
{
	struct vfio_pci_tsm_device *tvdev = to_tvdev(vdev);

	if (!vfio_pci_tsm_attach_begin(tvdev, true, VFIO_TSM_BLOCKED_DETACH))
		return;
	vfio_iommufd_physical_pasid_detach_ioas(vdev, pasid);
	vfio_pci_tsm_attach_end(tvdev);
}
