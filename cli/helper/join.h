/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One holder for the functions of an IOMMU group. A second helper opens its device and passes
 * the files to the holder on ADDRESS.join, a socket in the run directory. The holder binds the
 * device in its own iommufd and for its own VM. Both ends are this program.
 *
 * The holder opens no file for that, because its sandbox forbids it. The cdev gets its owner
 * when it gets its iommufd, so the owner is the holder.
 */
#ifndef TSM_HELPER_JOIN_H
#define TSM_HELPER_JOIN_H

#include "helper/group.h"

/**
 * struct join_answer - the answer of a holder
 * @size: of this structure, which distinguishes versions
 * @pid: the holder
 * @err: 0 or negative errno
 * @code: exit code of a failure
 * @vdevice: the vDEVICE of the bind, or 0
 * @tdi_id: as in struct session
 * @fallback: as in struct session
 * @step: name of the step that failed
 * @stage: as in struct verdict
 * @message: as in struct verdict
 * @hint: as in struct verdict, or "" for none
 */
struct join_answer {
	uint32_t size;
	int32_t pid;
	int32_t err;
	int32_t code;
	uint32_t vdevice;
	char tdi_id[PCI_NAME_LEN];
	char fallback[96];
	char step[32];
	char stage[24];
	char message[192];
	char hint[256];
};

/**
 * join_listen() - a step: make the socket of a holder for other helpers
 * @s: session, with its control socket; @s->join is opened
 *
 * Return: 0 or negative errno.
 */
int join_listen(struct session *s);

/**
 * join_ask() - pass a device to the holder of another function, and wait for its answer
 * @s: session, open, in no iommufd and no VM
 * @mate: the other function
 * @signals: from signals_watch(); a signal ends the wait
 * @a: out on success: the answer
 * @client: out on success: the socket, for join_confirm()
 *
 * Return: 0 if there is an answer, whatever it is; -ENOENT or -ECONNREFUSED if the holder does
 * not listen, -ECONNRESET if it ended, -EINTR, -EPROTO for an answer of another version, or
 * negative errno.
 */
int join_ask(const struct session *s, const char *mate, int signals, struct join_answer *a,
	     int *client);

/**
 * join_explain() - why a device could not be bound by the holder
 * @err: what join_ask() returned
 * @a: the answer, if that was 0; the hint of the verdict points into it
 * @u: the other function
 * @v: out
 */
void join_explain(int err, const struct join_answer *a, const struct group_user *u,
		  struct verdict *v);

/**
 * join_confirm() - confirm that the caller of this helper knows of the bind
 * @client: the socket
 *
 * Without it, the holder unbinds the device.
 */
void join_confirm(int client);

/**
 * join_accept() - accept a client of that socket, and what it passes
 * @at: session whose socket has the client
 * @s: out: a session with the files that the client has passed
 *
 * Return: a socket, or negative errno; then nothing is open.
 */
int join_accept(const struct session *at, struct session *s);

/**
 * join_reply() - answer the client
 * @client: the socket
 * @s: session
 * @v: why the device could not be bound, or NULL
 *
 * Return: true if the client has confirmed that its caller knows of the bind.
 */
bool join_reply(int client, const struct session *s, const struct verdict *v);

/**
 * join_files_close() - close the files in the run directory, and leave them to the other end
 * @s: session
 */
void join_files_close(struct session *s);

#endif
