// SPDX-License-Identifier: GPL-2.0-only
/*
 * The states of a function, and the only changes from one to another.
 *
 * A change is made and published under state.lock, which is held for no longer than
 * that. So the driver can mark a TDI as lost where it must not wait for PCI/TSM: under
 * the device lock, or with pci_bus_sem held. A worker calls PCI/TSM afterwards.
 */
#include <linux/pci.h>
#include <linux/timer.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "vfio_pci_tsm.h"

/**
 * struct change - a change of the state
 * @from: the state before
 * @to: the state after
 * @tsm: PCI/TSM is at work before or after it, so it is also made under tdi.lock
 */
struct change {
	enum vfio_pci_tsm_state from;
	enum vfio_pci_tsm_state to;
	bool tsm;
};

static const struct change changes[] = {
	/* A bind begins, with operations stopped, under the device set's lock. */
	{ VFIO_PCI_TSM_IDLE, VFIO_PCI_TSM_BINDING, false },
	/* It fails. */
	{ VFIO_PCI_TSM_BINDING, VFIO_PCI_TSM_IDLE, false },
	/* It calls PCI/TSM. */
	{ VFIO_PCI_TSM_BINDING, VFIO_PCI_TSM_LOCKING, true },
	/* PCI/TSM returns an error. */
	{ VFIO_PCI_TSM_LOCKING, VFIO_PCI_TSM_BINDING, true },
	/* PCI/TSM has bound the function. */
	{ VFIO_PCI_TSM_LOCKING, VFIO_PCI_TSM_BOUND, true },
	/* UNBIND, a revoke or the last close calls PCI/TSM. */
	{ VFIO_PCI_TSM_BOUND, VFIO_PCI_TSM_UNBINDING, true },
	/* PCI/TSM has unbound it. What happened to the TDI meanwhile is not a loss. */
	{ VFIO_PCI_TSM_UNBINDING, VFIO_PCI_TSM_IDLE, true },
	/* A reset, an error, a removal, or the TSM has let the TDI go. */
	{ VFIO_PCI_TSM_BOUND, VFIO_PCI_TSM_LOSING, false },
	/* PCI/TSM has unbound it after that. */
	{ VFIO_PCI_TSM_LOSING, VFIO_PCI_TSM_LOST, true },
	/* The owner acknowledges the loss with UNBIND, or closes or opens the device. */
	{ VFIO_PCI_TSM_LOST, VFIO_PCI_TSM_IDLE, false },
	/* The driver finds a TDI that another module of the kernel has bound. */
	{ VFIO_PCI_TSM_IDLE, VFIO_PCI_TSM_FOREIGN, false },
	{ VFIO_PCI_TSM_LOST, VFIO_PCI_TSM_FOREIGN, false },
	/* A revoke, the last close or the removal of the driver calls PCI/TSM. */
	{ VFIO_PCI_TSM_FOREIGN, VFIO_PCI_TSM_UNBINDING, true },
	/* A reset, an error or a removal. */
	{ VFIO_PCI_TSM_FOREIGN, VFIO_PCI_TSM_LOSING, false },
	/* That module has unbound it, or the TSM is disconnected. */
	{ VFIO_PCI_TSM_FOREIGN, VFIO_PCI_TSM_LEAVING, false },
	/* The driver has given back what it took. */
	{ VFIO_PCI_TSM_LEAVING, VFIO_PCI_TSM_IDLE, true },
};

/**
 * vfio_pci_tsm_start_watch() - check a function regularly from now on
 * @tvdev: the device
 *
 * Functions that are not bound share the processor's wake-ups: there may be many.
 */
void vfio_pci_tsm_start_watch(struct vfio_pci_tsm_device *tvdev)
{
	unsigned long interval = round_jiffies_relative(VFIO_PCI_TSM_IDLE_INTERVAL);

	if (vfio_pci_tsm_is_locked(tvdev))
		interval = VFIO_PCI_TSM_WATCH_INTERVAL;
	mod_delayed_work(system_freezable_power_efficient_wq, &tvdev->watch, interval);
}

/* Return: false if there is no such change, and then the state stays as it was. */
static bool change(struct vfio_pci_tsm_device *tvdev, enum vfio_pci_tsm_state to)
{
	enum vfio_pci_tsm_state from = tvdev->state.now;

	lockdep_assert_held(&tvdev->state.lock);
	for (int i = 0; i < ARRAY_SIZE(changes); i++) {
		if (changes[i].from != from || changes[i].to != to)
			continue;
		if (changes[i].tsm)
			lockdep_assert_held(&tvdev->tdi.lock);
		WRITE_ONCE(tvdev->state.now, to);
		wake_up_all(&tvdev->state.changed);
		return true;
	}
	pci_WARN(tvdev->core.pdev, 1, "state %d cannot become %d\n", from, to);
	return false;
}

