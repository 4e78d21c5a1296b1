// SPDX-License-Identifier: GPL-2.0-only
/*
 * walk_states: records the states that functions of vfio-pci-tsm go through, also those
 * that the driver does not show. The driver wakes waiters at each change of a state, and
 * this module waits without a task. Only tests use it.
 *
 *	walk	a line for each function: its address, its state at the last write, and
 *		its states since then; "..." stands for states that did not fit
 *	pairs	a line for each change since the module was loaded: the state before, the
 *		state after, and how often it was seen
 */
#include <linux/device.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/wait.h>

#include "vfio_pci_tsm.h"

#define STATES (VFIO_PCI_TSM_LEAVING + 1)

static const char *const names[STATES] = {
	[VFIO_PCI_TSM_IDLE] = "IDLE",	    [VFIO_PCI_TSM_LOST] = "LOST",
	[VFIO_PCI_TSM_BINDING] = "BINDING", [VFIO_PCI_TSM_LOCKING] = "LOCKING",
	[VFIO_PCI_TSM_BOUND] = "BOUND",	    [VFIO_PCI_TSM_UNBINDING] = "UNBINDING",
	[VFIO_PCI_TSM_LOSING] = "LOSING",   [VFIO_PCI_TSM_FOREIGN] = "FOREIGN",
	[VFIO_PCI_TSM_LEAVING] = "LEAVING",
};

/**
 * struct walker - a function that was seen on the driver
 * @node: in the list of all, until the module is unloaded
 * @pdev: the function, referenced
 * @tvdev: the driver's structure for it, referenced; NULL while the driver does not have it
 * @entry: in the wait queue for changes
 * @states: the states since the last write
 * @count: how many states there were
 */
struct walker {
	struct list_head node;
	struct pci_dev *pdev;
	struct vfio_pci_tsm_device *tvdev;
	struct wait_queue_entry entry;
	u8 states[64];
	unsigned int count;
};

static LIST_HEAD(walkers);
static DEFINE_MUTEX(walkers_lock); /* the list, and tvdev of each */
static unsigned int pairs[STATES][STATES];
static DEFINE_SPINLOCK(states_lock); /* pairs, and the states of each walker */

static void push(struct walker *walker, enum vfio_pci_tsm_state state)
{
	if (walker->count < ARRAY_SIZE(walker->states))
		walker->states[walker->count] = state;
	walker->count++;
}

static enum vfio_pci_tsm_state last(const struct walker *walker)
{
	return walker->states[min_t(size_t, walker->count, ARRAY_SIZE(walker->states)) - 1];
}

/* States that do not fit share the last place, which has the present state. */
static void record(struct walker *walker, enum vfio_pci_tsm_state to)
{
	unsigned long flags;

	spin_lock_irqsave(&states_lock, flags);
	pairs[last(walker)][to]++;
	push(walker, to);
	walker->states[min_t(size_t, walker->count, ARRAY_SIZE(walker->states)) - 1] = to;
	spin_unlock_irqrestore(&states_lock, flags);
}

/* Called at each change, under the function's state.lock. */
static int changed(struct wait_queue_entry *entry, unsigned int mode, int flags, void *key)
{
	struct walker *walker = entry->private;

	record(walker, READ_ONCE(walker->tvdev->state.now));
	return 0;
}

static struct walker *find(struct pci_dev *pdev)
{
	struct walker *walker;

	list_for_each_entry(walker, &walkers, node) {
		if (walker->pdev == pdev)
			return walker;
	}
	walker = kzalloc_obj(*walker);
	if (!walker)
		return NULL;
	walker->pdev = pci_dev_get(pdev);
	list_add_tail(&walker->node, &walkers);
	return walker;
}

/* The driver has bound to the function. Before that the only state is IDLE. */
static void attach(struct pci_dev *pdev)
{
	struct vfio_pci_tsm_device *tvdev = pdev_to_tvdev(pdev);
	struct walker *walker;

	guard(mutex)(&walkers_lock);
	walker = find(pdev);
	if (!walker || walker->tvdev)
		return;
	get_device(&tvdev->core.vdev.device);
	walker->tvdev = tvdev;
	if (!walker->count || last(walker) != VFIO_PCI_TSM_IDLE)
		push(walker, VFIO_PCI_TSM_IDLE);
	init_waitqueue_func_entry(&walker->entry, changed);
	walker->entry.private = walker;

	guard(mutex)(&tvdev->state.lock);
	if (tvdev->state.now != VFIO_PCI_TSM_IDLE)
		record(walker, tvdev->state.now);
	add_wait_queue(&tvdev->state.changed, &walker->entry);
}

