// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a bind takes from other functions, and gives back: PF and DSM stay awake,
 * and the PCI core refuses resets that would take the TDI along.
 *
 * A driver cannot veto a reset that runs, but the PCI core asks two things before
 * it starts one. It asks pdev->reset_methods (pci_reset_supported()) for resets of
 * the function, and PCI_DEV_FLAGS_NO_BUS_RESET of every function below
 * (pci_bus_resettable()) for resets of a bus or a slot. While a function is bound,
 * both refuse: for the function, for the PF of a VF, for function 0, which may be
 * the DSM and have the IDE stream, and for the bridges above.
 *
 * Some resets come through all the same: root wrote reset_method, or the PCI core
 * had asked just before the bind. recovery.c unbinds the function then.
 */
#include <linux/list.h>
#include <linux/pci.h>
#include <linux/pm_runtime.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "vfio_pci_tsm.h"

/*
 * Whose reset would take @pdev along: itself, its PF, the bridges up to the root.
 * From one to the next, NULL at the end.
 */
static struct pci_dev *next_in_reset(struct pci_dev *pdev)
{
	return pdev->is_virtfn ? pci_physfn(pdev) : pci_upstream_bridge(pdev);
}

static bool takes_along(struct pci_dev *pdev, struct pci_dev *other)
{
	while (pdev && pdev != other)
		pdev = next_in_reset(pdev);
	return pdev;
}

/**
 * vfio_pci_tsm_get_function0() - function 0 of the same device, if that is another
 * @pdev: the function
 *
 * It may be the DSM: pf0_dev_get() of drivers/pci/tsm.c.
 *
 * Return: it, referenced; NULL if it is the function itself, or the PF of a VF, which
 * are looked after in any case.
 *
 * Context: takes pci_bus_sem, so not under tdi.lock: whoever waits for that with a
 * device lock may keep AER waiting, which has pci_bus_sem.
 */
struct pci_dev *vfio_pci_tsm_get_function0(struct pci_dev *pdev)
{
	struct pci_dev *pf = pci_physfn(pdev);
	struct pci_dev *f0 __free(pci_dev_put) =
		pci_get_slot(pf->bus, pf->devfn - PCI_FUNC(pf->devfn));

	return f0 && !takes_along(pdev, f0) ? no_free_ptr(f0) : NULL;
}

/**
 * vfio_pci_tsm_let_others_sleep() - undo what a bind did to PF and DSM
 * @tvdev: the device, with resets on
 */
void vfio_pci_tsm_let_others_sleep(struct vfio_pci_tsm_device *tvdev)
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

/**
 * vfio_pci_tsm_wake_others() - keep PF and DSM of a function from runtime suspend
 * @tvdev: the device
 * @f0: function 0 of the same device if that is another, or NULL
 *
 * A VF does not keep its PF from runtime suspend, and a suspended PF decodes no
 * memory for its VFs. No function keeps its DSM from it, which has the IDE stream.
 *
 * Return: 0; an error of runtime PM, and then nothing is held.
 *
 * Context: not under tdi.lock: the drivers of PF and DSM may take any lock.
 */
int vfio_pci_tsm_wake_others(struct vfio_pci_tsm_device *tvdev, struct pci_dev *f0)
{
	struct pci_dev *pdev = tvdev->core.pdev;
	int ret;

	if (pdev->is_virtfn) {
		ret = pm_runtime_resume_and_get(&pci_physfn(pdev)->dev);
		if (ret < 0)
			return ret;
		tvdev->hold.pf_awake = true;
	}

	if (!f0 || !READ_ONCE(f0->tsm))
		return 0;
	ret = pm_runtime_resume_and_get(&f0->dev);
	if (ret < 0) {
		vfio_pci_tsm_let_others_sleep(tvdev);
		return ret;
	}
	WRITE_ONCE(tvdev->hold.dsm, pci_dev_get(f0));
	return 0;
}

