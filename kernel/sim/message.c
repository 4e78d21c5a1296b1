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
 */
#include <linux/bits.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/sockptr.h>
#include <linux/string.h>
#include <linux/unaligned.h>

#include "tdisp.h"
#include "tsm_sim.h"

/* Message types of requests */
#define GET_TDISP_VERSION 0x81
#define GET_TDISP_CAPABILITIES 0x82
#define LOCK_INTERFACE_REQUEST 0x83
#define GET_DEVICE_INTERFACE_REPORT 0x84
#define GET_DEVICE_INTERFACE_STATE 0x85
#define START_INTERFACE_REQUEST 0x86
#define STOP_INTERFACE_REQUEST 0x87

/* Codes of TDISP_ERROR */
#define TDISP_OK 0
#define INVALID_REQUEST 0x1
#define INVALID_INTERFACE_STATE 0x4
#define UNSUPPORTED_REQUEST 0x7
#define VERSION_MISMATCH 0x41
#define INVALID_INTERFACE 0x101
#define INVALID_NONCE 0x102

#define SEGMENT_VALID BIT(24)

/* Bytes of an answer after its header */
#define CAPABILITIES_SIZE 28

/* The interface report: header, a range for each BAR, device-specific part */
#define REPORT_HEADER_SIZE 16
#define RANGE_SIZE 16
#define REPORT_MAX (REPORT_HEADER_SIZE + PCI_STD_NUM_BARS * RANGE_SIZE + 4 + TDISP_NONCE_SIZE)
#define DMA_WITHOUT_PASID BIT(1)
#define ATS_ENABLED BIT(3)
/* Ranges are counted in pages of this size, whatever pages the kernel has. */
#define TDISP_PAGE_SHIFT 12

/* The longest reply is a whole report. */
#define REPLY_MAX (TDISP_HEADER_SIZE + 4 + REPORT_MAX)

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
 * struct sim_request - a message that a guest may send
 * @type: its message type
 * @payload: its length beyond the header
 * @changes: whether it changes the TDI's state
 * @states: states in which it is legal, as bits
 * @answer: writes the answer's payload, which begins after the header, and returns
 *	TDISP_OK; or returns the code of a TDISP_ERROR
 */