/* The work is queued under the lock, so that a close that comes later finds it. */
static void lose(struct vfio_pci_tsm_device *tvdev, enum vfio_tsm_reason reason)
{
	if (!change(tvdev, VFIO_PCI_TSM_LOSING))
		return;
	tvdev->state.loss = reason;
	vfio_tsm_unbound(tvdev->tdev, VFIO_TSM_LOST, reason);
	pci_warn(tvdev->core.pdev, "the bound TDI is lost: %s\n", vfio_tsm_reason_name(reason));
	queue_work(vfio_pci_tsm_wq, &tvdev->tdi.work);
}

/*
 * Look for a TDI that another module of the kernel has bound, and guard it: the first one,
 * or the next one if that module has unbound it and bound it again.
 */
static void adopt(struct vfio_pci_tsm_device *tvdev)
{
	bool again = vfio_pci_tsm_state_is(tvdev, VFIO_PCI_TSM_FOREIGN);
	struct vfio_tsm_binding binding = { .foreign = true };
	struct vfio_pci_tsm_view view;

	if ((tvdev->state.now > VFIO_PCI_TSM_LOST && !again) ||
	    test_bit(VFIO_PCI_TSM_REMOVED, &tvdev->flags) ||
	    !vfio_pci_tsm_view(tvdev->core.pdev, &view) || !view.tdi ||
	    (again && vfio_pci_tsm_has_view(tvdev, &view)))
		return;
	if (!again && !change(tvdev, VFIO_PCI_TSM_FOREIGN))
		return;
	tvdev->state.ctx = view.ctx;
	tvdev->state.tdi = view.tdi;
	tvdev->state.tdi_id = view.tdi_id;
	tvdev->state.decode = vfio_pci_tsm_decode(tvdev->core.pdev);
	binding.tdi_id = view.tdi_id;
	binding.tsm_id = view.tsm_id;
	vfio_pci_tsm_mmap_block(tvdev);
	vfio_tsm_bound_elsewhere(tvdev->tdev, &binding);
	queue_work(vfio_pci_tsm_wq, &tvdev->tdi.work);
	vfio_pci_tsm_start_watch(tvdev);
}

/* The TDI of another module is gone. The owner had not bound it, so it is not lost. */
static void leave(struct vfio_pci_tsm_device *tvdev)
{
	if (!change(tvdev, VFIO_PCI_TSM_LEAVING))
		return;
	vfio_tsm_unbound(tvdev->tdev, VFIO_TSM_OPEN, VFIO_TSM_REASON_FOREIGN);
	queue_work(vfio_pci_tsm_wq, &tvdev->tdi.work);
}

/**
 * vfio_pci_tsm_disturb() - something happens that no TDI survives
 * @tvdev: the device, bound or not
 * @reason: what it is
 *
 * A bound function is lost, no matter which module bound it. A bind that is at work fails,
 * or finds at its end that the function is lost. An unbind that is at work just goes on.
 *
 * Context: may sleep, but waits neither for PCI/TSM nor for user space.
 */
void vfio_pci_tsm_disturb(struct vfio_pci_tsm_device *tvdev, enum vfio_tsm_reason reason)
{
	guard(mutex)(&tvdev->state.lock);
	tvdev->state.disturbance = reason;
	adopt(tvdev);
	if (vfio_pci_tsm_state_is(tvdev, VFIO_PCI_TSM_BOUND) ||
	    vfio_pci_tsm_state_is(tvdev, VFIO_PCI_TSM_FOREIGN))
		lose(tvdev, reason);
}

/* This takes no lock, and needs only a few loads where no TSM is connected. */
static bool may_be_outdated(struct vfio_pci_tsm_device *tvdev)
{
	switch (READ_ONCE(tvdev->state.now)) {
	case VFIO_PCI_TSM_IDLE:
	case VFIO_PCI_TSM_LOST:
		return vfio_pci_tsm_has_tdi(tvdev->core.pdev);
	case VFIO_PCI_TSM_BOUND:
	case VFIO_PCI_TSM_FOREIGN:
		return true;
	default:
		return false;
	}
}

