/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What can be proved about the evidence of a device: one table of checks. */
#ifndef EVIDENCE_VERIFY_H
#define EVIDENCE_VERIFY_H

#include "evidence/allowed.h"
#include "evidence/certs.h"
#include "evidence/evidence.h"

/**
 * enum proof_check - the checks, in their order
 * @PROOF_CHAIN: the chain of certificates is valid in itself
 * @PROOF_TRUST: it leads to a certificate that this host trusts
 * @PROOF_SIGNATURE: the device has signed the measurements
 * @PROOF_NONCE: the measurements are as new as the nonce
 * @PROOF_MEASUREMENTS: this host allows the measurements
 */
enum proof_check {
	PROOF_CHAIN,
	PROOF_TRUST,
	PROOF_SIGNATURE,
	PROOF_NONCE,
	PROOF_MEASUREMENTS,
	PROOF_CHECKS
};

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
 * struct demands - what evidence is compared with
 * @anchors: the certificates that this host trusts
 * @allowed: the measurements that it allows, or NULL without a list
 * @model: vendor and device ID of the device, as 144d:a80a
 * @nonce: the nonce with which the device was asked, or NULL if it was not asked now
 */
struct demands {
	const struct anchors *anchors;
	const struct allowed *allowed;
	const char *model;
	const uint8_t *nonce;
};

/**
 * verify() - make all checks
 * @e: the evidence, after evidence_parse()
 * @certs: its certificates; none if they could not be read
 * @d: what is demanded of it
 * @proofs: out, one for each check
 */
void verify(const struct evidence *e, const struct certs *certs, const struct demands *d,
	    struct proof proofs[PROOF_CHECKS]);

/**
 * proofs_verify() - whether evidence is genuine and new, and not refused
 * @proofs: from verify()
 *
 * Return: true if all checks pass. That of measurements need not be made: a host without a list
 * allows all of them.
 */
bool proofs_verify(const struct proof proofs[PROOF_CHECKS]);

/**
 * proofs_admit() - whether a device can be admitted on evidence
 * @proofs: from verify()
 *
 * Return: true if all checks are made, and pass.
 */
bool proofs_admit(const struct proof proofs[PROOF_CHECKS]);

#endif
