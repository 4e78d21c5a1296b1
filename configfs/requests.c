// SPDX-License-Identifier: GPL-2.0-only
/*
 * Requests of a guest to the TSM, as the administrator allows and sees them; the state of
 * the TDI; and what is reported to the owner of a device.
 */
#include <linux/eventfd.h>
#include <linux/export.h>
#include <linux/pci.h>
#include <linux/sysfs.h>

#include "internal.h"

/**
 * vfio_tsm_request_is_allowed() - whether the administrator allows a request of the guest
 * @dev: the device
 * @scope: what the request is about
 *
 * Return: whether guest_requests allows it now.
 *
 * Context: takes no lock.
 */
bool vfio_tsm_request_is_allowed(struct vfio_tsm_dev *dev, enum vfio_tsm_scope scope)
{
	switch (READ_ONCE(dev->policy.guest_requests)) {
	case VFIO_TSM_GUEST_REQUESTS_ALL:
		return true;
	case VFIO_TSM_GUEST_REQUESTS_INFO:
		return scope == VFIO_TSM_SCOPE_INFO;
	default:
		return false;
	}
}
EXPORT_SYMBOL_GPL(vfio_tsm_request_is_allowed);

/**
 * vfio_tsm_requested() - a request of the guest has ended
 * @dev: the device
 * @request: what it was, and its result
 *
 * There is no uevent, because a guest could send as many requests as it likes.
 */
void vfio_tsm_requested(struct vfio_tsm_dev *dev, const struct vfio_tsm_request *request)
{
	guard(mutex)(&dev->lock);
	dev->report.requests[request->scope]++;
	if (request->result < 0)
		dev->report.failed_requests[request->scope]++;
	dev->report.last_request = *request;
	vfio_tsm_trace_request(dev, request);
}
EXPORT_SYMBOL_GPL(vfio_tsm_requested);

/* A driver of a TSM that does not report the end of its work leaves an old state. */
static enum vfio_tsm_tdi_state tdi_state(const struct vfio_tsm_dev *dev)
{
	if (!dev->pdev || !READ_ONCE(dev->pdev->tsm))
		return VFIO_TSM_TDI_UNKNOWN;
	return dev->tdi_state;
}

/**
 * vfio_tsm_get_info() - what the owner may know about its device
 * @dev: the device, open
 * @info: gets it, all of one moment
 */
void vfio_tsm_get_info(struct vfio_tsm_dev *dev, struct vfio_tsm_info *info)
{
	guard(mutex)(&dev->lock);
	*info = (struct vfio_tsm_info){
		.state = vfio_tsm_shown_state(dev),
		.tdi_state = tdi_state(dev),
		.last_unbind = dev->report.last_unbind,
		.generation = dev->generation,
	};
	if (dev->state == VFIO_TSM_BOUND)
		info->bound = dev->report.bound;
}
EXPORT_SYMBOL_GPL(vfio_tsm_get_info);

/**
 * vfio_tsm_set_event() - set the eventfd that is signalled from now on
 * @dev: the device
 * @event: with a reference that the device takes over; NULL for none
 */
void vfio_tsm_set_event(struct vfio_tsm_dev *dev, struct eventfd_ctx *event)
{
	scoped_guard(mutex, &dev->lock)
		swap(dev->event, event);
	if (event)
		eventfd_ctx_put(event);
}
EXPORT_SYMBOL_GPL(vfio_tsm_set_event);

/**
 * vfio_tsm_signal() - signal the owner's eventfd, if there is one
 * @dev: the device
 *
 * This does not wait: a counter that is full stays as it is, and can be read already.
 *
 * Context: vfio_tsm_dev::lock held, after the change that it is about is published.
 */
void vfio_tsm_signal(struct vfio_tsm_dev *dev)
{
	lockdep_assert_held(&dev->lock);
	if (dev->event)
		eventfd_signal(dev->event);
}

