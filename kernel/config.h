/* SPDX-License-Identifier: GPL-2.0-only */
/* Writes to configuration space: config.c, and hosts.c. */
#ifndef VFIO_PCI_TSM_CONFIG_H
#define VFIO_PCI_TSM_CONFIG_H

#include <linux/minmax.h>
#include <linux/pci.h>
#include <linux/vfio_pci_core.h>

#include "vfio_pci_tsm.h"

/* Kinds of a byte of configuration space, in vfio_pci_tsm_device::config.kinds */
#define VFIO_PCI_TSM_CONFIG_GUARDED BIT(0) /* the function's own TDI depends on it */
#define VFIO_PCI_TSM_CONFIG_SHARED BIT(1) /* TDIs whose PF or DSM the function is depend on it */
#define VFIO_PCI_TSM_CONFIG_RESETS BIT(2) /* vfio-pci may reset the function on a write */
#define VFIO_PCI_TSM_CONFIG_HOSTS BIT(3) /* the host alone writes it when a TSM is connected */

void vfio_pci_tsm_map_config(struct vfio_pci_tsm_device *tvdev);
ssize_t vfio_pci_tsm_config_write_shared(struct vfio_pci_tsm_device *tvdev, const char __user *buf,
					 size_t count, loff_t *ppos);
ssize_t vfio_pci_tsm_config_write(struct vfio_pci_tsm_device *tvdev, bool bound,
				  const char __user *buf, size_t count, loff_t *ppos);

/**
 * vfio_pci_tsm_config_kinds() - the kinds of the bytes of a write
 * @tvdev: the function, open
 * @pos: offset in the device file, in configuration space
 * @count: number of bytes
 *
 * Return: all bits that any of the bytes has.
 */
static inline u8 vfio_pci_tsm_config_kinds(const struct vfio_pci_tsm_device *tvdev, loff_t pos,
					   size_t count)
{
	u64 start = pos & VFIO_PCI_OFFSET_MASK;
	u64 end = min_t(u64, start + count, tvdev->core.pdev->cfg_size);
	u8 kinds = 0;

	for (u64 at = start; at < end; at++)
		kinds |= tvdev->config.kinds[at];
	return kinds;
}

/* hosts.c */
int vfio_pci_tsm_find_hosts(struct vfio_pci_tsm_device *tvdev);
bool vfio_pci_tsm_config_is_hosts(struct vfio_pci_tsm_device *tvdev);

#endif /* VFIO_PCI_TSM_CONFIG_H */
