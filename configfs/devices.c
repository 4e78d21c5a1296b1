// SPDX-License-Identifier: GPL-2.0-only
/* The devices: addresses that have a directory, or a function on the driver. */
#include <linux/configfs.h>
#include <linux/export.h>
#include <linux/jiffies.h>
#include <linux/pci.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/xarray.h>

#include "internal.h"

static DEFINE_XARRAY(vfio_tsm_devs);
/* It ends with the module; queued work holds references to devices and directories. */
struct workqueue_struct *vfio_tsm_wq;
static DECLARE_WAIT_QUEUE_HEAD(pin_done);

static void dev_release(struct kref *ref) __releases(&vfio_tsm_devs.xa_lock)
{
	struct vfio_tsm_dev *dev = container_of(ref, struct vfio_tsm_dev, ref);

	__xa_erase(&vfio_tsm_devs, dev->index);
	xa_unlock(&vfio_tsm_devs);
	mutex_destroy(&dev->lock);
	kfree(dev);
}

/**
 * vfio_tsm_put() - give a reference back
 * @dev: what vfio_tsm_get() or vfio_tsm_find() returned
 */
void vfio_tsm_put(struct vfio_tsm_dev *dev)
{
	if (dev)
		kref_put_lock(&dev->ref, dev_release, &vfio_tsm_devs.xa_lock);
}

/**
 * vfio_tsm_find() - look a device up
 * @index: its address, see vfio_tsm_index()
 *
 * Return: the device with a reference, or NULL.
 */
struct vfio_tsm_dev *vfio_tsm_find(unsigned long index)
{
	struct vfio_tsm_dev *dev;

	xa_lock(&vfio_tsm_devs);
	dev = xa_load(&vfio_tsm_devs, index);
	if (dev)
		kref_get(&dev->ref);
	xa_unlock(&vfio_tsm_devs);
	return dev;
}

/**
 * vfio_tsm_get() - look a device up, or make it
 * @index: its address, see vfio_tsm_index()
 *
 * Return: the device with a reference, or an ERR_PTR(). A new one is ABSENT.
 */
struct vfio_tsm_dev *vfio_tsm_get(unsigned long index)
{
	struct vfio_tsm_dev *new __free(kfree) = kzalloc_obj(*new);
	struct vfio_tsm_dev *dev;

	if (!new)
		return ERR_PTR(-ENOMEM);
	kref_init(&new->ref);
	init_rwsem(&new->live);
	mutex_init(&new->lock);
	INIT_DELAYED_WORK(&new->uevents.work, vfio_tsm_uevents_work);
	INIT_WORK(&new->waker.work, vfio_tsm_waker_work);
	new->uevents.until = jiffies;
	new->index = index;
	new->policy = VFIO_TSM_DEFAULT_POLICY;

	xa_lock(&vfio_tsm_devs);
	dev = __xa_cmpxchg(&vfio_tsm_devs, index, NULL, new, GFP_KERNEL);
	if (!dev)
		dev = no_free_ptr(new);
	else if (xa_is_err(dev))
		dev = ERR_PTR(xa_err(dev));
	else
		kref_get(&dev->ref);
	xa_unlock(&vfio_tsm_devs);
	return dev;
}

/**
 * vfio_tsm_register() - a function was assigned to the driver
 * @pdev: the function
 * @ops: callbacks, valid until vfio_tsm_unregister() returns
 * @priv: their argument
 *
 * Return: the device in state ``closed``, or an ERR_PTR().
 *
 * Context: the driver's probe, under the device lock.
 */
struct vfio_tsm_dev *vfio_tsm_register(struct pci_dev *pdev, const struct vfio_tsm_ops *ops,
				       void *priv)
{
	struct vfio_tsm_dev *dev = vfio_tsm_get(vfio_tsm_index_of(pdev));

	if (IS_ERR(dev))
		return dev;

	scoped_guard(rwsem_write, &dev->live) {
		dev->ops = ops;
		dev->priv = priv;
	}

	guard(mutex)(&dev->lock);
	dev->pdev = pdev;
	dev->state = VFIO_TSM_UNASSIGNED;
	vfio_tsm_set_leaving(dev, false);
	vfio_tsm_set_state(dev, VFIO_TSM_CLOSED, VFIO_TSM_EVENT_ASSIGNED, VFIO_TSM_REASON_NONE);
	return dev;
}
EXPORT_SYMBOL_GPL(vfio_tsm_register);

