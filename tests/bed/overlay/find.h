/* SPDX-License-Identifier: GPL-2.0-only */
/* The function that a test names. */
#ifndef OVERLAY_FIND_H
#define OVERLAY_FIND_H

#include <linux/pci.h>
#include <linux/string.h>

/* Return: the function with this address, referenced, or NULL if there is none. */
static inline struct pci_dev *find(const char *name)
{
	struct pci_dev *pdev = NULL;

	for_each_pci_dev(pdev) {
		if (sysfs_streq(pci_name(pdev), name))
			break;
	}
	return pdev;
}

#endif /* OVERLAY_FIND_H */
