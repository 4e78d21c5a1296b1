// SPDX-License-Identifier: GPL-2.0-only
/*
 * reset_flags: shows for which functions of the test bed the PCI core refuses a reset of
 * bus or slot. No file of sysfs shows that. Only tests use it.
 *
 *	no_bus_reset	their addresses, each after a space
 */
#include <linux/module.h>
#include <linux/pci.h>

static int no_bus_reset_get(char *buffer, const struct kernel_param *kp)
{
	struct pci_dev *pdev = NULL;
	int len = 0;

	for_each_pci_dev(pdev) {
		if (pdev->dev_flags & PCI_DEV_FLAGS_NO_BUS_RESET)
			len += sysfs_emit_at(buffer, len, " %s", pci_name(pdev));
	}
	return len + sysfs_emit_at(buffer, len, "\n");
}

static const struct kernel_param_ops no_bus_reset_ops = { .get = no_bus_reset_get };

module_param_cb(no_bus_reset, &no_bus_reset_ops, NULL, 0444);
MODULE_PARM_DESC(no_bus_reset, "Functions that refuse a reset of their bus or slot");

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Shows which functions refuse bus resets, for tests");
