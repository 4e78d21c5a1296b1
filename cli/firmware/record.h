/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The SPDM messages that a verifier of measurements needs: the device has signed them. They are
 * recorded as they went to the device and came from it, before libspdm interprets them.
 */
#ifndef FIRMWARE_RECORD_H
#define FIRMWARE_RECORD_H

#include <stddef.h>
#include <stdint.h>

/* Room for the messages that begin a connection, for one request, and for measurements */
#define RECORD_VCA_MAX 1024
#define RECORD_REQUEST_MAX 256
#define RECORD_ANSWER_MAX 0x1200

/**
 * struct record - the messages of one connection; zeroes at first
 * @vca: GET_VERSION, VERSION, GET_CAPABILITIES, CAPABILITIES, NEGOTIATE_ALGORITHMS, ALGORITHMS
 * @vca_len: its length
 * @measurements: the last GET_MEASUREMENTS, and MEASUREMENTS
 * @measurements_len: its length; 0 if there are none, or they do not fit
 * @request: a request whose answer has not come
 * @request_len: its length, 0 if there is none
 */
struct record {
	uint8_t vca[RECORD_VCA_MAX];
	size_t vca_len;
	uint8_t measurements[RECORD_REQUEST_MAX + RECORD_ANSWER_MAX];
	size_t measurements_len;
	uint8_t request[RECORD_REQUEST_MAX];
	size_t request_len;
};

/**
 * record_request() - a message goes to the device
 * @record: the record
 * @message: the message before it is encrypted
 * @len: its length
 */
void record_request(struct record *record, const uint8_t *message, size_t len);

/**
 * record_answer() - a message has come from the device
 * @record: the record
 * @message: the message after it was decrypted, with or without padding
 * @len: its length
 *
 * The device is not trusted. What does not fit or is not the answer to the recorded request is
 * not recorded.
 */
void record_answer(struct record *record, const uint8_t *message, size_t len);

#endif /* FIRMWARE_RECORD_H */
