// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hal/library/responder/asymsignlib.h>
#include <industry_standard/spdm.h>
#include <industry_standard/pcidoe.h>
#include <library/spdm_requester_lib.h>
#include <library/spdm_transport_pcidoe_lib.h>

#include "firmware/record.h"
#include "firmware/session.h"

/* Vendor-defined messages of PCI-SIG, and TDISP among its protocols */
#define REGISTRY_PCISIG 3
#define PROTOCOL_TDISP 1
/* The longest SPDM message that fits into a data object, secured */
#define SPDM_MAX                                                      \
	(SESSION_OBJECT_MAX - LIBSPDM_PCI_DOE_TRANSPORT_HEADER_SIZE - \
	 LIBSPDM_PCI_DOE_TRANSPORT_TAIL_SIZE)

struct session {
	session_carry *carry;
	void *arg;
	void *context;
	void *scratch;
	const uint8_t *root;
	size_t root_len;
	bool connected;
	uint32_t id;
	int carried; /* what carry() returned last */
	bool unreadable; /* whether the last answer could not be decrypted or taken apart */
	char problem[160];
	uint8_t chain[SESSION_CHAIN_MAX];
	size_t chain_len;
	uint8_t blocks[SESSION_BLOCKS_MAX];
	uint32_t blocks_len;
	struct record record;
	uint8_t sender[SESSION_OBJECT_MAX];
	uint8_t receiver[SESSION_OBJECT_MAX];
	uint8_t answer[SESSION_OBJECT_MAX];
	size_t answer_len; /* 0: there is none */
};

/* libspdm has a pointer for the program in its context. */
static struct session *of(void *context)
{
	libspdm_data_parameter_t local = { .location = LIBSPDM_DATA_LOCATION_LOCAL };
	struct session *session = NULL;
	size_t size = sizeof(session);

	if (LIBSPDM_STATUS_IS_ERROR(libspdm_get_data(context, LIBSPDM_DATA_APP_CONTEXT_DATA, &local,
						     &session, &size)))
		abort();
	return session;
}

static libspdm_return_t transmit(void *context, size_t size, const void *message, uint64_t timeout)
{
	struct session *session = of(context);

	(void)timeout;
	session->answer_len = 0;
	session->unreadable = false;
	session->carried =
		session->carry(session->arg, message, size, session->answer, &session->answer_len);
	if (!session->carried && session->answer_len > sizeof(session->answer))
		session->carried = -EMSGSIZE;
	if (session->carried)
		session->answer_len = 0;
	return session->carried ? LIBSPDM_STATUS_SEND_FAIL : LIBSPDM_STATUS_SUCCESS;
}

static libspdm_return_t receive(void *context, size_t *size, void **message, uint64_t timeout)
{
	struct session *session = of(context);

	(void)timeout;
	if (!session->answer_len || session->answer_len > *size)
		return LIBSPDM_STATUS_RECEIVE_FAIL;
	memcpy(*message, session->answer, session->answer_len);
	*size = session->answer_len;
	session->answer_len = 0;
	return LIBSPDM_STATUS_SUCCESS;
}

/*
 * In a secured data object, the length of the ciphertext comes after the session. At most 3
 * bytes of padding may follow; libspdm would ignore more.
 */
static bool is_too_long(const uint8_t *object, size_t size)
{
	return size >= 14 && object[2] == PCI_DOE_DATA_OBJECT_TYPE_SECURED_SPDM &&
	       14 + (object[12] | (size_t)object[13] << 8) + 3 < size;
}

/* Some functions of libspdm return one error for all that can be wrong with an answer. */
static libspdm_return_t decode(void *context, uint32_t **id, bool *app, bool request, size_t size,
			       void *object, size_t *len, void **message)
{
	libspdm_return_t ret = LIBSPDM_STATUS_INVALID_MSG_SIZE;

	if (!is_too_long(object, size))
		ret = libspdm_transport_pci_doe_decode_message(context, id, app, request, size,
							       object, len, message);
	of(context)->unreadable = LIBSPDM_STATUS_IS_ERROR(ret);
	if (!LIBSPDM_STATUS_IS_ERROR(ret))
		record_answer(&of(context)->record, *message, *len);
	return ret;
}

static libspdm_return_t encode(void *context, const uint32_t *id, bool app, bool request,
			       size_t len, void *message, size_t *size, void **object)
{
	record_request(&of(context)->record, message, len);
	return libspdm_transport_pci_doe_encode_message(context, id, app, request, len, message,
							size, object);
}

