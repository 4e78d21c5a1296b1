/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vfio-pci-tsm: a vfio-pci variant driver that binds functions as TDIs.
 *
 *	main.c		the PCI driver and the tables of operations
 *	open.c		open and close, and the exclusive claim on the MMIO regions
 *	bind.c		VFIO_DEVICE_TSM_BIND
 *	unbind.c	_UNBIND, and the administrator's revoke
 *	state.c		the states of a function, and the changes from one to another
 *	tdi.c		the TDI that PCI/TSM has, and how it ends
 *	request.c	VFIO_DEVICE_TSM_REQ, info.c _INFO, event.c _EVENT
 *	hold.c		what a bind takes from other functions, and gives back
 *	resets.c	resets that the PCI core refuses while a function is bound
 *	watch.c		a regular check of a function
 *	ops.c		operations of VFIO that a bind waits for
 *	guard.c		operations of VFIO that are refused while bound
 *	config.c	writes to configuration space while bound
 *	hosts.c		registers of the host alone
 *	mmap.c		mappings of BARs: counted, blocked, zapped
 *	recovery.c	resets and errors that the PCI core reports
 *	vdevice.c	the iommufd vDEVICE that a bind may name
 *	rom.c		the expansion ROM, which root can also read
 *	dependents.c	the functions on the driver, and which one depends on which
 *	sriov.c		changes of the number of VFs
 *	pm.c		system suspend
 *
 * Locks, outermost first:
 *
 *	vfio_pci_tsm_device::request.lock - not taken in a bind
 *	vfio_pci_tsm_device::op.lock - held by a bind
 *	operations of VFIO and binds, which wait for each other as for a lock (ops.c)
 *	vfio_pci_tsm_device::config.lock - not taken in a bind
 *	vfio_device_set::lock - VFIO's own. A bind holds it against hot resets
 *		by siblings of the same set, and changes of its own IOMMU domain.
 *	vfio_pci_core_device::igate - VFIO's own, around a change of interrupts. A bind
 *		holds it while it checks the Command register.
 *	vfio_pci_core_device::memory_lock - VFIO's own. Write to remove mappings, read
 *		around each fault. Never held over a call into PCI/TSM. Under
 *		mmap_lock, or where the kernel copies to a BAR, a wait for it ends
 *		after a second; see lock_memory().
 *	vfio_pci_tsm_device::tdi.lock - held for as long as a TSM takes to bind or
 *		unbind
 *	the locks of PCI/TSM
 *
 * The short locks are never held while anything waits for PCI/TSM or for user space.
 * They are taken with any of the above or with none:
 *
 *	functions_lock (dependents.c), then
 *	vfio_pci_tsm_device::state.lock
 *	held_lock (resets.c) and writers_lock (hold.c), which are leaves
 *
 * The kernel-doc of each lock describes what it protects.
 *
 * The device lock and pci_bus_sem come before the short locks. Nothing of the first list
 * is waited for under them, because that can close a circle: error recovery waits for
 * device locks with pci_bus_sem held, a hot-add waits for pci_bus_sem, and PCI/TSM
 * waits for it with its semaphore held. Callbacks of the PCI core do this instead:
 *
 *	reset_prepare()		marks the TDI as lost, waits reset_wait seconds at most for
 *				the worker that unbinds it, and lets the reset go on
 *	error_detected()	marks the TDI as lost, and does not wait
 *	sriov_configure()	reads the state, and returns -EBUSY
 *	shutdown()		as reset_prepare(), one time limit for all functions
 *	probe()			as remove(), if it fails
 *	remove()		waits for the last close, as in every VFIO driver. The
 *				close waits for PCI/TSM without a limit: KVM and the driver
 *				must not go before the TSM has let the TDI go. This is the
 *				one wait that remains under the device lock.
 *
 * The driver does not take pci_bus_sem.
 */
#ifndef VFIO_PCI_TSM_H
#define VFIO_PCI_TSM_H

