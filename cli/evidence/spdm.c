// SPDX-License-Identifier: GPL-2.0-or-later
/* Parsers of hostile bytes, see spdm.h. */
#include <errno.h>

#include "common/util.h"
#include "evidence/spdm.h"

#define CODE_GET_VERSION 0x84
#define CODE_VERSION 0x04
#define CODE_GET_CAPABILITIES 0xe1
#define CODE_CAPABILITIES 0x61
#define CODE_NEGOTIATE_ALGORITHMS 0xe3
#define CODE_ALGORITHMS 0x63
#define CODE_GET_MEASUREMENTS 0xe0
#define CODE_MEASUREMENTS 0x60

#define HEADER_SIZE 4
#define CAPABILITIES_SIZE 20
/* SPDM 1.3: the requester asks for the list of algorithms of the responder. */
#define ASKS_FOR_ALGORITHMS 0x01
#define WANTS_SIGNATURE 0x01
#define ALL_BLOCKS 0xff
#define SLOT_MASK 0x0f
#define DMTF 0x01
#define RAW 0x80
/* SPDM 1.3: bytes of the requester that come back */
#define CONTEXT_SIZE 8
/* A sequence of ASN.1, as a certificate is */
#define SEQUENCE 0x30

/**
 * struct reader - bytes that are being read
 * @bytes: all of them
 * @at: offset of the next one
 * @origin: offset of the first one in the file
 * @f: the first mistake; @f->what is NULL until there is one. Later reads return 0
 */
struct reader {
	struct spdm_bytes bytes;
	size_t at;
	size_t origin;
	struct spdm_fault *f;
};

static struct reader begin(struct spdm_bytes bytes, struct spdm_fault *f)
{
	*f = (struct spdm_fault){ .what = NULL };
	return (struct reader){ .bytes = bytes, .f = f };
}

static int refuse_at(struct reader *r, size_t offset, const char *what)
{
	if (!r->f->what)
		*r->f = (struct spdm_fault){ .what = what, .offset = r->origin + offset };
	return -EBADMSG;
}

static int finish(const struct reader *r)
{
	return r->f->what ? -EBADMSG : 0;
}

static size_t left(const struct reader *r)
{
	return r->bytes.len - r->at;
}

/* The next bytes; without any if fewer than @len are left. */
static struct spdm_bytes take(struct reader *r, size_t len, const char *what)
{
	struct spdm_bytes part = { .len = 0 };

	if (r->f->what)
		return part;
	if (len > left(r)) {
		refuse_at(r, r->at, what);
		return part;
	}
	part = (struct spdm_bytes){ r->bytes.at + r->at, len };
	r->at += len;
	return part;
}

/* A reader of the next bytes alone. */
static struct reader part_of(struct reader *r, size_t len, const char *what)
{
	struct reader in = { .origin = r->origin + r->at, .f = r->f };

	in.bytes = take(r, len, what);
	return in;
}

/* The next number of @size bytes, little endian. */
static uint64_t number(struct reader *r, size_t size, const char *what)
{
	struct spdm_bytes part = take(r, size, what);
	uint64_t n = 0;

	for (size_t i = part.len; i > 0; i--)
		n = n << 8 | part.at[i - 1];
	return n;
}

static void expect_end(struct reader *r, const char *what)
{
	if (!r->f->what && left(r))
		refuse_at(r, r->at, what);
}

/**
 * struct header - the header of a message
 * @version: of SPDM
 * @param1: first parameter
 * @param2: second parameter
 * @at: offset of the message
 */
struct header {
	uint8_t version;
	uint8_t param1;
	uint8_t param2;
	size_t at;
};

static struct header read_header(struct reader *r, uint8_t code, const char *what)
{
	struct header h = { .at = r->at };
	struct spdm_bytes part = take(r, HEADER_SIZE, what);

	if (!part.len)
		return h;
	if (part.at[1] != code)
		refuse_at(r, h.at, what);
	h.version = part.at[0];
	h.param1 = part.at[2];
	h.param2 = part.at[3];
	return h;
}

/* --- GET_VERSION to ALGORITHMS --------------------------------------------- */

static void skip_versions(struct reader *r)
{
	const char *what = "VERSION is not complete";

	read_header(r, CODE_GET_VERSION, "it does not begin with GET_VERSION");
	read_header(r, CODE_VERSION, "GET_VERSION is not followed by VERSION");
	take(r, 1, what);
	take(r, number(r, 1, what) * 2, what);
}

static void skip_capabilities(struct reader *r)
{
	struct header h;

	h = read_header(r, CODE_GET_CAPABILITIES, "VERSION is not followed by GET_CAPABILITIES");
	/* then CAPABILITIES is longer, and its length depends on more of the specification */
	if (h.param1 & ASKS_FOR_ALGORITHMS)
		refuse_at(r, h.at, "GET_CAPABILITIES asks for algorithms, which is not supported");
	take(r, CAPABILITIES_SIZE - HEADER_SIZE, "GET_CAPABILITIES is not complete");
	read_header(r, CODE_CAPABILITIES, "GET_CAPABILITIES is not followed by CAPABILITIES");
	take(r, CAPABILITIES_SIZE - HEADER_SIZE, "CAPABILITIES is not complete");
}

