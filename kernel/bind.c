// SPDX-License-Identifier: GPL-2.0-only
/*
 * VFIO_DEVICE_TSM_BIND and _UNBIND, and every other way in and out of the bound
 * state.
 */
#include <linux/pci-tsm.h>
#include <linux/pm_runtime.h>
#include <linux/tsm.h>
#include <linux/uaccess.h>
#include <linux/vfio_tsm.h>

#include "vfio_pci_tsm.h"

/* What PCI/TSM has on a function. */
struct tsm_view {
	struct pci_tsm *ctx;
	struct pci_tdi *tdi;
	int tsm_id;
	bool can_bind;
};

/*
 * PCI/TSM has no question to ask, and pci_tsm_rwsem, which keeps these
 * structures, is its own: root may disconnect the TSM at any moment. So look
 * without faulting, and believe what was seen only if the function still has
 * the same context afterwards.
 *
 * Return: whether the function is connected.
 */
static bool view_tsm(struct pci_dev *pdev, struct tsm_view *view)
{
	const struct pci_tsm_ops *ops;
	struct tsm_dev *tsm_dev;
	unsigned long bind;

	view->ctx = READ_ONCE(pdev->tsm);
	if (!view->ctx)
		return false;

	if (get_kernel_nofault(view->tdi, &view->ctx->tdi) ||
	    get_kernel_nofault(tsm_dev, &view->ctx->tsm_dev) ||
	    get_kernel_nofault(view->tsm_id, &tsm_dev->id) ||
	    get_kernel_nofault(ops, &tsm_dev->pci_ops) ||
	    copy_from_kernel_nofault(&bind, &ops->bind, sizeof(bind)))
		return false;

	view->can_bind = bind;
	return READ_ONCE(pdev->tsm) == view->ctx;
}

/*
 * A VF does not keep its PF from runtime suspend, which some drivers do, and then
 * its memory is gone. Not under tsm_lock: a PF's driver may take any lock.
 */
static int wake_pf(struct vfio_pci_tsm_device *tsm)
{
	struct pci_dev *pdev = tsm->core.pdev;
	int ret;

	if (!pdev->is_virtfn)
		return 0;
	ret = pm_runtime_resume_and_get(&pci_physfn(pdev)->dev);
	tsm->pf_awake = ret >= 0;
	return ret < 0 ? ret : 0;
}

static void let_pf_sleep(struct vfio_pci_tsm_device *tsm)
{
	if (tsm->pf_awake)
		pm_runtime_put(&pci_physfn(tsm->core.pdev)->dev);
	tsm->pf_awake = false;
}

/* What the owner has not asked for, nor the administrator, it has to be told. */
static bool is_loss(enum vfio_tsm_reason reason)
{
	switch (reason) {
	case VFIO_TSM_REASON_IOCTL:
	case VFIO_TSM_REASON_CLOSE:
	case VFIO_TSM_REASON_REVOKED:
		return false;
	default:
		return true;
	}
}

/**
 * vfio_pci_tsm_drop_locked() - give a bound function back to its owner
 * @tsm: the device, bound
 * @reason: why
 *
 * Unlocked first, then everything that was shut for the TDI's sake. A device
 * that is lost asks its owner for attention by the device request interrupt
 * (VFIO_PCI_REQ_IRQ_INDEX), where the owner has set one up.
 *
 * Context: under tsm_lock.
 */
void vfio_pci_tsm_drop_locked(struct vfio_pci_tsm_device *tsm, enum vfio_tsm_reason reason)
{
	bool lost = is_loss(reason);

	lockdep_assert_held(&tsm->tsm_lock);

	/* Does nothing where the TSM has let go by itself. */
	WRITE_ONCE(tsm->in_tsm, true);
	pci_tsm_unbind(tsm->core.pdev);
	WRITE_ONCE(tsm->in_tsm, false);
	tsm->ctx = NULL;
	tsm->tdi = NULL;
	vfio_pci_tsm_put_vdevice(tsm);
	vfio_pci_tsm_resets_on(tsm);
	vfio_pci_tsm_rom_on(tsm);
	let_pf_sleep(tsm);
	vfio_pci_tsm_mmap_allow(tsm);
	tsm->lost = lost;
	WRITE_ONCE(tsm->bound, false);
	vfio_tsm_unbound(tsm->tdev, lost ? VFIO_TSM_LOST : VFIO_TSM_OPEN, reason);
	if (lost) {
		pci_warn(tsm->core.pdev, "the bound TDI is lost\n");
		/* A count of 0 would be logged, as a request to leave the device. */
		vfio_pci_core_request(&tsm->core.vdev, 1);
	}
}