#include <linux/atomic.h>
#include <linux/ioport.h>
#include <linux/list.h>
#include <linux/lockdep.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/percpu-refcount.h>
#include <linux/rwsem.h>
#include <linux/semaphore.h>
#include <linux/vfio.h>
#include <linux/vfio_pci_core.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "compat.h"
#include "state.h"
#include "vfio_tsm_dev.h"
#include "view.h"

struct iommufd_vdevice;
struct notifier_block;

#define VFIO_PCI_TSM_DRIVER "vfio-pci-tsm"

/* How many requests of the guest have buffers at a time; each has 2 MiB at most */
#define VFIO_PCI_TSM_REQ_SLOTS 8

/* How often the driver checks that the TDI is still there: it reports a loss within a second. */
#define VFIO_PCI_TSM_WATCH_INTERVAL (HZ / 2)

/* How often it looks for a TDI of another module, while there is none */
#define VFIO_PCI_TSM_IDLE_INTERVAL HZ

/* What a fault on a mapped BAR may do. */
enum vfio_pci_tsm_mmap_state {
	VFIO_PCI_TSM_MMAP_ALLOWED,
	VFIO_PCI_TSM_MMAP_PENDING, /* a bind is at work: try again */
	VFIO_PCI_TSM_MMAP_BLOCKED, /* bound: SIGBUS */
};

/**
 * enum vfio_pci_tsm_flag - bits of vfio_pci_tsm_device::flags, which need no lock
 * @VFIO_PCI_TSM_RESETTING: between reset_prepare() and reset_done()
 * @VFIO_PCI_TSM_SRIOV: SR-IOV is being switched on or off
 * @VFIO_PCI_TSM_RECOVERING: an error is being recovered from
 * @VFIO_PCI_TSM_REMOVED: the driver detaches from the function; set under state.lock
 */
enum vfio_pci_tsm_flag {
	VFIO_PCI_TSM_RESETTING,
	VFIO_PCI_TSM_SRIOV,
	VFIO_PCI_TSM_RECOVERING,
	VFIO_PCI_TSM_REMOVED,
};

