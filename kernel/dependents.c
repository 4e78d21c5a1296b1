// SPDX-License-Identifier: GPL-2.0-only
/*
 * The functions on this driver, and which of them depends on which: a VF on its PF, a
 * function on its DSM, and the functions of an IOMMU group on each other, because they
 * have one domain.
 */
#include <linux/iommu.h>
#include <linux/list.h>
#include <linux/pci.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "tdi.h"
#include "vfio_pci_tsm.h"

static LIST_HEAD(functions);
static DEFINE_MUTEX(functions_lock); /* the list; a short lock, above state.lock */

/**
 * vfio_pci_tsm_add() - add a function that the driver has probed
 * @tvdev: the device
 */
void vfio_pci_tsm_add(struct vfio_pci_tsm_device *tvdev)
{
	guard(mutex)(&functions_lock);
	list_add_tail(&tvdev->node, &functions);
}

/**
 * vfio_pci_tsm_del() - remove a function that the driver detaches from
 * @tvdev: the device
 */
void vfio_pci_tsm_del(struct vfio_pci_tsm_device *tvdev)
{
	guard(mutex)(&functions_lock);
	list_del(&tvdev->node);
}

/**
 * vfio_pci_tsm_for_each() - call a function for each device of the driver
 * @fn: what to call, until it returns something other than 0
 * @data: its argument
 *
 * Return: what @fn returned last.
 *
 * Context: takes functions_lock, and calls @fn under it.
 */
int vfio_pci_tsm_for_each(int (*fn)(struct vfio_pci_tsm_device *tvdev, void *data), void *data)
{
	struct vfio_pci_tsm_device *tvdev;
	int ret = 0;

	guard(mutex)(&functions_lock);
	list_for_each_entry(tvdev, &functions, node) {
		ret = fn(tvdev, data);
		if (ret)
			break;
	}
	return ret;
}

/* Return: -EBUSY for a function of @data's group that is on another driver; else 0. */
static int is_stranger(struct device *dev, void *data)
{
	struct vfio_pci_tsm_device *tvdev = data;
	struct device *own = &tvdev->core.pdev->dev;

	if (dev == own || !dev->driver || dev->driver == own->driver)
		return 0;
	return dev_is_pci(dev) && pci_is_bridge(to_pci_dev(dev)) ? 0 : -EBUSY;
}

static bool shares_group(struct vfio_pci_tsm_device *tvdev, struct pci_dev *pdev)
{
	struct iommu_group *group = tvdev->core.pdev->dev.iommu_group;

	return group && tvdev->core.pdev != pdev && group == pdev->dev.iommu_group;
}

/**
 * vfio_pci_tsm_on_other_vfio() - whether a function is on another VFIO driver
 * @pdev: the function
 *
 * The user of such a function may write to registers that others depend on, and change
 * the IOMMU domain. Drivers that manage DMA themselves are taken for VFIO drivers, except
 * pci-stub and the drivers of bridges, which have no users.
 *
 * Return: whether it is so at the moment.
 */
bool vfio_pci_tsm_on_other_vfio(struct pci_dev *pdev)
{
	static const char stub[] = "pci-stub";
	struct device_driver *driver = READ_ONCE(pdev->dev.driver);
	char text[sizeof(stub)];
	const char *name;
	bool managed;

	if (!driver || driver == &vfio_pci_tsm_driver.driver || pci_is_bridge(pdev))
		return false;
	/* The driver may be going away, with its module. */
	if (get_kernel_nofault(managed, &to_pci_driver(driver)->driver_managed_dma) || !managed ||
	    get_kernel_nofault(name, &driver->name))
		return false;
	return copy_from_kernel_nofault(text, name, sizeof(text)) ||
	       memcmp(text, stub, sizeof(text));
}

/**
 * vfio_pci_tsm_check_others() - check the drivers of all functions that matter to a TDI
 * @tvdev: the device, with its state BINDING
 * @f0: function 0 of the same device if that is another, or NULL
 *
 * iommufd replaces the domain of a whole group when one of its functions is attached
 * elsewhere. This driver refuses that for its functions. It also refuses writes to
 * registers of its PFs and DSMs that the TDI depends on. Other drivers do neither.
 *
 * Return: 0; -EBUSY when a function of the group is on another driver, or is
 * being attached, or when the PF or the DSM is on another VFIO driver.
 */
