// SPDX-License-Identifier: GPL-2.0-only
/* The attributes in a device's tsm/ directory; ABI/ has what each one means. */
#include <linux/configfs.h>
#include <linux/pci.h>
#include <linux/string.h>
#include <linux/sysfs.h>

#include "internal.h"

static struct vfio_tsm_dir *to_dir(struct config_item *item)
{
	return container_of(to_config_group(item), struct vfio_tsm_dir, tsm);
}

/* Policy: read under the lock, written under the lock unless it is in use. */

static ssize_t region_mode_show(struct config_item *item, char *page)
{
	guard(mutex)(&vfio_tsm_lock);
	return sysfs_emit(page, "%s\n",
			  vfio_tsm_region_mode_words[to_dir(item)->policy.region_mode]);
}

static ssize_t region_mode_store(struct config_item *item, const char *page, size_t len)
{
	struct vfio_tsm_dir *dir = to_dir(item);
	int mode = sysfs_match_string(vfio_tsm_region_mode_words, page);
	struct vfio_tsm_dev *dev;

	if (mode < 0)
		return -EINVAL;

	guard(mutex)(&vfio_tsm_lock);
	dev = vfio_tsm_find_dev(&dir->addr);
	if (dev && dev->in_use)
		return -EBUSY;
	dir->policy.region_mode = mode;
	return len;
}

static ssize_t bar_mmap_show(struct config_item *item, char *page)
{
	guard(mutex)(&vfio_tsm_lock);
	return sysfs_emit(page, "%s\n", vfio_tsm_bar_mmap_words[to_dir(item)->policy.bar_mmap]);
}

static ssize_t bar_mmap_store(struct config_item *item, const char *page, size_t len)
{
	struct vfio_tsm_dir *dir = to_dir(item);
	int word = sysfs_match_string(vfio_tsm_bar_mmap_words, page);
	struct vfio_tsm_dev *dev;

	if (word < 0)
		return -EINVAL;

	guard(mutex)(&vfio_tsm_lock);
	dev = vfio_tsm_find_dev(&dir->addr);
	if (dev && dev->binding)
		return -EBUSY;
	dir->policy.bar_mmap = word;
	return len;
}

static ssize_t bind_allowed_show(struct config_item *item, char *page)
{
	guard(mutex)(&vfio_tsm_lock);
	return sysfs_emit(page, "%d\n", to_dir(item)->policy.bind_allowed);
}

static ssize_t bind_allowed_store(struct config_item *item, const char *page, size_t len)
{
	bool allowed = sysfs_streq(page, "1");

	if (!allowed && !sysfs_streq(page, "0"))
		return -EINVAL;

	guard(mutex)(&vfio_tsm_lock);
	to_dir(item)->policy.bind_allowed = allowed;
	return len;
}

static ssize_t tdi_id_show(struct config_item *item, char *page)
{
	struct vfio_tsm_dir *dir = to_dir(item);
	struct vfio_tsm_dev *dev;

	guard(mutex)(&vfio_tsm_lock);
	dev = vfio_tsm_find_dev(&dir->addr);
	if (dev && dev->state == VFIO_TSM_BOUND)
		return vfio_tsm_format_tdi_id(page, true, dev->bound.tdi_id);
	return vfio_tsm_format_tdi_id(page, dir->policy.has_tdi_id, dir->policy.tdi_id);
}

static ssize_t tdi_id_store(struct config_item *item, const char *page, size_t len)
{
	struct vfio_tsm_dir *dir = to_dir(item);
	struct vfio_tsm_policy policy = {};
	struct vfio_tsm_dev *dev;

	if (vfio_tsm_parse_tdi_id(page, &policy))
		return -EINVAL;

	guard(mutex)(&vfio_tsm_lock);
	dev = vfio_tsm_find_dev(&dir->addr);
	if (dev && dev->binding)
		return -EBUSY;
	dir->policy.has_tdi_id = policy.has_tdi_id;
	dir->policy.tdi_id = policy.tdi_id;
	return len;
}

/*
 * State: what the driver last reported. The TSM tells nobody when it lets a TDI
 * go, so the driver is asked to look first.
 */

static void refresh(struct vfio_tsm_dir *dir)
{
	struct vfio_tsm_dev *dev __free(vfio_tsm_leave_dev) = vfio_tsm_enter_dev(&dir->addr);

	if (dev)
		dev->ops->refresh(dev->priv);
}

static enum vfio_tsm_state state_without_driver(const struct vfio_tsm_addr *addr)
{
	struct pci_dev *pdev __free(pci_dev_put) =
		pci_get_domain_bus_and_slot(addr->domain, PCI_BUS_NUM(addr->bdf), addr->bdf & 0xff);

	return pdev ? VFIO_TSM_UNASSIGNED : VFIO_TSM_ABSENT;
}

static ssize_t state_show(struct config_item *item, char *page)
{
	struct vfio_tsm_dir *dir = to_dir(item);
	enum vfio_tsm_state state = VFIO_TSM_ABSENT;
	struct vfio_tsm_dev *dev;

	refresh(dir);
	scoped_guard(mutex, &vfio_tsm_lock) {
		dev = vfio_tsm_find_dev(&dir->addr);
		if (dev)
			state = dev->state;
	}
	if (state == VFIO_TSM_ABSENT)
		state = state_without_driver(&dir->addr);
	return sysfs_emit(page, "%s\n", vfio_tsm_state_words[state]);
}

