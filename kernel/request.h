/* SPDX-License-Identifier: GPL-2.0-only */
/* The ioctls for the TDI of a device, except BIND and UNBIND. */
#ifndef VFIO_PCI_TSM_REQUEST_H
#define VFIO_PCI_TSM_REQUEST_H

#include "vfio_pci_tsm.h"

/* request.c */
bool vfio_pci_tsm_tsms_take_requests(const struct vfio_pci_tsm_view *view);
ssize_t vfio_pci_tsm_guest_request(struct vfio_pci_tsm_device *tvdev, unsigned long arg);

/* info.c */
int vfio_pci_tsm_ioctl_info(struct vfio_pci_tsm_device *tvdev, unsigned long arg);

/* event.c */
int vfio_pci_tsm_ioctl_event(struct vfio_pci_tsm_device *tvdev, unsigned long arg);

#endif /* VFIO_PCI_TSM_REQUEST_H */