static libspdm_return_t sender_buffer(void *context, void **buffer)
{
	*buffer = of(context)->sender;
	return LIBSPDM_STATUS_SUCCESS;
}

static libspdm_return_t receiver_buffer(void *context, void **buffer)
{
	*buffer = of(context)->receiver;
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

	libspdm_set_data(context, what, &local, &value, size);
}

/* SPDM 1.2 is the first version for TDISP. Each algorithm is the strongest of it. */
static void set_up(struct session *session)
{
	libspdm_data_parameter_t local = { .location = LIBSPDM_DATA_LOCATION_LOCAL };
	void *context = session->context;

	libspdm_set_data(context, LIBSPDM_DATA_APP_CONTEXT_DATA, &local, &session, sizeof(session));
	set(context, LIBSPDM_DATA_SPDM_VERSION, SPDM_MESSAGE_VERSION_12 << 8, 2);
	set(context, LIBSPDM_DATA_CAPABILITY_CT_EXPONENT, 0, 1);
	set(context, LIBSPDM_DATA_CAPABILITY_FLAGS,
	    SPDM_GET_CAPABILITIES_REQUEST_FLAGS_ENCRYPT_CAP |
		    SPDM_GET_CAPABILITIES_REQUEST_FLAGS_MAC_CAP |
		    SPDM_GET_CAPABILITIES_REQUEST_FLAGS_KEY_EX_CAP,
	    4);
	set(context, LIBSPDM_DATA_MEASUREMENT_SPEC, SPDM_MEASUREMENT_SPECIFICATION_DMTF, 1);
	set(context, LIBSPDM_DATA_BASE_ASYM_ALGO,
	    SPDM_ALGORITHMS_BASE_ASYM_ALGO_TPM_ALG_ECDSA_ECC_NIST_P384, 4);
	set(context, LIBSPDM_DATA_BASE_HASH_ALGO, SPDM_ALGORITHMS_BASE_HASH_ALGO_TPM_ALG_SHA_384,
	    4);
	set(context, LIBSPDM_DATA_DHE_NAME_GROUP, SPDM_ALGORITHMS_DHE_NAMED_GROUP_SECP_384_R1, 2);
	set(context, LIBSPDM_DATA_AEAD_CIPHER_SUITE, SPDM_ALGORITHMS_AEAD_CIPHER_SUITE_AES_256_GCM,
	    2);
	set(context, LIBSPDM_DATA_KEY_SCHEDULE, SPDM_ALGORITHMS_KEY_SCHEDULE_HMAC_HASH, 2);
	set(context, LIBSPDM_DATA_OTHER_PARAMS_SUPPORT, SPDM_ALGORITHMS_OPAQUE_DATA_FORMAT_1, 1);
	if (session->root_len)
		libspdm_set_data(context, LIBSPDM_DATA_PEER_PUBLIC_ROOT_CERT, &local,
				 (void *)(uintptr_t)session->root, session->root_len);

	libspdm_register_device_io_func(context, transmit, receive);
	libspdm_register_transport_layer_func(context, SPDM_MAX,
					      LIBSPDM_PCI_DOE_TRANSPORT_HEADER_SIZE,
					      LIBSPDM_PCI_DOE_TRANSPORT_TAIL_SIZE, encode, decode);
	libspdm_register_device_buffer_func(context, SESSION_OBJECT_MAX, SESSION_OBJECT_MAX,
					    sender_buffer, release_buffer, receiver_buffer,
					    release_buffer);
}

static void forget(struct session *session)
{
	session->connected = false;
	session->chain_len = 0;
	session->blocks_len = 0;
	memset(&session->record, 0, sizeof(session->record));
	if (session->context)
		libspdm_deinit_context(session->context);
	free(session->context);
	free(session->scratch);
	session->context = NULL;
	session->scratch = NULL;
}

/* Each connection has a new context: nothing of the last one is left. */
static int prepare(struct session *session)
{
	size_t size;

	forget(session);
	session->context = calloc(1, libspdm_get_context_size());
	if (!session->context || LIBSPDM_STATUS_IS_ERROR(libspdm_init_context(session->context)))
		return -ENOMEM;
	set_up(session);
	size = libspdm_get_sizeof_required_scratch_buffer(session->context);
	session->scratch = calloc(1, size);
	if (!session->scratch)
		return -ENOMEM;
	libspdm_set_scratch_buffer(session->context, session->scratch, size);
	return 0;
}

