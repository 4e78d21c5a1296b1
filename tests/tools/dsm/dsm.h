/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tsm-dsm: the Device Security Manager of a device that QEMU emulates. It answers the
 * SPDM messages that QEMU's DOE mailbox passes on over a socket, and TDISP requests in
 * the secured session (PCIe r7.0 section 11.3). SPDM is libspdm's; keys, measurements,
 * TDISP, faults and the capture are here.
 *
 *	main.c		the command line
 *	socket.c	QEMU's protocol
 *	spdm.c		libspdm's context, and the messages of one connection
 *	device.c	what libspdm asks of a device: certificates, signatures, measurements
 *	tdisp.c		TDIs and TDISP requests
 *	control.c	faults and functions, from the command line or the control file
 *	names.c		names of messages
 *	capture.c	the capture
 *	decode.c	the capture as text
 */
#ifndef DSM_H
#define DSM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* The largest message of QEMU's mailbox, with the header of the data object */
#define DSM_MESSAGE_MAX 0x1200
#define DSM_FUNCTIONS 16
#define DSM_BARS 6
#define DSM_NONCE_SIZE 32

/* What goes wrong on request. The names are in control.c. */
enum dsm_fault {
	DSM_NO_FAULT,
	DSM_SIGNATURE, /* a byte of the signature is changed */
	DSM_EXPIRED, /* the certificate of the device has expired */
	DSM_MEASUREMENT, /* the digest of the firmware is another one */
	DSM_MAC, /* a byte of a secured answer is changed */
	DSM_NONCE, /* START needs another nonce than LOCK has answered */
	DSM_ERROR, /* a TDISP request is answered with TDISP_ERROR */
	DSM_SILENCE, /* the mailbox never has an answer */
	DSM_LONG, /* the answer is padded to the size of the mailbox */
	DSM_LOST, /* the connection is closed in the place of an answer */
	DSM_RANDOM, /* bytes of the answer are changed before it is encrypted */
};

/**
 * struct dsm_bar - a memory BAR of a function
 * @first: its first address
 * @size: its size in bytes, 0 if there is none
 */
struct dsm_bar {
	uint64_t first;
	uint64_t size;
};

/**
 * struct dsm_function - a function of the device, which can be a TDI
 * @id: function ID of its interface: the requester ID, and the segment if it has one
 * @bars: its BARs
 * @state: TDISP state, numbered as in the specification
 * @nonce: nonce of this lock
 * @shown: nonce that LOCK has answered and the report has; another one if it is a fault
 */
struct dsm_function {
	uint32_t id;
	struct dsm_bar bars[DSM_BARS];
	uint8_t state;
	uint8_t nonce[DSM_NONCE_SIZE];
	uint8_t shown[DSM_NONCE_SIZE];
};

/**
 * struct dsm - the one device of this process. libspdm passes no pointer to its hooks.
 * @certs: directory that make-certs has made
 * @control: file that is read before each request, or NULL
 * @capture: the capture, or NULL
 * @fault: what goes wrong
 * @fault_at: at which request, as in names.c; empty: at each that fits
 * @seed: of DSM_RANDOM
 * @functions: the functions
 * @count: how many there are
 * @request: name of the request that is being answered
 * @in_session: whether it came in a session
 */
struct dsm {
	const char *certs;
	const char *control;
	FILE *capture;
	enum dsm_fault fault;
	char fault_at[48];
	unsigned int seed;
	struct dsm_function functions[DSM_FUNCTIONS];
	size_t count;
	const char *request;
	bool in_session;
};

extern struct dsm dsm;

/* socket.c */
int dsm_listen(const char *where);
int dsm_accept(int listener);
int dsm_receive(int fd, uint8_t *message, size_t *len);
int dsm_send(int fd, const uint8_t *message, size_t len);

/* spdm.c */
int dsm_serve(int fd);

/* device.c */
int dsm_load(void);
const uint8_t *dsm_chain(bool expired, size_t *len);
void dsm_random(uint8_t *to, size_t len);

/* tdisp.c */
size_t dsm_tdisp(const uint8_t *request, size_t len, uint8_t *answer, size_t size);
void dsm_session_ended(void);

/* control.c */
int dsm_set_fault(const char *text);
int dsm_add_bar(const char *text);
int dsm_read_control(void);
bool dsm_faulty(enum dsm_fault fault);
size_t dsm_scramble(uint8_t *message, size_t len, size_t size);

/* names.c */
const char *dsm_name(const uint8_t *spdm, size_t len);
const uint8_t *dsm_tdisp_of(const uint8_t *spdm, size_t len, size_t *left);
const char *dsm_tdisp_name(uint8_t type);
const char *dsm_error_name(uint32_t code);

/* capture.c */
void dsm_capture(char direction, const uint8_t *wire, size_t wire_len, const uint8_t *plain,
		 size_t plain_len);

/* decode.c */
int dsm_decode(const char *path);

#endif /* DSM_H */
