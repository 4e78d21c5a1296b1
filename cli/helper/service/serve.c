// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The service: a VMM passes its cdev file, and asks for a bind, an unbind or the state,
 * or has a request of its guest passed to the TSM.
 *
 * A process of its own answers each client, see clients.h: a file from a client can stall a
 * process that looks at it or closes it, and a TSM may be slow.
 */
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <syslog.h>
#include <time.h>

#include "common/exitcode.h"
#include "common/rundir.h"
#include "helper/guest.h"
#include "helper/lock.h"
#include "helper/sandbox.h"
#include "helper/service/clients.h"
#include "helper/service/places.h"
#include "helper/service/rules.h"
#include "helper/service/serve.h"
#include "helper/service/steps.h"
#include "helper/signals.h"
#include "helper/socket.h"
#include "helper/step.h"
#include "helper/systemd.h"

/* How long the service waits at its end for clients that are being answered */
#define END_SECONDS 10

/**
 * struct service - the service
 * @sysfs: root of sysfs
 * @rules: the permissions of clients
 * @listen: the socket
 * @signals: signalfd
 * @run: directory of the socket, -1 if systemd passed the socket
 * @name: the socket's name there
 * @lock: lock file there
 * @clients: clients that are being answered
 * @code: exit code of a failed start, or 0 for the exit code of the errno
 */
struct service {
	const char *sysfs;
	struct rules *rules;
	int listen;
	int signals;
	int run;
	const char *name;
	int lock;
	struct clients *clients;
	int code;
};

/* Whether to log a request. Requests of guests and for the state can come too often for that. */
static bool is_noted(const struct request *r)
{
	return r->kind == REQUEST_BIND || r->kind == REQUEST_UNBIND;
}

/* Writes a line for the journal. */
static void note(const struct request *r, const struct peer *peer, const struct verdict *v)
{
	struct json_object *obj = say_event("request", r->device);

	json_object_object_add(obj, "request", json_object_new_string(request_name(r->kind)));
	json_object_object_add(obj, "uid", json_object_new_int64(peer->uid));
	json_object_object_add(obj, "gid", json_object_new_int64(peer->gid));
	json_object_object_add(obj, "errno",
			       v ? json_object_new_string(strerrorname_np(-v->err) ?: "?") : NULL);
	say(v ? LOG_WARNING : LOG_INFO, obj);
}

static void refuse_request(const struct conn *c, const struct request *r, const struct peer *peer,
			   int err)
{
	struct verdict v = { .err = err, .step = "isolate" };

	if (err == -EACCES) {
		v.step = "permission";
		v.hint = "the administrator allows it in " RULES_PATH;
	}
	util_copy(v.message, sizeof(v.message),
		  err == -EACCES ? "this user may not send this request for this device" :
				   "cannot drop its privileges");
	listen_answer(c, r, NULL, &v);
	/* requests that are not allowed can come as often as others */
	if (is_noted(r) || err != -EACCES)
		note(r, peer, &v);
}

static void answer_request(const struct service *sv, struct conn *c, const struct client *client,
			   const struct request *r)
{
	const struct peer *peer = &client->peer;
	struct session s = SESSION_INIT;
	struct verdict v;
	enum permission permission = rules_allow(sv->rules, peer, r);
	int ret = permission ? sandbox_filter(steps_role(r)) : -EACCES;

	if (ret) {
		refuse_request(c, r, peer, ret);
		return;
	}
	s.sysfs = sv->sysfs;
	s.client = client;
	s.must_be_admitted = permission == PERMISSION_ADMITTED;
	s.cdev = c->file;
	s.mode = VDEVICE_ALWAYS;
	s.vdevice = r->vdevice_id;
	s.guest.buffer = c->buffer;
	s.guest.scope = r->scope;
	s.guest.request_len = r->request_len;
	s.guest.response_len = r->response_len;
	util_copy(s.name, sizeof(s.name), r->device);
	ret = steps_run(&s, steps_of(r, c->file >= 0), &v);
	/* after the answer, the VMM may close the device: that must be the last close */
	guest_free(&s);
	session_drop(&s);
	c->file = -1;
	c->buffer = -1;
	/* after the answer, the VMM may send its next request */
	places_finish(client->places, client->number);
	listen_answer(c, r, &s, ret ? &v : NULL);
	if (is_noted(r))
		note(r, peer, ret ? &v : NULL);
}

/* Runs in the client's own process. */
static void answer_client(const void *arg, const struct client *client)
{
	struct conn c = { .fd = client->fd, .file = -1, .buffer = -1 };
	struct verdict v;
	struct request r;

	if (listen_request(&c, &r, &v))
		listen_answer(&c, NULL, NULL, &v);
	else
		answer_request(arg, &c, client, &r);
}

