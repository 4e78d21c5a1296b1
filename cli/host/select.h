/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Selectors and the devices of this host, for those who take no arguments of a verb. */
#ifndef TSMCTL_SELECT_H
#define TSMCTL_SELECT_H

#include "common/selector.h"
#include "verbs/verbs.h"

/**
 * select_matches() - whether a selector takes a device
 * @ctx: this run
 * @sel: the selector
 * @addr: the device's address; it need not be present
 *
 * Return: true if so.
 */
bool select_matches(struct ctx *ctx, const struct selector *sel, const struct pci_addr *addr);

/**
 * select_visit() - do something to each of a list of devices
 * @ctx: this run
 * @addrs: their addresses
 * @count: how many
 * @fn: called for each; its success is counted in the answer
 * @arg: passed to @fn
 *
 * Stops before the next one when a signal is waiting, see interrupt.h.
 *
 * Return: 0, or the last error, reported.
 */
int select_visit(struct ctx *ctx, const struct pci_addr *addrs, size_t count, device_fn fn,
		 void *arg);

#endif
