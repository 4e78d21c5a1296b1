/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What vfio_tsm (the administrator's side: policy and published state, in
 * configfs) offers to vfio-pci-tsm (the driver that opens, binds and guards).
 *
 * Policy flows down: the driver reads it when a device is opened and when a
 * bind begins, and the policy that it gets does not change until the device is
 * closed or the bind ends. State flows up: the driver reports what happened, and
 * vfio_tsm shows it. Only struct vfio_tsm_ops calls back.
 *
 * A device goes through these states:
 *
 *	absent		a function comes: unassigned
 *	unassigned	vfio_tsm_register(): closed
 *	closed		vfio_tsm_opened(): open; vfio_tsm_unregister(): unassigned
 *	open		vfio_tsm_bind_end() with 0: bound
 *	closed, open, lost
 *			vfio_tsm_bound_elsewhere(): bound
 *	bound		vfio_tsm_unbound(): open, or lost when neither owner nor
 *			administrator asked for it; closed if the device is not open
 *	lost		vfio_tsm_acknowledged(): open
 *
 * vfio_tsm_closed() leads from open, bound and lost back to closed, but a device that
 * another module of the kernel has bound stays bound. While vfio_tsm_is_quarantined(),
 * closed, open and lost are shown as quarantined.
 *
 * Locks: every function here may sleep, except vfio_tsm_blocked() and
 * vfio_tsm_is_quarantined(). They take only the device's own leaf mutex.
 * vfio_tsm_open_begin() waits a second at most for a worker that takes the inode lock
 * of configfs' root, vfio_tsm_register() for readers that look for the driver, and
 * vfio_tsm_unregister() for callbacks that run.
 */
#ifndef VFIO_TSM_DEV_H
#define VFIO_TSM_DEV_H

#include <linux/list.h>
#include <linux/pci.h>
#include <linux/types.h>

struct attribute_group;
struct eventfd_ctx;
struct vfio_tsm_dev;

/* What an open of the device claims; 0 is "default" in policy, "none" in state. */
enum vfio_tsm_region_mode {
	VFIO_TSM_REGIONS_UNSET,
	VFIO_TSM_REGIONS_EXCLUSIVE,
	VFIO_TSM_REGIONS_SHARED,
};

/* What a bind does with BARs that user space has mapped. */
enum vfio_tsm_bar_mmap {
	VFIO_TSM_BAR_MMAP_REFUSE,
	VFIO_TSM_BAR_MMAP_REVOKE,
};

/* Which requests of the guest are passed to the TSM. */
enum vfio_tsm_guest_requests {
	VFIO_TSM_GUEST_REQUESTS_NONE,
	VFIO_TSM_GUEST_REQUESTS_INFO,
	VFIO_TSM_GUEST_REQUESTS_ALL,
};

/* Whether the device has to be admitted on its evidence before a bind. */
enum vfio_tsm_admission {
	VFIO_TSM_ADMISSION_NONE,
	VFIO_TSM_ADMISSION_REQUIRED,
};

/* What a request of the guest is about, with the numbers of PCI/TSM's scopes. */
enum vfio_tsm_scope {
	VFIO_TSM_SCOPE_INFO,
	VFIO_TSM_SCOPE_STATE_CHANGE,
	VFIO_TSM_NR_SCOPES,
};

/* The TDISP state of a TDI, as the driver of the TSM reports it. */
enum vfio_tsm_tdi_state {
	VFIO_TSM_TDI_UNKNOWN,
	VFIO_TSM_TDI_UNLOCKED,
	VFIO_TSM_TDI_LOCKED,
	VFIO_TSM_TDI_RUN,
	VFIO_TSM_TDI_ERROR,
	VFIO_TSM_NR_TDI_STATES,
};

enum vfio_tsm_state {
	VFIO_TSM_ABSENT,
	VFIO_TSM_UNASSIGNED,
	VFIO_TSM_CLOSED,
	VFIO_TSM_OPEN,
	VFIO_TSM_BOUND,
	VFIO_TSM_LOST,
	VFIO_TSM_QUARANTINED,
};

