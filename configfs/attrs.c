// SPDX-License-Identifier: GPL-2.0-only
/*
 * The attributes in a device's tsm/ directory, and all of the device in one read, for configfs
 * and sysfs alike. ABI/ describes each one.
 */
#include <linux/configfs.h>
#include <linux/slab.h>
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

/* Formatters of policy that only this file uses, as those in internal.h. */

static int format_policy_mode(const struct vfio_tsm_dev *dev, char *page)
{
	return sysfs_emit(page, "%s\n", vfio_tsm_region_mode_words[dev->policy.region_mode]);
}

static int format_bar_mmap(const struct vfio_tsm_dev *dev, char *page)
{
	return sysfs_emit(page, "%s\n", vfio_tsm_bar_mmap_words[dev->policy.bar_mmap]);
}

static int format_bind_allowed(const struct vfio_tsm_dev *dev, char *page)
{
	return sysfs_emit(page, "%d\n", dev->policy.bind_allowed);
}

#define VFIO_TSM_SHOW(_name, _text, _format)                              \
	static ssize_t _name##_show(struct config_item *item, char *page) \
	{                                                                 \
		return _text(to_dev(item), page, _format);                \
	}

VFIO_TSM_SHOW(region_mode, vfio_tsm_show, format_policy_mode)
VFIO_TSM_SHOW(region_mode_active, vfio_tsm_show, vfio_tsm_format_region_mode)
VFIO_TSM_SHOW(bar_mmap, vfio_tsm_show, format_bar_mmap)
VFIO_TSM_SHOW(bind_allowed, vfio_tsm_show, format_bind_allowed)
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

/*
 * The lines KEY=VALUE of the summary, in their order, which is ABI: a new one goes to the end, and
 * none goes away.
 */
static const struct {
	const char *key;
	int (*format)(const struct vfio_tsm_dev *dev, char *page);
} lines[] = {
	{ "generation", vfio_tsm_format_generation },
	{ "state", vfio_tsm_format_state },
	{ "region_mode", format_policy_mode },
	{ "region_mode_active", vfio_tsm_format_region_mode },
	{ "bar_mmap", format_bar_mmap },
	{ "bind_allowed", format_bind_allowed },
	{ "guest_requests", vfio_tsm_format_guest_requests },
	{ "tdi_id", vfio_tsm_format_tdi_id },
	{ "bound", vfio_tsm_format_bound },
	{ "origin", vfio_tsm_format_origin },
	{ "quarantine", vfio_tsm_format_quarantine },
	{ "vdevice_id", vfio_tsm_format_vdevice_id },
	{ "tsm", vfio_tsm_format_tsm },
	{ "owner", vfio_tsm_format_owner },
	{ "last_error", vfio_tsm_format_last_error },
	{ "tdi_state", vfio_tsm_format_tdi_state },
	/* of the TSMs of the host, and not of the device */
	{ "can_bind", NULL },
	{ "open_count", vfio_tsm_format_open_count },
	{ "bind_count", vfio_tsm_format_bind_count },
	{ "loss_count", vfio_tsm_format_loss_count },
	{ "last_unbind", vfio_tsm_format_last_unbind },
	{ "last_request", vfio_tsm_format_last_request },
	{ "requests", vfio_tsm_format_requests },
	{ "blocked", vfio_tsm_format_blocked },
	{ "admission", vfio_tsm_format_admission },
	{ "admitted", vfio_tsm_format_admitted },
};

/* Adds a line. An attribute of several lines has commas between them. */
static int add_line(char *page, int len, const char *key, char *value)
{
	return sysfs_emit_at(page, len, "%s=%s\n", key, strreplace(strim(value), '\n', ','));
}

/**
 * vfio_tsm_show_summary() - the text of all attributes of a device
 * @dev: the device
 * @page: gets a line for each
 *
 * All is of one moment, except can_bind and blocked: the look at the TSMs takes other locks,
 * and operations that are refused take none.
 *
 * Return: the length, or -ENOMEM.
 *
 * Context: no lock held; may wait for the driver to look at the TSM.
 */
int vfio_tsm_show_summary(struct vfio_tsm_dev *dev, char *page)
{
	/* the formatters write at the start of a page */
	char *value __free(kfree) = kmalloc(PAGE_SIZE, GFP_KERNEL);
	char *can_bind __free(kfree) = kmalloc(PAGE_SIZE, GFP_KERNEL);
	int len = 0;

	if (!value || !can_bind)
		return -ENOMEM;
	vfio_tsm_refresh(dev);
	vfio_tsm_show_can_bind(dev, can_bind);

	guard(mutex)(&dev->lock);
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		if (lines[i].format)
			lines[i].format(dev, value);
		len += add_line(page, len, lines[i].key, lines[i].format ? value : can_bind);
	}
	return len;
}

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