/**
 * struct vfio_pci_tsm_device - a function on this driver
 * @core: vfio-pci's own part
 * @tdev: the device in vfio_tsm
 * @node: in the list of all functions, from probe to remove; under functions_lock
 * @flags: bits of enum vfio_pci_tsm_flag
 * @attaching: how many changes of its IOMMU domain are at work
 * @watch: checks the TDI while bound, and looks for one that another module has bound
 * @state: see state.c
 * @state.lock: for a change of the state and its publication; a short lock
 * @state.now: read without a lock. It becomes BOUND with operations stopped, and under the
 *	device set's lock and tdi.lock. So in an operation, or under one of these locks,
 *	IDLE or LOST means that the owner does not have the device bound
 * @state.disturbance: an event since the last bind began that no TDI survives, or NONE
 * @state.loss: why it is LOSING
 * @state.ctx: pdev->tsm as it was when bound; that changes when the TSM is disconnected
 * @state.tdi: the TDI in @state.ctx when bound
 * @state.tdi_id: its requester ID
 * @state.decode: bits of Command that the TDI keeps
 * @state.bind: how many binds have succeeded
 * @state.changed: for threads that wait for a change
 * @op: operations of VFIO
 * @op.users: counts operations of VFIO that the guard may refuse, each from its check to
 *	its end. A bind stops them (ops.c). So no operation that was let through is
 *	still at work once a device is bound. Operations that are always allowed are not
 *	counted, and do not wait for a slow TSM. Only threads of user space wait, and
 *	killably: user memory is copied in an operation. mmap and faults, which come
 *	with mmap_lock held, are not counted.
 * @op.lock: held by the bind that has stopped the operations
 * @op.map: for lockdep, to which an operation is a reader and a bind is a writer
 * @op.waiting: how many operations wait for a bind
 * @op.changed: for threads that wait for a change of these
 * @op.rom: region info of the ROM as it was right before the bind
 * @op.rom_resource: the ROM's resource as it was then, while @op.rom_is_off
 * @op.rom_is_off: reads of the ROM are off
 * @op.vdevice: the vDEVICE that the bind named, held, or NULL; set with operations
 *	stopped, cleared so or under tdi.lock
 * @request: requests of the guest
 * @request.slots: limits the requests that have buffers to VFIO_PCI_TSM_REQ_SLOTS
 * @request.lock: around the TSM's work on one, so that an unbind waits for one at most
 * @config: writes to configuration space
 * @config.lock: around a write that is guarded, or that may reset the function. vfio-pci
 *	takes no lock for its virtual FLR bit, and PCI takes none for a read and write
 *	back. Without this one, a write that is always allowed could complete one that
 *	is not. It is held while user memory is copied.
 * @config.kinds: kinds of each byte. HOSTS is found in probe, the others at each open,
 *	which is when vfio-pci maps the configuration space
 * @tdi: calls into PCI/TSM
 * @tdi.lock: held over pci_tsm_bind() and pci_tsm_unbind(); user memory is not touched
 *	under it
 * @tdi.work: work that is left after a change of the state: see vfio_pci_tsm_tdi_work()
 * @awake: functions that are kept from runtime suspend from probe to remove, or NULL
 * @awake.itself: the function is kept from runtime suspend while it is closed
 * @awake.connectable: a TSM can be connected to the function
 * @awake.pf: the PF of a VF
 * @awake.f0: function 0 of the device, which may be the DSM
 * @hold: what a bind has taken from other functions; changed with operations stopped, or
 *	under tdi.lock after an unbind or for a FOREIGN device
 * @hold.node: in the list of devices for which resets are off; under held_lock
 * @hold.dsm: the DSM if that is neither the function nor its PF: referenced, and kept
 *	from runtime suspend; compared without a lock
 * @hold.pf_awake: the PF of a VF is kept from runtime suspend
 * @hold.incomplete: for a FOREIGN device: memory was short, and the watch has to try again
 * @regions: set at open, under the device set's lock
 * @regions.incomplete: a BAR has no address; set in probe
 * @regions.mode: latched at open
 * @regions.claims: exclusive resources below the BARs, in exclusive mode
 * @mmap: mappings of BARs
 * @mmap.state: a bind changes it from ALLOWED under memory_lock for write; faults read
 *	it under memory_lock
 * @mmap.count: VMAs of BARs, also those that are being made; needs no lock
 */
struct vfio_pci_tsm_device {
	struct vfio_pci_core_device core;
	struct vfio_tsm_dev *tdev;
	struct list_head node;
	unsigned long flags;
	atomic_t attaching;
	struct delayed_work watch;

	struct {
		struct mutex lock; /* see above */
		enum vfio_pci_tsm_state now;
		enum vfio_tsm_reason disturbance;
		enum vfio_tsm_reason loss;
		struct pci_tsm *ctx;
		struct pci_tdi *tdi;
		u32 tdi_id;
		u16 decode;
		u64 bind;
		wait_queue_head_t changed;
	} state;

	struct {
		struct percpu_ref users;
		struct mutex lock; /* see above */
		struct lockdep_map map;
		atomic_t waiting;
		wait_queue_head_t changed;
		struct vfio_region_info rom;
		struct resource rom_resource;
		bool rom_is_off;
		struct iommufd_vdevice *vdevice;
	} op;

	struct {
		struct semaphore slots;
		struct mutex lock; /* see above */
	} request;

	struct {
		struct mutex lock; /* see above */
		u8 kinds[PCI_CFG_SPACE_EXP_SIZE];
	} config;

	struct {
		struct mutex lock; /* see above */
		struct work_struct work;
	} tdi;

	struct {
		bool itself;
		bool connectable;
		struct pci_dev *pf;
		struct pci_dev *f0;
	} awake;

	struct {
		struct list_head node;
		struct pci_dev *dsm;
		bool pf_awake;
		bool incomplete;
	} hold;

	struct {
		bool incomplete;
		enum vfio_tsm_region_mode mode;
		struct resource claims[PCI_STD_NUM_BARS];
	} regions;

	struct {
		enum vfio_pci_tsm_mmap_state state;
		atomic_t count;
	} mmap;
};

/**
 * struct vfio_pci_tsm_writer - a write to registers that other functions may depend on
 * @node: in a list of hold.c
 * @pdev: the function that is written to; only compared
 */
