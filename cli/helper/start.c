// SPDX-License-Identifier: GPL-2.0-or-later
/* Starting a TDI for tests, see start.h. */
#include <endian.h>
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>

#include "common/exitcode.h"
#include "helper/start.h"

#define TDISP_VERSION 0x10
#define TDISP_REQUEST 0x80
#define TDISP_ERROR 0x7f
#define STATE_RUN 2

/* The header: version, type, 2 reserved bytes, and the interface (function ID, 8 reserved bytes) */
#define HEADER_SIZE 16
#define INTERFACE_AT 4
#define INTERFACE_SIZE 12
#define SEGMENT_VALID (1U << 24)

/* The interface report: header, a range for each MMIO range, device-specific part */
#define REPORT_HEADER_SIZE 16
#define RANGE_COUNT_AT 12
#define RANGE_SIZE 16
#define NONCE_SIZE 32
/* Offsets and lengths in the report have 16 bits. */
#define REPORT_MAX UINT16_MAX
#define PORTION_MAX 4096
/* The header of an answer, the lengths of this portion and of the rest, and the portion */
#define ANSWER_MAX (HEADER_SIZE + 4 + PORTION_MAX)

/**
 * struct message - a message of the guest
 * @name: name in the specification
 * @type: type of the request; the type of the answer is the same without TDISP_REQUEST
 * @scope: what the request may do
 */
struct message {
	const char *name;
	uint8_t type;
	enum tsmbind_scope scope;
};

static const struct message get_report = { "GET_DEVICE_INTERFACE_REPORT", 0x84,
					   TSMBIND_SCOPE_INFO };
static const struct message get_state = { "GET_DEVICE_INTERFACE_STATE", 0x85, TSMBIND_SCOPE_INFO };
static const struct message start_interface = { "START_INTERFACE_REQUEST", 0x86,
						TSMBIND_SCOPE_STATE_CHANGE };

/**
 * struct answer - the answer to a message
 * @bytes: the message
 * @len: its length, HEADER_SIZE or more
 */
struct answer {
	uint8_t bytes[ANSWER_MAX];
	size_t len;
};

const struct cause start_causes[] = {
	{ -EPROTO, EXIT_FAILED, "the TSM did not start the TDI",
	  "leave out --start, which is for TDIs of tsm_sim" },
	{ -ENXIO, EXIT_FAILED, "it was unbound meanwhile", "'tsmctl show @' shows the reason" },
	{ -EOPNOTSUPP, EXIT_UNSUPPORTED,
	  "a TSM of this host takes no requests of guests, or does not support this one",
	  "leave out --start, which is for TDIs of tsm_sim" },
	{ -EACCES, EXIT_NOT_PERMITTED, "its policy, or the TSM, does not allow such a request",
	  "run 'tsmctl requests @ all'" },
	{ -ENOTTY, EXIT_UNSUPPORTED,
	  "its driver takes no requests of guests, or the TSM does not support this one",
	  "run 'tsmctl assign @', with the modules of this version" },
	{}
};

