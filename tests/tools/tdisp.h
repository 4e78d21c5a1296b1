/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * TDISP for the test programs, taken from PCIe r7.0 section 11.3 and not from the code
 * under test. The assembler also includes this.
 */
#ifndef TDISP_H
#define TDISP_H

#define TDISP_VERSION 0x10

#define GET_TDISP_VERSION 0x81
#define GET_TDISP_CAPABILITIES 0x82
#define LOCK_INTERFACE_REQUEST 0x83
#define GET_DEVICE_INTERFACE_REPORT 0x84
#define GET_DEVICE_INTERFACE_STATE 0x85
#define START_INTERFACE_REQUEST 0x86
#define STOP_INTERFACE_REQUEST 0x87

#define START_INTERFACE_RESPONSE 0x06
#define STOP_INTERFACE_RESPONSE 0x07
#define TDISP_ERROR 0x7f

/* Bytes of a message before its own fields */
#define TDISP_HEADER 16
/* Bytes of the nonce, in START_INTERFACE_REQUEST and at the end of the report */
#define TDISP_NONCE 32

#endif /* TDISP_H */
