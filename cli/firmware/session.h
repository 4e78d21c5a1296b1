/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The SPDM session with one device: a requester, on libspdm. What goes to the device and
 * comes from it is a data object of its DOE mailbox; the caller carries it.
 */
#ifndef FIRMWARE_SESSION_H
#define FIRMWARE_SESSION_H

#include <stddef.h>
#include <stdint.h>

/* The largest data object, with its header of SESSION_DOE_HEADER bytes */
#define SESSION_OBJECT_MAX 0x1200
#define SESSION_DOE_HEADER 8
/* The longest TDISP message, in both directions */
#define SESSION_TDISP_MAX 1024
/* Room for a chain of certificates, and for all measurement blocks */
#define SESSION_CHAIN_MAX 0x1000
#define SESSION_BLOCKS_MAX 0x1000
/* Bytes of a nonce of SPDM */
#define SESSION_NONCE_SIZE 32

/**
 * typedef session_carry - carry a data object to the device, and the answer back
 * @arg: what session_new() was given
 * @object: the data object; its length is a multiple of 4
 * @len: its length
 * @answer: gets the answer, SESSION_OBJECT_MAX bytes at most
 * @answer_len: gets its length, as the caller received it
 *
 * Return: 0 or a negative errno.
 */
typedef int session_carry(void *arg, const uint8_t *object, size_t len, uint8_t *answer,
			  size_t *answer_len);

struct record;
struct session;

/**
 * session_new() - prepare a session
 * @carry: carries data objects
 * @arg: passed to @carry
 *
 * Return: a session that is not connected, or NULL without memory.
 */
struct session *session_new(session_carry *carry, void *arg);

/**
 * session_free() - free a session
 * @session: the session or NULL. Nothing is sent to the device
 */
void session_free(struct session *session);

/**
 * session_trust() - name the only root that a chain of certificates may have
 * @session: a session that is not connected
 * @root: the root's certificate in DER; it is used until session_free()
 * @len: its length
 *
 * Without a root, a chain may have any root, and is only checked in itself.
 */
void session_trust(struct session *session, const uint8_t *root, size_t len);

/**
 * session_connect() - authenticate the device, and begin a secured session
 * @session: the session
 *
 * Version, capabilities, algorithms, chain of certificates, challenge, key exchange, and
 * the signed measurements in the session. An older session is forgotten.
 *
 * Return: 0; -EBADMSG if a certificate, signature or MAC is wrong; -EIO for any other
 * error. session_problem() has the step.
 */
int session_connect(struct session *session);

/**
 * session_disconnect() - end the secured session
 * @session: the session
 *
 * Return: 0; -ENOTCONN if there is none; or as session_connect(). There is none afterwards.
 */
int session_disconnect(struct session *session);

/**
 * session_measure() - get all measurements, signed over a nonce
 * @session: the session
 * @nonce: the nonce
 *
 * Return: 0; -ENOTCONN if there is no session; or as session_connect(). There is no session
 * after an answer that is missing or cannot be read.
 */
int session_measure(struct session *session, const uint8_t nonce[SESSION_NONCE_SIZE]);

/**
 * session_tdisp() - send a TDISP request in the session
 * @session: the session
 * @request: the request
 * @len: its length, SESSION_TDISP_MAX at most
 * @answer: gets the answer
 * @size: room for it on input, its length on output
 *
 * Return: 0; -ENOTCONN if there is no session; -EMSGSIZE if the request is too long; or as
 * session_connect(). There is no session after an answer that is missing or wrong.
 */
int session_tdisp(struct session *session, const uint8_t *request, size_t len, uint8_t *answer,
		  size_t *size);

/**
 * session_problem() - what the last function that failed was doing
 * @session: the session
 *
 * Return: text, such as "CHALLENGE: a certificate or signature is wrong".
 */
const char *session_problem(const struct session *session);

/**
 * session_chain() - the chain of certificates, as the device sent it
 * @session: the session
 * @len: gets its length, 0 before session_connect()
 */
const uint8_t *session_chain(const struct session *session, size_t *len);

/**
 * session_record() - the messages that the device has signed with its measurements
 * @session: the session
 *
 * Return: the record, in which everything is empty before session_connect().
 */
const struct record *session_record(const struct session *session);

/**
 * session_blocks() - the measurement blocks, as the device sent them
 * @session: the session
 * @len: gets their length, 0 before session_connect()
 */
const uint8_t *session_blocks(const struct session *session, size_t *len);

#endif /* FIRMWARE_SESSION_H */
