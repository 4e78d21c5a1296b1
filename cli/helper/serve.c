// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The service: a VMM passes its cdev file, and asks for a bind, an unbind or the state.
 *
 * Each client is answered by a process of its own. A file from a stranger can stall
 * whoever looks at it or closes it (one of a FUSE file system, a socket that lingers),
 * and a TSM may take its time: all of that is the problem of the one process and of
 * the one user, whose number of processes is limited. For the same reason this
 * process never has a client's last reference, see answer_apart().
 */
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <syslog.h>
#include <time.h>

#include "exitcode.h"
#include "listen.h"
#include "modes.h"
#include "rules.h"
#include "sandbox.h"
#include "systemd.h"

#define CLIENTS_MAX 64
#define CLIENTS_PER_USER 8
/* How long clients that are being answered may take when the service is to end */
#define END_SECONDS 10

/**
 * struct service - the service
 * @sysfs: root of sysfs
 * @rules: who may ask for what
 * @listen: the socket
 * @signals: signalfd
 * @run: directory of the socket, -1 if it is systemd's
 * @name: the socket's name there
 * @lock: lock file there
 * @clients: who is being answered; a process of 0 is a free place
 */
struct service {
	const char *sysfs;
	struct rules *rules;
	int listen;
	int signals;
	int run;
	const char *name;
	int lock;
	struct {
		pid_t pid;
		uid_t uid;
	} clients[CLIENTS_MAX];
};

static int check_file(struct session *s)
{
	if (s->cdev < 0)
		return -EBADF;
	if (!cdev_is(s, s->cdev))
		return -ENXIO;
	return cdev_in_use(s->cdev) ? 0 : -ENOTCONN;
}

static const struct answer file_answers[] = {
	{ -EBADF, NULL, EXIT_FAILED, "no file came with the request",
	  "pass the open cdev file with SCM_RIGHTS" },
	{ -ENXIO, NULL, EXIT_FAILED, "the file is not the cdev of this device",
	  "pass the file of /dev/vfio/devices that belongs to the device" },
	{ -ENOTCONN, NULL, EXIT_FAILED, "the file was not given to an iommufd",
	  "first KVM_DEV_VFIO_FILE_ADD, then VFIO_DEVICE_BIND_IOMMUFD" },
	{}
};

#define CHECKING                                              \
	{ "find cdev", cdev_find, find_answers, false },      \
	{                                                     \
		"check file", check_file, file_answers, false \
	}

static const struct step bind_steps[] = {
	CHECKING,
	{ "bind", vdevice_bind, bind_answers, true },
	{},
};

static const struct step unbind_steps[] = {
	CHECKING,
	{ "unbind", tdi_unbind, unbind_answers, false },
	{},
};

/* A file is not needed for this, but it must not be a wrong one. */
static const struct step state_with_file_steps[] = { CHECKING, {} };
static const struct step state_steps[] = {
	{ "find cdev", cdev_find, find_answers, false },
	{},
};

static const struct step *steps_of(const struct request *r, const struct conn *c)
{
	switch (r->kind) {
	case REQUEST_BIND:
		return bind_steps;
	case REQUEST_UNBIND:
		return unbind_steps;
	default:
		return c->file < 0 ? state_steps : state_with_file_steps;
	}
}

/* A line for the journal. */
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

static void answer_request(const struct service *sv, struct conn *c, const struct peer *peer,
			   const struct request *r)
{
	struct session s = SESSION_INIT;
	struct verdict v;
	int ret;

	if (!rules_allow(sv->rules, peer, r)) {
		v = (struct verdict){ .err = -EACCES, .step = "permission" };
		util_copy(v.message, sizeof(v.message),
			  "this user may not ask for this of this device");
		v.hint = "the administrator allows it in " RULES_PATH;
		listen_answer(c, r, NULL, &v);
		note(r, peer, &v);
		return;
	}
	s.sysfs = sv->sysfs;
	s.cdev = c->file;
	s.mode = VDEVICE_ALWAYS;
	s.vdevice = r->vdevice_id;
	util_copy(s.name, sizeof(s.name), r->device);
	ret = steps_run(&s, steps_of(r, c), &v);
	/* a VMM that has its answer may close the device, and that is to be the last close */
	session_drop(&s);
	c->file = -1;
	listen_answer(c, r, &s, ret ? &v : NULL);
	if (r->kind != REQUEST_STATE)
		note(r, peer, ret ? &v : NULL);
}

