// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a bind takes from other functions and from user space, and gives back. The PF and
 * the DSM stay awake, and registers that the TDI must keep are not written. resets.c has
 * the resets, mmap.c the mappings, rom.c the ROM, vdevice.c the vDEVICE.
 */
#include <linux/list.h>
#include <linux/pci-tsm.h>
#include <linux/pci.h>
#include <linux/pm_runtime.h>
#include <linux/spinlock.h>
#include <linux/wait.h>

#include "vfio_pci_tsm.h"

/**
 * vfio_pci_tsm_get_function0() - function 0 of the same device, if that is another
 * @pdev: the function
 *
 * It may be the DSM: pf0_dev_get() of drivers/pci/tsm.c.
 *
 * Return: function 0, referenced; NULL if that is the function itself, or the PF of a VF,
 * which are handled in any case.
 *
 * Context: the device lock may be held. So this does not look by slot: pci_get_slot() takes
 * pci_bus_sem.
 */
struct pci_dev *vfio_pci_tsm_get_function0(struct pci_dev *pdev)
{
	struct pci_dev *pf = pci_physfn(pdev);
	unsigned int devfn = PCI_DEVFN(PCI_SLOT(pf->devfn), 0);

	if (pf->devfn == devfn)
		return NULL;

	struct pci_dev *f0 __free(pci_dev_put) =
		pci_get_domain_bus_and_slot(pci_domain_nr(pf->bus), pf->bus->number, devfn);

	return f0 && !vfio_pci_tsm_takes_along(f0, pdev) ? no_free_ptr(f0) : NULL;
}

/**
 * vfio_pci_tsm_can_be_connected() - whether a TSM can be connected to a function
 * @pdev: the function
 *
 * The candidates for its DSM are those of find_dsm_dev() in drivers/pci/tsm.c.
 *
 * Return: true also if one is connected already. The result holds as long as function 0 is
 * there: the PCI core has read what it depends on before any driver gets the function.
 * (tsm_sim makes that up, so it has to be loaded first.)
 *
 * Context: probe.
 */
bool vfio_pci_tsm_can_be_connected(struct pci_dev *pdev)
{
	struct pci_dev *f0 __free(pci_dev_put) = vfio_pci_tsm_get_function0(pdev);
	struct pci_dev *port = pci_upstream_bridge(pci_physfn(pdev));

	return READ_ONCE(pdev->tsm) || is_pci_tsm_pf0(f0) || is_pci_tsm_pf0(pci_physfn(pdev)) ||
	       is_pci_tsm_pf0(port ? pci_upstream_bridge(port) : NULL);
}

/**
 * vfio_pci_tsm_awake_begin() - keep PF and DSM awake, because a TSM may be connected
 * @tvdev: the device, which stays awake by vfio_pci_tsm_set_core()
 *
 * The IDE stream and the SPDM session survive neither D3cold, nor D3hot without
 * No_Soft_Reset, but PCI/TSM goes on to report the function as connected. It does not
 * report a connect to the driver. So the functions are kept awake from probe to remove.
 *
 * Context: probe. If they cannot be woken, a bind reports that.
 */
void vfio_pci_tsm_awake_begin(struct vfio_pci_tsm_device *tvdev)
{
	struct pci_dev *pdev = tvdev->core.pdev;

	if (tvdev->awake.itself)
		vfio_pci_tsm_core_awake(pdev, true);
	tvdev->awake.connectable = vfio_pci_tsm_can_be_connected(pdev);
	if (!tvdev->awake.connectable)
		return;
	tvdev->awake.pf = pdev->is_virtfn ? pci_dev_get(pci_physfn(pdev)) : NULL;
	tvdev->awake.f0 = vfio_pci_tsm_get_function0(pdev);
	if (tvdev->awake.pf)
		pm_runtime_get_sync(&tvdev->awake.pf->dev);
	if (tvdev->awake.f0)
		pm_runtime_get_sync(&tvdev->awake.f0->dev);
}

/**
 * vfio_pci_tsm_awake_end() - undo vfio_pci_tsm_awake_begin()
 * @tvdev: the device, about to be removed
 */
void vfio_pci_tsm_awake_end(struct vfio_pci_tsm_device *tvdev)
{
	if (tvdev->awake.itself)
		vfio_pci_tsm_core_awake(tvdev->core.pdev, false);
	if (tvdev->awake.pf)
		pm_runtime_put(&tvdev->awake.pf->dev);
	if (tvdev->awake.f0)
		pm_runtime_put(&tvdev->awake.f0->dev);
	pci_dev_put(tvdev->awake.pf);
	pci_dev_put(tvdev->awake.f0);
}

