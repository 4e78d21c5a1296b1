/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * VFIO device ioctls that bind a PCI function as a TDI (TEE Device Interface)
 * of a confidential VM, and that serve it while it is bound. They are issued on the vfio
 * cdev of a device on the driver vfio-pci-tsm, after VFIO_DEVICE_BIND_IOMMUFD.
 */
#ifndef _UAPI_LINUX_VFIO_TSM_H
#define _UAPI_LINUX_VFIO_TSM_H

#include <linux/types.h>
#include <linux/vfio.h>

/**
 * struct vfio_pci_tsm_bind - argument of VFIO_DEVICE_TSM_BIND
 * @argsz: in, size of this structure in bytes, as the caller was compiled with it.
 *	Bytes beyond the structure of the kernel must be 0. A later kernel accepts
 *	this size, and treats the fields that are missing as 0.
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
 * file was added to before VFIO_DEVICE_BIND_IOMMUFD. While the function is bound,
 * an operation that would take the TDI out of its locked state fails with EBUSY
 * and has no effect.
 *
 * Return: 0 on success, -1 and errno on failure, with nothing changed; the
 * first that applies:
 * EFAULT, EINVAL, E2BIG - bad pointer; @argsz too small, @flags or @pad not 0;
 *	bytes beyond the structure not 0
 * ENOTTY - not a cdev file, or the device is on plain vfio-pci
 * EALREADY - already bound by this file
 * EBUSY - another module of the kernel has bound it, or it is quarantined
 * EPERM - the device was opened with shared regions
 * ENOSPC - the kernel has no address for a BAR; a 32-bit BAR whose register is 0 is
 *	not detected
 * EACCES - the administrator set bind_allowed to 0
 * EBUSY - a BAR is mapped (and bar_mmap is refuse), or an ioeventfd exists
 * EINVAL - the file was not added to a KVM VM before BIND_IOMMUFD
 * ENODATA - @vdevice_id is 0 and no tdi_id is configured
 * EOPNOTSUPP - @vdevice_id is given, and this kernel cannot look it up
 * ENOENT - no such vDEVICE, or it belongs to another device
 * EOVERFLOW - the vDEVICE's virt_id has more than 32 bits
 * EBUSY - another function of the IOMMU group is on another driver, or is being
 *	attached, or the PF or the DSM is on another VFIO driver, or one of these got
 *	another VFIO driver before the TSM was called. If one gets it later, BIND
 *	succeeds, and the device is lost
 * ENXIO - not connected to a TSM, or that TSM cannot bind, or the last bind was
 *	lost and the owner has not called UNBIND since
 * EACCES - the administrator requires an admission, and has not admitted the device on
 *	its present evidence
 * EHOSTDOWN - the function, its PF or function 0 is not in D0 and cannot be woken, or
 *	memory decode or bus mastering is off, or the host is at work on the function:
 *	a reset, AER, SR-IOV, suspend, a read of its ROM
 * other - what the TSM returned
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
 * as for VFIO_DEVICE_TSM_BIND; EBUSY if another module of the kernel has bound the
 * function; EIO if it was quarantined before, or is now because the TSM has not
 * stopped the TDI.
 */
#define VFIO_DEVICE_TSM_UNBIND _IO(VFIO_TYPE, VFIO_BASE + 23)

/**
 * struct vfio_pci_tsm_req - argument of VFIO_DEVICE_TSM_REQ
 * @argsz: in, as in struct vfio_pci_tsm_bind
 * @flags: in, no flag is defined: must be 0
 * @scope: in, enum vfio_pci_tsm_req_scope
 * @tvm_arch: in, must be 0 on kernels whose PCI/TSM takes a scope, which all up to
 *	7.3 do
 * @req_len: in, bytes of the request, at most VFIO_PCI_TSM_REQ_MAX
 * @resp_len: in, bytes that there are for the response, at most VFIO_PCI_TSM_REQ_MAX
 * @req_uptr: in, address of the request; ignored if @req_len is 0
 * @resp_uptr: in, address of the response; ignored if @resp_len is 0
 * @tsm_code: out, the TSM's own result code for the guest, or 0
 *
 * The order of the fields is that of iommufd's request for a vDEVICE.
 */
struct vfio_pci_tsm_req {
	__u32 argsz;
	__u32 flags;
	__u32 scope;
	__u32 tvm_arch;
	__u32 req_len;
	__u32 resp_len;
	__aligned_u64 req_uptr;
	__aligned_u64 resp_uptr;
	__aligned_u64 tsm_code;
};

/* Values of vfio_pci_tsm_req::scope */
enum vfio_pci_tsm_req_scope {
	/* The request reads information: reports, states, versions. It changes nothing. */
	VFIO_PCI_TSM_REQ_SCOPE_INFO = 0,
	/* The request may change the state of the TDI, for example start it. */
	VFIO_PCI_TSM_REQ_SCOPE_STATE_CHANGE = 1,
};

