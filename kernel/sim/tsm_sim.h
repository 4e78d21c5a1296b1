/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tsm_sim: a TSM in software, for hosts that have none. It registers with
 * PCI/TSM as tsmN, makes the functions that its parameter names TEE-capable, and
 * plays both the platform's TSM and each device's DSM (PCIe r7.0 section 11): it
 * keeps a TDISP state for each function, saves the registers of a function when
 * it is locked, and detects when they change. On request it fails, or takes a
 * given time. Nothing is encrypted and nothing is protected: it is for tests and
 * for learning. With transport=doe, only the part of the platform's TSM is played: LOCK,
 * START, STOP and the guest's requests go to the device, and its answers count.
 *
 *	main.c		registration, and the operations that PCI/TSM calls
 *	fn.c		the functions that it serves
 *	tdisp.c		states, and the changes between them
 *	message.c	TDISP messages of guests
 *	mmio.c		the character device through which a VMM maps a TDI in RUN
 *	regs.c		what a locked function must keep
 *	inject.c	errors and delays
 *	firmware.c	transport=doe: a program that talks to real devices
 *	link.c		transport=doe: the file through which it does
 *	evidence.c	transport=doe: what these have signed, for vfio_tsm
 *	debugfs.c	/sys/kernel/debug/tsm_sim/, and what each file there means
 *
 * Two structures have different lifetimes. A struct sim_fn, with its files, exists
 * as long as the function: an error of connect must be set before the connect. A
 * struct sim_ctx belongs to PCI/TSM, from connect to disconnect. So files are never
 * made or removed under PCI/TSM's lock, and a file may call into PCI/TSM.
 *
 * Locks, outermost first: PCI/TSM's own; those of firmware.c and link.c, which are not held with
 * any of the following; sim_fn::lock, under which configuration space is read
 * and states are reported to vfio_tsm; sim_fn::mmio_lock, under which
 * mappings are zapped. mmap() and faults take only the last, under mmap_lock, because
 * the locks that vfio_tsm and sysfs take under sim_fn::lock may wait for an mmap_lock.
 * The table of functions, in fn.c, has a lock of its own, the innermost.
 */
#ifndef TSM_SIM_H
#define TSM_SIM_H

#include <linux/dcache.h>
#include <linux/kref.h>
#include <linux/miscdevice.h>
#include <linux/mutex.h>
#include <linux/pci-tsm.h>
#include <linux/seq_file.h>
#include <linux/types.h>
#include <linux/wait.h>

/* PCIe r7.0 section 11.2, TDISP states of a TDI. */
enum sim_tdisp {
	SIM_UNLOCKED,
	SIM_LOCKED,
	SIM_RUN,
	SIM_ERROR,
};

/* PCI/TSM's operations that can be made to fail and to wait. */
enum sim_op {
	SIM_CONNECT,
	SIM_BIND,
	SIM_UNBIND,
	SIM_GUEST_REQ,
	SIM_REMOVE, /* it can only wait, and after its work */
	SIM_OPS, /* how many; also: none of them */
};

/* Bytes of the nonce that a lock makes and a start needs */
#define SIM_NONCE_SIZE 32

/* Registers whose change is an error in a locked TDI (table 11-2). */
#define SIM_MAX_REGS 40

/**
 * struct sim_reg - such a register
 * @name: for messages
 * @pdev: whose configuration space it is in: the function, or its PF
 * @pos: offset there, aligned to 4 bytes
 * @mask: bits that must not change
 * @value: these bits when the TDI was locked
 */
struct sim_reg {
	const char *name;
	struct pci_dev *pdev;
	int pos;
	u32 mask;
	u32 value;
};

/**
 * struct sim_knob - a number that debugfs sets
 * @value: the present value; read without a lock
 * @max: the largest value
 * @changed: woken when it is set, or NULL
 */
struct sim_knob {
	unsigned int value;
	unsigned int max;
	wait_queue_head_t *changed;
};

