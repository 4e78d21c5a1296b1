// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is reported to vfio_tsm, as the driver of a TSM can do: the states of TDIs, and whether
 * a TDI was stopped. The simulation also works if vfio_tsm is not loaded.
 *
 * /sys/kernel/debug/tsm_sim/ADDR/inject/ contains, beside the files that debugfs.c describes:
 *
 *	report_unbind	1: an unbind that fails is reported to vfio_tsm, which puts
 *			the function into quarantine; a later stop of the TDI is
 *			also reported. 0, the first value: nothing is reported, as
 *			by a TSM's driver that uses PCI/TSM alone
 *
 * A real device, which has transport=doe, is always reported.
 */
#include <linux/module.h>
#include <linux/pci.h>

#include "doe.h"
#include "report.h"
#include "tsm_sim.h"
#include "vfio_tsm_dev.h"

static void report(struct sim_fn *fn, enum vfio_tsm_tdi_state state)
{
	typeof(vfio_tsm_report_tdi_state) *tell = symbol_get(vfio_tsm_report_tdi_state);

	if (!tell)
		return;
	tell(fn->pdev, state);
	symbol_put(vfio_tsm_report_tdi_state);
}

/**
 * sim_report_state() - the state of a TDI may have changed
 * @fn: the function
 *
 * Context: under the function's lock, so that states are reported in their order.
 */
void sim_report_state(struct sim_fn *fn)
{
	lockdep_assert_held(&fn->lock);
	report(fn, fn->state + 1); /* in the same order, after UNKNOWN */
}

/**
 * sim_report_unknown_locked() - does what sim_report_unknown() does
 * @fn: the function
 *
 * Context: under the function's lock.
 */
void sim_report_unknown_locked(struct sim_fn *fn)
{
	lockdep_assert_held(&fn->lock);
	report(fn, VFIO_TSM_TDI_UNKNOWN);
}

/**
 * sim_report_unknown() - the state of a TDI is unknown from now on
 * @fn: the function
 */
void sim_report_unknown(struct sim_fn *fn)
{
	guard(mutex)(&fn->lock);
	sim_report_unknown_locked(fn);
}

/**
 * sim_report_stop() - a TDI was to be stopped, or cannot be in use for another reason
 * @fn: the function
 * @error: 0, or why it may be in use
 */
void sim_report_stop(struct sim_fn *fn, int error)
{
	typeof(vfio_tsm_stopped) *stop;

	if (!READ_ONCE(fn->inject.report_unbind.value) && !sim_uses_doe())
		return;
	stop = error ? symbol_get(vfio_tsm_stop_failed) : symbol_get(vfio_tsm_stopped);
	if (!stop)
		return;
	stop(fn->pdev);
	if (error)
		symbol_put(vfio_tsm_stop_failed);
	else
		symbol_put(vfio_tsm_stopped);
}

/**
 * sim_report_probe() - PCI/TSM has a context of the function from now on
 * @fn: the function
 */
void sim_report_probe(struct sim_fn *fn)
{
	guard(mutex)(&fn->lock);
	sim_report_state(fn);
}

/**
 * sim_report_remove() - PCI/TSM gives its context of the function up, and the TDI was stopped
 * @fn: the function
 */
void sim_report_remove(struct sim_fn *fn)
{
	/* A device stops it when its session ends. */
	if (!sim_uses_doe())
		sim_report_stop(fn, 0);
	sim_report_unknown(fn);
	sim_evidence_forget(fn);
}

static void forget(struct sim_fn *fn, const void *unused)
{
	sim_report_unknown(fn);
	sim_evidence_forget(fn);
}

/* Have the state of each TDI published as unknown, and no evidence: the firmware has gone. */
void sim_report_no_firmware(void)
{
	sim_fns_walk(forget, NULL);
}

int sim_report_init(void)
{
	sim_evidence_offer();
	return 0;
}

void sim_report_exit(void)
{
	/* A connect could have offered it until now. */
	sim_evidence_withdraw();
}
