// SPDX-License-Identifier: GPL-2.0-only
/*
 * Resets that do not come through VFIO: sysfs, and siblings below the same bus.
 * A driver cannot veto a reset once it runs, but the PCI core asks two things
 * before it starts: pdev->reset_methods (pci_reset_supported()), for resets of
 * the function, and PCI_DEV_FLAGS_NO_BUS_RESET of every function below
 * (pci_bus_resettable()), for resets of bus and slot. While bound, both say no:
 * for the function itself, for the PF of a VF, and for the bridges above, whose
 * resets would take it along. What comes through all the same, because root wrote
 * reset_method, or the PCI core had asked just before the bind, finds the function
 * unbound when it begins: reset_prepare() comes first, for a PF on this driver
 * with its VFs. Nobody is told of a forced reset of a PF on another driver, or of
 * a bridge.
 */
#include <linux/list.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "vfio_pci_tsm.h"

/**
 * struct held_resets - a function whose resets are off
 * @node: in held_resets
 * @pdev: the function; it outlives the bound one, which is itself or below
 * @users: bound functions that a reset of it would harm
 * @reset_methods: what pdev->reset_methods was before
 * @no_bus_reset: whether PCI_DEV_FLAGS_NO_BUS_RESET was set before
 */
struct held_resets {
	struct list_head node;
	struct pci_dev *pdev;
	unsigned int users;
	u8 reset_methods[PCI_NUM_RESET_METHODS];
	bool no_bus_reset;
};

static LIST_HEAD(held_resets);
static DEFINE_MUTEX(held_lock); /* held_resets and all in it; a leaf below tsm_lock */

static struct held_resets *find_held(struct pci_dev *pdev)
{
	struct held_resets *held;

	list_for_each_entry(held, &held_resets, node) {
		if (held->pdev == pdev)
			return held;
	}
	return NULL;
}

static int hold_resets(struct pci_dev *pdev)
{
	struct held_resets *held;

	guard(mutex)(&held_lock);
	held = find_held(pdev);
	if (!held) {
		held = kzalloc_obj(*held);
		if (!held)
			return -ENOMEM;
		held->pdev = pdev;
		held->no_bus_reset = pdev->dev_flags & PCI_DEV_FLAGS_NO_BUS_RESET;
		list_add(&held->node, &held_resets);
	}
	held->users++;
	/* For a second user, too: root may have written reset_method. */
	if (pdev->reset_methods[0])
		memcpy(held->reset_methods, pdev->reset_methods, sizeof(held->reset_methods));
	memset(pdev->reset_methods, 0, sizeof(pdev->reset_methods));
	pdev->dev_flags |= PCI_DEV_FLAGS_NO_BUS_RESET;
	return 0;
}

static void unhold_resets(struct pci_dev *pdev)
{
	struct held_resets *held;

	guard(mutex)(&held_lock);
	held = find_held(pdev);
	if (!held || --held->users)
		return;

	/* What root wrote in the meantime stays. */
	if (!pdev->reset_methods[0])
		memcpy(pdev->reset_methods, held->reset_methods, sizeof(held->reset_methods));
	if (!held->no_bus_reset)
		pdev->dev_flags &= ~PCI_DEV_FLAGS_NO_BUS_RESET;
	list_del(&held->node);
	kfree(held);
}

/*
 * Whose reset would take @pdev along: itself, its PF, the bridges up to the root.
 * From one to the next, NULL at the end.
 */
static struct pci_dev *next_in_reset(struct pci_dev *pdev)
{
	return pdev->is_virtfn ? pci_physfn(pdev) : pci_upstream_bridge(pdev);
}

/*
 * Whether a reset of @pdev may have found its methods before they were taken
 * away. The function itself knows by reset_prepare(). A PF is locked against
 * access by users for as long as its reset lasts. A bridge is, too, when only a
 * function below it is reset, but in its own reset it masters no bus.
 */
