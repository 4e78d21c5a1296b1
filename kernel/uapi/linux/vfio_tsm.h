/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * VFIO device ioctls that bind a PCI function as a TDI (TEE Device Interface)
 * of a confidential VM. Issued on the vfio cdev of a device that the driver
 * vfio-pci-tsm holds, after VFIO_DEVICE_BIND_IOMMUFD.
 */
#ifndef _UAPI_LINUX_VFIO_TSM_H
#define _UAPI_LINUX_VFIO_TSM_H

#include <linux/types.h>
#include <linux/vfio.h>

/**
 * struct vfio_pci_tsm_bind - argument of VFIO_DEVICE_TSM_BIND
 * @argsz: in, size of this structure in bytes, as the caller knows it. Bytes
 *	beyond the kernel's knowledge must be zero.
 * @flags: in, no flag is defined: must be 0
 * @vdevice_id: in, an iommufd vDEVICE of this device, whose virt_id becomes the
 *	TDI's requester ID; 0 takes the administrator's tdi_id instead
 * @pad: in, must be 0
 */
struct vfio_pci_tsm_bind {
	__u32 argsz;
	__u32 flags;
	__u32 vdevice_id;
	__u32 pad;
};

/**
 * VFIO_DEVICE_TSM_BIND - _IO(VFIO_TYPE, VFIO_BASE + 22)
 *
 * Asks the platform's TSM to lock the function as a TDI of the KVM VM that the
 * file was added to before VFIO_DEVICE_BIND_IOMMUFD. While bound, whatever
 * would take the TDI out of its locked state answers EBUSY and has no effect.
 *
 * Return: 0 on success, -1 and errno on failure, with nothing changed; the
 * first that applies:
 * EFAULT, EINVAL, E2BIG - bad pointer; @argsz too small, @flags or @pad not 0;
 *	bytes beyond the structure not 0
 * ENOTTY - not a cdev file, or the device is on plain vfio-pci
 * EALREADY - already bound by this file
 * EPERM - the device was opened with shared regions
 * EACCES - the administrator set bind_allowed to 0
 * EBUSY - a BAR is mapped (and bar_mmap is refuse), or an ioeventfd exists
 * EINVAL - the file was not added to a KVM VM before BIND_IOMMUFD
 * ENODATA - @vdevice_id is 0 and no tdi_id is configured
 * EOPNOTSUPP - @vdevice_id is given, and this kernel cannot look it up
 * ENOENT - no such vDEVICE, or it belongs to another device
 * EOVERFLOW - the vDEVICE's virt_id has more than 32 bits
 * EBUSY - another function of the IOMMU group is on another driver, or is being
 *	attached
 * EHOSTDOWN - a VF's PF, or function 0, cannot be woken
 * ENXIO - not connected to a TSM, or that TSM cannot bind, or the last bind was
 *	lost and the owner has not said UNBIND since
 * EHOSTDOWN - it, its PF or function 0 is not in D0, or memory decode or bus
 *	mastering is off, or the host is at work on the function: a reset, AER,
 *	SR-IOV, suspend, a read of its ROM
 * other - what the TSM answered
 */
#define VFIO_DEVICE_TSM_BIND _IO(VFIO_TYPE, VFIO_BASE + 22)

/**
 * struct vfio_pci_tsm_unbind - argument of VFIO_DEVICE_TSM_UNBIND
 * @argsz: in, as in struct vfio_pci_tsm_bind
 * @flags: in, no flag is defined: must be 0
 */
struct vfio_pci_tsm_unbind {
	__u32 argsz;
	__u32 flags;
};

/**
 * VFIO_DEVICE_TSM_UNBIND - _IO(VFIO_TYPE, VFIO_BASE + 23)
 *
 * Takes the function back from the TSM. Closing the last reference to the file
 * does the same.
 *
 * Return: 0, also when nothing is bound; -1 and EFAULT, EINVAL, E2BIG or ENOTTY
 * as for VFIO_DEVICE_TSM_BIND.
 */
#define VFIO_DEVICE_TSM_UNBIND _IO(VFIO_TYPE, VFIO_BASE + 23)

#endif /* _UAPI_LINUX_VFIO_TSM_H */
