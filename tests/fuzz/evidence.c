// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * libFuzzer harness for the parsers of evidence, which a device and its TSM send. The first
 * byte selects the parser. What is taken must lie within the input, and OpenSSL must be able to
 * look at the certificates.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "evidence/certs.h"
#include "evidence/evidence.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What a device of the tests negotiates. */
static struct spdm_vca usual(uint8_t version)
{
	return (struct spdm_vca){ version, hash_find(1 << 1), hash_find_measurement(1 << 2),
				  signature_find(1 << 7) };
}

/* Reads a part, so that a byte beyond the input is seen. */
static void within(struct spdm_bytes all, struct spdm_bytes part)
{
	static volatile uint8_t sum;

	if (part.len > all.len)
		abort();
	for (size_t i = 0; i < part.len; i++)
		sum ^= part.at[i];
	(void)sum;
}

static void try_chain(struct spdm_bytes all, struct spdm_fault *f)
{
	const struct spdm_vca vca = usual(0x12);
	struct certs certs cleanup_certs = { .count = 0 };
	struct cert_text text;
	char why[CERT_WHY_LEN];
	struct spdm_chain chain;

	if (spdm_read_chain(all, &vca, &chain, f))
		return;
	within(all, chain.root_hash);
	for (size_t i = 0; i < chain.count; i++)
		within(all, chain.certs[i]);
	if (certs_read(&chain, &certs))
		return;
	for (size_t i = 0; i < certs.count; i++)
		cert_describe(certs.list[i], &text);
	certs_check(&certs, &chain, vca.hash, why);
}

static void try_measurements(struct spdm_bytes all, uint8_t version, struct spdm_fault *f)
{
	const struct spdm_vca vca = usual(version);
	struct spdm_measurements m;

	if (spdm_read_measurements(all, &vca, &m, f))
		return;
	within(all, (struct spdm_bytes){ m.nonce, SPDM_NONCE_SIZE });
	within(all, m.is_signed);
	within(all, m.signature);
	if (m.is_signed.len + m.signature.len != all.len || m.count > SPDM_BLOCKS_MAX)
		abort();
	for (size_t i = 0; i < m.count; i++)
		within(all, m.blocks[i].value);
}

static void try_others(struct spdm_bytes all, bool report, struct spdm_fault *f)
{
	struct spdm_report r;
	struct spdm_vca vca;

	if (!report) {
		if (!spdm_read_vca(all, &vca, f) && (!vca.hash || !vca.signature))
			abort();
		return;
	}
	if (spdm_read_report(all, &r, f))
		return;
	if (r.count > SPDM_RANGES_MAX)
		abort();
	within(all, r.specific);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct spdm_fault f = { .what = NULL };
	uint8_t *copy;
	struct spdm_bytes all;

	if (!size)
		return 0;
	/* a copy of exactly this size, so that a read beyond it is seen */
	copy = malloc(size - 1);
	memcpy(copy, data + 1, size - 1);
	all = (struct spdm_bytes){ copy, size - 1 };
	for (enum evidence_file file = 0; file < EVIDENCE_FILES; file++)
		evidence_file_is(file, all);
	if (data[0] == 'c')
		try_chain(all, &f);
	else if (data[0] == 'm' || data[0] == 'n')
		try_measurements(all, data[0] == 'm' ? 0x12 : 0x13, &f);
	else
		try_others(all, data[0] == 'r', &f);
	if (f.what && f.offset > all.len)
		abort();
	free(copy);
	return 0;
}
