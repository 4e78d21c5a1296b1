/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What can be proved about the evidence of a device: one table of checks. */
#ifndef EVIDENCE_VERIFY_H
#define EVIDENCE_VERIFY_H

#include "evidence/certs.h"
#include "evidence/evidence.h"

/**
 * enum proof_check - the checks, in their order
 * @PROOF_CHAIN: the chain of certificates is valid in itself
 * @PROOF_TRUST: it leads to a certificate that this host trusts
 * @PROOF_SIGNATURE: the device has signed the measurements
 * @PROOF_NONCE: the measurements are as new as the nonce
 */
enum proof_check { PROOF_CHAIN, PROOF_TRUST, PROOF_SIGNATURE, PROOF_NONCE, PROOF_CHECKS };

/* A check that is not made has neither passed nor failed. */
enum proof_verdict { PROOF_NOT_MADE, PROOF_PASSES, PROOF_FAILS };

/**
 * struct proof - the result of one check
 * @verdict: whether it passes
 * @found: what was found, or why the check is not made
 */
struct proof {
	enum proof_verdict verdict;
	char found[CERT_WHY_LEN];
};

/**
 * proof_name() - the name of a check
 * @check: the check
 *
 * Return: a word that never changes.
 */
const char *proof_name(enum proof_check check);

/**
 * proof_title() - what a check proves
 * @check: the check
 *
 * Return: what must be true.
 */
const char *proof_title(enum proof_check check);

/**
 * verify() - make all checks
 * @e: the evidence, after evidence_parse()
 * @certs: its certificates; none if they could not be read
 * @anchors: what this host trusts
 * @nonce: the nonce with which the device was asked, or NULL if it was not asked now
 * @proofs: out, one for each check
 */
void verify(const struct evidence *e, const struct certs *certs, const struct anchors *anchors,
	    const uint8_t *nonce, struct proof proofs[PROOF_CHECKS]);

#endif
