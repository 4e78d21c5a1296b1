// SPDX-License-Identifier: GPL-2.0-only
/*
 * Open and close, and the exclusive claim.
 *
 * vfio_pci_core_enable() claims every BAR, and maps it. Its claim is an ordinary one,
 * so root can still map the BAR through resourceN in sysfs. In exclusive mode this
 * file adds a resource that is busy and exclusive below each of these claims. The
 * kernel refuses root's mappings then (iomem_is_exclusive(), kernel/resource.c), and
 * the BAR is never unclaimed in between. Mappings that root made before the open stay,
 * unless the kernel has CONFIG_IO_STRICT_DEVMEM (revoke_iomem(), same file). The
 * mode is read once, before the device is enabled, and cannot be changed until it
 * is closed.
 */
#include <linux/ioport.h>
#include <linux/pci.h>

#include "config.h"
#include "tdi.h"
#include "vfio_pci_tsm.h"

/**
 * vfio_pci_tsm_find_bars() - look for BARs that have no address
 * @tvdev: the device
 *
 * Where the PCI core finds no address, it empties the resource, so vfio-pci takes the BAR
 * for one that does not exist. But the function has it: a TDI would report memory that its
 * guest cannot reach and that is not claimed. A register that is not 0 shows that the BAR
 * exists. The register of a 64-bit BAR is never 0. The registers of VFs are always 0, but
 * the PCI core does not enable VFs if it has no address for their BARs.
 *
 * Context: probe.
 */
void vfio_pci_tsm_find_bars(struct vfio_pci_tsm_device *tvdev)
{
	struct pci_dev *pdev = tvdev->core.pdev;
	u32 value;

	if (pdev->non_compliant_bars || pdev->is_virtfn)
		return;
	for (int bar = 0; bar < PCI_STD_NUM_BARS; bar++) {
		pci_read_config_dword(pdev, PCI_BASE_ADDRESS_0 + 4 * bar, &value);
		if (!value || (value & PCI_BASE_ADDRESS_SPACE_IO))
			continue;
		if (!pci_resource_len(pdev, bar)) {
			pci_warn(pdev, "BAR %d has no address: the function cannot be bound\n",
				 bar);
			tvdev->regions.incomplete = true;
		}
		/* The next register is the upper half. */
		if (value & PCI_BASE_ADDRESS_MEM_TYPE_64)
			bar++;
	}
}

/* The claim that vfio_pci_core_enable() made on a whole BAR. */
static struct resource *find_core_claim(struct resource *bar)
{
	struct resource *claim = bar->child;

	/* It covers the BAR, so it is the only child, and belongs to this driver. */
	if (!claim || claim->start != bar->start || claim->end != bar->end ||
	    !(claim->flags & IORESOURCE_BUSY))
		return NULL;
	return claim;
}

static int claim_bar(struct vfio_pci_tsm_device *tvdev, int bar)
{
	struct resource *res = &tvdev->core.pdev->resource[bar];
	struct resource *claim = &tvdev->regions.claims[bar];
	struct resource *parent;
	int ret;

	if (!(res->flags & IORESOURCE_MEM) || !resource_size(res))
		return 0;

	/* vfio_pci_core_enable() goes on if it cannot claim a BAR; exclusive mode does not. */
	ret = vfio_pci_tsm_core_claim(&tvdev->core, bar);
	if (ret)
		return ret;

	parent = find_core_claim(res);
	if (!parent)
		return -EBUSY;

	*claim = DEFINE_RES_NAMED(res->start, resource_size(res), VFIO_PCI_TSM_DRIVER,
				  IORESOURCE_MEM | IORESOURCE_BUSY | IORESOURCE_EXCLUSIVE);
	return request_resource(parent, claim);
}

static void release_claims(struct vfio_pci_tsm_device *tvdev)
{
	for (int bar = 0; bar < PCI_STD_NUM_BARS; bar++) {
		if (tvdev->regions.claims[bar].parent)
			release_resource(&tvdev->regions.claims[bar]);
	}
}

static int claim_bars(struct vfio_pci_tsm_device *tvdev)
{
	int ret;

	for (int bar = 0; bar < PCI_STD_NUM_BARS; bar++) {
		ret = claim_bar(tvdev, bar);
		if (ret) {
			dev_warn_ratelimited(&tvdev->core.pdev->dev,
					     "BAR %d cannot be claimed exclusively: %d\n", bar,
					     ret);
			release_claims(tvdev);
			return ret;
		}
	}
	return 0;
}

