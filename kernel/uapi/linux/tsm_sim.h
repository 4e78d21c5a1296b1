/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * Messages between tsm_sim with transport=doe and its firmware, a program that holds the
 * SPDM sessions with devices. The firmware opens /dev/tsm_sim_firmware, reads one message
 * with each read(), and writes one with each write().
 *
 * The kernel sends one command at a time. The firmware answers it with any number of
 * EXCHANGEs and PARTs, of which each is answered with an ANSWER, and then with DONE. A message for
 * another command than the present one fails with ESTALE, one with more data than
 * TSM_SIM_MAX_DATA with EMSGSIZE, and any other that is not valid with EINVAL. None of these has
 * an effect. If the firmware does not end a command in time or closes the file, the command
 * fails with EIO.
 *
 * tsm_sim is for tests and for learning, and this interface is not stable.
 */
#ifndef _UAPI_LINUX_TSM_SIM_H
#define _UAPI_LINUX_TSM_SIM_H

#include <linux/types.h>

/*
 * Bytes of data in a message, at most: a data object of 4608 bytes, the longest that the mailbox
 * of QEMU holds, without its header of 8 bytes
 */
#define TSM_SIM_MAX_DATA 4600
/* Bytes of a TDISP message, at most */
#define TSM_SIM_MAX_TDISP 1024
/* Bytes of the nonce that a lock makes, and of that of evidence */
#define TSM_SIM_NONCE_SIZE 32
/* EXCHANGEs and PARTs in one command, at most */
#define TSM_SIM_MAX_EXCHANGES 128

/**
 * enum tsm_sim_msg_type - what a message is
 * @TSM_SIM_CONNECT: command: authenticate the device, and begin a session
 * @TSM_SIM_DISCONNECT: command: end the session
 * @TSM_SIM_BIND: command: lock the TDI. The data of DONE is the nonce of the lock
 * @TSM_SIM_UNBIND: command: stop the TDI
 * @TSM_SIM_REQUEST: command: pass on the guest's TDISP request in the data. The data of
 *	DONE is the answer
 * @TSM_SIM_ANSWER: the device's answer to an EXCHANGE; @result is 0 or a negative errno.
 *	After a PART, there is no data
 * @TSM_SIM_EVIDENCE: command: get signed measurements for the nonce in the data, and send
 *	the evidence in PARTs; with the interface report if @value is 1
 * @TSM_SIM_EXCHANGE: from the firmware: send the data to the device's DOE mailbox, as a
 *	data object of type @value (1: CMA/SPDM, 2: secured). The length is a multiple of 4
 * @TSM_SIM_PART: from the firmware, in EVIDENCE: the next bytes of the part @value, which is
 *	one of enum tsm_sim_part
 * @TSM_SIM_DONE: from the firmware: the command has ended; @result is 0 or a negative
 *	errno, @value the state of the TDI (0 CONFIG_UNLOCKED, 1 CONFIG_LOCKED, 2 RUN,
 *	3 ERROR). With an error there is no data
 */
enum tsm_sim_msg_type {
	TSM_SIM_CONNECT = 1,
	TSM_SIM_DISCONNECT = 2,
	TSM_SIM_BIND = 3,
	TSM_SIM_UNBIND = 4,
	TSM_SIM_REQUEST = 5,
	TSM_SIM_ANSWER = 6,
	TSM_SIM_EVIDENCE = 7,
	TSM_SIM_EXCHANGE = 16,
	TSM_SIM_DONE = 17,
	TSM_SIM_PART = 18,
};

/**
 * enum tsm_sim_part - parts of the evidence, as files of vfio_tsm have it
 * @TSM_SIM_PART_CERT0: the chain of certificates in slot 0; 16 KiB at most
 * @TSM_SIM_PART_VCA: the messages that began the connection; 1 KiB at most
 * @TSM_SIM_PART_MEASUREMENTS: the request for measurements and its answer; 16 KiB at most
 * @TSM_SIM_PART_REPORT: the interface report; 4 KiB at most
 * @TSM_SIM_PARTS: how many there are
 */
enum tsm_sim_part {
	TSM_SIM_PART_CERT0 = 0,
	TSM_SIM_PART_VCA = 1,
	TSM_SIM_PART_MEASUREMENTS = 2,
	TSM_SIM_PART_REPORT = 3,
	TSM_SIM_PARTS = 4,
};

/**
 * struct tsm_sim_msg - a message, in both directions
 * @size: bytes of the message, with its data
 * @type: enum tsm_sim_msg_type
 * @command: the number of the command that it belongs to
 * @device: function ID of the device that has the mailbox: requester ID in bits 0 to 15;
 *	if bit 24 is set, the segment in bits 16 to 23. The kernel ignores it
 * @function: function ID of the TDI. The kernel ignores it
 * @result: as above, else 0
 * @value: as above, else 0
 * @data: as above, else none
 */
struct tsm_sim_msg {
	__u32 size;
	__u32 type;
	__u64 command;
	__u32 device;
	__u32 function;
	__s32 result;
	__u32 value;
	__u8 data[];
};

#endif /* _UAPI_LINUX_TSM_SIM_H */
