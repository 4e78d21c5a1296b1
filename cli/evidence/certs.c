// SPDX-License-Identifier: GPL-2.0-or-later
/* Certificates, see certs.h. */
#include <errno.h>
#include <limits.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "common/util.h"
#include "evidence/certs.h"
#include "evidence/evidence.h"

/* OpenSSL's level of 112 bits: no SHA-1, no RSA key of less than 2048 bits */
#define SECURITY_LEVEL 2

struct anchors {
	X509_STORE *store;
	size_t count;
	bool revokes;
};

/* --- the certificates of a device ------------------------------------------ */

size_t certs_read(const struct spdm_chain *chain, struct certs *certs)
{
	*certs = (struct certs){ .count = 0 };
	for (size_t i = 0; i < chain->count; i++) {
		const uint8_t *at = chain->certs[i].at;
		X509 *cert = d2i_X509(NULL, &at, (long)chain->certs[i].len);

		ERR_clear_error();
		if (!cert || at != chain->certs[i].at + chain->certs[i].len) {
			X509_free(cert);
			certs_free(certs);
			return i + 1;
		}
		certs->list[certs->count++] = cert;
	}
	return 0;
}

void certs_free(struct certs *certs)
{
	for (size_t i = 0; i < certs->count; i++)
		X509_free(certs->list[i]);
	certs->count = 0;
}

/* Foreign bytes in a name are escaped; a name that is too long is cut off. */
static void describe_name(const X509_NAME *name, char *text, size_t size)
{
	BIO *bio = BIO_new(BIO_s_mem());
	cleanup_free char *copy = NULL, *safe = NULL;
	char *at = NULL;
	long len = 0;

	if (bio && X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253) >= 0)
		len = BIO_get_mem_data(bio, &at);
	copy = strndup(len > 0 ? at : "", len > 0 ? (size_t)len : 0);
	safe = copy ? util_printable(copy) : NULL;
	util_copy(text, size, safe ?: "");
	BIO_free(bio);
}

static void describe_time(const ASN1_TIME *time, char *text, size_t size)
{
	struct tm tm;

	text[0] = '\0';
	if (ASN1_TIME_to_tm(time, &tm) && !strftime(text, size, "%Y-%m-%dT%H:%M:%SZ", &tm))
		text[0] = '\0';
}

void cert_describe(X509 *cert, struct cert_text *text)
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned int len = 0;

	describe_name(X509_get_subject_name(cert), text->subject, sizeof(text->subject));
	describe_name(X509_get_issuer_name(cert), text->issuer, sizeof(text->issuer));
	describe_time(X509_get0_notBefore(cert), text->not_before, sizeof(text->not_before));
	describe_time(X509_get0_notAfter(cert), text->not_after, sizeof(text->not_after));
	util_copy(text->digest, sizeof(text->digest), "sha256:");
	if (X509_digest(cert, EVP_sha256(), digest, &len) && len == 32)
		evidence_hex((struct spdm_bytes){ digest, len }, text->digest + strlen("sha256:"));
	ERR_clear_error();
}

void certs_leaf(const struct certs *certs, char *digest)
{
	struct cert_text text = { .digest = "" };

	if (certs->count)
		cert_describe(certs->list[certs->count - 1], &text);
	util_copy(digest, CERT_DIGEST_LEN, text.digest);
}

static bool is_own_issuer(X509 *cert)
{
	return X509_check_issued(cert, cert) == X509_V_OK;
}

/* Whether the digest in the chain is that of its root, if the chain has its root. */
static bool has_root_hash(X509 *root, const struct spdm_chain *chain,
			  const struct hash_algorithm *hash)
{
	const EVP_MD *md = EVP_get_digestbyname(hash->name);
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned int len = 0;

	if (!is_own_issuer(root))
		return true;
	return md && X509_digest(root, md, digest, &len) && len == chain->root_hash.len &&
	       !memcmp(digest, chain->root_hash.at, len);
}

/* --- checks ---------------------------------------------------------------- */

/* Whether an error means that the chain ends without a trusted certificate. */
static bool is_stranger(int err)
{
	return err == X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN ||
	       err == X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT ||
	       err == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT ||
	       err == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY;
}

/* Prints why OpenSSL refuses a chain, with the certificate at which it does. */
static void explain(X509_STORE_CTX *check, char *why)
{
	int err = X509_STORE_CTX_get_error(check);
	X509 *cert = X509_STORE_CTX_get_current_cert(check);
	struct cert_text text = { .subject = "" };

	if (cert)
		cert_describe(cert, &text);
	snprintf(why, CERT_WHY_LEN, "%s%s%s", text.subject, cert ? ": " : "",
		 X509_verify_cert_error_string(err));
	/* the time that has passed, or has not come */
	if (err == X509_V_ERR_CERT_HAS_EXPIRED)
		snprintf(why, CERT_WHY_LEN, "%s: it has expired, at %s", text.subject,
			 text.not_after);
	else if (err == X509_V_ERR_CERT_NOT_YET_VALID)
		snprintf(why, CERT_WHY_LEN, "%s: it is not valid before %s", text.subject,
			 text.not_before);
	else if (is_stranger(err))
		snprintf(why, CERT_WHY_LEN,
			 "%s, %s: neither it nor its issuer is a trusted certificate", text.subject,
			 text.digest);
	else if (err == X509_V_ERR_CERT_REVOKED)
		snprintf(why, CERT_WHY_LEN, "%s, %s: it is revoked", text.subject, text.digest);
}

