/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The file of tsm_sim, through which commands come. <linux/tsm_sim.h> has the messages. */
#ifndef FIRMWARE_LINK_H
#define FIRMWARE_LINK_H

#include <linux/tsm_sim.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * union link_message - a message with room for its data
 * @msg: the message
 * @room: its bytes
 */
union link_message {
	struct tsm_sim_msg msg;
	uint8_t room[sizeof(struct tsm_sim_msg) + TSM_SIM_MAX_DATA];
};

/**
 * struct link - the open file
 * @fd: the file
 * @command: the present command
 * @early: whether the kernel has given up @command, and @next is the next one
 * @next: a command that was read while an answer was expected
 * @other: the last message that was written or read in a command
 */
struct link {
	int fd;
	union link_message *command;
	bool early;
	union link_message *next;
	union link_message *other;
};

/**
 * link_open() - open the file, of which there is one
 * @link: the link
 * @path: its path
 *
 * Return: 0 or a negative errno; -EBUSY if another firmware has it open.
 */
int link_open(struct link *link, const char *path);

/**
 * link_wait() - wait for the next command
 * @link: the link, whose @command becomes that
 *
 * Return: 0 or a negative errno; -EPROTO for a message that is malformed.
 */
int link_wait(struct link *link);

/**
 * link_exchange() - have the kernel carry a data object to the device
 * @link: the link
 * @type: its type
 * @data: the data object without its header
 * @len: its length, a multiple of 4
 *
 * The data of @link->other is the answer.
 *
 * Return: the length of the answer, or a negative errno; -ECANCELED if the kernel has given
 * up the command.
 */
int link_exchange(struct link *link, uint32_t type, const uint8_t *data, size_t len);

/**
 * link_part() - give the kernel a part of the evidence
 * @link: the link, whose command is for evidence
 * @part: which part: enum tsm_sim_part
 * @data: the part
 * @len: its length; 0: nothing is sent
 *
 * Return: 0 or a negative errno; -ECANCELED as link_exchange().
 */
int link_part(struct link *link, uint32_t part, const uint8_t *data, size_t len);

/**
 * link_done() - end the present command
 * @link: the link
 * @result: 0 or a negative errno
 * @state: state of the TDI, 0 without one
 * @data: the command's data, or NULL
 * @len: its length
 *
 * Return: 0, also if the kernel has given up the command; or a negative errno.
 */
int link_done(struct link *link, int result, uint32_t state, const uint8_t *data, size_t len);

#endif /* FIRMWARE_LINK_H */
