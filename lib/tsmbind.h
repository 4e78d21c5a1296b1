/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libtsmbind: binds a PCI function as a TDI (TEE Device Interface) of a
 * confidential VM, and passes the guest's requests to the TSM. For VMMs.
 *
 * DEVICE is the descriptor of the vfio cdev of a device that is assigned to the driver
 * vfio-pci-tsm. The VMM has added that file to its KVM VM (KVM_DEV_VFIO_FILE_ADD), and
 * then bound it to its iommufd (VFIO_DEVICE_BIND_IOMMUFD).
 *
 * The library keeps no state, prints nothing, allocates nothing and needs libc
 * alone. Each function with DEVICE is one ioctl, safe in every thread, and returns a
 * negative errno on failure. libtsmbind(3) lists them by function.
 *
 * Later kernels can return values and bits that this header does not have. A program
 * must accept them in all fields of struct tsmbind_info.
 */
#ifndef TSMBIND_H
#define TSMBIND_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a request may do: read information, or change the state of the TDI. */
enum tsmbind_scope {
	TSMBIND_SCOPE_INFO = 0,
	TSMBIND_SCOPE_STATE_CHANGE = 1,
};

/* State of the device. The owner acknowledges LOST with tsmbind_unbind(). */
enum tsmbind_state {
	TSMBIND_STATE_OPEN = 0,
	TSMBIND_STATE_BOUND = 1,
	TSMBIND_STATE_LOST = 2,
	TSMBIND_STATE_FOREIGN = 3, /* another module of the kernel has bound it */
	TSMBIND_STATE_QUARANTINED = 4, /* perhaps still locked: no process may use it */
};

/* TDISP state of the TDI. UNKNOWN if the driver of the TSM does not report it. */
enum tsmbind_tdi_state {
	TSMBIND_TDI_UNKNOWN = 0,
	TSMBIND_TDI_UNLOCKED = 1,
	TSMBIND_TDI_LOCKED = 2,
	TSMBIND_TDI_RUN = 3,
	TSMBIND_TDI_ERROR = 4,
};

/* Why the device was unbound the last time. */
enum tsmbind_reason {
	TSMBIND_REASON_NONE = 0,
	TSMBIND_REASON_IOCTL = 1, /* tsmbind_unbind() */
	TSMBIND_REASON_CLOSE = 2, /* an earlier owner closed the device */
	TSMBIND_REASON_REVOKED = 3, /* by the administrator */
	TSMBIND_REASON_RESET = 4, /* a reset that could not be refused */
	TSMBIND_REASON_LOST = 5, /* the TSM was disconnected */
	TSMBIND_REASON_AER = 6, /* an uncorrectable PCI error */
	TSMBIND_REASON_REMOVED = 7, /* the function was removed from its slot */
	TSMBIND_REASON_FOREIGN = 8, /* by the module of the kernel that had bound it */
	TSMBIND_REASON_DRIVER = 9, /* a function of its group, or its DSM, got another driver */
};

/* What this kernel and the TSM offer, as bits. */
#define TSMBIND_CAP_VDEVICE (UINT64_C(1) << 0) /* a bind can name a vDEVICE */
#define TSMBIND_CAP_REQUEST (UINT64_C(1) << 1) /* the TSM supports guest requests */
#define TSMBIND_CAP_BIND (UINT64_C(1) << 2) /* the TSM can bind */
#define TSMBIND_CAP_EXCLUSIVE (UINT64_C(1) << 3) /* the device was opened with exclusive regions */

/**
 * struct tsmbind_info - what tsmbind_info() reads
 * @state: enum tsmbind_state
 * @tdi_state: enum tsmbind_tdi_state
 * @tdi_id: while bound, the requester ID that the TSM was given; else 0
 * @vdevice_id: iommufd vDEVICE that @tdi_id came from, or 0
 * @reason: enum tsmbind_reason
 * @reserved: not used; 0 now, and possibly another value in a later version
 * @generation: grows with every change of @state
 * @caps: TSMBIND_CAP_*
 *
 * Later versions of the library add fields at the end. Older programs do not get them.
 */
struct tsmbind_info {
	uint32_t state;
	uint32_t tdi_state;
	uint32_t tdi_id;
	uint32_t vdevice_id;
	uint32_t reason;
	uint32_t reserved;
	uint64_t generation;
	uint64_t caps;
};

int tsmbind_bind(int device, uint32_t vdevice_id);
int tsmbind_unbind(int device);
ssize_t tsmbind_request(int device, enum tsmbind_scope scope, const void *request,
			size_t request_len, void *response, size_t response_len,
			uint64_t *tsm_code);
int tsmbind_info(int device, struct tsmbind_info *info, size_t size);
int tsmbind_set_event(int device, int eventfd);
int tsmbind_open_event(int device);

const char *tsmbind_state_name(uint32_t state);
const char *tsmbind_tdi_state_name(uint32_t tdi_state);
const char *tsmbind_reason_name(uint32_t reason);

#ifdef __cplusplus
}
#endif

#endif /* TSMBIND_H */
