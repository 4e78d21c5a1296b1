/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the host shows of the causes for which a bind is refused. common/stage.h has the
 * causes; this has the hints that need more than the address of the device.
 */
#ifndef TSMCTL_REFUSAL_H
#define TSMCTL_REFUSAL_H

#include "common/stage.h"
#include "host/pci.h"

/* Room for the text of refusal_hint(). */
#define REFUSAL_HINT_LEN 256

/* The Command register, PCI 3.0 section 6.2.2. A function that does not respond has no 0 in it. */
#define COMMAND_MEMORY 0x2
#define COMMAND_MASTER 0x4
#define COMMAND_SILENT 0xffff

/**
 * refusal_hint() - the next step after a bind was refused, or would be
 * @ctx: this run
 * @dev: the device
 * @s: the stage
 * @buf: out: the hint of @s, or a more exact one
 */
void refusal_hint(struct ctx *ctx, const struct pci_device *dev, const struct stage *s,
		  char buf[REFUSAL_HINT_LEN]);

/**
 * refusal_dsm() - find the function through which a device is connected
 * @dev: the device
 * @name: out, ATTR_MAX bytes: that of the PF or of function 0, or of @dev itself
 *
 * Return: 0, or -EBUSY if PCI/TSM is busy, and then @name is that of @dev.
 */
int refusal_dsm(const struct pci_device *dev, char *name);

/**
 * refusal_command() - read the Command register of a device
 * @dev: the device
 *
 * Return: the register, or negative errno.
 */
int refusal_command(const struct pci_device *dev);

/**
 * refusal_asleep() - find what is not in power state D0, and is not woken by a bind
 * @ctx: this run
 * @dev: the device
 * @name: out, the device, its PF, or a connected function 0
 * @state: out, ATTR_MAX bytes: its power state
 *
 * A device that is not open may sleep.
 *
 * Return: whether there is such a function.
 */
bool refusal_asleep(struct ctx *ctx, const struct pci_device *dev, char name[PCI_NAME_LEN],
		    char *state);

/**
 * refusal_relies_on() - look at the functions that a TDI relies on
 * @ctx: this run
 * @dev: the device
 * @is: what is asked of a function, which is present; it may write ATTR_MAX bytes to @detail
 * @name: out, the PF, or function 0 if a TSM is connected to it
 * @detail: out, what @is has written
 *
 * Return: whether @is returned true for one of them.
 */
bool refusal_relies_on(struct ctx *ctx, const struct pci_device *dev,
		       bool (*is)(const struct pci_device *fn, char *detail),
		       char name[PCI_NAME_LEN], char *detail);

#endif
