/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What differs between the kernels in kernels.mk. The other modules need nothing of this kind.
 * Kbuild looks into the headers of the kernel, because distributions backport parts of
 * VFIO. The macros are for these kernels:
 *
 *	VFIO_PCI_TSM_SHARED_SETTINGS	7.0: the settings of vfio-pci's core are global
 *	VFIO_PCI_TSM_LAZY_BARS		7.0: the core claims a BAR when it is first used
 *	VFIO_PCI_TSM_VDEVICE		with kernel/patches: iommufd can look up a vDEVICE
 */
#ifndef VFIO_PCI_TSM_COMPAT_H
#define VFIO_PCI_TSM_COMPAT_H

#include <linux/kconfig.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/pm_runtime.h>
#include <linux/vfio_pci_core.h>

#if !IS_ENABLED(CONFIG_PCI_TSM)
#error "vfio-pci-tsm needs a kernel with CONFIG_PCI_TSM"
#endif

#if !IS_ENABLED(CONFIG_IOMMUFD)
#error "vfio-pci-tsm needs a kernel with CONFIG_IOMMUFD"
#endif

#if !IS_ENABLED(CONFIG_VFIO_DEVICE_CDEV)
#error "vfio-pci-tsm needs a kernel with CONFIG_VFIO_DEVICE_CDEV"
#endif

/* 7.0 has no guard for mutex_lock_killable(). Where there is one, this is a macro. */
#ifndef class_mutex_kill_constructor
DEFINE_LOCK_GUARD_1_COND(mutex, _kill, mutex_lock_killable(_T->lock), _RET == 0)
#endif

/**
 * vfio_pci_tsm_set_core() - set what vfio-pci's core does with a device
 * @core: the device, before vfio_pci_core_init_dev()
 * @nointxmask: do not use PCI 2.3 INTx masking
 * @awake: leave the device in D0 while it is closed
 *
 * The device also takes no part in the arbitration of legacy VGA: a device that owns legacy
 * VGA loses memory decode when another device uses VGA.
 *
 * In 7.0, one call sets all of this for the devices of every VFIO driver, so it is not
 * called: a device that would own legacy VGA is refused, INTx masking follows vfio-pci's
 * parameter, and vfio_pci_tsm_core_awake() keeps the device in D0.
 *
 * Context: init() of the VFIO device.
 *
 * Return: 0, or -EOPNOTSUPP.
 */
static inline int vfio_pci_tsm_set_core(struct vfio_pci_core_device *core, bool nointxmask,
					bool awake)
{
#ifdef VFIO_PCI_TSM_SHARED_SETTINGS
	struct pci_dev *pdev = to_pci_dev(core->vdev.dev);

	if (IS_ENABLED(CONFIG_VFIO_PCI_VGA) && pci_is_vga(pdev)) {
		pci_warn(pdev, "not assigned: this kernel gives legacy VGA to the function\n");
		return -EOPNOTSUPP;
	}
	if (nointxmask)
		pci_warn(pdev, "nointxmask has no effect: set it for the module vfio-pci\n");
#else
	core->nointxmask = nointxmask;
	core->disable_vga = true;
	core->disable_idle_d3 = awake;
#endif
	return 0;
}

/**
 * vfio_pci_tsm_core_awake() - keep a device in D0 where the core cannot
 * @pdev: the device, which vfio_pci_tsm_set_core() was told to keep awake
 * @awake: true before it is registered, false after it is unregistered
 */
static inline void vfio_pci_tsm_core_awake(struct pci_dev *pdev, bool awake)
{
	if (!__is_defined(VFIO_PCI_TSM_SHARED_SETTINGS))
		return;
	if (awake)
		pm_runtime_get_noresume(&pdev->dev);
	else
		pm_runtime_put_noidle(&pdev->dev);
}

/**
 * vfio_pci_tsm_core_claim() - have the core claim and map a BAR, as 7.2 does in every open
 * @core: the device, enabled
 * @bar: the BAR, which is memory and not empty
 *
 * Return: 0 if the core has claimed it, or why it could not.
 */
static inline int vfio_pci_tsm_core_claim(struct vfio_pci_core_device *core, int bar)
{
#ifdef VFIO_PCI_TSM_LAZY_BARS
	if (core->pdev->non_mappable_bars)
		return -ENODEV;
	return vfio_pci_core_setup_barmap(core, bar);
#else
	return PTR_ERR_OR_ZERO(core->barmap[bar]);
#endif
}

#endif /* VFIO_PCI_TSM_COMPAT_H */
