// SPDX-License-Identifier: GPL-2.0-only
/*
 * Resets that do not come through VFIO: sysfs, and siblings below the same bus.
 * A driver cannot veto a reset once it runs, but the PCI core asks two things
 * before it starts: pdev->reset_methods (pci_reset_supported()), for resets of
 * the function, and PCI_DEV_FLAGS_NO_BUS_RESET of every function below
 * (pci_bus_resettable()), for resets of bus and slot. While bound, both say no:
 * for the function itself, for the PF of a VF, for function 0, which may be the DSM
 * and have the IDE stream, and for the bridges above, whose resets would take it
 * along. What comes through all the same, because root wrote reset_method, or the
 * PCI core had asked just before the bind, finds the function unbound when it
 * begins: reset_prepare() comes first, for a PF or function 0 on this driver with
 * those that depend on it. Nobody is told of a forced reset of one on another
 * driver, or of a bridge.
 *
 * Recovery from an error wants the bus reset, and asks as well. So whoever learns of
 * an error has resets on again at once: the function itself, and a PF for its VFs,
 * which recovery may not walk. With the PF on another driver, such a VF keeps the
 * recovery from a reset until its watch has found it lost.
 */
#include <linux/list.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "vfio_pci_tsm.h"

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
/* These lists and all in them; a leaf below tsm_lock, and below pci_bus_sem */
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
 * Context: takes pci_bus_sem, so not under tsm_lock: whoever waits for that with a
 * device lock may keep AER waiting, which has pci_bus_sem.
 */
struct pci_dev *vfio_pci_tsm_get_function0(struct pci_dev *pdev)
{
	struct pci_dev *pf = pci_physfn(pdev);
	struct pci_dev *f0 __free(pci_dev_put) =
		pci_get_slot(pf->bus, pf->devfn - PCI_FUNC(pf->devfn));

	return f0 && !takes_along(pdev, f0) ? no_free_ptr(f0) : NULL;
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
	if (tvdev->dsm) {
		ret = hold_resets(tvdev->dsm);
		if (ret)
			goto err;
	}
	list_add(&tvdev->holder, &holders);
	return 0;

err:
	unhold_until(tvdev->core.pdev, pdev);
	return ret;
}

static void unhold_all(struct vfio_pci_tsm_device *tvdev)
{
	lockdep_assert_held(&held_lock);
	if (list_empty(&tvdev->holder))
		return;
	list_del_init(&tvdev->holder);
	if (tvdev->dsm)
		unhold_resets(tvdev->dsm);
	unhold_until(tvdev->core.pdev, NULL);
}

static bool any_resetting(struct vfio_pci_tsm_device *tvdev)
{
	for (struct pci_dev *pdev = tvdev->core.pdev; pdev; pdev = next_in_reset(pdev)) {
		if (may_be_resetting(pdev))
			return true;
	}
	return tvdev->dsm && may_be_resetting(tvdev->dsm);
}

/* Without a driver the PCI core does not know, but has left it on. */
static bool is_asleep(struct pci_dev *pdev)
{
	return pdev->current_state != PCI_D0 && pdev->current_state != PCI_UNKNOWN;
}

/* They are not runtime suspended, but who uses them can write to their registers. */
static bool others_asleep(struct vfio_pci_tsm_device *tvdev)
{
	return is_asleep(pci_physfn(tvdev->core.pdev)) || (tvdev->dsm && is_asleep(tvdev->dsm));
}