/**
 * vfio_tsm_unregister() - the driver detaches from a function
 * @dev: what vfio_tsm_register() returned; not to be used afterwards
 *
 * Context: the driver's remove, under the device lock, with the device closed.
 * Waits for callbacks that run.
 */
void vfio_tsm_unregister(struct vfio_tsm_dev *dev)
{
	scoped_guard(rwsem_write, &dev->live)
		dev->ops = NULL;

	scoped_guard(mutex, &dev->lock) {
		vfio_tsm_set_state(dev, VFIO_TSM_UNASSIGNED, VFIO_TSM_EVENT_RELEASED,
				   VFIO_TSM_REASON_NONE);
		memset(&dev->report, 0, sizeof(dev->report));
		vfio_tsm_forget_tdi_state(dev);
		vfio_tsm_set_leaving(dev, true);
		dev->pdev = NULL;
	}
	/* The waker may use the function, whose directory in sysfs is removed next. */
	flush_work(&dev->waker.work);
	/* The uevent of the release was sent at once, so none is owed. */
	cancel_delayed_work_sync(&dev->uevents.work);
	vfio_tsm_put(dev);
}
EXPORT_SYMBOL_GPL(vfio_tsm_unregister);

/*
 * Keep a directory from rmdir by a dependency. configfs cannot make the dependency
 * while it is still at work on the directory, for mkdir or rmdir: this returns
 * -ENOENT then. It takes the inode lock of configfs' root.
 */
static int pin_dir(struct vfio_tsm_dir *dir)
{
	struct vfio_tsm_dev *dev = dir->dev;
	int ret;

	ret = configfs_depend_item(&vfio_tsm_subsys, &dir->group.cg_item);
	if (ret)
		return ret;

	scoped_guard(mutex, &dev->lock) {
		if (dev->in_use && !dev->pinned) {
			WRITE_ONCE(dev->pinned, dir);
			wake_up_all(&pin_done);
			return 0;
		}
	}
	configfs_undepend_item(&dir->group.cg_item);
	return 0;
}

/**
 * vfio_tsm_pin_later() - have a worker keep the directory of an open device from rmdir
 * @dir: the directory, which its device still has
 * @delay: in jiffies
 *
 * An open calls this, and a mkdir that comes after it: make_group itself is too
 * early to pin, and holds locks that pinning takes.
 */
void vfio_tsm_pin_later(struct vfio_tsm_dir *dir, unsigned long delay)
{
	lockdep_assert_held(&dir->dev->lock);
	config_item_get(&dir->group.cg_item);
	if (!queue_delayed_work(vfio_tsm_wq, &dir->pin, delay))
		config_item_put(&dir->group.cg_item);
}

void vfio_tsm_pin_work(struct work_struct *work)
{
	struct vfio_tsm_dir *dir = container_of(to_delayed_work(work), struct vfio_tsm_dir, pin);
	struct vfio_tsm_dev *dev = dir->dev;
	bool wanted;

	scoped_guard(mutex, &dev->lock)
		wanted = dev->dir == dir && dev->in_use && !dev->pinned;

	if (wanted && pin_dir(dir) == -ENOENT) {
		guard(mutex)(&dev->lock);
		if (dev->dir == dir)
			vfio_tsm_pin_later(dir, msecs_to_jiffies(10));
	}
	config_item_put(&dir->group.cg_item);
}

/**
 * vfio_tsm_open_begin() - the device is about to be opened
 * @dev: the device, closed
 * @mode: gets the region mode for this open, EXCLUSIVE or SHARED
 *
 * From here to vfio_tsm_closed() the region mode cannot be changed, and the
 * device's directory, if there is one, cannot be removed. The process of current
 * is the owner.
 *
 * Return: 0; -EBUSY when the device is quarantined, -EINTR when the caller is being
 * killed. After an error there is nothing to undo.
 */
