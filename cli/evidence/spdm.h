/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Parsers of what a device and its TSM have sent: messages of SPDM (DSP0274 1.2 and 1.3), its
 * chain of certificates, and the TDI report of TDISP. The bytes are hostile: each length is
 * checked before it is used. Nothing is copied; the results point into the bytes.
 */
#ifndef EVIDENCE_SPDM_H
#define EVIDENCE_SPDM_H

#include <stdbool.h>

#include "evidence/algorithm.h"

#define SPDM_NONCE_SIZE 32
/* The limits of the files in sysfs */
#define SPDM_CHAIN_MAX 16384
#define SPDM_VCA_MAX 1024
#define SPDM_MEASUREMENTS_MAX 16384
#define SPDM_REPORT_MAX 4096

/* More certificates are refused. */
#define SPDM_CERTS_MAX 16
/* NumberOfBlocks is one byte. */
#define SPDM_BLOCKS_MAX 255
/* As many as fit into a report of SPDM_REPORT_MAX */
#define SPDM_RANGES_MAX 256

/**
 * struct spdm_bytes - a part of what was read
 * @at: its first byte
 * @len: how many there are
 */
struct spdm_bytes {
	const uint8_t *at;
	size_t len;
};

/**
 * struct spdm_fault - why bytes were refused
 * @what: the part that is wrong, and how
 * @offset: where it begins
 */
struct spdm_fault {
	const char *what;
	size_t offset;
};

/**
 * struct spdm_vca - what was negotiated
 * @version: the version of the messages: 0x12 for 1.2
 * @hash: for digests of certificates and for signatures
 * @measurement_hash: for blocks that are digests, or NULL
 * @signature: of the device
 */
struct spdm_vca {
	uint8_t version;
	const struct hash_algorithm *hash;
	const struct hash_algorithm *measurement_hash;
	const struct signature_algorithm *signature;
};

/**
 * struct spdm_chain - a chain of certificates
 * @root_hash: digest of the root
 * @certs: each certificate in DER; the leaf is the last
 * @count: how many there are, at least 1
 */
struct spdm_chain {
	struct spdm_bytes root_hash;
	struct spdm_bytes certs[SPDM_CERTS_MAX];
	size_t count;
};

/**
 * struct spdm_block - a measurement
 * @index: its index, from 1
 * @type: DMTFSpecMeasurementValueType without bit 7
 * @raw: the value is what was measured, and not its digest
 * @value: the value
 */
struct spdm_block {
	uint8_t index;
	uint8_t type;
	bool raw;
	struct spdm_bytes value;
};

/**
 * struct spdm_measurements - a request for measurements, and its response
 * @nonce: that of the request
 * @slot: the slot of the certificate whose key has signed
 * @blocks: the measurements, in the order of the response
 * @count: how many there are
 * @is_signed: all that is signed, together with the bytes of VERSION to ALGORITHMS
 * @signature: the signature
 */
struct spdm_measurements {
	const uint8_t *nonce;
	uint8_t slot;
	struct spdm_block blocks[SPDM_BLOCKS_MAX];
	size_t count;
	struct spdm_bytes is_signed;
	struct spdm_bytes signature;
};

/**
 * struct spdm_range - a range of MMIO
 * @first: number of its first page of 4 KiB
 * @pages: how many pages
 * @flags: RANGE_* bits
 * @id: the device's number for it; the number of the BAR on most devices
 */
struct spdm_range {
	uint64_t first;
	uint32_t pages;
	uint16_t flags;
	uint16_t id;
};

#define RANGE_MSIX_TABLE (1 << 0)
#define RANGE_MSIX_PBA (1 << 1)
#define RANGE_NON_TEE (1 << 2)
#define RANGE_UPDATABLE (1 << 3)

/**
 * struct spdm_report - a TDI report
 * @info: REPORT_* bits
 * @msix: MSI-X message control
 * @lnr: LNR control
 * @tph: TPH control
 * @ranges: ranges of MMIO
 * @count: how many there are
 * @specific: what only the device's driver can read
 */
struct spdm_report {
	uint16_t info;
	uint16_t msix;
	uint16_t lnr;
	uint32_t tph;
	struct spdm_range ranges[SPDM_RANGES_MAX];
	size_t count;
	struct spdm_bytes specific;
};

#define REPORT_NO_UPDATE (1 << 0)
#define REPORT_DMA (1 << 1)
#define REPORT_DMA_PASID (1 << 2)
#define REPORT_ATS (1 << 3)
#define REPORT_PRS (1 << 4)

/**
 * spdm_read_vca() - read the messages GET_VERSION to ALGORITHMS
 * @bytes: the messages, one after the other
 * @vca: out
 * @f: out, the mistake, if there is one
 *
 * Return: 0, or -EBADMSG with @f filled in.
 */
int spdm_read_vca(struct spdm_bytes bytes, struct spdm_vca *vca, struct spdm_fault *f);

/**
 * spdm_read_chain() - read a chain of certificates
 * @bytes: the chain, in SPDM's format
 * @vca: what was negotiated
 * @chain: out. The certificates are split, and not read
 * @f: out, the mistake, if there is one
 *
 * Return: 0, or -EBADMSG with @f filled in.
 */
int spdm_read_chain(struct spdm_bytes bytes, const struct spdm_vca *vca, struct spdm_chain *chain,
		    struct spdm_fault *f);

/**
 * spdm_read_measurements() - read GET_MEASUREMENTS and MEASUREMENTS
 * @bytes: both messages
 * @vca: what was negotiated
 * @m: out
 * @f: out, the mistake, if there is one
 *
 * The request must ask for all blocks and for a signature.
 *
 * Return: 0, or -EBADMSG with @f filled in.
 */
int spdm_read_measurements(struct spdm_bytes bytes, const struct spdm_vca *vca,
			   struct spdm_measurements *m, struct spdm_fault *f);

/**
 * spdm_read_report() - read a TDI report
 * @bytes: the report
 * @report: out
 * @f: out, the mistake, if there is one
 *
 * Return: 0, or -EBADMSG with @f filled in.
 */
int spdm_read_report(struct spdm_bytes bytes, struct spdm_report *report, struct spdm_fault *f);

/**
 * spdm_block_type() - what a block measures
 * @type: its type
 *
 * Return: a few words.
 */
const char *spdm_block_type(uint8_t type);

#endif
