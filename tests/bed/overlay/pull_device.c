// SPDX-License-Identifier: GPL-2.0-only
/*
 * pull_device: pulls a function of the test bed without notice, which the monitor of QEMU
 * cannot do. It does what pciehp does when the link of an occupied slot is gone
 * (pciehp_unconfigure_device(), drivers/pci/hotplug/pciehp_pci.c): it marks the function,
 * which ends access to its configuration space, and then removes it. A rescan of the bus
 * finds it again. Only tests use it.
 *
 *	device=ADDR	the function; loading waits until its driver has detached
 */
#include <linux/module.h>
#include <linux/pci.h>

static char *device;
module_param(device, charp, 0444);
MODULE_PARM_DESC(device, "Address of the function");

static int __init pull_init(void)
{
	struct pci_dev *pdev = NULL;

	for_each_pci_dev(pdev) {
		if (device && !strcmp(pci_name(pdev), device))
			break;
	}
	if (!pdev)
		return -ENODEV;

	WRITE_ONCE(pdev->error_state, pci_channel_io_perm_failure);
	pci_stop_and_remove_bus_device_locked(pdev);
	pci_dev_put(pdev);
	return 0;
}
module_init(pull_init);

static void __exit pull_exit(void)
{
}
module_exit(pull_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Pulls a PCI function without notice, for tests");
