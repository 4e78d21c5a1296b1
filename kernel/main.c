// SPDX-License-Identifier: GPL-2.0-only
/*
 * The PCI driver: what vfio-pci does, with the operations that matter to a TDI
 * routed through the guard. Modelled on drivers/vfio/pci/vfio_pci.c of 7.3.
 */
#include <linux/iommufd.h>
#include <linux/module.h>
#include <linux/string.h>
#include <linux/suspend.h>

#include "config.h"
#include "ops.h"
#include "tdi.h"
#include "vfio_pci_tsm.h"

static bool nointxmask;
module_param(nointxmask, bool, 0644);
MODULE_PARM_DESC(nointxmask,
		 "Do not use PCI 2.3 INTx masking, for devices that announce it but lack it");

static bool disable_idle_d3;
module_param(disable_idle_d3, bool, 0644);
MODULE_PARM_DESC(disable_idle_d3, "Leave unused devices in D0");

static bool enable_sriov;
#ifdef CONFIG_PCI_IOV
module_param(enable_sriov, bool, 0644);
MODULE_PARM_DESC(enable_sriov, "Allow writes to sriov_numvfs of functions on this driver");
#endif

static unsigned int reset_wait = 10;
module_param(reset_wait, uint, 0644);
MODULE_PARM_DESC(reset_wait,
		 "Seconds that a forced reset waits for a slow TSM to unbind; at most 60");

/**
 * vfio_pci_tsm_reset_deadline() - when a reset that begins now stops waiting for PCI/TSM
 *
 * Return: the time in jiffies.
 */
unsigned long vfio_pci_tsm_reset_deadline(void)
{
	return jiffies + min(READ_ONCE(reset_wait), 60U) * HZ;
}

static int vfio_pci_tsm_init_dev(struct vfio_device *vdev)
{
	struct vfio_pci_tsm_device *tvdev = to_tvdev(vdev);
	int ret;

	/* A function that a TSM is connected to must not sleep: vfio_pci_tsm_awake_begin() */
	tvdev->awake.itself = disable_idle_d3 ||
			      vfio_pci_tsm_can_be_connected(to_pci_dev(vdev->dev));
	ret = vfio_pci_tsm_set_core(&tvdev->core, nointxmask, tvdev->awake.itself);
	if (ret)
		return ret;
	ret = vfio_pci_tsm_ops_init(tvdev);
	if (ret)
		return ret;
	mutex_init(&tvdev->state.lock);
	init_waitqueue_head(&tvdev->state.changed);
	mutex_init(&tvdev->config.lock);
	mutex_init(&tvdev->request.lock);
	sema_init(&tvdev->request.slots, VFIO_PCI_TSM_REQ_SLOTS);
	mutex_init(&tvdev->tdi.lock);
	INIT_WORK(&tvdev->tdi.work, vfio_pci_tsm_tdi_work);
	INIT_LIST_HEAD(&tvdev->hold.node);
	INIT_DELAYED_WORK(&tvdev->watch, vfio_pci_tsm_watch);
	ret = vfio_pci_core_init_dev(vdev);
	if (ret)
		vfio_pci_tsm_ops_exit(tvdev);
	return ret;
}

static void vfio_pci_tsm_release_dev(struct vfio_device *vdev)
{
	mutex_destroy(&to_tvdev(vdev)->tdi.lock);
	mutex_destroy(&to_tvdev(vdev)->request.lock);
	mutex_destroy(&to_tvdev(vdev)->config.lock);
	mutex_destroy(&to_tvdev(vdev)->state.lock);
	vfio_pci_tsm_ops_exit(to_tvdev(vdev));
	vfio_pci_core_release_dev(vdev);
}

/* The function is wanted back: the driver is to detach from it, or it is gone. */
static void vfio_pci_tsm_request(struct vfio_device *vdev, unsigned int count)
{
	struct vfio_pci_tsm_device *tvdev = to_tvdev(vdev);

	if (vfio_tsm_is_pulled(tvdev->core.pdev))
		vfio_pci_tsm_disturb(tvdev, VFIO_TSM_REASON_REMOVED);
	vfio_pci_core_request(vdev, count);
}

