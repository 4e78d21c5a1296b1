/* SPDX-License-Identifier: GPL-2.0-only */
/* The arguments of the ioctls of <linux/vfio_tsm.h>: arg.c. */
#ifndef VFIO_PCI_TSM_ARG_H
#define VFIO_PCI_TSM_ARG_H

#include <linux/types.h>

int vfio_pci_tsm_copy_arg(void *dst, size_t size, size_t minsz, unsigned long arg);

#endif /* VFIO_PCI_TSM_ARG_H */
