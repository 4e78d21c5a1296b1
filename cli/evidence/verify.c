// SPDX-License-Identifier: GPL-2.0-or-later
/* The checks of evidence, see verify.h. */
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdarg.h>

#include "common/util.h"
#include "evidence/verify.h"

/*
 * Before a hash is signed, DSP0274 1.2 and later put 100 bytes before it: the prefix four times,
 * zeros, and the context.
 */
#define PREFIX_COPIES 4
#define PREFIX_LEN 16
#define SIGNED_HEAD 100
#define SIGNED_CONTEXT "responder-measurements signing"

static const struct {
	const char *name;
	const char *title;
} checks[] = {
	[PROOF_CHAIN] = { "chain", "the chain of certificates is valid in itself" },
	[PROOF_TRUST] = { "trust", "the chain leads to a trusted certificate" },
	[PROOF_SIGNATURE] = { "signature", "the key of the leaf has signed the measurements" },
	[PROOF_NONCE] = { "nonce", "the measurements were made for the nonce of this command" },
	[PROOF_MEASUREMENTS] = { "measurements", "this host allows the measurements" },
};

const char *proof_name(enum proof_check check)
{
	return checks[check].name;
}

const char *proof_title(enum proof_check check)
{
	return checks[check].title;
}

static void PRINTF_LIKE(3, 4)
	note(struct proof *p, enum proof_verdict verdict, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(p->found, sizeof(p->found), fmt, ap);
	va_end(ap);
	p->verdict = verdict;
}

/* --- the signature --------------------------------------------------------- */

/* Whether the key is of the kind that was negotiated. */
static bool fits(EVP_PKEY *key, const struct signature_algorithm *algorithm)
{
	char curve[64];
	size_t len;

	if (algorithm->kind != SIGNATURE_ECDSA)
		return EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA &&
		       EVP_PKEY_get_bits(key) == algorithm->key_bits;
	return EVP_PKEY_get_base_id(key) == EVP_PKEY_EC &&
	       EVP_PKEY_get_group_name(key, curve, sizeof(curve), &len) &&
	       streq(curve, algorithm->curve);
}

/* The two numbers of an ECDSA signature, as OpenSSL wants them. Return: its bytes, or 0. */
static size_t encode_ecdsa(struct spdm_bytes signature, uint8_t **der)
{
	int half = (int)(signature.len / 2), len = 0;
	BIGNUM *r = BN_bin2bn(signature.at, half, NULL);
	BIGNUM *s = BN_bin2bn(signature.at + half, half, NULL);
	ECDSA_SIG *sig = ECDSA_SIG_new();

	if (r && s && sig && ECDSA_SIG_set0(sig, r, s)) {
		len = i2d_ECDSA_SIG(sig, der);
	} else {
		BN_free(r);
		BN_free(s);
	}
	ECDSA_SIG_free(sig);
	return len > 0 ? (size_t)len : 0;
}

/* Builds what was signed: the head, and the hash of all messages. Return: its bytes, or 0. */
static size_t build_signed(const struct evidence *e, const EVP_MD *md, uint8_t *out)
{
	const struct spdm_bytes vca = e->files[FILE_VCA], m = e->measurements.is_signed;
	EVP_MD_CTX *hash = EVP_MD_CTX_new();
	char prefix[PREFIX_LEN + 1];
	unsigned int len = 0;
	bool good;

	/* the parser accepts 1.2 and 1.3 alone */
	snprintf(prefix, sizeof(prefix), "dmtf-spdm-v1.%u.*", e->vca.version & 7U);
	memset(out, 0, SIGNED_HEAD);
	for (int i = 0; i < PREFIX_COPIES; i++)
		memcpy(out + i * PREFIX_LEN, prefix, PREFIX_LEN);
	memcpy(out + SIGNED_HEAD - strlen(SIGNED_CONTEXT), SIGNED_CONTEXT, strlen(SIGNED_CONTEXT));
	good = hash && EVP_DigestInit_ex(hash, md, NULL) &&
	       EVP_DigestUpdate(hash, vca.at, vca.len) && EVP_DigestUpdate(hash, m.at, m.len) &&
	       EVP_DigestFinal_ex(hash, out + SIGNED_HEAD, &len);
	EVP_MD_CTX_free(hash);
	return good ? SIGNED_HEAD + len : 0;
}

static bool set_padding(EVP_PKEY_CTX *how, enum signature_kind kind)
{
	if (kind == SIGNATURE_ECDSA)
		return true;
	if (kind == SIGNATURE_RSA)
		return EVP_PKEY_CTX_set_rsa_padding(how, RSA_PKCS1_PADDING) > 0;
	return EVP_PKEY_CTX_set_rsa_padding(how, RSA_PKCS1_PSS_PADDING) > 0 &&
	       EVP_PKEY_CTX_set_rsa_pss_saltlen(how, RSA_PSS_SALTLEN_DIGEST) > 0;
}