int vfio_tsm_open_begin(struct vfio_tsm_dev *dev, enum vfio_tsm_region_mode *mode)
{
	struct vfio_tsm_dir *dir;

	scoped_guard(mutex, &dev->lock) {
		if (dev->quarantine)
			return -EBUSY;
		dir = dev->dir;
		*mode = dev->policy.region_mode ?: READ_ONCE(vfio_tsm_default_mode);
		dev->report.region_mode = *mode;
		dev->owner = get_pid(task_tgid(current));
		dev->in_use = true;
		if (dir)
			vfio_tsm_pin_later(dir, 0);
	}

	/*
	 * Do not take the lock of configfs' root here: a process that lists that
	 * directory into slow memory of its own can hold the lock without a limit.
	 * This way the process can only delay an open.
	 */
	if (dir && wait_event_killable_timeout(pin_done, READ_ONCE(dev->pinned), HZ) < 0) {
		vfio_tsm_closed(dev);
		return -EINTR;
	}
	return 0;
}
EXPORT_SYMBOL_GPL(vfio_tsm_open_begin);

/**
 * vfio_tsm_opened() - the device is open
 * @dev: the device, after vfio_tsm_open_begin()
 */
void vfio_tsm_opened(struct vfio_tsm_dev *dev)
{
	guard(mutex)(&dev->lock);
	dev->report.open_count++;
	/* Another module of the kernel may have bound it, and a reset may have ended that. */
	vfio_tsm_set_state(dev, dev->state == VFIO_TSM_CLOSED ? VFIO_TSM_OPEN : dev->state,
			   VFIO_TSM_EVENT_OPENED, VFIO_TSM_REASON_NONE);
}
EXPORT_SYMBOL_GPL(vfio_tsm_opened);

/**
 * vfio_tsm_closed() - the device is closed, or was not opened after all
 * @dev: the device, after vfio_tsm_open_begin(), not bound by its owner
 */
void vfio_tsm_closed(struct vfio_tsm_dev *dev)
{
	struct vfio_tsm_dir *pinned;
	struct pid *owner;

	scoped_guard(mutex, &dev->lock) {
		pinned = dev->pinned;
		owner = dev->owner;
		dev->pinned = NULL;
		dev->owner = NULL;
		dev->in_use = false;
		/* If it is still bound, another module of the kernel has bound it. */
		dev->binding = dev->state == VFIO_TSM_BOUND;
		dev->report.region_mode = VFIO_TSM_REGIONS_UNSET;
		if (dev->state != VFIO_TSM_CLOSED)
			vfio_tsm_set_state(dev, dev->binding ? VFIO_TSM_BOUND : VFIO_TSM_CLOSED,
					   VFIO_TSM_EVENT_CLOSED, VFIO_TSM_REASON_NONE);
	}
	put_pid(owner);
	vfio_tsm_set_event(dev, NULL);
	if (pinned)
		configfs_undepend_item(&pinned->group.cg_item);
}
EXPORT_SYMBOL_GPL(vfio_tsm_closed);

/**
 * vfio_tsm_bind_begin() - a bind starts
 * @dev: the device, open
 * @policy: gets the present policy; bar_mmap and tdi_id do not change until
 *	vfio_tsm_bind_end() with an error, vfio_tsm_unbound() or vfio_tsm_closed()
 *
 * Return: 0; -EBUSY when the device is quarantined.
 */
int vfio_tsm_bind_begin(struct vfio_tsm_dev *dev, struct vfio_tsm_policy *policy)
{
	guard(mutex)(&dev->lock);
	if (dev->quarantine)
		return -EBUSY;
	dev->binding = true;
	*policy = dev->policy;
	vfio_tsm_forget_tdi_state(dev);
	return 0;
}
EXPORT_SYMBOL_GPL(vfio_tsm_bind_begin);

/**
 * vfio_tsm_bind_end() - a bind has ended
 * @dev: the device, after vfio_tsm_bind_begin(), or refused before it
 * @binding: how it is bound, when @error is 0
 * @error: 0 or the negative errno that the ioctl returns
 * @stage: the check that failed, when @error is not 0
 */
void vfio_tsm_bind_end(struct vfio_tsm_dev *dev, const struct vfio_tsm_binding *binding, int error,
		       enum vfio_tsm_stage stage)
{
	guard(mutex)(&dev->lock);
	dev->report.last_error = error;
	dev->report.last_stage = stage;
	if (error) {
		/* Another module of the kernel may have bound a device that is lost. */
		dev->binding = dev->state == VFIO_TSM_BOUND;
		vfio_tsm_trace_bind_failed(dev);
		return;
	}
	dev->report.bound = *binding;
	dev->report.bind_count++;
	vfio_tsm_set_state(dev, VFIO_TSM_BOUND, VFIO_TSM_EVENT_BOUND, VFIO_TSM_REASON_NONE);
}
EXPORT_SYMBOL_GPL(vfio_tsm_bind_end);

