// SPDX-License-Identifier: GPL-2.0-only
/*
 * Each change of a device's state is reported: by poll() on state in sysfs, by a uevent
 * of the PCI device, and by tracepoints. ABI/ describes the variables of the uevent.
 */
#include <linux/export.h>
#include <linux/jiffies.h>
#include <linux/kobject.h>
#include <linux/pci.h>
#include <linux/sysfs.h>

#include "internal.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

/* How many uevents a second the owner of one device can cause. */
#define OWNERS_UEVENTS 20

static void send_uevent(struct vfio_tsm_dev *dev, enum vfio_tsm_event event,
			enum vfio_tsm_reason reason)
{
	struct kobj_uevent_env *env __free(kfree) = kzalloc_obj(*env);
	bool bound = dev->state == VFIO_TSM_BOUND;
	char tdi_id[16] = "none";

	if (!env)
		return;
	if (bound)
		vfio_tsm_print_tdi_id(tdi_id, sizeof(tdi_id), dev->report.bound.tdi_id);
	if (add_uevent_var(env, "VFIO_TSM_EVENT=%s", vfio_tsm_event_words[event]) ||
	    add_uevent_var(env, "VFIO_TSM_STATE=%s",
			   vfio_tsm_state_words[vfio_tsm_shown_state(dev)]) ||
	    add_uevent_var(env, "VFIO_TSM_REASON=%s", vfio_tsm_reason_words[reason]) ||
	    add_uevent_var(env, "VFIO_TSM_GENERATION=%llu", dev->generation) ||
	    add_uevent_var(env, "VFIO_TSM_TDI_ID=%s", tdi_id))
		return;
	kobject_uevent_env(&dev->pdev->dev.kobj, KOBJ_CHANGE, env->envp);
}

/* Whether it is an event that the owner of a device can cause as often as it likes. */
static bool is_owners(const struct vfio_tsm_dev *dev, enum vfio_tsm_event event,
		      enum vfio_tsm_reason reason)
{
	switch (event) {
	case VFIO_TSM_EVENT_BOUND:
		return !dev->report.bound.foreign;
	case VFIO_TSM_EVENT_OPENED:
	case VFIO_TSM_EVENT_CLOSED:
	case VFIO_TSM_EVENT_ACKNOWLEDGED:
		return true;
	case VFIO_TSM_EVENT_UNBOUND:
		return reason == VFIO_TSM_REASON_IOCTL || reason == VFIO_TSM_REASON_CLOSE;
	default:
		return false;
	}
}

static bool is_too_many(struct vfio_tsm_uevents *uevents)
{
	if (time_after(jiffies, uevents->until)) {
		uevents->until = jiffies + HZ;
		uevents->count = 0;
	}
	return uevents->count++ >= OWNERS_UEVENTS;
}

/* If there are too many events in a second, the last of them is sent when it is over. */
static void tell(struct vfio_tsm_dev *dev, enum vfio_tsm_event event, enum vfio_tsm_reason reason)
{
	struct vfio_tsm_uevents *uevents = &dev->uevents;

	uevents->owed = is_owners(dev, event, reason) && is_too_many(uevents);
	if (!uevents->owed) {
		send_uevent(dev, event, reason);
		return;
	}
	uevents->event = event;
	uevents->reason = reason;
	schedule_delayed_work(&uevents->work, HZ);
}

void vfio_tsm_uevents_work(struct work_struct *work)
{
	struct vfio_tsm_dev *dev =
		container_of(to_delayed_work(work), struct vfio_tsm_dev, uevents.work);

	guard(mutex)(&dev->lock);
	/* If owed, no uevent of another state was sent since. */
	if (dev->uevents.owed)
		send_uevent(dev, dev->uevents.event, dev->uevents.reason);
	dev->uevents.owed = false;
}

/**
 * vfio_tsm_wake() - wake processes that poll() attributes of a device in sysfs
 * @dev: the device, registered; otherwise it has no attributes to poll
 * @attrs: VFIO_TSM_POLL_*
 *
 * A worker does this, because sysfs_notify() waits for threads that add to sysfs. Those wait
 * for any process that lists a directory of sysfs, without a limit.
 *
 * Context: vfio_tsm_dev::lock held, after the change.
 */
void vfio_tsm_wake(struct vfio_tsm_dev *dev, unsigned long attrs)
{
	lockdep_assert_held(&dev->lock);
	dev->waker.attrs |= attrs;
	kref_get(&dev->ref);
	if (!queue_work(vfio_tsm_wq, &dev->waker.work))
		vfio_tsm_put(dev);
}

