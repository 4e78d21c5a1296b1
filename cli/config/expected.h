/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether the device at an address is the one that the configuration means. */
#ifndef TSMCTL_EXPECTED_H
#define TSMCTL_EXPECTED_H

#include "config/wanted.h"
#include "host/identity.h"

/* "8086:10c9:8086:a03c, serial number ..." */
#define EXPECTED_TEXT_LEN (PCI_ID_LEN + PCI_SERIAL_LEN + 24)

/**
 * struct comparison - a device compared with what an entry expects
 * @match: whether it is that device
 * @denied: this user may not read its serial number
 * @found: the device, in words
 * @expected: what is expected, in words
 */
struct comparison {
	enum identity_match match;
	bool denied;
	char found[EXPECTED_TEXT_LEN];
	char expected[EXPECTED_TEXT_LEN];
};

/**
 * expected_compare() - compare a device with what an entry expects
 * @ctx: this run
 * @dev: the device; the identity of one that is not present is unknown
 * @want: settings, of which SET_ID and SET_SERIAL count
 * @c: out
 */
void expected_compare(struct ctx *ctx, const struct pci_device *dev,
		      const char *const want[SETTINGS], struct comparison *c);

/**
 * expected_is_other() - find out whether an entry expects another device
 * @ctx: this run
 * @dev: the device
 * @want: settings, of which SET_ID and SET_SERIAL count
 * @c: out, if it does
 *
 * Return: false also if the entry expects no particular device, or this is not known.
 */
bool expected_is_other(struct ctx *ctx, const struct pci_device *dev,
		       const char *const want[SETTINGS], struct comparison *c);

/**
 * expected_check() - refuse a device that is not the expected one
 * @ctx: this run
 * @w: the configuration
 * @dev: the device
 * @takes: it is to be assigned, and so its identity must be known
 *
 * It must be the device that each of its entries expects: an entry for another device at its
 * address neither overrides what an entry expects, nor adds settings.
 *
 * Return: 0, or negative errno, reported.
 */
int expected_check(struct ctx *ctx, const struct wanted *w, const struct pci_device *dev,
		   bool takes);

#endif
