/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shared by the files of vfio_tsm.ko.
 *
 * Each address that has a directory, or a function on the driver, has one struct
 * vfio_tsm_dev. An xarray finds it by domain and BDF. It contains what the
 * administrator wrote, what the driver reported, and the directory if there is
 * one. The directory, the driver's registration and each lookup have a reference.
 * Attributes are shown from it, with its lock taken once.
 *
 * Locks, outermost first:
 *
 *	configfs' own (inodes, fragment), then
 *	vfio_tsm_dev::live - read: a callback of the driver may run; write: the
 *		driver comes or leaves. Taken before any lock of the driver.
 *	vfio_tsm_dev::lock - a leaf. Protects everything of the device, except
 *		what is marked otherwise below.
 *
 * The lock of the xarray is taken alone. No lock is shared by two devices while
 * an attribute is read.
 */
#ifndef VFIO_TSM_INTERNAL_H
#define VFIO_TSM_INTERNAL_H

#include <linux/atomic.h>
#include <linux/cleanup.h>
#include <linux/configfs.h>
#include <linux/kref.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/pid.h>
#include <linux/rwsem.h>
#include <linux/workqueue.h>

#include "vfio_tsm_dev.h"

/* What has happened when a state changes; the words are in uevents. */
enum vfio_tsm_event {
	VFIO_TSM_EVENT_ASSIGNED,
	VFIO_TSM_EVENT_RELEASED,
	VFIO_TSM_EVENT_OPENED,
	VFIO_TSM_EVENT_CLOSED,
	VFIO_TSM_EVENT_BOUND,
	VFIO_TSM_EVENT_UNBOUND,
	VFIO_TSM_EVENT_LOST,
	VFIO_TSM_EVENT_ACKNOWLEDGED,
	VFIO_TSM_EVENT_QUARANTINED,
	VFIO_TSM_EVENT_FREED,
	VFIO_TSM_NR_EVENTS,
};

#define VFIO_TSM_SYSFS_DIR "vfio_tsm"

/**
 * struct vfio_tsm_dir - a device's directory
 * @group: the directory itself
 * @tsm: the default group tsm/ in it
 * @dev: its device, with a reference
 * @pin: work that keeps the directory of an open device from rmdir
 */
struct vfio_tsm_dir {
	struct config_group group;
	struct config_group tsm;
	struct vfio_tsm_dev *dev;
	struct delayed_work pin;
};

/**
 * struct vfio_tsm_report - what the driver reports from register to unregister
 * @region_mode: latched at open, UNSET when closed
 * @bound: how the device is bound, valid in state BOUND
 * @last_unbind: the reason of the last unbind
 * @open_count: how often the device was opened
 * @bind_count: how often it was bound
 * @loss_count: how often a bind was lost
 * @blocked: operations refused while bound, by their kind; needs no lock
 * @last_error: 0, or the errno of the last refused bind
 * @last_stage: the check that failed in that bind
 * @requests: requests of the guest, by their scope
 * @failed_requests: those of them that failed
 * @last_request: the last one, valid if there was one
 */
struct vfio_tsm_report {
	enum vfio_tsm_region_mode region_mode;
	struct vfio_tsm_binding bound;
	enum vfio_tsm_reason last_unbind;
	u64 open_count;
	u64 bind_count;
	u64 loss_count;
	atomic64_t blocked[VFIO_TSM_NR_BLOCKED];
	int last_error;
	enum vfio_tsm_stage last_stage;
	u64 requests[VFIO_TSM_NR_SCOPES];
	u64 failed_requests[VFIO_TSM_NR_SCOPES];
	struct vfio_tsm_request last_request;
};

/**
 * struct vfio_tsm_uevents - uevents of a device, which its owner can cause at any rate
 * @until: when the present second is over, in jiffies
 * @count: how many uevents the owner has caused in it
 * @owed: no uevent was sent for the last change of the state
 * @event: the event of that change; valid if @owed
 * @reason: its reason; valid if @owed
 * @work: sends that uevent
 */
struct vfio_tsm_uevents {
	unsigned long until;
	unsigned int count;
	bool owed;
	enum vfio_tsm_event event;
	enum vfio_tsm_reason reason;
	struct delayed_work work;
};

/**
 * struct vfio_tsm_waker - wakes processes that poll() an attribute in sysfs
 * @attrs: bits of the attributes to do; under vfio_tsm_dev::lock
 * @work: wakes them. It has a reference to the device while it is queued or runs
 */
struct vfio_tsm_waker {
	unsigned long attrs;
	struct work_struct work;
};

/* What can be waited for with poll() */
#define VFIO_TSM_POLL_STATE BIT(0)
#define VFIO_TSM_POLL_TDI_STATE BIT(1)

struct vfio_tsm_ask;

