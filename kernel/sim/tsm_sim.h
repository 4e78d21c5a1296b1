/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tsm_sim: a TSM in software, for hosts that have none. It registers with
 * PCI/TSM as tsmN, makes the functions that its parameter names TEE-capable, and
 * plays both the platform's TSM and each device's DSM (PCIe r7.0 section 11): it
 * keeps a TDISP state for each function, remembers what a function's registers
 * were when it was locked, and notices when they are not so any more. It fails,
 * and takes its time, when told to. Nothing is encrypted and nothing is
 * protected: it is for tests and for learning.
 *
 *	main.c		registration, and the operations that PCI/TSM calls
 *	fn.c		the functions it knows
 *	tdisp.c		states, and the ways between them
 *	regs.c		what a locked function must keep
 *	inject.c	errors and delays
 *	debugfs.c	/sys/kernel/debug/tsm_sim/, and what each file there means
 *
 * Two things have two lives. A struct sim_fn, with its files, is there as long
 * as the function is: an error at connect must be set before the connect. A
 * struct sim_ctx is PCI/TSM's, from connect to disconnect. So no file comes or
 * goes under PCI/TSM's lock, and a file may call into PCI/TSM.
 *
 * Locks, outermost first: PCI/TSM's own; sim_fn::lock, under which only
 * configuration space is read; the table of functions, in fn.c.
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
	SIM_OPS, /* how many; also: none of them */
};

/* Registers whose change is an error in a locked TDI (table 11-2). */
#define SIM_MAX_REGS 40

/**
 * struct sim_reg - one of them
 * @name: for people
 * @pdev: whose configuration space it is in: the function, or its PF
 * @pos: offset there, aligned to 4 bytes
 * @mask: bits that must not change
 * @value: what they were when the TDI was locked
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
 * @value: what it is; read without a lock
 * @max: what it can be at most
 * @changed: woken when it is set, or NULL
 */
struct sim_knob {
	unsigned int value;
	unsigned int max;
	wait_queue_head_t *changed;
};

/**
 * struct sim_inject - what goes wrong with a function
 * @error: for each operation, an errno, or 0
 * @delay: for each operation, milliseconds that it waits first
 * @error_state: a bind that succeeds ends in ERROR
 * @report_unbind: an unbind that fails is reported to vfio_tsm
 * @waiters: an operation that waits
 * @delayed: which one that is
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
 * struct sim_fn - a function that the simulated TSM knows
 * @ref: by the table of functions, and by a struct sim_ctx
 * @pdev: the function; a reference is held
 * @capable: whether PCI_EXP_DEVCAP_TEE is ours, not the device's own
 * @dir: in debugfs
 * @inject: what goes wrong
 * @lock: protects all below; see the order above
 * @state: TDISP state
 * @tdi_id: as bind was given it, unless @state is UNLOCKED
 * @violations: times that a locked TDI was found changed, since connect
 * @binds: times that it was locked, since connect
 * @saved_id: what @pdev had saved of its first 4 bytes when it was locked
 * @answer: to the last request that debugfs made as a guest
 * @nregs: how many of @regs are in use, 0 when unlocked
 * @regs: what was locked
 */
struct sim_fn {
	struct kref ref;
	struct pci_dev *pdev;
	bool capable;
	struct dentry *dir;
	struct sim_inject inject;
	struct mutex lock; /* see above */
	enum sim_tdisp state;
	u32 tdi_id;
	unsigned int violations;
	unsigned int binds;
	u32 saved_id;
	char answer[16];
	unsigned int nregs;
	struct sim_reg regs[SIM_MAX_REGS];
};

/**
 * struct sim_ctx - a function that is connected
 * @pf0: PCI/TSM's context. A DSM's is all of it, another function's only
 *	pf0.base_tsm
 * @tdis: PCI/TSM's context of the TDI, while bound. They take turns, so that the next TDI
 *	is another one, as those of a TSM's driver that allocates each
 * @turn: whose turn it is
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
void sim_fn_put(struct sim_fn *fn);
int sim_fns_init(void);
void sim_fns_exit(void);

/* tdisp.c */
const char *sim_tdisp_name(enum sim_tdisp state);
void sim_reset_books(struct sim_fn *fn);
int sim_lock(struct sim_fn *fn, u32 tdi_id);
void sim_unlock(struct sim_fn *fn);
int sim_start(struct sim_fn *fn);
enum sim_tdisp sim_check(struct sim_fn *fn);
unsigned int sim_all_violations(void);

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
void sim_debugfs_init(void);
void sim_debugfs_tsms_add(void);
void sim_debugfs_tsms_remove(void);
void sim_debugfs_exit(void);
void sim_debugfs_add(struct sim_fn *fn);
void sim_debugfs_remove(struct sim_fn *fn);

#endif /* TSM_SIM_H */
