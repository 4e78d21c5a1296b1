/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a device's TSM has as evidence about it: collected, read and verified. */
#ifndef TSMCTL_EXAMINE_H
#define TSMCTL_EXAMINE_H

#include "config/trusted.h"
#include "evidence/verify.h"
#include "host/pci.h"

/**
 * struct examined - the evidence of a device
 * @nonce: the nonce with which the device was asked, if @fresh
 * @fresh: the device was asked now
 * @evidence: the evidence
 * @certs: its certificates, after examine_verify(); none if they could not be read
 * @model: vendor and device ID of the device, as 144d:a80a, after examine_verify()
 * @leaf: the digest of the last of them; "" without any
 * @proofs: the results of all checks, after examine_verify()
 */
struct examined {
	uint8_t nonce[SPDM_NONCE_SIZE];
	bool fresh;
	struct evidence evidence;
	struct certs certs;
	char model[sizeof("144d:a80a")];
	char leaf[CERT_DIGEST_LEN];
	struct proof proofs[PROOF_CHECKS];
};

#define cleanup_examined __attribute__((cleanup(examine_free)))

/**
 * examine_collect() - have the TSM collect evidence of a device, and read it
 * @ctx: this run
 * @dev: the device
 * @nonce: the nonce, or NULL for a random one
 * @must: it is an error if this user must not ask; else the present evidence is read then
 * @x: out, for examine_free(), also on failure
 *
 * Return: 0; 1 if there is none because --dry-run asks for nothing; or negative errno, reported.
 */
int examine_collect(struct ctx *ctx, const struct pci_device *dev, const uint8_t *nonce, bool must,
		    struct examined *x);

/**
 * examine_verify() - read what is in evidence, and make all checks
 * @ctx: this run
 * @dev: the device
 * @t: what this host trusts
 * @x: from examine_collect()
 *
 * Return: 0, also if a check fails; or negative errno, reported, if it is not evidence.
 */
int examine_verify(struct ctx *ctx, const struct pci_device *dev, const struct trusted *t,
		   struct examined *x);

/**
 * examine_free() - free evidence
 * @x: from examine_collect(), or all zero
 */
void examine_free(struct examined *x);

#endif
