/* SPDX-License-Identifier: GPL-2.0-or-later */
/* --vmm and --hold of bind and unbind. */
#ifndef TSMCTL_CHOICE_H
#define TSMCTL_CHOICE_H

#include "host/owner.h"
#include "verbs/verbs.h"

/**
 * struct choice - which owner the options allow
 * @hold: --hold: only tsm-bind-helper
 * @vmm: --vmm: only the process with this ID, or NULL
 * @pid: @vmm as a number
 */
struct choice {
	int hold;
	char *vmm;
	pid_t pid;
};

/**
 * choice_check() - check the options
 * @ctx: this run
 * @verb: the verb
 * @c: the choice; @c->pid is filled in
 *
 * Return: 0, or negative errno, reported.
 */
int choice_check(struct ctx *ctx, const struct verb *verb, struct choice *c);

/**
 * choice_allows() - whether the device's owner is the one that was asked for
 * @ctx: this run
 * @dev: the device
 * @c: the choice
 * @h: its owner
 * @what: bind or unbind
 *
 * Return: 0, or negative errno, reported.
 */
int choice_allows(struct ctx *ctx, const struct pci_device *dev, const struct choice *c,
		  const struct owner *h, const char *what);

#endif
