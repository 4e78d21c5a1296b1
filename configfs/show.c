// SPDX-License-Identifier: GPL-2.0-only
/*
 * A device as text, for configfs and sysfs alike: one function that takes the lock,
 * and one that formats for each attribute. ABI/ describes each value.
 */
#include <linux/pci.h>
#include <linux/sysfs.h>

#include "internal.h"

/**
 * vfio_tsm_show() - the text of an attribute
 * @dev: the device
 * @page: gets the text and a newline
 * @format: writes it; everything that it reads is of one moment
 *
 * Return: the length.
 *
 * Context: no lock held; waits for nothing that depends on a TSM.
 */
int vfio_tsm_show(struct vfio_tsm_dev *dev, char *page,
		  int (*format)(const struct vfio_tsm_dev *dev, char *page))
{
	guard(mutex)(&dev->lock);
	return format(dev, page);
}

/**
 * vfio_tsm_refresh() - have the driver look whether the TSM still has the TDI
 * @dev: the device
 *
 * The TSM does not report that it lets a TDI go. So the driver looks, except while it
 * detaches from the function: there is no TDI any more then.
 *
 * Context: no lock held; may wait for the driver to look at the TSM.
 */
void vfio_tsm_refresh(struct vfio_tsm_dev *dev)
{
	ACQUIRE(rwsem_read_try, live)(&dev->live);
	if (!ACQUIRE_ERR(rwsem_read_try, &live) && dev->ops)
		dev->ops->refresh(dev->priv);
}

/**
 * vfio_tsm_show_fresh() - the text of an attribute that depends on the TSM
 * @dev: the device
 * @page: gets the text and a newline
 * @format: writes it, after vfio_tsm_refresh()
 *
 * Return: the length.
 *
 * Context: no lock held; may wait for the driver to look at the TSM.
 */
int vfio_tsm_show_fresh(struct vfio_tsm_dev *dev, char *page,
			int (*format)(const struct vfio_tsm_dev *dev, char *page))
{
	vfio_tsm_refresh(dev);
	return vfio_tsm_show(dev, page, format);
}

/**
 * vfio_tsm_show_can_bind() - the text of can_bind
 * @dev: the device
 * @page: gets the text and a newline
 *
 * Return: the length.
 *
 * Context: no lock held; waits for nothing that depends on a TSM.
 */
int vfio_tsm_show_can_bind(struct vfio_tsm_dev *dev, char *page)
{
	int can = -ENXIO;

	ACQUIRE(rwsem_read_try, live)(&dev->live);
	if (!ACQUIRE_ERR(rwsem_read_try, &live) && dev->ops)
		can = dev->ops->can_bind(dev->priv);
	return can < 0 ? sysfs_emit(page, "unknown\n") : sysfs_emit(page, "%d\n", can);
}

/* The functions below are called under vfio_tsm_dev::lock. Each returns the length. */

static bool is_bound(const struct vfio_tsm_dev *dev)
{
	return dev->state == VFIO_TSM_BOUND;
}

static int emit_none(char *page)
{
	return sysfs_emit(page, "none\n");
}

int vfio_tsm_format_state(const struct vfio_tsm_dev *dev, char *page)
{
	return sysfs_emit(page, "%s\n", vfio_tsm_state_words[vfio_tsm_shown_state(dev)]);
}

int vfio_tsm_format_region_mode(const struct vfio_tsm_dev *dev, char *page)
{
	return sysfs_emit(page, "%s\n", vfio_tsm_region_active_words[dev->report.region_mode]);
}

int vfio_tsm_format_bound(const struct vfio_tsm_dev *dev, char *page)
{
	return sysfs_emit(page, "%d\n", is_bound(dev));
}

/* When bound, the ID that the TSM was given; otherwise the configured one. */
int vfio_tsm_format_tdi_id(const struct vfio_tsm_dev *dev, char *page)
{
	char text[16];

	if (!is_bound(dev) && !dev->policy.has_tdi_id)
		return emit_none(page);
	vfio_tsm_print_tdi_id(text, sizeof(text),
			      is_bound(dev) ? dev->report.bound.tdi_id : dev->policy.tdi_id);
	return sysfs_emit(page, "%s\n", text);
}

int vfio_tsm_format_vdevice_id(const struct vfio_tsm_dev *dev, char *page)
{
	u32 id = is_bound(dev) ? dev->report.bound.vdevice_id : 0;

	return id ? sysfs_emit(page, "%u\n", id) : emit_none(page);
}

int vfio_tsm_format_tsm(const struct vfio_tsm_dev *dev, char *page)
{
	return is_bound(dev) ? sysfs_emit(page, "tsm%d\n", dev->report.bound.tsm_id) :
			       emit_none(page);
}

int vfio_tsm_format_origin(const struct vfio_tsm_dev *dev, char *page)
{
	if (!is_bound(dev))
		return emit_none(page);
	return sysfs_emit(page, "%s\n", dev->report.bound.foreign ? "foreign" : "vfio");
}

int vfio_tsm_format_quarantine(const struct vfio_tsm_dev *dev, char *page)
{
	return sysfs_emit(page, "%d\n", !!dev->quarantine);
}

/* If the process is gone, its number is not shown: another process can get it. */
int vfio_tsm_format_owner(const struct vfio_tsm_dev *dev, char *page)
{
	bool there = dev->owner && pid_has_task(dev->owner, PIDTYPE_TGID);
	pid_t pid = there ? pid_vnr(dev->owner) : 0;

	return pid ? sysfs_emit(page, "%d\n", pid) : emit_none(page);
}

int vfio_tsm_format_last_error(const struct vfio_tsm_dev *dev, char *page)
{
	if (!dev->report.last_error)
		return sysfs_emit(page, "0\n");
	return sysfs_emit(page, "%d %s\n", dev->report.last_error,
			  vfio_tsm_stage_words[dev->report.last_stage]);
}

int vfio_tsm_format_generation(const struct vfio_tsm_dev *dev, char *page)
{
	return sysfs_emit(page, "%llu\n", dev->generation);
}

int vfio_tsm_format_last_unbind(const struct vfio_tsm_dev *dev, char *page)
{
	return sysfs_emit(page, "%s\n", vfio_tsm_reason_words[dev->report.last_unbind]);
}

int vfio_tsm_format_open_count(const struct vfio_tsm_dev *dev, char *page)
{
	return sysfs_emit(page, "%llu\n", dev->report.open_count);
}

int vfio_tsm_format_bind_count(const struct vfio_tsm_dev *dev, char *page)
{
	return sysfs_emit(page, "%llu\n", dev->report.bind_count);
}

int vfio_tsm_format_loss_count(const struct vfio_tsm_dev *dev, char *page)
{
	return sysfs_emit(page, "%llu\n", dev->report.loss_count);
}

int vfio_tsm_format_blocked(const struct vfio_tsm_dev *dev, char *page)
{
	int len = 0;

	for (int kind = 0; kind < VFIO_TSM_NR_BLOCKED; kind++)
		len += sysfs_emit_at(page, len, "%s %lld\n", vfio_tsm_blocked_words[kind],
				     atomic64_read(&dev->report.blocked[kind]));
	return len;
}
