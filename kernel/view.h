/* SPDX-License-Identifier: GPL-2.0-only */
/* What PCI/TSM has of a function, and whether it is still the known TDI: view.c. */
#ifndef VFIO_PCI_TSM_VIEW_H
#define VFIO_PCI_TSM_VIEW_H

#include <linux/types.h>

struct class;
struct pci_dev;
struct pci_tdi;
struct pci_tsm;

/**
 * struct vfio_pci_tsm_view - what PCI/TSM has on a function
 * @ctx: pdev->tsm; to be compared, not followed
 * @tdi: its TDI, or NULL; to be compared, not followed
 * @tdi_id: of the TDI, if there is one
 * @tsm_id: number of the TSM
 * @tsms: the class of all TSMs
 */
struct vfio_pci_tsm_view {
	struct pci_tsm *ctx;
	struct pci_tdi *tdi;
	u32 tdi_id;
	int tsm_id;
	const struct class *tsms;
};

bool vfio_pci_tsm_view(struct pci_dev *pdev, struct vfio_pci_tsm_view *view);
bool vfio_pci_tsm_has_tdi(struct pci_dev *pdev);
bool vfio_pci_tsm_tsms_can_bind(const struct vfio_pci_tsm_view *view);
u16 vfio_pci_tsm_decode(struct pci_dev *pdev);

#endif /* VFIO_PCI_TSM_VIEW_H */
