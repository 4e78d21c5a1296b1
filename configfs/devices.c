// SPDX-License-Identifier: GPL-2.0-only
/* The functions that the driver holds: what it reports, and what it is told. */
#include <linux/configfs.h>
#include <linux/export.h>
#include <linux/pci.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "internal.h"

static LIST_HEAD(vfio_tsm_devs);
static struct workqueue_struct *pin_wq;
static DECLARE_WAIT_QUEUE_HEAD(pin_done);

static void dev_free(struct kref *ref)
{
	struct vfio_tsm_dev *dev = container_of(ref, struct vfio_tsm_dev, ref);

	pci_dev_put(dev->pdev);
	kfree(dev);
}

struct vfio_tsm_dev *vfio_tsm_find_dev(const struct vfio_tsm_addr *addr)
{
	struct vfio_tsm_dev *dev;

	lockdep_assert_held(&vfio_tsm_lock);
	list_for_each_entry(dev, &vfio_tsm_devs, node)
		if (vfio_tsm_same_addr(&dev->addr, addr))
			return dev;
	return NULL;
}

struct vfio_tsm_dir *vfio_tsm_find_dir(const struct vfio_tsm_addr *addr)
{
	struct vfio_tsm_dir *dir;

	lockdep_assert_held(&vfio_tsm_lock);
	list_for_each_entry(dir, &vfio_tsm_dirs, node)
		if (vfio_tsm_same_addr(&dir->addr, addr))
			return dir;
	return NULL;
}

/**
 * vfio_tsm_enter_dev() - look a function up, and keep the driver from leaving
 * @addr: the function
 *
 * Return: the registered device, to be given to vfio_tsm_leave_dev(), or NULL.
 */
struct vfio_tsm_dev *vfio_tsm_enter_dev(const struct vfio_tsm_addr *addr)
{
	struct vfio_tsm_dev *dev;

	scoped_guard(mutex, &vfio_tsm_lock) {
		dev = vfio_tsm_find_dev(addr);
		if (!dev)
			return NULL;
		kref_get(&dev->ref);
	}

	down_read(&dev->live);
	if (dev->ops)
		return dev;
	vfio_tsm_leave_dev(dev);
	return NULL;
}

/**
 * vfio_tsm_leave_dev() - let the driver leave again
 * @dev: what vfio_tsm_enter_dev() returned
 */
void vfio_tsm_leave_dev(struct vfio_tsm_dev *dev)
{
	if (!dev)
		return;
	up_read(&dev->live);
	kref_put(&dev->ref, dev_free);
}

/**
 * vfio_tsm_register() - the driver has taken a function
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
	struct vfio_tsm_dev *dev;
	struct vfio_tsm_dir *dir;

	dev = kzalloc_obj(*dev);
	if (!dev)
		return ERR_PTR(-ENOMEM);

	kref_init(&dev->ref);
	init_rwsem(&dev->live);
	dev->pdev = pci_dev_get(pdev);
	dev->addr = vfio_tsm_addr_of(pdev);
	dev->ops = ops;
	dev->priv = priv;
	dev->state = VFIO_TSM_UNASSIGNED;

	guard(mutex)(&vfio_tsm_lock);
	dir = vfio_tsm_find_dir(&dev->addr);
	dev->generation = dir ? dir->generation : 0;
	list_add_tail(&dev->node, &vfio_tsm_devs);
	vfio_tsm_set_state(dev, VFIO_TSM_CLOSED, VFIO_TSM_EVENT_ASSIGNED, VFIO_TSM_REASON_NONE);
	return dev;
}
EXPORT_SYMBOL_GPL(vfio_tsm_register);

/**
 * vfio_tsm_unregister() - the driver leaves a function
 * @dev: what vfio_tsm_register() returned; gone afterwards
 *
 * Context: the driver's remove, under the device lock, with the device closed.
 * Waits for callbacks that run.
 */
void vfio_tsm_unregister(struct vfio_tsm_dev *dev)
{
	struct vfio_tsm_dir *dir;

	scoped_guard(rwsem_write, &dev->live)
		dev->ops = NULL;

	scoped_guard(mutex, &vfio_tsm_lock) {
		list_del(&dev->node);
		vfio_tsm_set_state(dev, VFIO_TSM_UNASSIGNED, VFIO_TSM_EVENT_RELEASED,
				   VFIO_TSM_REASON_NONE);
		dir = vfio_tsm_find_dir(&dev->addr);
		if (dir)
			dir->generation = dev->generation;
	}
	kref_put(&dev->ref, dev_free);
}
EXPORT_SYMBOL_GPL(vfio_tsm_unregister);