/**
 * vfio_pci_tsm_refresh() - compare the state with the TDI that PCI/TSM has
 * @tvdev: the device
 *
 * PCI/TSM does not report that a TDI comes or goes, and a function does not report that
 * it was reset.
 *
 * Context: as vfio_pci_tsm_disturb().
 */
void vfio_pci_tsm_refresh(struct vfio_pci_tsm_device *tvdev)
{
	enum vfio_tsm_reason reason;

	if (!may_be_outdated(tvdev))
		return;

	guard(mutex)(&tvdev->state.lock);
	adopt(tvdev);
	if (!vfio_pci_tsm_state_is(tvdev, VFIO_PCI_TSM_BOUND) &&
	    !vfio_pci_tsm_state_is(tvdev, VFIO_PCI_TSM_FOREIGN))
		return;
	reason = vfio_pci_tsm_find_loss(tvdev);
	if (reason == VFIO_TSM_REASON_LOST && vfio_pci_tsm_state_is(tvdev, VFIO_PCI_TSM_FOREIGN))
		leave(tvdev);
	else if (reason)
		lose(tvdev, reason);
}

/**
 * vfio_pci_tsm_adopt_no_more() - look for a TDI of another module for the last time
 * @tvdev: the device
 */
void vfio_pci_tsm_adopt_no_more(struct vfio_pci_tsm_device *tvdev)
{
	guard(mutex)(&tvdev->state.lock);
	adopt(tvdev);
	set_bit(VFIO_PCI_TSM_REMOVED, &tvdev->flags);
}

/**
 * vfio_pci_tsm_bind_begin() - a bind begins
 * @tvdev: the device
 * @policy: gets what the administrator wants
 *
 * A device that is lost does not become BINDING. Its bind goes through the checks and
 * fails, even if the owner acknowledges the loss meanwhile.
 *
 * Return: 0; -EALREADY when it is bound; -EBUSY when another module of the kernel has
 * bound it, or it is quarantined, and then last_error shows which; -ERESTARTSYS when the
 * caller is being killed.
 *
 * Context: with operations stopped, under the device set's lock. Waits until PCI/TSM has
 * unbound a device that is lost.
 */
int vfio_pci_tsm_bind_begin(struct vfio_pci_tsm_device *tvdev, struct vfio_tsm_policy *policy)
{
	int ret;

	vfio_pci_tsm_refresh(tvdev);
	ret = vfio_pci_tsm_wait_lost(tvdev);
	if (ret)
		return ret;

	guard(mutex)(&tvdev->state.lock);
	if (tvdev->state.now >= VFIO_PCI_TSM_FOREIGN) {
		vfio_tsm_bind_end(tvdev->tdev, NULL, -EBUSY, VFIO_TSM_STAGE_FOREIGN);
		return -EBUSY;
	}
	if (vfio_pci_tsm_is_locked(tvdev))
		return -EALREADY;
	ret = vfio_tsm_bind_begin(tvdev->tdev, policy);
	if (ret) {
		vfio_tsm_bind_end(tvdev->tdev, NULL, ret, VFIO_TSM_STAGE_QUARANTINED);
		return ret;
	}
	/* The device has survived earlier disturbances. Those from now on count. */
	tvdev->state.disturbance = VFIO_TSM_REASON_NONE;
	if (!vfio_pci_tsm_state_is(tvdev, VFIO_PCI_TSM_LOST) &&
	    !change(tvdev, VFIO_PCI_TSM_BINDING))
		return -EBUSY;
	return 0;
}

/**
 * vfio_pci_tsm_bind_failed() - a bind has failed
 * @tvdev: the device, BINDING, or lost when the bind began
 * @error: a negative errno
 * @stage: the check that failed
 */
void vfio_pci_tsm_bind_failed(struct vfio_pci_tsm_device *tvdev, int error,
			      enum vfio_tsm_stage stage)
{
	guard(mutex)(&tvdev->state.lock);
	vfio_tsm_bind_end(tvdev->tdev, NULL, error, stage);
	if (vfio_pci_tsm_state_is(tvdev, VFIO_PCI_TSM_BINDING))
		change(tvdev, VFIO_PCI_TSM_IDLE);
}

/**
 * vfio_pci_tsm_lock_begin() - a bind is about to call PCI/TSM
 * @tvdev: the device
 * @stage: gets the check that failed
 *
 * Return: 0, and the device is LOCKING; -EBUSY if a function that matters to a TDI has got
 * another VFIO driver since vfio_pci_tsm_check_others(); -EHOSTDOWN if it was not BINDING, or
 * something else has disturbed the bind since it began.
 *
 * Context: under tdi.lock.
 */
