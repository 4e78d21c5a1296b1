// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One connection: libspdm takes each message apart and makes the answer, which a fault may
 * change before it is sent. QEMU waits for each answer, so that even a message that libspdm
 * ignores gets an empty one.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <industry_standard/spdm.h>
#include <industry_standard/pcidoe.h>
#include <library/spdm_responder_lib.h>
#include <library/spdm_transport_pcidoe_lib.h>

#include "dsm.h"

#define BUFFER_SIZE DSM_MESSAGE_MAX
/* The longest SPDM message that fits into the mailbox, secured and in a data object */
#define SPDM_MAX \
	(BUFFER_SIZE - LIBSPDM_PCI_DOE_TRANSPORT_HEADER_SIZE - LIBSPDM_PCI_DOE_TRANSPORT_TAIL_SIZE)

static struct {
	int fd;
	int error; /* of the connection */
	bool answered; /* the present request */
	uint8_t plain[DSM_MESSAGE_MAX]; /* the answer before it is encrypted */
	size_t plain_len;
	uint8_t sender[BUFFER_SIZE];
	uint8_t receiver[BUFFER_SIZE];
} conn;

static libspdm_return_t receive(void *context, size_t *size, void **message, uint64_t timeout)
{
	uint8_t wire[DSM_MESSAGE_MAX];

	(void)context;
	(void)timeout;
	conn.error = dsm_receive(conn.fd, wire, size) ?: dsm_read_control();
	if (conn.error)
		return LIBSPDM_STATUS_RECEIVE_FAIL;
	memcpy(*message, wire, *size);
	conn.answered = false;
	return LIBSPDM_STATUS_SUCCESS;
}

/* Does what a fault does to an answer on the wire. Returns whether it did something. */
static bool spoil(uint8_t *wire, size_t *len)
{
	bool secured = wire[2] == PCI_DOE_DATA_OBJECT_TYPE_SECURED_SPDM;

	if (dsm_faulty(DSM_SILENCE)) {
		*len = 0;
		return true;
	}
	if (dsm_faulty(DSM_MAC) && secured && *len > 14) {
		/* The MAC is at the end of the ciphertext, whose length is after the session. */
		size_t end = 14 + (wire[12] | (size_t)wire[13] << 8);

		if (end <= *len)
			wire[end - 1] ^= 1;
		return true;
	}
	if (dsm_faulty(DSM_LONG)) {
		memset(wire + *len, 0, DSM_MESSAGE_MAX - *len);
		*len = DSM_MESSAGE_MAX;
		wire[4] = (uint8_t)(*len / 4);
		wire[5] = (uint8_t)(*len / 4 >> 8);
		return true;
	}
	return false;
}

static libspdm_return_t send_answer(void *context, size_t size, const void *message,
				    uint64_t timeout)
{
	uint8_t wire[DSM_MESSAGE_MAX];
	size_t len = size;
	bool spoiled;

	(void)context;
	(void)timeout;
	if (size > sizeof(wire))
		return LIBSPDM_STATUS_SEND_FAIL;
	memcpy(wire, message, size);
	conn.answered = true;
	if (dsm_faulty(DSM_LOST)) {
		dsm_capture('!', NULL, 0, conn.plain, conn.plain_len);
		conn.error = -ECONNABORTED;
		return LIBSPDM_STATUS_SEND_FAIL;
	}
	spoiled = spoil(wire, &len);
	dsm_capture(spoiled ? '!' : '<', wire, len, conn.plain, conn.plain_len);
	conn.error = dsm_send(conn.fd, wire, len);
	return conn.error ? LIBSPDM_STATUS_SEND_FAIL : LIBSPDM_STATUS_SUCCESS;
}

/* A connection begins with GET_VERSION. The chain that is shown then stays. */
static void choose_chain(void *context)
{
	libspdm_data_parameter_t slot = { .location = LIBSPDM_DATA_LOCATION_LOCAL };
	size_t len;
	const uint8_t *chain = dsm_chain(dsm.fault == DSM_EXPIRED, &len);

	/* libspdm only reads it. */
	libspdm_set_data(context, LIBSPDM_DATA_LOCAL_PUBLIC_CERT_CHAIN, &slot,
			 (void *)(uintptr_t)chain, len);
}

