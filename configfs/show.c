// SPDX-License-Identifier: GPL-2.0-only
/*
 * A device's state as text, for configfs and sysfs alike. ABI/ has what each
 * value means.
 */
#include <linux/pci.h>
#include <linux/sysfs.h>

#include "internal.h"

/*
 * The TSM tells nobody when it lets a TDI go, so the driver is asked to look
 * before anything is read that depends on it.
 */
static void refresh(const struct vfio_tsm_addr *addr)
{
	struct vfio_tsm_dev *dev __free(vfio_tsm_leave_dev) = vfio_tsm_enter_dev(addr);

	if (dev)
		dev->ops->refresh(dev->priv);
}

static enum vfio_tsm_state state_without_driver(const struct vfio_tsm_addr *addr)
{
	struct pci_dev *pdev __free(pci_dev_put) =
		pci_get_domain_bus_and_slot(addr->domain, PCI_BUS_NUM(addr->bdf), addr->bdf & 0xff);

	return pdev ? VFIO_TSM_UNASSIGNED : VFIO_TSM_ABSENT;
}

/**
 * vfio_tsm_show_state() - the word of a device's state
 * @addr: the function, present or not
 * @page: gets the word and a newline
 *
 * Return: the length. The same holds for all functions below.
 *
 * Context: no lock held; may wait for the driver to look at the TSM.
 */
int vfio_tsm_show_state(const struct vfio_tsm_addr *addr, char *page)
{
	enum vfio_tsm_state state = VFIO_TSM_ABSENT;
	struct vfio_tsm_dev *dev;

	refresh(addr);
	scoped_guard(mutex, &vfio_tsm_lock) {
		dev = vfio_tsm_find_dev(addr);
		if (dev)
			state = dev->state;
	}
	if (state == VFIO_TSM_ABSENT)
		state = state_without_driver(addr);
	return sysfs_emit(page, "%s\n", vfio_tsm_state_words[state]);
}

int vfio_tsm_show_region_mode(const struct vfio_tsm_addr *addr, char *page)
{
	enum vfio_tsm_region_mode mode = VFIO_TSM_REGIONS_UNSET;
	struct vfio_tsm_dev *dev;

	guard(mutex)(&vfio_tsm_lock);
	dev = vfio_tsm_find_dev(addr);
	if (dev)
		mode = dev->region_mode;
	return sysfs_emit(page, "%s\n", vfio_tsm_region_active_words[mode]);
}

int vfio_tsm_show_bound(const struct vfio_tsm_addr *addr, char *page)
{
	struct vfio_tsm_dev *dev;

	refresh(addr);
	guard(mutex)(&vfio_tsm_lock);
	dev = vfio_tsm_find_dev(addr);
	return sysfs_emit(page, "%d\n", dev && dev->state == VFIO_TSM_BOUND);
}

/* What the TSM was given; when nothing is bound, what is configured. */
int vfio_tsm_show_tdi_id(const struct vfio_tsm_addr *addr, char *page)
{
	struct vfio_tsm_dev *dev;
	struct vfio_tsm_dir *dir;

	refresh(addr);
	guard(mutex)(&vfio_tsm_lock);
	dev = vfio_tsm_find_dev(addr);
	if (dev && dev->state == VFIO_TSM_BOUND)
		return vfio_tsm_format_tdi_id(page, true, dev->bound.tdi_id);
	dir = vfio_tsm_find_dir(addr);
	if (!dir)
		return vfio_tsm_format_tdi_id(page, false, 0);
	return vfio_tsm_format_tdi_id(page, dir->policy.has_tdi_id, dir->policy.tdi_id);
}

int vfio_tsm_show_vdevice_id(const struct vfio_tsm_addr *addr, char *page)
{
	struct vfio_tsm_dev *dev;

	refresh(addr);
	guard(mutex)(&vfio_tsm_lock);
	dev = vfio_tsm_find_dev(addr);
	if (dev && dev->state == VFIO_TSM_BOUND && dev->bound.vdevice_id)
		return sysfs_emit(page, "%u\n", dev->bound.vdevice_id);
	return sysfs_emit(page, "none\n");
}

