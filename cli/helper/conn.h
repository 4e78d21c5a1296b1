/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One client of a socket: it sends a line, perhaps with files, and gets a line as answer. */
#ifndef TSM_HELPER_CONN_H
#define TSM_HELPER_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Most bytes of a request, without its newline */
#define CONN_LINE_MAX 1024
/* Time for a client to send the whole request */
#define CONN_TIME_MS 5000
/* The file of the cdev, and that of a request of a guest */
#define CONN_FILES_MAX 2
/* The files of one message, of any socket. It is even, so that the kernel has no room for more. */
#define CONN_FILES_ROOM 8

/**
 * struct conn - a client
 * @fd: its socket
 * @file: the first file that it passed, or -1
 * @buffer: the second one, or -1
 * @files: how many it passed; those after CONN_FILES_MAX are closed at once
 * @used: bytes in @line
 * @line: the bytes that it has sent; terminated when the line is complete
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
 * struct peer - user and group of a client when it connected, by SO_PEERCRED
 * @uid: user
 * @gid: group
 */
struct peer {
	uid_t uid;
	gid_t gid;
};

/**
 * conn_peer() - read user and group of the client
 * @fd: socket
 * @peer: out
 *
 * Return: 0 or negative errno.
 */
int conn_peer(int fd, struct peer *peer);

/**
 * conn_receive_files() - receive one message with its files
 * @fd: socket
 * @buf: gets the message
 * @size: room in @buf
 * @files: gets the files; the caller closes them
 * @count: gets their number
 *
 * The function does not wait.
 *
 * Return: how many bytes came, 0 at the end; -EMFILE if files were lost, because there were
 * too many, and all are closed; or negative errno.
 */
ssize_t conn_receive_files(int fd, void *buf, size_t size, int files[CONN_FILES_ROOM],
			   size_t *count);

/**
 * conn_receive() - wait for a client's line
 * @c: the client, with @c->fd set, @c->file and @c->buffer -1, and the rest zero
 *
 * Return: 0; -ETIMEDOUT if the line is not complete after CONN_TIME_MS, -EPIPE if the client
 * ended before its newline, -EMSGSIZE if it is too long, -EBADMSG if more follows it or it
 * has a NUL, -EMFILE if it comes with more than CONN_FILES_MAX files, or negative errno.
 */
int conn_receive(struct conn *c);

/**
 * conn_answer() - send a line
 * @c: the client
 * @line: the line with its newline
 *
 * The function does not wait: a client that does not read gets no answer.
 */
void conn_answer(const struct conn *c, const char *line);

/**
 * conn_close() - close the socket and the files of a client
 * @c: the client
 */
void conn_close(struct conn *c);

#endif
