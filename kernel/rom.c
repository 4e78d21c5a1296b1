// SPDX-License-Identifier: GPL-2.0-only
/*
 * The expansion ROM. Its enable bit is in its BAR, so a read of the ROM changes a
 * register that a TDI must keep. guard.c refuses reads through VFIO. Root can also
 * read the ROM through rom in sysfs, which does not ask the driver. There,
 * pci_map_rom() looks at the resource first (pci_enable_rom(), drivers/pci/rom.c),
 * and stops when it has no flags, as if the function had no ROM.
 */
#include <linux/pci.h>

#include "vfio_pci_tsm.h"

static struct resource *rom_of(struct vfio_pci_tsm_device *tvdev)
{
	return &tvdev->core.pdev->resource[PCI_ROM_RESOURCE];
}

/**
 * vfio_pci_tsm_rom_info() - save the region info of the ROM
 * @tvdev: the device
 *
 * It is in @tvdev->op.rom, for as long as vfio-pci cannot be asked for it.
 *
 * Context: a bind, with operations stopped, before memory_lock is taken, and before
 * vfio_pci_tsm_rom_off().
 */
void vfio_pci_tsm_rom_info(struct vfio_pci_tsm_device *tvdev)
{
	struct vfio_info_cap caps = {};

	tvdev->op.rom = (struct vfio_region_info){ .index = VFIO_PCI_ROM_REGION_INDEX };
	if (vfio_pci_ioctl_get_region_info(&tvdev->core.vdev, &tvdev->op.rom, &caps))
		tvdev->op.rom.size = 0;
}

/**
 * vfio_pci_tsm_rom_off() - stop reads of the ROM
 * @tvdev: the device
 *
 * A second call does nothing.
 *
 * Context: a bind, with operations stopped, well before vfio_pci_tsm_rom_is_read(), so
 * that a reader that has just looked at the flags is seen there; or under tdi.lock.
 */
void vfio_pci_tsm_rom_off(struct vfio_pci_tsm_device *tvdev)
{
	struct resource *rom = rom_of(tvdev);

	if (tvdev->op.rom_is_off)
		return;
	tvdev->op.rom_is_off = true;
	tvdev->op.rom_resource = *rom;
	/* A ROM that has no address would be given one first. */
	if (!rom->parent) {
		rom->start = 0;
		rom->end = 0;
	}
	WRITE_ONCE(rom->flags, 0);
}

/**
 * vfio_pci_tsm_rom_is_read() - whether a read that began before is still at work
 * @tvdev: the device, after vfio_pci_tsm_rom_off()
 *
 * Return: whether the enable bit is set; the reader is going to clear it.
 */
bool vfio_pci_tsm_rom_is_read(struct vfio_pci_tsm_device *tvdev)
{
	struct pci_dev *pdev = tvdev->core.pdev;
	u32 bar = 0;

	/* A VF has no ROM; the register reads as 0. */
	if (!pdev->is_virtfn && pdev->rom_base_reg)
		pci_read_config_dword(pdev, pdev->rom_base_reg, &bar);
	return bar & PCI_ROM_ADDRESS_ENABLE;
}

/**
 * vfio_pci_tsm_rom_on() - undo vfio_pci_tsm_rom_off(), if it was called
 * @tvdev: the device
 *
 * Context: a bind that failed, or under tdi.lock when unbound.
 */
void vfio_pci_tsm_rom_on(struct vfio_pci_tsm_device *tvdev)
{
	struct resource *rom = rom_of(tvdev);

	if (!tvdev->op.rom_is_off)
		return;
	tvdev->op.rom_is_off = false;
	if (!rom->parent) {
		rom->start = tvdev->op.rom_resource.start;
		rom->end = tvdev->op.rom_resource.end;
	}
	WRITE_ONCE(rom->flags, tvdev->op.rom_resource.flags);
}