struct vfio_pci_tsm_writer {
	struct list_head node;
	struct pci_dev *pdev;
};

static inline struct vfio_pci_tsm_device *to_tvdev(struct vfio_device *vdev)
{
	return container_of(vdev, struct vfio_pci_tsm_device, core.vdev);
}

/* @pdev is on this driver, and vfio-pci's own part is its driver data. */
static inline struct vfio_pci_tsm_device *pdev_to_tvdev(struct pci_dev *pdev)
{
	return container_of(dev_get_drvdata(&pdev->dev), struct vfio_pci_tsm_device, core);
}

static inline bool vfio_pci_tsm_state_is(const struct vfio_pci_tsm_device *tvdev,
					 enum vfio_pci_tsm_state state)
{
	return READ_ONCE(tvdev->state.now) == state;
}

/* Whether a bind is at work, or has succeeded. */
static inline bool vfio_pci_tsm_is_binding(const struct vfio_pci_tsm_device *tvdev)
{
	return READ_ONCE(tvdev->state.now) >= VFIO_PCI_TSM_BINDING;
}

/* Whether PCI/TSM has the function locked. A TDI that has just ended may still count. */
static inline bool vfio_pci_tsm_is_locked(const struct vfio_pci_tsm_device *tvdev)
{
	return READ_ONCE(tvdev->state.now) >= VFIO_PCI_TSM_BOUND;
}

/* Whether it is locked, or may be: what may belong to a guest must not be touched. */
static inline bool vfio_pci_tsm_is_guarded(const struct vfio_pci_tsm_device *tvdev)
{
	return vfio_pci_tsm_is_locked(tvdev) || vfio_tsm_is_quarantined(tvdev->tdev);
}

/*
 * Whether PCI/TSM has the function locked for the owner, or is at work on it. A FOREIGN
 * function is not counted: it stays bound until vfio_pci_tsm_disturb().
 */
static inline bool vfio_pci_tsm_is_in_tsm(const struct vfio_pci_tsm_device *tvdev)
{
	enum vfio_pci_tsm_state state = READ_ONCE(tvdev->state.now);

	return state >= VFIO_PCI_TSM_LOCKING && state != VFIO_PCI_TSM_FOREIGN;
}

static inline bool is_vf_of(const struct vfio_pci_tsm_device *tvdev, const struct pci_dev *pf)
{
	return tvdev->core.pdev->is_virtfn && pci_physfn(tvdev->core.pdev) == pf;
}

/* main.c */
extern struct pci_driver vfio_pci_tsm_driver;
extern struct workqueue_struct *vfio_pci_tsm_wq;
unsigned long vfio_pci_tsm_reset_deadline(void);

/* open.c */
void vfio_pci_tsm_find_bars(struct vfio_pci_tsm_device *tvdev);
int vfio_pci_tsm_open_device(struct vfio_device *vdev);
void vfio_pci_tsm_close_device(struct vfio_device *vdev);

/* bind.c */
int vfio_pci_tsm_bind(struct vfio_pci_tsm_device *tvdev, u32 vdevice_id);

/* unbind.c */
extern const struct vfio_tsm_ops vfio_pci_tsm_ops;
int vfio_pci_tsm_unbind(struct vfio_pci_tsm_device *tvdev);

/* state.c */
void vfio_pci_tsm_start_watch(struct vfio_pci_tsm_device *tvdev);
void vfio_pci_tsm_disturb(struct vfio_pci_tsm_device *tvdev, enum vfio_tsm_reason reason);
void vfio_pci_tsm_refresh(struct vfio_pci_tsm_device *tvdev);
void vfio_pci_tsm_adopt_no_more(struct vfio_pci_tsm_device *tvdev);
int vfio_pci_tsm_bind_begin(struct vfio_pci_tsm_device *tvdev, struct vfio_tsm_policy *policy);
void vfio_pci_tsm_bind_failed(struct vfio_pci_tsm_device *tvdev, int error,
			      enum vfio_tsm_stage stage);
