/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The owner of a device: which process it is, and how to get it back from our helper. */
#ifndef TSMCTL_OWNER_H
#define TSMCTL_OWNER_H

#include <sys/types.h>

#include "host/pci.h"

/**
 * struct owner - the owner of a device
 * @pid: its process ID, 0 if the device is in use, but that process cannot be found
 * @ours: it is tsm-bind-helper, for this device
 * @foreign: another module of the kernel has bound it; @pid may also have it open
 * @name: its name in /proc, printable; "" if that is not known
 * @text: "process 123 (qemu-system-x86)", to put into a message
 */
struct owner {
	pid_t pid;
	bool ours;
	bool foreign;
	char name[64];
	char text[96];
};

/* Hints for a device that is in use by our helper, or by another process. */
#define UNBIND_HINT "run 'tsmctl unbind @' first"
#define STOP_HINT "stop that process first"

/**
 * owner_init() - find out where helpers keep their locks
 * @ctx: this run; @ctx->run is filled in
 *
 * Return: 0, or negative errno, reported.
 */
int owner_init(struct ctx *ctx);

/**
 * owner_find() - find the owner of a device
 * @ctx: this run
 * @dev: the device
 * @h: out
 *
 * Reads it from vfio_tsm. For a device on another vfio driver or on one of UIO, it
 * searches the open files of all processes.
 *
 * Return: 1 if the device is in use, 0 if not.
 */
int owner_find(struct ctx *ctx, const struct pci_device *dev, struct owner *h);

/* Bytes of the name of a cdev, vfioN */
#define CDEV_NAME_LEN 32

/**
 * owner_cdev() - the name of the cdev that an owner opens
 * @dev: the device, on any vfio driver
 * @name: out, vfioN, CDEV_NAME_LEN bytes; "" if there is none
 *
 * Return: true if there is one.
 */
bool owner_cdev(const struct pci_device *dev, char *name);

/**
 * owner_describe() - fill in the description of an owner
 * @ctx: this run
 * @dev: the device
 * @h: with the process ID, or 0; the rest is filled in
 */
void owner_describe(const struct ctx *ctx, const struct pci_device *dev, struct owner *h);

/**
 * owner_refuse() - report that a device is in use, if it is
 * @ctx: this run
 * @dev: the device
 * @what: what is refused because of it, as in "cannot WHAT while ..."
 *
 * Return: 0 if it is not in use, or -EBUSY, reported.
 */
int owner_refuse(struct ctx *ctx, const struct pci_device *dev, const char *what);

/**
 * owner_stop() - have our helper give the device back, and wait until it has
 * @ctx: this run
 * @dev: the device
 * @h: the owner; it must be ours
 *
 * Return: 0, also if the device is in quarantine now; or negative errno, reported.
 */
int owner_stop(struct ctx *ctx, const struct pci_device *dev, const struct owner *h);

#endif