/* The check at which a bind failed; the words are in last_error. */
enum vfio_tsm_stage {
	VFIO_TSM_STAGE_NONE,
	VFIO_TSM_STAGE_REGIONS,
	VFIO_TSM_STAGE_DENIED,
	VFIO_TSM_STAGE_MAPPED,
	VFIO_TSM_STAGE_IOEVENTFD,
	VFIO_TSM_STAGE_KVM,
	VFIO_TSM_STAGE_TDI_ID,
	VFIO_TSM_STAGE_VDEVICE,
	VFIO_TSM_STAGE_NOT_CONNECTED,
	VFIO_TSM_STAGE_POWER,
	VFIO_TSM_STAGE_COMMAND,
	VFIO_TSM_STAGE_TSM,
	VFIO_TSM_STAGE_GROUP,
	VFIO_TSM_STAGE_NO_BIND,
	VFIO_TSM_STAGE_BAR,
	VFIO_TSM_STAGE_FOREIGN,
	VFIO_TSM_STAGE_QUARANTINED,
	VFIO_TSM_STAGE_ADMISSION,
};

/* Why a device is not bound any more; the words are in last_unbind. */
enum vfio_tsm_reason {
	VFIO_TSM_REASON_NONE,
	VFIO_TSM_REASON_IOCTL, /* the owner called UNBIND */
	VFIO_TSM_REASON_CLOSE, /* the owner closed the device */
	VFIO_TSM_REASON_REVOKED, /* the administrator wrote 0 to bound */
	VFIO_TSM_REASON_RESET, /* the host forced a reset of the function */
	VFIO_TSM_REASON_LOST, /* the TSM let the TDI go */
	VFIO_TSM_REASON_AER, /* the PCI core reported an uncorrectable error */
	VFIO_TSM_REASON_REMOVED, /* the function was removed from its slot */
	VFIO_TSM_REASON_FOREIGN, /* the module of the kernel that bound it unbound it */
	VFIO_TSM_REASON_DRIVER, /* another VFIO driver got a function that it relies on */
	VFIO_TSM_NR_REASONS,
};

/* What is refused while bound, as it is counted; the words are in blocked. */
enum vfio_tsm_blocked {
	VFIO_TSM_BLOCKED_RESET,
	VFIO_TSM_BLOCKED_HOT_RESET,
	VFIO_TSM_BLOCKED_BAR,
	VFIO_TSM_BLOCKED_ROM,
	VFIO_TSM_BLOCKED_REGION,
	VFIO_TSM_BLOCKED_MMAP,
	VFIO_TSM_BLOCKED_FAULT,
	VFIO_TSM_BLOCKED_IOEVENTFD,
	VFIO_TSM_BLOCKED_LOW_POWER,
	VFIO_TSM_BLOCKED_COMMAND,
	VFIO_TSM_BLOCKED_BIST,
	VFIO_TSM_BLOCKED_POWER_STATE,
	VFIO_TSM_BLOCKED_DEVCTL,
	VFIO_TSM_BLOCKED_DEVCTL2,
	VFIO_TSM_BLOCKED_AF,
	VFIO_TSM_BLOCKED_VENDOR,
	VFIO_TSM_BLOCKED_UNKNOWN,
	VFIO_TSM_BLOCKED_ATTACH,
	VFIO_TSM_BLOCKED_DETACH,
	VFIO_TSM_BLOCKED_SRIOV,
	VFIO_TSM_BLOCKED_SUSPEND,
	VFIO_TSM_NR_BLOCKED,
};

/**
 * struct vfio_tsm_policy - what the administrator wants of one device
 * @region_mode: claim of the next open; UNSET stands for default_region_mode
 * @bar_mmap: what a bind does when BARs are mapped
 * @bind_allowed: whether a bind is allowed at all
 * @admission: whether a bind needs an admission
 * @guest_requests: which requests of the guest are allowed
 * @has_tdi_id: whether @tdi_id is configured
 * @tdi_id: requester ID in the guest, segment << 16 | BDF, for binds that name
 *	no vDEVICE
 */
struct vfio_tsm_policy {
	enum vfio_tsm_region_mode region_mode;
	enum vfio_tsm_bar_mmap bar_mmap;
	bool bind_allowed;
	enum vfio_tsm_admission admission;
	enum vfio_tsm_guest_requests guest_requests;
	bool has_tdi_id;
	u32 tdi_id;
};

