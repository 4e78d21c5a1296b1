/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Certificates, by OpenSSL: the chain of a device, and those that this host trusts. */
#ifndef EVIDENCE_CERTS_H
#define EVIDENCE_CERTS_H

#include "evidence/spdm.h"

struct x509_st;

/* "sha256:", the digits and the end of string */
#define CERT_DIGEST_LEN (sizeof("sha256:") + 64)

/**
 * struct certs - the certificates of a device
 * @list: each certificate; the leaf is the last
 * @count: how many there are; 0 if they could not be read
 */
struct certs {
	struct x509_st *list[SPDM_CERTS_MAX];
	size_t count;
};

#define cleanup_certs __attribute__((cleanup(certs_free)))

/**
 * struct cert_text - a certificate as text; each is printable ASCII
 * @subject: the subject, as RFC 2253 has it
 * @issuer: the issuer
 * @not_before: the first time at which it is valid, in UTC, in the form of ISO 8601
 * @not_after: the last one
 * @digest: its digest with SHA-256, after "sha256:"
 */
struct cert_text {
	char subject[256];
	char issuer[256];
	char not_before[sizeof("9999-12-31T23:59:59Z")];
	char not_after[sizeof("9999-12-31T23:59:59Z")];
	char digest[CERT_DIGEST_LEN];
};

/**
 * certs_read() - read the certificates of a chain
 * @chain: the chain
 * @certs: out, for certs_free()
 *
 * Return: 0, or the number of the certificate that OpenSSL does not accept, from 1.
 */
size_t certs_read(const struct spdm_chain *chain, struct certs *certs);

/**
 * certs_free() - free certificates
 * @certs: from certs_read()
 */
void certs_free(struct certs *certs);

/**
 * cert_describe() - write a certificate as text
 * @cert: the certificate
 * @text: out
 */
void cert_describe(struct x509_st *cert, struct cert_text *text);

/**
 * certs_leaf() - write the digest of the last certificate
 * @certs: the certificates of a device
 * @digest: out, CERT_DIGEST_LEN bytes, as in struct cert_text; "" without a certificate
 */
void certs_leaf(const struct certs *certs, char *digest);

/* Enough for a message about a certificate */
#define CERT_WHY_LEN 512

/**
 * certs_check() - check that each certificate was issued by the one before it
 * @certs: the certificates of a device
 * @chain: the same as bytes, for the digest of the root
 * @hash: the hash of that digest
 * @why: out, CERT_WHY_LEN bytes: what was found
 *
 * The first certificate is taken as trusted.
 *
 * Return: true if the chain is valid now.
 */
bool certs_check(const struct certs *certs, const struct spdm_chain *chain,
		 const struct hash_algorithm *hash, char *why);

struct anchors;

/**
 * anchors_new() - begin without any trusted certificate
 *
 * Return: for anchors_free(), or NULL without memory.
 */
struct anchors *anchors_new(void);

/**
 * anchors_free() - free trusted certificates
 * @anchors: from anchors_new(), or NULL
 */
void anchors_free(struct anchors *anchors);

/**
 * anchors_add() - trust the certificates of a file, and the revocation lists in it
 * @anchors: from anchors_new()
 * @pem: the file, in PEM
 * @len: its bytes
 *
 * Return: 0; -EINVAL if it is not PEM with certificates or revocation lists; or -ENOMEM.
 */
int anchors_add(struct anchors *anchors, const char *pem, size_t len);

/**
 * anchors_count() - how many certificates are trusted
 * @anchors: from anchors_new()
 *
 * Return: the number, without revocation lists.
 */
size_t anchors_count(const struct anchors *anchors);

/**
 * anchors_check() - check that a chain leads to a trusted certificate
 * @anchors: from anchors_new()
 * @certs: the certificates of a device
 * @why: out, CERT_WHY_LEN bytes: what was found
 *
 * A certificate that a revocation list of its issuer has is refused, also a trusted one. So is
 * one whose issuer has a revocation list that is out of date.
 *
 * Return: true if the chain is trusted now.
 */
bool anchors_check(const struct anchors *anchors, const struct certs *certs, char *why);

#endif
