// SPDX-License-Identifier: GPL-2.0-only
/*
 * The TDI of a function: what PCI/TSM has of it, and the ways out of the bound
 * state. Every one of them ends in vfio_pci_tsm_drop_locked().
 */
#include <linux/pci-tsm.h>
#include <linux/tsm.h>
#include <linux/uaccess.h>

#include "vfio_pci_tsm.h"

/**
 * vfio_pci_tsm_set_state() - change the state of a function
 * @tvdev: the device
 * @state: the new one
 *
 * Context: under tdi.lock.
 */
void vfio_pci_tsm_set_state(struct vfio_pci_tsm_device *tvdev, enum vfio_pci_tsm_state state)
{
	lockdep_assert_held(&tvdev->tdi.lock);
	WRITE_ONCE(tvdev->state, state);
}

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

/* What the owner has not asked for, nor the administrator, it has to be told. */
static bool is_loss(enum vfio_tsm_reason reason)
{
	switch (reason) {
	case VFIO_TSM_REASON_IOCTL:
	case VFIO_TSM_REASON_CLOSE:
	case VFIO_TSM_REASON_REVOKED:
		return false;
	default:
		return true;
	}
}

/**
 * vfio_pci_tsm_drop_locked() - give a bound function back to its owner
 * @tvdev: the device, bound
 * @reason: why
 *
 * Unlocked first, then everything that was shut for the TDI's sake. A device
 * that is lost asks its owner for attention by the device request interrupt
 * (VFIO_PCI_REQ_IRQ_INDEX), where the owner has set one up.
 *
 * Context: under tdi.lock.
 */
void vfio_pci_tsm_drop_locked(struct vfio_pci_tsm_device *tvdev, enum vfio_tsm_reason reason)
{
	bool lost = is_loss(reason);

	lockdep_assert_held(&tvdev->tdi.lock);

	/* Does nothing where the TSM has let go by itself. */
	set_bit(VFIO_PCI_TSM_IN_TSM, &tvdev->flags);
	pci_tsm_unbind(tvdev->core.pdev);
	clear_bit(VFIO_PCI_TSM_IN_TSM, &tvdev->flags);
	tvdev->tdi.ctx = NULL;
	tvdev->tdi.tdi = NULL;
	vfio_pci_tsm_put_vdevice(tvdev);
	vfio_pci_tsm_give_resets(tvdev);
	vfio_pci_tsm_rom_on(tvdev);
	vfio_pci_tsm_let_others_sleep(tvdev);
	vfio_pci_tsm_mmap_allow(tvdev);
	vfio_pci_tsm_set_state(tvdev, lost ? VFIO_PCI_TSM_LOST : VFIO_PCI_TSM_IDLE);
	vfio_tsm_unbound(tvdev->tdev, lost ? VFIO_TSM_LOST : VFIO_TSM_OPEN, reason);
	if (lost) {
		pci_warn(tvdev->core.pdev, "the bound TDI is lost\n");
		/* A count of 0 would be logged, as a request to leave the device. */
		vfio_pci_core_request(&tvdev->core.vdev, 1);
	}
}

/**
 * vfio_pci_tsm_lose() - unbind because of something that cannot be refused
 * @tvdev: the device, bound or not
 * @reason: what it is
 *
 * Context: takes tdi.lock, and returns with the function unlocked.
 */
void vfio_pci_tsm_lose(struct vfio_pci_tsm_device *tvdev, enum vfio_tsm_reason reason)
{
	guard(mutex)(&tvdev->tdi.lock);
	if (vfio_pci_tsm_state_is(tvdev, VFIO_PCI_TSM_BOUND))
		vfio_pci_tsm_drop_locked(tvdev, reason);
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
 * vfio_pci_tsm_refresh_locked() - look whether the TSM still has our TDI
 * @tvdev: the device
 *
 * PCI/TSM does not report that a TDI is gone, and a function does not report that
 * it was reset.
 *
 * Context: under tdi.lock.
 */
void vfio_pci_tsm_refresh_locked(struct vfio_pci_tsm_device *tvdev)
{
	struct vfio_pci_tsm_view view;

	lockdep_assert_held(&tvdev->tdi.lock);
	if (!vfio_pci_tsm_state_is(tvdev, VFIO_PCI_TSM_BOUND))
		return;
	if (test_bit(VFIO_PCI_TSM_AER, &tvdev->flags)) {
		vfio_pci_tsm_drop_locked(tvdev, VFIO_TSM_REASON_AER);
		return;
	}
	if (!vfio_pci_tsm_view(tvdev->core.pdev, &view) || view.ctx != tvdev->tdi.ctx ||
	    !view.tdi || view.tdi != tvdev->tdi.tdi)
		vfio_pci_tsm_drop_locked(tvdev, VFIO_TSM_REASON_LOST);
	else if (!still_decodes(tvdev->core.pdev))
		vfio_pci_tsm_drop_locked(tvdev, vfio_pci_tsm_is_pulled(tvdev->core.pdev) ?
							VFIO_TSM_REASON_REMOVED :
							VFIO_TSM_REASON_RESET);
}

/**
 * vfio_pci_tsm_is_bound() - whether the function is bound, and the TSM has it still
 * @tvdev: the device
 *
 * Return: false stays so as long as the caller keeps binds out, by op.sem or the
 * device set's lock; true may be past.
 *
 * Context: takes tdi.lock if the function is bound.
 */
bool vfio_pci_tsm_is_bound(struct vfio_pci_tsm_device *tvdev)
{
	if (!vfio_pci_tsm_state_is(tvdev, VFIO_PCI_TSM_BOUND))
		return false;

	guard(mutex)(&tvdev->tdi.lock);
	vfio_pci_tsm_refresh_locked(tvdev);
	return vfio_pci_tsm_state_is(tvdev, VFIO_PCI_TSM_BOUND);
}