/**
 * struct vfio_tsm_binding - how a device is bound
 * @tdi_id: requester ID that the TSM was given
 * @vdevice_id: iommufd vDEVICE that it came from, or 0
 * @tsm_id: N of the tsmN that has the TDI
 * @foreign: another module of the kernel has bound it
 */
struct vfio_tsm_binding {
	u32 tdi_id;
	u32 vdevice_id;
	int tsm_id;
	bool foreign;
};

/**
 * struct vfio_tsm_request - a request of the guest that has ended
 * @scope: what it was about
 * @req_len: bytes of the request
 * @resp_len: bytes that there were for the response
 * @result: what the owner gets: the residue, or a negative errno
 * @tsm_code: the TSM's own result code, or 0
 */
struct vfio_tsm_request {
	enum vfio_tsm_scope scope;
	u32 req_len;
	u32 resp_len;
	ssize_t result;
	u64 tsm_code;
};

/**
 * struct vfio_tsm_info - what the owner can read about its device
 * @state: OPEN, BOUND, LOST or QUARANTINED
 * @tdi_state: what the driver of the TSM has reported
 * @last_unbind: why it was unbound the last time
 * @bound: how it is bound; zeroes unless it is
 * @generation: number of changes of @state
 */
struct vfio_tsm_info {
	enum vfio_tsm_state state;
	enum vfio_tsm_tdi_state tdi_state;
	enum vfio_tsm_reason last_unbind;
	struct vfio_tsm_binding bound;
	u64 generation;
};

/* What the device has signed, as it came; the files in vfio_tsm_evidence/ have these names. */
enum vfio_tsm_evidence_kind {
	VFIO_TSM_EVIDENCE_CERT0, /* chain of certificates of slot 0, as DSP0274 lays it out */
	VFIO_TSM_EVIDENCE_VCA, /* version, capabilities, algorithms: requests and responses */
	VFIO_TSM_EVIDENCE_MEASUREMENTS, /* GET_MEASUREMENTS with the nonce, MEASUREMENTS */
	VFIO_TSM_EVIDENCE_REPORT, /* of a TDI in CONFIG_LOCKED or RUN: TDISP's report */
	VFIO_TSM_NR_EVIDENCE_PARTS,
};

/* Bytes of a nonce of SPDM */
#define VFIO_TSM_EVIDENCE_NONCE_SIZE 32

/**
 * struct vfio_tsm_evidence_part - one of them
 * @data: room for it
 * @size: its size
 * @len: how many bytes there are, 0 at first
 */
struct vfio_tsm_evidence_part {
	u8 *data;
	size_t size;
	size_t len;
};

/**
 * struct vfio_tsm_evidence - the evidence of one function
 * @nonce: the nonce that the device has to sign
 * @parts: see enum vfio_tsm_evidence_kind
 */
struct vfio_tsm_evidence {
	u8 nonce[VFIO_TSM_EVIDENCE_NONCE_SIZE];
	struct vfio_tsm_evidence_part parts[VFIO_TSM_NR_EVIDENCE_PARTS];
};

/**
 * struct vfio_tsm_evidence_source - how the driver of a TSM offers evidence
 * @list: of vfio_tsm
 * @collect: have the device sign @nonce, and fill @parts. Returns 0; -ENODEV if this TSM does
 *	not serve the function, so that another one is asked; -ENOTCONN if it is not connected;
 *	-EOPNOTSUPP if it has no evidence; -EBADMSG if a signature is wrong; -EIO for other errors
 *	of the device or the TSM.
 *
 * Context: a worker, at most one for each function. No lock is held, so the function can be
 * disconnected at any time. It must end in the time that a TSM takes for an operation:
 * vfio_tsm_remove_evidence_source() waits for it, and nothing else does. If the session ends
 * meanwhile, the driver calls vfio_tsm_forget_evidence(), and the evidence is not published.
 */
struct vfio_tsm_evidence_source {
	struct list_head list;
	int (*collect)(struct pci_dev *pdev, struct vfio_tsm_evidence *evidence);
};