static libspdm_return_t decode(void *context, uint32_t **session, bool *app, bool request,
			       size_t wire_len, void *wire, size_t *len, void **message)
{
	uint8_t copy[DSM_MESSAGE_MAX];
	libspdm_return_t ret;

	memcpy(copy, wire, wire_len);
	ret = libspdm_transport_pci_doe_decode_message(context, session, app, request, wire_len,
						       wire, len, message);
	dsm.request = "unknown";
	dsm.in_session = false;
	if (LIBSPDM_STATUS_IS_ERROR(ret)) {
		dsm_capture('>', copy, wire_len, NULL, 0);
		return ret;
	}
	dsm_capture('>', copy, wire_len, *message, *len);
	dsm.request = dsm_name(*message, *len);
	dsm.in_session = *session;
	if (!strcmp(dsm.request, "GET_VERSION"))
		choose_chain(context);
	return ret;
}

static libspdm_return_t encode(void *context, const uint32_t *session, bool app, bool request,
			       size_t len, void *message, size_t *wire_len, void **wire)
{
	if (dsm_faulty(DSM_RANDOM) && len <= SPDM_MAX) {
		/* The message may grow here, behind room for the headers. */
		static uint8_t room[BUFFER_SIZE];
		uint8_t *at = room + LIBSPDM_PCI_DOE_TRANSPORT_HEADER_SIZE;

		memcpy(at, message, len);
		message = at;
		len = dsm_scramble(at, len, SPDM_MAX);
	}
	conn.plain_len = len < sizeof(conn.plain) ? len : sizeof(conn.plain);
	memcpy(conn.plain, message, conn.plain_len);
	return libspdm_transport_pci_doe_encode_message(context, session, app, request, len,
							message, wire_len, wire);
}

static libspdm_return_t vendor_id(void *context, uint16_t *standard, uint8_t *len, void *id)
{
	(void)context;
	*standard = SPDM_STANDARD_ID_PCISIG;
	*len = 2;
	memcpy(id, "\x01\x00", 2);
	return LIBSPDM_STATUS_SUCCESS;
}

static libspdm_return_t vendor(void *context, uint16_t standard, uint8_t id_len, const void *id,
			       uint16_t size, const void *data, uint16_t *answer_size, void *answer)
{
	const uint8_t *request = data;
	uint8_t *to = answer;
	size_t len;

	(void)context;
	/* Outside of a session, and for other protocols, there is no answer. */
	if (!dsm.in_session || standard != SPDM_STANDARD_ID_PCISIG || id_len != 2 ||
	    memcmp(id, "\x01\x00", 2) || size < 1 || request[0] != 1 || *answer_size < 1)
		return LIBSPDM_STATUS_UNSUPPORTED_CAP;
	len = dsm_tdisp(request + 1, size - 1u, to + 1, *answer_size - 1u);
	if (!len)
		return LIBSPDM_STATUS_UNSUPPORTED_CAP;
	to[0] = request[0];
	*answer_size = (uint16_t)(len + 1);
	return LIBSPDM_STATUS_SUCCESS;
}

static void session_changed(void *context, uint32_t session, libspdm_session_state_t state)
{
	(void)context;
	(void)session;
	if (state == LIBSPDM_SESSION_STATE_NOT_STARTED)
		dsm_session_ended();
}

static libspdm_return_t sender_buffer(void *context, void **buffer)
{
	(void)context;
	*buffer = conn.sender;
	return LIBSPDM_STATUS_SUCCESS;
}

static libspdm_return_t receiver_buffer(void *context, void **buffer)
{
	(void)context;
	*buffer = conn.receiver;
	return LIBSPDM_STATUS_SUCCESS;
}

static void release_buffer(void *context, const void *buffer)
{
	(void)context;
	(void)buffer;
}

static void set(void *context, libspdm_data_type_t what, uint32_t value, size_t size)
{
	libspdm_data_parameter_t local = { .location = LIBSPDM_DATA_LOCATION_LOCAL };

	/* Numbers are little endian here, as everywhere that QEMU emulates an x86. */
	libspdm_set_data(context, what, &local, &value, size);
}

