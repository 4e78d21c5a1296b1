/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What this host trusts of devices: the certificates in trust.d of the configuration, and the
 * list of allowed measurements beside it.
 */
#ifndef TSMCTL_TRUSTED_H
#define TSMCTL_TRUSTED_H

#include "ctx.h"
#include "evidence/allowed.h"
#include "evidence/certs.h"

/* Below the directory of the configuration */
#define TRUSTED_DIR "trust.d"
#define ALLOWED_FILE "measurements.json"

/**
 * struct trusted - what this host trusts
 * @anchors: certificates and revocation lists
 * @allowed: the list of allowed measurements, or NULL without the file
 */
struct trusted {
	struct anchors *anchors;
	struct allowed *allowed;
};

/**
 * trusted_load() - read what this host trusts
 * @ctx: this run, after config_init()
 * @list: also read the list of allowed measurements
 * @t: out, for trusted_free(), also on failure
 *
 * Each file TRUSTED_DIR/NAME.pem, and ALLOWED_FILE, is read with the conditions of file_read().
 * A directory that does not exist has no certificates.
 *
 * Return: 0, or negative errno, reported.
 */
int trusted_load(struct ctx *ctx, bool list, struct trusted *t);

/**
 * trusted_free() - free what was read
 * @t: from trusted_load(), or all zero
 */
void trusted_free(struct trusted *t);

#endif
