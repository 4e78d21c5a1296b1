/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shared by the files of vfio_tsm.ko.
 *
 * Locks, outermost first:
 *
 *	configfs' own (inodes, fragment), then
 *	vfio_tsm_dev::live - read: callbacks of the driver may run; write: they
 *		may no more. Taken before any lock of the driver.
 *	vfio_tsm_lock - a leaf. Protects both lists, every policy, every
 *		published state and the default region mode.
 */
#ifndef VFIO_TSM_INTERNAL_H
#define VFIO_TSM_INTERNAL_H

#include <linux/atomic.h>
#include <linux/cleanup.h>
#include <linux/configfs.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/pid.h>
#include <linux/rwsem.h>
#include <linux/workqueue.h>

#include "vfio_tsm.h"

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
	VFIO_TSM_NR_EVENTS,
};

#define VFIO_TSM_SYSFS_DIR "vfio_tsm"

/* A function's place: what a directory is named after. */
struct vfio_tsm_addr {
	u32 domain;
	u16 bdf;
};

/**
 * struct vfio_tsm_dir - a device's directory
 * @group: the directory itself
 * @tsm: the default group tsm/ in it
 * @node: in vfio_tsm_dirs, from make_group to drop_item
 * @addr: the function it is about, present or not
 * @policy: what was written to it
 * @generation: changes of state counted while no driver had the function
 * @pin: keeps the directory of a device that was open before its mkdir
 */
struct vfio_tsm_dir {
	struct config_group group;
	struct config_group tsm;
	struct list_head node;
	struct vfio_tsm_addr addr;
	struct vfio_tsm_policy policy;
	u64 generation;
	struct delayed_work pin;
};

/**
 * struct vfio_tsm_dev - a function that the driver holds
 * @ref: the registration holds one, each reader in a callback one
 * @live: see above
 * @node: in vfio_tsm_devs while registered
 * @pdev: the function, with a reference
 * @addr: its address
 * @ops: the driver's callbacks, NULL once unregistered; under @live
 * @priv: their argument
 * @in_use: from open_begin to closed: the region mode may not change
 * @binding: from bind_begin to unbound: bar_mmap and tdi_id may not change
 * @pinned: the directory that is kept from rmdir, or NULL
 * @owner: who opened the device, or NULL
 * @state: CLOSED or later
 * @region_mode: latched at open, UNSET when closed
 * @bound: how it is bound, valid in state BOUND
 * @generation: changes of state
 * @reason: why the last of them happened, if it was an unbind
 * @last_unbind: the reason of the last unbind
 * @open_count: times that the device was opened
 * @bind_count: times that it was bound
 * @blocked: operations refused while bound, by their kind; needs no lock
 * @last_error: 0, or the errno of the last refused bind
 * @last_stage: where that was
 */
struct vfio_tsm_dev {
	struct kref ref;
	struct rw_semaphore live;
	struct list_head node;
	struct pci_dev *pdev;
	struct vfio_tsm_addr addr;
	const struct vfio_tsm_ops *ops;
	void *priv;
	bool in_use;
	bool binding;
	struct vfio_tsm_dir *pinned;
	struct pid *owner;
	enum vfio_tsm_state state;
	enum vfio_tsm_region_mode region_mode;
	struct vfio_tsm_binding bound;
	u64 generation;
	enum vfio_tsm_reason reason;
	enum vfio_tsm_reason last_unbind;
	u64 open_count;
	u64 bind_count;
	atomic64_t blocked[VFIO_TSM_NR_BLOCKED];
	int last_error;
	enum vfio_tsm_stage last_stage;
};

extern struct mutex vfio_tsm_lock;
extern struct list_head vfio_tsm_dirs;
extern enum vfio_tsm_region_mode vfio_tsm_default_mode;
extern struct configfs_subsystem vfio_tsm_subsys;