/* In a process of the client's own; @refuse is why it is not heard, or 0. */
static void answer_client(const struct service *sv, int fd, const struct peer *peer, int refuse)
{
	struct conn c = { .fd = fd, .file = -1 };
	struct verdict v = { .err = refuse, .step = "permission" };
	struct request r;

	if (refuse) {
		util_copy(v.message, sizeof(v.message),
			  refuse == -EAGAIN ? "too many requests of this user at a time" :
					      "this user may not ask for anything");
		v.hint = refuse == -EAGAIN ? "wait for their answers" :
					     "the administrator allows it in " RULES_PATH;
		listen_answer(&c, NULL, NULL, &v);
	} else if (listen_request(&c, &r, &v)) {
		listen_answer(&c, NULL, NULL, &v);
	} else {
		answer_request(sv, &c, peer, &r);
	}
	/* an end, unlike close(), does not wait for a socket that lingers */
}

/* A child: nothing of the service's own is open in it. */
static void become_client(const struct service *sv, int fd, int gate, const struct peer *peer,
			  int refuse)
{
	char byte;

	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	/* until the other copy of the client's socket is closed */
	while (read(gate, &byte, 1) < 0 && errno == EINTR)
		;
	systemd_forget();
	close_range(3, (unsigned int)fd - 1, 0);
	close_range((unsigned int)fd + 1, ~0U, 0);
	if (sandbox_filter(SANDBOX_CLIENT))
		_exit(EXIT_FAILED);
	answer_client(sv, fd, peer, refuse);
	_exit(EXIT_DONE);
}

/*
 * Starts a process for a client. It waits until this one has closed its copy of the
 * socket: whoever closes the last copy closes the files that are on their way, too.
 */
static pid_t answer_apart(const struct service *sv, int fd, const struct peer *peer, int refuse)
{
	int gate[2];
	pid_t pid;

	if (pipe2(gate, O_CLOEXEC))
		return -1;
	pid = fork();
	if (pid == 0) {
		close(gate[1]);
		become_client(sv, fd, gate[0], peer, refuse);
	}
	close(fd);
	close(gate[0]);
	close(gate[1]);
	return pid;
}

static size_t free_place(const struct service *sv)
{
	size_t i = 0;

	while (i < CLIENTS_MAX && sv->clients[i].pid)
		i++;
	return i;
}

static unsigned int count_of(const struct service *sv, uid_t uid)
{
	unsigned int n = 0;

	for (size_t i = 0; i < CLIENTS_MAX; i++)
		n += sv->clients[i].pid && sv->clients[i].uid == uid;
	return n;
}

static void take_client(struct service *sv)
{
	size_t place = free_place(sv);
	int fd, refuse = 0;
	struct peer peer;
	pid_t pid;

	fd = accept4(sv->listen, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0)
		return;
	if (conn_peer(fd, &peer) || !rules_know(sv->rules, &peer))
		refuse = -EACCES;
	else if (count_of(sv, peer.uid) >= CLIENTS_PER_USER)
		refuse = -EAGAIN;
	pid = answer_apart(sv, fd, &peer, refuse);
	if (pid <= 0)
		return;
	sv->clients[place].pid = pid;
	/* who is refused does not count: it takes no time */
	sv->clients[place].uid = refuse ? (uid_t)-1 : peer.uid;
}

static void reap(struct service *sv)
{
	pid_t pid;

	while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
		for (size_t i = 0; i < CLIENTS_MAX; i++)
			if (sv->clients[i].pid == pid)
				sv->clients[i].pid = 0;
}

static bool is_idle(const struct service *sv)
{
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		if (sv->clients[i].pid)
			return false;
	return true;
}

