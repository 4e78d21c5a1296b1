/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an operator types in the place of a device, before anything is looked up. */
#ifndef TSMCTL_SELECTOR_H
#define TSMCTL_SELECTOR_H

#include "common/bdf.h"

/**
 * enum selector_kind - kinds of selectors; the characters of a selector decide its kind
 * @SELECTOR_BAD: not a valid selector
 * @SELECTOR_ALL: "all": devices that have a TSM side, are assigned, or, for most verbs,
 *	have policy
 * @SELECTOR_GLOB: with any of *?[ a glob over addresses
 * @SELECTOR_ADDRESS: with a dot an address; also a path that ends in one, as in sysfs, and
 *	an address as libvirt writes it, pci_0000_01_00_0
 * @SELECTOR_ID: four digits, a colon and four digits: vendor:device
 * @SELECTOR_DRIVER: driver=NAME: the devices of this driver
 * @SELECTOR_PF: pf=ADDRESS: the VFs of that function
 */
enum selector_kind {
	SELECTOR_BAD,
	SELECTOR_ALL,
	SELECTOR_GLOB,
	SELECTOR_ADDRESS,
	SELECTOR_ID,
	SELECTOR_DRIVER,
	SELECTOR_PF,
};

/**
 * struct selector - one selector
 * @kind: what it is
 * @text: the selector as it was typed; the caller's
 * @addr: address of SELECTOR_ADDRESS, or of the PF of SELECTOR_PF
 * @driver: driver of SELECTOR_DRIVER; part of @text
 * @vendor: vendor of SELECTOR_ID
 * @device: device of SELECTOR_ID
 */
struct selector {
	enum selector_kind kind;
	const char *text;
	struct pci_addr addr;
	const char *driver;
	unsigned int vendor;
	unsigned int device;
};

/**
 * selector_parse() - read a selector
 * @text: as typed; it must live as long as @sel
 * @sel: out
 *
 * Return: true unless it is SELECTOR_BAD.
 */
bool selector_parse(const char *text, struct selector *sel);

/**
 * selector_glob_matches() - whether a glob matches an address
 * @sel: a selector of SELECTOR_GLOB
 * @addr: the address
 *
 * The domain may be left out for domain 0, as in an address.
 *
 * Return: true if so.
 */
bool selector_glob_matches(const struct selector *sel, const struct pci_addr *addr);

/**
 * selector_compare() - compare two selectors, in an arbitrary order
 * @a: one
 * @b: the other
 *
 * Return: below, equal to, or above 0; 0 if they differ only in spelling.
 */
int selector_compare(const struct selector *a, const struct selector *b);

#endif
