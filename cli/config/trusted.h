/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The certificates of devices that this host trusts: trust.d in the configuration. */
#ifndef TSMCTL_TRUSTED_H
#define TSMCTL_TRUSTED_H

#include "ctx.h"
#include "evidence/certs.h"

/* Below the directory of the configuration */
#define TRUSTED_DIR "trust.d"

/**
 * trusted_load() - read the trusted certificates and the revocation lists
 * @ctx: this run, after config_init()
 * @anchors: out, for anchors_free(); NULL on failure
 *
 * Each file TRUSTED_DIR/NAME.pem is read, with the conditions of file_read(). A directory that
 * does not exist has none.
 *
 * Return: 0, or negative errno, reported.
 */
int trusted_load(struct ctx *ctx, struct anchors **anchors);

#endif
