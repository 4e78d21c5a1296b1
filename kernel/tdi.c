// SPDX-License-Identifier: GPL-2.0-only
/*
 * The TDI of a function: what PCI/TSM has of it, and how it ends. Whoever loses it
 * marks the loss, and a worker has PCI/TSM unbind it; the owner and the administrator
 * have that done at once.
 *
 * Another module of the kernel may also call pci_tsm_bind(). PCI/TSM does not tell
 * the driver, which looks for such a TDI wherever it asks whether a function is bound,
 * and once a second. From then on it guards that TDI as its own.
 */
#include <linux/device/class.h>
#include <linux/pci-tsm.h>
#include <linux/string.h>
#include <linux/tsm.h>
#include <linux/uaccess.h>

#include "vfio_pci_tsm.h"

/*
 * Whether a class is that of all TSMs. A context that its TSM has freed, and PCI/TSM has not
 * forgotten yet, can lead anywhere, and the class is followed. It is there for good, so
 * it is found by its name once.
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
	/* A TSM's driver frees it before PCI/TSM forgets it. */
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
 * Return: the answer of the moment. It may be wrong while the TSM is disconnected.
 *
 * Context: any.
 */
bool vfio_pci_tsm_has_tdi(struct pci_dev *pdev)
{
	struct pci_tsm *ctx = READ_ONCE(pdev->tsm);
	struct pci_tdi *tdi;

	return ctx && !get_kernel_nofault(tdi, &ctx->tdi) && tdi;
}

/**
 * vfio_pci_tsm_has_view() - whether a TDI that PCI/TSM has is the one that is known
 * @tvdev: the device, BOUND or FOREIGN
 * @view: from vfio_pci_tsm_view()
 *
 * A TSM may use the same memory for the next TDI.
 *
 * Return: false if it has none, or another.
 *
 * Context: under state.lock.
 */
bool vfio_pci_tsm_has_view(struct vfio_pci_tsm_device *tvdev, const struct vfio_pci_tsm_view *view)
{
	return view->tdi && view->ctx == tvdev->state.ctx && view->tdi == tvdev->state.tdi &&
	       view->tdi_id == tvdev->state.tdi_id;
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

/* A reset sends a TDI that was not stopped to ERROR: nothing is lost by it. */
static void give_back(struct vfio_pci_tsm_device *tvdev)
{
	vfio_pci_tsm_put_vdevice(tvdev);
	vfio_pci_tsm_give_resets(tvdev);
	vfio_pci_tsm_rom_on(tvdev);
	vfio_pci_tsm_let_others_sleep(tvdev);
	vfio_pci_tsm_mmap_allow(tvdev);
}

/**
 * vfio_pci_tsm_drop_locked() - unbind a function, and give back what the bind took
 * @tvdev: the device, with vfio_pci_tsm_is_locked()
 * @reason: who asked for it, unless it is lost or the module that bound it was first
 *
 * Every unbind ends here. The owner of a device that is lost is told when the loss is
 * published, which was before.
 * Another module may have bound the function again by then: it is FOREIGN at the end.
 *
 * Context: under tdi.lock; waits for PCI/TSM.
 */
void vfio_pci_tsm_drop_locked(struct vfio_pci_tsm_device *tvdev, enum vfio_tsm_reason reason)
{
	lockdep_assert_held(&tvdev->tdi.lock);

	if (vfio_pci_tsm_unbind_begin(tvdev))
		pci_tsm_unbind(tvdev->core.pdev);
	give_back(tvdev);
	vfio_pci_tsm_unbound(tvdev, reason);
}

/*
 * Take what a bind would have taken, but touch neither the function nor a mapping of its
 * BARs: the TDI is locked by now. A reset that is at work began before, and cannot be
 * waited for.
 */
static void hold_foreign(struct vfio_pci_tsm_device *tvdev)
{
	struct pci_dev *f0 __free(pci_dev_put) = vfio_pci_tsm_get_function0(tvdev->core.pdev);

	vfio_pci_tsm_rom_off(tvdev);
	vfio_pci_tsm_hold_others(tvdev, f0, false);
	WRITE_ONCE(tvdev->hold.incomplete, vfio_pci_tsm_take_resets(tvdev) == -ENOMEM);
}

/**
 * vfio_pci_tsm_tdi_work() - do what a change of the state has left to do
 * @work: the device's
 *
 * Unbind a function that is lost; take what a TDI needs that another module has bound,
 * and give it back afterwards.
 *
 * Context: remove() waits for it under the device lock, so it takes no pci_bus_sem.
 */
void vfio_pci_tsm_tdi_work(struct work_struct *work)
{
	struct vfio_pci_tsm_device *tvdev =
		container_of(work, struct vfio_pci_tsm_device, tdi.work);

	guard(mutex)(&tvdev->tdi.lock);
	if (vfio_pci_tsm_state_is(tvdev, VFIO_PCI_TSM_FOREIGN))
		hold_foreign(tvdev);
	if (vfio_pci_tsm_state_is(tvdev, VFIO_PCI_TSM_LOSING) ||
	    vfio_pci_tsm_state_is(tvdev, VFIO_PCI_TSM_LEAVING))
		vfio_pci_tsm_drop_locked(tvdev, VFIO_TSM_REASON_LOST);
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
 * A TDI keeps Memory Space Enable and Bus Master Enable. Without them, or with all
 * ones, the function was reset by something that the PCI core does not ask for: a
 * Secondary Bus Reset that root writes to a bridge, or firmware. Another module may have
 * bound a function that had neither.
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

/**
 * vfio_pci_tsm_is_bound() - whether the function is bound, and the TSM has it still
 * @tvdev: the device
 *
 * So is a function that may still be locked, because the TSM did not stop its TDI.
 *
 * Return: false stays so as long as the caller keeps binds out, by an operation or
 * the device set's lock, and no other module of the kernel binds it; true may be past.
 *
 * Context: as vfio_pci_tsm_wait_lost(): a device that is lost is its owner's again
 * once PCI/TSM has unbound it.
 */
bool vfio_pci_tsm_is_bound(struct vfio_pci_tsm_device *tvdev)
{
	struct pci_dev *pdev = tvdev->core.pdev;

	if (vfio_pci_tsm_state_is(tvdev, VFIO_PCI_TSM_IDLE) && !vfio_pci_tsm_has_tdi(pdev))
		return vfio_tsm_is_quarantined(tvdev->tdev);
	vfio_pci_tsm_refresh(tvdev);
	/* Another module may have bound it again while this has waited. */
	return vfio_pci_tsm_wait_lost(tvdev) || vfio_pci_tsm_is_guarded(tvdev) ||
	       vfio_pci_tsm_has_tdi(pdev);
}

/**
 * vfio_pci_tsm_detach() - the driver leaves a function
 * @tvdev: the device, closed for good
 *
 * Another module's TDI goes, because no other driver would guard it.
 *
 * Context: probe or remove; waits for PCI/TSM as the last close does.
 */
void vfio_pci_tsm_detach(struct vfio_pci_tsm_device *tvdev)
{
	vfio_pci_tsm_adopt_no_more(tvdev);
	disable_delayed_work_sync(&tvdev->watch);
	scoped_guard(mutex, &tvdev->tdi.lock) {
		if (vfio_pci_tsm_is_locked(tvdev))
			vfio_pci_tsm_drop_locked(tvdev, VFIO_TSM_REASON_CLOSE);
	}
	disable_work_sync(&tvdev->tdi.work);
}
