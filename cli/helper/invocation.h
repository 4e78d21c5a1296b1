/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The arguments of the helper. */
#ifndef TSM_HELPER_INVOCATION_H
#define TSM_HELPER_INVOCATION_H

#include "helper/session.h"

/**
 * struct invocation - the arguments of the command line
 * @s: the device, with nothing open
 * @listen: absolute path of the service's socket; NULL for the socket from systemd
 * @config: absolute path of the service's configuration; NULL for RULES_PATH, if it exists
 */
struct invocation {
	struct session s;
	const char *listen;
	const char *config;
};

#endif
