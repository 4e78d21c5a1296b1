// SPDX-License-Identifier: GPL-2.0-or-later
/* libtsmbind: the ioctls of <linux/vfio_tsm.h> as functions. See tsmbind.h. */
#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/vfio_tsm.h>

#include "tsmbind.h"

#define SAME(ours, kernels) _Static_assert((int)(ours) == (int)(kernels), #ours)

SAME(TSMBIND_SCOPE_INFO, VFIO_PCI_TSM_REQ_SCOPE_INFO);
SAME(TSMBIND_SCOPE_STATE_CHANGE, VFIO_PCI_TSM_REQ_SCOPE_STATE_CHANGE);
SAME(TSMBIND_STATE_OPEN, VFIO_PCI_TSM_INFO_STATE_OPEN);
SAME(TSMBIND_STATE_BOUND, VFIO_PCI_TSM_INFO_STATE_BOUND);
SAME(TSMBIND_STATE_LOST, VFIO_PCI_TSM_INFO_STATE_LOST);
SAME(TSMBIND_STATE_FOREIGN, VFIO_PCI_TSM_INFO_STATE_FOREIGN);
SAME(TSMBIND_STATE_QUARANTINED, VFIO_PCI_TSM_INFO_STATE_QUARANTINED);
SAME(TSMBIND_TDI_UNKNOWN, VFIO_PCI_TSM_INFO_TDI_UNKNOWN);
SAME(TSMBIND_TDI_UNLOCKED, VFIO_PCI_TSM_INFO_TDI_UNLOCKED);
SAME(TSMBIND_TDI_LOCKED, VFIO_PCI_TSM_INFO_TDI_LOCKED);
SAME(TSMBIND_TDI_RUN, VFIO_PCI_TSM_INFO_TDI_RUN);
SAME(TSMBIND_TDI_ERROR, VFIO_PCI_TSM_INFO_TDI_ERROR);
SAME(TSMBIND_REASON_NONE, VFIO_PCI_TSM_INFO_REASON_NONE);
SAME(TSMBIND_REASON_IOCTL, VFIO_PCI_TSM_INFO_REASON_IOCTL);
SAME(TSMBIND_REASON_CLOSE, VFIO_PCI_TSM_INFO_REASON_CLOSE);
SAME(TSMBIND_REASON_REVOKED, VFIO_PCI_TSM_INFO_REASON_REVOKED);
SAME(TSMBIND_REASON_RESET, VFIO_PCI_TSM_INFO_REASON_RESET);
SAME(TSMBIND_REASON_LOST, VFIO_PCI_TSM_INFO_REASON_LOST);
SAME(TSMBIND_REASON_AER, VFIO_PCI_TSM_INFO_REASON_AER);
SAME(TSMBIND_REASON_REMOVED, VFIO_PCI_TSM_INFO_REASON_REMOVED);
SAME(TSMBIND_REASON_FOREIGN, VFIO_PCI_TSM_INFO_REASON_FOREIGN);
SAME(TSMBIND_REASON_DRIVER, VFIO_PCI_TSM_INFO_REASON_DRIVER);
SAME(TSMBIND_CAP_VDEVICE, VFIO_PCI_TSM_INFO_CAP_VDEVICE);
SAME(TSMBIND_CAP_REQUEST, VFIO_PCI_TSM_INFO_CAP_REQ);
SAME(TSMBIND_CAP_BIND, VFIO_PCI_TSM_INFO_CAP_BIND);
SAME(TSMBIND_CAP_EXCLUSIVE, VFIO_PCI_TSM_INFO_CAP_EXCLUSIVE);

static int call(int device, unsigned long request, void *arg)
{
	int ret = ioctl(device, request, arg);

	return ret < 0 ? -errno : ret;
}

/**
 * tsmbind_bind() - have the TSM lock the function as a TDI of the VM
 * @device: vfio cdev
 * @vdevice_id: iommufd vDEVICE of the device, whose virt_id becomes the TDI's
 *	requester ID; 0 takes the administrator's tdi_id
 *
 * While the function is bound, the driver refuses what would end the TDI.
 *
 * Return: 0; -EALREADY if this file has bound it; another negative errno, and
 * nothing has changed.
 */
int tsmbind_bind(int device, uint32_t vdevice_id)
{
	struct vfio_pci_tsm_bind arg = { .argsz = sizeof(arg), .vdevice_id = vdevice_id };

	return call(device, VFIO_DEVICE_TSM_BIND, &arg);
}

/**
 * tsmbind_unbind() - have the TSM stop the TDI and unlock the function
 * @device: vfio cdev
 *
 * Closing the device does the same. After a loss, the call acknowledges the loss,
 * and the device can be bound again.
 *
 * Return: 0, also when nothing is bound; -EBUSY if another module of the kernel has
 * bound it; -EIO if it is quarantined; another negative errno.
 */
int tsmbind_unbind(int device)
{
	struct vfio_pci_tsm_unbind arg = { .argsz = sizeof(arg) };

	return call(device, VFIO_DEVICE_TSM_UNBIND, &arg);
}

/**
 * tsmbind_request() - pass a request of the guest to the TSM
 * @device: vfio cdev
 * @scope: what the request may do; the VMM decides that, and not the guest
 * @request: bytes of the guest
 * @request_len: number of these bytes
 * @response: buffer for the response of the TSM; may be @request
 * @response_len: size of that buffer; 0 for a request without a response
 * @tsm_code: set to the TSM's own result code, or to 0 if the TSM has returned none;
 *	written on success and on every error; may be NULL
 *
 * A request that changes the state and fails may have taken effect. Ask for the state,
 * and revoke the access that the guest must not have in it.
 *
 * Return: how many bytes of @response the TSM has filled in; -ENXIO if the
 * function is not bound, or was unbound meanwhile; -EOPNOTSUPP if the TSM takes
 * no requests; -EACCES if the administrator does not allow them; another negative
 * errno. Without a response it is 0. The ioctl then returns how many bytes of the
 * request the TSM did not use; this function does not, so that its result is never
 * larger than @response_len.
 */