int vfio_pci_tsm_lock_begin(struct vfio_pci_tsm_device *tvdev, enum vfio_tsm_stage *stage)
{
	guard(mutex)(&tvdev->state.lock);
	if (tvdev->state.disturbance == VFIO_TSM_REASON_DRIVER) {
		*stage = VFIO_TSM_STAGE_GROUP;
		return -EBUSY;
	}
	*stage = VFIO_TSM_STAGE_POWER;
	if (!vfio_pci_tsm_state_is(tvdev, VFIO_PCI_TSM_BINDING) || tvdev->state.disturbance ||
	    !change(tvdev, VFIO_PCI_TSM_LOCKING))
		return -EHOSTDOWN;
	return 0;
}

/**
 * vfio_pci_tsm_lock_failed() - PCI/TSM has not bound the function
 * @tvdev: the device, LOCKING
 *
 * Context: under tdi.lock.
 */
void vfio_pci_tsm_lock_failed(struct vfio_pci_tsm_device *tvdev)
{
	guard(mutex)(&tvdev->state.lock);
	change(tvdev, VFIO_PCI_TSM_BINDING);
}

/**
 * vfio_pci_tsm_bound() - PCI/TSM has bound the function
 * @tvdev: the device, LOCKING
 * @view: what PCI/TSM has on it now
 * @binding: how it is bound
 *
 * Return: false if the driver cannot keep the TDI, and PCI/TSM is to unbind it.
 *
 * Context: under tdi.lock.
 */
bool vfio_pci_tsm_bound(struct vfio_pci_tsm_device *tvdev, const struct vfio_pci_tsm_view *view,
			const struct vfio_tsm_binding *binding)
{
	guard(mutex)(&tvdev->state.lock);
	if (!change(tvdev, VFIO_PCI_TSM_BOUND))
		return false;
	tvdev->state.ctx = view->ctx;
	tvdev->state.tdi = view->tdi;
	tvdev->state.tdi_id = view->tdi_id;
	tvdev->state.decode = PCI_COMMAND_MASTER;
	if (!tvdev->core.pdev->no_command_memory)
		tvdev->state.decode |= PCI_COMMAND_MEMORY;
	tvdev->state.bind++;
	vfio_tsm_bind_end(tvdev->tdev, binding, 0, VFIO_TSM_STAGE_NONE);
	if (tvdev->state.disturbance)
		lose(tvdev, tvdev->state.disturbance);
	return true;
}

/* Whether PCI/TSM has let go the TDI that the owner had bound. It may have another one now. */
static bool is_gone(struct vfio_pci_tsm_device *tvdev)
{
	struct vfio_pci_tsm_view view;

	return vfio_pci_tsm_state_is(tvdev, VFIO_PCI_TSM_LOSING) &&
	       tvdev->state.loss == VFIO_TSM_REASON_LOST &&
	       !(vfio_pci_tsm_view(tvdev->core.pdev, &view) && vfio_pci_tsm_has_view(tvdev, &view));
}

/**
 * vfio_pci_tsm_current_bind() - which bind this is
 * @tvdev: the device
 *
 * Return: a number that no other bind of the device has; 0 unless it is BOUND. The number
 * is outdated as soon as the device is unbound, which the caller may have to prevent. It is
 * never used again.
 */
u64 vfio_pci_tsm_current_bind(struct vfio_pci_tsm_device *tvdev)
{
	guard(mutex)(&tvdev->state.lock);
	return vfio_pci_tsm_state_is(tvdev, VFIO_PCI_TSM_BOUND) ? tvdev->state.bind : 0;
}

/**
 * vfio_pci_tsm_unbind_begin() - the caller is about to have PCI/TSM unbind the function
 * @tvdev: the device, with vfio_pci_tsm_is_locked()
 *
 * PCI/TSM forgets the TDI before the driver does. A device that is not lost by now cannot
 * become lost any more.
 *
 * Return: false if there is nothing to unbind: it is LEAVING, or lost because the TSM has
 * let it go. A TDI that PCI/TSM has then belongs to another module, and is to be unbound
 * only if the driver detaches from the function.
 *
 * Context: under tdi.lock.
 */
