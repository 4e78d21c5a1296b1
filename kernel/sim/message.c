// SPDX-License-Identifier: GPL-2.0-only
/*
 * TDISP messages (PCIe r7.0 section 11.3), as guests send them through
 * pci_tsm_guest_req(). The table of requests has length, legal states and
 * handler of each. A request is checked in this order, and the answer to the
 * first failure is a TDISP_ERROR:
 *
 *	length of the header	INVALID_REQUEST
 *	version			VERSION_MISMATCH
 *	message type		UNSUPPORTED_REQUEST, with the type as data
 *	length of the message	INVALID_REQUEST
 *	interface		INVALID_INTERFACE
 *	state			INVALID_INTERFACE_STATE
 *	nonce			INVALID_NONCE
 *
 * LOCK_INTERFACE_REQUEST belongs to the host's bind. It is not in the table, although
 * the device supports it. GET_TDISP_VERSION may have every version 1.x. Reserved bits
 * of the interface are ignored.
 *
 * The interface is the function's own requester ID on the host. On hardware the
 * nonce of the lock stays between device and TSM, and the TSM starts the TDI for
 * the guest. The simulation has no such channel, so the device-specific part of
 * the interface report is the nonce: a guest that has read the report of this
 * lock can start the TDI, a guest that has an older one cannot.
 *
 * With transport=doe, a message that passes the checks up to the interface goes to the
 * device. The other checks and the answer are the device's.
 */
#include <linux/bits.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/sockptr.h>
#include <linux/string.h>
#include <linux/tsm_sim.h>
#include <linux/unaligned.h>

#include "tsm_sim.h"

/* The only TDISP version so far */
#define TDISP_VERSION 0x10

/* Message types; an answer has the type of its request without the highest bit. */
#define GET_TDISP_VERSION 0x81
#define GET_TDISP_CAPABILITIES 0x82
#define LOCK_INTERFACE_REQUEST 0x83
#define GET_DEVICE_INTERFACE_REPORT 0x84
#define GET_DEVICE_INTERFACE_STATE 0x85
#define START_INTERFACE_REQUEST 0x86
#define STOP_INTERFACE_REQUEST 0x87
#define TDISP_REQUEST 0x80
#define TDISP_ERROR 0x7f

/* Codes of TDISP_ERROR */
#define TDISP_OK 0
#define INVALID_REQUEST 0x1
#define INVALID_INTERFACE_STATE 0x4
#define UNSUPPORTED_REQUEST 0x7
#define VERSION_MISMATCH 0x41
#define INVALID_INTERFACE 0x101
#define INVALID_NONCE 0x102

/* Version, type, 2 reserved bytes, and the interface: function ID, 8 reserved bytes */
#define HEADER_SIZE 16
#define INTERFACE_AT 4
#define INTERFACE_SIZE 12
#define SEGMENT_VALID BIT(24)

/* Header, code and data */
#define ERROR_SIZE (HEADER_SIZE + 8)
#define CAPABILITIES_SIZE 28

/* The interface report: header, a range for each BAR, device-specific part */
#define REPORT_HEADER_SIZE 16
#define RANGE_SIZE 16
#define REPORT_MAX (REPORT_HEADER_SIZE + PCI_STD_NUM_BARS * RANGE_SIZE + 4 + SIM_NONCE_SIZE)
#define DMA_WITHOUT_PASID BIT(1)
#define ATS_ENABLED BIT(3)
/* Ranges are counted in pages of this size, whatever pages the kernel has. */
#define TDISP_PAGE_SHIFT 12

/* The longest request is START_INTERFACE_REQUEST, the longest reply a whole report. */
#define REQUEST_MAX (HEADER_SIZE + SIM_NONCE_SIZE)
#define REPLY_MAX (HEADER_SIZE + 4 + REPORT_MAX)

#define ANY_STATE (BIT(SIM_UNLOCKED) | BIT(SIM_LOCKED) | BIT(SIM_RUN) | BIT(SIM_ERROR))

/**
 * struct reply - an answer that is being made
 * @bytes: the message, zeroed
 * @len: its length
 */
struct reply {
	u8 bytes[REPLY_MAX];
	size_t len;
};

/**
 * struct request - a message that a guest may send
 * @type: its message type
 * @payload: its length beyond the header
 * @changes: whether it changes the TDI's state
 * @states: states in which it is legal, as bits
 * @answer: writes the answer's payload, which begins after the header, and returns
 *	TDISP_OK; or returns the code of a TDISP_ERROR
 */
struct request {
	u8 type;
	u8 payload;
	bool changes;
	u8 states;
	u32 (*answer)(struct sim_fn *fn, const u8 *payload, struct reply *reply);
};