/* words.c: values as text */
extern const char *const vfio_tsm_region_mode_words[3];
extern const char *const vfio_tsm_region_active_words[3];
extern const char *const vfio_tsm_bar_mmap_words[2];
extern const char *const vfio_tsm_state_words[6];
extern const char *const vfio_tsm_stage_words[13];
extern const char *const vfio_tsm_event_words[VFIO_TSM_NR_EVENTS];
extern const char *const vfio_tsm_reason_words[VFIO_TSM_NR_REASONS];
extern const char *const vfio_tsm_blocked_words[VFIO_TSM_NR_BLOCKED];
int vfio_tsm_parse_addr(const char *name, struct vfio_tsm_addr *addr);
int vfio_tsm_parse_tdi_id(const char *text, struct vfio_tsm_policy *policy);
void vfio_tsm_print_tdi_id(char *text, size_t size, u32 tdi_id);
int vfio_tsm_format_tdi_id(char *page, bool valid, u32 tdi_id);

/* devices.c: what the driver has registered */
struct vfio_tsm_dev *vfio_tsm_find_dev(const struct vfio_tsm_addr *addr);
struct vfio_tsm_dev *vfio_tsm_enter_dev(const struct vfio_tsm_addr *addr);
void vfio_tsm_leave_dev(struct vfio_tsm_dev *dev);
struct vfio_tsm_dir *vfio_tsm_find_dir(const struct vfio_tsm_addr *addr);
void vfio_tsm_pin_work(struct work_struct *work);
void vfio_tsm_pin_later(struct vfio_tsm_dir *dir, unsigned long delay);
int vfio_tsm_devices_init(void);
void vfio_tsm_devices_exit(void);

DEFINE_FREE(vfio_tsm_leave_dev, struct vfio_tsm_dev *, vfio_tsm_leave_dev(_T))

/* events.c: changes of state, for who watches */
void vfio_tsm_set_state(struct vfio_tsm_dev *dev, enum vfio_tsm_state to, enum vfio_tsm_event event,
			enum vfio_tsm_reason reason);
void vfio_tsm_trace_bind_failed(struct vfio_tsm_dev *dev);

/* show.c: state as text, for configfs and sysfs */
int vfio_tsm_show_state(const struct vfio_tsm_addr *addr, char *page);
int vfio_tsm_show_region_mode(const struct vfio_tsm_addr *addr, char *page);
int vfio_tsm_show_bound(const struct vfio_tsm_addr *addr, char *page);
int vfio_tsm_show_tdi_id(const struct vfio_tsm_addr *addr, char *page);
int vfio_tsm_show_vdevice_id(const struct vfio_tsm_addr *addr, char *page);
int vfio_tsm_show_tsm(const struct vfio_tsm_addr *addr, char *page);
int vfio_tsm_show_owner(const struct vfio_tsm_addr *addr, char *page);
int vfio_tsm_show_last_error(const struct vfio_tsm_addr *addr, char *page);
int vfio_tsm_show_generation(const struct vfio_tsm_addr *addr, char *page);
int vfio_tsm_show_last_unbind(const struct vfio_tsm_addr *addr, char *page);
int vfio_tsm_show_open_count(const struct vfio_tsm_addr *addr, char *page);
int vfio_tsm_show_bind_count(const struct vfio_tsm_addr *addr, char *page);
int vfio_tsm_show_blocked(const struct vfio_tsm_addr *addr, char *page);

/* attrs.c: the attributes in tsm/ */
extern const struct config_item_type vfio_tsm_attrs_type;

static inline struct vfio_tsm_addr vfio_tsm_addr_of(struct pci_dev *pdev)
{
	return (struct vfio_tsm_addr){
		.domain = pci_domain_nr(pdev->bus),
		.bdf = pci_dev_id(pdev),
	};
}

static inline bool vfio_tsm_same_addr(const struct vfio_tsm_addr *a, const struct vfio_tsm_addr *b)
{
	return a->domain == b->domain && a->bdf == b->bdf;
}

#endif /* VFIO_TSM_INTERNAL_H */
