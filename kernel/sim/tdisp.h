/* SPDX-License-Identifier: GPL-2.0-only */
/* TDISP: its states, and what more than one file needs of its messages (PCIe r7.0 section 11) */
#ifndef SIM_TDISP_H
#define SIM_TDISP_H

/* States of a TDI, numbered as in the specification (section 11.2) */
enum sim_tdisp {
	SIM_UNLOCKED,
	SIM_LOCKED,
	SIM_RUN,
	SIM_ERROR,
};

/* The only TDISP version so far */
#define TDISP_VERSION 0x10

/* Bit of the message types of requests; an answer has the type of its request without it. */
#define TDISP_REQUEST 0x80
#define TDISP_ERROR 0x7f

/* Version, type, 2 reserved bytes, and the interface: function ID, 8 reserved bytes */
#define TDISP_HEADER_SIZE 16
#define TDISP_INTERFACE_AT 4
#define TDISP_INTERFACE_SIZE 12

/* Header, code and data */
#define TDISP_ERROR_SIZE (TDISP_HEADER_SIZE + 8)

/* Bytes of the nonce that a lock makes and a start needs */
#define TDISP_NONCE_SIZE 32

/* The longest request is START_INTERFACE_REQUEST. */
#define TDISP_MAX_REQUEST (TDISP_HEADER_SIZE + TDISP_NONCE_SIZE)

#endif /* SIM_TDISP_H */
