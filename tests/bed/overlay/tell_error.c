// SPDX-License-Identifier: GPL-2.0-only
/*
 * tell_error: reports an error that is not fatal to a driver, but not the end of the
 * recovery, as the PCI core does for a CXL memory device of an RCH. Only tests use it.
 *
 *	device=ADDR	a write reports the error to the driver of the function
 */
#include <linux/module.h>
#include <linux/pci.h>

static int device_set(const char *value, const struct kernel_param *kp)
{
	unsigned int domain, bus, slot, function;
	const struct pci_error_handlers *handler;
	struct pci_dev *pdev;

	if (sscanf(value, "%x:%x:%x.%x", &domain, &bus, &slot, &function) != 4)
		return -EINVAL;
	pdev = pci_get_domain_bus_and_slot(domain, bus, PCI_DEVFN(slot, function));
	if (!pdev)
		return -ENODEV;

	scoped_guard(device, &pdev->dev) {
		handler = pdev->driver ? pdev->driver->err_handler : NULL;
		if (handler && handler->error_detected)
			handler->error_detected(pdev, pci_channel_io_normal);
	}
	pci_dev_put(pdev);
	return 0;
}

static const struct kernel_param_ops device_ops = { .set = device_set };

module_param_cb(device, &device_ops, NULL, 0200);
MODULE_PARM_DESC(device, "Function that has an error");

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Error reports for tests");