static bool may_be_resetting(struct pci_dev *pdev)
{
	u16 command;

	if (!pci_is_bridge(pdev))
		return pdev->block_cfg_access;
	pci_read_config_word(pdev, PCI_COMMAND, &command);
	return PCI_POSSIBLE_ERROR(command) || !(command & PCI_COMMAND_MASTER);
}

static void unhold_until(struct pci_dev *pdev, struct pci_dev *end)
{
	for (; pdev != end; pdev = next_in_reset(pdev))
		unhold_resets(pdev);
}

/**
 * vfio_pci_tsm_resets_off() - have the PCI core refuse resets
 * @tsm: the device
 *
 * Return: 0; -EHOSTDOWN when a reset is at work; -ENOMEM; then nothing is held.
 *
 * Context: under tsm_lock, with no reset of the function itself at work.
 */
int vfio_pci_tsm_resets_off(struct vfio_pci_tsm_device *tsm)
{
	struct pci_dev *pdev;
	int ret;

	lockdep_assert_held(&tsm->tsm_lock);
	for (pdev = tsm->core.pdev; pdev; pdev = next_in_reset(pdev)) {
		ret = hold_resets(pdev);
		if (ret) {
			unhold_until(tsm->core.pdev, pdev);
			return ret;
		}
	}

	WRITE_ONCE(tsm->resets_held, true);
	/* Against pci_cfg_access_lock(), after which a reset reads the methods. */
	smp_mb();
	for (pdev = next_in_reset(tsm->core.pdev); pdev; pdev = next_in_reset(pdev)) {
		if (may_be_resetting(pdev)) {
			vfio_pci_tsm_resets_on(tsm);
			return -EHOSTDOWN;
		}
	}
	return 0;
}

/**
 * vfio_pci_tsm_resets_on() - have resets as they were
 * @tsm: the device, after vfio_pci_tsm_resets_off() with 0
 *
 * Context: takes held_lock alone; once is enough.
 */
void vfio_pci_tsm_resets_on(struct vfio_pci_tsm_device *tsm)
{
	if (xchg(&tsm->resets_held, false))
		unhold_until(tsm->core.pdev, NULL);
}

/* Under the device lock, perhaps the device set's lock and memory_lock as well. */
static void reset_prepare(struct pci_dev *pdev)
{
	struct vfio_pci_tsm_device *tsm = pdev_to_tsm(pdev);

	scoped_guard(mutex, &tsm->tsm_lock) {
		tsm->resetting = true;
		if (tsm->bound)
			vfio_pci_tsm_drop_locked(tsm, VFIO_TSM_REASON_RESET);
	}
	/* A PF's reset is its VFs' as well. */
	if (pdev->is_physfn)
		vfio_pci_tsm_lose_vfs(pdev, VFIO_TSM_REASON_RESET);
}

static void reset_done(struct pci_dev *pdev)
{
	struct vfio_pci_tsm_device *tsm = pdev_to_tsm(pdev);

	guard(mutex)(&tsm->tsm_lock);
	tsm->resetting = false;
}

/*
 * An uncorrectable error on the way to the function, or in it: a secure IDE
 * stream ends with it, and recovery may reset the link. This comes with
 * pci_bus_sem held, which PCI/TSM takes below its own lock, so the TDI cannot be
 * unbound here: whoever looks at the device next does it, the watch at once.
 */
static pci_ers_result_t error_detected(struct pci_dev *pdev, pci_channel_state_t state)
{
	struct vfio_pci_tsm_device *tsm = pdev_to_tsm(pdev);

	WRITE_ONCE(tsm->aer, true);
	if (READ_ONCE(tsm->bound))
		vfio_pci_tsm_resets_on(tsm);
	mod_delayed_work(system_freezable_power_efficient_wq, &tsm->watch, 0);
	return vfio_pci_core_aer_err_detected(pdev, state);
}

const struct pci_error_handlers vfio_pci_tsm_err_handlers = {
	.error_detected = error_detected,
	.reset_prepare = reset_prepare,
	.reset_done = reset_done,
};
