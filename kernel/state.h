/* SPDX-License-Identifier: GPL-2.0-only */
/* The states of a function; the changes between them are in state.c. */
#ifndef VFIO_PCI_TSM_STATE_H
#define VFIO_PCI_TSM_STATE_H

/**
 * enum vfio_pci_tsm_state - what a function is to the driver, beyond open and closed
 * @VFIO_PCI_TSM_IDLE: not bound
 * @VFIO_PCI_TSM_LOST: PCI/TSM has unbound it after a loss, and the owner has not called
 *	UNBIND since
 * @VFIO_PCI_TSM_BINDING: a bind is at work
 * @VFIO_PCI_TSM_LOCKING: a bind is in PCI/TSM
 * @VFIO_PCI_TSM_BOUND: PCI/TSM has bound it for the owner
 * @VFIO_PCI_TSM_UNBINDING: PCI/TSM is at work to unbind it, because the owner or the
 *	administrator wants that. The guard and the published state are those of BOUND.
 * @VFIO_PCI_TSM_LOSING: the TDI is gone or about to go, and PCI/TSM has yet to unbind it.
 *	The guard is that of a bound function, and the published state is lost.
 * @VFIO_PCI_TSM_FOREIGN: PCI/TSM has bound it for another module of the kernel. The guard
 *	and the published state are those of BOUND.
 * @VFIO_PCI_TSM_LEAVING: that module has unbound it, and the driver has yet to give back
 *	what it took. The guard is still that of BOUND.
 *
 * The changes from one to another are in state.c. The functions in vfio_pci_tsm.h that
 * compare states depend on this order.
 */
enum vfio_pci_tsm_state {
	VFIO_PCI_TSM_IDLE,
	VFIO_PCI_TSM_LOST,
	VFIO_PCI_TSM_BINDING,
	VFIO_PCI_TSM_LOCKING,
	VFIO_PCI_TSM_BOUND,
	VFIO_PCI_TSM_UNBINDING,
	VFIO_PCI_TSM_LOSING,
	VFIO_PCI_TSM_FOREIGN,
	VFIO_PCI_TSM_LEAVING,
};

#endif /* VFIO_PCI_TSM_STATE_H */