static ssize_t region_mode_active_show(struct config_item *item, char *page)
{
	enum vfio_tsm_region_mode mode = VFIO_TSM_REGIONS_UNSET;
	struct vfio_tsm_dev *dev;

	guard(mutex)(&vfio_tsm_lock);
	dev = vfio_tsm_find_dev(&to_dir(item)->addr);
	if (dev)
		mode = dev->region_mode;
	return sysfs_emit(page, "%s\n", vfio_tsm_region_active_words[mode]);
}

static ssize_t bound_show(struct config_item *item, char *page)
{
	struct vfio_tsm_dir *dir = to_dir(item);
	struct vfio_tsm_dev *dev;

	refresh(dir);
	guard(mutex)(&vfio_tsm_lock);
	dev = vfio_tsm_find_dev(&dir->addr);
	return sysfs_emit(page, "%d\n", dev && dev->state == VFIO_TSM_BOUND);
}

static ssize_t bound_store(struct config_item *item, const char *page, size_t len)
{
	struct vfio_tsm_dir *dir = to_dir(item);
	int ret;

	if (sysfs_streq(page, "1"))
		return -EOPNOTSUPP;
	if (!sysfs_streq(page, "0"))
		return -EINVAL;

	struct vfio_tsm_dev *dev __free(vfio_tsm_leave_dev) = vfio_tsm_enter_dev(&dir->addr);

	ret = dev ? dev->ops->revoke(dev->priv) : 0;
	return ret ?: len;
}

static ssize_t vdevice_id_show(struct config_item *item, char *page)
{
	struct vfio_tsm_dir *dir = to_dir(item);
	struct vfio_tsm_dev *dev;

	refresh(dir);
	guard(mutex)(&vfio_tsm_lock);
	dev = vfio_tsm_find_dev(&dir->addr);
	if (dev && dev->state == VFIO_TSM_BOUND && dev->bound.vdevice_id)
		return sysfs_emit(page, "%u\n", dev->bound.vdevice_id);
	return sysfs_emit(page, "none\n");
}

static ssize_t tsm_show(struct config_item *item, char *page)
{
	struct vfio_tsm_dir *dir = to_dir(item);
	struct vfio_tsm_dev *dev;

	refresh(dir);
	guard(mutex)(&vfio_tsm_lock);
	dev = vfio_tsm_find_dev(&dir->addr);
	if (dev && dev->state == VFIO_TSM_BOUND)
		return sysfs_emit(page, "tsm%d\n", dev->bound.tsm_id);
	return sysfs_emit(page, "none\n");
}

static ssize_t owner_show(struct config_item *item, char *page)
{
	struct vfio_tsm_dev *dev;
	pid_t pid;

	guard(mutex)(&vfio_tsm_lock);
	dev = vfio_tsm_find_dev(&to_dir(item)->addr);
	/* A number that is free for others to get says nothing. */
	pid = dev && dev->owner && pid_has_task(dev->owner, PIDTYPE_TGID) ? pid_vnr(dev->owner) : 0;
	return pid ? sysfs_emit(page, "%d\n", pid) : sysfs_emit(page, "none\n");
}

static ssize_t last_error_show(struct config_item *item, char *page)
{
	struct vfio_tsm_dev *dev;

	guard(mutex)(&vfio_tsm_lock);
	dev = vfio_tsm_find_dev(&to_dir(item)->addr);
	if (!dev || !dev->last_error)
		return sysfs_emit(page, "0\n");
	return sysfs_emit(page, "%d %s\n", dev->last_error, vfio_tsm_stage_words[dev->last_stage]);
}

static ssize_t generation_show(struct config_item *item, char *page)
{
	struct vfio_tsm_dir *dir = to_dir(item);
	struct vfio_tsm_dev *dev;

	refresh(dir);
	guard(mutex)(&vfio_tsm_lock);
	dev = vfio_tsm_find_dev(&dir->addr);
	return sysfs_emit(page, "%llu\n", dev ? dev->generation : dir->generation);
}

CONFIGFS_ATTR(, region_mode);
CONFIGFS_ATTR(, bar_mmap);
CONFIGFS_ATTR(, bind_allowed);
CONFIGFS_ATTR(, tdi_id);
CONFIGFS_ATTR(, bound);
CONFIGFS_ATTR_RO(, region_mode_active);
CONFIGFS_ATTR_RO(, state);
CONFIGFS_ATTR_RO(, vdevice_id);
CONFIGFS_ATTR_RO(, tsm);
CONFIGFS_ATTR_RO(, owner);
CONFIGFS_ATTR_RO(, last_error);
CONFIGFS_ATTR_RO(, generation);

static struct configfs_attribute *vfio_tsm_attrs[] = {
	&attr_region_mode,
	&attr_region_mode_active,
	&attr_bar_mmap,
	&attr_bind_allowed,
	&attr_tdi_id,
	&attr_state,
	&attr_bound,
	&attr_vdevice_id,
	&attr_tsm,
	&attr_owner,
	&attr_last_error,
	&attr_generation,
	NULL,
};

const struct config_item_type vfio_tsm_attrs_type = {
	.ct_attrs = vfio_tsm_attrs,
	.ct_owner = THIS_MODULE,
};
