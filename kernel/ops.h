/* SPDX-License-Identifier: GPL-2.0-only */
/* Operations of VFIO that a bind waits for: see ops.c. */
#ifndef VFIO_PCI_TSM_OPS_H
#define VFIO_PCI_TSM_OPS_H

#include <linux/lockdep.h>
#include <linux/percpu-refcount.h>

#include "vfio_pci_tsm.h"

int vfio_pci_tsm_ops_init(struct vfio_pci_tsm_device *tvdev);
void vfio_pci_tsm_ops_exit(struct vfio_pci_tsm_device *tvdev);
int vfio_pci_tsm_op_wait(struct vfio_pci_tsm_device *tvdev, bool or_binding);
int vfio_pci_tsm_stop_ops(struct vfio_pci_tsm_device *tvdev);
void vfio_pci_tsm_resume_ops(struct vfio_pci_tsm_device *tvdev);

/* Called when an operation is counted. Read the state after that: a bind changes it first. */
static inline void vfio_pci_tsm_op_counted(void)
{
	smp_rmb(); /* pairs with the release in percpu_ref_resurrect() */
}

/* Begin an operation that a bind waits for. Return: 0; -EINTR when being killed. */
static inline int vfio_pci_tsm_op_begin(struct vfio_pci_tsm_device *tvdev)
{
	rwsem_acquire_read(&tvdev->op.map, 0, 0, _THIS_IP_);
	if (unlikely(!percpu_ref_tryget_live(&tvdev->op.users)) &&
	    vfio_pci_tsm_op_wait(tvdev, false) < 0) {
		rwsem_release(&tvdev->op.map, _THIS_IP_);
		return -EINTR;
	}
	vfio_pci_tsm_op_counted();
	return 0;
}

/* The same, but do not wait for a bind that is at work: return 0 then, else 1 or -EINTR. */
static inline int vfio_pci_tsm_op_begin_unless_binding(struct vfio_pci_tsm_device *tvdev)
{
	int ret = 1;

	if (unlikely(!percpu_ref_tryget_live(&tvdev->op.users)))
		ret = vfio_pci_tsm_op_wait(tvdev, true);
	if (ret <= 0)
		return ret;
	rwsem_acquire_read(&tvdev->op.map, 0, 1, _THIS_IP_);
	vfio_pci_tsm_op_counted();
	return 1;
}

static inline void vfio_pci_tsm_op_end(struct vfio_pci_tsm_device *tvdev)
{
	rwsem_release(&tvdev->op.map, _THIS_IP_);
	percpu_ref_put(&tvdev->op.users);
}

#endif /* VFIO_PCI_TSM_OPS_H */
