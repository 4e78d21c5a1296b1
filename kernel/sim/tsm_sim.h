/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tsm_sim: a TSM in software, for hosts that have none. It registers with
 * PCI/TSM as tsmN, makes the functions that its parameter names TEE-capable, and
 * plays both the platform's TSM and each device's DSM (PCIe r7.0 section 11): it
 * keeps a TDISP state for each function, remembers what a function's registers
 * were when it was locked, and notices when they are not so any more. Nothing is
 * encrypted and nothing is protected: it is for tests and for learning.
 *
 *	main.c		registration, and the operations that PCI/TSM calls
 *	tdisp.c		states, and what a locked function must keep
 *	debugfs.c	/sys/kernel/debug/tsm_sim/
 */
#ifndef TSM_SIM_H
#define TSM_SIM_H

#include <linux/dcache.h>
#include <linux/mutex.h>
#include <linux/pci-tsm.h>
#include <linux/seq_file.h>
#include <linux/types.h>

/* PCIe r7.0 section 11.2, TDISP states of a TDI. */
enum sim_tdisp {
	SIM_UNLOCKED,
	SIM_LOCKED,
	SIM_RUN,
	SIM_ERROR,
};

/* Registers whose change is an error in a locked TDI (table 11-2). */
#define SIM_MAX_REGS 16

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
 * struct sim_fn - a function that the simulated TSM knows
 * @pf0: PCI/TSM's context. A DSM's is all of it, another function's only
 *	pf0.base_tsm
 * @tdi: PCI/TSM's context of the TDI, while bound
 * @dir: in debugfs
 * @lock: protects all below; a leaf, but for configuration space
 * @state: TDISP state
 * @violations: times that a locked TDI was found changed
 * @binds: times that it was locked
 * @nregs: how many of @regs are in use, 0 when unlocked
 * @regs: what was locked
 */
struct sim_fn {
	struct pci_tsm_pf0 pf0;
	struct pci_tdi tdi;
	struct dentry *dir;
	struct mutex lock; /* see above */
	enum sim_tdisp state;
	unsigned int violations;
	unsigned int binds;
	unsigned int nregs;
	struct sim_reg regs[SIM_MAX_REGS];
};

static inline struct sim_fn *to_sim_fn(struct pci_tsm *tsm)
{
	return container_of(tsm, struct sim_fn, pf0.base_tsm);
}

/* tdisp.c */
const char *sim_tdisp_name(enum sim_tdisp state);
int sim_lock(struct sim_fn *fn);
void sim_unlock(struct sim_fn *fn);
int sim_start(struct sim_fn *fn);
void sim_check(struct sim_fn *fn);
void sim_report(struct sim_fn *fn, struct seq_file *s);

/* debugfs.c */
void sim_debugfs_init(void);
void sim_debugfs_exit(void);
void sim_debugfs_add(struct sim_fn *fn);
void sim_debugfs_remove(struct sim_fn *fn);

#endif /* TSM_SIM_H */
