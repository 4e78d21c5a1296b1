// SPDX-License-Identifier: GPL-2.0-only
/* Registration with PCI/TSM, and the operations that it calls. */
#include <linux/device/faux.h>
#include <linux/glob.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/pci-tsm.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/sysfs.h>
#include <linux/tsm.h>
#include <linux/xarray.h>

#include "tsm_sim.h"

static char *devices;
module_param(devices, charp, 0444);
MODULE_PARM_DESC(devices, "Functions to make TEE-capable: addresses and globs, with commas");

static struct faux_device *sim_parent;
static struct tsm_dev *sim_tsm;

/* Functions that were made TEE-capable here, by address in memory. */
static DEFINE_XARRAY(sim_capable);

static bool is_chosen(struct pci_dev *pdev)
{
	char *list __free(kfree) = kstrdup(devices, GFP_KERNEL);
	char *rest = list, *pattern;

	while ((pattern = strsep(&rest, ","))) {
		if (*pattern && glob_match(pattern, pci_name(pdev)))
			return true;
	}
	return false;
}

/* What a real device says in Device Capabilities, is_pci_tsm_pf0() believes. */
static void make_capable(struct pci_dev *pdev)
{
	if (!pci_is_pcie(pdev) || pdev->devcap & PCI_EXP_DEVCAP_TEE || !is_chosen(pdev))
		return;
	if (xa_err(xa_store(&sim_capable, (unsigned long)pdev, pdev, GFP_KERNEL)))
		return;
	pdev->devcap |= PCI_EXP_DEVCAP_TEE;
}

static void make_incapable(struct pci_dev *pdev)
{
	if (xa_erase(&sim_capable, (unsigned long)pdev))
		pdev->devcap &= ~PCI_EXP_DEVCAP_TEE;
}

/*
 * A function that comes later has its files already, without tsm/. PCI/TSM's
 * group is not exported, but it is among those of the device's type.
 */
static void show_tsm(struct pci_dev *pdev)
{
	const struct attribute_group **groups = pdev->dev.type ? pdev->dev.type->groups : NULL;

	for (; groups && *groups; groups++) {
		if ((*groups)->name && !strcmp((*groups)->name, "tsm") &&
		    sysfs_update_group(&pdev->dev.kobj, *groups))
			pci_warn(pdev, "cannot show tsm/\n");
	}
}

static int sim_bus_notify(struct notifier_block *nb, unsigned long action, void *data)
{
	if (action == BUS_NOTIFY_ADD_DEVICE) {
		make_capable(to_pci_dev(data));
		show_tsm(to_pci_dev(data));
	} else if (action == BUS_NOTIFY_REMOVED_DEVICE) {
		make_incapable(to_pci_dev(data));
	}
	return NOTIFY_DONE;
}

static struct notifier_block sim_bus_nb = { .notifier_call = sim_bus_notify };

static struct pci_tsm *sim_probe(struct tsm_dev *tsm_dev, struct pci_dev *pdev)
{
	struct sim_fn *fn __free(kfree) = kzalloc_obj(*fn);

	if (!fn || pci_tsm_link_constructor(pdev, &fn->pf0.base_tsm, tsm_dev))
		return NULL;

	/* pci_tsm_pf0_constructor() would want a CMA mailbox. */
	mutex_init(&fn->pf0.lock);
	mutex_init(&fn->lock);
	sim_debugfs_add(fn);
	return &no_free_ptr(fn)->pf0.base_tsm;
}

static void sim_remove(struct pci_tsm *tsm)
{
	struct sim_fn *fn = to_sim_fn(tsm);

	sim_debugfs_remove(fn);
	mutex_destroy(&fn->lock);
	mutex_destroy(&fn->pf0.lock);
	kfree(fn);
}

/* There is no link to secure. */
static int sim_connect(struct pci_dev *pdev)
{
	return 0;
}

static void sim_disconnect(struct pci_dev *pdev)
{
}

static struct pci_tdi *sim_bind(struct pci_dev *pdev, struct kvm *kvm, u32 tdi_id)
{
	struct sim_fn *fn = to_sim_fn(pdev->tsm);
	int ret;

	pci_tsm_tdi_constructor(pdev, &fn->tdi, kvm, tdi_id);
	ret = sim_lock(fn);
	return ret ? ERR_PTR(ret) : &fn->tdi;
}

static void sim_unbind(struct pci_tdi *tdi)
{
	sim_unlock(to_sim_fn(tdi->pdev->tsm));
}

/* No guest of this TSM can ask for anything: debugfs stands in for it. */
static ssize_t sim_guest_req(struct pci_tdi *tdi, enum pci_tsm_req_scope scope, sockptr_t req_in,
			     size_t in_len, sockptr_t req_out, size_t out_len, u64 *tsm_code)
{
	return -EOPNOTSUPP;
}

static struct pci_tsm_ops sim_ops = {
	.probe = sim_probe,
	.remove = sim_remove,
	.connect = sim_connect,
	.disconnect = sim_disconnect,
	.bind = sim_bind,
	.unbind = sim_unbind,
	.guest_req = sim_guest_req,
};

static void all_incapable(void)
{
	struct pci_dev *pdev;
	unsigned long index;

	bus_unregister_notifier(&pci_bus_type, &sim_bus_nb);
	xa_for_each(&sim_capable, index, pdev)
		make_incapable(pdev);
	xa_destroy(&sim_capable);
}

static int __init sim_init(void)
{
	struct pci_dev *pdev = NULL;
	int ret;

	sim_parent = faux_device_create("tsm_sim", NULL, NULL);
	if (!sim_parent)
		return -ENODEV;

	ret = bus_register_notifier(&pci_bus_type, &sim_bus_nb);
	if (ret)
		goto err_parent;
	for_each_pci_dev(pdev)
		make_capable(pdev);

	sim_debugfs_init();
	/* Shows the tsm/ directories of what is capable by now. */
	sim_tsm = tsm_register(&sim_parent->dev, &sim_ops);
	if (IS_ERR(sim_tsm)) {
		ret = PTR_ERR(sim_tsm);
		goto err_capable;
	}
	return 0;

err_capable:
	sim_debugfs_exit();
	all_incapable();
err_parent:
	faux_device_destroy(sim_parent);
	return ret;
}
module_init(sim_init);

static void __exit sim_exit(void)
{
	tsm_unregister(sim_tsm);
	sim_debugfs_exit();
	all_incapable();
	faux_device_destroy(sim_parent);
}
module_exit(sim_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("A TSM in software");
