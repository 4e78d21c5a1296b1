// SPDX-License-Identifier: GPL-2.0-only
/* TDISP states, and the ways between them. */
#include <linux/atomic.h>
#include <linux/pci.h>

#include "tsm_sim.h"

/* Of all functions, since the module was loaded. */
static atomic_t all_violations;

const char *sim_tdisp_name(enum sim_tdisp state)
{
	static const char *const names[] = {
		[SIM_UNLOCKED] = "CONFIG_UNLOCKED",
		[SIM_LOCKED] = "CONFIG_LOCKED",
		[SIM_RUN] = "RUN",
		[SIM_ERROR] = "ERROR",
	};

	return names[state];
}

static void check_locked(struct sim_fn *fn)
{
	lockdep_assert_held(&fn->lock);

	if (fn->state != SIM_LOCKED && fn->state != SIM_RUN)
		return;
	if (!sim_regs_changed(fn))
		return;
	fn->violations++;
	atomic_inc(&all_violations);
	fn->state = SIM_ERROR;
}

static void stop_locked(struct sim_fn *fn)
{
	if (fn->state == SIM_UNLOCKED)
		return;
	check_locked(fn);
	sim_regs_unlock(fn);
	fn->state = SIM_UNLOCKED;
}

/* A connection begins with counts of 0. */
void sim_reset_books(struct sim_fn *fn)
{
	guard(mutex)(&fn->lock);
	fn->violations = 0;
	fn->binds = 0;
}

/* LOCK_INTERFACE_REQUEST: what the registers are now, they must stay. */
int sim_lock(struct sim_fn *fn, u32 tdi_id)
{
	guard(mutex)(&fn->lock);
	/* Left by an unbind that failed: it may be tried again, or fail again. */
	if (fn->state != SIM_UNLOCKED && sim_injects_error(fn, SIM_UNBIND))
		return -EBUSY;
	stop_locked(fn);

	sim_regs_lock(fn);
	fn->tdi_id = tdi_id;
	fn->state = SIM_LOCKED;
	fn->binds++;
	if (READ_ONCE(fn->inject.error_state.value)) {
		pci_info(fn->pdev, "TDI in ERROR: as it was told\n");
		fn->state = SIM_ERROR;
	}
	return 0;
}

/* STOP_INTERFACE_REQUEST, from every state. */
void sim_unlock(struct sim_fn *fn)
{
	guard(mutex)(&fn->lock);
	stop_locked(fn);
}

/* START_INTERFACE_REQUEST: the guest accepts the TDI. */
int sim_start(struct sim_fn *fn)
{
	guard(mutex)(&fn->lock);
	check_locked(fn);
	if (fn->state != SIM_LOCKED)
		return -EINVAL;
	fn->state = SIM_RUN;
	return 0;
}

/* A device notices at once what happens to it; the simulation when asked. */
enum sim_tdisp sim_check(struct sim_fn *fn)
{
	guard(mutex)(&fn->lock);
	check_locked(fn);
	return fn->state;
}

unsigned int sim_all_violations(void)
{
	return atomic_read(&all_violations);
}