static const char *error_name(uint32_t code)
{
	static const struct {
		uint32_t code;
		const char *name;
	} errors[] = {
		{ 0x0001, "INVALID_REQUEST" },
		{ 0x0003, "BUSY" },
		{ 0x0004, "INVALID_INTERFACE_STATE" },
		{ 0x0005, "UNSPECIFIED" },
		{ 0x0007, "UNSUPPORTED_REQUEST" },
		{ 0x0041, "VERSION_MISMATCH" },
		{ 0x00ff, "VENDOR_SPECIFIC_ERROR" },
		{ 0x0101, "INVALID_INTERFACE" },
		{ 0x0102, "INVALID_NONCE" },
		{ 0x0103, "INSUFFICIENT_ENTROPY" },
		{ 0x0104, "INVALID_DEVICE_CONFIGURATION" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(errors); i++)
		if (errors[i].code == code)
			return errors[i].name;
	return "unknown";
}

static uint16_t le16_at(const uint8_t *at)
{
	return (uint16_t)(at[0] | at[1] << 8);
}

static uint32_t le32_at(const uint8_t *at)
{
	return le16_at(at) | (uint32_t)le16_at(at + 2) << 16;
}

static int fail(struct session *s, const struct message *m, const char *fmt, ...) PRINTF_LIKE(3, 4);

static int fail(struct session *s, const struct message *m, const char *fmt, ...)
{
	int n = snprintf(s->detail, sizeof(s->detail), "%s: ", m->name);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(s->detail + n, sizeof(s->detail) - (size_t)n, fmt, ap);
	va_end(ap);
	return -EPROTO;
}

/* Writes the function's requester ID on the host. */
static void put_interface(const struct session *s, uint8_t *at)
{
	struct pci_addr addr = {};
	uint32_t function;

	pci_addr_parse(s->name, &addr);
	function = (uint32_t)addr.bus << 8 | (uint32_t)addr.dev << 3 | addr.fn;
	if (addr.domain & 0xff)
		function |= SEGMENT_VALID | (addr.domain & 0xff) << 16;
	function = htole32(function);
	memcpy(at, &function, sizeof(function));
}

/* Sends a message with @len bytes after the header, and checks the answer. */
static int ask(struct session *s, const struct message *m, const uint8_t *payload, size_t len,
	       struct answer *a)
{
	uint8_t bytes[HEADER_SIZE + NONCE_SIZE] = { TDISP_VERSION, m->type };
	ssize_t ret;

	put_interface(s, bytes + INTERFACE_AT);
	memcpy(bytes + HEADER_SIZE, payload, len);
	ret = tsmbind_request(s->cdev, m->scope, bytes, HEADER_SIZE + len, a->bytes,
			      sizeof(a->bytes), NULL);
	if (ret < 0) {
		util_copy(s->detail, sizeof(s->detail), m->name);
		return (int)ret;
	}
	a->len = (size_t)ret;
	if (a->len < HEADER_SIZE || a->bytes[0] != TDISP_VERSION ||
	    memcmp(a->bytes + INTERFACE_AT, bytes + INTERFACE_AT, INTERFACE_SIZE))
		return fail(s, m, "the answer is not a TDISP message of this interface");
	if (a->bytes[1] == TDISP_ERROR && a->len >= HEADER_SIZE + 4)
		return fail(s, m, "TDISP_ERROR 0x%x (%s)", le32_at(a->bytes + HEADER_SIZE),
			    error_name(le32_at(a->bytes + HEADER_SIZE)));
	if (a->bytes[1] != (m->type & ~TDISP_REQUEST))
		return fail(s, m, "the answer is of type 0x%02x", a->bytes[1]);
	return 0;
}

/* Reads the whole report, of at most REPORT_MAX bytes. */
static int read_report(struct session *s, uint8_t *report, size_t *len)
{
	struct answer a;
	size_t portion;
	int ret;

	*len = 0;
	do {
		uint8_t payload[] = { *len & 0xff, (uint8_t)(*len >> 8), PORTION_MAX & 0xff,
				      PORTION_MAX >> 8 };

		ret = ask(s, &get_report, payload, sizeof(payload), &a);
		if (ret)
			return ret;
		portion = a.len < HEADER_SIZE + 4 ? 0 : le16_at(a.bytes + HEADER_SIZE);
		if (!portion || portion > a.len - HEADER_SIZE - 4 || portion > REPORT_MAX - *len)
			return fail(s, &get_report, "a portion of the report has a wrong length");
		memcpy(report + *len, a.bytes + HEADER_SIZE + 4, portion);
		*len += portion;
	} while (le16_at(a.bytes + HEADER_SIZE + 2));
	return 0;
}

/* Return: the nonce in the report, or NULL. */
static const uint8_t *find_nonce(const uint8_t *report, size_t len)
{
	size_t at = REPORT_HEADER_SIZE;

	if (len < at || le32_at(report + RANGE_COUNT_AT) > (len - at) / RANGE_SIZE)
		return NULL;
	at += le32_at(report + RANGE_COUNT_AT) * RANGE_SIZE;
	if (len - at != 4 + NONCE_SIZE || le32_at(report + at) != NONCE_SIZE)
		return NULL;
	return report + at + 4;
}

int start_tdi(struct session *s)
{
	cleanup_free uint8_t *report = NULL;
	const uint8_t *nonce;
	struct answer a;
	size_t len;
	int ret;

	if (!s->start)
		return 0;
	report = malloc(REPORT_MAX);
	if (!report)
		return -ENOMEM;
	ret = read_report(s, report, &len);
	if (ret)
		return ret;
	nonce = find_nonce(report, len);
	if (!nonce)
		return fail(s, &get_report, "the report does not end with a nonce");
	ret = ask(s, &start_interface, nonce, NONCE_SIZE, &a) ?: ask(s, &get_state, nonce, 0, &a);
	if (ret)
		return ret;
	if (a.len < HEADER_SIZE + 1 || a.bytes[HEADER_SIZE] != STATE_RUN)
		return fail(s, &get_state, "the TDI is not in RUN");
	return 0;
}