/**
 * struct vfio_tsm_ops - what vfio_tsm asks of the driver
 * @revoke: take the device back from the TSM without the owner's consent.
 *	Returns 0, also when nothing is bound, or a negative errno.
 * @quarantined: the administrator has quarantined the device, so remove the mappings, which
 *	its owner could use without a check. Returns 0, or -EINTR.
 * @refresh: look whether the TSM has let the TDI go by itself, and report that
 *	through vfio_tsm_unbound().
 * @can_bind: whether the TSMs of the host can bind the device. Returns 1 or 0, or -ENXIO while
 *	the device is not connected to a TSM. Does not wait.
 *
 * Context: process; no lock of vfio_tsm is held, except the one that keeps the device
 * registered; may sleep.
 */
struct vfio_tsm_ops {
	int (*revoke)(void *priv);
	int (*quarantined)(void *priv);
	void (*refresh)(void *priv);
	int (*can_bind)(void *priv);
};

const char *vfio_tsm_version(void);
const char *vfio_tsm_reason_name(enum vfio_tsm_reason reason);
struct vfio_tsm_dev *vfio_tsm_register(struct pci_dev *pdev, const struct vfio_tsm_ops *ops,
				       void *priv);
void vfio_tsm_unregister(struct vfio_tsm_dev *dev);
int vfio_tsm_open_begin(struct vfio_tsm_dev *dev, enum vfio_tsm_region_mode *mode);
void vfio_tsm_opened(struct vfio_tsm_dev *dev);
void vfio_tsm_closed(struct vfio_tsm_dev *dev);
int vfio_tsm_bind_begin(struct vfio_tsm_dev *dev, struct vfio_tsm_policy *policy);
int vfio_tsm_check_policy(struct vfio_tsm_dev *dev, enum vfio_tsm_stage *stage);
void vfio_tsm_bind_end(struct vfio_tsm_dev *dev, const struct vfio_tsm_binding *binding, int error,
		       enum vfio_tsm_stage stage);
void vfio_tsm_bound_elsewhere(struct vfio_tsm_dev *dev, const struct vfio_tsm_binding *binding);
void vfio_tsm_unbound(struct vfio_tsm_dev *dev, enum vfio_tsm_state to,
		      enum vfio_tsm_reason reason);
void vfio_tsm_acknowledged(struct vfio_tsm_dev *dev);
bool vfio_tsm_is_quarantined(const struct vfio_tsm_dev *dev);
void vfio_tsm_blocked(struct vfio_tsm_dev *dev, enum vfio_tsm_blocked kind);
bool vfio_tsm_request_is_allowed(struct vfio_tsm_dev *dev, enum vfio_tsm_scope scope);
void vfio_tsm_requested(struct vfio_tsm_dev *dev, const struct vfio_tsm_request *request);
void vfio_tsm_get_info(struct vfio_tsm_dev *dev, struct vfio_tsm_info *info);
void vfio_tsm_set_event(struct vfio_tsm_dev *dev, struct eventfd_ctx *event);

/* For the driver of a TSM. */
void vfio_tsm_report_tdi_state(struct pci_dev *pdev, enum vfio_tsm_tdi_state state);

/* For the driver of a TSM. */
void vfio_tsm_stop_failed(struct pci_dev *pdev);
void vfio_tsm_stopped(struct pci_dev *pdev);

/* For the driver of a TSM. */
void vfio_tsm_add_evidence_source(struct vfio_tsm_evidence_source *source);
void vfio_tsm_remove_evidence_source(struct vfio_tsm_evidence_source *source);
void vfio_tsm_forget_evidence(struct pci_dev *pdev);

/* Whether it or its PF was removed from its slot. A failed error recovery can look the same. */
static inline bool vfio_tsm_is_pulled(struct pci_dev *pdev)
{
	return READ_ONCE(pdev->error_state) == pci_channel_io_perm_failure ||
	       READ_ONCE(pci_physfn(pdev)->error_state) == pci_channel_io_perm_failure;
}

/* vfio_tsm/ and vfio_tsm_evidence/ in the function's directory, for the driver's dev_groups. */
extern const struct attribute_group *vfio_tsm_sysfs_groups[];

#endif /* VFIO_TSM_DEV_H */
