// SPDX-License-Identifier: GPL-2.0-only
/*
 * /sys/bus/pci/devices/ADDR/vfio_tsm/, while the function is on the driver: its state
 * as in configfs, for processes that may only read, and counters. ABI/ describes each
 * file.
 */
#include <linux/device.h>
#include <linux/export.h>
#include <linux/sysfs.h>

#include "internal.h"

static struct vfio_tsm_dev *find(struct device *device)
{
	return vfio_tsm_find(vfio_tsm_index_of(to_pci_dev(device)));
}

#define VFIO_TSM_SYSFS_ATTR(_name, _text)                                                 \
	static ssize_t _name##_show(struct device *device, struct device_attribute *attr, \
				    char *page)                                           \
	{                                                                                 \
		struct vfio_tsm_dev *dev __free(vfio_tsm_put) = find(device);             \
		return dev ? _text(dev, page, vfio_tsm_format_##_name) : -ENODEV;         \
	}                                                                                 \
	static DEVICE_ATTR_RO(_name)

VFIO_TSM_SYSFS_ATTR(state, vfio_tsm_show_fresh);
VFIO_TSM_SYSFS_ATTR(region_mode, vfio_tsm_show);
VFIO_TSM_SYSFS_ATTR(bound, vfio_tsm_show_fresh);
VFIO_TSM_SYSFS_ATTR(tdi_id, vfio_tsm_show_fresh);
VFIO_TSM_SYSFS_ATTR(vdevice_id, vfio_tsm_show_fresh);
VFIO_TSM_SYSFS_ATTR(origin, vfio_tsm_show_fresh);
VFIO_TSM_SYSFS_ATTR(owner, vfio_tsm_show);
VFIO_TSM_SYSFS_ATTR(generation, vfio_tsm_show_fresh);
VFIO_TSM_SYSFS_ATTR(open_count, vfio_tsm_show);
VFIO_TSM_SYSFS_ATTR(bind_count, vfio_tsm_show);
VFIO_TSM_SYSFS_ATTR(loss_count, vfio_tsm_show_fresh);
VFIO_TSM_SYSFS_ATTR(last_error, vfio_tsm_show);
VFIO_TSM_SYSFS_ATTR(last_unbind, vfio_tsm_show_fresh);
VFIO_TSM_SYSFS_ATTR(blocked, vfio_tsm_show);
VFIO_TSM_SYSFS_ATTR(requests, vfio_tsm_show);
VFIO_TSM_SYSFS_ATTR(last_request, vfio_tsm_show);
VFIO_TSM_SYSFS_ATTR(tdi_state, vfio_tsm_show);
VFIO_TSM_SYSFS_ATTR(admission, vfio_tsm_show);
VFIO_TSM_SYSFS_ATTR(admitted, vfio_tsm_show);

static ssize_t can_bind_show(struct device *device, struct device_attribute *attr, char *page)
{
	struct vfio_tsm_dev *dev __free(vfio_tsm_put) = find(device);

	return dev ? vfio_tsm_show_can_bind(dev, page) : -ENODEV;
}
static DEVICE_ATTR_RO(can_bind);

static ssize_t summary_show(struct device *device, struct device_attribute *attr, char *page)
{
	struct vfio_tsm_dev *dev __free(vfio_tsm_put) = find(device);

	return dev ? vfio_tsm_show_summary(dev, page) : -ENODEV;
}
static DEVICE_ATTR_RO(summary);

static struct attribute *vfio_tsm_sysfs_attrs[] = {
	&dev_attr_state.attr,
	&dev_attr_region_mode.attr,
	&dev_attr_bound.attr,
	&dev_attr_tdi_id.attr,
	&dev_attr_vdevice_id.attr,
	&dev_attr_origin.attr,
	&dev_attr_owner.attr,
	&dev_attr_generation.attr,
	&dev_attr_open_count.attr,
	&dev_attr_bind_count.attr,
	&dev_attr_loss_count.attr,
	&dev_attr_last_error.attr,
	&dev_attr_last_unbind.attr,
	&dev_attr_blocked.attr,
	&dev_attr_requests.attr,
	&dev_attr_last_request.attr,
	&dev_attr_tdi_state.attr,
	&dev_attr_admission.attr,
	&dev_attr_admitted.attr,
	/* of the TSMs of the host */
	&dev_attr_can_bind.attr,
	&dev_attr_summary.attr,
	NULL,
};

static const struct attribute_group vfio_tsm_sysfs_group = {
	.name = VFIO_TSM_SYSFS_DIR,
	.attrs = vfio_tsm_sysfs_attrs,
};

/* For the driver's dev_groups: made after its probe, removed before its remove. */
const struct attribute_group *vfio_tsm_sysfs_groups[] = {
	&vfio_tsm_sysfs_group,
	&vfio_tsm_evidence_group,
	NULL,
};
EXPORT_SYMBOL_GPL(vfio_tsm_sysfs_groups);
