// SPDX-License-Identifier: GPL-2.0-or-later
/* Attributes that may take long, see slow.h. */
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "common/rundir.h"
#include "host/slow.h"

/* How long a read may take before it is repeated; and after one was given up. */
#define READ_MS 1000
#define BRIEF_MS 5

/*
 * A request to the writer. Descriptors come with it: the directory, and the lock on the
 * device, which the writer keeps until it has sent its reply.
 */
struct request {
	char name[ATTR_MAX];
	char value[ATTR_MAX];
};

enum { DIR_FD, LOCK_FD, FDS };

/* Space for the descriptors, aligned as it has to be. */
union control {
	struct cmsghdr header;
	char space[CMSG_SPACE(FDS * sizeof(int))];
};

static pid_t writer;
static int writer_fd = -1;
/* A read was given up. What it waited for, such as PCI/TSM, concerns all devices. */
static bool reads_wait;

/* --- the writer ------------------------------------------------------------ */

/* @fds: out, -1 for what did not come. Return: false when there is nothing more to do. */
static bool receive(int fd, struct request *r, int fds[FDS])
{
	struct iovec iov = { .iov_base = r, .iov_len = sizeof(*r) };
	union control control;
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = &control,
			      .msg_controllen = sizeof(control) };
	struct cmsghdr *c;

	fds[DIR_FD] = fds[LOCK_FD] = -1;
	if (recvmsg(fd, &msg, MSG_CMSG_CLOEXEC) != (ssize_t)sizeof(*r))
		return false;
	c = CMSG_FIRSTHDR(&msg);
	if (!c || c->cmsg_type != SCM_RIGHTS)
		return false;
	memcpy(fds, CMSG_DATA(c), c->cmsg_len - CMSG_LEN(0));
	return true;
}

/*
 * The writer keeps no file and no directory of the user open. While the kernel keeps it,
 * neither a caller that reads our output to its end nor an unmount must have to wait.
 */
static int close_files(int fd)
{
	int null = open("/dev/null", O_RDWR);

	for (int i = 0; i < 3; i++)
		if (null < 0 || dup2(null, i) < 0)
			close(i);
	if (chdir("/"))
		_exit(1);
	/* both are 3 or more, as 0 to 2 are open in any program, see util_std_fds() */
	if (fd != 3)
		dup2(fd, 3);
	closefrom(4);
	return 3;
}

static void __attribute__((noreturn)) serve(int fd)
{
	/* the caller has passed the gate, and has written the trace */
	const struct ctx ctx = { 0 };
	struct request r;
	int fds[FDS];

	fd = close_files(fd);
	while (receive(fd, &r, fds)) {
		int reply = attr_write(&ctx, fds[DIR_FD], "", r.name, r.value);

		close(fds[DIR_FD]);
		if (fds[LOCK_FD] >= 0)
			close(fds[LOCK_FD]);
		if (send(fd, &reply, sizeof(reply), MSG_NOSIGNAL) < 0)
			break;
	}
	_exit(0);
}

/* --- its caller ------------------------------------------------------------ */

static int start(void)
{
	int fds[2];

	if (writer_fd >= 0)
		return 0;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds))
		return -errno;
	writer = fork();
	if (writer < 0) {
		close(fds[0]);
		close(fds[1]);
		return -errno;
	}
	if (!writer)
		serve(fds[1]);
	close(fds[1]);
	writer_fd = fds[0];
	return 0;
}

static int ask(const struct request *r, const int fds[FDS])
{
	/* without a lock, only the directory */
	const size_t size = (fds[LOCK_FD] < 0 ? 1 : FDS) * sizeof(int);
	struct iovec iov = { .iov_base = (void *)r, .iov_len = sizeof(*r) };
	union control control = { 0 };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = &control,
			      .msg_controllen = CMSG_SPACE(size) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(size);
	memcpy(CMSG_DATA(c), fds, size);
	return sendmsg(writer_fd, &msg, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

void slow_done(void)
{
	if (writer_fd < 0)
		return;
	close(writer_fd);
	writer_fd = -1;
	waitpid(writer, NULL, 0);
}

/* Gives up the writer, which ends when its call returns. The next attribute gets another one. */
static void abandon(const struct wait *w)
{
	close(writer_fd);
	writer_fd = -1;
	w->ctx->unfinished = writer;
	if (w->ctx->device_lock >= 0)
		run_file_write_owner(w->ctx->device_lock, writer);
	writer = 0;
}

static int call(struct wait *w, int dirfd, const struct request *r)
{
	const int fds[FDS] = { dirfd, w->ctx->device_lock };
	int ret = start() ?: ask(r, fds), reply;

	/* it was killed while it was idle */
	if (ret == -EPIPE) {
		slow_done();
		ret = start() ?: ask(r, fds);
	}
	if (ret) {
		slow_done();
		w->lost = true;
		return ret;
	}
	ret = wait_for(w, writer_fd);
	wait_end(w);
	if (ret) {
		abandon(w);
		return ret;
	}
	if (recv(writer_fd, &reply, sizeof(reply), 0) == (ssize_t)sizeof(reply))
		return reply;
	/* it was killed: the next attribute gets another one */
	slow_done();
	w->lost = true;
	return -EIO;
}

int slow_write(struct wait *w, int dirfd, const char *where, const char *name, const char *value)
{
	struct request r = { 0 };
	int ret = wait_may_step(w);

	if (ret)
		return ret;
	if (!act(w->ctx, "write '%s' to %s/%s", value, where, name))
		return 0;
	if (!util_copy(r.name, sizeof(r.name), name) || !util_copy(r.value, sizeof(r.value), value))
		return -EOVERFLOW;
	return call(w, dirfd, &r);
}

/* ENODEV: the attribute is being removed. Soon it, or the device, is gone. */
static bool is_at_work(int ret)
{
	return ret == -EBUSY || ret == -ENODEV;
}

/*
 * No single read waits for long. When the kernel removes an attribute, it waits for its readers;
 * PCI/TSM does so with its semaphore held, for which such a reader waits.
 */
int slow_read(struct wait *w, int dirfd, const char *name, char *buf)
{
	int ret, over = 0;

	do {
		ret = attr_read_within(dirfd, name, buf, ATTR_MAX, reads_wait ? BRIEF_MS : READ_MS);
	} while (is_at_work(ret) && !reads_wait && !w->ctx->dry_run && !(over = wait_step(w, -1)));
	wait_end(w);
	reads_wait |= over || ret == -EBUSY;
	w->ctx->gave_up |= over != 0;
	if (ret)
		buf[0] = '\0';
	return over ?: ret;
}

int slow_report(const struct wait *w, const struct problem *p)
{
	struct problem q = *p;
	char text[384];

	q.device = w->device;
	q.code = p->err == -EINTR ? EXIT_FAILED : EXIT_BUSY;
	wait_given_up(w, p->err, text, sizeof(text));
	if (!w->ctx->unfinished)
		return report_error(w->ctx, &q, "%s", text);
	/* it may still succeed */
	q.changed = true;
	return report_error(w->ctx, &q, "%s; the kernel goes on with it, for process %d", text,
			    w->ctx->unfinished);
}
