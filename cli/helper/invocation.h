/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the helper is asked to do. */
#ifndef TSM_HELPER_INVOCATION_H
#define TSM_HELPER_INVOCATION_H

#include "helper/session.h"

/**
 * struct invocation - what the command line says
 * @s: the device, with nothing open
 * @listen: absolute path of the service's socket; NULL takes systemd's
 * @config: absolute path of the service's configuration; NULL takes RULES_PATH, if it is there
 */
struct invocation {
	struct session s;
	const char *listen;
	const char *config;
};

#endif