enum {
	/* Most bytes of a request, and of a response */
	VFIO_PCI_TSM_REQ_MAX = 0x100000,
};

/**
 * VFIO_DEVICE_TSM_REQ - _IO(VFIO_TYPE, VFIO_BASE + 24)
 *
 * Passes a request of the guest to the TSM, and its response back. What the bytes
 * mean is between the guest and the TSM. The request is copied once, and the
 * response after the TSM has returned, so the two buffers may overlap. Requests of
 * one device go to the TSM one after the other.
 *
 * A request belongs to the bind at its beginning. If the function is unbound before
 * the TSM gets the request, it fails with ENXIO, also if the function is bound again by
 * then. A request that the TSM is at work on is finished before an unbind, and its
 * result is returned, or ENXIO if that is an error.
 *
 * The caller declares the scope. The TSM's driver has to check that the request keeps to
 * it. A few requests of a device are copied at a time, and the others wait.
 *
 * Return: the residue on success, which is 0 or more: bytes of the response buffer
 * that the TSM did not fill in, or, if @resp_len is 0, bytes of the request that it did
 * not use. -1 and errno on failure; the first that applies:
 * EFAULT, EINVAL, E2BIG - as for VFIO_DEVICE_TSM_BIND; @flags or @tvm_arch not 0, or
 *	@scope is not a scope
 * E2BIG - @req_len or @resp_len is larger than VFIO_PCI_TSM_REQ_MAX
 * EINVAL - @req_uptr or @resp_uptr is 0, and its length is not
 * ENOTTY - as for VFIO_DEVICE_TSM_BIND
 * EFAULT - @tsm_code cannot be written
 * ENXIO - not bound by the owner, or unbound or lost since the request began
 * EACCES - the administrator does not allow the request: guest_requests is none, or it
 *	is info and the scope is not
 * ENOMEM, EFAULT - a buffer cannot be copied; the response buffer is tried before the
 *	TSM is called
 * EINTR - a signal came while the request waited
 * EOPNOTSUPP - a TSM of the host that can bind has no guest requests
 * other - what the TSM returned
 *
 * From ENXIO on, @tsm_code is written on failure as on success. If the call fails after
 * the TSM was called, the contents of the response buffer are undefined. If it fails with
 * an error of the TSM, or with ENXIO, EINTR, EFAULT or EIO, a change of state may have
 * taken place: read the state of the TDI.
 */
#define VFIO_DEVICE_TSM_REQ _IO(VFIO_TYPE, VFIO_BASE + 24)

/**
 * struct vfio_pci_tsm_info - argument of VFIO_DEVICE_TSM_INFO
 * @argsz: in, as in struct vfio_pci_tsm_bind; out, bytes that this kernel fills in
 * @flags: in, no flag is defined: must be 0; out, 0
 * @state: out, enum vfio_pci_tsm_info_state
 * @tdi_state: out, enum vfio_pci_tsm_info_tdi_state: the TDISP state that the TSM's
 *	driver has reported
 * @tdi_id: out, requester ID that the TSM was given, when bound; 0 otherwise
 * @vdevice_id: out, iommufd vDEVICE that it came from; 0 if there is none
 * @reason: out, enum vfio_pci_tsm_info_reason: why it was unbound the last time
 * @pad: out, 0
 * @generation: out, number of changes of @state since vfio_tsm made its record of the
 *	device. A change of @tdi_state does not count.
 * @caps: out, bits of enum vfio_pci_tsm_info_cap: what this kernel and the TSM offer now
 *
 * All fields are of one moment, except for @caps.
 */
struct vfio_pci_tsm_info {
	__u32 argsz;
	__u32 flags;
	__u32 state;
	__u32 tdi_state;
	__u32 tdi_id;
	__u32 vdevice_id;
	__u32 reason;
	__u32 pad;
	__aligned_u64 generation;
	__aligned_u64 caps;
};

/* Values of vfio_pci_tsm_info::state */
enum vfio_pci_tsm_info_state {
	/* Not bound */
	VFIO_PCI_TSM_INFO_STATE_OPEN = 0,
	/* Bound by the owner */
	VFIO_PCI_TSM_INFO_STATE_BOUND = 1,
	/* Was bound, and the TSM or the host has ended that: UNBIND is next */
	VFIO_PCI_TSM_INFO_STATE_LOST = 2,
	/* Bound by another module of the kernel: the owner can neither use nor unbind it */
	VFIO_PCI_TSM_INFO_STATE_FOREIGN = 3,
	/* Not bound, but perhaps still locked: it must not be used */
	VFIO_PCI_TSM_INFO_STATE_QUARANTINED = 4,
};