int vfio_pci_tsm_check_others(struct vfio_pci_tsm_device *tvdev, struct pci_dev *f0)
{
	struct vfio_pci_tsm_device *other;
	struct iommu_group *group;
	int ret;

	if (vfio_pci_tsm_on_other_vfio(pci_physfn(tvdev->core.pdev)) ||
	    (f0 && READ_ONCE(f0->tsm) && vfio_pci_tsm_on_other_vfio(f0)))
		return -EBUSY;

	group = iommu_group_get(&tvdev->core.pdev->dev);
	if (!group)
		return 0;
	ret = iommu_group_for_each_dev(group, tvdev, is_stranger);
	iommu_group_put(group);
	if (ret)
		return ret;

	/* Pairs with the barrier in vfio_pci_tsm_attach_begin() */
	smp_mb();
	guard(mutex)(&functions_lock);
	list_for_each_entry(other, &functions, node) {
		if (shares_group(tvdev, other->core.pdev) && atomic_read(&other->attaching))
			return -EBUSY;
	}
	return 0;
}

/*
 * Find a function of @tvdev's group whose domain would change, and must not. A function
 * that joins a domain in use, or leaves it, does not change the domain.
 */
static struct vfio_pci_tsm_device *find_harmed(struct vfio_pci_tsm_device *tvdev, bool replace)
{
	struct vfio_pci_tsm_device *other;

	list_for_each_entry(other, &functions, node) {
		if (!shares_group(tvdev, other->core.pdev))
			continue;
		vfio_pci_tsm_refresh(other);
		if ((vfio_pci_tsm_is_busy(other) || vfio_tsm_is_quarantined(other->tdev)) &&
		    (replace || !other->core.vdev.iommufd_attached))
			return other;
	}
	return NULL;
}

/**
 * vfio_pci_tsm_attach_begin() - begin a change of the IOMMU domain
 * @tvdev: the device
 * @replace: whether it would leave one domain for another
 * @kind: how a refusal is counted, for the device that is bound
 *
 * Return: true if it may be done, and vfio_pci_tsm_attach_end() is to follow; false
 * if it would change the domain of a function that is bound.
 *
 * Context: under the device set's lock, as a bind of @tvdev is.
 */
bool vfio_pci_tsm_attach_begin(struct vfio_pci_tsm_device *tvdev, bool replace,
			       enum vfio_tsm_blocked kind)
{
	struct vfio_pci_tsm_device *harmed;

	atomic_inc(&tvdev->attaching);
	/* Pairs with the barrier in vfio_pci_tsm_check_others() */
	smp_mb__after_atomic();

	/* A bind of the device itself cannot come in between. */
	if (vfio_pci_tsm_is_bound(tvdev)) {
		vfio_tsm_blocked(tvdev->tdev, kind);
		goto refuse;
	}
	scoped_guard(mutex, &functions_lock) {
		harmed = find_harmed(tvdev, replace);
		if (harmed)
			vfio_tsm_blocked(harmed->tdev, kind);
	}
	if (!harmed)
		return true;
refuse:
	atomic_dec(&tvdev->attaching);
	return false;
}

/**
 * vfio_pci_tsm_attach_end() - end a change of the IOMMU domain
 * @tvdev: the device, after vfio_pci_tsm_attach_begin() with true
 */
void vfio_pci_tsm_attach_end(struct vfio_pci_tsm_device *tvdev)
{
	atomic_dec(&tvdev->attaching);
}

/* hold.dsm is not set yet for a TDI of another module that the driver has not found. */
static bool depends_on(struct vfio_pci_tsm_device *tvdev, struct pci_dev *pdev)
{
	return is_vf_of(tvdev, pdev) || READ_ONCE(tvdev->hold.dsm) == pdev ||
	       (tvdev->awake.f0 == pdev && READ_ONCE(pdev->tsm));
}

