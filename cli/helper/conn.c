// SPDX-License-Identifier: GPL-2.0-or-later
/* One client of a socket, see conn.h. */
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>

#include "common/util.h"
#include "helper/conn.h"

/* Room for more files than allowed, to detect that there are more. */
#define FILES_ROOM 4

int conn_peer(int fd, struct peer *peer)
{
	socklen_t len = sizeof(struct ucred);
	struct ucred cred;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len))
		return -errno;
	*peer = (struct peer){ .uid = cred.uid, .gid = cred.gid };
	return 0;
}

/* Keeps the first files, closes the others. */
static void take_files(struct conn *c, const int *fds, size_t count)
{
	int *places[CONN_FILES_MAX] = { &c->file, &c->buffer };

	for (size_t i = 0; i < count; i++) {
		if (c->files < CONN_FILES_MAX)
			*places[c->files] = fds[i];
		else
			close(fds[i]);
		c->files++;
	}
}

/* Receives one message. Return: how many bytes came, 0 at the end, or negative errno. */
static ssize_t receive(struct conn *c)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int) * FILES_ROOM)];
		struct cmsghdr align;
	} control;
	struct iovec iov = { c->line + c->used, sizeof(c->line) - 1 - c->used };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	ssize_t n = recvmsg(c->fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	int fds[FILES_ROOM + 1];
	size_t count;

	if (n < 0)
		return -errno;
	for (struct cmsghdr *m = CMSG_FIRSTHDR(&msg); m; m = CMSG_NXTHDR(&msg, m)) {
		if (m->cmsg_level != SOL_SOCKET || m->cmsg_type != SCM_RIGHTS)
			continue;
		count = (m->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		if (count > ARRAY_SIZE(fds))
			count = ARRAY_SIZE(fds);
		memcpy(fds, CMSG_DATA(m), count * sizeof(int));
		take_files(c, fds, count);
	}
	/* the kernel has dropped files that did not fit */
	if (msg.msg_flags & MSG_CTRUNC)
		c->files += FILES_ROOM;
	c->used += (size_t)n;
	return n;
}

/* Return: 1 if the line is complete, 0 if more has to come, or negative errno. */
static int look(struct conn *c)
{
	char *end;

	if (c->files > CONN_FILES_MAX)
		return -EMFILE;
	if (memchr(c->line, '\0', c->used))
		return -EBADMSG;
	end = memchr(c->line, '\n', c->used);
	if (!end)
		return c->used > CONN_LINE_MAX ? -EMSGSIZE : 0;
	if (end != c->line + c->used - 1)
		return -EBADMSG;
	*end = '\0';
	c->used--;
	return 1;
}

static long ms_until(const struct timespec *end)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (end->tv_sec - now.tv_sec) * 1000 + (end->tv_nsec - now.tv_nsec) / 1000000;
}

int conn_receive(struct conn *c)
{
	struct pollfd pfd = { .fd = c->fd, .events = POLLIN };
	struct timespec end;
	ssize_t n;
	long left;
	int ret;

	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += CONN_TIME_MS / 1000;
	for (;;) {
		left = ms_until(&end);
		if (left <= 0)
			return -ETIMEDOUT;
		if (poll(&pfd, 1, (int)left) < 0 && errno != EINTR)
			return -errno;
		n = receive(c);
		if (n == -EAGAIN || n == -EINTR)
			continue;
		if (n < 0)
			return (int)n;
		ret = look(c);
		if (ret)
			return ret < 0 ? ret : 0;
		if (n == 0)
			return -EPIPE;
	}
}

void conn_answer(const struct conn *c, const char *line)
{
	send(c->fd, line, strlen(line), MSG_NOSIGNAL | MSG_DONTWAIT);
	shutdown(c->fd, SHUT_WR);
}

void conn_close(struct conn *c)
{
	util_close(&c->buffer);
	util_close(&c->file);
	util_close(&c->fd);
	c->buffer = -1;
	c->file = -1;
	c->fd = -1;
}