static bool has_signed(const struct evidence *e, EVP_PKEY *key)
{
	const EVP_MD *md = EVP_get_digestbyname(e->vca.hash->name);
	struct spdm_bytes signature = e->measurements.signature;
	uint8_t text[SIGNED_HEAD + EVP_MAX_MD_SIZE], *der = NULL;
	enum signature_kind kind = e->vca.signature->kind;
	EVP_MD_CTX *check = EVP_MD_CTX_new();
	EVP_PKEY_CTX *how = NULL;
	size_t len;
	bool good;

	if (kind == SIGNATURE_ECDSA) {
		len = encode_ecdsa(signature, &der);
		signature = (struct spdm_bytes){ der, len };
	}
	len = md && signature.len ? build_signed(e, md, text) : 0;
	good = len && check && EVP_DigestVerifyInit(check, &how, md, NULL, key) == 1 &&
	       set_padding(how, kind) &&
	       EVP_DigestVerify(check, signature.at, signature.len, text, len) == 1;
	EVP_MD_CTX_free(check);
	OPENSSL_free(der);
	ERR_clear_error();
	return good;
}

static void check_signature(const struct evidence *e, const struct certs *certs, struct proof *p)
{
	const char *name = e->vca.signature->name;
	EVP_PKEY *key;

	if (!certs->count) {
		note(p, PROOF_NOT_MADE, "a certificate cannot be read");
		return;
	}
	if (e->measurements.slot) {
		note(p, PROOF_FAILS,
		     "they are signed for slot %u, and the certificates are of slot 0",
		     e->measurements.slot);
		return;
	}
	key = X509_get0_pubkey(certs->list[certs->count - 1]);
	if (!key || !fits(key, e->vca.signature))
		note(p, PROOF_FAILS, "the key of the leaf is not one for %s", name);
	else if (!has_signed(e, key))
		note(p, PROOF_FAILS, "the key of the leaf has not signed these measurements");
	else
		note(p, PROOF_PASSES, "%s with %s", name, e->vca.hash->name);
}

/* --- the others ------------------------------------------------------------ */

static void check_trust(const struct certs *certs, const struct anchors *anchors, struct proof *p)
{
	if (!anchors_count(anchors))
		note(p, PROOF_NOT_MADE, "this host trusts no certificate of a device");
	else
		p->verdict = anchors_check(anchors, certs, p->found) ? PROOF_PASSES : PROOF_FAILS;
}

static void check_nonce(const struct evidence *e, const uint8_t *nonce, struct proof *p)
{
	char hex[NONCE_TEXT_LEN];

	evidence_hex((struct spdm_bytes){ e->measurements.nonce, SPDM_NONCE_SIZE }, hex);
	if (!nonce)
		note(p, PROOF_NOT_MADE, "the device was not asked now: the evidence may be old");
	else if (memcmp(nonce, e->measurements.nonce, SPDM_NONCE_SIZE))
		note(p, PROOF_FAILS, "the evidence is for another nonce, %s", hex);
	else
		note(p, PROOF_PASSES, "%s", hex);
}

static void check_measurements(const struct evidence *e, const struct demands *d, struct proof *p)
{
	if (!d->allowed)
		note(p, PROOF_NOT_MADE, "this host has no list of allowed measurements");
	else
		p->verdict = allowed_check(d->allowed, &e->measurements, d->model, p->found) ?
				     PROOF_PASSES :
				     PROOF_FAILS;
}

void verify(const struct evidence *e, const struct certs *certs, const struct demands *d,
	    struct proof proofs[PROOF_CHECKS])
{
	struct proof *chain = &proofs[PROOF_CHAIN];

	memset(proofs, 0, PROOF_CHECKS * sizeof(*proofs));
	chain->verdict = certs_check(certs, &e->chain, e->vca.hash, chain->found) ? PROOF_PASSES :
										    PROOF_FAILS;
	check_trust(certs, d->anchors, &proofs[PROOF_TRUST]);
	check_signature(e, certs, &proofs[PROOF_SIGNATURE]);
	check_nonce(e, d->nonce, &proofs[PROOF_NONCE]);
	check_measurements(e, d, &proofs[PROOF_MEASUREMENTS]);
}

bool proofs_admit(const struct proof proofs[PROOF_CHECKS])
{
	for (size_t i = 0; i < PROOF_CHECKS; i++)
		if (proofs[i].verdict != PROOF_PASSES)
			return false;
	return true;
}

bool proofs_verify(const struct proof proofs[PROOF_CHECKS])
{
	for (size_t i = 0; i < PROOF_CHECKS; i++)
		if (proofs[i].verdict == PROOF_FAILS ||
		    (proofs[i].verdict == PROOF_NOT_MADE && i != PROOF_MEASUREMENTS))
			return false;
	return true;
}
