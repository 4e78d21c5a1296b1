/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The arguments of the helper. */
#ifndef TSM_HELPER_INVOCATION_H
#define TSM_HELPER_INVOCATION_H

#include "helper/session.h"

/* Most devices of one holder */
#define DEVICES_MAX 64

/**
 * struct invocation - the arguments of the command line
 * @s: what sessions begin with: the first device, with nothing open
 * @names: the devices, in the kernel's form
 * @count: how many
 * @notify: whether systemd has started this process
 * @listen: absolute path of the service's socket; NULL for the socket from systemd
 * @config: absolute path of the service's configuration; NULL for RULES_PATH, if it exists
 */
struct invocation {
	struct session s;
	char names[DEVICES_MAX][PCI_NAME_LEN];
	size_t count;
	bool notify;
	const char *listen;
	const char *config;
};

#endif
