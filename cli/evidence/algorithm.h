/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The algorithms of SPDM: their bits in the message ALGORITHMS of DSP0274, and sizes. */
#ifndef EVIDENCE_ALGORITHM_H
#define EVIDENCE_ALGORITHM_H

#include <stddef.h>
#include <stdint.h>

/* The longest digest: 512 bits. */
#define DIGEST_MAX 64

/**
 * struct hash_algorithm - a hash
 * @bit: its bit in BaseHashSel
 * @measurement_bit: its bit in MeasurementHashAlgo
 * @name: its name for people, JSON and OpenSSL
 * @size: bytes of a digest
 */
struct hash_algorithm {
	uint32_t bit;
	uint32_t measurement_bit;
	const char *name;
	size_t size;
};

/**
 * enum signature_kind - how a signature is made
 * @SIGNATURE_ECDSA: two numbers of the same length, R and S, big endian
 * @SIGNATURE_RSA: RSASSA with PKCS #1 v1.5
 * @SIGNATURE_RSA_PSS: RSASSA-PSS, with a salt as long as the digest
 */
enum signature_kind { SIGNATURE_ECDSA, SIGNATURE_RSA, SIGNATURE_RSA_PSS };

/**
 * struct signature_algorithm - a signature
 * @bit: its bit in BaseAsymSel
 * @name: its name for people and JSON
 * @kind: how it is made
 * @size: bytes of a signature
 * @key_bits: bits of the key
 * @curve: OpenSSL's name of the curve of the key, or NULL
 */
struct signature_algorithm {
	uint32_t bit;
	const char *name;
	enum signature_kind kind;
	size_t size;
	int key_bits;
	const char *curve;
};

/**
 * hash_find() - find the hash that was negotiated
 * @selected: BaseHashSel
 *
 * Return: the hash, or NULL if not exactly one bit of a known hash is set.
 */
const struct hash_algorithm *hash_find(uint32_t selected);

/**
 * hash_find_measurement() - find the hash of measurements that was negotiated
 * @selected: MeasurementHashAlgo
 *
 * Return: the hash, or NULL if there is none: then all blocks are raw.
 */
const struct hash_algorithm *hash_find_measurement(uint32_t selected);

/**
 * signature_find() - find the signature that was negotiated
 * @selected: BaseAsymSel
 *
 * Return: the signature, or NULL if not exactly one bit of a known signature is set.
 */
const struct signature_algorithm *signature_find(uint32_t selected);

#endif
