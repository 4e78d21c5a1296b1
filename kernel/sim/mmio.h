/* SPDX-License-Identifier: GPL-2.0-only */
/* The private MMIO of a function; see mmio.c. Open files hold a reference to the function. */
#ifndef SIM_MMIO_H
#define SIM_MMIO_H

#include <linux/miscdevice.h>
#include <linux/mutex.h>
#include <linux/types.h>

#include "tdisp.h"

struct inode;
struct kvm;
struct mm_struct;
struct sim_fn;

/**
 * struct sim_mmio - the character device of a function
 * @misc: the character device, if @registered
 * @registered: whether @misc is there
 * @name: of @misc, in sysfs
 * @node: of @misc, in /dev
 * @inode: all files of @misc have its address_space; NULL if memory was short
 * @lock: protects all below; under sim_fn::lock
 * @mm: mm of the process that made the VM that the TDI is bound for; only compared;
 *	NULL while nothing is bound
 * @run: the number of this RUN; 0 in every other state
 * @runs: how often the TDI was started
 */
struct sim_mmio {
	struct miscdevice misc;
	bool registered;
	char name[32];
	char node[32];
	struct inode *inode;
	struct mutex lock; /* see above */
	struct mm_struct *mm;
	unsigned long run;
	unsigned long runs;
};

int sim_mmio_init(void);
void sim_mmio_exit(void);
void sim_mmio_add(struct sim_fn *fn);
void sim_mmio_remove(struct sim_fn *fn);
void sim_mmio_free(struct sim_fn *fn);
void sim_mmio_bind(struct sim_fn *fn, struct kvm *kvm);
void sim_mmio_unbind(struct sim_fn *fn);
void sim_mmio_change(struct sim_fn *fn, enum sim_tdisp state);

#endif /* SIM_MMIO_H */
