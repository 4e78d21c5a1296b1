// SPDX-License-Identifier: GPL-2.0-only
/*
 * All of a device in one read, for configfs and sysfs alike: a line KEY=VALUE for each
 * attribute. ABI/ describes it.
 */
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/sysfs.h>

#include "internal.h"

/* The lines, in their order, which is ABI: a new one goes to the end, and none goes away. */
static const struct {
	const char *key;
	int (*format)(const struct vfio_tsm_dev *dev, char *page);
} lines[] = {
	{ "generation", vfio_tsm_format_generation },
	{ "state", vfio_tsm_format_state },
	{ "region_mode", vfio_tsm_format_policy_mode },
	{ "region_mode_active", vfio_tsm_format_region_mode },
	{ "bar_mmap", vfio_tsm_format_bar_mmap },
	{ "bind_allowed", vfio_tsm_format_bind_allowed },
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
