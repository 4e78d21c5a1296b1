// SPDX-License-Identifier: GPL-2.0-only
/*
 * Registers that only the host may write: the host's TSM reaches the device through
 * Data Object Exchange, and secures the link to it with IDE. vfio-pci hides these
 * capabilities, but lets writes to them through to the hardware. They serve all functions
 * that have this one as DSM, and these may be bound for other VMs.
 */
#include <linux/bitmap.h>
#include <linux/pci-tsm.h>
#include <linux/pci.h>

#include "config.h"
#include "vfio_pci_tsm.h"

static bool is_hosts_cap(u32 header)
{
	u16 id = PCI_EXT_CAP_ID(header);

	return id == PCI_EXT_CAP_ID_DOE || id == PCI_EXT_CAP_ID_IDE;
}

/* Mark the bytes from a capability to the next one by address, or to the end. */
static void mark_cap(struct vfio_pci_tsm_device *tvdev, const unsigned long *starts, int dword)
{
	unsigned int dwords = tvdev->core.pdev->cfg_size / 4;
	unsigned int end = find_next_bit(starts, dwords, dword + 1);

	for (int pos = dword * 4; pos < end * 4; pos++)
		tvdev->config.kinds[pos] = VFIO_PCI_TSM_CONFIG_HOSTS;
}

/**
 * vfio_pci_tsm_find_hosts() - find the registers that only the host may write
 * @tvdev: the device
 *
 * This is done once, because a function that is being reset shows no capabilities.
 *
 * Return: 0; -EIO when the function does not respond.
 *
 * Context: probe.
 */
int vfio_pci_tsm_find_hosts(struct vfio_pci_tsm_device *tvdev)
{
	DECLARE_BITMAP(starts, PCI_CFG_SPACE_EXP_SIZE / 4) = {};
	DECLARE_BITMAP(hosts, PCI_CFG_SPACE_EXP_SIZE / 4) = {};
	struct pci_dev *pdev = tvdev->core.pdev;
	int pos = PCI_CFG_SPACE_SIZE;
	unsigned int dword;
	u32 header;

	while (pos >= PCI_CFG_SPACE_SIZE && pos < pdev->cfg_size) {
		if (pci_read_config_dword(pdev, pos, &header) || PCI_POSSIBLE_ERROR(header))
			return -EIO;
		/* The end of the list, or a loop in it. */
		if (!header || __test_and_set_bit(pos / 4, starts))
			break;
		if (is_hosts_cap(header))
			__set_bit(pos / 4, hosts);
		pos = PCI_EXT_CAP_NEXT(header);
	}
	for_each_set_bit(dword, hosts, pdev->cfg_size / 4)
		mark_cap(tvdev, starts, dword);
	return 0;
}

/**
 * vfio_pci_tsm_config_is_hosts() - whether writes to the host's registers are refused
 * @tvdev: the device, open, bound or not
 *
 * Return: true for a function that is connected to a TSM, or that can be: root may
 * connect it between this check and the write.
 */
bool vfio_pci_tsm_config_is_hosts(struct vfio_pci_tsm_device *tvdev)
{
	struct pci_dev *pdev = tvdev->core.pdev;

	return READ_ONCE(pdev->tsm) || is_pci_tsm_pf0(pdev);
}
