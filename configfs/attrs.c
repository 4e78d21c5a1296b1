// SPDX-License-Identifier: GPL-2.0-only
/* The attributes in a device's tsm/ directory; ABI/ describes each one. */
#include <linux/configfs.h>
#include <linux/string.h>
#include <linux/sysfs.h>

#include "internal.h"

static struct vfio_tsm_dev *to_dev(struct config_item *item)
{
	return container_of(to_config_group(item), struct vfio_tsm_dir, tsm)->dev;
}

/* Policy: written under the lock; a write fails with EBUSY while the value is in use. */

static ssize_t region_mode_store(struct config_item *item, const char *page, size_t len)
{
	int mode = sysfs_match_string(vfio_tsm_region_mode_words, page);
	struct vfio_tsm_dev *dev = to_dev(item);

	if (mode < 0)
		return -EINVAL;

	guard(mutex)(&dev->lock);
	if (dev->in_use)
		return -EBUSY;
	dev->policy.region_mode = mode;
	return len;
}

static ssize_t bar_mmap_store(struct config_item *item, const char *page, size_t len)
{
	int word = sysfs_match_string(vfio_tsm_bar_mmap_words, page);
	struct vfio_tsm_dev *dev = to_dev(item);

	if (word < 0)
		return -EINVAL;

	guard(mutex)(&dev->lock);
	if (dev->binding)
		return -EBUSY;
	dev->policy.bar_mmap = word;
	return len;
}

static ssize_t bind_allowed_store(struct config_item *item, const char *page, size_t len)
{
	bool allowed = sysfs_streq(page, "1");
	struct vfio_tsm_dev *dev = to_dev(item);

	if (!allowed && !sysfs_streq(page, "0"))
		return -EINVAL;

	guard(mutex)(&dev->lock);
	dev->policy.bind_allowed = allowed;
	return len;
}

static ssize_t admission_store(struct config_item *item, const char *page, size_t len)
{
	int word = sysfs_match_string(vfio_tsm_admission_words, page);
	struct vfio_tsm_dev *dev = to_dev(item);

	if (word < 0)
		return -EINVAL;

	guard(mutex)(&dev->lock);
	dev->policy.admission = word;
	return len;
}

static ssize_t guest_requests_store(struct config_item *item, const char *page, size_t len)
{
	int word = sysfs_match_string(vfio_tsm_guest_requests_words, page);
	struct vfio_tsm_dev *dev = to_dev(item);

	if (word < 0)
		return -EINVAL;

	guard(mutex)(&dev->lock);
	WRITE_ONCE(dev->policy.guest_requests, word);
	return len;
}

static ssize_t tdi_id_store(struct config_item *item, const char *page, size_t len)
{
	struct vfio_tsm_dev *dev = to_dev(item);
	struct vfio_tsm_policy policy = {};

	if (vfio_tsm_parse_tdi_id(page, &policy))
		return -EINVAL;

	guard(mutex)(&dev->lock);
	if (dev->binding)
		return -EBUSY;
	dev->policy.has_tdi_id = policy.has_tdi_id;
	dev->policy.tdi_id = policy.tdi_id;
	return len;
}

/* State: what the driver last reported. */

static ssize_t bound_store(struct config_item *item, const char *page, size_t len)
{
	struct vfio_tsm_dev *dev = to_dev(item);
	int ret;

	if (sysfs_streq(page, "1"))
		return -EOPNOTSUPP;
	if (!sysfs_streq(page, "0"))
		return -EINVAL;

	guard(rwsem_read)(&dev->live);
	ret = dev->ops ? dev->ops->revoke(dev->priv) : 0;
	return ret ?: len;
}

static ssize_t quarantine_store(struct config_item *item, const char *page, size_t len)
{
	bool on = sysfs_streq(page, "1");
	int ret;

	if (!on && !sysfs_streq(page, "0"))
		return -EINVAL;
	ret = vfio_tsm_set_quarantine(to_dev(item), on);
	return ret ?: len;
}

static ssize_t admitted_store(struct config_item *item, const char *page, size_t len)
{
	return vfio_tsm_admit(to_dev(item), page) ?: len;
}