static const struct vfio_device_ops vfio_pci_tsm_device_ops = {
	.name = VFIO_PCI_TSM_DRIVER,
	.init = vfio_pci_tsm_init_dev,
	.release = vfio_pci_tsm_release_dev,
	.open_device = vfio_pci_tsm_open_device,
	.close_device = vfio_pci_tsm_close_device,
	.ioctl = vfio_pci_tsm_ioctl,
	.get_region_info_caps = vfio_pci_tsm_region_info,
	.device_feature = vfio_pci_tsm_feature,
	.read = vfio_pci_tsm_read,
	.write = vfio_pci_tsm_write,
	.mmap = vfio_pci_tsm_mmap,
	.request = vfio_pci_tsm_request,
	.match = vfio_pci_core_match,
	.match_token_uuid = vfio_pci_core_match_token_uuid,
	.bind_iommufd = vfio_iommufd_physical_bind,
	.unbind_iommufd = vfio_iommufd_physical_unbind,
	.attach_ioas = vfio_pci_tsm_attach_ioas,
	.detach_ioas = vfio_pci_tsm_detach_ioas,
	.pasid_attach_ioas = vfio_pci_tsm_pasid_attach_ioas,
	.pasid_detach_ioas = vfio_pci_tsm_pasid_detach_ioas,
};

static const struct vfio_pci_device_ops vfio_pci_tsm_pci_ops = {
	.get_dmabuf_phys = vfio_pci_core_get_dmabuf_phys,
};

/* Whether a function is in a hot-plug slot that has a bound function. */
static bool shares_slot_with_tdi(struct pci_dev *pdev)
{
	struct pci_dev *bridge = pci_upstream_bridge(pdev);

	return !pdev->is_virtfn && pdev->slot && pdev->slot->hotplug && bridge &&
	       vfio_pci_tsm_resets_are_off(bridge);
}

/*
 * Refuse a probe that would end badly: of a PF that has VFs already, or of a function in a
 * hot-plug slot with a bound TDI.
 */
static int check_probe(struct pci_dev *pdev)
{
	/* As in vfio-pci, but before the VFs can find driver data that is removed again. */
	if (pci_num_vf(pdev)) {
		pci_warn(pdev, "not assigned: the PF already has VFs\n");
		return -EBUSY;
	}
	/*
	 * vfio_pci_core_register_device() would find that the slot cannot be reset, and
	 * put the function for good into another device set than the functions that are
	 * there. (If the slot can never be reset, all functions share one set anyway. That
	 * depends on the driver of the slot alone.)
	 */
	if (shares_slot_with_tdi(pdev)) {
		pci_warn(pdev, "not assigned: a function in its slot is bound as a TDI\n");
		return -EBUSY;
	}
	return 0;
}

static int vfio_pci_tsm_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct vfio_pci_tsm_device *tvdev;
	int ret;

	ret = check_probe(pdev);
	if (ret)
		return ret;

	tvdev = vfio_alloc_device(vfio_pci_tsm_device, core.vdev, &pdev->dev,
				  &vfio_pci_tsm_device_ops);
	if (IS_ERR(tvdev))
		return PTR_ERR(tvdev);

	/* vfio-pci's callbacks expect their own part there, which comes first. */
	static_assert(offsetof(struct vfio_pci_tsm_device, core) == 0);
	dev_set_drvdata(&pdev->dev, &tvdev->core);
	tvdev->core.pci_ops = &vfio_pci_tsm_pci_ops;

	ret = vfio_pci_tsm_find_hosts(tvdev);
	if (ret)
		goto err_put;

	vfio_pci_tsm_find_bars(tvdev);

	tvdev->tdev = vfio_tsm_register(pdev, &vfio_pci_tsm_ops, tvdev);
	if (IS_ERR(tvdev->tdev)) {
		ret = PTR_ERR(tvdev->tdev);
		goto err_put;
	}

	vfio_pci_tsm_awake_begin(tvdev);
	vfio_pci_tsm_add(tvdev);
	/* This comes last: from here on the device can be opened. */
	ret = vfio_pci_core_register_device(&tvdev->core);
	if (ret)
		goto err_del;
	if (tvdev->awake.connectable)
		vfio_pci_tsm_start_watch(tvdev);
	return 0;

err_del:
	vfio_pci_tsm_detach(tvdev);
	vfio_pci_tsm_del(tvdev);
	vfio_pci_tsm_awake_end(tvdev);
	vfio_tsm_unregister(tvdev->tdev);
err_put:
	vfio_put_device(&tvdev->core.vdev);
	return ret;
}

static void vfio_pci_tsm_remove(struct pci_dev *pdev)
{
	struct vfio_pci_tsm_device *tvdev = pdev_to_tvdev(pdev);

	/* Waits until the device is closed. */
	vfio_pci_core_unregister_device(&tvdev->core);
	vfio_pci_tsm_detach(tvdev);
	if (vfio_tsm_is_quarantined(tvdev->tdev))
		pci_warn(pdev, "still quarantined: other drivers do not check for that\n");
	vfio_pci_tsm_del(tvdev);
	vfio_pci_tsm_awake_end(tvdev);
	vfio_tsm_unregister(tvdev->tdev);
	vfio_put_device(&tvdev->core.vdev);
}

/*
 * The PCI core clears Bus Master for a kexec, and the next kernel has no record of a TDI.
 * A TDI that PCI/TSM has not unbound in time goes to ERROR then.
 */
