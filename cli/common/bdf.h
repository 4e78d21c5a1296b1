/* SPDX-License-Identifier: GPL-2.0-or-later */
/* PCI addresses and identities, TDI ids and names of TSMs, as text and as numbers. */
#ifndef TSMCTL_BDF_H
#define TSMCTL_BDF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* "ffffffff:ff:1f.7" and the end of string, rounded up */
#define PCI_NAME_LEN 20

/**
 * struct pci_addr - a PCI function's address
 * @domain: 16 bits on most hosts, up to 32 behind a VMD
 * @bus: bus number
 * @dev: device number, 0 to 31
 * @fn: function number, 0 to 7
 */
struct pci_addr {
	uint32_t domain;
	uint8_t bus;
	uint8_t dev;
	uint8_t fn;
};

/**
 * pci_addr_parse() - parse an address as an operator types it
 * @text: [domain:]bus:device.function in hexadecimal, either case; two digits
 *	for bus and device, four to eight for the domain
 * @addr: out; untouched on failure
 *
 * Return: 0, or -EINVAL.
 */
int pci_addr_parse(const char *text, struct pci_addr *addr);

/**
 * pci_addr_name() - write an address in the kernel's form
 * @addr: the address
 * @name: out, at least PCI_NAME_LEN bytes: lower case, domain of four digits or
 *	more
 */
void pci_addr_name(const struct pci_addr *addr, char *name);

/**
 * pci_addr_key() - number of an address, in the order of the addresses
 * @addr: the address
 *
 * Return: the number.
 */
uint64_t pci_addr_key(const struct pci_addr *addr);

/**
 * pci_addr_compare() - compare two addresses, as for qsort()
 * @a: a struct pci_addr
 * @b: another one
 *
 * Return: below 0, 0 or above 0.
 */
int pci_addr_compare(const void *a, const void *b);

/**
 * tdi_id_parse() - parse a TDI's requester ID as an operator types it
 * @text: none, bb:dd.f, ssss:bb:dd.f, or a number with 0x in front
 * @out: out, what the kernel reads back: none, or ssss:bb:dd.f; untouched on
 *	failure
 * @size: bytes in @out, at least PCI_NAME_LEN
 *
 * Return: 0, -EINVAL, or -ERANGE for a number or segment that is too large.
 */
int tdi_id_parse(const char *text, char *out, size_t size);

/* "tsm4294967295" and the end of string, rounded up */
#define TSM_NAME_LEN 16

/**
 * tsm_is_name() - whether a text is the name of a TSM: tsm and a decimal number
 * @name: the text; only such a name may become part of a message or path
 *
 * Return: true if so.
 */
bool tsm_is_name(const char *name);

/* "8086:10c9:8086:a03c" and the end of string, rounded up */
#define PCI_ID_LEN 24
#define PCI_SERIAL_LEN 64

/**
 * pci_id_is() - whether a text is an ID of a model: vendor:device or
 *	vendor:device:subvendor:subdevice
 * @text: the text
 *
 * Return: true if so.
 */
bool pci_id_is(const char *text);

/**
 * pci_serial_is() - whether a text can be a serial number
 * @text: the text
 *
 * Return: true if it is printable, is neither empty nor too long, and has no blanks around it.
 */
bool pci_serial_is(const char *text);

#endif