#define VFIO_TSM_SHOW(_name, _text, _format)                              \
	static ssize_t _name##_show(struct config_item *item, char *page) \
	{                                                                 \
		return _text(to_dev(item), page, _format);                \
	}

VFIO_TSM_SHOW(region_mode, vfio_tsm_show, vfio_tsm_format_policy_mode)
VFIO_TSM_SHOW(region_mode_active, vfio_tsm_show, vfio_tsm_format_region_mode)
VFIO_TSM_SHOW(bar_mmap, vfio_tsm_show, vfio_tsm_format_bar_mmap)
VFIO_TSM_SHOW(bind_allowed, vfio_tsm_show, vfio_tsm_format_bind_allowed)
VFIO_TSM_SHOW(admission, vfio_tsm_show, vfio_tsm_format_admission)
VFIO_TSM_SHOW(admitted, vfio_tsm_show, vfio_tsm_format_admitted)
VFIO_TSM_SHOW(guest_requests, vfio_tsm_show, vfio_tsm_format_guest_requests)
VFIO_TSM_SHOW(tdi_id, vfio_tsm_show_fresh, vfio_tsm_format_tdi_id)
VFIO_TSM_SHOW(state, vfio_tsm_show_fresh, vfio_tsm_format_state)
VFIO_TSM_SHOW(bound, vfio_tsm_show_fresh, vfio_tsm_format_bound)
VFIO_TSM_SHOW(vdevice_id, vfio_tsm_show_fresh, vfio_tsm_format_vdevice_id)
VFIO_TSM_SHOW(tsm, vfio_tsm_show_fresh, vfio_tsm_format_tsm)
VFIO_TSM_SHOW(origin, vfio_tsm_show_fresh, vfio_tsm_format_origin)
VFIO_TSM_SHOW(quarantine, vfio_tsm_show_fresh, vfio_tsm_format_quarantine)
VFIO_TSM_SHOW(owner, vfio_tsm_show, vfio_tsm_format_owner)
VFIO_TSM_SHOW(last_error, vfio_tsm_show, vfio_tsm_format_last_error)
VFIO_TSM_SHOW(generation, vfio_tsm_show_fresh, vfio_tsm_format_generation)

static ssize_t summary_show(struct config_item *item, char *page)
{
	return vfio_tsm_show_summary(to_dev(item), page);
}

CONFIGFS_ATTR(, region_mode);
CONFIGFS_ATTR(, bar_mmap);
CONFIGFS_ATTR(, bind_allowed);
CONFIGFS_ATTR(, admission);
CONFIGFS_ATTR(, admitted);
CONFIGFS_ATTR(, guest_requests);
CONFIGFS_ATTR(, tdi_id);
CONFIGFS_ATTR(, bound);
CONFIGFS_ATTR(, quarantine);
CONFIGFS_ATTR_RO(, region_mode_active);
CONFIGFS_ATTR_RO(, state);
CONFIGFS_ATTR_RO(, vdevice_id);
CONFIGFS_ATTR_RO(, tsm);
CONFIGFS_ATTR_RO(, origin);
CONFIGFS_ATTR_RO(, owner);
CONFIGFS_ATTR_RO(, last_error);
CONFIGFS_ATTR_RO(, generation);
CONFIGFS_ATTR_RO(, summary);

static struct configfs_attribute *vfio_tsm_attrs[] = {
	&attr_region_mode,
	&attr_region_mode_active,
	&attr_bar_mmap,
	&attr_bind_allowed,
	&attr_admission,
	&attr_admitted,
	&attr_guest_requests,
	&attr_tdi_id,
	&attr_state,
	&attr_bound,
	&attr_vdevice_id,
	&attr_tsm,
	&attr_origin,
	&attr_owner,
	&attr_last_error,
	&attr_generation,
	&attr_quarantine,
	&attr_summary,
	NULL,
};

const struct config_item_type vfio_tsm_attrs_type = {
	.ct_attrs = vfio_tsm_attrs,
	.ct_owner = THIS_MODULE,
};