static const struct cause refusals[] = {
	{ -EACCES, EXIT_FAILED, "this user may not ask for anything",
	  "the administrator allows it in " RULES_PATH },
	{ -EAGAIN, EXIT_FAILED, "too many requests of this user at a time",
	  "wait for their answers" },
	{}
};

/* Refuses a client without reading its request, which only a process of its own may do. */
static void refuse(int fd, int err)
{
	struct conn c = { .fd = fd, .file = -1, .buffer = -1 };
	struct verdict v = { .err = err, .step = "permission" };
	const struct cause *a = cause_find(refusals, err);

	util_copy(v.message, sizeof(v.message), a ? a->message : strerror(-err));
	v.hint = a ? a->hint : NULL;
	listen_answer(&c, NULL, NULL, &v);
	/* the client can send nothing more */
	shutdown(fd, SHUT_RDWR);
}

static void take_client(struct service *sv)
{
	struct client c = { .fd = accept4(sv->listen, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK) };
	int ret = -EACCES;

	if (c.fd < 0) {
		/* no descriptor is free: try again later, not at once and in a loop */
		if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
			clients_stall(sv->clients);
		return;
	}
	if (!conn_peer(c.fd, &c.peer))
		c.standing = rules_standing(sv->rules, &c.peer);
	if (c.standing != STANDING_NONE)
		ret = clients_start(sv->clients, &c);
	if (!ret)
		return;
	refuse(c.fd, ret);
	clients_drop(sv->clients, &c);
}

/* Return: true if the service has to end. */
static bool read_signals(struct service *sv)
{
	struct signalfd_siginfo info;
	bool end = false;

	while (read(sv->signals, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGCHLD)
			clients_reap(sv->clients);
		else
			end = true;
	}
	return end;
}

static void run_loop(struct service *sv)
{
	struct pollfd fds[2] = { { .fd = sv->signals, .events = POLLIN } };
	int n;

	for (;;) {
		fds[1] = (struct pollfd){
			.fd = clients_ready(sv->clients) ? sv->listen : -1,
			.events = POLLIN,
		};
		n = poll(fds, ARRAY_SIZE(fds),
			 clients_stalled(sv->clients) ? CLIENTS_RETRY_MS : -1);
		if (n < 0 && errno != EINTR)
			return;
		if (n == 0)
			clients_retry(sv->clients);
		if (fds[0].revents && read_signals(sv))
			return;
		if (fds[1].revents & POLLIN && clients_ready(sv->clients))
			take_client(sv);
		else if (fds[1].revents & ~POLLIN)
			return;
	}
}

