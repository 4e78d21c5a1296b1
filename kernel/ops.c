// SPDX-License-Identifier: GPL-2.0-only
/*
 * Operations of VFIO that a bind waits for. There may be many at a time on many
 * processors, and a bind is rare, so each takes a reference that is counted by
 * processor. A bind stops new ones, and waits until the last one has ended. Until then
 * the device is not bound, because only a bind makes it bound.
 *
 * Both sides wait killably: an operation lasts as long as user memory needs, and a
 * bind as long as the TSM needs. Operations that wait begin before the next bind.
 */
#include <linux/percpu-refcount.h>
#include <linux/wait.h>

#include "ops.h"
#include "vfio_pci_tsm.h"

static void all_ended(struct percpu_ref *users)
{
	struct vfio_pci_tsm_device *tvdev =
		container_of(users, struct vfio_pci_tsm_device, op.users);

	wake_up_all(&tvdev->op.changed);
}

/**
 * vfio_pci_tsm_ops_init() - let operations begin
 * @tvdev: the device
 *
 * Return: 0; -ENOMEM.
 */
int vfio_pci_tsm_ops_init(struct vfio_pci_tsm_device *tvdev)
{
	static struct lock_class_key key;

	lockdep_init_map_wait(&tvdev->op.map, "vfio_pci_tsm_device::op", &key, 0, LD_WAIT_SLEEP);
	mutex_init(&tvdev->op.lock);
	init_waitqueue_head(&tvdev->op.changed);
	return percpu_ref_init(&tvdev->op.users, all_ended, PERCPU_REF_ALLOW_REINIT, GFP_KERNEL);
}

/**
 * vfio_pci_tsm_ops_exit() - undo vfio_pci_tsm_ops_init()
 * @tvdev: the device, which is not used any more
 */
void vfio_pci_tsm_ops_exit(struct vfio_pci_tsm_device *tvdev)
{
	/* The counter's own callback runs in RCU, and nothing waits for its end. */
	synchronize_rcu();
	percpu_ref_exit(&tvdev->op.users);
	mutex_destroy(&tvdev->op.lock);
}

/**
 * vfio_pci_tsm_op_wait() - wait until an operation can be counted
 * @tvdev: the device
 * @or_binding: or wait only until the device is BINDING, or further
 *
 * Return: 1, and it is counted; 0, and it is not; -EINTR when the caller is being killed.
 */
int vfio_pci_tsm_op_wait(struct vfio_pci_tsm_device *tvdev, bool or_binding)
{
	bool counted;
	int ret;

	atomic_inc(&tvdev->op.waiting);
	ret = wait_event_killable(tvdev->op.changed,
				  (counted = percpu_ref_tryget_live(&tvdev->op.users)) ||
					  (or_binding && vfio_pci_tsm_is_binding(tvdev)));
	if (atomic_dec_and_test(&tvdev->op.waiting))
		wake_up_all(&tvdev->op.changed);
	return ret ? -EINTR : counted;
}

/**
 * vfio_pci_tsm_stop_ops() - wait until no operation is at work, and let none begin
 * @tvdev: the device
 *
 * Return: 0, and vfio_pci_tsm_resume_ops() is to follow; -EINTR or -ERESTARTSYS when the
 * caller is being killed.
 */
int vfio_pci_tsm_stop_ops(struct vfio_pci_tsm_device *tvdev)
{
	int ret;

	ret = mutex_lock_killable(&tvdev->op.lock);
	if (ret)
		return ret;
	/* Operations that the last bind kept waiting come first. */
	ret = wait_event_killable(tvdev->op.changed, !atomic_read(&tvdev->op.waiting));
	if (ret) {
		mutex_unlock(&tvdev->op.lock);
		return ret;
	}
	rwsem_acquire(&tvdev->op.map, 0, 0, _RET_IP_);
	percpu_ref_kill(&tvdev->op.users);
	ret = wait_event_killable(tvdev->op.changed, percpu_ref_is_zero(&tvdev->op.users));
	/* Even if nothing was waited for: what operations have done is seen from here on. */
	smp_mb();
	if (ret)
		vfio_pci_tsm_resume_ops(tvdev);
	return ret;
}

/**
 * vfio_pci_tsm_resume_ops() - let operations begin again
 * @tvdev: the device, after vfio_pci_tsm_stop_ops()
 */
void vfio_pci_tsm_resume_ops(struct vfio_pci_tsm_device *tvdev)
{
	percpu_ref_resurrect(&tvdev->op.users);
	wake_up_all(&tvdev->op.changed);
	rwsem_release(&tvdev->op.map, _RET_IP_);
	mutex_unlock(&tvdev->op.lock);
}
