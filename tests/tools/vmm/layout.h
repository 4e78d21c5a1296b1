/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The interface of the VMM and its guest: the guest's memory, which begins at 0, the
 * ports, and TDISP messages. C and assembler include this.
 */
#ifndef LAYOUT_H
#define LAYOUT_H

#define MEMORY_SIZE 0x100000

#define CODE 0x1000
#define STACK 0x8000 /* grows down from here */

/* The function ID of the TDI for TDISP messages, 4 bytes; the VMM writes it. */
#define FUNCTION_ID 0x8000

/*
 * A request to the TSM: the guest writes the message and its length, and then to
 * PORT_TSM. The VMM writes the response and its length, or a negative errno.
 */
#define REQUEST_LEN 0x8010
#define RESPONSE_LEN 0x8014
#define REQUEST 0x8100
#define REQUEST_SIZE 0x100
#define RESPONSE 0x8200
#define RESPONSE_SIZE 0x200

/* Memory of the guest. The VMM only reads how many commands have ended. */
#define REPORT 0x9000
#define SQ_TAIL 0xa000
#define CQ_HEAD 0xa004
#define CQ_PHASE 0xa008
#define COMMANDS 0xa00c
#define SQ 0x10000
#define CQ 0x11000
#define DATA 0x12000

/* The address of BAR 0 while the TDI is in RUN */
#define MMIO 0xd0000000

#define PORT_CONSOLE 0xe9 /* out: a character; '\n' ends a line */
#define PORT_TSM 0x510 /* out: pass the request to the TSM */
#define PORT_HOST 0x511 /* out: the host may begin its attempts; in: 1 until they end */
#define PORT_END 0x512 /* out: 0 for success */

#endif /* LAYOUT_H */