/*
 * rmdir is refused for a directory that something depends on. The dependency
 * cannot be made while configfs is still at work on the directory, be it mkdir
 * or rmdir: -ENOENT then. Takes the inode lock of configfs' root.
 */
static int pin_dir(struct vfio_tsm_dev *dev, struct vfio_tsm_dir *dir)
{
	int ret;

	ret = configfs_depend_item(&vfio_tsm_subsys, &dir->group.cg_item);
	if (ret)
		return ret;

	scoped_guard(mutex, &vfio_tsm_lock) {
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
 * vfio_tsm_pin_later() - keep a directory whose device is open, out of line
 * @dir: the directory, in the list
 * @delay: in jiffies
 *
 * For an open, and for a mkdir that comes after it: make_group itself is too
 * early, and holds locks that pinning takes.
 */
void vfio_tsm_pin_later(struct vfio_tsm_dir *dir, unsigned long delay)
{
	lockdep_assert_held(&vfio_tsm_lock);
	config_item_get(&dir->group.cg_item);
	if (!queue_delayed_work(pin_wq, &dir->pin, delay))
		config_item_put(&dir->group.cg_item);
}

void vfio_tsm_pin_work(struct work_struct *work)
{
	struct vfio_tsm_dir *dir = container_of(to_delayed_work(work), struct vfio_tsm_dir, pin);
	struct vfio_tsm_dev *dev;
	int ret = 0;

	scoped_guard(mutex, &vfio_tsm_lock) {
		dev = vfio_tsm_find_dir(&dir->addr) == dir ? vfio_tsm_find_dev(&dir->addr) : NULL;
		if (dev && dev->in_use && !dev->pinned)
			kref_get(&dev->ref);
		else
			dev = NULL;
	}

	if (dev) {
		ret = pin_dir(dev, dir);
		kref_put(&dev->ref, dev_free);
	}
	if (ret == -ENOENT) {
		guard(mutex)(&vfio_tsm_lock);
		if (vfio_tsm_find_dir(&dir->addr) == dir)
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
 * device's directory, where there is one, cannot be removed. current is the
 * owner.
 *
 * Return: 0, or -EINTR when the caller is being killed, with nothing to undo.
 */
int vfio_tsm_open_begin(struct vfio_tsm_dev *dev, enum vfio_tsm_region_mode *mode)
{
	struct vfio_tsm_dir *dir;

	scoped_guard(mutex, &vfio_tsm_lock) {
		dir = vfio_tsm_find_dir(&dev->addr);
		*mode = dir ? dir->policy.region_mode : VFIO_TSM_REGIONS_UNSET;
		if (*mode == VFIO_TSM_REGIONS_UNSET)
			*mode = vfio_tsm_default_mode;
		dev->region_mode = *mode;
		dev->owner = get_pid(task_tgid(current));
		dev->in_use = true;
		if (dir)
			vfio_tsm_pin_later(dir, 0);
	}

	/*
	 * Not here: the lock of configfs' root may be held for as long as anybody
	 * likes who lists that directory into memory of their own making. Who does
	 * so delays an open, and no more.
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
	guard(mutex)(&vfio_tsm_lock);
	dev->open_count++;
	vfio_tsm_set_state(dev, VFIO_TSM_OPEN, VFIO_TSM_EVENT_OPENED, VFIO_TSM_REASON_NONE);
}
EXPORT_SYMBOL_GPL(vfio_tsm_opened);

/**
 * vfio_tsm_closed() - the device is closed, or was not opened after all
 * @dev: the device, after vfio_tsm_open_begin(), not bound
 */
void vfio_tsm_closed(struct vfio_tsm_dev *dev)
{
	struct vfio_tsm_dir *pinned;
	struct pid *owner;

	scoped_guard(mutex, &vfio_tsm_lock) {
		pinned = dev->pinned;
		owner = dev->owner;
		dev->pinned = NULL;
		dev->owner = NULL;
		dev->in_use = false;
		dev->binding = false;
		dev->region_mode = VFIO_TSM_REGIONS_UNSET;
		if (dev->state != VFIO_TSM_CLOSED)
			vfio_tsm_set_state(dev, VFIO_TSM_CLOSED, VFIO_TSM_EVENT_CLOSED,
					   VFIO_TSM_REASON_NONE);
	}
	put_pid(owner);
	if (pinned)
		configfs_undepend_item(&pinned->group.cg_item);
}
EXPORT_SYMBOL_GPL(vfio_tsm_closed);

/**
 * vfio_tsm_bind_begin() - a bind starts
 * @dev: the device, open
 * @policy: gets what is wanted now; bar_mmap and tdi_id stay so until
 *	vfio_tsm_bind_end() with an error, vfio_tsm_unbound() or vfio_tsm_closed()
 */
void vfio_tsm_bind_begin(struct vfio_tsm_dev *dev, struct vfio_tsm_policy *policy)
{
	struct vfio_tsm_dir *dir;

	guard(mutex)(&vfio_tsm_lock);
	dev->binding = true;
	dir = vfio_tsm_find_dir(&dev->addr);
	if (dir)
		*policy = dir->policy;
	else
		*policy = (struct vfio_tsm_policy){ .bind_allowed = true };
}
EXPORT_SYMBOL_GPL(vfio_tsm_bind_begin);

/**
 * vfio_tsm_bind_is_allowed() - what the administrator says now
 * @dev: the device, between vfio_tsm_bind_begin() and vfio_tsm_bind_end()
 *
 * Return: false if bind_allowed was set to 0 since.
 */
bool vfio_tsm_bind_is_allowed(struct vfio_tsm_dev *dev)
{
	struct vfio_tsm_dir *dir;

	guard(mutex)(&vfio_tsm_lock);
	dir = vfio_tsm_find_dir(&dev->addr);
	return !dir || dir->policy.bind_allowed;
}
EXPORT_SYMBOL_GPL(vfio_tsm_bind_is_allowed);

/**
 * vfio_tsm_bind_end() - a bind has ended
 * @dev: the device, after vfio_tsm_bind_begin()
 * @binding: how it is bound, when @error is 0
 * @error: 0 or the negative errno that the ioctl answers
 * @stage: where it was refused, when @error is not 0
 */
void vfio_tsm_bind_end(struct vfio_tsm_dev *dev, const struct vfio_tsm_binding *binding, int error,
		       enum vfio_tsm_stage stage)
{
	guard(mutex)(&vfio_tsm_lock);
	dev->last_error = error;
	dev->last_stage = stage;
	if (error) {
		dev->binding = false;
		vfio_tsm_trace_bind_failed(dev);
		return;
	}
	dev->bound = *binding;
	dev->bind_count++;
	vfio_tsm_set_state(dev, VFIO_TSM_BOUND, VFIO_TSM_EVENT_BOUND, VFIO_TSM_REASON_NONE);
}
EXPORT_SYMBOL_GPL(vfio_tsm_bind_end);

/**
 * vfio_tsm_unbound() - the device is bound no more
 * @dev: the device, bound
 * @to: OPEN, or LOST when neither owner nor administrator had asked for it
 * @reason: why
 */
void vfio_tsm_unbound(struct vfio_tsm_dev *dev, enum vfio_tsm_state to, enum vfio_tsm_reason reason)
{
	guard(mutex)(&vfio_tsm_lock);
	dev->binding = false;
	vfio_tsm_set_state(dev, to,
			   to == VFIO_TSM_LOST ? VFIO_TSM_EVENT_LOST : VFIO_TSM_EVENT_UNBOUND,
			   reason);
}
EXPORT_SYMBOL_GPL(vfio_tsm_unbound);

/**
 * vfio_tsm_acknowledged() - the owner knows that its device is lost
 * @dev: the device, lost; open from now on
 */
void vfio_tsm_acknowledged(struct vfio_tsm_dev *dev)
{
	guard(mutex)(&vfio_tsm_lock);
	vfio_tsm_set_state(dev, VFIO_TSM_OPEN, VFIO_TSM_EVENT_ACKNOWLEDGED, VFIO_TSM_REASON_NONE);
}
EXPORT_SYMBOL_GPL(vfio_tsm_acknowledged);

/* A function that comes or goes changes the state of its directory, too. */
static int bus_notify(struct notifier_block *nb, unsigned long action, void *data)
{
	struct pci_dev *pdev = to_pci_dev(data);
	struct vfio_tsm_addr addr = vfio_tsm_addr_of(pdev);
	struct vfio_tsm_dir *dir;

	if (action != BUS_NOTIFY_ADD_DEVICE && action != BUS_NOTIFY_REMOVED_DEVICE)
		return NOTIFY_DONE;

	guard(mutex)(&vfio_tsm_lock);
	dir = vfio_tsm_find_dir(&addr);
	if (dir)
		dir->generation++;
	return NOTIFY_DONE;
}

static struct notifier_block bus_nb = { .notifier_call = bus_notify };

int vfio_tsm_devices_init(void)
{
	int ret;

	pin_wq = alloc_workqueue("vfio_tsm", WQ_UNBOUND, 0);
	if (!pin_wq)
		return -ENOMEM;

	ret = bus_register_notifier(&pci_bus_type, &bus_nb);
	if (ret)
		destroy_workqueue(pin_wq);
	return ret;
}

void vfio_tsm_devices_exit(void)
{
	bus_unregister_notifier(&pci_bus_type, &bus_nb);
	destroy_workqueue(pin_wq);
}