/* Undo hold_others(), with resets on. */
static void let_others_sleep(struct vfio_pci_tsm_device *tvdev)
{
	struct pci_dev *dsm = tvdev->hold.dsm;

	if (tvdev->hold.pf_awake)
		pm_runtime_put(&pci_physfn(tvdev->core.pdev)->dev);
	tvdev->hold.pf_awake = false;
	if (!dsm)
		return;
	WRITE_ONCE(tvdev->hold.dsm, NULL);
	pm_runtime_put(&dsm->dev);
	pci_dev_put(dsm);
}

static int keep(struct pci_dev *pdev, bool wake)
{
	if (wake)
		return pm_runtime_resume_and_get(&pdev->dev);
	pm_runtime_get_noresume(&pdev->dev);
	return 0;
}

static int hold_pf(struct vfio_pci_tsm_device *tvdev, bool wake)
{
	struct pci_dev *pdev = tvdev->core.pdev;
	int ret;

	if (!pdev->is_virtfn || tvdev->hold.pf_awake)
		return 0;
	ret = keep(pci_physfn(pdev), wake);
	tvdev->hold.pf_awake = !ret;
	return ret;
}

static int hold_dsm(struct vfio_pci_tsm_device *tvdev, struct pci_dev *f0, bool wake)
{
	int ret;

	if (!f0 || !READ_ONCE(f0->tsm) || tvdev->hold.dsm)
		return 0;
	ret = keep(f0, wake);
	if (!ret)
		WRITE_ONCE(tvdev->hold.dsm, pci_dev_get(f0));
	return ret;
}

/*
 * Keep PF and DSM from runtime suspend. A VF does not keep its PF from it, and a suspended
 * PF decodes no memory for its VFs. A function does not keep its DSM from it either, which
 * has the IDE stream. With @wake, wait until they are awake. Without it, leave their power
 * state as it is: the TDI that depends on them is locked. A second call does nothing.
 * Return: 0; an error of runtime PM if they are to be woken, and then nothing is held.
 */
static int hold_others(struct vfio_pci_tsm_device *tvdev, struct pci_dev *f0, bool wake)
{
	int ret;

	ret = hold_pf(tvdev, wake);
	if (!ret)
		ret = hold_dsm(tvdev, f0, wake);
	if (ret)
		let_others_sleep(tvdev);
	return ret;
}

static LIST_HEAD(writers); /* struct vfio_pci_tsm_writer */
static DEFINE_SPINLOCK(writers_lock); /* the list; a leaf */
static DECLARE_WAIT_QUEUE_HEAD(writers_changed);

/* Whether writes that were let through are still at work. None is to the function itself. */
static bool others_written(struct vfio_pci_tsm_device *tvdev)
{
	struct vfio_pci_tsm_writer *writer;

	guard(spinlock)(&writers_lock);
	list_for_each_entry(writer, &writers, node) {
		if (writer->pdev == pci_physfn(tvdev->core.pdev) || writer->pdev == tvdev->hold.dsm)
			return true;
	}
	return false;
}

/**
 * vfio_pci_tsm_begin_write() - begin to write what a bound function may depend on
 * @pdev: the function that is written to
 * @writer: in use until vfio_pci_tsm_end_write()
 *
 * Return: true, and no function that depends on @pdev is bound until
 * vfio_pci_tsm_end_write(); false when one is bound, and then there is nothing to end.
 */
bool vfio_pci_tsm_begin_write(struct pci_dev *pdev, struct vfio_pci_tsm_writer *writer)
{
	writer->pdev = pdev;
	scoped_guard(spinlock, &writers_lock)
		list_add(&writer->node, &writers);
	/* A bind takes the resets first, and reads the list afterwards. */
	if (!vfio_pci_tsm_resets_are_off(pdev))
		return true;
	vfio_pci_tsm_end_write(writer);
	return false;
}

/**
 * vfio_pci_tsm_end_write() - end a write
 * @writer: from vfio_pci_tsm_begin_write()
 */
void vfio_pci_tsm_end_write(struct vfio_pci_tsm_writer *writer)
{
	scoped_guard(spinlock, &writers_lock)
		list_del(&writer->node);
	wake_up_all(&writers_changed);
}

/*
 * Wait until writes to PF and DSM have ended; with resets off, so that none begins. Such a
 * write does not wait for user memory. But one that resets the PF, or puts it to sleep,
 * waits for the users of its dma-bufs without a limit. Return: 0; -EHOSTDOWN when they have
 * not ended in a second; -ERESTARTSYS when the caller is being killed.
 */
