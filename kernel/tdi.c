// SPDX-License-Identifier: GPL-2.0-only
/*
 * The TDI of a function: what PCI/TSM has of it, and how it ends. Whoever loses it
 * marks the loss, and a worker has PCI/TSM unbind it; the owner and the administrator
 * have that done at once.
 */
#include <linux/pci-tsm.h>
#include <linux/tsm.h>
#include <linux/uaccess.h>

#include "vfio_pci_tsm.h"

/**
 * vfio_pci_tsm_view() - what PCI/TSM has on a function
 * @pdev: the function
 * @view: out
 *
 * PCI/TSM has no question to ask, and pci_tsm_rwsem, which keeps these
 * structures, is its own: root may disconnect the TSM at any moment. So look
 * without faulting, and believe what was seen only if the function still has
 * the same context afterwards.
 *
 * Return: whether the function is connected.
 */
bool vfio_pci_tsm_view(struct pci_dev *pdev, struct vfio_pci_tsm_view *view)
{
	struct tsm_dev *tsm_dev;

	view->ctx = READ_ONCE(pdev->tsm);
	if (!view->ctx)
		return false;

	if (get_kernel_nofault(view->tdi, &view->ctx->tdi) ||
	    get_kernel_nofault(tsm_dev, &view->ctx->tsm_dev) ||
	    get_kernel_nofault(view->tsm_id, &tsm_dev->id) ||
	    get_kernel_nofault(view->tsms, &tsm_dev->dev.class))
		return false;

	return READ_ONCE(pdev->tsm) == view->ctx;
}

/* Whether functions can be connected to a TSM, but not bound. */
static int cannot_bind(struct device *dev, void *unused)
{
	struct tsm_dev *tsm_dev = container_of(dev, struct tsm_dev, dev);
	struct pci_tsm_ops ops;

	/* Its module may be on the way out. */
	if (copy_from_kernel_nofault(&ops, READ_ONCE(tsm_dev->pci_ops), sizeof(ops)))
		return 0;
	return ops.link_ops.probe && !ops.link_ops.bind;
}

/**
 * vfio_pci_tsm_tsms_can_bind() - whether pci_tsm_bind() finds an operation to call
 * @view: from vfio_pci_tsm_view()
 *
 * PCI/TSM calls the TSM's bind operation without a look at whether there is one,
 * unless the kernel has the patch for that from kernel/patches. And it may be another
 * TSM's by then: pci_tsm_bind() waits, and root may connect the function to another
 * TSM meanwhile. So it is safe only while every TSM has the operation.
 *
 * Return: false if one of the host's TSMs cannot bind. Without the patch, one that
 * registers between this answer and pci_tsm_bind() remains.
 */
bool vfio_pci_tsm_tsms_can_bind(const struct vfio_pci_tsm_view *view)
{
	return !class_for_each_device(view->tsms, NULL, NULL, cannot_bind);
}

/**
 * vfio_pci_tsm_drop_locked() - unbind a function, and give back what the bind took
 * @tvdev: the device, BOUND or LOSING
 * @reason: who asked for it, unless it is lost
 *
 * Every unbind ends here. A device that is lost asks its owner for attention by the
 * device request interrupt (VFIO_PCI_REQ_IRQ_INDEX), where the owner has set one up.
 *
 * Context: under tdi.lock; waits for PCI/TSM.
 */
void vfio_pci_tsm_drop_locked(struct vfio_pci_tsm_device *tvdev, enum vfio_tsm_reason reason)
{
	lockdep_assert_held(&tvdev->tdi.lock);

	vfio_pci_tsm_unbind_begin(tvdev);
	/* Does nothing if the TSM has let the TDI go by itself. */
	pci_tsm_unbind(tvdev->core.pdev);
	vfio_pci_tsm_put_vdevice(tvdev);
	vfio_pci_tsm_give_resets(tvdev);
	vfio_pci_tsm_rom_on(tvdev);
	vfio_pci_tsm_let_others_sleep(tvdev);
	vfio_pci_tsm_mmap_allow(tvdev);
	/* A count of 0 would be logged, as a request to leave the device. */
	if (vfio_pci_tsm_unbound(tvdev, reason) && reason != VFIO_TSM_REASON_CLOSE)
		vfio_pci_core_request(&tvdev->core.vdev, 1);
}

/**
 * vfio_pci_tsm_unbind_work() - unbind a function that is lost
 * @work: the device's
 */
void vfio_pci_tsm_unbind_work(struct work_struct *work)
{
	struct vfio_pci_tsm_device *tvdev =
		container_of(work, struct vfio_pci_tsm_device, tdi.unbind);

	guard(mutex)(&tvdev->tdi.lock);
	if (vfio_pci_tsm_state_is(tvdev, VFIO_PCI_TSM_LOSING))
		vfio_pci_tsm_drop_locked(tvdev, VFIO_TSM_REASON_LOST);
}

/*
 * A TDI keeps Memory Space Enable and Bus Master Enable. Without them, or with all
 * ones, the function was reset by something that the PCI core does not ask for: a
 * Secondary Bus Reset that root writes to a bridge, or firmware.
 */
static bool still_decodes(struct pci_dev *pdev)
{
	u32 command;

	pci_read_config_dword(pdev, PCI_COMMAND, &command);
	if (PCI_POSSIBLE_ERROR(command) || !(command & PCI_COMMAND_MASTER))
		return false;
	return pdev->no_command_memory || (command & PCI_COMMAND_MEMORY);
}

/**
 * vfio_pci_tsm_find_loss() - why a bound function has no TDI any more
 * @tvdev: the device, BOUND
 *
 * Return: VFIO_TSM_REASON_NONE if it still has it.
 *
 * Context: under state.lock.
 */
enum vfio_tsm_reason vfio_pci_tsm_find_loss(struct vfio_pci_tsm_device *tvdev)
{
	struct pci_dev *pdev = tvdev->core.pdev;
	struct vfio_pci_tsm_view view;

	if (!vfio_pci_tsm_view(pdev, &view) || !view.tdi || view.ctx != tvdev->state.ctx ||
	    view.tdi != tvdev->state.tdi)
		return VFIO_TSM_REASON_LOST;
	if (still_decodes(pdev))
		return VFIO_TSM_REASON_NONE;
	return vfio_pci_tsm_is_pulled(pdev) ? VFIO_TSM_REASON_REMOVED : VFIO_TSM_REASON_RESET;
}

/**
 * vfio_pci_tsm_is_bound() - whether the function is bound, and the TSM has it still
 * @tvdev: the device
 *
 * Return: false stays so as long as the caller keeps binds out, by an operation or
 * the device set's lock; true may be past.
 *
 * Context: as vfio_pci_tsm_wait_lost(): a device that is lost is its owner's again
 * once PCI/TSM has unbound it.
 */
bool vfio_pci_tsm_is_bound(struct vfio_pci_tsm_device *tvdev)
{
	if (vfio_pci_tsm_state_is(tvdev, VFIO_PCI_TSM_IDLE))
		return false;
	vfio_pci_tsm_refresh(tvdev);
	return vfio_pci_tsm_wait_lost(tvdev) || vfio_pci_tsm_is_locked(tvdev);
}
