// SPDX-License-Identifier: GPL-2.0-or-later
/* The algorithms of SPDM, see algorithm.h. SM2, SM3 and EdDSA are not among them. */
#include "common/util.h"
#include "evidence/algorithm.h"

/* Bit 0 of MeasurementHashAlgo means that all blocks are raw. */
static const struct hash_algorithm hashes[] = {
	{ 1 << 0, 1 << 1, "sha256", 32 },   { 1 << 1, 1 << 2, "sha384", 48 },
	{ 1 << 2, 1 << 3, "sha512", 64 },   { 1 << 3, 1 << 4, "sha3-256", 32 },
	{ 1 << 4, 1 << 5, "sha3-384", 48 }, { 1 << 5, 1 << 6, "sha3-512", 64 },
};

static const struct signature_algorithm signatures[] = {
	{ 1 << 0, "rsassa-2048", SIGNATURE_RSA, 256, 2048, NULL },
	{ 1 << 1, "rsapss-2048", SIGNATURE_RSA_PSS, 256, 2048, NULL },
	{ 1 << 2, "rsassa-3072", SIGNATURE_RSA, 384, 3072, NULL },
	{ 1 << 3, "rsapss-3072", SIGNATURE_RSA_PSS, 384, 3072, NULL },
	{ 1 << 4, "ecdsa-p256", SIGNATURE_ECDSA, 64, 256, "prime256v1" },
	{ 1 << 5, "rsassa-4096", SIGNATURE_RSA, 512, 4096, NULL },
	{ 1 << 6, "rsapss-4096", SIGNATURE_RSA_PSS, 512, 4096, NULL },
	{ 1 << 7, "ecdsa-p384", SIGNATURE_ECDSA, 96, 384, "secp384r1" },
	{ 1 << 8, "ecdsa-p521", SIGNATURE_ECDSA, 132, 521, "secp521r1" },
};

const struct hash_algorithm *hash_find(uint32_t selected)
{
	for (size_t i = 0; i < ARRAY_SIZE(hashes); i++)
		if (hashes[i].bit == selected)
			return &hashes[i];
	return NULL;
}

const struct hash_algorithm *hash_find_measurement(uint32_t selected)
{
	for (size_t i = 0; i < ARRAY_SIZE(hashes); i++)
		if (hashes[i].measurement_bit == selected)
			return &hashes[i];
	return NULL;
}

const struct signature_algorithm *signature_find(uint32_t selected)
{
	for (size_t i = 0; i < ARRAY_SIZE(signatures); i++)
		if (signatures[i].bit == selected)
			return &signatures[i];
	return NULL;
}
