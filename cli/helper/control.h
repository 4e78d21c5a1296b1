/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A holder's own socket, ADDRESS.sock in the run directory. */
#ifndef TSM_HELPER_CONTROL_H
#define TSM_HELPER_CONTROL_H

#include "helper/conn.h"
#include "helper/say.h"

/**
 * control_listen() - a step: make the holder's own socket
 * @s: session, locked; @s->run and @s->control are opened
 *
 * Return: 0 or negative errno.
 */
int control_listen(struct session *s);

/**
 * control_ask() - read the request of a client of that socket, and answer it
 * @s: session
 * @c: out, the client; if it asks for an unbind, control_done() answers it
 *
 * Return: true if it asks for an unbind.
 */
bool control_ask(const struct session *s, struct conn *c);

/**
 * control_done() - answer the client that asked for the unbind
 * @s: session
 * @c: the client
 * @v: why the unbind failed, or NULL
 */
void control_done(const struct session *s, struct conn *c, const struct verdict *v);

/**
 * control_remove() - remove the sockets of a holder
 * @s: session
 */
void control_remove(struct session *s);

#endif
