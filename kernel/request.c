// SPDX-License-Identifier: GPL-2.0-only
/*
 * VFIO_DEVICE_TSM_REQ: a request of the guest, passed to the TSM.
 *
 * A request belongs to the bind that it began in. The number of that bind is read before
 * anything else, and compared right before the TSM is called. From the comparison to the
 * end of the call the request is an operation (ops.c), so the next bind waits for it.
 * Nothing else does: an unbind goes on, and PCI/TSM has it wait for the one call that the
 * TSM is at work on. There is only one, because request.lock lets one request at a time
 * through. Requests that wait for that lock find the device unbound, and fail.
 *
 * User memory is touched with no lock held. The request is copied before, and the
 * response after the call, each through a buffer of the size that user space asked for.
 * request.slots limits how many of these there are. A request that waits for a slot has
 * no buffer.
 */
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/pci-tsm.h>
#include <linux/slab.h>
#include <linux/sockptr.h>
#include <linux/tsm.h>
#include <linux/uaccess.h>
#include <linux/vfio_tsm.h>

#include "ops.h"
#include "arg.h"
#include "request.h"
#include "vfio_pci_tsm.h"

static_assert((u32)VFIO_PCI_TSM_REQ_SCOPE_INFO == (u32)PCI_TSM_REQ_INFO);
static_assert((u32)VFIO_PCI_TSM_REQ_SCOPE_STATE_CHANGE == (u32)PCI_TSM_REQ_STATE_CHANGE);
static_assert((u32)VFIO_PCI_TSM_REQ_SCOPE_INFO == (u32)VFIO_TSM_SCOPE_INFO);
static_assert((u32)VFIO_PCI_TSM_REQ_SCOPE_STATE_CHANGE == (u32)VFIO_TSM_SCOPE_STATE_CHANGE);

/**
 * struct call - a request on its way to the TSM
 * @bind: number of the bind that it began in
 * @arg: what user space has passed
 * @req: copy of the request, or NULL
 * @resp: buffer for the response, or NULL
 * @tsm_code: the TSM's own result code
 */
struct call {
	u64 bind;
	struct vfio_pci_tsm_req arg;
	void *req;
	void *resp;
	u64 tsm_code;
};

/* Whether a TSM that binds has no guest requests. */
static int takes_no_requests(struct device *dev, void *unused)
{
	struct tsm_dev *tsm_dev = container_of(dev, struct tsm_dev, dev);
	struct pci_tsm_ops ops;

	/* Its module may be going away. */
	if (copy_from_kernel_nofault(&ops, READ_ONCE(tsm_dev->pci_ops), sizeof(ops)))
		return 0;
	return ops.link_ops.bind && !ops.link_ops.guest_req;
}

/**
 * vfio_pci_tsm_tsms_take_requests() - whether pci_tsm_guest_req() finds an operation to call
 * @view: from vfio_pci_tsm_view()
 *
 * As with vfio_pci_tsm_tsms_can_bind(): PCI/TSM calls the operation of the TSM that it
 * finds when it has its semaphore, and does not check that there is one. It does so only
 * for a function that is bound, so TSMs that cannot bind do not matter.
 *
 * Return: false if a TSM of the host that can bind has no guest requests.
 */
bool vfio_pci_tsm_tsms_take_requests(const struct vfio_pci_tsm_view *view)
{
	return !class_for_each_device(view->tsms, NULL, NULL, takes_no_requests);
}

/* Whether a request may be passed now. The checks are in the order of the ABI. */
static int check(struct vfio_pci_tsm_device *tvdev, const struct call *call)
{
	if (vfio_pci_tsm_current_bind(tvdev) != call->bind)
		return -ENXIO;
	return vfio_tsm_request_is_allowed(tvdev->tdev, call->arg.scope) ? 0 : -EACCES;
}

/* The same, and whether PCI/TSM has an operation to call. */
static int check_tsm(struct vfio_pci_tsm_device *tvdev, const struct call *call)
{
	struct vfio_pci_tsm_view view;
	int ret;

	ret = check(tvdev, call);
	if (ret)
		return ret;
	if (!vfio_pci_tsm_view(tvdev->core.pdev, &view))
		return -ENXIO;
	return vfio_pci_tsm_tsms_take_requests(&view) ? 0 : -EOPNOTSUPP;
}

/*
 * The error for user space. A system call that the kernel restarts would belong to the bind
 * of that moment, so none is restarted. If the bind has ended, any error becomes ENXIO.
 */
static ssize_t translate(struct vfio_pci_tsm_device *tvdev, const struct call *call, ssize_t ret)
{
	switch (ret) {
	case -ERESTARTSYS:
	case -ERESTARTNOINTR:
	case -ERESTARTNOHAND:
	case -ERESTART_RESTARTBLOCK:
		ret = -EINTR;
		break;
	default:
		/* Errors that user space has no name for */
		if (ret <= -ERESTARTSYS)
			ret = -EIO;
	}
	if (ret < 0 && ret != -EINTR && vfio_pci_tsm_current_bind(tvdev) != call->bind)
		return -ENXIO;
	return ret;
}