static u32 get_version(struct sim_fn *fn, const u8 *payload, struct reply *reply);
static u32 get_capabilities(struct sim_fn *fn, const u8 *payload, struct reply *reply);
static u32 get_report(struct sim_fn *fn, const u8 *payload, struct reply *reply);
static u32 get_state(struct sim_fn *fn, const u8 *payload, struct reply *reply);
static u32 start(struct sim_fn *fn, const u8 *payload, struct reply *reply);
static u32 stop(struct sim_fn *fn, const u8 *payload, struct reply *reply);

static const struct request requests[] = {
	{ GET_TDISP_VERSION, .states = ANY_STATE, .answer = get_version },
	{ GET_TDISP_CAPABILITIES, .payload = 4, .states = ANY_STATE, .answer = get_capabilities },
	{ GET_DEVICE_INTERFACE_REPORT, .payload = 4, .states = BIT(SIM_LOCKED) | BIT(SIM_RUN),
	  .answer = get_report },
	{ GET_DEVICE_INTERFACE_STATE, .states = ANY_STATE, .answer = get_state },
	{ START_INTERFACE_REQUEST, .payload = SIM_NONCE_SIZE, .changes = true,
	  .states = BIT(SIM_LOCKED), .answer = start },
	{ STOP_INTERFACE_REQUEST, .changes = true, .states = ANY_STATE, .answer = stop },
};

static u32 get_version(struct sim_fn *fn, const u8 *payload, struct reply *reply)
{
	reply->bytes[HEADER_SIZE] = 1; /* how many versions follow */
	reply->bytes[HEADER_SIZE + 1] = TDISP_VERSION;
	reply->len = HEADER_SIZE + 2;
	return TDISP_OK;
}

static u32 get_capabilities(struct sim_fn *fn, const u8 *payload, struct reply *reply)
{
	u8 *caps = &reply->bytes[HEADER_SIZE];

	for (int i = 0; i < ARRAY_SIZE(requests); i++) {
		int bit = requests[i].type & ~TDISP_REQUEST;

		caps[4 + bit / 8] |= BIT(bit % 8);
	}
	caps[4 + (LOCK_INTERFACE_REQUEST & ~TDISP_REQUEST) / 8] |=
		BIT((LOCK_INTERFACE_REQUEST & ~TDISP_REQUEST) % 8);
	caps[25] = 52; /* address width */
	caps[26] = 1; /* requests at a time, of this TDI and of all */
	caps[27] = 1;
	reply->len = HEADER_SIZE + CAPABILITIES_SIZE;
	return TDISP_OK;
}

/* The memory BARs, with the BAR's number as range ID. Returns where they end. */
static u8 *put_ranges(struct pci_dev *pdev, u8 *at, u32 *count)
{
	for (int bar = 0; bar < PCI_STD_NUM_BARS; bar++) {
		u64 first = pci_resource_start(pdev, bar) >> TDISP_PAGE_SHIFT;
		u64 last = pci_resource_end(pdev, bar) >> TDISP_PAGE_SHIFT;

		if (!(pci_resource_flags(pdev, bar) & IORESOURCE_MEM) ||
		    !pci_resource_len(pdev, bar))
			continue;
		put_unaligned_le64(first, at);
		put_unaligned_le32(last - first + 1, at + 8);
		put_unaligned_le32(bar << 16, at + 12);
		at += RANGE_SIZE;
		(*count)++;
	}
	return at;
}

/*
 * The host locks without the MSI-X table and without an MMIO reporting offset,
 * so no range is marked, and addresses are those of the host.
 */
static size_t make_report(struct sim_fn *fn, u8 report[REPORT_MAX])
{
	u32 ranges = 0;
	u8 *at;

	memset(report, 0, REPORT_MAX);
	put_unaligned_le16(DMA_WITHOUT_PASID | (fn->pdev->ats_enabled ? ATS_ENABLED : 0), report);
	at = put_ranges(fn->pdev, report + REPORT_HEADER_SIZE, &ranges);
	put_unaligned_le32(ranges, report + 12);
	put_unaligned_le32(SIM_NONCE_SIZE, at);
	memcpy(at + 4, fn->nonce, SIM_NONCE_SIZE);
	return at + 4 + SIM_NONCE_SIZE - report;
}

static u32 get_report(struct sim_fn *fn, const u8 *payload, struct reply *reply)
{
	size_t offset = get_unaligned_le16(payload);
	size_t portion = get_unaligned_le16(payload + 2);
	u8 report[REPORT_MAX];
	size_t size = make_report(fn, report);

	if (offset >= size || !portion)
		return INVALID_REQUEST;
	portion = min(portion, size - offset);
	put_unaligned_le16(portion, &reply->bytes[HEADER_SIZE]);
	put_unaligned_le16(size - offset - portion, &reply->bytes[HEADER_SIZE + 2]);
	memcpy(&reply->bytes[HEADER_SIZE + 4], report + offset, portion);
	reply->len = HEADER_SIZE + 4 + portion;
	return TDISP_OK;
}

