/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One client of a socket: a line, perhaps with files, and a line in answer. */
#ifndef TSM_HELPER_CONN_H
#define TSM_HELPER_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* A request, without its newline, is no longer. */
#define CONN_LINE_MAX 1024
/* A client has this long to send all of it. */
#define CONN_TIME_MS 5000
/* The file of the cdev, and that of a request of a guest */
#define CONN_FILES_MAX 2

/**
 * struct conn - a client
 * @fd: its socket
 * @file: the first file that it passed, or -1
 * @buffer: the second one, or -1
 * @files: how many it passed; those after CONN_FILES_MAX are closed at once
 * @used: bytes in @line
 * @line: what it has sent; terminated when it is complete
 */
struct conn {
	int fd;
	int file;
	int buffer;
	unsigned int files;
	size_t used;
	char line[CONN_LINE_MAX + 2];
};

/**
 * struct peer - who a client is, by SO_PEERCRED: when it connected
 * @uid: user
 * @gid: group
 */
struct peer {
	uid_t uid;
	gid_t gid;
};

/**
 * conn_peer() - who is at the other end
 * @fd: socket
 * @peer: out
 *
 * Return: 0 or negative errno.
 */
int conn_peer(int fd, struct peer *peer);

/**
 * conn_receive() - wait for a client's line
 * @c: the client, with @c->fd set, @c->file and @c->buffer -1, and the rest zero
 *
 * Return: 0; -ETIMEDOUT if it is not complete after CONN_TIME_MS, -EPIPE if the client
 * ended in the middle, -EMSGSIZE if it is too long, -EBADMSG if more follows it or it
 * has a NUL, -EMFILE if it comes with more than CONN_FILES_MAX files, or negative errno.
 */
int conn_receive(struct conn *c);

/**
 * conn_answer() - send a line
 * @c: the client
 * @line: with its newline
 *
 * Does not wait: a client that does not read goes without.
 */
void conn_answer(const struct conn *c, const char *line);

/**
 * conn_close() - let the client and its files go
 * @c: the client
 */
void conn_close(struct conn *c);

#endif