static void set_up(void *context)
{
	set(context, LIBSPDM_DATA_SPDM_VERSION, SPDM_MESSAGE_VERSION_12 << 8, 2);
	set(context, LIBSPDM_DATA_CAPABILITY_CT_EXPONENT, 0, 1);
	set(context, LIBSPDM_DATA_CAPABILITY_FLAGS,
	    SPDM_GET_CAPABILITIES_RESPONSE_FLAGS_CERT_CAP |
		    SPDM_GET_CAPABILITIES_RESPONSE_FLAGS_CHAL_CAP |
		    SPDM_GET_CAPABILITIES_RESPONSE_FLAGS_MEAS_CAP_SIG |
		    SPDM_GET_CAPABILITIES_RESPONSE_FLAGS_ENCRYPT_CAP |
		    SPDM_GET_CAPABILITIES_RESPONSE_FLAGS_MAC_CAP |
		    SPDM_GET_CAPABILITIES_RESPONSE_FLAGS_KEY_EX_CAP,
	    4);
	set(context, LIBSPDM_DATA_MEASUREMENT_SPEC, SPDM_MEASUREMENT_SPECIFICATION_DMTF, 1);
	set(context, LIBSPDM_DATA_MEASUREMENT_HASH_ALGO,
	    SPDM_ALGORITHMS_MEASUREMENT_HASH_ALGO_TPM_ALG_SHA_384, 4);
	set(context, LIBSPDM_DATA_BASE_ASYM_ALGO,
	    SPDM_ALGORITHMS_BASE_ASYM_ALGO_TPM_ALG_ECDSA_ECC_NIST_P384, 4);
	set(context, LIBSPDM_DATA_BASE_HASH_ALGO, SPDM_ALGORITHMS_BASE_HASH_ALGO_TPM_ALG_SHA_384,
	    4);
	set(context, LIBSPDM_DATA_DHE_NAME_GROUP, SPDM_ALGORITHMS_DHE_NAMED_GROUP_SECP_384_R1, 2);
	set(context, LIBSPDM_DATA_AEAD_CIPHER_SUITE, SPDM_ALGORITHMS_AEAD_CIPHER_SUITE_AES_256_GCM,
	    2);
	set(context, LIBSPDM_DATA_KEY_SCHEDULE, SPDM_ALGORITHMS_KEY_SCHEDULE_HMAC_HASH, 2);
	set(context, LIBSPDM_DATA_OTHER_PARAMS_SUPPORT, SPDM_ALGORITHMS_OPAQUE_DATA_FORMAT_1, 1);

	libspdm_register_device_io_func(context, send_answer, receive);
	libspdm_register_transport_layer_func(context, SPDM_MAX,
					      LIBSPDM_PCI_DOE_TRANSPORT_HEADER_SIZE,
					      LIBSPDM_PCI_DOE_TRANSPORT_TAIL_SIZE, encode, decode);
	libspdm_register_device_buffer_func(context, BUFFER_SIZE, BUFFER_SIZE, sender_buffer,
					    release_buffer, receiver_buffer, release_buffer);
	libspdm_register_vendor_get_id_callback_func(context, vendor_id);
	libspdm_register_vendor_callback_func(context, vendor);
	libspdm_register_session_state_callback_func(context, session_changed);
}

/**
 * dsm_serve() - answer messages until the connection ends
 * @fd: the connection
 *
 * Return: -ECONNRESET when the peer has closed it, -ECONNABORTED when a fault has, -EINVAL
 * for a wrong control file, another negative errno.
 */
int dsm_serve(int fd)
{
	void *context = calloc(1, libspdm_get_context_size());
	void *scratch = NULL;
	int ret = -ENOMEM;

	if (!context || LIBSPDM_STATUS_IS_ERROR(libspdm_init_context(context)))
		goto out;
	conn.fd = fd;
	conn.error = 0;
	set_up(context);
	scratch = calloc(1, libspdm_get_sizeof_required_scratch_buffer(context));
	if (!scratch)
		goto out;
	libspdm_set_scratch_buffer(context, scratch,
				   libspdm_get_sizeof_required_scratch_buffer(context));
	for (ret = 0; !ret;) {
		conn.answered = true;
		libspdm_responder_dispatch_message(context);
		ret = conn.error;
		if (!ret && !conn.answered) {
			dsm_capture('!', NULL, 0, NULL, 0);
			ret = dsm_send(fd, NULL, 0);
		}
	}
	libspdm_deinit_context(context);
	dsm_session_ended();
out:
	free(scratch);
	free(context);
	return ret;
}