static const struct {
	libspdm_return_t status;
	int error;
	const char *text;
} problems[] = {
	{ LIBSPDM_STATUS_VERIF_FAIL, -EBADMSG, "a certificate or signature is wrong" },
	{ LIBSPDM_STATUS_CRYPTO_ERROR, -EBADMSG, "the answer cannot be decrypted" },
	{ LIBSPDM_STATUS_SESSION_MSG_ERROR, -EBADMSG, "the answer cannot be decrypted" },
	{ LIBSPDM_STATUS_VERIF_NO_AUTHORITY, -EBADMSG, "the root certificate is not trusted" },
	{ LIBSPDM_STATUS_RECEIVE_FAIL, -EIO, "there is no answer" },
	{ LIBSPDM_STATUS_ERROR_PEER, -EIO, "the device has answered with an error" },
	{ LIBSPDM_STATUS_INVALID_MSG_SIZE, -EIO, "the answer is malformed" },
	{ LIBSPDM_STATUS_INVALID_MSG_FIELD, -EIO, "the answer is malformed" },
};

/* Returns 0 for a success, or the error of a step, and keeps the step's name. */
static int check(struct session *session, const char *step, libspdm_return_t status)
{
	/* A warning is "the chain has no root that is trusted": without a root, none is. */
	if (LIBSPDM_STATUS_IS_SUCCESS(status) ||
	    (status == LIBSPDM_STATUS_VERIF_NO_AUTHORITY && !session->root_len))
		return 0;
	if (session->carried) {
		snprintf(session->problem, sizeof(session->problem), "%s: %s", step,
			 strerror(-session->carried));
		return -EIO;
	}
	if (session->unreadable)
		status = LIBSPDM_STATUS_CRYPTO_ERROR;
	for (size_t i = 0; i < sizeof(problems) / sizeof(*problems); i++) {
		if (problems[i].status != status)
			continue;
		snprintf(session->problem, sizeof(session->problem), "%s: %s", step,
			 problems[i].text);
		return problems[i].error;
	}
	snprintf(session->problem, sizeof(session->problem), "%s: libspdm status %#x", step,
		 status);
	return -EIO;
}

struct session *session_new(session_carry *carry, void *arg)
{
	struct session *session = calloc(1, sizeof(*session));

	if (!session)
		return NULL;
	session->carry = carry;
	session->arg = arg;
	return session;
}

void session_free(struct session *session)
{
	if (session)
		forget(session);
	free(session);
}

void session_trust(struct session *session, const uint8_t *root, size_t len)
{
	session->root = root;
	session->root_len = len;
}

static int authenticate(struct session *session)
{
	void *context = session->context;
	int ret;

	ret = check(session, "VERSION", libspdm_init_connection(context, false));
	if (ret)
		return ret;
	ret = check(session, "DIGESTS", libspdm_get_digest(context, NULL, NULL, NULL));
	if (ret)
		return ret;
	session->chain_len = sizeof(session->chain);
	ret = check(session, "CERTIFICATE",
		    libspdm_get_certificate(context, NULL, 0, &session->chain_len, session->chain));
	if (ret)
		return ret;
	return check(session, "CHALLENGE",
		     libspdm_challenge(context, NULL, 0,
				       SPDM_CHALLENGE_REQUEST_NO_MEASUREMENT_SUMMARY_HASH, NULL,
				       NULL));
}

/* Without a nonce, libspdm makes one. */
static libspdm_return_t measure(struct session *session, const uint8_t *nonce)
{
	uint8_t count;

	session->blocks_len = sizeof(session->blocks);
	return libspdm_get_measurement_ex2(
		session->context, &session->id,
		SPDM_GET_MEASUREMENTS_REQUEST_ATTRIBUTES_GENERATE_SIGNATURE,
		SPDM_GET_MEASUREMENTS_REQUEST_MEASUREMENT_OPERATION_ALL_MEASUREMENTS, 0, NULL, NULL,
		&count, &session->blocks_len, session->blocks, nonce, NULL, NULL, NULL, NULL);
}