/*
 * Unbind the TDI first, no matter which module has bound it: vfio-pci clears Bus Master
 * and resets the function, and each of these is an error in a locked TDI.
 */
static void unbind_before_reset(struct vfio_pci_tsm_device *tvdev)
{
	vfio_pci_tsm_refresh(tvdev);
	scoped_guard(mutex, &tvdev->tdi.lock) {
		while (vfio_pci_tsm_is_locked(tvdev))
			vfio_pci_tsm_drop_locked(tvdev, VFIO_TSM_REASON_CLOSE);
		vfio_pci_tsm_acknowledge(tvdev, false);
	}
	flush_work(&tvdev->tdi.work);
}

/**
 * vfio_pci_tsm_open_device() - first open of the device
 * @vdev: the device
 *
 * Return: 0; -EBUSY when a region is to be exclusive and is claimed already, when a
 * bound function that depends on it or shares its bus keeps it from being reset, when
 * another module of the kernel has bound it, or when it is quarantined; any other error
 * of vfio-pci's own.
 *
 * Context: VFIO_DEVICE_BIND_IOMMUFD, or the first open through a group; under
 * the device set's lock.
 */
int vfio_pci_tsm_open_device(struct vfio_device *vdev)
{
	struct vfio_pci_tsm_device *tvdev = to_tvdev(vdev);
	int ret;

	/* The device could not be reset between one owner and the next. */
	if (vfio_pci_tsm_is_bound(tvdev) || vfio_pci_tsm_resets_are_off(tvdev->core.pdev))
		return -EBUSY;
	/* A loss while the device was closed has no owner that could acknowledge it. */
	vfio_pci_tsm_acknowledge(tvdev, false);

	ret = vfio_tsm_open_begin(tvdev->tdev, &tvdev->regions.mode);
	if (ret)
		return ret;

	ret = vfio_pci_core_enable(&tvdev->core);
	if (ret)
		goto err_closed;

	/*
	 * Another module may have bound it meanwhile. Or it was not reset, because another
	 * function was bound just before, or because it has only the reset of its bus.
	 */
	if (vfio_pci_tsm_is_bound(tvdev) ||
	    (!tvdev->core.reset_works && vfio_pci_tsm_bus_resets_are_off(tvdev->core.pdev))) {
		ret = -EBUSY;
		goto err_disable;
	}

	if (tvdev->regions.mode == VFIO_TSM_REGIONS_EXCLUSIVE) {
		ret = claim_bars(tvdev);
		if (ret)
			goto err_disable;
	}

	vfio_pci_tsm_map_config(tvdev);
	vfio_pci_core_finish_enable(&tvdev->core);
	/* The reset may have ended a TDI that did not belong to this owner. */
	vfio_pci_tsm_acknowledge(tvdev, true);
	vfio_tsm_opened(tvdev->tdev);
	return 0;

err_disable:
	unbind_before_reset(tvdev);
	vfio_pci_core_disable(&tvdev->core);
err_closed:
	vfio_tsm_closed(tvdev->tdev);
	return ret;
}

/**
 * vfio_pci_tsm_close_device() - last close of the device
 * @vdev: the device
 *
 * The reference to the VM is put right after this, so PCI/TSM must not use the VM any more.
 *
 * Context: under the device set's lock.
 */
void vfio_pci_tsm_close_device(struct vfio_device *vdev)
{
	struct vfio_pci_tsm_device *tvdev = to_tvdev(vdev);

	unbind_before_reset(tvdev);
	/*
	 * vfio-pci resets the function without asking a driver first. It has no reset
	 * method while a function that depends on this one is bound, unless root or a
	 * recovery has brought one back.
	 */
	if (READ_ONCE(tvdev->core.pdev->reset_methods[0])) {
		vfio_pci_tsm_disturb_dependents(tvdev->core.pdev, VFIO_TSM_REASON_RESET);
		vfio_pci_tsm_wait_dependents(tvdev->core.pdev, vfio_pci_tsm_reset_deadline());
	}

	release_claims(tvdev);
	vfio_pci_core_close_device(vdev);
	vfio_tsm_closed(tvdev->tdev);
}
