/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel's PCI/TSM: the TSMs of this host, and devices' connections to them. */
#ifndef TSMCTL_TSM_H
#define TSMCTL_TSM_H

#include "host/pci.h"

/**
 * tsm_find() - look for the TSMs of this host
 * @ctx: this run
 * @tsm: out, TSM_NAME_LEN bytes: one of them
 * @list: out, the names of all of them, with commas between them
 * @size: bytes in @list
 *
 * Return: how many there are.
 */
unsigned int tsm_find(const struct ctx *ctx, char *tsm, char *list, size_t size);

/**
 * tsm_exists() - whether this host has a TSM
 * @ctx: this run
 * @tsm: its name, as tsm_is_name() takes it
 *
 * Return: true if so.
 */
bool tsm_exists(const struct ctx *ctx, const char *tsm);

/**
 * tsm_get() - read an attribute of PCI/TSM without a long wait
 * @dev: the device
 * @name: attribute below its directory, as tsm/connect
 * @buf: out, ATTR_MAX bytes; "" on failure
 *
 * The kernel reads these attributes under PCI/TSM's locks. A slow TSM holds them for as
 * long as it binds, connects or disconnects a device. After one read that waited for a
 * second, all later ones of this run fail at once.
 *
 * Return: 0, or negative errno; -EBUSY if PCI/TSM is busy.
 */
int tsm_get(const struct pci_device *dev, const char *name, char *buf);

/**
 * tsm_look() - read an attribute as tsm_get(), with a report if PCI/TSM is busy
 * @ctx: this run
 * @dev: the device
 * @name: attribute below its directory, as tsm/connect
 * @buf: out, ATTR_MAX bytes; "" on failure
 *
 * Return: as tsm_get(); -EBUSY is reported, once in a run.
 */
int tsm_look(struct ctx *ctx, const struct pci_device *dev, const char *name, char *buf);

/**
 * tsm_get_connected() - read which TSM a device is connected to
 * @ctx: this run
 * @dev: the device
 * @buf: out, ATTR_MAX bytes: the TSM, or "" for none
 *
 * Waits for PCI/TSM, as a change does, and prints that it waits.
 *
 * Return: 0; -ENOENT if the device cannot connect to a TSM; or negative errno, reported.
 */
int tsm_get_connected(struct ctx *ctx, const struct pci_device *dev, char *buf);

/**
 * tsm_get_bound() - read what a device is bound to
 * @ctx: this run
 * @dev: the device, which may be absent
 * @buf: out, ATTR_MAX bytes: as tsm/bound shows it, or ""
 *
 * Return: as tsm_get_connected().
 */
int tsm_get_bound(struct ctx *ctx, const struct pci_device *dev, char *buf);

/**
 * tsm_connects() - whether a device can be connected to a TSM by itself
 * @dev: the device
 *
 * Does not wait for PCI/TSM.
 *
 * Return: true if so.
 */
bool tsm_connects(const struct pci_device *dev);

/**
 * tsm_lacks() - why a device cannot be connected to a TSM
 * @ctx: this run
 * @dev: the device
 * @tsm: the TSM
 *
 * Return: a cause without a full stop, or NULL if none can be seen.
 */
const char *tsm_lacks(const struct ctx *ctx, const struct pci_device *dev, const char *tsm);

/**
 * tsm_connect() - connect a device that is not connected
 * @ctx: this run
 * @dev: the device
 * @tsm: name of the TSM
 *
 * Return: 0; 1 if another run has done it meanwhile; or negative errno, reported.
 */
int tsm_connect(struct ctx *ctx, const struct pci_device *dev, const char *tsm);

/**
 * tsm_find_bound() - the functions that would be unbound if a device were disconnected
 * @ctx: this run
 * @dev: the device, which is the DSM of itself and of others, such as its virtual functions
 * @list: out, their addresses, with commas between them
 * @size: bytes in @list
 *
 * Waits for PCI/TSM, as a change does. A run that asks for many devices looks at those of @dev
 * each time, but at every function of this host rarely: that is a small part of its work.
 *
 * Return: how many there are, or negative errno, reported.
 */
int tsm_find_bound(struct ctx *ctx, const struct pci_device *dev, char *list, size_t size);

/* Cause and hint for a device that is bound, and must not be. */
#define BOUND_CAUSE "it is bound"
#define DEPENDENTS_CAUSE "functions that depend on it are bound"
#define UNBOUND_HINT "run 'tsmctl unbind @' or 'tsmctl revoke @' first"

/**
 * tsm_refuse_bound() - report the functions that a disconnect would unbind
 * @ctx: this run
 * @dev: the device that is to be disconnected
 *
 * Return: 0 if there is none, or negative errno, reported: -EBUSY if there are some.
 */
int tsm_refuse_bound(struct ctx *ctx, const struct pci_device *dev);

/**
 * tsm_disconnect() - disconnect a device, if no function that depends on it is bound
 * @ctx: this run
 * @dev: the device
 * @tsm: the TSM that it is connected to
 *
 * Return: 0; 1 if another run has done it meanwhile; or negative errno, reported.
 */
int tsm_disconnect(struct ctx *ctx, const struct pci_device *dev, const char *tsm);

/**
 * struct tsm_dsm - the function through which another one is connected
 * @name: its address
 * @tsm: the TSM that it is connected to
 */
struct tsm_dsm {
	char name[PCI_NAME_LEN];
	char tsm[ATTR_MAX];
};

/**
 * tsm_follows() - whether a function that cannot be connected itself is connected
 * @ctx: this run; under --dry-run, what was planned before counts
 * @dev: the function
 * @dsm: out, through which one
 *
 * Return: 1 if so, 0 if not, or negative errno, reported.
 */
int tsm_follows(struct ctx *ctx, const struct pci_device *dev, struct tsm_dsm *dsm);

/**
 * tsm_plan() - note that a device would be connected, or disconnected, by now
 * @dev: the device
 * @tsm: its TSM then; "none" for none
 */
void tsm_plan(const struct pci_device *dev, const char *tsm);

/**
 * tsm_report_none() - report that a device cannot connect to any TSM
 * @ctx: this run
 * @dev: the device
 * @tsm: the TSM that it should connect to
 *
 * Return: -ENOENT.
 */
int tsm_report_none(struct ctx *ctx, const struct pci_device *dev, const char *tsm);

#endif
