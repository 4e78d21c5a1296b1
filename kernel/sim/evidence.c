// SPDX-License-Identifier: GPL-2.0-only
/*
 * transport=doe: evidence about the devices, which the firmware gets from them. If vfio_tsm is
 * loaded, it is offered there.
 */
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pci.h>

#include "vfio_tsm_dev.h"
#include "tsm_sim.h"

/* Whether the source is known to vfio_tsm, which cannot be unloaded then; under the mutex */
static bool offered;
static DEFINE_MUTEX(offer_lock);

/* A function that this TSM does not serve has another one. */
static int collect(struct pci_dev *pdev, struct vfio_tsm_evidence *evidence)
{
	struct sim_fn *fn = sim_fn_get(pdev);
	struct sim_fn *dsm;
	int ret = -ENOTCONN;

	if (!fn)
		return -ENODEV;
	dsm = sim_fn_get_dsm(fn);
	if (dsm) {
		ret = sim_firmware_evidence(dsm, fn, evidence);
		sim_fn_put(dsm);
	}
	sim_fn_put(fn);
	return ret;
}

static struct vfio_tsm_evidence_source source = { .collect = collect };

/**
 * sim_evidence_offer() - offer evidence to vfio_tsm, if it is loaded by now
 *
 * Context: at init and at each connect; takes no lock that is held when evidence is collected.
 */
void sim_evidence_offer(void)
{
	typeof(vfio_tsm_add_evidence_source) *add;

	guard(mutex)(&offer_lock);
	if (!sim_uses_doe() || offered)
		return;
	add = symbol_get(vfio_tsm_add_evidence_source);
	if (!add)
		return;
	add(&source);
	offered = true;
}

/**
 * sim_evidence_withdraw() - undo sim_evidence_offer()
 *
 * Context: at exit. Waits for evidence that is collected at the moment.
 */
void sim_evidence_withdraw(void)
{
	typeof(vfio_tsm_remove_evidence_source) *remove;

	guard(mutex)(&offer_lock);
	if (!offered)
		return;
	/* This cannot fail, because the module is held. */
	remove = symbol_get(vfio_tsm_remove_evidence_source);
	if (!WARN_ON(!remove)) {
		remove(&source);
		symbol_put(vfio_tsm_remove_evidence_source);
	}
	symbol_put(vfio_tsm_add_evidence_source);
	offered = false;
}

/**
 * sim_evidence_forget() - the session in which evidence was collected has ended
 * @fn: the function
 */
void sim_evidence_forget(struct sim_fn *fn)
{
	typeof(vfio_tsm_forget_evidence) *forget = symbol_get(vfio_tsm_forget_evidence);

	if (!forget)
		return;
	forget(fn->pdev);
	symbol_put(vfio_tsm_forget_evidence);
}