/* Writes that began when they were let through. To the function itself, there are none. */
static bool others_written(struct vfio_pci_tsm_device *tvdev)
{
	struct vfio_pci_tsm_writer *writer;

	guard(mutex)(&held_lock);
	list_for_each_entry(writer, &writers, node) {
		if (writer->pdev == pci_physfn(tvdev->core.pdev) || writer->pdev == tvdev->dsm)
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

/*
 * Whether recovery from an error is at work on a function of this driver. A PF does
 * not leave the driver as long as a VF of it is in use: its VFs go first, and one
 * that has some is not probed.
 */
static bool is_recovering(struct pci_dev *pdev)
{
	if (READ_ONCE(pdev->dev.driver) != &vfio_pci_tsm_driver.driver)
		return false;
	/* Not there yet while the driver is being bound to it */
	return dev_get_drvdata(&pdev->dev) && READ_ONCE(pdev_to_tvdev(pdev)->recovering);
}

/**
 * vfio_pci_tsm_has_error() - whether an error came, or is being recovered from
 * @tvdev: the device, with @tvdev->aer cleared since what is to be known began
 *
 * Return: true for an error of the function, a fatal one of its PF or DSM, and for
 * recovery of its PF from any, as far as that is on this driver.
 *
 * Context: under tsm_lock.
 */
bool vfio_pci_tsm_has_error(struct vfio_pci_tsm_device *tvdev)
{
	struct pci_dev *pdev = tvdev->core.pdev;

	return READ_ONCE(tvdev->aer) || is_recovering(pdev) || is_recovering(pci_physfn(pdev)) ||
	       pci_channel_offline(pdev) || pci_channel_offline(pci_physfn(pdev)) ||
	       (tvdev->dsm && pci_channel_offline(tvdev->dsm));
}

/**
 * vfio_pci_tsm_resets_off() - have the PCI core refuse resets
 * @tvdev: the device
 *
 * Return: 0; -EHOSTDOWN when a reset or a recovery is at work, or PF or DSM sleeps or
 * is written to; -ENOMEM; then nothing is held.
 *
 * Context: under tsm_lock, with no reset of the function itself at work.
 */
int vfio_pci_tsm_resets_off(struct vfio_pci_tsm_device *tvdev)
{
	int ret;

	lockdep_assert_held(&tvdev->tsm_lock);
	ret = hold_all(tvdev);
	if (ret)
		return ret;

	/*
	 * Against pci_cfg_access_lock(), after which a reset reads the methods. And
	 * an error that was not seen before may have come before there was a hold.
	 */
	smp_mb();
	if (any_resetting(tvdev) || others_written(tvdev) || others_asleep(tvdev) ||
	    vfio_pci_tsm_has_error(tvdev)) {
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

/* For a PF, its VFs' as well, and for a DSM those of all it serves. */
static void resets_on_for_recovery(struct vfio_pci_tsm_device *tvdev)
{
	struct vfio_pci_tsm_device *holder, *next;

	guard(mutex)(&held_lock);
	list_for_each_entry_safe(holder, next, &holders, holder) {
		if (holder == tvdev || is_vf_of(holder, tvdev->core.pdev) ||
		    holder->dsm == tvdev->core.pdev)
			unhold_all(holder);
	}
}

/* Under the device lock, perhaps the device set's lock and memory_lock as well. */
static void reset_prepare(struct pci_dev *pdev)
{
	struct vfio_pci_tsm_device *tvdev = pdev_to_tvdev(pdev);

	scoped_guard(mutex, &tvdev->tsm_lock) {
		tvdev->resetting = true;
		if (tvdev->bound)
			vfio_pci_tsm_drop_locked(tvdev, VFIO_TSM_REASON_RESET);
	}
	/* A PF's reset is its VFs' as well, and a DSM's harms all that it serves. */
	vfio_pci_tsm_lose_dependents(pdev);
}

static void reset_done(struct pci_dev *pdev)
{
	struct vfio_pci_tsm_device *tvdev = pdev_to_tvdev(pdev);

	guard(mutex)(&tvdev->tsm_lock);
	tvdev->resetting = false;
}

/*
 * An uncorrectable error on the way to the function, or in it: a secure IDE
 * stream ends with it, and recovery may reset the link. This comes with
 * pci_bus_sem held, which PCI/TSM takes below its own lock, so the TDI cannot be
 * unbound here: whoever looks at the device next does it, the watch at once.
 */
static pci_ers_result_t error_detected(struct pci_dev *pdev, pci_channel_state_t state)
{
	struct vfio_pci_tsm_device *tvdev = pdev_to_tvdev(pdev);

	/* A recovery that has failed ends with this, and has no error_resume(). */
	WRITE_ONCE(tvdev->recovering, state != pci_channel_io_perm_failure);
	WRITE_ONCE(tvdev->aer, true);
	WRITE_ONCE(tvdev->tell_others, true);
	resets_on_for_recovery(tvdev);
	mod_delayed_work(system_freezable_power_efficient_wq, &tvdev->watch, 0);
	return vfio_pci_core_aer_err_detected(pdev, state);
}

static void error_resume(struct pci_dev *pdev)
{
	WRITE_ONCE(pdev_to_tvdev(pdev)->recovering, false);
}

const struct pci_error_handlers vfio_pci_tsm_err_handlers = {
	.error_detected = error_detected,
	.resume = error_resume,
	.reset_prepare = reset_prepare,
	.reset_done = reset_done,
};
