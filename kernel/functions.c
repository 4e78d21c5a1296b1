// SPDX-License-Identifier: GPL-2.0-only
/*
 * What concerns more than one of the functions on this driver: IOMMU groups, whose
 * functions have one domain, SR-IOV, where a PF's doings are its VFs' as well, and
 * system suspend.
 */
#include <linux/iommu.h>
#include <linux/list.h>
#include <linux/pci.h>
#include <linux/suspend.h>

#include "vfio_pci_tsm.h"

static LIST_HEAD(functions);
static DEFINE_MUTEX(functions_lock); /* the list; tsm_lock comes below it */

/* How many are between PM_SUSPEND_PREPARE and PM_POST_SUSPEND, and the like. */
static atomic_t suspending;

/**
 * vfio_pci_tsm_add() - a function has got the driver
 * @tvdev: the device
 */
void vfio_pci_tsm_add(struct vfio_pci_tsm_device *tvdev)
{
	guard(mutex)(&functions_lock);
	list_add_tail(&tvdev->node, &functions);
}

/**
 * vfio_pci_tsm_del() - a function loses the driver
 * @tvdev: the device
 */
void vfio_pci_tsm_del(struct vfio_pci_tsm_device *tvdev)
{
	guard(mutex)(&functions_lock);
	list_del(&tvdev->node);
}

/* A function that shares @data's group, on a driver that asks nobody. */
static int is_stranger(struct device *dev, void *data)
{
	struct vfio_pci_tsm_device *tvdev = data;
	struct device *own = &tvdev->core.pdev->dev;

	if (dev == own || !dev->driver || dev->driver == own->driver)
		return 0;
	return dev_is_pci(dev) && pci_is_bridge(to_pci_dev(dev)) ? 0 : -EBUSY;
}

static bool shares_group(struct vfio_pci_tsm_device *a, struct vfio_pci_tsm_device *b)
{
	return a != b && a->core.pdev->dev.iommu_group == b->core.pdev->dev.iommu_group;
}

/**
 * vfio_pci_tsm_check_group() - whether a function's IOMMU domain stays its own
 * @tvdev: the device, with @tvdev->binding set
 *
 * iommufd replaces the domain of a whole group when one of its functions is
 * attached elsewhere. Those on this driver ask before they do.
 *
 * Return: 0; -EBUSY when a function of the group is on another driver, or is
 * being attached.
 */
int vfio_pci_tsm_check_group(struct vfio_pci_tsm_device *tvdev)
{
	struct iommu_group *group = iommu_group_get(&tvdev->core.pdev->dev);
	struct vfio_pci_tsm_device *other;
	int ret = 0;

	if (!group)
		return 0;
	ret = iommu_group_for_each_dev(group, tvdev, is_stranger);
	iommu_group_put(group);
	if (ret)
		return ret;

	/* Against vfio_pci_tsm_attach_begin() */
	smp_mb();
	guard(mutex)(&functions_lock);
	list_for_each_entry(other, &functions, node) {
		if (shares_group(tvdev, other) && atomic_read(&other->attaching))
			return -EBUSY;
	}
	return 0;
}

/*
 * Without tsm_lock, which a slow TSM may have for long, and functions_lock is every
 * device's. So one that is lost keeps it until its watch has seen that.
 */
static bool keeps_domain(struct vfio_pci_tsm_device *tvdev)
{
	/* With the store at the end of vfio_pci_tsm_bind(), so that one of them is seen */
	return smp_load_acquire(&tvdev->binding) || READ_ONCE(tvdev->bound);
}

/*
 * A function of @tvdev's group whose domain would change, and must not. Functions that
 * join a domain in use, or leave it, do not change it.
 */
static struct vfio_pci_tsm_device *find_harmed(struct vfio_pci_tsm_device *tvdev, bool replace)
{
	struct vfio_pci_tsm_device *other;

