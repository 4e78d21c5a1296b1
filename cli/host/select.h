/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From selectors to the devices of this host. */
#ifndef TSMCTL_SELECT_H
#define TSMCTL_SELECT_H

#include "common/selector.h"
#include "host/pci.h"

/**
 * enum select_flags - which devices a selection takes
 * @SELECT_ABSENT: those that are gone but have a directory in configfs
 * @SELECT_FUTURE: addresses of devices that may come later
 * @SELECT_TSM_SIDE: "all" leaves out devices that only have policy
 * @SELECT_SORTED: in the order of the addresses, and not of the arguments
 * @SELECT_NO_BRIDGE: a bridge only if it is given by its address
 * @SELECT_ID: open each with its vendor and device ID
 */
enum select_flags {
	SELECT_ABSENT = 1 << 2,
	SELECT_FUTURE = 1 << 3,
	SELECT_TSM_SIDE = 1 << 4,
	SELECT_SORTED = 1 << 6,
	SELECT_ID = 1 << 7,
	SELECT_NO_BRIDGE = 1 << 8,
};

/**
 * struct selection - selectors that have been read
 * @selectors: as they were given; at least one
 * @count: how many
 * @flags: enum select_flags; other bits are the caller's
 * @implied: no selector was given: the only one is "all", and may match nothing
 */
struct selection {
	struct selector *selectors;
	size_t count;
	unsigned int flags;
	bool implied;
};

#define cleanup_selection __attribute__((cleanup(select_done)))

/**
 * select_parse() - read selectors
 * @s: out, for select_done()
 * @flags: enum select_flags
 * @count: how many; 0 selects all devices
 * @texts: the selectors; the strings must live as long as @s
 *
 * Return: @count; the index of the first that is not a selector; or -ENOMEM.
 */
int select_parse(struct selection *s, unsigned int flags, int count, const char **texts);

/**
 * select_done() - free what select_parse() has allocated
 * @s: the selection, or zeroes
 */
void select_done(struct selection *s);

/* What is done to one device: 0, or negative errno, reported. */
typedef int (*device_fn)(struct ctx *ctx, struct pci_device *dev, void *arg);

/**
 * select_each() - do something to every device of a selection
 * @ctx: this run
 * @s: the selection
 * @fn: called once for each device, however often it is selected
 * @arg: passed to @fn
 *
 * A selector that matches no device is an error; the other selectors go on.
 *
 * Return: 0, or the last error, reported.
 */
int select_each(struct ctx *ctx, const struct selection *s, device_fn fn, void *arg);

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
 * Stops before the next one when a signal is pending, see interrupt.h.
 *
 * Return: 0, or the last error, reported.
 */
int select_visit(struct ctx *ctx, const struct pci_addr *addrs, size_t count, device_fn fn,
		 void *arg);

#endif