/**
 * vfio_pci_tsm_lose() - unbind because of something that cannot be refused
 * @tsm: the device, bound or not
 * @reason: what it is
 *
 * Context: takes tsm_lock, and returns with the function unlocked.
 */
void vfio_pci_tsm_lose(struct vfio_pci_tsm_device *tsm, enum vfio_tsm_reason reason)
{
	guard(mutex)(&tsm->tsm_lock);
	if (tsm->bound)
		vfio_pci_tsm_drop_locked(tsm, reason);
}

/* The TSM tells nobody when it lets a TDI go: look whether ours is still there. */
static void refresh_locked(struct vfio_pci_tsm_device *tsm)
{
	struct tsm_view view;

	lockdep_assert_held(&tsm->tsm_lock);
	if (!tsm->bound)
		return;
	if (READ_ONCE(tsm->aer)) {
		vfio_pci_tsm_drop_locked(tsm, VFIO_TSM_REASON_AER);
		return;
	}
	if (view_tsm(tsm->core.pdev, &view) && view.ctx == tsm->ctx && view.tdi &&
	    view.tdi == tsm->tdi)
		return;
	vfio_pci_tsm_drop_locked(tsm, VFIO_TSM_REASON_LOST);
}

/**
 * vfio_pci_tsm_is_bound() - whether the function is bound, and the TSM has it still
 * @tsm: the device
 *
 * Return: false stays so as long as the caller keeps binds out, by op_sem or the
 * device set's lock; true may be past.
 *
 * Context: takes tsm_lock if the function is bound.
 */
bool vfio_pci_tsm_is_bound(struct vfio_pci_tsm_device *tsm)
{
	if (!READ_ONCE(tsm->bound))
		return false;

	guard(mutex)(&tsm->tsm_lock);
	refresh_locked(tsm);
	return tsm->bound;
}

/* How often somebody looks when nobody asks. */
#define WATCH_INTERVAL HZ

/**
 * vfio_pci_tsm_watch() - notice that the TSM has let go of an idle device
 * @work: the device's
 *
 * Runs from a bind until it finds the device unbound, and on an error.
 */
void vfio_pci_tsm_watch(struct work_struct *work)
{
	struct vfio_pci_tsm_device *tsm =
		container_of(to_delayed_work(work), struct vfio_pci_tsm_device, watch);

	/* VFs may be on buses that recovery does not walk. */
	if (READ_ONCE(tsm->aer) && tsm->core.pdev->is_physfn)
		vfio_pci_tsm_lose_vfs(tsm->core.pdev, VFIO_TSM_REASON_AER);

	if (vfio_pci_tsm_is_bound(tsm))
		queue_delayed_work(system_freezable_power_efficient_wq, &tsm->watch,
				   WATCH_INTERVAL);
}

/* Who reads the state does not wait for a TSM that is slow to change it. */
static void tsm_refresh(void *priv)
{
	struct vfio_pci_tsm_device *tsm = priv;

	if (READ_ONCE(tsm->in_tsm))
		return;
	guard(mutex)(&tsm->tsm_lock);
	refresh_locked(tsm);
}

static int tsm_revoke(void *priv)
{
	struct vfio_pci_tsm_device *tsm = priv;
	int ret;

	ACQUIRE(mutex_intr, lock)(&tsm->tsm_lock);
	ret = ACQUIRE_ERR(mutex_intr, &lock);
	if (ret)
		return ret;

	refresh_locked(tsm);
	if (tsm->bound)
		vfio_pci_tsm_drop_locked(tsm, VFIO_TSM_REASON_REVOKED);
	return 0;
}

const struct vfio_tsm_ops vfio_pci_tsm_ops = {
	.revoke = tsm_revoke,
	.refresh = tsm_refresh,
};

/*
 * Copies an argument that begins with its size, once: struct vfio_pci_tsm_bind
 * or _unbind. Bytes that this kernel does not know must be zero.
 */
static int copy_arg(void *dst, size_t size, unsigned long arg)
{
	u32 argsz;
	int ret;

	ret = get_user(argsz, (u32 __user *)arg);
	if (ret)
		return ret;
	if (argsz < size)
		return -EINVAL;
	if (argsz > PAGE_SIZE)
		return -E2BIG;
	return copy_struct_from_user(dst, size, (void __user *)arg, argsz);
}

/* Which requester ID the guest knows the function by. */
static int choose_tdi_id(struct vfio_pci_tsm_device *tsm, const struct vfio_tsm_policy *policy,
			 struct vfio_tsm_binding *binding, enum vfio_tsm_stage *stage)
{
	if (binding->vdevice_id) {
		*stage = VFIO_TSM_STAGE_VDEVICE;
		return vfio_pci_tsm_get_vdevice(tsm, binding->vdevice_id, &binding->tdi_id);
	}
	if (!policy->has_tdi_id) {
		*stage = VFIO_TSM_STAGE_TDI_ID;
		return -ENODATA;
	}
	binding->tdi_id = policy->tdi_id;
	return 0;
}