/**
 * struct vfio_tsm_dev - an address, and everything that is known about it
 * @ref: when the last one is put, the device is removed from the xarray
 * @index: its place there, see vfio_tsm_index()
 * @live: see above
 * @ops: the driver's callbacks, NULL while the function is not on the driver; under
 *	@live
 * @priv: their argument; under @live
 * @lock: see above
 * @pdev: the function, while it is on the driver
 * @dir: the directory, or NULL
 * @policy: what was written to @dir, or the defaults
 * @state: of the function, present or not; what is shown is vfio_tsm_shown_state()
 * @generation: number of changes of the state
 * @report: what else the driver has reported
 * @uevents: limits the uevents that the owner causes
 * @waker: see above
 * @in_use: from open_begin to closed: the region mode may not change
 * @binding: from bind_begin to unbound: bar_mmap and tdi_id may not change
 * @quarantine: not 0: the device must not be used. This holds a reference to it and one
 *	to the module, and outlives the driver's registration. It is also read without the
 *	lock
 * @pinned: the directory that is kept from rmdir, or NULL
 * @owner: the process that opened the device, or NULL
 * @event: eventfd that the owner wants signalled, or NULL
 * @tdi_state: the last one that the driver of a TSM has reported
 * @evidence.present: what the device has signed, or NULL
 * @evidence.ask: what the TSM is asked for at the moment, or NULL
 * @evidence.generation: changes with @evidence.present
 * @evidence.admitted: the generation that the device was admitted on, see
 *	vfio_tsm_is_admitted()
 * @evidence.leaving: the driver is detaching from the function
 */
struct vfio_tsm_dev {
	struct kref ref;
	unsigned long index;
	struct rw_semaphore live;
	const struct vfio_tsm_ops *ops;
	void *priv;
	struct mutex lock; /* see above */
	struct pci_dev *pdev;
	struct vfio_tsm_dir *dir;
	struct vfio_tsm_policy policy;
	enum vfio_tsm_state state;
	u64 generation;
	struct vfio_tsm_report report;
	struct vfio_tsm_uevents uevents;
	struct vfio_tsm_waker waker;
	bool in_use;
	bool binding;
	u8 quarantine;
	struct vfio_tsm_dir *pinned;
	struct pid *owner;
	struct eventfd_ctx *event;
	enum vfio_tsm_tdi_state tdi_state;
	struct {
		struct vfio_tsm_evidence *present;
		struct vfio_tsm_ask *ask;
		u64 generation;
		u64 admitted;
		bool leaving;
	} evidence;
};

/* The policy of a device without a directory, and the first one of a directory. */
#define VFIO_TSM_DEFAULT_POLICY                                \
	((struct vfio_tsm_policy){                             \
		.bind_allowed = true,                          \
		.guest_requests = VFIO_TSM_GUEST_REQUESTS_ALL, \
	})

extern enum vfio_tsm_region_mode vfio_tsm_default_mode;
extern struct configfs_subsystem vfio_tsm_subsys;

/* words.c: values as text */
extern const char *const vfio_tsm_region_mode_words[3];
extern const char *const vfio_tsm_region_active_words[3];
extern const char *const vfio_tsm_bar_mmap_words[2];
extern const char *const vfio_tsm_state_words[7];
extern const char *const vfio_tsm_guest_requests_words[3];
extern const char *const vfio_tsm_admission_words[2];
extern const char *const vfio_tsm_scope_words[VFIO_TSM_NR_SCOPES];
extern const char *const vfio_tsm_tdi_state_words[VFIO_TSM_NR_TDI_STATES];
extern const char *const vfio_tsm_stage_words[18];
extern const char *const vfio_tsm_event_words[VFIO_TSM_NR_EVENTS];
extern const char *const vfio_tsm_reason_words[VFIO_TSM_NR_REASONS];
extern const char *const vfio_tsm_blocked_words[VFIO_TSM_NR_BLOCKED];
int vfio_tsm_parse_addr(const char *name, unsigned long *index);
int vfio_tsm_parse_tdi_id(const char *text, struct vfio_tsm_policy *policy);
void vfio_tsm_print_tdi_id(char *text, size_t size, u32 tdi_id);

/* devices.c: the devices, and what the driver reports of them */
extern struct workqueue_struct *vfio_tsm_wq;
struct vfio_tsm_dev *vfio_tsm_get(unsigned long index);
struct vfio_tsm_dev *vfio_tsm_find(unsigned long index);
void vfio_tsm_put(struct vfio_tsm_dev *dev);
void vfio_tsm_pin_work(struct work_struct *work);
void vfio_tsm_pin_later(struct vfio_tsm_dir *dir, unsigned long delay);
int vfio_tsm_devices_init(void);
void vfio_tsm_devices_exit(void);

DEFINE_FREE(vfio_tsm_put, struct vfio_tsm_dev *, vfio_tsm_put(_T))

/* admission.c: whether the policy allows a bind */
bool vfio_tsm_is_admitted(const struct vfio_tsm_dev *dev);
int vfio_tsm_admit(struct vfio_tsm_dev *dev, const char *text);
int vfio_tsm_format_admission(const struct vfio_tsm_dev *dev, char *page);
int vfio_tsm_format_admitted(const struct vfio_tsm_dev *dev, char *page);

