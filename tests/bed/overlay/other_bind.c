// SPDX-License-Identifier: GPL-2.0-only
/*
 * other_bind: calls pci_tsm_bind() and pci_tsm_unbind() on a function, as any module of
 * the kernel may. Only tests use it. "make series" has it in the kernel's selftests.
 *
 *	bind=ADDR	binds it for a VM that does not exist, which only a TSM in software
 *		accepts; the write fails with the error of PCI/TSM
 *	unbind=ADDR	unbinds it
 *	rebind=ADDR	unbinds it and binds it with another ID, at once
 *	bind_reset=ADDR[,OTHER]	binds it and resets it or OTHER, at once
 */
#include <linux/kvm_host.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/pci-tsm.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "find.h"

#define TDI_ID 0x4242
#define NEXT_TDI_ID 0x4343

static int bind(struct pci_dev *pdev, u32 tdi_id)
{
	static struct kvm vm;

	return pdev ? pci_tsm_bind(pdev, &vm, tdi_id) : -ENODEV;
}

static int bind_set(const char *name, const struct kernel_param *kp)
{
	struct pci_dev *pdev __free(pci_dev_put) = find(name);

	return bind(pdev, TDI_ID);
}

static int rebind_set(const char *name, const struct kernel_param *kp)
{
	struct pci_dev *pdev __free(pci_dev_put) = find(name);

	if (pdev)
		pci_tsm_unbind(pdev);
	return bind(pdev, NEXT_TDI_ID);
}

static int bind_reset_set(const char *name, const struct kernel_param *kp)
{
	char *copy __free(kfree) = kstrdup(name, GFP_KERNEL);
	char *rest = copy;

	if (!copy)
		return -ENOMEM;

	struct pci_dev *pdev __free(pci_dev_put) = find(strsep(&rest, ","));
	struct pci_dev *other __free(pci_dev_put) = rest ? find(rest) : pci_dev_get(pdev);

	if (!other)
		return -ENODEV;
	return bind(pdev, TDI_ID) ?: pci_reset_function(other);
}

static int unbind_set(const char *name, const struct kernel_param *kp)
{
	struct pci_dev *pdev __free(pci_dev_put) = find(name);

	if (!pdev)
		return -ENODEV;
	pci_tsm_unbind(pdev);
	return 0;
}

static const struct kernel_param_ops bind_ops = { .set = bind_set };
static const struct kernel_param_ops unbind_ops = { .set = unbind_set };
static const struct kernel_param_ops rebind_ops = { .set = rebind_set };
static const struct kernel_param_ops bind_reset_ops = { .set = bind_reset_set };

module_param_cb(bind, &bind_ops, NULL, 0200);
MODULE_PARM_DESC(bind, "Address of a function to bind");
module_param_cb(unbind, &unbind_ops, NULL, 0200);
MODULE_PARM_DESC(unbind, "Address of a function to unbind");
module_param_cb(rebind, &rebind_ops, NULL, 0200);
MODULE_PARM_DESC(rebind, "Address of a function to unbind and bind again");
module_param_cb(bind_reset, &bind_reset_ops, NULL, 0200);
MODULE_PARM_DESC(bind_reset, "Address of a function to bind, and of one to reset");

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Binds functions as another module of the kernel may, for tests");