void vfio_tsm_waker_work(struct work_struct *work)
{
	struct vfio_tsm_dev *dev __free(vfio_tsm_put) =
		container_of(work, struct vfio_tsm_dev, waker.work);
	struct pci_dev *pdev __free(pci_dev_put) = NULL;
	unsigned long attrs;

	scoped_guard(mutex, &dev->lock) {
		attrs = dev->waker.attrs;
		dev->waker.attrs = 0;
		pdev = pci_dev_get(dev->pdev);
	}
	if (!pdev)
		return;
	if (attrs & VFIO_TSM_POLL_STATE)
		sysfs_notify(&pdev->dev.kobj, VFIO_TSM_SYSFS_DIR, "state");
	if (attrs & VFIO_TSM_POLL_TDI_STATE)
		sysfs_notify(&pdev->dev.kobj, VFIO_TSM_SYSFS_DIR, "tdi_state");
}

/**
 * vfio_tsm_shown_state() - the state of a device as it is shown
 * @dev: the device
 *
 * Return: QUARANTINED instead of a state in which it could be used.
 *
 * Context: vfio_tsm_dev::lock held.
 */
enum vfio_tsm_state vfio_tsm_shown_state(const struct vfio_tsm_dev *dev)
{
	bool usable = dev->state == VFIO_TSM_CLOSED || dev->state == VFIO_TSM_OPEN ||
		      dev->state == VFIO_TSM_LOST;

	return usable && dev->quarantine ? VFIO_TSM_QUARANTINED : dev->state;
}

/**
 * vfio_tsm_publish() - publish a change of what is shown of a device
 * @dev: the device, registered
 * @from: what was shown before
 * @event: what has happened
 * @reason: why, when it is unbound; NONE otherwise
 *
 * If memory is short, no uevent is sent. A receiver sees that by the generation. Uevents
 * that the owner causes too fast are not sent either, except the last one.
 *
 * Context: as vfio_tsm_set_state().
 */
void vfio_tsm_publish(struct vfio_tsm_dev *dev, enum vfio_tsm_state from, enum vfio_tsm_event event,
		      enum vfio_tsm_reason reason)
{
	lockdep_assert_held(&dev->lock);
	dev->generation++;
	trace_vfio_tsm_state(pci_name(dev->pdev), vfio_tsm_state_words[from],
			     vfio_tsm_state_words[vfio_tsm_shown_state(dev)],
			     vfio_tsm_reason_words[reason], dev->generation);
	vfio_tsm_wake(dev, VFIO_TSM_POLL_STATE);
	tell(dev, event, reason);
	if (!is_owners(dev, event, reason))
		vfio_tsm_signal(dev);
}

/**
 * vfio_tsm_set_state() - a device changes its state
 * @dev: the device, registered
 * @to: the new state
 * @event: what has happened
 * @reason: why, when it is unbound; NONE otherwise
 *
 * Context: vfio_tsm_dev::lock held, so that all see changes in their order; may sleep.
 */
void vfio_tsm_set_state(struct vfio_tsm_dev *dev, enum vfio_tsm_state to, enum vfio_tsm_event event,
			enum vfio_tsm_reason reason)
{
	enum vfio_tsm_state from = vfio_tsm_shown_state(dev);

	dev->state = to;
	if (reason)
		dev->report.last_unbind = reason;
	vfio_tsm_publish(dev, from, event, reason);
}

/* Traces a refused bind, which is in last_error already. */
void vfio_tsm_trace_bind_failed(struct vfio_tsm_dev *dev)
{
	trace_vfio_tsm_bind_failed(pci_name(dev->pdev), dev->report.last_error,
				   vfio_tsm_stage_words[dev->report.last_stage]);
}

void vfio_tsm_trace_request(struct vfio_tsm_dev *dev, const struct vfio_tsm_request *request)
{
	trace_vfio_tsm_request(pci_name(dev->pdev), vfio_tsm_scope_words[request->scope],
			       request->req_len, request->resp_len, request->result,
			       request->tsm_code);
}

void vfio_tsm_trace_tdi_state(struct pci_dev *pdev, enum vfio_tsm_tdi_state from,
			      enum vfio_tsm_tdi_state to)
{
	trace_vfio_tsm_tdi_state(pci_name(pdev), vfio_tsm_tdi_state_words[from],
				 vfio_tsm_tdi_state_words[to]);
}

/**
 * vfio_tsm_blocked() - an operation was refused because the device is bound
 * @dev: the device
 * @kind: what was refused
 *
 * Context: any that may not free @dev; takes no lock.
 */
void vfio_tsm_blocked(struct vfio_tsm_dev *dev, enum vfio_tsm_blocked kind)
{
	atomic64_inc(&dev->report.blocked[kind]);
	trace_vfio_tsm_blocked(pci_name(dev->pdev), vfio_tsm_blocked_words[kind]);
}
EXPORT_SYMBOL_GPL(vfio_tsm_blocked);
