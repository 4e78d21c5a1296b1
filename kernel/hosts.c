// SPDX-License-Identifier: GPL-2.0-only
/*
 * Registers of the host alone: by Data Object Exchange the host's TSM reaches the
 * device, and by IDE it secures the link to it. vfio-pci hides these capabilities, and
 * lets writes to them through to the hardware. They serve all functions whose DSM this
 * one is, and which may be bound for others.
 */
#include <linux/bitmap.h>
#include <linux/pci-tsm.h>
#include <linux/pci.h>

#include "vfio_pci_tsm.h"

static bool is_hosts_cap(u32 header)
{
	u16 id = PCI_EXT_CAP_ID(header);

	return id == PCI_EXT_CAP_ID_DOE || id == PCI_EXT_CAP_ID_IDE;
}

/**
 * vfio_pci_tsm_find_hosts() - find the registers of the host alone
 * @tvdev: the device
 *
 * Once, because a function that is being reset shows no capabilities. Each capability
 * ends at the latest where the next one by address begins.
 *
 * Return: 0; -EIO when the function does not answer.
 *
 * Context: probe.
 */
int vfio_pci_tsm_find_hosts(struct vfio_pci_tsm_device *tvdev)
{
	DECLARE_BITMAP(starts, VFIO_PCI_TSM_CONFIG_DWORDS) = {};
	struct pci_dev *pdev = tvdev->core.pdev;
	unsigned int dwords = pdev->cfg_size / 4, dword;
	int pos = PCI_CFG_SPACE_SIZE;
	u32 header;

	while (pos >= PCI_CFG_SPACE_SIZE && pos < pdev->cfg_size) {
		if (pci_read_config_dword(pdev, pos, &header) || PCI_POSSIBLE_ERROR(header))
			return -EIO;
		/* The last one, or they go in circles. */
		if (!header || __test_and_set_bit(pos / 4, starts))
			break;
		if (is_hosts_cap(header))
			__set_bit(pos / 4, tvdev->config.hosts);
		pos = PCI_EXT_CAP_NEXT(header);
	}
	for_each_set_bit(dword, tvdev->config.hosts, dwords) {
		unsigned int end = find_next_bit(starts, dwords, dword + 1);

		bitmap_set(tvdev->config.hosts, dword, end - dword);
	}
	return 0;
}

/**
 * vfio_pci_tsm_config_is_hosts() - whether a write is to registers of the host alone
 * @tvdev: the device, open, bound or not
 * @pos: offset in the device file, in configuration space
 * @count: of bytes
 *
 * Return: true for those of a function that is connected to a TSM, or that can be: root
 * may connect it between this answer and the write.
 */
bool vfio_pci_tsm_config_is_hosts(struct vfio_pci_tsm_device *tvdev, loff_t pos, size_t count)
{
	struct pci_dev *pdev = tvdev->core.pdev;
	u64 start = pos & VFIO_PCI_OFFSET_MASK;
	u64 end = min_t(u64, start + count, pdev->cfg_size);

	if (!READ_ONCE(pdev->tsm) && !is_pci_tsm_pf0(pdev))
		return false;
	end = DIV_ROUND_UP(end, 4);
	return find_next_bit(tvdev->config.hosts, end, start / 4) < end;
}