/* The next message, whose length is in it, as a reader after its length. */
static struct reader read_algorithms(struct reader *r, uint8_t code, uint8_t *version,
				     const char *what)
{
	struct header h = read_header(r, code, what);
	size_t len = number(r, 2, what), head = HEADER_SIZE + 2;

	*version = h.version;
	if (len < head)
		refuse_at(r, h.at, "the length of a message is less than its header");
	return part_of(r, len - head, "a message is longer than what is there");
}

/* The algorithms that the device has chosen. */
static void read_choice(struct reader *r, struct spdm_vca *vca)
{
	const char *what = "ALGORITHMS is not complete";
	size_t at = r->at;
	uint8_t version;
	struct reader in;

	in = read_algorithms(r, CODE_ALGORITHMS, &vca->version,
			     "NEGOTIATE_ALGORITHMS is not followed by ALGORITHMS");
	version = vca->version;
	take(&in, 2, what);
	vca->measurement_hash = hash_find_measurement((uint32_t)number(&in, 4, what));
	vca->signature = signature_find((uint32_t)number(&in, 4, what));
	vca->hash = hash_find((uint32_t)number(&in, 4, what));
	if (r->f->what)
		return;
	if (version != 0x12 && version != 0x13)
		refuse_at(r, at, "its version of SPDM is neither 1.2 nor 1.3");
	else if (!vca->signature)
		refuse_at(r, at, "ALGORITHMS does not choose one signature that is supported");
	else if (!vca->hash)
		refuse_at(r, at, "ALGORITHMS does not choose one hash that is supported");
}

int spdm_read_vca(struct spdm_bytes bytes, struct spdm_vca *vca, struct spdm_fault *f)
{
	struct reader r = begin(bytes, f);
	uint8_t version;

	*vca = (struct spdm_vca){ 0 };
	skip_versions(&r);
	skip_capabilities(&r);
	read_algorithms(&r, CODE_NEGOTIATE_ALGORITHMS, &version,
			"CAPABILITIES is not followed by NEGOTIATE_ALGORITHMS");
	read_choice(&r, vca);
	expect_end(&r, "there is something after ALGORITHMS");
	return finish(&r);
}

/* --- certificates ---------------------------------------------------------- */

/* The length of a certificate, from its header in DER; 0 if that is not valid. */
static size_t cert_length(const struct reader *r)
{
	const uint8_t *at = r->bytes.at + r->at;
	size_t bytes, len = 0;

	if (left(r) < 2 || at[0] != SEQUENCE)
		return 0;
	if (at[1] < 0x80)
		return 2 + (size_t)at[1];
	bytes = at[1] & 0x7f;
	/* no certificate needs a longer length than the whole chain has */
	if (bytes < 1 || bytes > 3 || left(r) < 2 + bytes)
		return 0;
	for (size_t i = 0; i < bytes; i++)
		len = len << 8 | at[2 + i];
	return 2 + bytes + len;
}

int spdm_read_chain(struct spdm_bytes bytes, const struct spdm_vca *vca, struct spdm_chain *chain,
		    struct spdm_fault *f)
{
	struct reader r = begin(bytes, f);
	size_t len = number(&r, 2, "it has no length");

	*chain = (struct spdm_chain){ .count = 0 };
	take(&r, 2, "it has no header");
	if (!f->what && len != bytes.len)
		refuse_at(&r, 0, "its length is not that of the file");
	chain->root_hash = take(&r, vca->hash->size, "it has no digest of the root");
	while (!f->what && left(&r)) {
		size_t cert = cert_length(&r);

		if (chain->count == SPDM_CERTS_MAX)
			return refuse_at(&r, r.at, "it has too many certificates");
		if (!cert)
			return refuse_at(&r, r.at, "this is not a certificate in DER");
		chain->certs[chain->count++] =
			take(&r, cert, "a certificate is longer than what is there");
	}
	if (!f->what && !chain->count)
		refuse_at(&r, r.at, "it has no certificate");
	return finish(&r);
}

/* --- measurements ---------------------------------------------------------- */

static void read_request(struct reader *r, const struct spdm_vca *vca, struct spdm_measurements *m)
{
	const char *what = "GET_MEASUREMENTS is not complete";
	struct header h =
		read_header(r, CODE_GET_MEASUREMENTS, "it does not begin with GET_MEASUREMENTS");

	if (h.version != vca->version)
		refuse_at(r, h.at, "GET_MEASUREMENTS is not of the version that was negotiated");
	else if (!(h.param1 & WANTS_SIGNATURE))
		refuse_at(r, h.at, "GET_MEASUREMENTS does not ask for a signature");
	else if (h.param2 != ALL_BLOCKS)
		refuse_at(r, h.at, "GET_MEASUREMENTS does not ask for all blocks");
	m->nonce = take(r, SPDM_NONCE_SIZE, what).at;
	m->slot = number(r, 1, what) & SLOT_MASK;
	if (vca->version >= 0x13)
		take(r, CONTEXT_SIZE, what);
}