	list_for_each_entry(other, &functions, node) {
		if (shares_group(tvdev, other) && keeps_domain(other) &&
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
 * Return: whether it may be done, and vfio_pci_tsm_attach_end() is to follow; not
 * if it would change the domain of a function that is bound.
 *
 * Context: under the device set's lock, as a bind of @tvdev is.
 */
bool vfio_pci_tsm_attach_begin(struct vfio_pci_tsm_device *tvdev, bool replace,
			       enum vfio_tsm_blocked kind)
{
	struct vfio_pci_tsm_device *harmed;

	atomic_inc(&tvdev->attaching);
	/* Against vfio_pci_tsm_check_group() */
	smp_mb__after_atomic();

	/* Of its own, no bind comes in between. */
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
 * vfio_pci_tsm_attach_end() - it is done
 * @tvdev: the device, after vfio_pci_tsm_attach_begin() with true
 */
void vfio_pci_tsm_attach_end(struct vfio_pci_tsm_device *tvdev)
{
	atomic_dec(&tvdev->attaching);
}

static bool depends_on(struct vfio_pci_tsm_device *tvdev, struct pci_dev *pdev)
{
	return is_vf_of(tvdev, pdev) || READ_ONCE(tvdev->dsm) == pdev;
}

/**
 * vfio_pci_tsm_lose_dependents() - unbind what a reset takes along
 * @pdev: the function that has it: a PF, or one that others have for DSM
 *
 * Context: takes functions_lock, and tsm_lock of each.
 */
void vfio_pci_tsm_lose_dependents(struct pci_dev *pdev)
{
	struct vfio_pci_tsm_device *tvdev;

	guard(mutex)(&functions_lock);
	list_for_each_entry(tvdev, &functions, node) {
		if (depends_on(tvdev, pdev))
			vfio_pci_tsm_lose(tvdev, VFIO_TSM_REASON_RESET);
	}
}

/**
 * vfio_pci_tsm_tell_dependents() - tell of an error, which is theirs as well
 * @pdev: the function that has it: a PF, or one that others have for DSM
 *
 * Each is unbound by its own watch, and none waits for another.
 *
 * Context: takes functions_lock alone.
 */
void vfio_pci_tsm_tell_dependents(struct pci_dev *pdev)
{
	struct vfio_pci_tsm_device *tvdev;

	guard(mutex)(&functions_lock);
	list_for_each_entry(tvdev, &functions, node) {
		if (!depends_on(tvdev, pdev))
			continue;
		WRITE_ONCE(tvdev->aer, true);
		mod_delayed_work(system_freezable_power_efficient_wq, &tvdev->watch, 0);
	}
}

/* A VF that is bound, or was a moment ago, referenced; or NULL. */
static struct vfio_pci_tsm_device *get_bound_vf(struct pci_dev *pf)
{
	struct vfio_pci_tsm_device *tvdev;

	guard(mutex)(&functions_lock);
	list_for_each_entry(tvdev, &functions, node) {
		if (is_vf_of(tvdev, pf) && READ_ONCE(tvdev->bound)) {
			get_device(&tvdev->core.vdev.device);
			return tvdev;
		}
	}
	return NULL;
}

/*
 * Whether a VF is bound. One that is bound a moment later is no harm: a VF is
 * removed, and so closed and unbound, before its PF stops to decode for it. The
 * TSM is asked without functions_lock, which is every device's.
 */
static bool has_bound_vf(struct pci_dev *pf)
{
	struct vfio_pci_tsm_device *vf;
	bool bound = false;

	while (!bound && (vf = get_bound_vf(pf))) {
		bound = vfio_pci_tsm_is_bound(vf);
		vfio_put_device(&vf->core.vdev);
	}
	return bound;
}

/*
 * SR-IOV Control is among the registers that a TDI must keep, so the PF is not
 * bound, and will not be, while it changes. Not by op_sem: removing VFs waits for
 * their owners, who may be the PF's as well.
 */
static bool begin_sriov_change(struct vfio_pci_tsm_device *tvdev)
{
	guard(mutex)(&tvdev->tsm_lock);
	tvdev->sriov_changing = !tvdev->bound;
	return tvdev->sriov_changing;
}

/**
 * vfio_pci_tsm_set_num_vfs() - write to sriov_numvfs of a function on this driver
 * @pdev: the PF
 * @nr_virtfn: how many VFs there shall be, 0 for no SR-IOV
 *
 * Return: the number of VFs; -EBUSY while the PF or one of its VFs is bound; any
 * other error of vfio-pci's own.
 *
 * Context: the driver's sriov_configure, under the device lock.
 */
int vfio_pci_tsm_set_num_vfs(struct pci_dev *pdev, int nr_virtfn)
{
	struct vfio_pci_tsm_device *tvdev = pdev_to_tvdev(pdev);
	int ret;

	if (!begin_sriov_change(tvdev) || has_bound_vf(pdev)) {
		vfio_tsm_blocked(tvdev->tdev, VFIO_TSM_BLOCKED_SRIOV);
		ret = -EBUSY;
	} else {
		ret = vfio_pci_core_sriov_configure(&tvdev->core, nr_virtfn);
	}

	scoped_guard(mutex, &tvdev->tsm_lock)
		tvdev->sriov_changing = false;
	return ret;
}

/**
 * vfio_pci_tsm_is_suspending() - whether the system is on its way to sleep
 *
 * Return: true from before the moment that vfio-pci-tsm agrees to a suspend.
 *
 * Context: under tsm_lock, for a false to hold until the function is bound.
 */
bool vfio_pci_tsm_is_suspending(void)
{
	return atomic_read(&suspending);
}

/* A TDI does not survive sleep: its device loses power, or at least its state. */
static int prepare_suspend(void)
{
	struct vfio_pci_tsm_device *tvdev;
	int ret = 0;

	atomic_inc(&suspending);
	guard(mutex)(&functions_lock);
	list_for_each_entry(tvdev, &functions, node) {
		/* With tsm_lock also where it is not: a bind may be at work. */
		guard(mutex)(&tvdev->tsm_lock);
		if (!tvdev->bound)
			continue;
		pci_warn(tvdev->core.pdev, "no suspend while bound as a TDI\n");
		vfio_tsm_blocked(tvdev->tdev, VFIO_TSM_BLOCKED_SUSPEND);
		ret = -EBUSY;
	}
	if (ret)
		atomic_dec(&suspending);
	return ret;
}

static int pm_notify(struct notifier_block *nb, unsigned long action, void *unused)
{
	switch (action) {
	case PM_SUSPEND_PREPARE:
	case PM_HIBERNATION_PREPARE:
	case PM_RESTORE_PREPARE:
		return notifier_from_errno(prepare_suspend());
	case PM_POST_SUSPEND:
	case PM_POST_HIBERNATION:
	case PM_POST_RESTORE:
		/* Of one that was prepared before there was a module to ask? */
		atomic_dec_if_positive(&suspending);
	}
	return NOTIFY_DONE;
}

struct notifier_block vfio_pci_tsm_pm_notifier = { .notifier_call = pm_notify };