/* A revocation list is optional; one that is there counts. */
static int accept_no_list(int ok, X509_STORE_CTX *check)
{
	if (ok || X509_STORE_CTX_get_error(check) != X509_V_ERR_UNABLE_TO_GET_CRL)
		return ok;
	X509_STORE_CTX_set_error(check, X509_V_OK);
	return 1;
}

/* Whether the chain leads to a certificate of @store, which @anchor then describes. */
static bool leads_to(X509_STORE *store, const struct certs *certs, unsigned long flags,
		     struct cert_text *anchor, char *why)
{
	STACK_OF(X509) *others = sk_X509_new_null(), *path;
	X509_STORE_CTX *check = X509_STORE_CTX_new();
	X509_VERIFY_PARAM *param;
	bool good = false;

	for (size_t i = 0; others && i + 1 < certs->count; i++)
		if (!sk_X509_push(others, certs->list[i]))
			goto out;
	if (!others || !check ||
	    !X509_STORE_CTX_init(check, store, certs->list[certs->count - 1], others)) {
		snprintf(why, CERT_WHY_LEN, "%s", strerror(ENOMEM));
		goto out;
	}
	param = X509_STORE_CTX_get0_param(check);
	X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN | flags);
	X509_VERIFY_PARAM_set_auth_level(param, SECURITY_LEVEL);
	X509_STORE_CTX_set_verify_cb(check, accept_no_list);
	good = X509_verify_cert(check) == 1;
	path = X509_STORE_CTX_get0_chain(check);
	if (good && anchor)
		cert_describe(sk_X509_value(path, sk_X509_num(path) - 1), anchor);
	if (!good)
		explain(check, why);
out:
	X509_STORE_CTX_free(check);
	sk_X509_free(others);
	ERR_clear_error();
	return good;
}

bool certs_check(const struct certs *certs, const struct spdm_chain *chain,
		 const struct hash_algorithm *hash, char *why)
{
	X509_STORE *store;
	bool good;

	if (!certs->count) {
		snprintf(why, CERT_WHY_LEN, "a certificate cannot be read");
		return false;
	}
	for (size_t i = 1; i < certs->count; i++) {
		if (X509_check_issued(certs->list[i - 1], certs->list[i]) == X509_V_OK)
			continue;
		snprintf(why, CERT_WHY_LEN, "certificate %zu was not issued by the one before it",
			 i + 1);
		return false;
	}
	/* DSP0274 demands that of a leaf; one without the extension may do all */
	if (!(X509_get_key_usage(certs->list[certs->count - 1]) & KU_DIGITAL_SIGNATURE)) {
		snprintf(why, CERT_WHY_LEN, "the leaf is not for signatures");
		return false;
	}
	if (!has_root_hash(certs->list[0], chain, hash)) {
		snprintf(why, CERT_WHY_LEN, "the digest of the root is not that of its root");
		return false;
	}
	store = X509_STORE_new();
	if (store)
		X509_STORE_add_cert(store, certs->list[0]);
	snprintf(why, CERT_WHY_LEN, "%zu certificates", certs->count);
	good = store && leads_to(store, certs, 0, NULL, why);
	X509_STORE_free(store);
	return good;
}

/* --- what this host trusts ------------------------------------------------- */

struct anchors *anchors_new(void)
{
	struct anchors *anchors = calloc(1, sizeof(*anchors));

	if (!anchors)
		return NULL;
	anchors->store = X509_STORE_new();
	if (anchors->store)
		return anchors;
	free(anchors);
	return NULL;
}

void anchors_free(struct anchors *anchors)
{
	if (anchors)
		X509_STORE_free(anchors->store);
	free(anchors);
}

int anchors_add(struct anchors *anchors, const char *pem, size_t len)
{
	BIO *bio = len <= INT_MAX ? BIO_new_mem_buf(pem, (int)len) : NULL;
	STACK_OF(X509_INFO) *list = bio ? PEM_X509_INFO_read_bio(bio, NULL, NULL, NULL) : NULL;
	int found = 0;

	for (int i = 0; list && i < sk_X509_INFO_num(list); i++) {
		const X509_INFO *info = sk_X509_INFO_value(list, i);

		if (info->x509 && X509_STORE_add_cert(anchors->store, info->x509)) {
			anchors->count++;
			found++;
		}
		if (info->crl && X509_STORE_add_crl(anchors->store, info->crl)) {
			anchors->revokes = true;
			found++;
		}
	}
	sk_X509_INFO_pop_free(list, X509_INFO_free);
	BIO_free(bio);
	ERR_clear_error();
	return found ? 0 : -EINVAL;
}

size_t anchors_count(const struct anchors *anchors)
{
	return anchors->count;
}

bool anchors_check(const struct anchors *anchors, const struct certs *certs, char *why)
{
	unsigned long flags = 0;
	struct cert_text anchor;

	if (!certs->count) {
		snprintf(why, CERT_WHY_LEN, "a certificate cannot be read");
		return false;
	}
	if (anchors->revokes)
		flags = X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL;
	if (leads_to(anchors->store, certs, flags, &anchor, why)) {
		snprintf(why, CERT_WHY_LEN, "by %s, %s", anchor.subject, anchor.digest);
		return true;
	}
	return false;
}
