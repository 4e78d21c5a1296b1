/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The mode serve: the service. */
#ifndef TSM_HELPER_SERVE_H
#define TSM_HELPER_SERVE_H

#include "helper/invocation.h"

/**
 * serve() - answer clients on a socket until this process is stopped
 * @in: invocation with the socket
 *
 * Return: exit code.
 */
int serve(struct invocation *in);

#endif