/**
 * vfio_tsm_bound_elsewhere() - another module of the kernel has bound the device
 * @dev: the device, closed, open or lost
 * @binding: how it is bound
 */
void vfio_tsm_bound_elsewhere(struct vfio_tsm_dev *dev, const struct vfio_tsm_binding *binding)
{
	guard(mutex)(&dev->lock);
	dev->binding = true;
	dev->report.bound = *binding;
	vfio_tsm_set_state(dev, VFIO_TSM_BOUND, VFIO_TSM_EVENT_BOUND, VFIO_TSM_REASON_NONE);
}
EXPORT_SYMBOL_GPL(vfio_tsm_bound_elsewhere);

/**
 * vfio_tsm_unbound() - the device is not bound any more
 * @dev: the device, bound
 * @to: OPEN, or LOST when neither owner nor administrator had asked for it; if the
 *	device is not open, its state becomes CLOSED in both cases
 * @reason: why
 */
void vfio_tsm_unbound(struct vfio_tsm_dev *dev, enum vfio_tsm_state to, enum vfio_tsm_reason reason)
{
	enum vfio_tsm_event event = VFIO_TSM_EVENT_UNBOUND;

	guard(mutex)(&dev->lock);
	if (to == VFIO_TSM_LOST) {
		event = VFIO_TSM_EVENT_LOST;
		dev->report.loss_count++;
	} else if (dev->quarantine) {
		event = VFIO_TSM_EVENT_QUARANTINED;
	}
	dev->binding = false;
	vfio_tsm_forget_interface_report(dev);
	vfio_tsm_set_state(dev, dev->in_use ? to : VFIO_TSM_CLOSED, event, reason);
}
EXPORT_SYMBOL_GPL(vfio_tsm_unbound);

/**
 * vfio_tsm_acknowledged() - the owner has acknowledged that its device is lost
 * @dev: the device, lost; open from now on
 */
void vfio_tsm_acknowledged(struct vfio_tsm_dev *dev)
{
	guard(mutex)(&dev->lock);
	vfio_tsm_set_state(dev, VFIO_TSM_OPEN, VFIO_TSM_EVENT_ACKNOWLEDGED, VFIO_TSM_REASON_NONE);
}
EXPORT_SYMBOL_GPL(vfio_tsm_acknowledged);

/*
 * A function that comes or goes changes the state of its device. UNBIND_DRIVER comes before the
 * files in sysfs are removed.
 */
static int bus_notify(struct notifier_block *nb, unsigned long action, void *data)
{
	if (action != BUS_NOTIFY_ADD_DEVICE && action != BUS_NOTIFY_REMOVED_DEVICE &&
	    action != BUS_NOTIFY_UNBIND_DRIVER)
		return NOTIFY_DONE;

	struct vfio_tsm_dev *dev __free(vfio_tsm_put) =
		vfio_tsm_find(vfio_tsm_index_of(to_pci_dev(data)));

	if (!dev)
		return NOTIFY_DONE;

	guard(mutex)(&dev->lock);
	if (action == BUS_NOTIFY_UNBIND_DRIVER) {
		vfio_tsm_set_leaving(dev, true);
		return NOTIFY_DONE;
	}
	dev->state = action == BUS_NOTIFY_ADD_DEVICE ? VFIO_TSM_UNASSIGNED : VFIO_TSM_ABSENT;
	if (action == BUS_NOTIFY_REMOVED_DEVICE && vfio_tsm_is_pulled(to_pci_dev(data)))
		vfio_tsm_end_quarantine(dev);
	dev->generation++;
	return NOTIFY_DONE;
}

static struct notifier_block bus_nb = { .notifier_call = bus_notify };

int vfio_tsm_devices_init(void)
{
	int ret;

	vfio_tsm_wq = alloc_workqueue("vfio_tsm", WQ_UNBOUND, 0);
	if (!vfio_tsm_wq)
		return -ENOMEM;

	ret = bus_register_notifier(&pci_bus_type, &bus_nb);
	if (ret)
		destroy_workqueue(vfio_tsm_wq);
	return ret;
}

void vfio_tsm_devices_exit(void)
{
	bus_unregister_notifier(&pci_bus_type, &bus_nb);
	destroy_workqueue(vfio_tsm_wq);
}
