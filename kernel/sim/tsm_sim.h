/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tsm_sim: a TSM in software, for hosts that have none. It registers with
 * PCI/TSM as tsmN, makes the functions that its parameter names TEE-capable, and
 * plays both the platform's TSM and each device's DSM (PCIe r7.0 section 11): it
 * keeps a TDISP state for each function, saves the registers of a function when
 * it is locked, and detects when they change. On request it fails, or takes a
 * given time. Nothing is encrypted and nothing is protected: it is for tests and
 * for learning.
 *
 *	main.c		registration, and the operations that PCI/TSM calls
 *	fn.c		the functions that it serves
 *	tdisp.c		states, and the changes between them
 *	message.c	TDISP messages of guests
 *	regs.c		what a locked function must keep
 *	inject.c	errors and delays
 *	debugfs.c	/sys/kernel/debug/tsm_sim/, and what each file there means
 *	mmio.c		the character device through which a VMM maps a TDI in RUN
 *	report.c	what is reported to vfio_tsm
 *	doe.c		transport=doe: the operations of PCI/TSM, with real devices
 *	firmware.c	transport=doe: a program that talks to these
 *	link.c		transport=doe: the file through which it does
 *	evidence.c	transport=doe: what these have signed, for vfio_tsm
 *
 * Two structures have different lifetimes. A struct sim_fn, with its files, exists
 * as long as the function: an error of connect must be set before the connect. A
 * struct sim_ctx belongs to PCI/TSM, from connect to disconnect. So files are never
 * made or removed under PCI/TSM's lock, and a file may call into PCI/TSM.
 *
 * Locks, outermost first: PCI/TSM's own; sim_fn::lock, under which configuration
 * space is read. The table of functions, in fn.c, has a lock of its own, the innermost.
 */
#ifndef TSM_SIM_H
#define TSM_SIM_H

#include <linux/dcache.h>
#include <linux/kref.h>
#include <linux/mutex.h>
#include <linux/pci-tsm.h>
#include <linux/seq_file.h>
#include <linux/types.h>
#include <linux/wait.h>

#include "mmio.h"
#include "tdisp.h"

/* PCI/TSM's operations that can be made to fail and to wait. */
enum sim_op {
	SIM_CONNECT,
	SIM_BIND,
	SIM_UNBIND,
	SIM_GUEST_REQ,
	SIM_REMOVE, /* it can only wait, and after its work */
	SIM_OPS, /* how many; also: none of them */
};

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
 * @ref: held by the table of functions, a struct sim_ctx, and open files of the function
 * @pdev: the function; a reference is held
 * @pf: the function itself, or the PF of a VF; a reference is held
 * @capable: whether this module has set PCI_EXP_DEVCAP_TEE, not the device
 * @dir: in debugfs
 * @mmio: its private MMIO
 * @doe_session: the firmware has a session with this function; under the lock of commands
 * @inject: errors and delays
 * @lock: protects all below; see the order above
 * @state: TDISP state
 * @tdi_id: the ID that bind was given; not valid if @state is UNLOCKED
 * @nonce: nonce of this lock; zero once the TDI has left CONFIG_LOCKED
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
	bool capable;
	struct dentry *dir;
	struct sim_mmio mmio;
	bool doe_session;
	struct sim_inject inject;
	struct mutex lock; /* see above */
	enum sim_tdisp state;
	u32 tdi_id;
	u8 nonce[TDISP_NONCE_SIZE];
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

/**
 * struct sim_message - a message of a guest
 * @bytes: as much of it as a request can have, or zeroes
 * @len: its length
 * @request: what it asks for, or NULL if there is no such request
 * @error: the code of a TDISP_ERROR that is the answer, or 0
 */
struct sim_message {
	u8 bytes[TDISP_MAX_REQUEST];
	size_t len;
	const struct sim_request *request;
	u32 error;
};

/* main.c */
struct pci_tsm *sim_probe(struct tsm_dev *tsm_dev, struct pci_dev *pdev);
struct pci_tdi *sim_bind_tdi(struct pci_dev *pdev, struct kvm *kvm, u32 tdi_id,
			     const u8 nonce[TDISP_NONCE_SIZE]);
void sim_unbind_tdi(struct pci_tdi *tdi, int error);
int sim_set_no_bind_tsm(bool there);
void sim_show_no_bind_tsm(struct seq_file *s);

/* fn.c */
struct sim_fn *sim_fn_get(struct pci_dev *pdev);
void sim_fn_put(struct sim_fn *fn);
void sim_fns_walk(void (*callback)(struct sim_fn *fn, const void *data), const void *data);
int sim_fns_init(void);
void sim_fns_exit(void);

/* tdisp.c */
const char *sim_tdisp_name(enum sim_tdisp state);
void sim_reset_books(struct sim_fn *fn);
int sim_lock(struct sim_fn *fn, u32 tdi_id, const u8 nonce[TDISP_NONCE_SIZE]);
void sim_unlock(struct sim_fn *fn);
void sim_stop_locked(struct sim_fn *fn);
int sim_start(struct sim_fn *fn);
void sim_start_locked(struct sim_fn *fn);
void sim_fail_locked(struct sim_fn *fn);
enum sim_tdisp sim_check(struct sim_fn *fn);
enum sim_tdisp sim_check_locked(struct sim_fn *fn);
unsigned int sim_all_violations(void);

/* message.c */
int sim_message_take(struct sim_fn *fn, struct sim_message *message, enum pci_tsm_req_scope scope,
		     sockptr_t in, size_t in_len, size_t out_len);
bool sim_message_is_legal(const struct sim_message *message, enum sim_tdisp state);
ssize_t sim_message_answer(struct sim_fn *fn, const struct sim_message *message, sockptr_t out,
			   size_t out_len, u64 *code);
int sim_ask(struct sim_fn *fn, bool begin, enum sim_tdisp *state);

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

/* debugfs.c */
int sim_debugfs_init(void);
void sim_debugfs_tsms_add(void);
void sim_debugfs_tsms_remove(void);
void sim_debugfs_exit(void);
void sim_debugfs_add(struct sim_fn *fn);
void sim_debugfs_remove(struct sim_fn *fn);

#endif /* TSM_SIM_H */
