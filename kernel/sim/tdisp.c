// SPDX-License-Identifier: GPL-2.0-only
/* TDISP states, and the changes between them. */
#include <linux/atomic.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/string.h>

#include "mmio.h"
#include "report.h"
#include "tsm_sim.h"

/* Violations of all functions since the module was loaded. */
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

/* Every change of state goes through here. */
static void set_state(struct sim_fn *fn, enum sim_tdisp state)
{
	lockdep_assert_held(&fn->lock);

	sim_mmio_change(fn, state);
	/* The nonce is destroyed when the TDI leaves CONFIG_LOCKED. */
	if (fn->state == SIM_LOCKED)
		memzero_explicit(fn->nonce, sizeof(fn->nonce));
	fn->state = state;
	sim_report_state(fn);
}

static bool find_violation(struct sim_fn *fn)
{
	if ((fn->state != SIM_LOCKED && fn->state != SIM_RUN) || !sim_regs_changed(fn))
		return false;
	fn->violations++;
	atomic_inc(&all_violations);
	return true;
}

/* Something is wrong with a TDI that is locked. */
void sim_fail_locked(struct sim_fn *fn)
{
	set_state(fn, SIM_ERROR);
}

/* Does what sim_check() does. The caller holds the function's lock. */
enum sim_tdisp sim_check_locked(struct sim_fn *fn)
{
	lockdep_assert_held(&fn->lock);

	if (find_violation(fn))
		sim_fail_locked(fn);
	return fn->state;
}

/*
 * Does what sim_unlock() does. The caller holds the function's lock. A violation that is
 * found only now is counted, and not reported as ERROR: the TDI is stopped.
 */
void sim_stop_locked(struct sim_fn *fn)
{
	if (fn->state == SIM_UNLOCKED)
		return;
	find_violation(fn);
	set_state(fn, SIM_UNLOCKED);
	sim_regs_unlock(fn);
}

/* A connection begins with counts of 0. */
void sim_reset_books(struct sim_fn *fn)
{
	guard(mutex)(&fn->lock);
	fn->violations = 0;
	fn->binds = 0;
}

/* LOCK_INTERFACE_REQUEST: the registers must stay as they are now. @nonce is that of the lock. */
int sim_lock(struct sim_fn *fn, u32 tdi_id, const u8 nonce[TDISP_NONCE_SIZE])
{
	guard(mutex)(&fn->lock);
	/* An unbind that failed has left the TDI. Stop it now, unless unbinds still fail. */
	if (fn->state != SIM_UNLOCKED && sim_injects_error(fn, SIM_UNBIND))
		return -EBUSY;
	sim_stop_locked(fn);

	sim_regs_lock(fn);
	memcpy(fn->nonce, nonce, sizeof(fn->nonce));
	fn->tdi_id = tdi_id;
	set_state(fn, SIM_LOCKED);
	fn->binds++;
	if (READ_ONCE(fn->inject.error_state.value)) {
		pci_info(fn->pdev, "TDI in ERROR: error_state_after_bind is 1\n");
		sim_fail_locked(fn);
	}
	return 0;
}

/* STOP_INTERFACE_REQUEST, from every state. */
void sim_unlock(struct sim_fn *fn)
{
	guard(mutex)(&fn->lock);
	sim_stop_locked(fn);
}

/* The guest has accepted a TDI that is locked. */
void sim_start_locked(struct sim_fn *fn)
{
	set_state(fn, SIM_RUN);
}

/* START_INTERFACE_REQUEST: the guest accepts the TDI. */
int sim_start(struct sim_fn *fn)
{
	guard(mutex)(&fn->lock);
	if (sim_check_locked(fn) != SIM_LOCKED)
		return -EINVAL;
	sim_start_locked(fn);
	return 0;
}

/* A device detects a violation at once, the simulation only when its state is read. */
enum sim_tdisp sim_check(struct sim_fn *fn)
{
	guard(mutex)(&fn->lock);
	return sim_check_locked(fn);
}

unsigned int sim_all_violations(void)
{
	return atomic_read(&all_violations);
}
