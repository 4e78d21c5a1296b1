// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A holder's own socket, on which root asks for the state or for an unbind. It is for a
 * process that cannot send a signal, such as one in a container with the run directory.
 */
#include <errno.h>
#include <sys/socket.h>

#include "common/exitcode.h"
#include "common/rundir.h"
#include "helper/control.h"
#include "helper/socket.h"

int control_listen(struct session *s)
{
	char name[RUN_NAME_LEN];
	int fd;

	s->run = run_dir_open(s->run_dir, true, &s->fault);
	if (s->run < 0)
		return s->run;
	run_file_name(name, s->name, RUN_SOCKET);
	fd = listen_at(s->run, name, SOCK_STREAM, 0600);
	if (fd < 0)
		return fd;
	s->control = fd;
	return 0;
}

void control_remove(struct session *s)
{
	char name[RUN_NAME_LEN];

	run_file_name(name, s->name, RUN_SOCKET);
	if (s->control >= 0)
		unlinkat(s->run, name, 0);
	run_file_name(name, s->name, RUN_JOIN);
	if (s->join >= 0)
		unlinkat(s->run, name, 0);
	util_close(&s->control);
	util_close(&s->join);
	util_close(&s->run);
	s->control = -1;
	s->join = -1;
	s->run = -1;
}

static int check(const struct session *s, const struct request *r, struct verdict *v)
{
	*v = (struct verdict){ .step = "request", .code = EXIT_FAILED };
	if (!streq(r->device, s->name)) {
		v->err = -ENODEV;
		snprintf(v->message, sizeof(v->message), "this is the holder of %s", s->name);
	} else if (r->kind == REQUEST_BIND) {
		v->err = -EALREADY;
		util_copy(v->message, sizeof(v->message), "a holder has bound its device");
		v->hint = "ask for unbind, and start a holder again";
	} else if (r->kind == REQUEST_GUEST) {
		v->err = -EOPNOTSUPP;
		util_copy(v->message, sizeof(v->message), "a holder's device has no guest");
	}
	return v->err;
}

bool control_ask(const struct session *s, struct conn *c)
{
	struct request r;
	struct verdict v;
	struct peer peer;

	*c = (struct conn){ .file = -1, .buffer = -1 };
	c->fd = accept4(s->control, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (c->fd < 0)
		return false;
	/* the mode of the socket allows no other user either, but modes can be changed */
	if (conn_peer(c->fd, &peer) || (peer.uid != 0 && peer.uid != geteuid()))
		;
	else if (listen_request(c, &r, &v))
		listen_answer(c, NULL, NULL, &v);
	else if (check(s, &r, &v))
		listen_answer(c, &r, s, &v);
	else if (r.kind == REQUEST_UNBIND)
		return true;
	else
		listen_answer(c, &r, s, NULL);
	conn_close(c);
	return false;
}

void control_done(const struct session *s, struct conn *c, const struct verdict *v)
{
	struct request r = { .kind = REQUEST_UNBIND };

	util_copy(r.device, sizeof(r.device), s->name);
	listen_answer(c, &r, s, v);
	conn_close(c);
}