/**
 * struct held_resets - a function whose resets are off
 * @node: in held_resets
 * @pdev: the function, referenced
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
static LIST_HEAD(holders); /* devices, by vfio_pci_tsm_device::holder */
static LIST_HEAD(writers); /* struct vfio_pci_tsm_writer */
/* These lists and all in them; a leaf below tdi.lock, and below pci_bus_sem */
static DEFINE_MUTEX(held_lock);

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
	struct held_resets *held = find_held(pdev);

	if (!held) {
		held = kzalloc_obj(*held);
		if (!held)
			return -ENOMEM;
		held->pdev = pci_dev_get(pdev);
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
	struct held_resets *held = find_held(pdev);

	if (!held || --held->users)
		return;

	/* What root wrote in the meantime stays. */
	if (!pdev->reset_methods[0])
		memcpy(pdev->reset_methods, held->reset_methods, sizeof(held->reset_methods));
	if (!held->no_bus_reset)
		pdev->dev_flags &= ~PCI_DEV_FLAGS_NO_BUS_RESET;
	list_del(&held->node);
	pci_dev_put(held->pdev);
	kfree(held);
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

static int hold_all(struct vfio_pci_tsm_device *tvdev)
{
	struct pci_dev *pdev;
	int ret;

	guard(mutex)(&held_lock);
	for (pdev = tvdev->core.pdev; pdev; pdev = next_in_reset(pdev)) {
		ret = hold_resets(pdev);
		if (ret)
			goto err;
	}
	if (tvdev->hold.dsm) {
		ret = hold_resets(tvdev->hold.dsm);
		if (ret)
			goto err;
	}
	list_add(&tvdev->hold.node, &holders);
	return 0;

err:
	unhold_until(tvdev->core.pdev, pdev);
	return ret;
}

static void unhold_all(struct vfio_pci_tsm_device *tvdev)
{
	lockdep_assert_held(&held_lock);
	if (list_empty(&tvdev->hold.node))
		return;
	list_del_init(&tvdev->hold.node);
	if (tvdev->hold.dsm)
		unhold_resets(tvdev->hold.dsm);
	unhold_until(tvdev->core.pdev, NULL);
}

static bool any_resetting(struct vfio_pci_tsm_device *tvdev)
{
	for (struct pci_dev *pdev = tvdev->core.pdev; pdev; pdev = next_in_reset(pdev)) {
		if (may_be_resetting(pdev))
			return true;
	}
	return tvdev->hold.dsm && may_be_resetting(tvdev->hold.dsm);
}

/* Without a driver the PCI core does not know, but has left it on. */
static bool is_asleep(struct pci_dev *pdev)
{
	return pdev->current_state != PCI_D0 && pdev->current_state != PCI_UNKNOWN;
}

/* They are not runtime suspended, but who uses them can write to their registers. */
static bool others_asleep(struct vfio_pci_tsm_device *tvdev)
{
	return is_asleep(pci_physfn(tvdev->core.pdev)) ||
	       (tvdev->hold.dsm && is_asleep(tvdev->hold.dsm));
}

/* Writes that began when they were let through. To the function itself, there are none. */
static bool others_written(struct vfio_pci_tsm_device *tvdev)
{
	struct vfio_pci_tsm_writer *writer;

	guard(mutex)(&held_lock);
	list_for_each_entry(writer, &writers, node) {
		if (writer->pdev == pci_physfn(tvdev->core.pdev) || writer->pdev == tvdev->hold.dsm)
			return true;
	}
	return false;
}

/**
 * vfio_pci_tsm_begin_write() - begin to write what a bound function may depend on
 * @pdev: the function that is written to
 * @writer: the caller's, until vfio_pci_tsm_end_write()
 *
 * Return: true, and until the end nothing that depends on @pdev is bound; false when
 * something is, and nothing is to be ended.
 */
bool vfio_pci_tsm_begin_write(struct pci_dev *pdev, struct vfio_pci_tsm_writer *writer)
{
	guard(mutex)(&held_lock);
	if (find_held(pdev))
		return false;
	writer->pdev = pdev;
	list_add(&writer->node, &writers);
	return true;
}

/**
 * vfio_pci_tsm_end_write() - it is written
 * @writer: from vfio_pci_tsm_begin_write()
 */
void vfio_pci_tsm_end_write(struct vfio_pci_tsm_writer *writer)
{
	guard(mutex)(&held_lock);
	list_del(&writer->node);
}

/**
 * vfio_pci_tsm_resets_off() - have the PCI core refuse resets
 * @tvdev: the device
 *
 * Return: 0; -EHOSTDOWN when a reset is at work, or PF or DSM sleeps or is written to;
 * -ENOMEM; then nothing is held.
 *
 * Context: under tdi.lock, with no reset of the function itself at work.
 */
int vfio_pci_tsm_resets_off(struct vfio_pci_tsm_device *tvdev)
{
	int ret;

	lockdep_assert_held(&tvdev->tdi.lock);
	ret = hold_all(tvdev);
	if (ret)
		return ret;

	/* Against pci_cfg_access_lock(), after which a reset reads the methods. */
	smp_mb();
	if (any_resetting(tvdev) || others_written(tvdev) || others_asleep(tvdev)) {
		vfio_pci_tsm_resets_on(tvdev);
		return -EHOSTDOWN;
	}
	return 0;
}

/**
 * vfio_pci_tsm_resets_on() - have resets as they were
 * @tvdev: the device, after vfio_pci_tsm_resets_off() with 0
 *
 * Context: takes held_lock alone; once is enough.
 */
void vfio_pci_tsm_resets_on(struct vfio_pci_tsm_device *tvdev)
{
	guard(mutex)(&held_lock);
	unhold_all(tvdev);
}

/**
 * vfio_pci_tsm_resets_are_off() - whether a bound function keeps another's resets off
 * @pdev: the other one
 *
 * Return: the answer of the moment.
 */
bool vfio_pci_tsm_resets_are_off(struct pci_dev *pdev)
{
	guard(mutex)(&held_lock);
	return find_held(pdev);
}

/**
 * vfio_pci_tsm_resets_on_for_recovery() - let recovery from an error reset a function
 * @tvdev: the device; those whose PF or DSM it is have their resets on again, too
 *
 * Context: takes held_lock alone.
 */
void vfio_pci_tsm_resets_on_for_recovery(struct vfio_pci_tsm_device *tvdev)
{
	struct vfio_pci_tsm_device *holder, *next;

	guard(mutex)(&held_lock);
	list_for_each_entry_safe(holder, next, &holders, hold.node) {
		if (holder == tvdev || is_vf_of(holder, tvdev->core.pdev) ||
		    holder->hold.dsm == tvdev->core.pdev)
			unhold_all(holder);
	}
}