/* Answers true when the service is to end. */
static bool read_signals(struct service *sv)
{
	struct signalfd_siginfo info;
	bool end = false;

	while (read(sv->signals, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGCHLD)
			reap(sv);
		else
			end = true;
	}
	return end;
}

static void run_loop(struct service *sv)
{
	struct pollfd fds[2] = { { .fd = sv->signals, .events = POLLIN } };

	for (;;) {
		fds[1] = (struct pollfd){
			.fd = free_place(sv) < CLIENTS_MAX ? sv->listen : -1,
			.events = POLLIN,
		};
		if (poll(fds, ARRAY_SIZE(fds), -1) < 0 && errno != EINTR)
			return;
		if (fds[0].revents && read_signals(sv))
			return;
		if (fds[1].revents & POLLIN)
			take_client(sv);
		else if (fds[1].revents)
			return;
	}
}

/* Who is being answered gets the answer, if it does not take too long. */
static void wait_for_clients(struct service *sv)
{
	struct pollfd pfd = { .fd = sv->signals, .events = POLLIN };
	struct timespec now, end;

	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += END_SECONDS;
	do {
		reap(sv);
		if (is_idle(sv) || poll(&pfd, 1, 1000) < 0)
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

static int open_socket(struct service *sv, const char *path)
{
	cleanup_free char *dir = NULL, *lock = NULL;
	const char *slash = strrchr(path, '/');
	unsigned int other = 0;
	char message[64];

	if (asprintf(&dir, "%.*s", (int)(slash - path) ?: 1, path) < 0 ||
	    asprintf(&lock, "%s.lock", slash + 1) < 0)
		return -ENOMEM;
	sv->name = slash + 1;
	sv->run = run_dir_open(dir);
	if (sv->run < 0)
		return fail("listen", sv->run, "cannot use the directory of the socket",
			    "it must belong to root, and nobody else may write to it");
	sv->lock = lock_file(sv->run, lock, &other);
	if (sv->lock == -EBUSY) {
		snprintf(message, sizeof(message), "process %u listens there", other);
		return fail("lock", -EBUSY, message, "stop it first");
	}
	if (sv->lock < 0)
		return fail("lock", sv->lock, "cannot lock the place of the socket", NULL);
	/* anybody may ask; who gets what is for the rules to say */
	sv->listen = listen_at(sv->run, sv->name, 0666);
	if (sv->listen < 0)
		return fail("listen", sv->listen, "cannot listen there", NULL);
	return 0;
}

static int fail_config(const char *path, int err, const char *why)
{
	struct verdict v = { .err = err,
			     .step = "configuration",
			     .hint = "see tsm-bind-helper.json(5)" };
	cleanup_free char *safe = util_printable(why);

	snprintf(v.message, sizeof(v.message), "%.80s: %.100s", path, safe ?: "?");
	say_verdict(NULL, &v);
	return err;
}

static int start(struct service *sv, const struct invocation *in)
{
	cleanup_free char *why = NULL;
	int ret = rules_load(in->config, &sv->rules, &why);

	if (ret)
		return fail_config(in->config, ret, why ?: strerror(-ret));
	sv->signals = watch_signals(true);
	if (sv->signals < 0)
		return fail("isolate", sv->signals, "cannot watch for signals", NULL);
	if (in->listen)
		ret = open_socket(sv, in->listen);
	else
		sv->listen = SYSTEMD_LISTEN_FD;
	if (ret)
		return ret;
	if (fcntl(sv->listen, F_SETFL, O_NONBLOCK))
		return fail("listen", -errno, "cannot listen there", NULL);
	/* its clients bring all that it takes */
	ret = sandbox_caps(NULL, 0) ?: sandbox_filter(SANDBOX_SERVE);
	return ret ? fail("isolate", ret, "cannot restrict itself", NULL) : 0;
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
		util_close(&sv.listen);
		if (sv.name)
			unlinkat(sv.run, sv.name, 0);
		sv.listen = -1;
		wait_for_clients(&sv);
	}
	finish(&sv);
	return ret ? exit_code_of(ret) : EXIT_DONE;
}
