/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The process that holds a device open: who it is, how to start and stop ours. */
#ifndef TSMCTL_OWNER_H
#define TSMCTL_OWNER_H

#include <sys/types.h>

#include "host/pci.h"

/**
 * struct holder - who holds a device
 * @pid: its process ID, 0 if the device is held but nobody can say by whom
 * @ours: it is tsm-bind-helper, for this device
 * @name: what it calls itself, printable; "" if that is not known
 * @text: "process 123 (qemu-system-x86)", to put into a message
 */
struct holder {
	pid_t pid;
	bool ours;
	char name[64];
	char text[96];
};

/**
 * holder_init() - find out where helpers keep their locks
 * @ctx: this run; @ctx->run is filled in
 *
 * Return: 0, or negative errno, reported.
 */
int holder_init(struct ctx *ctx);

/**
 * holder_find() - who holds a device
 * @ctx: this run
 * @dev: the device
 * @h: out
 *
 * Asks vfio_tsm; for a device on another vfio driver, it looks through the open
 * files of all processes.
 *
 * Return: 1 if the device is held, 0 if not.
 */
int holder_find(struct ctx *ctx, const struct pci_device *dev, struct holder *h);

/**
 * holder_describe() - more about the process that holds a device
 * @ctx: this run
 * @dev: the device
 * @h: with the process ID, or 0; the rest is filled in
 */
void holder_describe(const struct ctx *ctx, const struct pci_device *dev, struct holder *h);

/**
 * holder_refuse() - report that a device is held, if it is
 * @ctx: this run
 * @dev: the device
 * @what: what is not done because of it, as in "cannot WHAT while ..."
 *
 * Return: 0 if nobody holds it, or -EBUSY, reported.
 */
int holder_refuse(struct ctx *ctx, const struct pci_device *dev, const char *what);

/**
 * holder_stop() - stop our helper, and wait until it is gone
 * @ctx: this run
 * @dev: the device
 * @h: the holder; it must be ours
 *
 * Return: 0, or negative errno, reported.
 */
int holder_stop(struct ctx *ctx, const struct pci_device *dev, const struct holder *h);

/**
 * holder_start() - start a helper that binds a device and stays
 * @ctx: this run
 * @dev: the device
 * @pid: out, its process ID
 *
 * Waits until the helper says that the device is bound. The helper goes on in the
 * background, in a session of its own, and outlives this process.
 *
 * Return: 0, or negative errno, reported.
 */
int holder_start(struct ctx *ctx, const struct pci_device *dev, pid_t *pid);

/**
 * holder_bind() - have a helper bind a device on its VMM's file
 * @ctx: this run
 * @dev: the device
 * @vmm: the process that holds it
 * @vdevice_id: vDEVICE in the VMM's iommufd, or NULL for the configured TDI id
 *
 * Return: 0, or negative errno, reported.
 */
int holder_bind(struct ctx *ctx, const struct pci_device *dev, pid_t vmm, const char *vdevice_id);

/**
 * holder_unbind() - have a helper unbind it in the same way
 * @ctx: this run
 * @dev: the device
 * @vmm: the process that holds it
 *
 * Return: 0, or negative errno, reported.
 */
int holder_unbind(struct ctx *ctx, const struct pci_device *dev, pid_t vmm);

/**
 * struct choice - which way to bind or unbind the operator forces, if any
 * @hold: --hold: only our helper
 * @vmm: --vmm: only the process of this number, or NULL
 * @pid: @vmm as a number
 */
struct choice {
	int hold;
	char *vmm;
	pid_t pid;
};

struct verb;

/**
 * choice_check() - make sense of the options
 * @ctx: this run
 * @verb: the verb
 * @c: the choice; @c->pid is filled in
 *
 * Return: 0, or negative errno, reported.
 */
int choice_check(struct ctx *ctx, const struct verb *verb, struct choice *c);

/**
 * choice_allows() - whether the device's holder is the one that was asked for
 * @ctx: this run
 * @dev: the device
 * @c: the choice
 * @h: who holds it
 * @what: bind or unbind
 *
 * Return: 0, or negative errno, reported.
 */
int choice_allows(struct ctx *ctx, const struct pci_device *dev, const struct choice *c,
		  const struct holder *h, const char *what);

#endif