/**
 * struct sim_inject - errors and delays of a function
 * @error: for each operation, an errno, or 0
 * @delay: for each operation, milliseconds that it waits first
 * @error_state: a bind that succeeds ends in ERROR
 * @report_unbind: an unbind that fails is reported to vfio_tsm
 * @waiters: for an operation that waits
 * @delayed: the operation that waits, or SIM_OPS
 */
struct sim_inject {
	struct sim_knob error[SIM_OPS];
	struct sim_knob delay[SIM_OPS];
	struct sim_knob error_state;
	struct sim_knob report_unbind;
	wait_queue_head_t waiters;
	enum sim_op delayed;
};

/**
 * struct sim_fn - a function that the simulated TSM serves
 * @ref: held by the table of functions, a struct sim_ctx, and open files of @misc
 * @pdev: the function; a reference is held
 * @pf: the function itself, or the PF of a VF; a reference is held
 * @session: the firmware has a session with this function; under the lock of commands
 * @capable: whether this module has set PCI_EXP_DEVCAP_TEE, not the device
 * @dir: in debugfs
 * @misc: the character device, if @registered
 * @registered: whether @misc is there
 * @name: of @misc, in sysfs
 * @node: of @misc, in /dev
 * @inode: all files of @misc have its address_space; NULL if memory was short
 * @inject: errors and delays
 * @lock: protects all below; see the order above
 * @state: TDISP state
 * @tdi_id: the ID that bind was given; not valid if @state is UNLOCKED
 * @nonce: nonce of this lock; zero once the TDI has left CONFIG_LOCKED
 * @mmio_lock: protects @mm, @run and @runs
 * @mm: mm of the process that made the VM that the TDI is bound for; only compared;
 *	NULL while nothing is bound
 * @run: the number of this RUN; 0 in every other state
 * @runs: how often the TDI was started
 * @violations: how often a locked TDI was found changed, since connect
 * @binds: how often it was locked, since connect
 * @saved_id: the first 4 bytes of @pdev's saved configuration space before the lock
 * @answer: answer to the last request that debugfs made as a guest
 * @nregs: how many of @regs are in use, 0 when unlocked
 * @regs: the locked registers
 */
struct sim_fn {
	struct kref ref;
	struct pci_dev *pdev;
	struct pci_dev *pf;
	bool session;
	bool capable;
	struct dentry *dir;
	struct miscdevice misc;
	bool registered;
	char name[32];
	char node[32];
	struct inode *inode;
	struct sim_inject inject;
	struct mutex lock; /* see above */
	enum sim_tdisp state;
	u32 tdi_id;
	u8 nonce[SIM_NONCE_SIZE];
	struct mutex mmio_lock; /* see above */
	struct mm_struct *mm;
	unsigned long run;
	unsigned long runs;
	unsigned int violations;
	unsigned int binds;
	u32 saved_id;
	char answer[16];
	unsigned int nregs;
	struct sim_reg regs[SIM_MAX_REGS];
};

/**
 * struct sim_ctx - a function that is connected
 * @pf0: PCI/TSM's context. A DSM uses all of it, another function only pf0.base_tsm
 * @tdis: PCI/TSM's context of the TDI, while bound. They are used in turn, so that the
 *	next TDI has another address, as if each were allocated
 * @turn: the one to use next
 * @fn: the function; a reference is held
 */
struct sim_ctx {
	struct pci_tsm_pf0 pf0;
	struct pci_tdi tdis[2];
	bool turn;
	struct sim_fn *fn;
};

static inline struct sim_ctx *to_sim_ctx(struct pci_tsm *tsm)
{
	return container_of(tsm, struct sim_ctx, pf0.base_tsm);
}

/* main.c */
int sim_set_no_bind_tsm(bool there);
void sim_show_no_bind_tsm(struct seq_file *s);