static u32 get_state(struct sim_fn *fn, const u8 *payload, struct reply *reply)
{
	reply->bytes[HEADER_SIZE] = fn->state; /* numbered as in the specification */
	reply->len = HEADER_SIZE + 1;
	return TDISP_OK;
}

static u32 start(struct sim_fn *fn, const u8 *payload, struct reply *reply)
{
	if (memcmp(payload, fn->nonce, SIM_NONCE_SIZE))
		return INVALID_NONCE;
	sim_start_locked(fn);
	return TDISP_OK;
}

static u32 stop(struct sim_fn *fn, const u8 *payload, struct reply *reply)
{
	sim_stop_locked(fn);
	return TDISP_OK;
}

static void put_interface(struct sim_fn *fn, u8 *at)
{
	u32 function = pci_dev_id(fn->pdev);
	u32 segment = pci_domain_nr(fn->pdev->bus) & 0xff;

	if (segment)
		function |= SEGMENT_VALID | segment << 16;
	memset(at, 0, INTERFACE_SIZE);
	put_unaligned_le32(function, at);
}

/* Without the valid bit the segment is reserved. */
static bool is_interface(struct sim_fn *fn, const u8 *at)
{
	u32 function = get_unaligned_le32(at);
	u32 segment = pci_domain_nr(fn->pdev->bus) & 0xff;

	return (u16)function == pci_dev_id(fn->pdev) &&
	       (!(function & SEGMENT_VALID) || (u8)(function >> 16) == segment);
}

static const struct request *find_request(u8 type)
{
	for (int i = 0; i < ARRAY_SIZE(requests); i++) {
		if (requests[i].type == type)
			return &requests[i];
	}
	return NULL;
}

/* Does the checks at the head of this file that need no state. */
static u32 check(struct sim_fn *fn, const u8 *message, size_t len, const struct request *request)
{
	if (len < HEADER_SIZE)
		return INVALID_REQUEST;
	if (message[0] != TDISP_VERSION &&
	    (message[1] != GET_TDISP_VERSION || message[0] >> 4 != TDISP_VERSION >> 4))
		return VERSION_MISMATCH;
	if (!request)
		return UNSUPPORTED_REQUEST;
	if (len != HEADER_SIZE + request->payload)
		return INVALID_REQUEST;
	if (!is_interface(fn, message + INTERFACE_AT))
		return INVALID_INTERFACE;
	return TDISP_OK;
}

/* Does the other checks, and then what the request asks for. */
static u32 answer(struct sim_fn *fn, const struct request *request, const u8 *message,
		  struct reply *reply)
{
	guard(mutex)(&fn->lock);
	if (!(request->states & BIT(sim_check_locked(fn))))
		return INVALID_INTERFACE_STATE;
	return request->answer(fn, message + HEADER_SIZE, reply);
}

/* With transport=doe, the device does the other checks, except for its ERROR here. */
static bool is_for_device(struct sim_fn *fn, const struct request *request)
{
	return sim_uses_doe() && (sim_check(fn) != SIM_ERROR || request->states & BIT(SIM_ERROR));
}

/* Whether the device's answer belongs to @message, or is a TDISP_ERROR */
static bool is_answer(const u8 *reply, size_t len, const u8 *message)
{
	if (len < HEADER_SIZE || reply[0] != TDISP_VERSION ||
	    memcmp(reply + INTERFACE_AT, message + INTERFACE_AT, INTERFACE_SIZE))
		return false;
	return reply[1] == (message[1] & ~TDISP_REQUEST) ||
	       (reply[1] == TDISP_ERROR && len >= ERROR_SIZE);
}

/* Has the device answer a message that was checked. Returns what sim_message() returns. */
static ssize_t pass_on(struct sim_fn *fn, const u8 *message, size_t len, sockptr_t out,
		       size_t out_len, u64 *code)
{
	size_t size = min(out_len, TSM_SIM_MAX_TDISP);
	u32 state;
	int ret;

	u8 *reply __free(kfree) = kmalloc(size, GFP_KERNEL);

	if (!reply)
		return -ENOMEM;
	ret = sim_firmware_request(fn->pdev, message, len, reply, &size, &state);
	if (!ret && !is_answer(reply, size, message))
		ret = -EIO;
	if (ret) {
		sim_report(fn, false);
		return ret;
	}
	ret = sim_follow(fn, state);
	if (ret)
		return ret;
	if (copy_to_sockptr(out, reply, size))
		return -EFAULT;
	if (code)
		*code = reply[1] == TDISP_ERROR ? get_unaligned_le32(&reply[HEADER_SIZE]) : 0;
	return out_len - size;
}

