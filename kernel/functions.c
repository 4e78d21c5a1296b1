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
 * @tsm: the device
 */
void vfio_pci_tsm_add(struct vfio_pci_tsm_device *tsm)
{
	guard(mutex)(&functions_lock);
	list_add_tail(&tsm->node, &functions);
}

/**
 * vfio_pci_tsm_del() - a function loses the driver
 * @tsm: the device
 */
void vfio_pci_tsm_del(struct vfio_pci_tsm_device *tsm)
{
	guard(mutex)(&functions_lock);
	list_del(&tsm->node);
}

/* A function that shares @data's group, on a driver that asks nobody. */
static int is_stranger(struct device *dev, void *data)
{
	struct vfio_pci_tsm_device *tsm = data;
	struct device *own = &tsm->core.pdev->dev;

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
 * @tsm: the device, with @tsm->binding set
 *
 * iommufd replaces the domain of a whole group when one of its functions is
 * attached elsewhere. Those on this driver ask before they do.
 *
 * Return: 0; -EBUSY when a function of the group is on another driver, or is
 * being attached.
 */
int vfio_pci_tsm_check_group(struct vfio_pci_tsm_device *tsm)
{
	struct iommu_group *group = iommu_group_get(&tsm->core.pdev->dev);
	struct vfio_pci_tsm_device *other;
	int ret = 0;

	if (!group)
		return 0;
	ret = iommu_group_for_each_dev(group, tsm, is_stranger);
	iommu_group_put(group);
	if (ret)
		return ret;

	/* Against vfio_pci_tsm_attach_begin() */
	smp_mb();
	guard(mutex)(&functions_lock);
	list_for_each_entry(other, &functions, node) {
		if (shares_group(tsm, other) && atomic_read(&other->attaching))
			return -EBUSY;
	}
	return 0;
}

/*
 * Without tsm_lock, which a slow TSM may have for long, and functions_lock is every
 * device's. So one that is lost keeps it until its watch has seen that.
 */
static bool keeps_domain(struct vfio_pci_tsm_device *tsm)
{
	/* With the store at the end of vfio_pci_tsm_bind(), so that one of them is seen */
	return smp_load_acquire(&tsm->binding) || READ_ONCE(tsm->bound);
}

/*
 * A function of @tsm's group whose domain would change, and must not. Functions that
 * join a domain in use, or leave it, do not change it.
 */
static struct vfio_pci_tsm_device *find_harmed(struct vfio_pci_tsm_device *tsm, bool replace)
{
	struct vfio_pci_tsm_device *other;

	list_for_each_entry(other, &functions, node) {
		if (shares_group(tsm, other) && keeps_domain(other) &&
		    (replace || !other->core.vdev.iommufd_attached))
			return other;
	}
	return NULL;
}

/**
 * vfio_pci_tsm_attach_begin() - begin a change of the IOMMU domain
 * @tsm: the device
 * @replace: whether it would leave one domain for another
 * @kind: how a refusal is counted, for the device that is bound
 *
 * Return: whether it may be done, and vfio_pci_tsm_attach_end() is to follow; not
 * if it would change the domain of a function that is bound.
 *
 * Context: under the device set's lock, as a bind of @tsm is.
 */
bool vfio_pci_tsm_attach_begin(struct vfio_pci_tsm_device *tsm, bool replace,
			       enum vfio_tsm_blocked kind)
{
	struct vfio_pci_tsm_device *harmed;

	atomic_inc(&tsm->attaching);
	/* Against vfio_pci_tsm_check_group() */
	smp_mb__after_atomic();

	/* Of its own, no bind comes in between. */
	if (vfio_pci_tsm_is_bound(tsm)) {
		vfio_tsm_blocked(tsm->tdev, kind);
		goto refuse;
	}
	scoped_guard(mutex, &functions_lock) {
		harmed = find_harmed(tsm, replace);
		if (harmed)
			vfio_tsm_blocked(harmed->tdev, kind);
	}
	if (!harmed)
		return true;
refuse:
	atomic_dec(&tsm->attaching);
	return false;
}

/**
 * vfio_pci_tsm_attach_end() - it is done
 * @tsm: the device, after vfio_pci_tsm_attach_begin() with true
 */
void vfio_pci_tsm_attach_end(struct vfio_pci_tsm_device *tsm)
{
	atomic_dec(&tsm->attaching);
}

static bool depends_on(struct vfio_pci_tsm_device *tsm, struct pci_dev *pdev)
{
	return is_vf_of(tsm, pdev) || READ_ONCE(tsm->dsm) == pdev;
}

/**
 * vfio_pci_tsm_lose_dependents() - unbind what a reset takes along
 * @pdev: the function that has it: a PF, or one that others have for DSM
 *
 * Context: takes functions_lock, and tsm_lock of each.
 */
void vfio_pci_tsm_lose_dependents(struct pci_dev *pdev)
{
	struct vfio_pci_tsm_device *tsm;

	guard(mutex)(&functions_lock);
	list_for_each_entry(tsm, &functions, node) {
		if (depends_on(tsm, pdev))
			vfio_pci_tsm_lose(tsm, VFIO_TSM_REASON_RESET);
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
	struct vfio_pci_tsm_device *tsm;

	guard(mutex)(&functions_lock);
	list_for_each_entry(tsm, &functions, node) {
		if (!depends_on(tsm, pdev))
			continue;
		WRITE_ONCE(tsm->aer, true);
		mod_delayed_work(system_freezable_power_efficient_wq, &tsm->watch, 0);
	}
}

/* A VF that is bound, or was a moment ago, referenced; or NULL. */
static struct vfio_pci_tsm_device *get_bound_vf(struct pci_dev *pf)
{
	struct vfio_pci_tsm_device *tsm;

	guard(mutex)(&functions_lock);
	list_for_each_entry(tsm, &functions, node) {
		if (is_vf_of(tsm, pf) && READ_ONCE(tsm->bound)) {
			get_device(&tsm->core.vdev.device);
			return tsm;
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
static bool begin_sriov_change(struct vfio_pci_tsm_device *tsm)
{
	guard(mutex)(&tsm->tsm_lock);
	tsm->sriov_changing = !tsm->bound;
	return tsm->sriov_changing;
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
	struct vfio_pci_tsm_device *tsm = pdev_to_tsm(pdev);
	int ret;

	if (!begin_sriov_change(tsm) || has_bound_vf(pdev)) {
		vfio_tsm_blocked(tsm->tdev, VFIO_TSM_BLOCKED_SRIOV);
		ret = -EBUSY;
	} else {
		ret = vfio_pci_core_sriov_configure(&tsm->core, nr_virtfn);
	}

	scoped_guard(mutex, &tsm->tsm_lock)
		tsm->sriov_changing = false;
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
	struct vfio_pci_tsm_device *tsm;
	int ret = 0;

	atomic_inc(&suspending);
	guard(mutex)(&functions_lock);
	list_for_each_entry(tsm, &functions, node) {
		/* With tsm_lock also where it is not: a bind may be at work. */
		guard(mutex)(&tsm->tsm_lock);
		if (!tsm->bound)
			continue;
		pci_warn(tsm->core.pdev, "no suspend while bound as a TDI\n");
		vfio_tsm_blocked(tsm->tdev, VFIO_TSM_BLOCKED_SUSPEND);
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