/* fn.c */
struct sim_fn *sim_fn_get(struct pci_dev *pdev);
struct sim_fn *sim_fn_get_dsm(const struct sim_fn *fn);
void sim_fn_put(struct sim_fn *fn);
void sim_fns_forget_states(void);
void sim_fns_forget_evidence(const struct sim_fn *dsm);
int sim_fns_init(void);
void sim_fns_exit(void);

/* tdisp.c */
const char *sim_tdisp_name(enum sim_tdisp state);
void sim_reset_books(struct sim_fn *fn);
int sim_lock(struct sim_fn *fn, struct kvm *kvm, u32 tdi_id, const u8 *nonce);
void sim_disown(struct sim_fn *fn);
void sim_unlock(struct sim_fn *fn);
void sim_stop_locked(struct sim_fn *fn);
int sim_start(struct sim_fn *fn);
void sim_start_locked(struct sim_fn *fn);
enum sim_tdisp sim_check(struct sim_fn *fn);
enum sim_tdisp sim_check_locked(struct sim_fn *fn);
int sim_follow(struct sim_fn *fn, u32 state);
void sim_report(struct sim_fn *fn, bool known);
unsigned int sim_all_violations(void);

/* message.c */
ssize_t sim_message(struct sim_fn *fn, enum pci_tsm_req_scope scope, sockptr_t in, size_t in_len,
		    sockptr_t out, size_t out_len, u64 *code);
int sim_ask(struct sim_fn *fn, bool begin, enum sim_tdisp *state);

/* mmio.c */
int sim_mmio_init(void);
void sim_mmio_exit(void);
void sim_mmio_add(struct sim_fn *fn);
void sim_mmio_remove(struct sim_fn *fn);
void sim_mmio_free(struct sim_fn *fn);
void sim_mmio_bind(struct sim_fn *fn, struct kvm *kvm);
void sim_mmio_begin(struct sim_fn *fn);
void sim_mmio_end(struct sim_fn *fn);
void sim_mmio_unbind(struct sim_fn *fn);

/* regs.c */
void sim_regs_lock(struct sim_fn *fn);
void sim_regs_unlock(struct sim_fn *fn);
bool sim_regs_changed(struct sim_fn *fn);
void sim_regs_show(struct sim_fn *fn, struct seq_file *s);

/* inject.c */
extern const char *const sim_op_names[SIM_OPS + 1];
void sim_inject_init(struct sim_inject *inject);
int sim_inject(struct sim_fn *fn, enum sim_op op);
bool sim_injects_error(struct sim_fn *fn, enum sim_op op);

/* firmware.c */
bool sim_uses_doe(void);
int sim_firmware_connect(struct sim_fn *fn);
int sim_firmware_disconnect(struct sim_fn *fn);
int sim_firmware_bind(struct pci_dev *pdev, u8 nonce[SIM_NONCE_SIZE]);
int sim_firmware_unbind(struct pci_dev *pdev);
int sim_firmware_request(struct pci_dev *pdev, const u8 *request, size_t len, u8 *answer,
			 size_t *answer_len, u32 *state);
struct vfio_tsm_evidence;
int sim_firmware_evidence(struct sim_fn *dsm, const struct sim_fn *fn,
			  struct vfio_tsm_evidence *evidence);
int sim_firmware_init(void);
void sim_firmware_exit(void);

/* evidence.c */
void sim_evidence_offer(void);
void sim_evidence_withdraw(void);
void sim_evidence_forget(struct sim_fn *fn);

/* link.c */
struct tsm_sim_msg;
u64 sim_link_pass(struct tsm_sim_msg *msg, u64 command);
struct tsm_sim_msg *sim_link_next(unsigned long end);
int sim_link_init(void);
void sim_link_exit(void);

/* debugfs.c */
void sim_debugfs_init(void);
void sim_debugfs_tsms_add(void);
void sim_debugfs_tsms_remove(void);
void sim_debugfs_exit(void);
void sim_debugfs_add(struct sim_fn *fn);
void sim_debugfs_remove(struct sim_fn *fn);

#endif /* TSM_SIM_H */
