// SPDX-License-Identifier: GPL-2.0-only
/*
 * Resets that the PCI core refuses while a function is bound.
 *
 * A driver cannot veto a reset that runs, but the PCI core checks two things before
 * it starts one: pdev->reset_methods (pci_reset_supported()) for a reset of the
 * function, and PCI_DEV_FLAGS_NO_BUS_RESET for a reset of its bus or slot. One or
 * both of them are changed in two kinds of functions:
 *
 *	the bound function, the PF of a VF, the bridges above, and function 0, which
 *	may be the DSM and have the IDE stream: they cannot be reset at all, because
 *	each of their resets hits the TDI;
 *	every function that is on the bus of one of these, or appears there later: bus
 *	and slot cannot be reset. pci_dev_reset_slot_function() checks only the function
 *	that it was called for, but the reset of a slot hits all its functions. Their
 *	own resets go on working.
 *
 * pdev->reset_methods and dev_flags belong to the PCI core, which takes no lock for
 * them; held_lock orders the writes of this file.
 *
 * Resets that cannot be refused are in recovery.c.
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
 * @methods: the content of pdev->reset_methods before
 */
struct held {
	struct list_head node;
	struct pci_dev *pdev;
	bool no_bus_reset;
	bool methods_off;
	u8 methods[PCI_NUM_RESET_METHODS];
};

static LIST_HEAD(held_functions);
static LIST_HEAD(bound_list); /* devices, by vfio_pci_tsm_device::hold.node */
/* Protects both lists and their entries; a leaf */
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
 * vfio_pci_tsm_next_in_reset() - the next function up whose reset hits a function
 * @pdev: the function
 *
 * Return: the PF of a VF, else the bridge above; NULL at the root.
 */
struct pci_dev *vfio_pci_tsm_next_in_reset(struct pci_dev *pdev)
{
	return pdev->is_virtfn ? pci_physfn(pdev) : pci_upstream_bridge(pdev);
}

/**
 * vfio_pci_tsm_takes_along() - whether a reset of one function hits another
 * @pdev: the function that is reset
 * @other: the other one
 *
 * Return: true if @pdev is @other, its PF, or a bridge above it.
 */
bool vfio_pci_tsm_takes_along(struct pci_dev *pdev, struct pci_dev *other)
{
	while (other && other != pdev)
		other = vfio_pci_tsm_next_in_reset(other);
	return other;
}

/*
 * Whether a reset of @pdev's bus or slot hits @other. Below a port it hits every
 * function of the bus, on a root bus the functions of the same slot.
 */
static bool shares_bus(struct pci_dev *pdev, struct pci_dev *other)
{
	if (pdev->bus != other->bus)
		return false;
	return !pci_is_root_bus(pdev->bus) || (pdev->slot && pdev->slot == other->slot);
}

/* Whether each reset of @pdev hits @bound. */
static bool harms(struct pci_dev *pdev, struct vfio_pci_tsm_device *bound)
{
	return vfio_pci_tsm_takes_along(pdev, bound->core.pdev) || bound->hold.dsm == pdev;
}

/* Whether a reset of @pdev's bus or slot hits @bound. */
static bool harms_by_bus(struct pci_dev *pdev, struct vfio_pci_tsm_device *bound)
{
	struct pci_dev *other = bound->core.pdev;

	for (; other; other = vfio_pci_tsm_next_in_reset(other)) {
		if (shares_bus(pdev, other))
			return true;
	}
	return bound->hold.dsm == pdev;
}

static bool harms_any(struct pci_dev *pdev,
		      bool (*harm)(struct pci_dev *pdev, struct vfio_pci_tsm_device *bound))
{
	struct vfio_pci_tsm_device *bound;

	list_for_each_entry(bound, &bound_list, hold.node) {
		if (harm(pdev, bound))
			return true;
	}
	return false;
}

/* Take resets from a function: those of bus and slot, and if @all also its own. */
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
	/* Even if this was done before: root may have written reset_method since. */
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

/* Give back what no device in the list needs any more. */
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

static void release(struct vfio_pci_tsm_device *bound)
{
	struct held *held, *next;

	lockdep_assert_held(&held_lock);
	if (list_empty(&bound->hold.node))
		return;
	list_del_init(&bound->hold.node);
	list_for_each_entry_safe(held, next, &held_functions, node) {
		if (harms(held->pdev, bound) || harms_by_bus(held->pdev, bound))
			give_back(held);
	}
}

/*
 * Whether a reset of @pdev may have found its methods before they were taken
 * away. For the function itself, reset_prepare() also reports it. As long as a reset
 * of a PF lasts, users cannot access its configuration space. For a bridge that is also
 * so when only a function below it is reset, but in its own reset it is not bus master.
 */
static bool may_be_resetting(struct pci_dev *pdev)
{
	u16 command;

	if (!pci_is_bridge(pdev))
		return pdev->block_cfg_access;
	pci_read_config_word(pdev, PCI_COMMAND, &command);
	return PCI_POSSIBLE_ERROR(command) || !(command & PCI_COMMAND_MASTER);
}

