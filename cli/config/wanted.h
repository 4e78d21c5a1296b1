/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a configuration wants of each device. */
#ifndef TSMCTL_WANTED_H
#define TSMCTL_WANTED_H

#include "config/document.h"

/**
 * struct wanted - a configuration, arranged to look up many devices
 * @exact: entries for one address, in the order of addresses
 * @exacts: how many
 * @patterns: all other entries, in the order of the configuration
 * @count: how many
 */
struct wanted {
	const struct config_entry **exact;
	size_t exacts;
	const struct config_entry **patterns;
	size_t count;
};

/**
 * wanted_init() - arrange a configuration
 * @w: out, for wanted_done()
 * @config: the configuration, which must live as long
 *
 * Return: 0 or -ENOMEM.
 */
int wanted_init(struct wanted *w, const struct config *config);

/**
 * wanted_done() - free what wanted_init() allocated
 * @w: zeroed afterwards
 */
void wanted_done(struct wanted *w);

/**
 * wanted_exact() - the first entry for one address
 * @w: the configuration
 * @addr: the address
 *
 * Return: the entry, or NULL.
 */
const struct config_entry *wanted_exact(const struct wanted *w, const struct pci_addr *addr);

/*
 * Called for an entry that names a device. @counts: its settings apply to the device, see
 * wanted_of().
 */
typedef void (*wanted_fn)(const struct config_entry *e, bool counts, void *arg);

/**
 * wanted_each() - call back for each entry that names a device
 * @ctx: this run
 * @w: the configuration
 * @addr: the device
 * @fn: callback, in the order of the configuration
 * @arg: passed to @fn
 *
 * Return: as wanted_of().
 */
bool wanted_each(struct ctx *ctx, const struct wanted *w, const struct pci_addr *addr, wanted_fn fn,
		 void *arg);

/**
 * wanted_from() - find the entries whose settings are wanted of one device
 * @ctx: this run
 * @w: the configuration
 * @addr: the device
 * @from: out, the entry of each setting; NULL if there is none
 *
 * Return: as wanted_of().
 */
bool wanted_from(struct ctx *ctx, const struct wanted *w, const struct pci_addr *addr,
		 const struct config_entry *from[SETTINGS]);

/**
 * wanted_of() - what is wanted of one device
 * @ctx: this run
 * @w: the configuration
 * @addr: the device
 * @want: out, one text for each setting; NULL if no entry has it
 *
 * An entry for "all" also names devices that only have policy, but its settings do not apply
 * to them. They apply to devices with a TSM side, and to those that are assigned or that
 * another entry assigns.
 *
 * Return: true if an entry names the device.
 */
bool wanted_of(struct ctx *ctx, const struct wanted *w, const struct pci_addr *addr,
	       const char *want[SETTINGS]);

#endif