bool vfio_pci_tsm_unbind_begin(struct vfio_pci_tsm_device *tvdev)
{
	guard(mutex)(&tvdev->state.lock);
	if (vfio_pci_tsm_state_is(tvdev, VFIO_PCI_TSM_BOUND) ||
	    vfio_pci_tsm_state_is(tvdev, VFIO_PCI_TSM_FOREIGN))
		change(tvdev, VFIO_PCI_TSM_UNBINDING);
	if (test_bit(VFIO_PCI_TSM_REMOVED, &tvdev->flags))
		return true;
	return !vfio_pci_tsm_state_is(tvdev, VFIO_PCI_TSM_LEAVING) && !is_gone(tvdev);
}

/**
 * vfio_pci_tsm_unbound() - the function is unbound, and what it took is given back
 * @tvdev: the device, after vfio_pci_tsm_unbind_begin()
 * @reason: why the owner or the administrator has unbound it; not used if it is lost
 *
 * Context: under tdi.lock.
 */
void vfio_pci_tsm_unbound(struct vfio_pci_tsm_device *tvdev, enum vfio_tsm_reason reason)
{
	bool left, lost;

	guard(mutex)(&tvdev->state.lock);
	left = vfio_pci_tsm_state_is(tvdev, VFIO_PCI_TSM_LEAVING);
	lost = vfio_pci_tsm_state_is(tvdev, VFIO_PCI_TSM_LOSING);
	if (change(tvdev, lost ? VFIO_PCI_TSM_LOST : VFIO_PCI_TSM_IDLE) && !left && !lost)
		vfio_tsm_unbound(tvdev->tdev, VFIO_TSM_OPEN, reason);
	adopt(tvdev);
}

/**
 * vfio_pci_tsm_acknowledge() - the owner has acknowledged a loss, or is gone
 * @tvdev: the device, lost or not
 * @publish: whether the device stays open
 */
void vfio_pci_tsm_acknowledge(struct vfio_pci_tsm_device *tvdev, bool publish)
{
	guard(mutex)(&tvdev->state.lock);
	if (!vfio_pci_tsm_state_is(tvdev, VFIO_PCI_TSM_LOST))
		return;
	if (change(tvdev, VFIO_PCI_TSM_IDLE) && publish)
		vfio_tsm_acknowledged(tvdev->tdev);
}

/**
 * vfio_pci_tsm_is_busy() - whether a function is bound, or a bind is at work
 * @tvdev: the device
 *
 * Return: false means that a bind that begins later sees what the caller wrote before.
 */
bool vfio_pci_tsm_is_busy(struct vfio_pci_tsm_device *tvdev)
{
	guard(mutex)(&tvdev->state.lock);
	return vfio_pci_tsm_is_binding(tvdev);
}

static bool is_going(struct vfio_pci_tsm_device *tvdev)
{
	return vfio_pci_tsm_state_is(tvdev, VFIO_PCI_TSM_LOSING) ||
	       vfio_pci_tsm_state_is(tvdev, VFIO_PCI_TSM_LEAVING);
}

/**
 * vfio_pci_tsm_wait_lost() - wait until the work that is left after a TDI's end is done
 * @tvdev: the device, in any state
 *
 * Return: 0; -ERESTARTSYS when the caller is being killed.
 *
 * Context: not under the device lock, pci_bus_sem or tdi.lock.
 */
int vfio_pci_tsm_wait_lost(struct vfio_pci_tsm_device *tvdev)
{
	return wait_event_killable(tvdev->state.changed, !is_going(tvdev));
}

/* Whether a bind that is at work will fail, because another module has bound the function. */
static bool fails_soon(struct vfio_pci_tsm_device *tvdev)
{
	return vfio_pci_tsm_state_is(tvdev, VFIO_PCI_TSM_BINDING) &&
	       vfio_pci_tsm_has_tdi(tvdev->core.pdev);
}

/**
 * vfio_pci_tsm_wait_unlocked() - wait a limited time until PCI/TSM has unbound a device
 * @tvdev: the device, after vfio_pci_tsm_disturb()
 * @deadline: in jiffies, when to stop waiting
 *
 * Return: false if the time was not enough.
 *
 * Context: not under tdi.lock; the device lock may be held.
 */
bool vfio_pci_tsm_wait_unlocked(struct vfio_pci_tsm_device *tvdev, unsigned long deadline)
{
	long left = max(0L, (long)(deadline - jiffies));

	return wait_event_timeout(tvdev->state.changed,
				  !vfio_pci_tsm_is_in_tsm(tvdev) && !fails_soon(tvdev), left);
}