static int wait_writes(struct vfio_pci_tsm_device *tvdev)
{
	long left = wait_event_killable_timeout(writers_changed, !others_written(tvdev), HZ);

	if (left < 0)
		return left;
	return left ? 0 : -EHOSTDOWN;
}

/* PCI_UNKNOWN: the function has no driver, and the PCI core has left it on. */
static bool is_asleep(struct pci_dev *pdev)
{
	return pdev->current_state != PCI_D0 && pdev->current_state != PCI_UNKNOWN;
}

/**
 * vfio_pci_tsm_others_are_awake() - whether PF and DSM are in D0
 * @tvdev: the device, after vfio_pci_tsm_hold_begin()
 *
 * Return: true holds for as long as the function is bound.
 */
bool vfio_pci_tsm_others_are_awake(struct vfio_pci_tsm_device *tvdev)
{
	struct pci_dev *dsm = tvdev->hold.dsm;

	/* They cannot be runtime suspended, but their users can write to PMCSR. */
	return !is_asleep(pci_physfn(tvdev->core.pdev)) && !(dsm && is_asleep(dsm));
}

/**
 * vfio_pci_tsm_hold_begin() - take what a bind needs
 * @tvdev: the device
 * @f0: function 0 of the same device if that is another, or NULL
 * @policy: what to do with mappings of BARs
 * @stage: gets the check that failed
 *
 * The vDEVICE that the bind names was taken before, with the requester ID.
 *
 * Return: 0; -EHOSTDOWN, -EBUSY, -ENOMEM or -ERESTARTSYS, and then nothing is taken.
 *
 * Context: a bind, with operations stopped. Not under tdi.lock, because the drivers of PF
 * and DSM may take any lock.
 */
int vfio_pci_tsm_hold_begin(struct vfio_pci_tsm_device *tvdev, struct pci_dev *f0,
			    enum vfio_tsm_bar_mmap policy, enum vfio_tsm_stage *stage)
{
	int ret;

	*stage = VFIO_TSM_STAGE_POWER;
	if (hold_others(tvdev, f0, true))
		return -EHOSTDOWN;

	vfio_pci_tsm_rom_info(tvdev);
	vfio_pci_tsm_rom_off(tvdev);
	*stage = VFIO_TSM_STAGE_MAPPED;
	ret = vfio_pci_tsm_mmap_begin_bind(tvdev, policy);
	if (ret) {
		vfio_pci_tsm_rom_on(tvdev);
		let_others_sleep(tvdev);
		return ret;
	}

	*stage = VFIO_TSM_STAGE_POWER;
	ret = vfio_pci_tsm_take_resets(tvdev);
	if (!ret)
		ret = wait_writes(tvdev);
	if (ret)
		vfio_pci_tsm_hold_end(tvdev);
	return ret;
}

/**
 * vfio_pci_tsm_hold_foreign() - take the same for a TDI of another module
 * @tvdev: the device, FOREIGN
 *
 * This touches neither the function nor a mapping of its BARs: the TDI is locked by now.
 * A reset may be at work that began before this, and cannot be waited for. It can be
 * called again; if memory was short, the watch does that.
 *
 * Context: under tdi.lock.
 */
void vfio_pci_tsm_hold_foreign(struct vfio_pci_tsm_device *tvdev)
{
	struct pci_dev *f0 __free(pci_dev_put) = vfio_pci_tsm_get_function0(tvdev->core.pdev);

	vfio_pci_tsm_rom_off(tvdev);
	hold_others(tvdev, f0, false);
	WRITE_ONCE(tvdev->hold.incomplete, vfio_pci_tsm_take_resets(tvdev) == -ENOMEM);
}

/**
 * vfio_pci_tsm_hold_end() - give back what was taken, including the vDEVICE
 * @tvdev: the device, not bound by now
 *
 * Resets are given back even if the TDI was not stopped: a reset only sends it to ERROR.
 *
 * Context: in a bind that failed, or under tdi.lock.
 */
void vfio_pci_tsm_hold_end(struct vfio_pci_tsm_device *tvdev)
{
	vfio_pci_tsm_give_resets(tvdev);
	vfio_pci_tsm_mmap_allow(tvdev);
	vfio_pci_tsm_rom_on(tvdev);
	let_others_sleep(tvdev);
	vfio_pci_tsm_put_vdevice(tvdev);
}