/**
 * sim_message() - answer a guest's TDISP message
 * @fn: the function
 * @scope: what the caller allows; INFO refuses messages that change the state
 * @in: the message
 * @in_len: its length
 * @out: gets the answer
 * @out_len: its size; if the answer does not fit, nothing changes
 * @code: set to the code of a TDISP_ERROR, or 0; may be NULL
 *
 * Return: bytes of @out that are left, also when the answer is a TDISP_ERROR; -EINVAL
 * for another scope, -EPERM for a message beyond the scope, -ENOSPC if the answer does
 * not fit, -EFAULT; with transport=doe also -EIO if the device or the firmware failed, and
 * -ENOMEM.
 *
 * Context: under PCI/TSM's locks.
 */
ssize_t sim_message(struct sim_fn *fn, enum pci_tsm_req_scope scope, sockptr_t in, size_t in_len,
		    sockptr_t out, size_t out_len, u64 *code)
{
	u8 message[REQUEST_MAX] = {};
	struct reply reply = { .len = HEADER_SIZE };
	const struct request *request;
	u32 error;

	if (scope != PCI_TSM_REQ_INFO && scope != PCI_TSM_REQ_STATE_CHANGE)
		return -EINVAL;
	if (copy_from_sockptr(message, in, min(in_len, sizeof(message))))
		return -EFAULT;
	request = find_request(message[1]);
	if (scope == PCI_TSM_REQ_INFO && request && request->changes)
		return -EPERM;
	/* A request that changes the state has a shorter answer than this. */
	if (out_len < ERROR_SIZE)
		return -ENOSPC;

	error = check(fn, message, in_len, request);
	if (!error && is_for_device(fn, request))
		return pass_on(fn, message, in_len, out, out_len, code);
	if (!error)
		error = answer(fn, request, message, &reply);
	reply.bytes[0] = TDISP_VERSION;
	reply.bytes[1] = message[1] & ~TDISP_REQUEST;
	memcpy(&reply.bytes[INTERFACE_AT], &message[INTERFACE_AT], INTERFACE_SIZE);
	if (error) {
		reply.bytes[1] = TDISP_ERROR;
		put_unaligned_le32(error, &reply.bytes[HEADER_SIZE]);
		if (error == UNSUPPORTED_REQUEST)
			put_unaligned_le32(message[1], &reply.bytes[HEADER_SIZE + 4]);
		reply.len = ERROR_SIZE;
	}
	if (reply.len > out_len)
		return -ENOSPC;
	if (copy_to_sockptr(out, reply.bytes, reply.len))
		return -EFAULT;
	if (code)
		*code = error;
	return out_len - reply.len;
}

static void put_header(struct sim_fn *fn, u8 type, u8 message[HEADER_SIZE])
{
	memset(message, 0, HEADER_SIZE);
	message[0] = TDISP_VERSION;
	message[1] = type;
	put_interface(fn, message + INTERFACE_AT);
}

/**
 * sim_ask() - send a message as the guest would, through PCI/TSM
 * @fn: the function
 * @begin: start the TDI, else ask for its state
 * @state: gets the state in the answer
 *
 * Return: 0, -EINVAL for a TDISP_ERROR, or what PCI/TSM returned.
 *
 * Context: no lock is held.
 */
int sim_ask(struct sim_fn *fn, bool begin, enum sim_tdisp *state)
{
	u8 message[REQUEST_MAX];
	u8 reply[ERROR_SIZE];
	size_t len = HEADER_SIZE;
	u64 code = 0;
	ssize_t ret;

	put_header(fn, begin ? START_INTERFACE_REQUEST : GET_DEVICE_INTERFACE_STATE, message);
	if (begin) {
		guard(mutex)(&fn->lock);
		memcpy(message + HEADER_SIZE, fn->nonce, SIM_NONCE_SIZE);
		len += SIM_NONCE_SIZE;
	}
	ret = pci_tsm_guest_req(fn->pdev, begin ? PCI_TSM_REQ_STATE_CHANGE : PCI_TSM_REQ_INFO,
				KERNEL_SOCKPTR(message), len, KERNEL_SOCKPTR(reply), sizeof(reply),
				&code);
	if (ret < 0)
		return ret;
	if (code)
		return -EINVAL;
	*state = begin ? SIM_RUN : reply[HEADER_SIZE];
	return 0;
}