/* Waits for the clients that are being answered, but not too long. */
static void wait_for_clients(struct service *sv)
{
	struct pollfd pfd = { .fd = sv->signals, .events = POLLIN };
	struct timespec now, end;

	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += END_SECONDS;
	do {
		clients_reap(sv->clients);
		if (clients_idle(sv->clients) || poll(&pfd, 1, CLIENTS_RETRY_MS) < 0)
			return;
		read_signals(sv);
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (now.tv_sec < end.tv_sec);
}

static int fail(const char *step, int err, const char *message, const char *hint)
{
	say_failure(NULL, step, err, message, hint);
	return err;
}

static int fail_trust(struct service *sv, const char *step, int err, const char *path,
		      const struct trust_fault *fault)
{
	struct verdict v = { .err = err, .step = step };

	say_distrust(&v, path, fault);
	sv->code = say_verdict(NULL, &v);
	return v.err;
}

static int open_socket(struct service *sv, const char *path)
{
	cleanup_free char *dir = NULL, *lock = NULL;
	const char *slash = strrchr(path, '/');
	struct trust_fault fault = { .why = "" };
	unsigned int other = 0;
	char message[64];

	if (asprintf(&dir, "%.*s", (int)(slash - path) ?: 1, path) < 0 ||
	    asprintf(&lock, "%s.lock", path) < 0)
		return -ENOMEM;
	sv->name = slash + 1;
	sv->run = run_dir_open(dir, true, &fault);
	if (sv->run == -EPERM && fault.why[0])
		return fail_trust(sv, "listen", sv->run, dir, &fault);
	if (sv->run < 0)
		return fail("listen", sv->run, "cannot use the directory of the socket", NULL);
	sv->lock = lock_file(sv->run, lock + (sv->name - path), lock, &other, &fault);
	if (sv->lock == -EBUSY) {
		snprintf(message, sizeof(message), "process %u listens on this socket", other);
		return fail("lock", -EBUSY, message, "stop that process first");
	}
	if (sv->lock < 0 && fault.why[0])
		return fail_trust(sv, "lock", sv->lock, lock, &fault);
	if (sv->lock < 0)
		return fail("lock", sv->lock, "cannot lock the lock file of the socket", NULL);
	/* every user may connect; the rules decide what each may ask for */
	sv->listen = listen_at(sv->run, sv->name, SOCK_STREAM, 0666);
	if (sv->listen < 0)
		return fail("listen", sv->listen, "cannot listen on the socket", NULL);
	return 0;
}

static const struct cause config_causes[] = {
	{ -EINVAL, EXIT_USAGE, NULL, "see tsm-bind-helper.json(5)" },
	{ -E2BIG, EXIT_USAGE, NULL, "see tsm-bind-helper.json(5)" },
	{ -EFBIG, EXIT_USAGE, NULL, "see tsm-bind-helper.json(5)" },
	{ -ENOENT, EXIT_USAGE, NULL, "make the file, or start without --config" },
	{ -EACCES, EXIT_NOT_PERMITTED, NULL,
	  "the service's user must be able to read it: modes 0644, and 0755 of its directory" },
	{}
};

static int fail_config(struct service *sv, const char *path, int err, const char *why)
{
	const struct cause *a = cause_find(config_causes, err);
	struct verdict v = { .err = err, .step = "configuration" };
	cleanup_free char *safe = util_printable(why);

	v.hint = a ? a->hint : "see tsm-bind-helper.json(5)";
	sv->code = a ? a->code : exit_code_of(err);
	snprintf(v.message, sizeof(v.message), "%.80s: %.100s", path, safe ?: "?");
	say_verdict(NULL, &v);
	return err;
}

static int start(struct service *sv, const struct invocation *in)
{
	struct trust_fault fault = { .why = "" };
	cleanup_free char *why = NULL;
	int ret = rules_load(in->config, &sv->rules, &why, &fault);

	if (fault.why[0])
		return fail_trust(sv, "configuration", ret, in->config ?: RULES_PATH, &fault);
	if (ret)
		return fail_config(sv, in->config ?: RULES_PATH, ret, why ?: strerror(-ret));
	sv->signals = signals_watch(true);
	if (sv->signals < 0)
		return fail("isolate", sv->signals, "cannot set up its handling of signals", NULL);
	if (in->listen)
		ret = open_socket(sv, in->listen);
	else
		sv->listen = SYSTEMD_LISTEN_FD;
	if (ret)
		return ret;
	if (fcntl(sv->listen, F_SETFL, O_NONBLOCK))
		return fail("listen", -errno, "cannot listen on the socket", NULL);
	sv->clients = clients_new(answer_client, sv);
	if (!sv->clients)
		return fail("isolate", -ENOMEM, "cannot prepare for clients", NULL);
	/* clients pass all files that a request needs, so no privilege is needed */
	ret = sandbox_caps(NULL, 0) ?: sandbox_filter(SANDBOX_SERVE);
	return ret ? fail("isolate", ret, "cannot drop its privileges", NULL) : 0;
}

static void finish(struct service *sv)
{
	if (sv->listen >= 0 && sv->name)
		unlinkat(sv->run, sv->name, 0);
	/* the lock file stays, because removing it would race with the next service */
	if (sv->lock >= 0 && ftruncate(sv->lock, 0))
		say_failure(NULL, "unlock", -errno, "cannot empty the lock file", NULL);
	util_close(&sv->listen);
	util_close(&sv->signals);
	util_close(&sv->lock);
	util_close(&sv->run);
	clients_free(sv->clients);
	rules_free(sv->rules);
}

int serve(struct invocation *in)
{
	struct service sv = {
		.sysfs = in->s.sysfs, .listen = -1, .signals = -1, .run = -1, .lock = -1
	};
	int ret = start(&sv, in);
	struct json_object *obj;

	if (!ret) {
		obj = say_event("listening", NULL);
		json_object_object_add(obj, "pid", json_object_new_int(getpid()));
		say(LOG_INFO, obj);
		systemd_tell("READY=1");
		run_loop(&sv);
		systemd_tell("STOPPING=1");
		if (sv.name)
			unlinkat(sv.run, sv.name, 0);
		/* a child closes the sockets of clients that were not accepted */
		clients_leave(sv.clients, sv.listen);
		sv.listen = -1;
		wait_for_clients(&sv);
		clients_leave(sv.clients, -1);
	}
	finish(&sv);
	if (!ret)
		return EXIT_DONE;
	return sv.code ?: exit_code_of(ret);
}