struct sim_request {
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

static const struct sim_request requests[] = {
	{ GET_TDISP_VERSION, .states = ANY_STATE, .answer = get_version },
	{ GET_TDISP_CAPABILITIES, .payload = 4, .states = ANY_STATE, .answer = get_capabilities },
	{ GET_DEVICE_INTERFACE_REPORT, .payload = 4, .states = BIT(SIM_LOCKED) | BIT(SIM_RUN),
	  .answer = get_report },
	{ GET_DEVICE_INTERFACE_STATE, .states = ANY_STATE, .answer = get_state },
	{ START_INTERFACE_REQUEST, .payload = TDISP_NONCE_SIZE, .changes = true,
	  .states = BIT(SIM_LOCKED), .answer = start },
	{ STOP_INTERFACE_REQUEST, .changes = true, .states = ANY_STATE, .answer = stop },
};

static u32 get_version(struct sim_fn *fn, const u8 *payload, struct reply *reply)
{
	reply->bytes[TDISP_HEADER_SIZE] = 1; /* how many versions follow */
	reply->bytes[TDISP_HEADER_SIZE + 1] = TDISP_VERSION;
	reply->len = TDISP_HEADER_SIZE + 2;
	return TDISP_OK;
}

static u32 get_capabilities(struct sim_fn *fn, const u8 *payload, struct reply *reply)
{
	u8 *caps = &reply->bytes[TDISP_HEADER_SIZE];

	for (int i = 0; i < ARRAY_SIZE(requests); i++) {
		int bit = requests[i].type & ~TDISP_REQUEST;

		caps[4 + bit / 8] |= BIT(bit % 8);
	}
	caps[4 + (LOCK_INTERFACE_REQUEST & ~TDISP_REQUEST) / 8] |=
		BIT((LOCK_INTERFACE_REQUEST & ~TDISP_REQUEST) % 8);
	caps[25] = 52; /* address width */
	caps[26] = 1; /* requests at a time, of this TDI and of all */
	caps[27] = 1;
	reply->len = TDISP_HEADER_SIZE + CAPABILITIES_SIZE;
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
	put_unaligned_le32(TDISP_NONCE_SIZE, at);
	memcpy(at + 4, fn->nonce, TDISP_NONCE_SIZE);
	return at + 4 + TDISP_NONCE_SIZE - report;
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
	put_unaligned_le16(portion, &reply->bytes[TDISP_HEADER_SIZE]);
	put_unaligned_le16(size - offset - portion, &reply->bytes[TDISP_HEADER_SIZE + 2]);
	memcpy(&reply->bytes[TDISP_HEADER_SIZE + 4], report + offset, portion);
	reply->len = TDISP_HEADER_SIZE + 4 + portion;
	return TDISP_OK;
}

static u32 get_state(struct sim_fn *fn, const u8 *payload, struct reply *reply)
{
	reply->bytes[TDISP_HEADER_SIZE] = fn->state; /* numbered as in the specification */
	reply->len = TDISP_HEADER_SIZE + 1;
	return TDISP_OK;
}

static u32 start(struct sim_fn *fn, const u8 *payload, struct reply *reply)
{
	if (memcmp(payload, fn->nonce, TDISP_NONCE_SIZE))
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
	memset(at, 0, TDISP_INTERFACE_SIZE);
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

static const struct sim_request *find_request(u8 type)
{
	for (int i = 0; i < ARRAY_SIZE(requests); i++) {
		if (requests[i].type == type)
			return &requests[i];
	}
	return NULL;
}

/* Does the checks at the head of this file that need no state. */
static u32 check(struct sim_fn *fn, const struct sim_message *message)
{
	const u8 *bytes = message->bytes;

	if (message->len < TDISP_HEADER_SIZE)
		return INVALID_REQUEST;
	if (bytes[0] != TDISP_VERSION &&
	    (bytes[1] != GET_TDISP_VERSION || bytes[0] >> 4 != TDISP_VERSION >> 4))
		return VERSION_MISMATCH;
	if (!message->request)
		return UNSUPPORTED_REQUEST;
	if (message->len != TDISP_HEADER_SIZE + message->request->payload)
		return INVALID_REQUEST;
	if (!is_interface(fn, bytes + TDISP_INTERFACE_AT))
		return INVALID_INTERFACE;
	return TDISP_OK;
}

/**
 * sim_message_take() - copy a guest's TDISP message, and do the checks that need no state
 * @fn: the function
 * @message: gets the message, and the code of the first check that failed
 * @scope: what the caller allows; INFO refuses messages that change the state
 * @in: the message
 * @in_len: its length
 * @out_len: bytes that there are for the answer
 *
 * Return: 0, also if the answer has to be a TDISP_ERROR; -EINVAL for another scope, -EPERM for
 * a message beyond the scope, -ENOSPC if no TDISP_ERROR would fit, -EFAULT.
 *
 * Context: under PCI/TSM's locks.
 */
int sim_message_take(struct sim_fn *fn, struct sim_message *message, enum pci_tsm_req_scope scope,
		     sockptr_t in, size_t in_len, size_t out_len)
{
	if (scope != PCI_TSM_REQ_INFO && scope != PCI_TSM_REQ_STATE_CHANGE)
		return -EINVAL;
	memset(message, 0, sizeof(*message));
	if (copy_from_sockptr(message->bytes, in, min(in_len, sizeof(message->bytes))))
		return -EFAULT;
	message->len = in_len;
	message->request = find_request(message->bytes[1]);
	if (scope == PCI_TSM_REQ_INFO && message->request && message->request->changes)
		return -EPERM;
	/* A request that changes the state has a shorter answer than this. */
	if (out_len < TDISP_ERROR_SIZE)
		return -ENOSPC;
	message->error = check(fn, message);
	return 0;
}

/**
 * sim_message_is_legal() - whether a message may come in a state
 * @message: the message, which has passed the checks of sim_message_take()
 * @state: the state
 *
 * Return: whether it may.
 */
bool sim_message_is_legal(const struct sim_message *message, enum sim_tdisp state)
{
	return message->request->states & BIT(state);
}

/* Does the other checks, and then what the request asks for. */
static u32 answer(struct sim_fn *fn, const struct sim_message *message, struct reply *reply)
{
	guard(mutex)(&fn->lock);
	if (!sim_message_is_legal(message, sim_check_locked(fn)))
		return INVALID_INTERFACE_STATE;
	return message->request->answer(fn, message->bytes + TDISP_HEADER_SIZE, reply);
}

/**
 * sim_message_answer() - do what a message asks for, and answer it
 * @fn: the function
 * @message: from sim_message_take()
 * @out: gets the answer
 * @out_len: its size; if the answer does not fit, nothing changes
 * @code: set to the code of a TDISP_ERROR, or 0; may be NULL
 *
 * Return: bytes of @out that are left, also when the answer is a TDISP_ERROR; -ENOSPC if the
 * answer does not fit, -EFAULT.
 *
 * Context: under PCI/TSM's locks.
 */
ssize_t sim_message_answer(struct sim_fn *fn, const struct sim_message *message, sockptr_t out,
			   size_t out_len, u64 *code)
{
	struct reply reply = { .len = TDISP_HEADER_SIZE };
	u32 error = message->error;

	if (!error)
		error = answer(fn, message, &reply);
	reply.bytes[0] = TDISP_VERSION;
	reply.bytes[1] = message->bytes[1] & ~TDISP_REQUEST;
	memcpy(&reply.bytes[TDISP_INTERFACE_AT], &message->bytes[TDISP_INTERFACE_AT],
	       TDISP_INTERFACE_SIZE);
	if (error) {
		reply.bytes[1] = TDISP_ERROR;
		put_unaligned_le32(error, &reply.bytes[TDISP_HEADER_SIZE]);
		if (error == UNSUPPORTED_REQUEST)
			put_unaligned_le32(message->bytes[1], &reply.bytes[TDISP_HEADER_SIZE + 4]);
		reply.len = TDISP_ERROR_SIZE;
	}
	if (reply.len > out_len)
		return -ENOSPC;
	if (copy_to_sockptr(out, reply.bytes, reply.len))
		return -EFAULT;
	if (code)
		*code = error;
	return out_len - reply.len;
}

static void put_header(struct sim_fn *fn, u8 type, u8 message[TDISP_HEADER_SIZE])
{
	memset(message, 0, TDISP_HEADER_SIZE);
	message[0] = TDISP_VERSION;
	message[1] = type;
	put_interface(fn, message + TDISP_INTERFACE_AT);
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
	u8 message[TDISP_MAX_REQUEST];
	u8 reply[TDISP_ERROR_SIZE];
	size_t len = TDISP_HEADER_SIZE;
	u64 code = 0;
	ssize_t ret;

	put_header(fn, begin ? START_INTERFACE_REQUEST : GET_DEVICE_INTERFACE_STATE, message);
	if (begin) {
		guard(mutex)(&fn->lock);
		memcpy(message + TDISP_HEADER_SIZE, fn->nonce, TDISP_NONCE_SIZE);
		len += TDISP_NONCE_SIZE;
	}
	ret = pci_tsm_guest_req(fn->pdev, begin ? PCI_TSM_REQ_STATE_CHANGE : PCI_TSM_REQ_INFO,
				KERNEL_SOCKPTR(message), len, KERNEL_SOCKPTR(reply), sizeof(reply),
				&code);
	if (ret < 0)
		return ret;
	if (code)
		return -EINVAL;
	*state = begin ? SIM_RUN : reply[TDISP_HEADER_SIZE];
	return 0;
}
