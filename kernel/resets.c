// SPDX-License-Identifier: GPL-2.0-only
/*
 * Resets that the PCI core refuses while a function is bound.
 *
 * A driver cannot veto a reset that runs, but the PCI core asks two things before
 * it starts one: pdev->reset_methods (pci_reset_supported()) for a reset of the
 * function, and PCI_DEV_FLAGS_NO_BUS_RESET for a reset of its bus or slot. Three
 * kinds of functions have one or both of them changed:
 *
 *	the bound function, the PF of a VF, the bridges above, and function 0, which
 *	may be the DSM and have the IDE stream: no reset at all, for any takes the TDI
 *	along;
 *	every function on the bus of one of these, now or later: no reset of bus or
 *	slot. pci_dev_reset_slot_function() asks the function that it was called for,
 *	and no other function of the slot, but the slot's reset hits them all. Their
 *	own resets go on working.
 *
 * pdev->reset_methods and dev_flags belong to the PCI core, which takes no lock for
 * them; held_lock orders the writes of this file.
 *
 * What comes through all the same is in recovery.c.
 */
#include <linux/list.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "vfio_pci_tsm.h"

/**
 * struct held - a function that resets are taken from
 * @node: in the list of all of them
 * @pdev: the function, referenced
 * @no_bus_reset: whether PCI_DEV_FLAGS_NO_BUS_RESET was set before
 * @methods_off: whether pdev->reset_methods was emptied
 * @methods: what it was before
 */
struct held {
	struct list_head node;
	struct pci_dev *pdev;
	bool no_bus_reset;
	bool methods_off;
	u8 methods[PCI_NUM_RESET_METHODS];
};

static LIST_HEAD(held_functions);
static LIST_HEAD(holders); /* devices, by vfio_pci_tsm_device::hold.node */
/* Both lists and all in them; a leaf */
static DEFINE_MUTEX(held_lock);

static struct held *find_held(struct pci_dev *pdev)
{
	struct held *held;

	list_for_each_entry(held, &held_functions, node) {
		if (held->pdev == pdev)
			return held;
	}
	return NULL;
}

/**
 * vfio_pci_tsm_next_in_reset() - the next function up whose reset takes one along
 * @pdev: the function
 *
 * Return: the PF of a VF, else the bridge above; NULL at the root.
 */
struct pci_dev *vfio_pci_tsm_next_in_reset(struct pci_dev *pdev)
{
	return pdev->is_virtfn ? pci_physfn(pdev) : pci_upstream_bridge(pdev);
}

/**
 * vfio_pci_tsm_takes_along() - whether a reset of one function takes another along
 * @pdev: the function that is reset
 * @other: the other one
 *
 * Return: true for the function itself, the PF of a VF, and the bridges above.
 */
bool vfio_pci_tsm_takes_along(struct pci_dev *pdev, struct pci_dev *other)
{
	while (other && other != pdev)
		other = vfio_pci_tsm_next_in_reset(other);
	return other;
}

/*
 * Whether a reset of bus or slot that @pdev asks for takes @other along. Below a
 * port every function of the bus is; on a root bus those of the same slot are.
 */
static bool shares_bus(struct pci_dev *pdev, struct pci_dev *other)
{
	if (pdev->bus != other->bus)
		return false;
	return !pci_is_root_bus(pdev->bus) || (pdev->slot && pdev->slot == other->slot);
}

/* Whether any reset of @pdev takes @holder along. */
static bool harms(struct pci_dev *pdev, struct vfio_pci_tsm_device *holder)
{
	return vfio_pci_tsm_takes_along(pdev, holder->core.pdev) || holder->hold.dsm == pdev;
}

/* Whether a reset of @pdev's bus or slot takes @holder along. */
static bool harms_by_bus(struct pci_dev *pdev, struct vfio_pci_tsm_device *holder)
{
	struct pci_dev *other = holder->core.pdev;

	for (; other; other = vfio_pci_tsm_next_in_reset(other)) {
		if (shares_bus(pdev, other))
			return true;
	}
	return holder->hold.dsm == pdev;
}