/*
 * A TDI is locked with memory decode and mastering on, and must keep them. A VF
 * has no Memory Space Enable of its own: its PF decodes as long as it exists.
 */
static int check_ready(struct vfio_pci_tsm_device *tsm, enum vfio_tsm_stage *stage)
{
	struct pci_dev *pdev = tsm->core.pdev;
	u16 command;

	*stage = VFIO_TSM_STAGE_POWER;
	if (tsm->resetting || tsm->sriov_changing || vfio_pci_tsm_is_suspending())
		return -EHOSTDOWN;
	/* In the middle of AER, whose recovery asks whether the bus can be reset. */
	if (pci_channel_offline(pdev) || pci_channel_offline(pci_physfn(pdev)))
		return -EHOSTDOWN;
	if (tsm->core.pm_runtime_engaged || pdev->current_state != PCI_D0)
		return -EHOSTDOWN;

	if (vfio_pci_tsm_rom_is_read(tsm))
		return -EHOSTDOWN;

	*stage = VFIO_TSM_STAGE_COMMAND;
	pci_read_config_word(pdev, PCI_COMMAND, &command);
	if (PCI_POSSIBLE_ERROR(command) || !(command & PCI_COMMAND_MASTER))
		return -EHOSTDOWN;
	if (!pdev->no_command_memory && !(command & PCI_COMMAND_MEMORY))
		return -EHOSTDOWN;
	/* Without memory_lock: op_sem has user space's writes waiting. */
	return __vfio_pci_memory_enabled(&tsm->core) ? 0 : -EHOSTDOWN;
}

/*
 * The step itself. tsm_lock is held until the success is published, so that
 * whatever unbinds, does and says so later.
 */
static int lock_tdi(struct vfio_pci_tsm_device *tsm, struct vfio_tsm_binding *binding,
		    enum vfio_tsm_stage *stage)
{
	struct pci_dev *pdev = tsm->core.pdev;
	struct tsm_view view, after;
	int ret;

	guard(mutex)(&tsm->tsm_lock);

	/* A TSM driver without .bind would have pci_tsm_bind() call NULL. */
	*stage = VFIO_TSM_STAGE_NOT_CONNECTED;
	if (tsm->lost || !view_tsm(pdev, &view) || !view.can_bind)
		return -ENXIO;

	ret = check_ready(tsm, stage);
	if (ret)
		return ret;

	/* What went before has been survived, or is seen by the states above. */
	WRITE_ONCE(tsm->aer, false);
	ret = vfio_pci_tsm_resets_off(tsm);
	if (ret) {
		*stage = VFIO_TSM_STAGE_POWER;
		return ret;
	}

	*stage = VFIO_TSM_STAGE_TSM;
	WRITE_ONCE(tsm->in_tsm, true);
	ret = pci_tsm_bind(pdev, tsm->core.vdev.kvm, binding->tdi_id);
	WRITE_ONCE(tsm->in_tsm, false);
	if (ret) {
		vfio_pci_tsm_resets_on(tsm);
		return ret;
	}

	/* Gone again already? Then the next refresh finds no TDI. */
	tsm->ctx = view.ctx;
	tsm->tdi = view_tsm(pdev, &after) ? after.tdi : NULL;
	WRITE_ONCE(tsm->bound, true);
	vfio_pci_tsm_mmap_block(tsm);
	binding->tsm_id = view.tsm_id;
	vfio_tsm_bind_end(tsm->tdev, binding, 0, VFIO_TSM_STAGE_NONE);
	queue_delayed_work(system_freezable_power_efficient_wq, &tsm->watch, WATCH_INTERVAL);
	return 0;
}

/* In the order of the ABI's table: the first that does not hold is the answer. */
static int bind_checked(struct vfio_pci_tsm_device *tsm, const struct vfio_tsm_policy *policy,
			struct vfio_tsm_binding *binding, enum vfio_tsm_stage *stage)
{
	int ret;

	*stage = VFIO_TSM_STAGE_REGIONS;
	if (tsm->region_mode != VFIO_TSM_REGIONS_EXCLUSIVE)
		return -EPERM;

	*stage = VFIO_TSM_STAGE_DENIED;
	if (!policy->bind_allowed)
		return -EACCES;

	*stage = VFIO_TSM_STAGE_MAPPED;
	if (policy->bar_mmap == VFIO_TSM_BAR_MMAP_REFUSE && vfio_pci_tsm_is_mapped(tsm))
		return -EBUSY;

