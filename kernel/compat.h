/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What depends on the kernel's version. 7.2 and 7.3 have the same VFIO and
 * PCI/TSM interfaces; older kernels have not been tried.
 */
#ifndef VFIO_PCI_TSM_COMPAT_H
#define VFIO_PCI_TSM_COMPAT_H

#include <linux/kconfig.h>

#if !IS_ENABLED(CONFIG_PCI_TSM)
#error "vfio-pci-tsm needs a kernel with CONFIG_PCI_TSM"
#endif

#if !IS_ENABLED(CONFIG_VFIO_DEVICE_CDEV)
#error "vfio-pci-tsm needs a kernel with CONFIG_IOMMUFD and CONFIG_VFIO_DEVICE_CDEV"
#endif

#endif /* VFIO_PCI_TSM_COMPAT_H */
