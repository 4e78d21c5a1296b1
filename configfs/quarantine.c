// SPDX-License-Identifier: GPL-2.0-only
/*
 * Quarantine: a device must not be used, because its TDI may not have been stopped. The
 * driver of a TSM begins and ends one. The administrator begins another, and can end both.
 * It belongs to the address, with or without a directory or the driver. There is no other
 * record of it: vfio-pci-tsm checks for it at each decision.
 */
#include <linux/export.h>
#include <linux/module.h>
#include <linux/pci.h>

#include "internal.h"

/* What has begun it: bits of vfio_tsm_dev::quarantine. */
#define BY_TSM BIT(0)
#define BY_ADMIN BIT(1)

/* A quarantine holds the module, because an unloaded module would forget it. */
static void change(struct vfio_tsm_dev *dev, u8 add, u8 remove)
{
	enum vfio_tsm_state from = vfio_tsm_shown_state(dev);
	bool was = dev->quarantine;

	lockdep_assert_held(&dev->lock);
	WRITE_ONCE(dev->quarantine, (dev->quarantine | add) & ~remove);
	if (was == !!dev->quarantine)
		return;
	if (was) {
		vfio_tsm_put(dev);
		module_put(THIS_MODULE);
	} else {
		kref_get(&dev->ref);
		__module_get(THIS_MODULE);
	}
	/* While the device is bound, nothing is published: the unbind does that. */
	if (vfio_tsm_shown_state(dev) != from)
		vfio_tsm_publish(dev, from, was ? VFIO_TSM_EVENT_FREED : VFIO_TSM_EVENT_QUARANTINED,
				 VFIO_TSM_REASON_NONE);
}

/**
 * vfio_tsm_is_quarantined() - whether the device must not be used
 * @dev: the device
 *
 * Return: whether it is so at the moment. vfio_tsm_open_begin() and vfio_tsm_bind_begin()
 * check it under the lock.
 *
 * Context: any.
 */
bool vfio_tsm_is_quarantined(const struct vfio_tsm_dev *dev)
{
	return READ_ONCE(dev->quarantine);
}
EXPORT_SYMBOL_GPL(vfio_tsm_is_quarantined);

/* The administrator's write. Return: 0; -EBUSY when it is bound; -EINTR when killed. */
int vfio_tsm_set_quarantine(struct vfio_tsm_dev *dev, bool on)
{
	guard(rwsem_read)(&dev->live);
	/* Another module of the kernel may have bound it. */
	if (dev->ops)
		dev->ops->refresh(dev->priv);
	scoped_guard(mutex, &dev->lock) {
		if (on && dev->binding)
			return -EBUSY;
		change(dev, on ? BY_ADMIN : 0, on ? 0 : BY_ADMIN | BY_TSM);
	}
	return on && dev->ops ? dev->ops->quarantined(dev->priv) : 0;
}

/**
 * vfio_tsm_stop_failed() - a TSM could not stop a TDI, or cannot find out whether it did
 * @pdev: the function
 *
 * PCI/TSM's unbind operation does not return an error. A TSM's driver calls this before
 * it returns from that operation, no matter which module has bound the function.
 *
 * Context: may sleep; takes no lock that is held over a call of PCI/TSM.
 */
void vfio_tsm_stop_failed(struct pci_dev *pdev)
{
	unsigned long index = vfio_tsm_index_of(pdev);
	/* Finding a device that exists needs no memory. */
	struct vfio_tsm_dev *dev = vfio_tsm_find(index) ?: vfio_tsm_get(index);

	if (IS_ERR(dev)) {
		pci_err(pdev, "out of memory: not quarantined, but may still be locked as a TDI\n");
		return;
	}
	pci_warn(pdev, "quarantined: it may still be locked as a TDI\n");
	scoped_guard(mutex, &dev->lock)
		change(dev, BY_TSM, 0);
	vfio_tsm_put(dev);
}
EXPORT_SYMBOL_GPL(vfio_tsm_stop_failed);

/**
 * vfio_tsm_stopped() - a TSM has stopped the TDI of a function, or has none
 * @pdev: the function
 *
 * This undoes vfio_tsm_stop_failed(). A TSM's driver calls it when it has stopped the TDI
 * after all, for example by the end of the session with the device, or could lock it again.
 *
 * Context: as vfio_tsm_stop_failed().
 */
void vfio_tsm_stopped(struct pci_dev *pdev)
{
	struct vfio_tsm_dev *dev __free(vfio_tsm_put) = vfio_tsm_find(vfio_tsm_index_of(pdev));

	if (!dev)
		return;
	guard(mutex)(&dev->lock);
	change(dev, 0, BY_TSM);
}
EXPORT_SYMBOL_GPL(vfio_tsm_stopped);

/* A function that was removed from its slot has no power, and so no TDI, any more. */
void vfio_tsm_end_quarantine(struct vfio_tsm_dev *dev)
{
	change(dev, 0, BY_ADMIN | BY_TSM);
}