/* A measurement; @in has the bytes of the record. */
static void read_block(struct reader *in, struct spdm_block *b)
{
	size_t at = in->at;
	uint8_t specification, type;
	struct reader value;
	size_t size;

	b->index = (uint8_t)number(in, 1, "a block has no index");
	specification = (uint8_t)number(in, 1, "a block has no specification");
	size = number(in, 2, "a block has no size");
	value = part_of(in, size, "a block is longer than the record");
	if (specification != DMTF || !b->index)
		refuse_at(in, at, "a block is not in the format of the DMTF, or has index 0");
	type = (uint8_t)number(&value, 1, "a block has no type");
	size = number(&value, 2, "a block has no size of its value");
	b->value = take(&value, size, "a value is longer than its block");
	expect_end(&value, "a block has more than its value");
	b->type = type & ~RAW;
	b->raw = type & RAW;
}

static bool has_index(const struct spdm_measurements *m, size_t count, uint8_t index)
{
	for (size_t i = 0; i < count; i++)
		if (m->blocks[i].index == index)
			return true;
	return false;
}

static void read_blocks(struct reader *r, const struct spdm_vca *vca, struct spdm_measurements *m)
{
	size_t count = number(r, 1, "MEASUREMENTS has no number of blocks");
	size_t len = number(r, 3, "MEASUREMENTS has no length of the record");
	struct reader in = part_of(r, len, "the record is longer than what is there");

	for (size_t i = 0; !r->f->what && i < count; i++) {
		struct spdm_block *b = &m->blocks[i];
		size_t at = in.at;

		read_block(&in, b);
		if (has_index(m, i, b->index))
			refuse_at(&in, at, "two blocks have the same index");
		else if (!b->raw &&
			 (!vca->measurement_hash || b->value.len != vca->measurement_hash->size))
			refuse_at(&in, at, "a digest does not have the length of the hash");
		m->count = r->f->what ? i : i + 1;
	}
	expect_end(&in, "the record has more than its blocks");
}

int spdm_read_measurements(struct spdm_bytes bytes, const struct spdm_vca *vca,
			   struct spdm_measurements *m, struct spdm_fault *f)
{
	const char *what = "MEASUREMENTS is not complete";
	struct reader r = begin(bytes, f);
	struct header h;

	*m = (struct spdm_measurements){ .count = 0 };
	read_request(&r, vca, m);
	h = read_header(&r, CODE_MEASUREMENTS, "GET_MEASUREMENTS is not followed by MEASUREMENTS");
	if (h.version != vca->version)
		refuse_at(&r, h.at, "MEASUREMENTS is not of the version that was negotiated");
	else if ((h.param2 & SLOT_MASK) != m->slot)
		refuse_at(&r, h.at, "MEASUREMENTS is not of the slot that was asked for");
	read_blocks(&r, vca, m);
	/* the responder's own nonce */
	take(&r, SPDM_NONCE_SIZE, what);
	take(&r, number(&r, 2, what), "the opaque data is longer than what is there");
	if (vca->version >= 0x13)
		take(&r, CONTEXT_SIZE, what);
	m->is_signed = (struct spdm_bytes){ bytes.at, r.at };
	m->signature = take(&r, vca->signature->size, "the signature is not complete");
	expect_end(&r, "there is something after the signature");
	return finish(&r);
}

const char *spdm_block_type(uint8_t type)
{
	static const char *const types[] = {
		"immutable ROM",	   "mutable firmware",
		"hardware configuration",  "firmware configuration",
		"measurement manifest",	   "debug and device mode",
		"version of the firmware", "security version of the firmware",
		"extended hash",	   "information",
		"structured manifest",
	};

	return type < ARRAY_SIZE(types) ? types[type] : "unknown";
}

/* --- the TDI report -------------------------------------------------------- */

int spdm_read_report(struct spdm_bytes bytes, struct spdm_report *report, struct spdm_fault *f)
{
	const char *what = "the report is not complete";
	struct reader r = begin(bytes, f);
	size_t count;

	*report = (struct spdm_report){ .count = 0 };
	report->info = (uint16_t)number(&r, 2, what);
	take(&r, 2, what);
	report->msix = (uint16_t)number(&r, 2, what);
	report->lnr = (uint16_t)number(&r, 2, what);
	report->tph = (uint32_t)number(&r, 4, what);
	count = number(&r, 4, what);
	if (!f->what && count > SPDM_RANGES_MAX)
		refuse_at(&r, r.at, "the report has too many ranges");
	for (size_t i = 0; !f->what && i < count; i++) {
		struct spdm_range *range = &report->ranges[i];

		range->first = number(&r, 8, what);
		range->pages = (uint32_t)number(&r, 4, what);
		range->flags = (uint16_t)number(&r, 2, what);
		range->id = (uint16_t)number(&r, 2, what);
		report->count = f->what ? i : i + 1;
	}
	report->specific = take(&r, number(&r, 4, what),
				"what is specific to the device is longer than the report");
	expect_end(&r, "there is something after the report");
	return finish(&r);
}
