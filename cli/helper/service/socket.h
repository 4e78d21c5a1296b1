/* SPDX-License-Identifier: GPL-2.0-or-later */
/* UNIX sockets in the run directory, and what is answered on them. */
#ifndef TSM_HELPER_SOCKET_H
#define TSM_HELPER_SOCKET_H

#include "helper/say.h"
#include "helper/service/conn.h"
#include "helper/service/protocol.h"

/**
 * listen_at() - make a listening socket
 * @dir: directory, from run_dir_open()
 * @name: its name there; one that was left behind is replaced, which takes a lock
 *	that only one process can have
 * @mode: its mode
 *
 * Return: a descriptor, -EEXIST if there is something else of that name, or negative
 * errno.
 */
int listen_at(int dir, const char *name, mode_t mode);

/**
 * listen_answer() - answer a client
 * @c: the client
 * @r: its request, or NULL if it could not be read
 * @s: the device, if the client may hear of its state, or NULL
 * @v: why the request failed, or NULL
 */
void listen_answer(const struct conn *c, const struct request *r, const struct session *s,
		   const struct verdict *v);

/**
 * listen_request() - receive and read a request
 * @c: the client
 * @r: out
 * @v: out on failure
 *
 * Return: 0 or negative errno.
 */
int listen_request(struct conn *c, struct request *r, struct verdict *v);

/**
 * control_listen() - a holder's own socket, ADDRESS.sock in the run directory
 * @s: session, locked; @s->run and @s->control are opened
 *
 * Return: 0 or negative errno.
 */
int control_listen(struct session *s);

/**
 * control_ask() - hear a client of that socket
 * @s: session
 * @c: out, the client; if it asks for an unbind it waits for control_done()
 *
 * Return: true if it does.
 */
bool control_ask(const struct session *s, struct conn *c);

/**
 * control_done() - answer the client that asked for the unbind
 * @s: session
 * @c: the client
 * @v: why it failed, or NULL
 */
void control_done(const struct session *s, struct conn *c, const struct verdict *v);

/**
 * control_remove() - remove the socket
 * @s: session
 */
void control_remove(struct session *s);

#endif
