// SPDX-License-Identifier: GPL-2.0-or-later
/* Passes a device from one helper to another one, see join.h. */
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <sys/socket.h>

#include "common/exitcode.h"
#include "common/rundir.h"
#include "helper/conn.h"
#include "helper/join.h"
#include "helper/socket.h"
#include "helper/step.h"

#define FILES 6

/**
 * struct join_request - what a helper asks for, along with its files
 * @size: of this structure, which distinguishes versions
 * @mode: enum vdevice_mode
 * @start: as in struct session
 * @name: as in struct session
 * @guest_id: as in struct session
 */
struct join_request {
	uint32_t size;
	uint32_t mode;
	uint32_t start;
	char name[PCI_NAME_LEN];
	char guest_id[PCI_NAME_LEN];
};

/* The files that are passed, in this order */
static void list_files(struct session *s, int *list[FILES])
{
	int *files[FILES] = { &s->run, &s->lock, &s->pid_file, &s->control, &s->join, &s->cdev };

	memcpy(list, files, sizeof(files));
}

/* Room for the files in a control message */
union files_message {
	char bytes[CMSG_SPACE(sizeof(int) * FILES)];
	struct cmsghdr align;
};

int join_listen(struct session *s)
{
	char name[RUN_NAME_LEN];
	int fd;

	run_file_name(name, s->name, RUN_JOIN);
	fd = listen_at(s->run, name, SOCK_SEQPACKET, 0600);
	if (fd < 0)
		return fd;
	s->join = fd;
	return 0;
}