int session_connect(struct session *session)
{
	int ret = prepare(session);
	uint8_t heartbeat;

	if (ret) {
		forget(session);
		return ret;
	}
	ret = authenticate(session);
	if (!ret)
		ret = check(
			session, "KEY_EXCHANGE",
			libspdm_start_session(session->context, false, NULL, 0,
					      SPDM_CHALLENGE_REQUEST_NO_MEASUREMENT_SUMMARY_HASH, 0,
					      0, &session->id, &heartbeat, NULL));
	if (!ret)
		ret = check(session, "MEASUREMENTS", measure(session, NULL));
	if (ret)
		forget(session);
	else
		session->connected = true;
	return ret;
}

int session_disconnect(struct session *session)
{
	int ret;

	if (!session->connected)
		return -ENOTCONN;
	ret = check(session, "END_SESSION", libspdm_stop_session(session->context, session->id, 0));
	forget(session);
	return ret;
}

int session_measure(struct session *session, const uint8_t nonce[SESSION_NONCE_SIZE])
{
	libspdm_return_t status;
	int ret;

	if (!session->connected)
		return -ENOTCONN;
	status = measure(session, nonce);
	ret = check(session, "MEASUREMENTS", status);
	/* As in session_tdisp(). If only a signature is wrong, the answer was readable. */
	if (ret && status != LIBSPDM_STATUS_ERROR_PEER && status != LIBSPDM_STATUS_VERIF_FAIL)
		forget(session);
	return ret;
}

/* Takes the answer out of what libspdm received: the protocol, and the TDISP message. */
static int unpack(struct session *session, const uint8_t *packed, size_t len, uint8_t *answer,
		  size_t *size)
{
	if (len < 1 || packed[0] != PROTOCOL_TDISP || len - 1 > *size) {
		snprintf(session->problem, sizeof(session->problem),
			 "TDISP: the answer is malformed");
		return -EIO;
	}
	*size = len - 1;
	memcpy(answer, packed + 1, *size);
	return 0;
}

int session_tdisp(struct session *session, const uint8_t *request, size_t len, uint8_t *answer,
		  size_t *size)
{
	static const uint8_t vendor[2] = { 1, 0 };
	uint8_t packed[1 + SESSION_TDISP_MAX], unpacked[1 + SESSION_TDISP_MAX];
	uint8_t their_vendor[2] = { 0 }, vendor_len = sizeof(their_vendor);
	uint16_t registry = 0, unpacked_len = sizeof(unpacked);
	libspdm_return_t status;
	int ret;

	if (!session->connected)
		return -ENOTCONN;
	if (len > SESSION_TDISP_MAX)
		return -EMSGSIZE;
	packed[0] = PROTOCOL_TDISP;
	memcpy(packed + 1, request, len);
	status = libspdm_vendor_send_request_receive_response(session->context, &session->id,
							      REGISTRY_PCISIG, sizeof(vendor),
							      vendor, (uint16_t)(len + 1), packed,
							      &registry, &vendor_len, their_vendor,
							      &unpacked_len, unpacked);
	ret = check(session, "TDISP", status);
	/* Without a readable answer, the two sides count messages differently from now on. */
	if (ret && status != LIBSPDM_STATUS_ERROR_PEER)
		forget(session);
	if (ret)
		return ret;
	if (registry != REGISTRY_PCISIG || vendor_len != sizeof(vendor) ||
	    memcmp(vendor, their_vendor, sizeof(vendor)) || unpacked_len > sizeof(unpacked))
		unpacked_len = 0;
	return unpack(session, unpacked, unpacked_len, answer, size);
}

const char *session_problem(const struct session *session)
{
	return session->problem;
}

const uint8_t *session_chain(const struct session *session, size_t *len)
{
	*len = session->chain_len;
	return session->chain;
}

const struct record *session_record(const struct session *session)
{
	return &session->record;
}

const uint8_t *session_blocks(const struct session *session, size_t *len)
{
	*len = session->blocks_len;
	return session->blocks;
}

/* libspdm's common part refers to this function of a responder. A requester signs nothing. */
bool libspdm_responder_data_sign(spdm_version_number_t version, uint8_t op, uint32_t asym,
				 uint32_t hash, bool is_hash, const uint8_t *message, size_t len,
				 uint8_t *signature, size_t *size)
{
	(void)version;
	(void)op;
	(void)asym;
	(void)hash;
	(void)is_hash;
	(void)message;
	(void)len;
	(void)signature;
	(void)size;
	return false;
}
