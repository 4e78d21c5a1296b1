// SPDX-License-Identifier: GPL-2.0-only
/*
 * no_address: takes the address of a BAR from a function of the test bed, in the way in
 * which the PCI core leaves a BAR without space (reset_resource(), drivers/pci/setup-bus.c).
 * Only tests use it.
 *
 *	device=ADDR	the function, which no driver has
 *	bar=N		the BAR; it gets its address back when the module is unloaded
 */
#include <linux/ioport.h>
#include <linux/module.h>
#include <linux/pci.h>

#include "find.h"

static char *device = "";
module_param(device, charp, 0444);
MODULE_PARM_DESC(device, "Address of the function");

static uint bar;
module_param(bar, uint, 0444);
MODULE_PARM_DESC(bar, "Number of the BAR");

static struct pci_dev *pdev;
static struct resource before;

static int __init no_address_init(void)
{
	struct resource *res;

	pdev = bar < PCI_STD_NUM_BARS ? find(device) : NULL;
	if (!pdev)
		return -ENODEV;
	res = &pdev->resource[bar];
	before = *res;
	if (release_resource(res)) {
		pci_dev_put(pdev);
		return -EINVAL;
	}
	res->start = 0;
	res->end = 0;
	res->flags = 0;
	return 0;
}
module_init(no_address_init);

static void __exit no_address_exit(void)
{
	struct resource *res = &pdev->resource[bar];

	res->start = before.start;
	res->end = before.end;
	res->flags = before.flags;
	WARN_ON(request_resource(before.parent, res));
	pci_dev_put(pdev);
}
module_exit(no_address_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Takes the address of a BAR, for tests");
