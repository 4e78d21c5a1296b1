/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The process that holds a device open: who it is, how to start and stop ours. */
#ifndef TSMCTL_OWNER_H
#define TSMCTL_OWNER_H

#include <sys/types.h>

#include "host/pci.h"

/**
 * struct owner - who holds a device
 * @pid: its process ID, 0 if the device is held but nobody can say by whom
 * @ours: it is tsm-bind-helper, for this device
 * @foreign: another module of the kernel has bound it; @pid may have it open besides
 * @name: what it calls itself, printable; "" if that is not known
 * @text: "process 123 (qemu-system-x86)", to put into a message
 */
struct owner {
	pid_t pid;
	bool ours;
	bool foreign;
	char name[64];
	char text[96];
};

/**
 * owner_init() - find out where helpers keep their locks
 * @ctx: this run; @ctx->run is filled in
 *
 * Return: 0, or negative errno, reported.
 */
int owner_init(struct ctx *ctx);

/**
 * owner_find() - who holds a device
 * @ctx: this run
 * @dev: the device
 * @h: out
 *
 * Asks vfio_tsm; for a device on another vfio driver, it looks through the open
 * files of all processes.
 *
 * Return: 1 if the device is held, 0 if not.
 */
int owner_find(struct ctx *ctx, const struct pci_device *dev, struct owner *h);

/**
 * owner_describe() - more about the process that holds a device
 * @ctx: this run
 * @dev: the device
 * @h: with the process ID, or 0; the rest is filled in
 */
void owner_describe(const struct ctx *ctx, const struct pci_device *dev, struct owner *h);

/**
 * owner_refuse() - report that a device is held, if it is
 * @ctx: this run
 * @dev: the device
 * @what: what is not done because of it, as in "cannot WHAT while ..."
 *
 * Return: 0 if nobody holds it, or -EBUSY, reported.
 */
int owner_refuse(struct ctx *ctx, const struct pci_device *dev, const char *what);

/**
 * owner_stop() - stop our helper, and wait until it is gone
 * @ctx: this run
 * @dev: the device
 * @h: the owner; it must be ours
 *
 * Return: 0, or negative errno, reported.
 */
int owner_stop(struct ctx *ctx, const struct pci_device *dev, const struct owner *h);

#endif
