// SPDX-License-Identifier: GPL-2.0-only
/*
 * The functions that the simulated TSM serves: those that its parameter names,
 * and all others of the same device, which a connection covers.
 */
#include <linux/glob.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/sysfs.h>
#include <linux/xarray.h>

#include "mmio.h"
#include "tsm_sim.h"

static char *devices;
module_param(devices, charp, 0444);
MODULE_PARM_DESC(devices, "Functions to make TEE-capable: addresses and globs, with commas");

/* The functions, by the address of their struct pci_dev. Its own lock is the innermost. */
static DEFINE_XARRAY(known);
/* The loop over all functions and the notifier may find the same function. */
static DEFINE_MUTEX(adding);

static bool is_chosen(const char *name)
{
	char *list __free(kfree) = kstrdup(devices, GFP_KERNEL);
	char *rest = list, *pattern;

	while ((pattern = strsep(&rest, ","))) {
		if (*pattern && glob_match(pattern, name))
			return true;
	}
	return false;
}

/* A connection is made at function 0, and covers every function of the device. */
static bool is_covered(struct pci_dev *pdev)
{
	struct pci_dev *pf = pci_physfn(pdev);
	char name[32];

	snprintf(name, sizeof(name), "%04x:%02x:%02x.0", pci_domain_nr(pf->bus), pf->bus->number,
		 PCI_SLOT(pf->devfn));
	return is_chosen(name);
}

/**
 * sim_fn_get() - look a function up
 * @pdev: the function
 *
 * Return: the function with a reference; NULL if the simulated TSM does not serve it.
 */
struct sim_fn *sim_fn_get(struct pci_dev *pdev)
{
	struct sim_fn *fn;

	xa_lock(&known);
	fn = xa_load(&known, (unsigned long)pdev);
	if (fn)
		kref_get(&fn->ref);
	xa_unlock(&known);
	return fn;
}

static void fn_free(struct kref *ref)
{
	struct sim_fn *fn = container_of(ref, struct sim_fn, ref);

	sim_mmio_free(fn);
	pci_dev_put(fn->pf);
	pci_dev_put(fn->pdev);
	mutex_destroy(&fn->lock);
	kfree(fn);
}

void sim_fn_put(struct sim_fn *fn)
{
	kref_put(&fn->ref, fn_free);
}

/**
 * sim_fns_walk() - call a function for each function that there is
 * @callback: what is called, with a reference that it does not keep
 * @data: passed to it
 *
 * Context: functions may come and go meanwhile. Takes no lock of the PCI core.
 */
void sim_fns_walk(void (*callback)(struct sim_fn *fn, const void *data), const void *data)
{
	unsigned long index;
	struct sim_fn *fn;

	xa_for_each(&known, index, fn) {
		/* The index is only looked up, because the function may be gone. */
		struct sim_fn *held = sim_fn_get((struct pci_dev *)index);

		if (!held)
			continue;
		callback(held, data);
		sim_fn_put(held);
	}
}

static void fn_add(struct pci_dev *pdev)
{
	bool chosen = is_chosen(pci_name(pdev));
	struct sim_fn *fn;

	guard(mutex)(&adding);
	if (!pci_is_pcie(pdev) || xa_load(&known, (unsigned long)pdev))
		return;
	if (!chosen && !is_covered(pdev))
		return;
	fn = kzalloc_obj(*fn);
	if (!fn)
		return;

	kref_init(&fn->ref);
	mutex_init(&fn->lock);
	sim_inject_init(&fn->inject);
	fn->pdev = pci_dev_get(pdev);
	fn->pf = pci_dev_get(pci_physfn(pdev));
	/* Make the files before the function can be found and removed. */
	sim_debugfs_add(fn);
	sim_mmio_add(fn);
	/* If a real device has the bit in its Device Capabilities, leave it alone. */
	fn->capable = chosen && !(pdev->devcap & PCI_EXP_DEVCAP_TEE);
	if (xa_insert(&known, (unsigned long)pdev, fn, GFP_KERNEL)) {
		sim_mmio_remove(fn);
		sim_debugfs_remove(fn);
		sim_fn_put(fn);
		return;
	}
	if (fn->capable)
		pdev->devcap |= PCI_EXP_DEVCAP_TEE;
}

static void fn_remove(struct pci_dev *pdev)
{
	struct sim_fn *fn = xa_erase(&known, (unsigned long)pdev);

	if (!fn)
		return;
	if (fn->capable)
		pdev->devcap &= ~PCI_EXP_DEVCAP_TEE;
	sim_debugfs_remove(fn);
	sim_mmio_remove(fn);
	sim_fn_put(fn);
}

/*
 * A function that comes later already has its files, but not tsm/. PCI/TSM's
 * group is not exported, but it is among those of the device's type.
 */
static void show_tsm(struct pci_dev *pdev)
{
	const struct attribute_group **groups = pdev->dev.type ? pdev->dev.type->groups : NULL;

	for (; groups && *groups; groups++) {
		if ((*groups)->name && !strcmp((*groups)->name, "tsm") &&
		    sysfs_update_group(&pdev->dev.kobj, *groups))
			pci_warn(pdev, "cannot show tsm/\n");
	}
}

/* PCI/TSM looks at a new function after this, and lets go of a removed one before this. */
static int bus_notify(struct notifier_block *nb, unsigned long action, void *data)
{
	if (action == BUS_NOTIFY_ADD_DEVICE) {
		fn_add(to_pci_dev(data));
		show_tsm(to_pci_dev(data));
	} else if (action == BUS_NOTIFY_REMOVED_DEVICE) {
		fn_remove(to_pci_dev(data));
	}
	return NOTIFY_DONE;
}

static struct notifier_block bus_nb = { .notifier_call = bus_notify };

/**
 * sim_fns_init() - find all functions that are there, and those that come later
 *
 * Return: 0, or an error of the bus.
 */
int sim_fns_init(void)
{
	struct pci_dev *pdev = NULL;
	int ret;

	ret = bus_register_notifier(&pci_bus_type, &bus_nb);
	if (ret)
		return ret;
	for_each_pci_dev(pdev)
		fn_add(pdev);
	return 0;
}

static void forget(struct sim_fn *fn, const void *unused)
{
	fn_remove(fn->pdev);
}

/**
 * sim_fns_exit() - forget them all
 *
 * Context: no TSM of ours is registered any more.
 */
void sim_fns_exit(void)
{
	bus_unregister_notifier(&pci_bus_type, &bus_nb);
	sim_fns_walk(forget, NULL);
	xa_destroy(&known);
}