static bool harms_any(struct pci_dev *pdev,
		      bool (*harm)(struct pci_dev *pdev, struct vfio_pci_tsm_device *holder))
{
	struct vfio_pci_tsm_device *holder;

	list_for_each_entry(holder, &holders, hold.node) {
		if (harm(pdev, holder))
			return true;
	}
	return false;
}

/* Take resets from a function: those of bus and slot, and its own as well if @all. */
static int take(struct pci_dev *pdev, bool all)
{
	struct held *held = find_held(pdev);

	lockdep_assert_held(&held_lock);
	if (!held) {
		held = kzalloc_obj(*held);
		if (!held)
			return -ENOMEM;
		held->pdev = pci_dev_get(pdev);
		held->no_bus_reset = pdev->dev_flags & PCI_DEV_FLAGS_NO_BUS_RESET;
		list_add(&held->node, &held_functions);
		pdev->dev_flags |= PCI_DEV_FLAGS_NO_BUS_RESET;
	}
	if (!all)
		return 0;
	/* Also if it was done before: root may have written reset_method since. */
	if (!held->methods_off || pdev->reset_methods[0])
		memcpy(held->methods, pdev->reset_methods, sizeof(held->methods));
	memset(pdev->reset_methods, 0, sizeof(pdev->reset_methods));
	held->methods_off = true;
	return 0;
}

static void forget(struct held *held)
{
	list_del(&held->node);
	pci_dev_put(held->pdev);
	kfree(held);
}

/* Give back what no holder needs any more. */
static void give_back(struct held *held)
{
	struct pci_dev *pdev = held->pdev;

	if (held->methods_off && !harms_any(pdev, harms)) {
		/* What root wrote in the meantime stays. */
		if (!pdev->reset_methods[0])
			memcpy(pdev->reset_methods, held->methods, sizeof(held->methods));
		held->methods_off = false;
	}
	if (held->methods_off || harms_any(pdev, harms_by_bus))
		return;
	if (!held->no_bus_reset)
		pdev->dev_flags &= ~PCI_DEV_FLAGS_NO_BUS_RESET;
	forget(held);
}

