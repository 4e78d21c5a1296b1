// SPDX-License-Identifier: GPL-2.0-only
/* TDISP states, and the changes between them. */
#include <linux/atomic.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/random.h>
#include <linux/string.h>

#include "vfio_tsm_dev.h"
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

/* If vfio_tsm is loaded, it publishes states. The simulation also works without it. */
static void report(struct sim_fn *fn, enum vfio_tsm_tdi_state state)
{
	typeof(vfio_tsm_report_tdi_state) *tell = symbol_get(vfio_tsm_report_tdi_state);

	if (!tell)
		return;
	tell(fn->pdev, state);
	symbol_put(vfio_tsm_report_tdi_state);
}

/**
 * sim_report() - have the state of a TDI published
 * @fn: the function
 * @known: false when the TSM is disconnected from the function
 */
void sim_report(struct sim_fn *fn, bool known)
{
	guard(mutex)(&fn->lock);
	report(fn, known ? fn->state + 1 : VFIO_TSM_TDI_UNKNOWN);
}

/*
 * Every change of state goes through here. Before a TDI leaves RUN, its mappings are
 * removed; when it leaves CONFIG_LOCKED, the nonce is destroyed.
 */
static void set_state(struct sim_fn *fn, enum sim_tdisp state)
{
	lockdep_assert_held(&fn->lock);

	if (fn->state == SIM_RUN)
		sim_mmio_end(fn);
	if (fn->state == SIM_LOCKED)
		memzero_explicit(fn->nonce, sizeof(fn->nonce));
	if (state == SIM_RUN)
		sim_mmio_begin(fn);
	fn->state = state;
	report(fn, state + 1); /* in the same order, after UNKNOWN */
}

static bool find_violation(struct sim_fn *fn)
{
	if ((fn->state != SIM_LOCKED && fn->state != SIM_RUN) || !sim_regs_changed(fn))
		return false;
	fn->violations++;
	atomic_inc(&all_violations);
	return true;
}

/* Does what sim_check() does. The caller holds the function's lock. */
enum sim_tdisp sim_check_locked(struct sim_fn *fn)
{
	lockdep_assert_held(&fn->lock);

	if (find_violation(fn))
		set_state(fn, SIM_ERROR);
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

/*
 * LOCK_INTERFACE_REQUEST: the registers must stay as they are now. @nonce is that of the
 * device, or NULL without one.
 */
int sim_lock(struct sim_fn *fn, struct kvm *kvm, u32 tdi_id, const u8 *nonce)
{
	guard(mutex)(&fn->lock);
	/* An unbind that failed has left the TDI. Stop it now, unless unbinds still fail. */
	if (fn->state != SIM_UNLOCKED && sim_injects_error(fn, SIM_UNBIND))
		return -EBUSY;
	sim_stop_locked(fn);

	sim_regs_lock(fn);
	if (nonce)
		memcpy(fn->nonce, nonce, sizeof(fn->nonce));
	else
		get_random_bytes(fn->nonce, sizeof(fn->nonce));
	sim_mmio_bind(fn, kvm);
	fn->tdi_id = tdi_id;
	set_state(fn, SIM_LOCKED);
	fn->binds++;
	if (READ_ONCE(fn->inject.error_state.value)) {
		pci_info(fn->pdev, "TDI in ERROR: error_state_after_bind is 1\n");
		set_state(fn, SIM_ERROR);
	}
	return 0;
}

/* An unbind takes the MMIO away, even if it then fails to stop the TDI. */
void sim_disown(struct sim_fn *fn)
{
	guard(mutex)(&fn->lock);
	sim_mmio_unbind(fn);
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

/**
 * sim_follow() - take over the state that a device has reported
 * @fn: the function
 * @state: the state
 *
 * A TDI whose registers changed stays in ERROR here, although the device did not notice.
 *
 * Return: 0; -EIO if no request leads from the present state to this one. Then the state
 * stays, and is published as unknown.
 */
int sim_follow(struct sim_fn *fn, u32 state)
{
	guard(mutex)(&fn->lock);
	if (state == fn->state || (fn->state == SIM_ERROR && state != SIM_UNLOCKED)) {
		report(fn, fn->state + 1);
	} else if (state == SIM_UNLOCKED) {
		sim_stop_locked(fn);
	} else if (fn->state == SIM_LOCKED && state == SIM_RUN) {
		sim_start_locked(fn);
	} else if (fn->state != SIM_UNLOCKED && state == SIM_ERROR) {
		set_state(fn, SIM_ERROR);
	} else {
		report(fn, VFIO_TSM_TDI_UNKNOWN);
		return -EIO;
	}
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
