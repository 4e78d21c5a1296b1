/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vfio-pci-tsm: a vfio-pci variant driver that binds functions as TDIs.
 *
 *	main.c	the PCI driver and the tables of operations
 *	open.c	open and close, and the exclusive claim on the MMIO regions
 *	bind.c	the two ioctls, and every other way in and out of the bound state
 *	guard.c	what is refused while bound
 *	mmap.c	mappings of BARs: counted, blocked, zapped
 *	reset.c	resets that do not come through VFIO
 *
 * A device is closed, open, bound or lost. open -> bound is BIND alone. bound ->
 * open is UNBIND, an administrator's revoke, or close; bound -> lost is
 * everything that happens behind the owner's back. lost -> open is UNBIND, to
 * say that the owner has taken note.
 *
 * Locks, outermost first:
 *
 *	op_sem - read: around an operation of VFIO that the guard may refuse,
 *		from the check to the end of it; write: a bind. So no operation
 *		that was let through is still at work once a device is bound.
 *		Only user space's threads ever wait for it, killably: it is held
 *		while user memory is copied.
 *	vfio_device_set::lock - VFIO's own. A bind holds it against hot resets
 *		by siblings and changes of the IOMMU domain.
 *	vfio_pci_core_device::memory_lock - VFIO's own. Protects @mmap_state:
 *		write to block mappings, read around each fault and mmap. Never
 *		held over a call into PCI/TSM.
 *	tsm_lock - protects @bound, @lost, @resetting and what a bind has saved.
 *		Held over pci_tsm_bind() and pci_tsm_unbind(), so that no reset
 *		comes in between. Also taken below the device lock, by resets.
 *	PCI/TSM's own.
 *
 * Unbinding takes tsm_lock alone, and can be done from everywhere.
 */
#ifndef VFIO_PCI_TSM_H
#define VFIO_PCI_TSM_H

#include <linux/atomic.h>
#include <linux/ioport.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/rwsem.h>
#include <linux/vfio_pci_core.h>

#include "compat.h"
#include "vfio_tsm.h"

struct pci_tdi;
struct pci_tsm;

#define VFIO_PCI_TSM_DRIVER "vfio-pci-tsm"

/* What a fault on a mapped BAR may do. */
enum vfio_pci_tsm_mmap_state {
	VFIO_PCI_TSM_MMAP_ALLOWED,
	VFIO_PCI_TSM_MMAP_PENDING, /* a bind is at work: try again */
	VFIO_PCI_TSM_MMAP_BLOCKED, /* bound: SIGBUS */
};

/**
 * struct vfio_pci_tsm_device - a function on this driver
 * @core: vfio-pci's own part
 * @tdev: its face in configfs
 * @op_sem: see above
 * @tsm_lock: see above
 * @bound: PCI/TSM has bound the function for us. Written under @tsm_lock, set
 *	under @op_sem for write and the device set's lock in addition: whoever
 *	holds one of the three and reads false knows that it stays false.
 * @lost: the TDI went away without the owner, who has not said UNBIND since
 * @resetting: between reset_prepare() and reset_done()
 * @ctx: pdev->tsm when bound; it changes when the TSM is disconnected
 * @tdi: the TDI in @ctx when bound
 * @reset_methods: what pdev->reset_methods was before the bind
 * @no_bus_reset: whether PCI_DEV_FLAGS_NO_BUS_RESET was set before the bind
 * @region_mode: latched at open
 * @claims: exclusive resources below the BARs, in exclusive mode
 * @mmap_state: leaves ALLOWED under memory_lock for write, read under it
 * @mappings: VMAs of BARs
 */
struct vfio_pci_tsm_device {
	struct vfio_pci_core_device core;
	struct vfio_tsm_dev *tdev;

	struct rw_semaphore op_sem;
	struct mutex tsm_lock; /* see the table of locks above */
	bool bound;
	bool lost;
	bool resetting;
	struct pci_tsm *ctx;
	struct pci_tdi *tdi;
	u8 reset_methods[PCI_NUM_RESET_METHODS];
	bool no_bus_reset;

	enum vfio_tsm_region_mode region_mode;
	struct resource claims[PCI_STD_NUM_BARS];

	enum vfio_pci_tsm_mmap_state mmap_state;
	atomic_t mappings;
};

static inline struct vfio_pci_tsm_device *to_tsm_device(struct vfio_device *vdev)
{
	return container_of(vdev, struct vfio_pci_tsm_device, core.vdev);
}

/* open.c */
int vfio_pci_tsm_open_device(struct vfio_device *vdev);
void vfio_pci_tsm_close_device(struct vfio_device *vdev);

/* bind.c */
extern const struct vfio_tsm_ops vfio_pci_tsm_ops;
int vfio_pci_tsm_bind(struct vfio_pci_tsm_device *tsm, unsigned long arg);
int vfio_pci_tsm_unbind(struct vfio_pci_tsm_device *tsm, unsigned long arg);
void vfio_pci_tsm_drop_locked(struct vfio_pci_tsm_device *tsm, enum vfio_tsm_state to);

/* guard.c */
long vfio_pci_tsm_ioctl(struct vfio_device *vdev, unsigned int cmd, unsigned long arg);
int vfio_pci_tsm_feature(struct vfio_device *vdev, u32 flags, void __user *arg, size_t argsz);
int vfio_pci_tsm_region_info(struct vfio_device *vdev, struct vfio_region_info *info,
			     struct vfio_info_cap *caps);
ssize_t vfio_pci_tsm_read(struct vfio_device *vdev, char __user *buf, size_t count, loff_t *ppos);
ssize_t vfio_pci_tsm_write(struct vfio_device *vdev, const char __user *buf, size_t count,
			   loff_t *ppos);
int vfio_pci_tsm_attach_ioas(struct vfio_device *vdev, u32 *pt_id);
void vfio_pci_tsm_detach_ioas(struct vfio_device *vdev);
int vfio_pci_tsm_pasid_attach_ioas(struct vfio_device *vdev, u32 pasid, u32 *pt_id);
void vfio_pci_tsm_pasid_detach_ioas(struct vfio_device *vdev, u32 pasid);

/* mmap.c */
int vfio_pci_tsm_mmap(struct vfio_device *vdev, struct vm_area_struct *vma);
bool vfio_pci_tsm_is_mapped(struct vfio_pci_tsm_device *tsm);
int vfio_pci_tsm_mmap_begin_bind(struct vfio_pci_tsm_device *tsm, enum vfio_tsm_bar_mmap policy);
void vfio_pci_tsm_mmap_block(struct vfio_pci_tsm_device *tsm);
void vfio_pci_tsm_mmap_allow(struct vfio_pci_tsm_device *tsm);

/* reset.c */
extern const struct pci_error_handlers vfio_pci_tsm_err_handlers;
void vfio_pci_tsm_resets_off(struct vfio_pci_tsm_device *tsm);
void vfio_pci_tsm_resets_on(struct vfio_pci_tsm_device *tsm);

#endif /* VFIO_PCI_TSM_H */