int vfio_pci_tsm_lock_begin(struct vfio_pci_tsm_device *tvdev, enum vfio_tsm_stage *stage);
void vfio_pci_tsm_lock_failed(struct vfio_pci_tsm_device *tvdev);
bool vfio_pci_tsm_bound(struct vfio_pci_tsm_device *tvdev, const struct vfio_pci_tsm_view *view,
			const struct vfio_tsm_binding *binding);
u64 vfio_pci_tsm_current_bind(struct vfio_pci_tsm_device *tvdev);
bool vfio_pci_tsm_unbind_begin(struct vfio_pci_tsm_device *tvdev);
void vfio_pci_tsm_unbound(struct vfio_pci_tsm_device *tvdev, enum vfio_tsm_reason reason);
void vfio_pci_tsm_acknowledge(struct vfio_pci_tsm_device *tvdev, bool publish);
bool vfio_pci_tsm_is_busy(struct vfio_pci_tsm_device *tvdev);
int vfio_pci_tsm_wait_lost(struct vfio_pci_tsm_device *tvdev);
bool vfio_pci_tsm_wait_unlocked(struct vfio_pci_tsm_device *tvdev, unsigned long deadline);

/* view.c; what needs no vfio_pci_tsm_device is in view.h */
bool vfio_pci_tsm_has_view(struct vfio_pci_tsm_device *tvdev, const struct vfio_pci_tsm_view *view);
enum vfio_tsm_reason vfio_pci_tsm_find_loss(struct vfio_pci_tsm_device *tvdev);

/* watch.c */
void vfio_pci_tsm_watch(struct work_struct *work);

/* guard.c */
long vfio_pci_tsm_ioctl(struct vfio_device *vdev, unsigned int cmd, unsigned long arg);
int vfio_pci_tsm_feature(struct vfio_device *vdev, u32 flags, void __user *arg, size_t argsz);
int vfio_pci_tsm_region_info(struct vfio_device *vdev, struct vfio_region_info *info,
			     struct vfio_info_cap *caps);
ssize_t vfio_pci_tsm_read(struct vfio_device *vdev, char __user *buf, size_t count, loff_t *ppos);
ssize_t vfio_pci_tsm_write(struct vfio_device *vdev, const char __user *buf, size_t count,
			   loff_t *ppos);
int vfio_pci_tsm_attach_ioas(struct vfio_device *vdev, u32 *pt_id);
void vfio_pci_tsm_detach_ioas(struct vfio_device *vdev);
int vfio_pci_tsm_pasid_attach_ioas(struct vfio_device *vdev, u32 pasid, u32 *pt_id);
void vfio_pci_tsm_pasid_detach_ioas(struct vfio_device *vdev, u32 pasid);

/* mmap.c */
int vfio_pci_tsm_mmap(struct vfio_device *vdev, struct vm_area_struct *vma);
bool vfio_pci_tsm_is_mapped(struct vfio_pci_tsm_device *tvdev);
int vfio_pci_tsm_mmap_begin_bind(struct vfio_pci_tsm_device *tvdev, enum vfio_tsm_bar_mmap policy);
int vfio_pci_tsm_mmap_zap(struct vfio_pci_tsm_device *tvdev);
void vfio_pci_tsm_mmap_block(struct vfio_pci_tsm_device *tvdev);
void vfio_pci_tsm_mmap_allow(struct vfio_pci_tsm_device *tvdev);

/* hold.c */
struct pci_dev *vfio_pci_tsm_get_function0(struct pci_dev *pdev);
bool vfio_pci_tsm_can_be_connected(struct pci_dev *pdev);
void vfio_pci_tsm_awake_begin(struct vfio_pci_tsm_device *tvdev);
void vfio_pci_tsm_awake_end(struct vfio_pci_tsm_device *tvdev);
bool vfio_pci_tsm_begin_write(struct pci_dev *pdev, struct vfio_pci_tsm_writer *writer);
void vfio_pci_tsm_end_write(struct vfio_pci_tsm_writer *writer);
bool vfio_pci_tsm_others_are_awake(struct vfio_pci_tsm_device *tvdev);
int vfio_pci_tsm_hold_begin(struct vfio_pci_tsm_device *tvdev, struct pci_dev *f0,
			    enum vfio_tsm_bar_mmap policy, enum vfio_tsm_stage *stage);
