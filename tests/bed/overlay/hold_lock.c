// SPDX-License-Identifier: GPL-2.0-only
/*
 * hold_lock: holds a lock of the kernel as long as a test wants, so that code that needs
 * the lock stops there. Only tests use it.
 *
 *	group=ADDR	the mutex of the function's IOMMU group
 *	msi=ADDR	the mutex of the function's MSI descriptors; it must have had some
 *	config=ADDR	the lock with which a reset blocks access to configuration space
 *	bus=ADDR	pci_bus_sem, for read, as in error recovery on the function's bus
 *
 * The write returns once the lock is held. An empty value releases it.
 */
#include <linux/completion.h>
#include <linux/err.h>
#include <linux/iommu.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/msi.h>
#include <linux/pci.h>
#include <linux/string.h>

#include "find.h"

/**
 * struct lock - a lock that can be held
 * @hold: takes it, calls wait_for_release() and releases it
 * @pdev: the function, referenced
 * @thread: the thread that holds it, or NULL
 * @held: completed when the lock is held
 * @release: completed when the lock is to be released
 */
struct lock {
	void (*hold)(struct lock *lock);
	struct pci_dev *pdev;
	struct task_struct *thread;
	struct completion held;
	struct completion release;
};

static void wait_for_release(struct lock *lock)
{
	complete(&lock->held);
	wait_for_completion(&lock->release);
}

static int hold_in_group(struct device *dev, void *data)
{
	wait_for_release(data);
	/* One function of the group is enough. */
	return 1;
}

static void hold_group(struct lock *lock)
{
	struct iommu_group *group = iommu_group_get(&lock->pdev->dev);

	iommu_group_for_each_dev(group, lock, hold_in_group);
	iommu_group_put(group);
}

static void hold_msi(struct lock *lock)
{
	guard(msi_descs_lock)(&lock->pdev->dev);
	wait_for_release(lock);
}

static void hold_config(struct lock *lock)
{
	pci_cfg_access_lock(lock->pdev);
	wait_for_release(lock);
	pci_cfg_access_unlock(lock->pdev);
}

static int hold_on_bus(struct pci_dev *pdev, void *data)
{
	wait_for_release(data);
	/* One function of the bus is enough. */
	return 1;
}

static void hold_bus(struct lock *lock)
{
	pci_walk_bus(lock->pdev->bus, hold_on_bus, lock);
}

static struct lock group_lock = { .hold = hold_group };
static struct lock msi_lock = { .hold = hold_msi };
static struct lock config_lock = { .hold = hold_config };
static struct lock bus_lock = { .hold = hold_bus };

static int run(void *data)
{
	struct lock *lock = data;

	lock->hold(lock);
	return 0;
}

static void let_go(struct lock *lock)
{
	if (!lock->thread)
		return;
	complete(&lock->release);
	kthread_stop_put(lock->thread);
	pci_dev_put(lock->pdev);
	lock->thread = NULL;
}

static int lock_set(const char *name, const struct kernel_param *kp)
{
	struct lock *lock = kp->arg;
	struct task_struct *thread;

	let_go(lock);
	if (sysfs_streq(name, ""))
		return 0;
	lock->pdev = find(name);
	if (!lock->pdev)
		return -ENODEV;
	init_completion(&lock->held);
	init_completion(&lock->release);
	thread = kthread_create(run, lock, "hold_lock");
	if (IS_ERR(thread)) {
		pci_dev_put(lock->pdev);
		return PTR_ERR(thread);
	}
	lock->thread = get_task_struct(thread);
	wake_up_process(thread);
	wait_for_completion(&lock->held);
	return 0;
}

static const struct kernel_param_ops lock_ops = { .set = lock_set };

module_param_cb(group, &lock_ops, &group_lock, 0200);
MODULE_PARM_DESC(group, "Address of a function whose IOMMU group is locked");
module_param_cb(msi, &lock_ops, &msi_lock, 0200);
MODULE_PARM_DESC(msi, "Address of a function whose MSI descriptors are locked");
module_param_cb(config, &lock_ops, &config_lock, 0200);
MODULE_PARM_DESC(config, "Address of a function whose configuration space is locked");
module_param_cb(bus, &lock_ops, &bus_lock, 0200);
MODULE_PARM_DESC(bus, "Address of a function for which pci_bus_sem is held");

static int __init hold_init(void)
{
	return 0;
}
module_init(hold_init);

static void __exit hold_exit(void)
{
	let_go(&group_lock);
	let_go(&msi_lock);
	let_go(&config_lock);
	let_go(&bus_lock);
}
module_exit(hold_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Holds locks of the kernel, for tests");