/* During this operation the function can be unbound, but not bound again. */
static ssize_t call_tsm(struct vfio_pci_tsm_device *tvdev, struct call *call)
{
	const struct vfio_pci_tsm_req *arg = &call->arg;
	ssize_t ret;

	ACQUIRE(mutex_intr, lock)(&tvdev->request.lock);
	ret = ACQUIRE_ERR(mutex_intr, &lock);
	if (ret)
		return ret;

	/* Do not wait for a bind if this request belongs to an earlier one. */
	if (vfio_pci_tsm_current_bind(tvdev) != call->bind)
		return -ENXIO;
	ret = vfio_pci_tsm_op_begin(tvdev);
	if (ret)
		return ret;

	vfio_pci_tsm_refresh(tvdev);
	ret = check_tsm(tvdev, call);
	if (!ret) {
		ret = pci_tsm_guest_req(tvdev->core.pdev, arg->scope, KERNEL_SOCKPTR(call->req),
					arg->req_len, KERNEL_SOCKPTR(call->resp), arg->resp_len,
					&call->tsm_code);
		ret = translate(tvdev, call, ret);
	}
	vfio_pci_tsm_op_end(tvdev);
	return ret;
}

/* Copy what the TSM has filled in. Return: the residue; -EIO if it is too large; -EFAULT. */
static ssize_t copy_response(const struct call *call, ssize_t residue)
{
	const struct vfio_pci_tsm_req *arg = &call->arg;

	if (residue > (arg->resp_len ?: arg->req_len))
		return -EIO;
	if (arg->resp_len &&
	    copy_to_user(u64_to_user_ptr(arg->resp_uptr), call->resp, arg->resp_len - residue))
		return -EFAULT;
	return residue;
}

static int copy_request(struct call *call)
{
	const struct vfio_pci_tsm_req *arg = &call->arg;

	if (!arg->req_len)
		return 0;
	call->req = kvmalloc(arg->req_len, GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!call->req)
		return -ENOMEM;
	if (copy_from_user(call->req, u64_to_user_ptr(arg->req_uptr), arg->req_len))
		return -EFAULT;
	return 0;
}

/*
 * A change of state cannot be undone if its response cannot be copied. So user memory is
 * tried before the call. It is not written to: the request may be in the same place, and
 * the caller may want to pass it again.
 */
static int make_response(struct call *call)
{
	const struct vfio_pci_tsm_req *arg = &call->arg;

	if (!arg->resp_len)
		return 0;
	if (fault_in_safe_writeable(u64_to_user_ptr(arg->resp_uptr), arg->resp_len))
		return -EFAULT;
	/* Zeroed, because the TSM may fill in less than it reports. */
	call->resp = kvzalloc(arg->resp_len, GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	return call->resp ? 0 : -ENOMEM;
}

static ssize_t copy_and_call(struct vfio_pci_tsm_device *tvdev, struct call *call)
{
	ssize_t ret;

	ret = copy_request(call);
	if (!ret)
		ret = make_response(call);
	if (!ret)
		ret = call_tsm(tvdev, call);
	return ret < 0 ? ret : copy_response(call, ret);
}

static ssize_t pass(struct vfio_pci_tsm_device *tvdev, struct call *call)
{
	ssize_t ret;

	/* Spend neither memory nor time on a request that is refused anyway. */
	ret = check(tvdev, call);
	if (ret)
		return ret;
	if (down_interruptible(&tvdev->request.slots))
		return -EINTR;
	ret = copy_and_call(tvdev, call);
	kvfree(call->req);
	kvfree(call->resp);
	up(&tvdev->request.slots);
	return ret;
}

static int check_arg(const struct vfio_pci_tsm_req *arg)
{
	if (arg->flags || arg->tvm_arch || arg->scope > VFIO_PCI_TSM_REQ_SCOPE_STATE_CHANGE)
		return -EINVAL;
	if (arg->req_len > VFIO_PCI_TSM_REQ_MAX || arg->resp_len > VFIO_PCI_TSM_REQ_MAX)
		return -E2BIG;
	if ((arg->req_len && !arg->req_uptr) || (arg->resp_len && !arg->resp_uptr))
		return -EINVAL;
	return 0;
}

/**
 * vfio_pci_tsm_guest_request() - VFIO_DEVICE_TSM_REQ
 * @tvdev: the device
 * @arg: user address of a struct vfio_pci_tsm_req
 *
 * Return: the residue, or a negative errno, as in <linux/vfio_tsm.h>.
 *
 * Context: ioctl of the file that opened the device. Waits for the TSM.
 */
ssize_t vfio_pci_tsm_guest_request(struct vfio_pci_tsm_device *tvdev, unsigned long arg)
{
	struct vfio_pci_tsm_req __user *user = (void __user *)arg;
	struct vfio_tsm_request ended;
	struct call call = {};
	int ret;

	vfio_pci_tsm_refresh(tvdev);
	call.bind = vfio_pci_tsm_current_bind(tvdev);
	ret = vfio_pci_tsm_copy_arg(&call.arg, sizeof(call.arg),
				    offsetofend(struct vfio_pci_tsm_req, tsm_code), arg);
	if (!ret)
		ret = check_arg(&call.arg);
	if (ret)
		return ret;
	if (!vfio_device_cdev_opened(&tvdev->core.vdev))
		return -ENOTTY;
	if (put_user(0, &user->tsm_code))
		return -EFAULT;
	if (!call.bind)
		return -ENXIO;

	ended.result = pass(tvdev, &call);
	if (call.tsm_code && put_user(call.tsm_code, &user->tsm_code))
		ended.result = -EFAULT;
	ended.scope = call.arg.scope;
	ended.req_len = call.arg.req_len;
	ended.resp_len = call.arg.resp_len;
	ended.tsm_code = call.tsm_code;
	vfio_tsm_requested(tvdev->tdev, &ended);
	return ended.result;
}