/**
 * vfio_pci_tsm_disturb_dependents() - disturb all functions that depend on one
 * @pdev: the function that something has happened to: a PF, or the DSM of others
 * @reason: what has happened
 *
 * Context: as vfio_pci_tsm_disturb(); takes functions_lock.
 */
void vfio_pci_tsm_disturb_dependents(struct pci_dev *pdev, enum vfio_tsm_reason reason)
{
	struct vfio_pci_tsm_device *tvdev;

	guard(mutex)(&functions_lock);
	list_for_each_entry(tvdev, &functions, node) {
		if (depends_on(tvdev, pdev))
			vfio_pci_tsm_disturb(tvdev, reason);
	}
}

/**
 * vfio_pci_tsm_driver_comes() - a function gets a driver
 * @pdev: the function, before the driver's probe
 *
 * This cannot be refused. So if it is a VFIO driver, each TDI that relies on the
 * function is lost before the function has a user. A bind that is at work fails.
 *
 * Context: under the device lock of @pdev; as vfio_pci_tsm_disturb(); takes functions_lock.
 */
void vfio_pci_tsm_driver_comes(struct pci_dev *pdev)
{
	struct vfio_pci_tsm_device *tvdev;

	/* VFIO drivers refuse a PF that has VFs. */
	if (!vfio_pci_tsm_on_other_vfio(pdev) || pci_num_vf(pdev))
		return;
	guard(mutex)(&functions_lock);
	list_for_each_entry(tvdev, &functions, node) {
		if (depends_on(tvdev, pdev) || shares_group(tvdev, pdev))
			vfio_pci_tsm_disturb(tvdev, VFIO_TSM_REASON_DRIVER);
	}
}

/* A dependent function that PCI/TSM is at work on, or will be, referenced; or NULL. */
static struct vfio_pci_tsm_device *get_busy_dependent(struct pci_dev *pdev)
{
	struct vfio_pci_tsm_device *tvdev;

	guard(mutex)(&functions_lock);
	list_for_each_entry(tvdev, &functions, node) {
		if (!depends_on(tvdev, pdev))
			continue;
		/* Another module may have bound it again since. */
		vfio_pci_tsm_disturb(tvdev, VFIO_TSM_REASON_RESET);
		if (!vfio_pci_tsm_is_in_tsm(tvdev))
			continue;
		get_device(&tvdev->core.vdev.device);
		return tvdev;
	}
	return NULL;
}

/**
 * vfio_pci_tsm_wait_dependents() - wait until PCI/TSM has unbound what depends on a function
 * @pdev: the function, after vfio_pci_tsm_disturb_dependents()
 * @deadline: in jiffies, when to stop waiting
 *
 * Context: as vfio_pci_tsm_wait_unlocked(); takes functions_lock, and does not wait
 * under it.
 */
void vfio_pci_tsm_wait_dependents(struct pci_dev *pdev, unsigned long deadline)
{
	struct vfio_pci_tsm_device *tvdev;
	bool unlocked = true;

	while (unlocked && (tvdev = get_busy_dependent(pdev))) {
		unlocked = vfio_pci_tsm_wait_unlocked(tvdev, deadline);
		/* The function of @tvdev may be gone by now. */
		if (!unlocked)
			pci_warn(pdev,
				 "reset while a dependent TDI is locked: the TSM is too slow\n");
		vfio_put_device(&tvdev->core.vdev);
	}
}

/**
 * vfio_pci_tsm_has_bound_vf() - whether a VF is bound
 * @pf: its PF
 *
 * A VF that is bound a moment later does no harm: a VF is removed, and so closed and
 * unbound, before its PF stops decoding for it.
 *
 * Return: true also if a VF is lost and PCI/TSM has not unbound it yet, or if it is
 * quarantined.
 *
 * Context: takes functions_lock.
 */
bool vfio_pci_tsm_has_bound_vf(struct pci_dev *pf)
{
	struct vfio_pci_tsm_device *tvdev;

	guard(mutex)(&functions_lock);
	list_for_each_entry(tvdev, &functions, node) {
		if (!is_vf_of(tvdev, pf))
			continue;
		vfio_pci_tsm_refresh(tvdev);
		if (vfio_pci_tsm_is_guarded(tvdev))
			return true;
	}
	return false;
}
