// SPDX-License-Identifier: GPL-2.0-only
/*
 * What PCI/TSM has of a function, and what the function itself shows of its TDI. Nothing
 * here changes anything.
 */
#include <linux/device/class.h>
#include <linux/pci-tsm.h>
#include <linux/string.h>
#include <linux/tsm.h>
#include <linux/uaccess.h>

#include "vfio_pci_tsm.h"

/*
 * Whether a class is that of all TSMs. The caller uses it as a class, but a context that its
 * TSM has freed, and PCI/TSM has not forgotten yet, can lead anywhere. The class is never
 * removed, so it is found by its name once.
 */
static bool is_class_of_tsms(const struct class *class)
{
	static const struct class *tsms;
	const char *name;
	char text[4];

	if (READ_ONCE(tsms))
		return class == READ_ONCE(tsms);
	if (get_kernel_nofault(name, &class->name) ||
	    copy_from_kernel_nofault(text, name, sizeof(text)) || memcmp(text, "tsm", sizeof(text)))
		return false;
	WRITE_ONCE(tsms, class);
	return true;
}

/**
 * vfio_pci_tsm_view() - what PCI/TSM has on a function
 * @pdev: the function
 * @view: gets it
 *
 * PCI/TSM has no function for this, and pci_tsm_rwsem, which protects these
 * structures, is its own: root may disconnect the TSM at any moment. So read
 * without faulting, and use what was read only if the function still has the
 * same context afterwards.
 *
 * Return: whether the function is connected.
 */
bool vfio_pci_tsm_view(struct pci_dev *pdev, struct vfio_pci_tsm_view *view)
{
	struct pci_dev *tdi_pdev;
	struct tsm_dev *tsm_dev;

	view->tdi_id = 0;
	view->ctx = READ_ONCE(pdev->tsm);
	if (!view->ctx)
		return false;

	if (get_kernel_nofault(view->tdi, &view->ctx->tdi) ||
	    get_kernel_nofault(tsm_dev, &view->ctx->tsm_dev) ||
	    get_kernel_nofault(view->tsm_id, &tsm_dev->id) ||
	    get_kernel_nofault(view->tsms, &tsm_dev->dev.class) || !is_class_of_tsms(view->tsms))
		return false;
	/* A TSM's driver frees the TDI before PCI/TSM forgets it. */
	if (view->tdi && (get_kernel_nofault(tdi_pdev, &view->tdi->pdev) || tdi_pdev != pdev ||
			  get_kernel_nofault(view->tdi_id, &view->tdi->tdi_id)))
		return false;

	return READ_ONCE(pdev->tsm) == view->ctx;
}

/**
 * vfio_pci_tsm_has_tdi() - whether PCI/TSM has a TDI of a function
 * @pdev: the function
 *
 * As vfio_pci_tsm_view(), in fewer steps.
 *
 * Return: whether it is so at the moment. It may be wrong while root disconnects the TSM.
 *
 * Context: any.
 */
bool vfio_pci_tsm_has_tdi(struct pci_dev *pdev)
{
	struct pci_tsm *ctx = READ_ONCE(pdev->tsm);
	struct pci_tdi *tdi;

	return ctx && !get_kernel_nofault(tdi, &ctx->tdi) && tdi;
}

/* Whether functions can be connected to a TSM, but not bound. */
static int cannot_bind(struct device *dev, void *unused)
{
	struct tsm_dev *tsm_dev = container_of(dev, struct tsm_dev, dev);
	struct pci_tsm_ops ops;

	/* Its module may be going away. */
	if (copy_from_kernel_nofault(&ops, READ_ONCE(tsm_dev->pci_ops), sizeof(ops)))
		return 0;
	return ops.link_ops.probe && !ops.link_ops.bind;
}

/**
 * vfio_pci_tsm_tsms_can_bind() - whether pci_tsm_bind() finds an operation to call
 * @view: from vfio_pci_tsm_view()
 *
 * PCI/TSM does not check whether the TSM has a bind operation before it calls it, unless
 * the kernel has the patch for that from kernel/patches. By then it may call the operation
 * of another TSM: pci_tsm_bind() waits, and root may connect the function to another TSM
 * meanwhile. So a bind is safe only while every TSM has the operation.
 *
 * Return: false if one of the host's TSMs cannot bind. Without the patch, a TSM that
 * registers between this check and pci_tsm_bind() is not noticed.
 */
bool vfio_pci_tsm_tsms_can_bind(const struct vfio_pci_tsm_view *view)
{
	return !class_for_each_device(view->tsms, NULL, NULL, cannot_bind);
}

/**
 * vfio_pci_tsm_has_view() - whether a TDI that PCI/TSM has is the one that is known
 * @tvdev: the device, BOUND or FOREIGN
 * @view: from vfio_pci_tsm_view()
 *
 * A TSM may use the same memory for the next TDI.
 *
 * Return: false if PCI/TSM has no TDI, or another one.
 *
 * Context: under state.lock.
 */
bool vfio_pci_tsm_has_view(struct vfio_pci_tsm_device *tvdev, const struct vfio_pci_tsm_view *view)
{
	return view->tdi && view->ctx == tvdev->state.ctx && view->tdi == tvdev->state.tdi &&
	       view->tdi_id == tvdev->state.tdi_id;
}

/**
 * vfio_pci_tsm_decode() - which of Memory Space Enable and Bus Master Enable are set
 * @pdev: the function
 *
 * Return: bits of the Command register.
 */
u16 vfio_pci_tsm_decode(struct pci_dev *pdev)
{
	u16 command;

	pci_read_config_word(pdev, PCI_COMMAND, &command);
	return command & (PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
}

/*
 * A TDI keeps Memory Space Enable and Bus Master Enable. If they are clear, or the
 * register reads as all ones, the function was reset by something other than the PCI core:
 * a Secondary Bus Reset that root writes to a bridge, or firmware. Another module may have
 * bound a function that had neither, so only the bits that it had count.
 */
static bool still_decodes(struct vfio_pci_tsm_device *tvdev)
{
	u32 command;

	pci_read_config_dword(tvdev->core.pdev, PCI_COMMAND, &command);
	return !PCI_POSSIBLE_ERROR(command) && !(tvdev->state.decode & ~command);
}

/**
 * vfio_pci_tsm_find_loss() - why a bound function has no TDI any more
 * @tvdev: the device, BOUND or FOREIGN
 *
 * Return: VFIO_TSM_REASON_NONE if it still has it.
 *
 * Context: under state.lock.
 */
enum vfio_tsm_reason vfio_pci_tsm_find_loss(struct vfio_pci_tsm_device *tvdev)
{
	struct pci_dev *pdev = tvdev->core.pdev;
	struct vfio_pci_tsm_view view;

	if (!vfio_pci_tsm_view(pdev, &view) || !vfio_pci_tsm_has_view(tvdev, &view))
		return VFIO_TSM_REASON_LOST;
	if (still_decodes(tvdev))
		return VFIO_TSM_REASON_NONE;
	return vfio_tsm_is_pulled(pdev) ? VFIO_TSM_REASON_REMOVED : VFIO_TSM_REASON_RESET;
}
