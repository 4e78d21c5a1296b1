// SPDX-License-Identifier: GPL-2.0-only
/* The attributes in a device's tsm/ directory; ABI/ has what each one means. */
#include <linux/configfs.h>
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

/* State: what the driver last reported. */

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

#define VFIO_TSM_SHOW(_name, _value)                                      \
	static ssize_t _name##_show(struct config_item *item, char *page) \
	{                                                                 \
		return vfio_tsm_show_##_value(&to_dir(item)->addr, page); \
	}

VFIO_TSM_SHOW(tdi_id, tdi_id)
VFIO_TSM_SHOW(bound, bound)
VFIO_TSM_SHOW(region_mode_active, region_mode)
VFIO_TSM_SHOW(state, state)
VFIO_TSM_SHOW(vdevice_id, vdevice_id)
VFIO_TSM_SHOW(tsm, tsm)
VFIO_TSM_SHOW(owner, owner)
VFIO_TSM_SHOW(last_error, last_error)
VFIO_TSM_SHOW(generation, generation)

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