/* quarantine.c: devices that must not be used */
void vfio_tsm_end_quarantine(struct vfio_tsm_dev *dev);
int vfio_tsm_set_quarantine(struct vfio_tsm_dev *dev, bool on);

/* events.c: reports of changes of state */
enum vfio_tsm_state vfio_tsm_shown_state(const struct vfio_tsm_dev *dev);
void vfio_tsm_publish(struct vfio_tsm_dev *dev, enum vfio_tsm_state from, enum vfio_tsm_event event,
		      enum vfio_tsm_reason reason);
void vfio_tsm_set_state(struct vfio_tsm_dev *dev, enum vfio_tsm_state to, enum vfio_tsm_event event,
			enum vfio_tsm_reason reason);
void vfio_tsm_uevents_work(struct work_struct *work);
void vfio_tsm_wake(struct vfio_tsm_dev *dev, unsigned long attrs);
void vfio_tsm_waker_work(struct work_struct *work);
void vfio_tsm_trace_bind_failed(struct vfio_tsm_dev *dev);
void vfio_tsm_trace_request(struct vfio_tsm_dev *dev, const struct vfio_tsm_request *request);
void vfio_tsm_trace_tdi_state(struct pci_dev *pdev, enum vfio_tsm_tdi_state from,
			      enum vfio_tsm_tdi_state to);

/* requests.c: requests of the guest, and what is reported to the owner */
void vfio_tsm_signal(struct vfio_tsm_dev *dev);
int vfio_tsm_format_guest_requests(const struct vfio_tsm_dev *dev, char *page);
int vfio_tsm_format_requests(const struct vfio_tsm_dev *dev, char *page);
int vfio_tsm_format_last_request(const struct vfio_tsm_dev *dev, char *page);
void vfio_tsm_forget_tdi_state(struct vfio_tsm_dev *dev);
int vfio_tsm_format_tdi_state(const struct vfio_tsm_dev *dev, char *page);

/* evidence.c: what a device has signed about itself */
extern const struct attribute_group vfio_tsm_evidence_group;
void vfio_tsm_forget_interface_report(struct vfio_tsm_dev *dev);
void vfio_tsm_set_leaving(struct vfio_tsm_dev *dev, bool leaving);

/* show.c: a device as text, for configfs and sysfs */
int vfio_tsm_show(struct vfio_tsm_dev *dev, char *page,
		  int (*format)(const struct vfio_tsm_dev *dev, char *page));
int vfio_tsm_show_can_bind(struct vfio_tsm_dev *dev, char *page);
void vfio_tsm_refresh(struct vfio_tsm_dev *dev);
int vfio_tsm_show_fresh(struct vfio_tsm_dev *dev, char *page,
			int (*format)(const struct vfio_tsm_dev *dev, char *page));
int vfio_tsm_format_state(const struct vfio_tsm_dev *dev, char *page);
int vfio_tsm_format_region_mode(const struct vfio_tsm_dev *dev, char *page);
int vfio_tsm_format_bound(const struct vfio_tsm_dev *dev, char *page);
int vfio_tsm_format_tdi_id(const struct vfio_tsm_dev *dev, char *page);
int vfio_tsm_format_vdevice_id(const struct vfio_tsm_dev *dev, char *page);
int vfio_tsm_format_tsm(const struct vfio_tsm_dev *dev, char *page);
int vfio_tsm_format_origin(const struct vfio_tsm_dev *dev, char *page);
int vfio_tsm_format_quarantine(const struct vfio_tsm_dev *dev, char *page);
int vfio_tsm_format_owner(const struct vfio_tsm_dev *dev, char *page);
int vfio_tsm_format_last_error(const struct vfio_tsm_dev *dev, char *page);
int vfio_tsm_format_generation(const struct vfio_tsm_dev *dev, char *page);
int vfio_tsm_format_last_unbind(const struct vfio_tsm_dev *dev, char *page);
int vfio_tsm_format_open_count(const struct vfio_tsm_dev *dev, char *page);
int vfio_tsm_format_bind_count(const struct vfio_tsm_dev *dev, char *page);
int vfio_tsm_format_loss_count(const struct vfio_tsm_dev *dev, char *page);
int vfio_tsm_format_blocked(const struct vfio_tsm_dev *dev, char *page);

/* attrs.c: the attributes in tsm/, and all of a device as one text */
extern const struct config_item_type vfio_tsm_attrs_type;
int vfio_tsm_show_summary(struct vfio_tsm_dev *dev, char *page);

/* A function's place in the xarray, by the address that its directory is named after. */
static inline unsigned long vfio_tsm_index(u32 domain, u16 bdf)
{
	static_assert(sizeof(long) == 8);
	return (unsigned long)domain << 16 | bdf;
}

static inline unsigned long vfio_tsm_index_of(struct pci_dev *pdev)
{
	return vfio_tsm_index(pci_domain_nr(pdev->bus), pci_dev_id(pdev));
}

#endif /* VFIO_TSM_INTERNAL_H */
