/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which TSM a device is to be connected to, for the verbs that connect one. */
#ifndef TSMCTL_VERBS_CONNECTION_H
#define TSMCTL_VERBS_CONNECTION_H

#include "host/tsm.h"
#include "verbs/verbs.h"

/**
 * struct connection - the choice of a TSM
 * @tsm: the TSM of --tsm, or the only one of this host; "" if there are several to choose from
 * @all: the names of the TSMs of this host
 */
struct connection {
	char tsm[TSM_NAME_LEN];
	char all[256];
};

/**
 * connection_choose() - choose the TSM for all devices of a run
 * @ctx: this run
 * @verb: the verb
 * @tsm: the value of --tsm, or NULL
 * @c: out
 *
 * Return: 0, or negative errno, reported.
 */
int connection_choose(struct ctx *ctx, const struct verb *verb, const char *tsm,
		      struct connection *c);

/**
 * struct link - the connection of one device
 * @now: the TSM that it is connected to, by itself or through @dsm; "" for none
 * @goal: the TSM that it is to be connected to
 * @dsm: the function through which it is connected, or ""
 */
struct link {
	char now[ATTR_MAX];
	char goal[ATTR_MAX];
	char dsm[PCI_NAME_LEN];
};

/**
 * connection_look() - compare the connection of a device with the choice
 * @ctx: this run
 * @dev: the device
 * @c: the choice
 * @link: out
 *
 * A device that is connected needs no choice. One that is connected to another TSM is an
 * error, and so is one that cannot be connected by itself and is not connected through another
 * function.
 *
 * Return: 0, or negative errno, reported.
 */
int connection_look(struct ctx *ctx, const struct pci_device *dev, const struct connection *c,
		    struct link *link);

#endif
