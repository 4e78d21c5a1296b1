// SPDX-License-Identifier: GPL-2.0-or-later
/* One client of a socket, see conn.h. */
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>

#include "common/util.h"
#include "helper/conn.h"

int conn_peer(int fd, struct peer *peer)
{
	socklen_t len = sizeof(struct ucred);
	struct ucred cred;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len))
		return -errno;
	*peer = (struct peer){ .uid = cred.uid, .gid = cred.gid };
	return 0;
}

ssize_t conn_receive_files(int fd, void *buf, size_t size, int files[CONN_FILES_ROOM],
			   size_t *count)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int) * CONN_FILES_ROOM)];
		struct cmsghdr align;
	} control;
	struct iovec iov = { buf, size };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	ssize_t n = recvmsg(fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	*count = 0;
	if (n < 0)
		return -errno;
	/* the kernel has one control message for all files */
	for (struct cmsghdr *m = CMSG_FIRSTHDR(&msg); m; m = CMSG_NXTHDR(&msg, m)) {
		if (m->cmsg_level != SOL_SOCKET || m->cmsg_type != SCM_RIGHTS)
			continue;
		*count = (m->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		memcpy(files, CMSG_DATA(m), *count * sizeof(int));
	}
	if (!(msg.msg_flags & MSG_CTRUNC))
		return n;
	/* the kernel has dropped files that did not fit */
	for (size_t i = 0; i < *count; i++)
		close(files[i]);
	*count = 0;
	return -EMFILE;
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

/* Receives a part of the line. Return: how many bytes came, 0 at the end, or negative errno. */
static ssize_t receive(struct conn *c)
{
	int files[CONN_FILES_ROOM];
	size_t count;
	ssize_t n = conn_receive_files(c->fd, c->line + c->used, sizeof(c->line) - 1 - c->used,
				       files, &count);

	if (n < 0)
		return n;
	take_files(c, files, count);
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