/* Take all resets from every function whose reset hits the TDI. */
static int take_own(struct vfio_pci_tsm_device *tvdev)
{
	struct pci_dev *pdev;
	int ret;

	guard(mutex)(&held_lock);
	/* After an error another module's TDI is LOSING, and recovery needs the resets. */
	if (vfio_pci_tsm_state_is(tvdev, VFIO_PCI_TSM_LOSING))
		return 0;
	/* From here on resets are also taken from functions that appear. */
	if (list_empty(&tvdev->hold.node))
		list_add(&tvdev->hold.node, &bound_list);
	for (pdev = tvdev->core.pdev; pdev; pdev = vfio_pci_tsm_next_in_reset(pdev)) {
		ret = take(pdev, true);
		if (ret)
			return ret;
	}
	return tvdev->hold.dsm ? take(tvdev->hold.dsm, true) : 0;
}

/**
 * struct walk - a walk over all functions, for those that share a bus with a device
 * @bound: the device
 * @ret: result of the walk
 */
struct walk {
	struct vfio_pci_tsm_device *bound;
	int ret;
};

/* After an error the walk goes on, to take what can be taken. */
static int take_mate(struct device *dev, void *data)
{
	struct pci_dev *pdev = to_pci_dev(dev);
	struct walk *walk = data;
	int ret = 0;

	if (!harms_by_bus(pdev, walk->bound))
		return 0;
	scoped_guard(mutex, &held_lock) {
		/* An error may have given everything back already. */
		if (!list_empty(&walk->bound->hold.node))
			ret = take(pdev, false);
	}
	if (ret)
		walk->ret = ret;
	/* Pairs with pci_cfg_access_lock(), after which a reset reads the flag. */
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
 * Context: with operations stopped or under tdi.lock. This does not walk by bus, because
 * pci_walk_bus() takes pci_bus_sem. It can be called again.
 */
int vfio_pci_tsm_take_resets(struct vfio_pci_tsm_device *tvdev)
{
	struct walk walk = { .bound = tvdev };
	int ret;

	ret = take_own(tvdev);
	bus_for_each_dev(&pci_bus_type, NULL, &walk, take_mate);
	return ret ?: walk.ret;
}

/**
 * vfio_pci_tsm_give_resets() - undo vfio_pci_tsm_take_resets()
 * @tvdev: the device
 *
 * A second call does nothing.
 *
 * Context: takes held_lock alone.
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
 * Return: false holds until the resets are given back, except for resets that root
 * forces.
 */
bool vfio_pci_tsm_is_resetting(struct vfio_pci_tsm_device *tvdev)
{
	struct pci_dev *pdev = tvdev->core.pdev;

	/* Pairs with pci_cfg_access_lock(), after which a reset reads the methods. */
	smp_mb();
	for (; pdev; pdev = vfio_pci_tsm_next_in_reset(pdev)) {
		if (may_be_resetting(pdev))
			return true;
	}
	return tvdev->hold.dsm && may_be_resetting(tvdev->hold.dsm);
}

/**
 * vfio_pci_tsm_resets_are_off() - whether a bound function keeps another from any reset
 * @pdev: the other function
 *
 * Return: whether it is so at the moment.
 */
bool vfio_pci_tsm_resets_are_off(struct pci_dev *pdev)
{
	guard(mutex)(&held_lock);
	return harms_any(pdev, harms);
}

/**
 * vfio_pci_tsm_bus_resets_are_off() - whether one keeps another from resets of its bus
 * @pdev: the other function
 *
 * Return: whether it is so at the moment.
 */
bool vfio_pci_tsm_bus_resets_are_off(struct pci_dev *pdev)
{
	guard(mutex)(&held_lock);
	return harms_any(pdev, harms_by_bus);
}

/**
 * vfio_pci_tsm_give_resets_for_recovery() - let recovery from an error reset a function
 * @pdev: the function; functions that depend on it also get their resets back
 *
 * Context: takes held_lock alone.
 */
void vfio_pci_tsm_give_resets_for_recovery(struct pci_dev *pdev)
{
	struct vfio_pci_tsm_device *bound, *next;

	guard(mutex)(&held_lock);
	list_for_each_entry_safe(bound, next, &bound_list, hold.node) {
		if (bound->core.pdev == pdev || is_vf_of(bound, pdev) || bound->hold.dsm == pdev)
			release(bound);
	}
}

/**
 * vfio_pci_tsm_function_comes() - a function appears, with its reset methods
 * @pdev: the function, perhaps below a port that a bound function depends on
 */
void vfio_pci_tsm_function_comes(struct pci_dev *pdev)
{
	guard(mutex)(&held_lock);
	if (!harms_any(pdev, harms_by_bus) || !take(pdev, false))
		return;
	/* There is no record of it then, so this cannot be undone. */
	pdev->dev_flags |= PCI_DEV_FLAGS_NO_BUS_RESET;
	pci_warn(pdev, "out of memory: bus resets are refused until the function is removed\n");
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
