// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What libspdm asks of a device: signatures, measurements, and secrets that this device
 * does not have. The certificates are those of make-certs.
 */
#include <errno.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <library/spdm_crypt_lib.h>
#include <hal/library/responder/asymsignlib.h>
#include <hal/library/responder/measlib.h>
#include <spdm_crypt_ext_lib.h>

#include "dsm.h"

#define CHAIN_MAX 4096
#define BLOCKS 4
/* index, specification, size of what follows; type, size, digest */
#define BLOCK_SIZE (4 + 3 + SHA384_DIGEST_LENGTH)

static struct {
	uint8_t chain[CHAIN_MAX];
	size_t chain_len;
	char key[1024];
	size_t key_len;
} leaves[2]; /* the second one has expired */

static int read_file(const char *name, void *to, size_t size, size_t *len)
{
	char path[4096];
	FILE *file;
	int ret = 0;

	if ((size_t)snprintf(path, sizeof(path), "%s/%s", dsm.certs, name) >= sizeof(path))
		return -ENAMETOOLONG;
	file = fopen(path, "rbe");
	if (!file)
		return -errno;
	*len = fread(to, 1, size, file);
	if (ferror(file) || *len == size)
		ret = -EFBIG;
	fclose(file);
	return ret;
}

/* A chain in SPDM: length, the digest of the root, and the certificates in DER. */
static int load(size_t leaf, const char *cert, const char *key)
{
	const char *const names[] = { "root.der", "intermediate.der", cert };
	uint8_t *chain = leaves[leaf].chain;
	size_t at = 4 + SHA384_DIGEST_LENGTH;

	for (size_t i = 0; i < 3; i++) {
		size_t len;
		int ret = read_file(names[i], chain + at, CHAIN_MAX - at, &len);

		if (ret)
			return ret;
		if (!i)
			SHA384(chain + at, len, chain + 4);
		at += len;
	}
	chain[0] = (uint8_t)at;
	chain[1] = (uint8_t)(at >> 8);
	leaves[leaf].chain_len = at;
	return read_file(key, leaves[leaf].key, sizeof(leaves[leaf].key), &leaves[leaf].key_len);
}

/**
 * dsm_load() - read certificates and keys
 *
 * Return: 0 or a negative errno.
 */
int dsm_load(void)
{
	return load(0, "device.der", "device.key") ?: load(1, "expired.der", "expired.key");
}

const uint8_t *dsm_chain(bool expired, size_t *len)
{
	*len = leaves[expired].chain_len;
	return leaves[expired].chain;
}

void dsm_random(uint8_t *to, size_t len)
{
	if (getrandom(to, len, 0) != (ssize_t)len)
		abort();
}

bool libspdm_responder_data_sign(spdm_version_number_t version, uint8_t op, uint32_t asym,
				 uint32_t hash, bool is_hash, const uint8_t *message, size_t len,
				 uint8_t *signature, size_t *size)
{
	/* The chain that this connection has shown was chosen in the same way. */
	size_t leaf = dsm.fault == DSM_EXPIRED;
	void *key;
	bool ok;

	if (!libspdm_asym_get_private_key_from_pem(asym, (const uint8_t *)leaves[leaf].key,
						   leaves[leaf].key_len, NULL, &key))
		return false;
	if (is_hash)
		ok = libspdm_asym_sign_hash(version, op, asym, hash, key, message, len, signature,
					    size);
	else
		ok = libspdm_asym_sign(version, op, asym, hash, key, message, len, signature, size);
	libspdm_asym_free(asym, key);
	if (ok && dsm_faulty(DSM_SIGNATURE))
		signature[0] ^= 1;
	return ok;
}

/* The blocks: boot code, firmware, configuration of the hardware, of the firmware */
static void put_block(uint8_t index, uint8_t *at)
{
	char what[64];
	int len = snprintf(what, sizeof(what), "tsm-dsm measurement %u%s", index,
			   index == 2 && dsm.fault == DSM_MEASUREMENT ? ", changed" : "");

	at[0] = index;
	at[1] = SPDM_MEASUREMENT_SPECIFICATION_DMTF;
	at[2] = BLOCK_SIZE - 4;
	at[3] = 0;
	at[4] = (uint8_t)(index - 1); /* types of DSP0274: immutable ROM, mutable firmware, ... */
	at[5] = SHA384_DIGEST_LENGTH;
	at[6] = 0;
	SHA384((const uint8_t *)what, (size_t)len, at + 7);
}

libspdm_return_t libspdm_measurement_collection(spdm_version_number_t version,
						uint8_t specification, uint32_t hash, uint8_t index,
						uint8_t attribute, uint8_t *changed, uint8_t *count,
						void *blocks, size_t *size)
{
	uint8_t first = index == 0xff ? 1 : index;
	uint8_t last = index == 0xff ? BLOCKS : index;

	(void)version;
	(void)attribute;
	if (specification != SPDM_MEASUREMENT_SPECIFICATION_DMTF ||
	    hash != SPDM_ALGORITHMS_MEASUREMENT_HASH_ALGO_TPM_ALG_SHA_384)
		return LIBSPDM_STATUS_UNSUPPORTED_CAP;
	if (changed)
		*changed = SPDM_MEASUREMENTS_RESPONSE_CONTENT_NO_CHANGE_DETECTED;
	*count = BLOCKS;
	if (!index)
		return LIBSPDM_STATUS_SUCCESS;
	*count = 0;
	if (last > BLOCKS)
		return LIBSPDM_STATUS_MEAS_INVALID_INDEX;
	if (*size < (size_t)BLOCK_SIZE * (last - first + 1))
		return LIBSPDM_STATUS_MEAS_INTERNAL_ERROR;
	for (uint8_t i = first; i <= last; i++)
		put_block(i, (uint8_t *)blocks + (size_t)BLOCK_SIZE * (*count)++);
	*size = (size_t)BLOCK_SIZE * *count;
	return LIBSPDM_STATUS_SUCCESS;
}

bool libspdm_measurement_opaque_data(spdm_version_number_t version, uint8_t specification,
				     uint32_t hash, uint8_t index, uint8_t attribute, void *data,
				     size_t *size)
{
	(void)version;
	(void)specification;
	(void)hash;
	(void)index;
	(void)attribute;
	(void)data;
	*size = 0;
	return true;
}

/* The requester wants no summary. It reads the blocks in the session. */
bool libspdm_generate_measurement_summary_hash(spdm_version_number_t version, uint32_t base_hash,
					       uint8_t specification, uint32_t hash, uint8_t type,
					       uint8_t *summary, uint32_t size)
{
	(void)version;
	(void)base_hash;
	(void)specification;
	(void)hash;
	(void)summary;
	(void)size;
	return type == SPDM_CHALLENGE_REQUEST_NO_MEASUREMENT_SUMMARY_HASH;
}

bool libspdm_challenge_opaque_data(spdm_version_number_t version, uint8_t slot, uint8_t *summary,
				   size_t summary_size, void *data, size_t *size)
{
	(void)version;
	(void)slot;
	(void)summary;
	(void)summary_size;
	(void)data;
	*size = 0;
	return true;
}