int vfio_tsm_show_tsm(const struct vfio_tsm_addr *addr, char *page)
{
	struct vfio_tsm_dev *dev;

	refresh(addr);
	guard(mutex)(&vfio_tsm_lock);
	dev = vfio_tsm_find_dev(addr);
	if (dev && dev->state == VFIO_TSM_BOUND)
		return sysfs_emit(page, "tsm%d\n", dev->bound.tsm_id);
	return sysfs_emit(page, "none\n");
}

int vfio_tsm_show_owner(const struct vfio_tsm_addr *addr, char *page)
{
	struct vfio_tsm_dev *dev;
	pid_t pid;

	guard(mutex)(&vfio_tsm_lock);
	dev = vfio_tsm_find_dev(addr);
	/* A number that is free for others to get says nothing. */
	pid = dev && dev->owner && pid_has_task(dev->owner, PIDTYPE_TGID) ? pid_vnr(dev->owner) : 0;
	return pid ? sysfs_emit(page, "%d\n", pid) : sysfs_emit(page, "none\n");
}

int vfio_tsm_show_last_error(const struct vfio_tsm_addr *addr, char *page)
{
	struct vfio_tsm_dev *dev;

	guard(mutex)(&vfio_tsm_lock);
	dev = vfio_tsm_find_dev(addr);
	if (!dev || !dev->last_error)
		return sysfs_emit(page, "0\n");
	return sysfs_emit(page, "%d %s\n", dev->last_error, vfio_tsm_stage_words[dev->last_stage]);
}

int vfio_tsm_show_generation(const struct vfio_tsm_addr *addr, char *page)
{
	struct vfio_tsm_dev *dev;
	struct vfio_tsm_dir *dir;

	refresh(addr);
	guard(mutex)(&vfio_tsm_lock);
	dev = vfio_tsm_find_dev(addr);
	dir = vfio_tsm_find_dir(addr);
	return sysfs_emit(page, "%llu\n", dev ? dev->generation : dir ? dir->generation : 0);
}

int vfio_tsm_show_last_unbind(const struct vfio_tsm_addr *addr, char *page)
{
	struct vfio_tsm_dev *dev;

	refresh(addr);
	guard(mutex)(&vfio_tsm_lock);
	dev = vfio_tsm_find_dev(addr);
	return sysfs_emit(page, "%s\n",
			  vfio_tsm_reason_words[dev ? dev->last_unbind : VFIO_TSM_REASON_NONE]);
}

int vfio_tsm_show_open_count(const struct vfio_tsm_addr *addr, char *page)
{
	struct vfio_tsm_dev *dev;

	guard(mutex)(&vfio_tsm_lock);
	dev = vfio_tsm_find_dev(addr);
	return sysfs_emit(page, "%llu\n", dev ? dev->open_count : 0);
}

int vfio_tsm_show_bind_count(const struct vfio_tsm_addr *addr, char *page)
{
	struct vfio_tsm_dev *dev;

	guard(mutex)(&vfio_tsm_lock);
	dev = vfio_tsm_find_dev(addr);
	return sysfs_emit(page, "%llu\n", dev ? dev->bind_count : 0);
}

int vfio_tsm_show_blocked(const struct vfio_tsm_addr *addr, char *page)
{
	struct vfio_tsm_dev *dev;
	int len = 0;

	guard(mutex)(&vfio_tsm_lock);
	dev = vfio_tsm_find_dev(addr);
	for (int kind = 0; kind < VFIO_TSM_NR_BLOCKED; kind++)
		len += sysfs_emit_at(page, len, "%s %lld\n", vfio_tsm_blocked_words[kind],
				     dev ? atomic64_read(&dev->blocked[kind]) : 0);
	return len;
}