ssize_t tsmbind_request(int device, enum tsmbind_scope scope, const void *request,
			size_t request_len, void *response, size_t response_len, uint64_t *tsm_code)
{
	struct vfio_pci_tsm_req arg = {
		.argsz = sizeof(arg),
		.scope = scope,
		.req_len = request_len,
		.resp_len = response_len,
		.req_uptr = (uintptr_t)request,
		.resp_uptr = (uintptr_t)response,
	};
	int ret;

	if (tsm_code)
		*tsm_code = 0;
	if (request_len > VFIO_PCI_TSM_REQ_MAX || response_len > VFIO_PCI_TSM_REQ_MAX)
		return -E2BIG;
	ret = call(device, VFIO_DEVICE_TSM_REQ, &arg);
	if (tsm_code)
		*tsm_code = arg.tsm_code;
	if (ret < 0)
		return ret;
	return response_len ? response_len - ret : 0;
}

/**
 * tsmbind_info() - read the state of the device, and what kernel and TSM offer
 * @device: vfio cdev
 * @info: filled in
 * @size: sizeof(*info): the library writes exactly that many bytes. Fields that it does
 *	not have are 0.
 *
 * The call works in every state of an opened device, and does not wait for the TSM.
 *
 * Return: 0; -ENOTTY if the kernel's driver has no such ioctl; another negative
 * errno.
 */
int tsmbind_info(int device, struct tsmbind_info *info, size_t size)
{
	struct vfio_pci_tsm_info arg = { .argsz = sizeof(arg) };
	struct tsmbind_info full;
	int ret;

	ret = call(device, VFIO_DEVICE_TSM_INFO, &arg);
	if (ret < 0)
		return ret;
	full = (struct tsmbind_info){
		.state = arg.state,
		.tdi_state = arg.tdi_state,
		.tdi_id = arg.tdi_id,
		.vdevice_id = arg.vdevice_id,
		.reason = arg.reason,
		.generation = arg.generation,
		.caps = arg.caps,
	};
	memset(info, 0, size);
	memcpy(info, &full, size < sizeof(full) ? size : sizeof(full));
	return 0;
}

/**
 * tsmbind_set_event() - have an eventfd signalled when the owner must look
 * @device: vfio cdev
 * @eventfd: the eventfd, or -1 for none
 *
 * It is signalled at each change that the owner did not make: the device was lost or
 * revoked, a quarantine began or ended, another module of the kernel has bound or unbound
 * the device, or the TDI is in ERROR. tsmbind_info() has the new state. The device has one
 * eventfd; another call replaces it. An earlier change is not signalled: set the eventfd
 * before the bind, or call tsmbind_info() once afterwards. The kernel keeps the eventfd
 * until the device is closed.
 *
 * Return: 0, or a negative errno.
 */
int tsmbind_set_event(int device, int eventfd)
{
	struct vfio_pci_tsm_event arg = { .argsz = sizeof(arg), .eventfd = eventfd };

	return call(device, VFIO_DEVICE_TSM_EVENT, &arg);
}

/**
 * tsmbind_open_event() - make an eventfd and set it
 * @device: vfio cdev
 *
 * The function calls tsmbind_set_event(). The caller polls the descriptor for input, reads
 * its 8 bytes, and closes it in the end. The descriptor is non-blocking and closed on exec.
 *
 * Return: the descriptor, or a negative errno.
 */
int tsmbind_open_event(int device)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	int ret;

	if (fd < 0)
		return -errno;
	ret = tsmbind_set_event(device, fd);
	if (ret < 0) {
		close(fd);
		return ret;
	}
	return fd;
}

static const char *name_of(const char *const *names, size_t count, uint32_t value)
{
	return value < count ? names[value] : "unknown";
}

/**
 * tsmbind_state_name() - a word for a state of the device
 * @state: enum tsmbind_state
 *
 * Return: a constant string; "unknown" for other values.
 */
const char *tsmbind_state_name(uint32_t state)
{
	static const char *const names[] = { "open", "bound", "lost", "foreign", "quarantined" };

	return name_of(names, sizeof(names) / sizeof(*names), state);
}

/**
 * tsmbind_tdi_state_name() - the specification's word for a state of the TDI
 * @tdi_state: enum tsmbind_tdi_state
 *
 * Return: a constant string; "unknown" for other values.
 */
const char *tsmbind_tdi_state_name(uint32_t tdi_state)
{
	static const char *const names[] = {
		"unknown", "CONFIG_UNLOCKED", "CONFIG_LOCKED", "RUN", "ERROR",
	};

	return name_of(names, sizeof(names) / sizeof(*names), tdi_state);
}

/**
 * tsmbind_reason_name() - a word for the reason of an unbind
 * @reason: enum tsmbind_reason
 *
 * Return: a constant string; "unknown" for other values.
 */
const char *tsmbind_reason_name(uint32_t reason)
{
	static const char *const names[] = {
		"none", "ioctl", "close",   "revoked", "reset",
		"lost", "aer",	 "removed", "foreign", "driver",
	};

	return name_of(names, sizeof(names) / sizeof(*names), reason);
}
