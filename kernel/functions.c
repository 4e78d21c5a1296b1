// SPDX-License-Identifier: GPL-2.0-only
/*
 * What concerns more than one of the functions on this driver: SR-IOV, where a
 * PF's doings are its VFs' as well, and system suspend.
 */
#include <linux/list.h>
#include <linux/pci.h>
#include <linux/suspend.h>

#include "vfio_pci_tsm.h"

static LIST_HEAD(functions);
static DEFINE_MUTEX(functions_lock); /* the list; tsm_lock comes below it */

/* Between PM_SUSPEND_PREPARE and PM_POST_SUSPEND, and the like. */
static bool suspending;

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

static bool is_vf_of(struct vfio_pci_tsm_device *tsm, struct pci_dev *pf)
{
	return tsm->core.pdev->is_virtfn && pci_physfn(tsm->core.pdev) == pf;
}

/**
 * vfio_pci_tsm_lose_vfs() - unbind the VFs of a PF that is reset by force
 * @pf: the PF
 * @reason: why
 *
 * Context: as reset_prepare().
 */
void vfio_pci_tsm_lose_vfs(struct pci_dev *pf, enum vfio_tsm_reason reason)
{
	struct vfio_pci_tsm_device *tsm;

	guard(mutex)(&functions_lock);
	list_for_each_entry(tsm, &functions, node) {
		if (is_vf_of(tsm, pf))
			vfio_pci_tsm_lose(tsm, reason);
	}
}

/*
 * Whether a VF is bound. One that is bound a moment later is no harm: a VF is
 * removed, and so closed and unbound, before its PF stops to decode for it.
 */
static bool has_bound_vf(struct pci_dev *pf)
{
	struct vfio_pci_tsm_device *tsm;

	guard(mutex)(&functions_lock);
	list_for_each_entry(tsm, &functions, node) {
		if (is_vf_of(tsm, pf) && vfio_pci_tsm_is_bound(tsm))
			return true;
	}
	return false;
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
	struct vfio_pci_tsm_device *tsm =
		container_of(dev_get_drvdata(&pdev->dev), struct vfio_pci_tsm_device, core);
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
	return READ_ONCE(suspending);
}

/* A TDI does not survive sleep: its device loses power, or at least its state. */
static int prepare_suspend(void)
{
	struct vfio_pci_tsm_device *tsm;
	int ret = 0;

	WRITE_ONCE(suspending, true);
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
		WRITE_ONCE(suspending, false);
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
		WRITE_ONCE(suspending, false);
	}
	return NOTIFY_DONE;
}

struct notifier_block vfio_pci_tsm_pm_notifier = { .notifier_call = pm_notify };