/* Values of vfio_pci_tsm_info::tdi_state */
enum vfio_pci_tsm_info_tdi_state {
	/* The TSM's driver does not report states, or no TSM is connected */
	VFIO_PCI_TSM_INFO_TDI_UNKNOWN = 0,
	VFIO_PCI_TSM_INFO_TDI_UNLOCKED = 1,
	VFIO_PCI_TSM_INFO_TDI_LOCKED = 2,
	VFIO_PCI_TSM_INFO_TDI_RUN = 3,
	VFIO_PCI_TSM_INFO_TDI_ERROR = 4,
};

/* Values of vfio_pci_tsm_info::reason */
enum vfio_pci_tsm_info_reason {
	/* It was not unbound */
	VFIO_PCI_TSM_INFO_REASON_NONE = 0,
	/* VFIO_DEVICE_TSM_UNBIND */
	VFIO_PCI_TSM_INFO_REASON_IOCTL = 1,
	/* The previous owner closed the device */
	VFIO_PCI_TSM_INFO_REASON_CLOSE = 2,
	/* The administrator wrote 0 to bound */
	VFIO_PCI_TSM_INFO_REASON_REVOKED = 3,
	/* A reset of the function that could not be refused */
	VFIO_PCI_TSM_INFO_REASON_RESET = 4,
	/* The TSM was disconnected, or unregistered */
	VFIO_PCI_TSM_INFO_REASON_LOST = 5,
	/* The kernel reported an uncorrectable error */
	VFIO_PCI_TSM_INFO_REASON_AER = 6,
	/* The function was removed from its slot */
	VFIO_PCI_TSM_INFO_REASON_REMOVED = 7,
	/* Another module of the kernel, which had bound it, unbound it */
	VFIO_PCI_TSM_INFO_REASON_FOREIGN = 8,
	/* A function of its IOMMU group, or its DSM, got another VFIO driver */
	VFIO_PCI_TSM_INFO_REASON_DRIVER = 9,
};

/* Bits of vfio_pci_tsm_info::caps */
enum vfio_pci_tsm_info_cap {
	/* VFIO_DEVICE_TSM_BIND takes a vdevice_id */
	VFIO_PCI_TSM_INFO_CAP_VDEVICE = 0x1,
	/* The device is connected, and all TSMs of the host that can bind have guest requests */
	VFIO_PCI_TSM_INFO_CAP_REQ = 0x2,
	/* The device is connected, and all TSMs of the host can bind */
	VFIO_PCI_TSM_INFO_CAP_BIND = 0x4,
	/* The device was opened with exclusive regions */
	VFIO_PCI_TSM_INFO_CAP_EXCLUSIVE = 0x8,
};

/**
 * VFIO_DEVICE_TSM_INFO - _IO(VFIO_TYPE, VFIO_BASE + 25)
 *
 * Reads the state of an opened device, in each of its states. It does not wait for the
 * TSM.
 *
 * Return: 0; -1 and EFAULT, EINVAL, E2BIG or ENOTTY as for VFIO_DEVICE_TSM_BIND.
 */
#define VFIO_DEVICE_TSM_INFO _IO(VFIO_TYPE, VFIO_BASE + 25)

/**
 * struct vfio_pci_tsm_event - argument of VFIO_DEVICE_TSM_EVENT
 * @argsz: in, as in struct vfio_pci_tsm_bind
 * @flags: in, no flag is defined: must be 0
 * @eventfd: in, the eventfd to signal from now on; -1 for none
 * @pad: in, must be 0
 */
struct vfio_pci_tsm_event {
	__u32 argsz;
	__u32 flags;
	__s32 eventfd;
	__u32 pad;
};

/**
 * VFIO_DEVICE_TSM_EVENT - _IO(VFIO_TYPE, VFIO_BASE + 26)
 *
 * Has an eventfd signalled at each change that the owner did not make: the device is
 * lost, revoked, put into quarantine or freed from it, another module of the kernel binds
 * or unbinds it, or the TSM's driver reports the TDI in ERROR. The change is
 * published before that, so VFIO_DEVICE_TSM_INFO already shows it. A device has one
 * eventfd; the next call replaces it. The kernel keeps it until the device is closed,
 * even if the caller closes its descriptor. A change from before the call is not
 * signalled: read VFIO_DEVICE_TSM_INFO after it.
 *
 * Return: 0; -1 and errno on failure, and the previous eventfd stays; the first that
 * applies:
 * EFAULT, EINVAL, E2BIG - as for VFIO_DEVICE_TSM_BIND; @flags or @pad not 0, or
 *	@eventfd is less than -1
 * ENOTTY - as for VFIO_DEVICE_TSM_BIND
 * EBADF - @eventfd is not an open descriptor
 * EINVAL - it is not an eventfd
 */
#define VFIO_DEVICE_TSM_EVENT _IO(VFIO_TYPE, VFIO_BASE + 26)

#endif /* _UAPI_LINUX_VFIO_TSM_H */