	/* It would go on writing to a BAR that is the guest's. */
	*stage = VFIO_TSM_STAGE_IOEVENTFD;
	if (tsm->core.ioeventfds_nr)
		return -EBUSY;

	*stage = VFIO_TSM_STAGE_KVM;
	if (!tsm->core.vdev.kvm)
		return -EINVAL;

	ret = choose_tdi_id(tsm, policy, binding, stage);
	if (ret)
		return ret;

	*stage = VFIO_TSM_STAGE_GROUP;
	ret = vfio_pci_tsm_check_group(tsm);
	if (ret)
		goto err_vdevice;

	*stage = VFIO_TSM_STAGE_POWER;
	if (wake_pf(tsm)) {
		ret = -EHOSTDOWN;
		goto err_vdevice;
	}

	vfio_pci_tsm_rom_off(tsm);
	*stage = VFIO_TSM_STAGE_MAPPED;
	ret = vfio_pci_tsm_mmap_begin_bind(tsm, policy->bar_mmap);
	if (ret)
		goto err_rom;

	ret = lock_tdi(tsm, binding, stage);
	if (ret)
		goto err_mmap;
	return 0;

err_mmap:
	vfio_pci_tsm_mmap_allow(tsm);
err_rom:
	vfio_pci_tsm_rom_on(tsm);
	let_pf_sleep(tsm);
err_vdevice:
	vfio_pci_tsm_put_vdevice(tsm);
	return ret;
}

/**
 * vfio_pci_tsm_bind() - VFIO_DEVICE_TSM_BIND
 * @tsm: the device
 * @arg: user's pointer to struct vfio_pci_tsm_bind
 *
 * Return: as in <linux/vfio_tsm.h>; with an error nothing has changed but
 * last_error.
 *
 * Context: ioctl of the file that opened the device.
 */
int vfio_pci_tsm_bind(struct vfio_pci_tsm_device *tsm, unsigned long arg)
{
	enum vfio_tsm_stage stage = VFIO_TSM_STAGE_NONE;
	struct vfio_tsm_binding binding = {};
	struct vfio_pci_tsm_bind bind;
	struct vfio_tsm_policy policy;
	int ret;

	ret = copy_arg(&bind, sizeof(bind), arg);
	if (ret)
		return ret;
	if (bind.flags || bind.pad)
		return -EINVAL;

	if (!vfio_device_cdev_opened(&tsm->core.vdev))
		return -ENOTTY;

	ACQUIRE(rwsem_write_kill, lock)(&tsm->op_sem);
	ret = ACQUIRE_ERR(rwsem_write_kill, &lock);
	if (ret)
		return ret;

	ACQUIRE(mutex_kill, set_lock)(&tsm->core.vdev.dev_set->lock);
	ret = ACQUIRE_ERR(mutex_kill, &set_lock);
	if (ret)
		return ret;

	scoped_guard(mutex, &tsm->tsm_lock) {
		refresh_locked(tsm);
		if (tsm->bound)
			return -EALREADY;
	}

	binding.vdevice_id = bind.vdevice_id;
	vfio_tsm_bind_begin(tsm->tdev, &policy);
	WRITE_ONCE(tsm->binding, true);
	ret = bind_checked(tsm, &policy, &binding, &stage);
	WRITE_ONCE(tsm->binding, false);
	if (ret)
		vfio_tsm_bind_end(tsm->tdev, NULL, ret, stage);
	return ret;
}

/**
 * vfio_pci_tsm_unbind() - VFIO_DEVICE_TSM_UNBIND
 * @tsm: the device
 * @arg: user's pointer to struct vfio_pci_tsm_unbind
 *
 * Return: 0, also when nothing is bound; else as in <linux/vfio_tsm.h>.
 *
 * Context: ioctl of the file that opened the device.
 */
int vfio_pci_tsm_unbind(struct vfio_pci_tsm_device *tsm, unsigned long arg)
{
	struct vfio_pci_tsm_unbind unbind;
	int ret;

	ret = copy_arg(&unbind, sizeof(unbind), arg);
	if (ret)
		return ret;
	if (unbind.flags)
		return -EINVAL;

	if (!vfio_device_cdev_opened(&tsm->core.vdev))
		return -ENOTTY;

	guard(mutex)(&tsm->tsm_lock);
	refresh_locked(tsm);
	if (tsm->bound) {
		vfio_pci_tsm_drop_locked(tsm, VFIO_TSM_REASON_IOCTL);
	} else if (tsm->lost) {
		tsm->lost = false;
		vfio_tsm_acknowledged(tsm->tdev);
	}
	return 0;
}