void vfio_pci_tsm_hold_foreign(struct vfio_pci_tsm_device *tvdev);
void vfio_pci_tsm_hold_end(struct vfio_pci_tsm_device *tvdev);

/* resets.c */
struct pci_dev *vfio_pci_tsm_next_in_reset(struct pci_dev *pdev);
bool vfio_pci_tsm_takes_along(struct pci_dev *pdev, struct pci_dev *other);
int vfio_pci_tsm_take_resets(struct vfio_pci_tsm_device *tvdev);
void vfio_pci_tsm_give_resets(struct vfio_pci_tsm_device *tvdev);
bool vfio_pci_tsm_is_resetting(struct vfio_pci_tsm_device *tvdev);
bool vfio_pci_tsm_resets_are_off(struct pci_dev *pdev);
bool vfio_pci_tsm_bus_resets_are_off(struct pci_dev *pdev);
void vfio_pci_tsm_give_resets_for_recovery(struct pci_dev *pdev);
void vfio_pci_tsm_function_comes(struct pci_dev *pdev);
void vfio_pci_tsm_function_is_gone(struct pci_dev *pdev);

/* recovery.c */
extern const struct pci_error_handlers vfio_pci_tsm_err_handlers;
bool vfio_pci_tsm_is_in_error(struct vfio_pci_tsm_device *tvdev);

/* vdevice.c */
#ifdef VFIO_PCI_TSM_VDEVICE
int vfio_pci_tsm_get_vdevice(struct vfio_pci_tsm_device *tvdev, u32 id, u32 *tdi_id);
void vfio_pci_tsm_put_vdevice(struct vfio_pci_tsm_device *tvdev);
#else
static inline int vfio_pci_tsm_get_vdevice(struct vfio_pci_tsm_device *tvdev, u32 id, u32 *tdi_id)
{
	return -EOPNOTSUPP;
}

static inline void vfio_pci_tsm_put_vdevice(struct vfio_pci_tsm_device *tvdev)
{
}
#endif

/* rom.c */
void vfio_pci_tsm_rom_info(struct vfio_pci_tsm_device *tvdev);
void vfio_pci_tsm_rom_off(struct vfio_pci_tsm_device *tvdev);
bool vfio_pci_tsm_rom_is_read(struct vfio_pci_tsm_device *tvdev);
void vfio_pci_tsm_rom_on(struct vfio_pci_tsm_device *tvdev);

/* dependents.c */
void vfio_pci_tsm_add(struct vfio_pci_tsm_device *tvdev);
void vfio_pci_tsm_del(struct vfio_pci_tsm_device *tvdev);
int vfio_pci_tsm_for_each(int (*fn)(struct vfio_pci_tsm_device *tvdev, void *data), void *data);
bool vfio_pci_tsm_on_other_vfio(struct pci_dev *pdev);
int vfio_pci_tsm_check_others(struct vfio_pci_tsm_device *tvdev, struct pci_dev *f0);
bool vfio_pci_tsm_attach_begin(struct vfio_pci_tsm_device *tvdev, bool replace,
			       enum vfio_tsm_blocked kind);
void vfio_pci_tsm_attach_end(struct vfio_pci_tsm_device *tvdev);
void vfio_pci_tsm_disturb_dependents(struct pci_dev *pdev, enum vfio_tsm_reason reason);
void vfio_pci_tsm_driver_comes(struct pci_dev *pdev);
void vfio_pci_tsm_wait_dependents(struct pci_dev *pdev, unsigned long deadline);
bool vfio_pci_tsm_has_bound_vf(struct pci_dev *pf);

/* sriov.c */
int vfio_pci_tsm_set_num_vfs(struct pci_dev *pdev, int nr_virtfn);

/* pm.c */
extern struct notifier_block vfio_pci_tsm_pm_notifier;
bool vfio_pci_tsm_is_suspending(void);

#endif /* VFIO_PCI_TSM_H */