static void detach(struct walker *walker)
{
	if (!walker->tvdev)
		return;
	remove_wait_queue(&walker->tvdev->state.changed, &walker->entry);
	put_device(&walker->tvdev->core.vdev.device);
	walker->tvdev = NULL;
}

static bool is_ours(struct pci_dev *pdev)
{
	return pdev->dev.driver && !strcmp(pdev->dev.driver->name, VFIO_PCI_TSM_DRIVER);
}

/* At UNBOUND the driver has detached from the function and has made its last change. */
static int bus_notify(struct notifier_block *nb, unsigned long action, void *data)
{
	struct pci_dev *pdev = to_pci_dev(data);
	struct walker *walker;

	if (action == BUS_NOTIFY_BOUND_DRIVER && is_ours(pdev)) {
		attach(pdev);
	} else if (action == BUS_NOTIFY_UNBOUND_DRIVER) {
		guard(mutex)(&walkers_lock);
		list_for_each_entry(walker, &walkers, node) {
			if (walker->pdev == pdev)
				detach(walker);
		}
	}
	return NOTIFY_DONE;
}

static struct notifier_block bus_nb = { .notifier_call = bus_notify };

static int walk_get(char *buffer, const struct kernel_param *kp)
{
	struct walker *walker;
	int len = 0;

	guard(mutex)(&walkers_lock);
	guard(spinlock_irq)(&states_lock);
	list_for_each_entry(walker, &walkers, node) {
		len += sysfs_emit_at(buffer, len, "%s", pci_name(walker->pdev));
		for (int i = 0; i < min_t(size_t, walker->count, ARRAY_SIZE(walker->states)); i++)
			len += sysfs_emit_at(buffer, len, " %s", names[walker->states[i]]);
		len += sysfs_emit_at(buffer, len, "%s\n",
				     walker->count > ARRAY_SIZE(walker->states) ? " ..." : "");
	}
	return len;
}

static int walk_set(const char *text, const struct kernel_param *kp)
{
	struct walker *walker;

	guard(mutex)(&walkers_lock);
	guard(spinlock_irq)(&states_lock);
	list_for_each_entry(walker, &walkers, node) {
		walker->states[0] = last(walker);
		walker->count = 1;
	}
	return 0;
}

static int pairs_get(char *buffer, const struct kernel_param *kp)
{
	int len = 0;

	guard(spinlock_irq)(&states_lock);
	for (int from = 0; from < STATES; from++) {
		for (int to = 0; to < STATES; to++) {
			if (pairs[from][to])
				len += sysfs_emit_at(buffer, len, "%s %s %u\n", names[from],
						     names[to], pairs[from][to]);
		}
	}
	return len;
}

static const struct kernel_param_ops walk_ops = { .get = walk_get, .set = walk_set };
static const struct kernel_param_ops pairs_ops = { .get = pairs_get };

module_param_cb(walk, &walk_ops, NULL, 0644);
MODULE_PARM_DESC(walk, "States of each function since the last write");
module_param_cb(pairs, &pairs_ops, NULL, 0444);
MODULE_PARM_DESC(pairs, "Changes that were seen, and how often");

static int __init walk_states_init(void)
{
	struct pci_dev *pdev = NULL;
	int ret;

	ret = bus_register_notifier(&pci_bus_type, &bus_nb);
	if (ret)
		return ret;
	for_each_pci_dev(pdev) {
		guard(device)(&pdev->dev);
		if (is_ours(pdev))
			attach(pdev);
	}
	return 0;
}
module_init(walk_states_init);

static void __exit walk_states_exit(void)
{
	struct walker *walker, *next;

	bus_unregister_notifier(&pci_bus_type, &bus_nb);
	list_for_each_entry_safe(walker, next, &walkers, node) {
		detach(walker);
		pci_dev_put(walker->pdev);
		kfree(walker);
	}
}
module_exit(walk_states_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Records the states of functions of vfio-pci-tsm, for tests");
