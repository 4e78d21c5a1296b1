/* SPDX-License-Identifier: GPL-2.0-or-later */
/* UNIX sockets in the run directory, and the answers on them. */
#ifndef TSM_HELPER_SOCKET_H
#define TSM_HELPER_SOCKET_H

#include "helper/conn.h"
#include "helper/protocol.h"
#include "helper/say.h"

/**
 * listen_at() - make a listening socket
 * @dir: directory, from run_dir_open()
 * @name: its name there; the caller must have the lock for it, because an old socket of
 *	that name is replaced
 * @type: SOCK_STREAM or SOCK_SEQPACKET
 * @mode: its mode
 *
 * Return: a descriptor, -EEXIST if the name exists and is not a socket, or negative errno.
 */
int listen_at(int dir, const char *name, int type, mode_t mode);

/**
 * listen_answer() - answer a client
 * @c: the client
 * @r: its request, or NULL if it could not be read
 * @s: the device, if the client may see its state, or NULL
 * @v: why the request failed, or NULL
 */
void listen_answer(const struct conn *c, const struct request *r, const struct session *s,
		   const struct verdict *v);

/**
 * listen_request() - receive and read a request
 * @c: the client
 * @r: out
 * @v: out on failure, why
 *
 * Return: 0 or negative errno.
 */
int listen_request(struct conn *c, struct request *r, struct verdict *v);

#endif