static void vfio_pci_tsm_shutdown(struct pci_dev *pdev)
{
	static unsigned long deadline;
	struct vfio_pci_tsm_device *tvdev = pdev_to_tvdev(pdev);

	/* This is never cleared: nothing is bound any more. */
	set_bit(VFIO_PCI_TSM_RESETTING, &tvdev->flags);
	vfio_pci_tsm_disturb(tvdev, VFIO_TSM_REASON_RESET);
	/* The functions are shut down one after the other. All share one time limit. */
	if (!deadline)
		deadline = vfio_pci_tsm_reset_deadline();
	vfio_pci_tsm_wait_unlocked(tvdev, deadline);
}

static int vfio_pci_tsm_sriov_configure(struct pci_dev *pdev, int nr_virtfn)
{
	if (!enable_sriov)
		return -ENOENT;

	return vfio_pci_tsm_set_num_vfs(pdev, nr_virtfn);
}

/*
 * The table matches any function, but only through driver_override. There is no
 * MODULE_DEVICE_TABLE(): with a modalias that matches everything, management software
 * would prefer this driver to vfio-pci for devices that are never to be bound.
 */
static const struct pci_device_id vfio_pci_tsm_ids[] = {
	{ PCI_DRIVER_OVERRIDE_DEVICE_VFIO(PCI_ANY_ID, PCI_ANY_ID) },
	{}
};

struct pci_driver vfio_pci_tsm_driver = {
	.name = VFIO_PCI_TSM_DRIVER,
	.id_table = vfio_pci_tsm_ids,
	.probe = vfio_pci_tsm_probe,
	.remove = vfio_pci_tsm_remove,
	.shutdown = vfio_pci_tsm_shutdown,
	.sriov_configure = vfio_pci_tsm_sriov_configure,
	.err_handler = &vfio_pci_tsm_err_handlers,
	.dev_groups = vfio_tsm_sysfs_groups,
	.driver_managed_dma = true,
};

/* What happens to any function of the host may matter to a TDI. */
static int bus_notify(struct notifier_block *nb, unsigned long action, void *data)
{
	struct pci_dev *pdev = to_pci_dev(data);

	switch (action) {
	case BUS_NOTIFY_ADD_DEVICE:
		vfio_pci_tsm_function_comes(pdev);
		break;
	case BUS_NOTIFY_BIND_DRIVER:
		vfio_pci_tsm_driver_comes(pdev);
		break;
	case BUS_NOTIFY_REMOVED_DEVICE:
		vfio_pci_tsm_function_is_gone(pdev);
		break;
	}
	return NOTIFY_DONE;
}

static struct notifier_block bus_nb = { .notifier_call = bus_notify };

/* For work that waits for PCI/TSM */
struct workqueue_struct *vfio_pci_tsm_wq;

static int __init vfio_pci_tsm_init(void)
{
	int ret;

	/* The two modules share structures, which another version may lay out differently. */
	if (strcmp(vfio_tsm_version(), TSMCTL_VERSION)) {
		pr_err("vfio_pci_tsm: vfio_tsm has version %s, and not %s: unload it first\n",
		       vfio_tsm_version(), TSMCTL_VERSION);
		return -EINVAL;
	}

	vfio_pci_tsm_wq = alloc_workqueue("vfio_pci_tsm", WQ_UNBOUND, 0);
	if (!vfio_pci_tsm_wq)
		return -ENOMEM;

	ret = register_pm_notifier(&vfio_pci_tsm_pm_notifier);
	if (ret)
		goto err_wq;

	ret = bus_register_notifier(&pci_bus_type, &bus_nb);
	if (ret)
		goto err_pm;

	ret = pci_register_driver(&vfio_pci_tsm_driver);
	if (ret)
		goto err_bus;
	return 0;

err_bus:
	bus_unregister_notifier(&pci_bus_type, &bus_nb);
err_pm:
	unregister_pm_notifier(&vfio_pci_tsm_pm_notifier);
err_wq:
	destroy_workqueue(vfio_pci_tsm_wq);
	return ret;
}
module_init(vfio_pci_tsm_init);

static void __exit vfio_pci_tsm_exit(void)
{
	pci_unregister_driver(&vfio_pci_tsm_driver);
	bus_unregister_notifier(&pci_bus_type, &bus_nb);
	unregister_pm_notifier(&vfio_pci_tsm_pm_notifier);
	destroy_workqueue(vfio_pci_tsm_wq);
}
module_exit(vfio_pci_tsm_exit);

MODULE_LICENSE("GPL");
MODULE_VERSION(TSMCTL_VERSION);
MODULE_DESCRIPTION("VFIO PCI driver that binds functions as TDIs of confidential VMs");