static void release(struct vfio_pci_tsm_device *holder)
{
	struct held *held, *next;

	lockdep_assert_held(&held_lock);
	if (list_empty(&holder->hold.node))
		return;
	list_del_init(&holder->hold.node);
	list_for_each_entry_safe(held, next, &held_functions, node) {
		if (harms(held->pdev, holder) || harms_by_bus(held->pdev, holder))
			give_back(held);
	}
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

/* Take all resets from every function whose reset takes the TDI along. */
static int take_own(struct vfio_pci_tsm_device *tvdev)
{
	struct pci_dev *pdev;
	int ret;

	guard(mutex)(&held_lock);
	/* Recovery from an error marks the loss of another module's TDI, and wants resets then. */
	if (vfio_pci_tsm_state_is(tvdev, VFIO_PCI_TSM_LOSING))
		return 0;
	/* From here on resets are taken from functions that appear. */
	if (list_empty(&tvdev->hold.node))
		list_add(&tvdev->hold.node, &holders);
	for (pdev = tvdev->core.pdev; pdev; pdev = vfio_pci_tsm_next_in_reset(pdev)) {
		ret = take(pdev, true);
		if (ret)
			return ret;
	}
	return tvdev->hold.dsm ? take(tvdev->hold.dsm, true) : 0;
}

/**
 * struct walk - a walk of all functions, for those that share a bus with the holder
 * @holder: the device
 * @ret: what is returned in the end
 */
struct walk {
	struct vfio_pci_tsm_device *holder;
	int ret;
};

/* The walk goes on after an error: what can be taken, is. */
static int take_mate(struct device *dev, void *data)
{
	struct pci_dev *pdev = to_pci_dev(dev);
	struct walk *walk = data;
	int ret = 0;

	if (!harms_by_bus(pdev, walk->holder))
		return 0;
	scoped_guard(mutex, &held_lock) {
		/* An error may have given everything back already. */
		if (!list_empty(&walk->holder->hold.node))
			ret = take(pdev, false);
	}
	if (ret)
		walk->ret = ret;
	/* Against pci_cfg_access_lock(), after which a reset asks for the flag. */
	smp_mb();
	if (!walk->ret && !pci_is_bridge(pdev) && pdev->block_cfg_access)
		walk->ret = -EHOSTDOWN;
	return 0;
}

/**
 * vfio_pci_tsm_take_resets() - have the PCI core refuse resets
 * @tvdev: the device
 *
 * Return: 0; -EHOSTDOWN when everything is taken, and a function that shares its bus is
 * being reset; -ENOMEM. The caller then calls vfio_pci_tsm_give_resets().
 *
 * Context: with operations stopped or under tdi.lock. Not by bus: pci_walk_bus() takes
 * pci_bus_sem. Can be called again.
 */
int vfio_pci_tsm_take_resets(struct vfio_pci_tsm_device *tvdev)
{
	struct walk walk = { .holder = tvdev };
	int ret;

	ret = take_own(tvdev);
	bus_for_each_dev(&pci_bus_type, NULL, &walk, take_mate);
	return ret ?: walk.ret;
}

/**
 * vfio_pci_tsm_give_resets() - have resets as they were
 * @tvdev: the device
 *
 * Context: takes held_lock alone; does nothing the second time.
 */
void vfio_pci_tsm_give_resets(struct vfio_pci_tsm_device *tvdev)
{
	guard(mutex)(&held_lock);
	release(tvdev);
}

/**
 * vfio_pci_tsm_is_resetting() - whether a reset that would harm the TDI is at work
 * @tvdev: the device, after vfio_pci_tsm_take_resets()
 *
 * Return: false stays so until the resets are given back, except for those that
 * root forces.
 */
bool vfio_pci_tsm_is_resetting(struct vfio_pci_tsm_device *tvdev)
{
	struct pci_dev *pdev = tvdev->core.pdev;

	/* Against pci_cfg_access_lock(), after which a reset reads the methods. */
	smp_mb();
	for (; pdev; pdev = vfio_pci_tsm_next_in_reset(pdev)) {
		if (may_be_resetting(pdev))
			return true;
	}
	return tvdev->hold.dsm && may_be_resetting(tvdev->hold.dsm);
}

/**
 * vfio_pci_tsm_resets_are_off() - whether a bound function keeps another from any reset
 * @pdev: the other one
 *
 * Return: the answer of the moment.
 */
bool vfio_pci_tsm_resets_are_off(struct pci_dev *pdev)
{
	guard(mutex)(&held_lock);
	return harms_any(pdev, harms);
}

/**
 * vfio_pci_tsm_bus_resets_are_off() - whether one keeps another from resets of its bus
 * @pdev: the other one
 *
 * Return: the answer of the moment.
 */
bool vfio_pci_tsm_bus_resets_are_off(struct pci_dev *pdev)
{
	guard(mutex)(&held_lock);
	return harms_any(pdev, harms_by_bus);
}

/**
 * vfio_pci_tsm_give_resets_for_recovery() - let recovery from an error reset a function
 * @pdev: the function; what depends on it has its resets back as well
 *
 * Context: takes held_lock alone.
 */
void vfio_pci_tsm_give_resets_for_recovery(struct pci_dev *pdev)
{
	struct vfio_pci_tsm_device *holder, *next;

	guard(mutex)(&held_lock);
	list_for_each_entry_safe(holder, next, &holders, hold.node) {
		if (holder->core.pdev == pdev || is_vf_of(holder, pdev) || holder->hold.dsm == pdev)
			release(holder);
	}
}

/**
 * vfio_pci_tsm_function_comes() - a function appears, with its reset methods
 * @pdev: the function, perhaps below a port that a holder depends on
 */
void vfio_pci_tsm_function_comes(struct pci_dev *pdev)
{
	guard(mutex)(&held_lock);
	if (!harms_any(pdev, harms_by_bus) || !take(pdev, false))
		return;
	/* Nothing remembers it then. */
	pdev->dev_flags |= PCI_DEV_FLAGS_NO_BUS_RESET;
	pci_warn(pdev, "out of memory: no bus reset of this function until it is removed\n");
}

/**
 * vfio_pci_tsm_function_is_gone() - a function is gone for good
 * @pdev: the function
 */
void vfio_pci_tsm_function_is_gone(struct pci_dev *pdev)
{
	struct held *held;

	guard(mutex)(&held_lock);
	held = find_held(pdev);
	if (held)
		forget(held);
}
