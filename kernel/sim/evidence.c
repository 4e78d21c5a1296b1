// SPDX-License-Identifier: GPL-2.0-only
/*
 * transport=doe: evidence about the devices, which the firmware gets from them. If vfio_tsm is
 * loaded, it is offered there.
 */
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pci.h>

#include "doe.h"
#include "report.h"
#include "tsm_sim.h"
#include "vfio_tsm_dev.h"

/* Whether the source is known to vfio_tsm, which cannot be unloaded then; under the mutex */
static bool offered;
static DEFINE_MUTEX(offer_lock);

/*
 * The function through which another one is connected: function 0 of its device, which can be
 * @fn. Returns it with a reference; NULL if it is gone.
 */
static struct sim_fn *get_dsm(const struct sim_fn *fn)
{
	struct pci_dev *dsm __free(pci_dev_put) =
		pci_get_slot(fn->pf->bus, PCI_DEVFN(PCI_SLOT(fn->pf->devfn), 0));

	return dsm ? sim_fn_get(dsm) : NULL;
}

/* A function that this TSM does not serve has another one. */
static int collect(struct pci_dev *pdev, struct vfio_tsm_evidence *evidence)
{
	struct sim_fn *fn = sim_fn_get(pdev);
	struct sim_fn *dsm;
	int ret = -ENOTCONN;

	if (!fn)
		return -ENODEV;
	dsm = get_dsm(fn);
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

static bool is_connected_through(const struct sim_fn *fn, const struct sim_fn *dsm)
{
	return fn->pf->bus == dsm->pdev->bus &&
	       PCI_SLOT(fn->pf->devfn) == PCI_SLOT(dsm->pdev->devfn);
}

static void forget_of(struct sim_fn *fn, const void *dsm)
{
	if (is_connected_through(fn, dsm))
		sim_evidence_forget(fn);
}

/**
 * sim_evidence_forget_all() - the session of a device has ended
 * @dsm: the function with the mailbox
 *
 * Context: no evidence is collected in the session from now on. Takes no lock of the PCI core.
 */
void sim_evidence_forget_all(const struct sim_fn *dsm)
{
	sim_fns_walk(forget_of, dsm);
}