static int send_request(const struct session *s, int client)
{
	struct join_request r = { .size = sizeof(r), .mode = s->mode, .start = s->start };
	const int fds[FILES] = { s->run, s->lock, s->pid_file, s->control, s->join, s->cdev };
	union files_message control = {};
	struct iovec iov = { &r, sizeof(r) };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *m = CMSG_FIRSTHDR(&msg);

	util_copy(r.name, sizeof(r.name), s->name);
	util_copy(r.guest_id, sizeof(r.guest_id), s->guest_id);
	m->cmsg_level = SOL_SOCKET;
	m->cmsg_type = SCM_RIGHTS;
	m->cmsg_len = CMSG_LEN(sizeof(fds));
	memcpy(CMSG_DATA(m), fds, sizeof(fds));
	return sendmsg(client, &msg, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* Waits for the answer, as long as a TSM takes. */
static int read_answer(int client, int signals, struct join_answer *a)
{
	struct pollfd fds[] = { { .fd = client, .events = POLLIN },
				{ .fd = signals, .events = POLLIN } };
	ssize_t n;

	while (poll(fds, ARRAY_SIZE(fds), -1) < 0)
		if (errno != EINTR)
			return -errno;
	if (!fds[0].revents)
		return -EINTR;
	n = recv(client, a, sizeof(*a), MSG_DONTWAIT);
	if (n <= 0)
		return -ECONNRESET;
	return n == sizeof(*a) && a->size == sizeof(*a) ? 0 : -EPROTO;
}

int join_ask(const struct session *s, const char *mate, int signals, struct join_answer *a,
	     int *client)
{
	cleanup_fd int fd = -1;
	char name[RUN_NAME_LEN];
	int ret;

	run_file_name(name, mate, RUN_JOIN);
	fd = run_socket_connect(s->run, name, SOCK_SEQPACKET);
	ret = fd < 0 ? fd : send_request(s, fd) ?: read_answer(fd, signals, a);
	if (ret)
		return ret;
	*client = fd;
	fd = -1;
	return 0;
}

static const struct cause join_causes[] = {
	{ -ENOENT, EXIT_BUSY, "holds a function of its IOMMU group, and takes no other one",
	  "run 'tsmctl unbind @', and bind both again" },
	{ -ECONNREFUSED, EXIT_BUSY, "holds a function of its IOMMU group, and takes no other one",
	  "run 'tsmctl unbind @', and bind both again" },
	{ -EPROTO, EXIT_BUSY, "holds a function of its IOMMU group, and is of another version",
	  "run 'tsmctl unbind @', and bind both again" },
	{ -ECONNRESET, EXIT_BUSY, "held a function of its IOMMU group, and ended meanwhile",
	  "bind it again" },
	{ -EINTR, EXIT_FAILED,
	  "holds a function of its IOMMU group; a signal ended the wait for it", NULL },
	{}
};

void join_explain(int err, const struct join_answer *a, const struct group_user *u,
		  struct verdict *v)
{
	const struct cause *c = cause_find(join_causes, err);

	*v = (struct verdict){ .err = err, .code = exit_code_of(err), .step = "join holder" };
	if (!err) {
		v->err = a->err;
		v->code = a->code;
		v->step = a->step;
		util_copy(v->stage, sizeof(v->stage), a->stage);
		util_copy(v->message, sizeof(v->message), a->message);
		v->hint = a->hint[0] ? a->hint : NULL;
		return;
	}
	snprintf(v->message, sizeof(v->message), "process %u %s", u->pid,
		 c ? c->message : strerror(-err));
	if (c)
		v->code = c->code;
	if (c && c->hint) {
		util_fill(v->filled, sizeof(v->filled), c->hint, u->name);
		v->hint = v->filled;
	}
}

void join_confirm(int client)
{
	send(client, "", 1, MSG_NOSIGNAL);
}

static bool wait_for(int client)
{
	struct pollfd fd = { .fd = client, .events = POLLIN };

	return poll(&fd, 1, CONN_TIME_MS) > 0;
}

/* Receives the request and its files. Each of the files is in @fds, or -1. */
static int receive(int client, struct join_request *r, int fds[FILES])
{
	int files[CONN_FILES_ROOM];
	size_t count;
	ssize_t n;

	for (size_t i = 0; i < FILES; i++)
		fds[i] = -1;
	if (!wait_for(client))
		return -ETIMEDOUT;
	n = conn_receive_files(client, r, sizeof(*r), files, &count);
	if (n < 0)
		return (int)n;
	for (size_t i = 0; i < count; i++) {
		if (i < FILES)
			fds[i] = files[i];
		else
			close(files[i]);
	}
	return n == sizeof(*r) && r->size == sizeof(*r) && count == FILES ? 0 : -EPROTO;
}

static int fill(struct session *s, const struct session *at, const struct join_request *r)
{
	struct pci_addr addr;

	if (memchr(r->name, '\0', sizeof(r->name)) == NULL ||
	    memchr(r->guest_id, '\0', sizeof(r->guest_id)) == NULL ||
	    pci_addr_parse(r->name, &addr) || r->mode > VDEVICE_NEVER)
		return -EPROTO;
	pci_addr_name(&addr, s->name);
	util_copy(s->guest_id, sizeof(s->guest_id), r->guest_id);
	s->mode = (enum vdevice_mode)r->mode;
	s->start = r->start != 0;
	s->sysfs = at->sysfs;
	s->run_dir = at->run_dir;
	return 0;
}

int join_accept(const struct session *at, struct session *s)
{
	cleanup_fd int client = accept4(at->join, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct join_request r;
	int *files[FILES], fds[FILES], ret;
	struct peer peer;

	*s = (struct session)SESSION_INIT;
	if (client < 0)
		return -errno;
	/* the mode of the socket allows no other user either, but modes can be changed */
	if (conn_peer(client, &peer) || (peer.uid != 0 && peer.uid != geteuid()))
		return -EPERM;
	ret = receive(client, &r, fds);
	list_files(s, files);
	for (size_t i = 0; i < FILES; i++)
		*files[i] = fds[i];
	ret = ret ?: fill(s, at, &r);
	if (ret) {
		join_files_close(s);
		util_close(&s->cdev);
		/* not an answer, so the client sees that this is another version */
		send(client, "", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
		return ret;
	}
	ret = client;
	client = -1;
	return ret;
}

bool join_reply(int client, const struct session *s, const struct verdict *v)
{
	struct join_answer a = { .size = sizeof(a), .pid = getpid(), .vdevice = s->vdevice };
	char byte;

	util_copy(a.tdi_id, sizeof(a.tdi_id), s->tdi_id);
	util_copy(a.fallback, sizeof(a.fallback), s->fallback);
	if (v) {
		a.err = v->err;
		a.code = v->code;
		util_copy(a.step, sizeof(a.step), v->step);
		util_copy(a.stage, sizeof(a.stage), v->stage);
		util_copy(a.message, sizeof(a.message), v->message);
		util_copy(a.hint, sizeof(a.hint), v->hint ?: "");
	}
	if (send(client, &a, sizeof(a), MSG_NOSIGNAL | MSG_DONTWAIT) != sizeof(a) || v)
		return false;
	return wait_for(client) && read(client, &byte, 1) == 1;
}

void join_files_close(struct session *s)
{
	int *files[FILES];

	list_files(s, files);
	for (size_t i = 0; i < FILES; i++) {
		if (files[i] == &s->cdev)
			continue;
		util_close(files[i]);
		*files[i] = -1;
	}
}