static void set_tdi_state(struct vfio_tsm_dev *dev, struct pci_dev *pdev,
			  enum vfio_tsm_tdi_state state)
{
	lockdep_assert_held(&dev->lock);
	if (state == dev->tdi_state)
		return;
	if (pdev)
		vfio_tsm_trace_tdi_state(pdev, dev->tdi_state, state);
	dev->tdi_state = state;
	if (state != VFIO_TSM_TDI_LOCKED && state != VFIO_TSM_TDI_RUN)
		vfio_tsm_forget_interface_report(dev);
	if (dev->pdev)
		vfio_tsm_wake(dev, VFIO_TSM_POLL_TDI_STATE);
}

/**
 * vfio_tsm_report_tdi_state() - the driver of a TSM reports the TDISP state of a TDI
 * @pdev: the function
 * @state: the state that it has now
 *
 * PCI/TSM has no operation that asks a TSM for it. A driver that detects changes of the
 * state calls this at each one, and with VFIO_TSM_TDI_UNKNOWN when it gives up its context
 * of the function. The owner's eventfd is signalled when the state becomes ERROR. A
 * function of which vfio_tsm has no record is ignored.
 *
 * Context: may sleep. This takes only a leaf mutex, so the locks of PCI/TSM and of the TSM's
 * driver may be held.
 */
void vfio_tsm_report_tdi_state(struct pci_dev *pdev, enum vfio_tsm_tdi_state state)
{
	struct vfio_tsm_dev *dev __free(vfio_tsm_put) = vfio_tsm_find(vfio_tsm_index_of(pdev));

	if (!dev || state >= VFIO_TSM_NR_TDI_STATES)
		return;

	guard(mutex)(&dev->lock);
	set_tdi_state(dev, pdev, state);
	if (state == VFIO_TSM_TDI_ERROR)
		vfio_tsm_signal(dev);
}
EXPORT_SYMBOL_GPL(vfio_tsm_report_tdi_state);

/**
 * vfio_tsm_forget_tdi_state() - forget the reported state of a TDI that is gone
 * @dev: the device, not bound
 *
 * Not every driver of a TSM reports the end of a TDI.
 *
 * Context: vfio_tsm_dev::lock held.
 */
void vfio_tsm_forget_tdi_state(struct vfio_tsm_dev *dev)
{
	lockdep_assert_held(&dev->lock);
	if (dev->tdi_state > VFIO_TSM_TDI_UNLOCKED)
		set_tdi_state(dev, dev->pdev, VFIO_TSM_TDI_UNKNOWN);
}

/* The functions below are called under vfio_tsm_dev::lock. Each returns the length. */

int vfio_tsm_format_guest_requests(const struct vfio_tsm_dev *dev, char *page)
{
	return sysfs_emit(page, "%s\n", vfio_tsm_guest_requests_words[dev->policy.guest_requests]);
}

int vfio_tsm_format_requests(const struct vfio_tsm_dev *dev, char *page)
{
	int len = 0;

	for (int scope = 0; scope < VFIO_TSM_NR_SCOPES; scope++)
		len += sysfs_emit_at(page, len, "%s %llu %llu\n", vfio_tsm_scope_words[scope],
				     dev->report.requests[scope],
				     dev->report.failed_requests[scope]);
	return len;
}

int vfio_tsm_format_last_request(const struct vfio_tsm_dev *dev, char *page)
{
	const struct vfio_tsm_request *last = &dev->report.last_request;

	if (!dev->report.requests[last->scope])
		return sysfs_emit(page, "none\n");
	return sysfs_emit(page, "%s %zd %#llx\n", vfio_tsm_scope_words[last->scope], last->result,
			  last->tsm_code);
}

int vfio_tsm_format_tdi_state(const struct vfio_tsm_dev *dev, char *page)
{
	return sysfs_emit(page, "%s\n", vfio_tsm_tdi_state_words[tdi_state(dev)]);
}
