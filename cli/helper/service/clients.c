// SPDX-License-Identifier: GPL-2.0-or-later
/* Processes for clients, see clients.h. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "common/exitcode.h"
#include "common/util.h"
#include "helper/sandbox.h"
#include "helper/service/clients.h"
#include "helper/service/places.h"
#include "helper/systemd.h"

/* Sockets that may wait for a process that closes them; less if fewer files may be open. */
#define LEFT_MAX 65536
/* The most processes of one standing: those that answer, that close, and that have a place */
#define CHILDREN_MAX (3 * 64)
#define STRANGERS (~(uid_t)0)

enum kind { ANSWERS, CLOSES };

/* Limit of processes of a kind, and of places, for clients of this or a lower standing */
static const unsigned int limits[] = {
	[STANDING_NONE] = 8,
	[STANDING_GROUP] = 32,
	[STANDING_USER] = 56,
	[STANDING_TRUSTED] = 64,
};

/* The account that a process or socket counts for: a user, or all strangers together. */
struct account {
	uid_t uid;
	enum standing standing;
};

/* A process; with a @pid of 0, the entry is free. */
struct child {
	pid_t pid;
	enum kind kind;
	struct account account;
};

/* A socket to be closed. */
struct left {
	int fd;
	struct account account;
};

/**
 * struct clients - all clients
 * @answer: the function of a client's process
 * @arg: for @answer
 * @children: the processes
 * @places: places for requests of guests, by the number of a process in @children
 * @left: sockets to be closed
 * @left_count: how many
 * @left_max: room in @left
 * @waiting: a client for which no process could be started; its fd is -1 for none
 * @stalled: something must be tried again
 */
struct clients {
	client_fn answer;
	const void *arg;
	struct child children[CHILDREN_MAX];
	struct places *places;
	struct left *left;
	size_t left_count;
	size_t left_max;
	struct client waiting;
	bool stalled;
};

static struct account account_of(const struct client *c)
{
	return (struct account){ .uid = c->standing == STANDING_NONE ? STRANGERS : c->peer.uid,
				 .standing = c->standing };
}

/* With another group, a user may have another standing, but not more processes. */
static bool same(const struct account *a, const struct account *b)
{
	return a->uid == b->uid;
}

struct clients *clients_new(client_fn answer, const void *arg)
{
	struct clients *cl = calloc(1, sizeof(*cl));
	struct rlimit files = { .rlim_cur = 1024, .rlim_max = 1024 };

	if (!cl)
		return NULL;
	cl->answer = answer;
	cl->arg = arg;
	cl->waiting.fd = -1;
	if (!getrlimit(RLIMIT_NOFILE, &files)) {
		files.rlim_cur = files.rlim_max < 2 * LEFT_MAX ? files.rlim_max : 2 * LEFT_MAX;
		/* if the limit cannot be raised, it stays */
		setrlimit(RLIMIT_NOFILE, &files);
		getrlimit(RLIMIT_NOFILE, &files);
	}
	cl->left_max = files.rlim_cur < 2 * LEFT_MAX ? files.rlim_cur / 2 : LEFT_MAX;
	cl->left = calloc(cl->left_max ?: 1, sizeof(*cl->left));
	cl->places = places_new(CHILDREN_MAX);
	if (!cl->left || !cl->places) {
		clients_free(cl);
		return NULL;
	}
	return cl;
}

void clients_free(struct clients *cl)
{
	if (cl) {
		free(cl->left);
		places_free(cl->places);
	}
	free(cl);
}

/* Whether a process counts here. A process with a place for a guest's request counts there. */
static bool counts(const struct clients *cl, size_t i, enum kind kind)
{
	return cl->children[i].pid && cl->children[i].kind == kind && !places_has(cl->places, i);
}

static unsigned int count_of(const struct clients *cl, enum kind kind, const struct account *a)
{
	unsigned int n = 0;

	for (size_t i = 0; i < CHILDREN_MAX; i++)
		n += counts(cl, i, kind) && same(&cl->children[i].account, a);
	return n;
}

static unsigned int count_up_to(const struct clients *cl, enum kind kind, enum standing most)
{
	unsigned int n = 0;

	for (size_t i = 0; i < CHILDREN_MAX; i++)
		n += counts(cl, i, kind) && cl->children[i].account.standing <= most;
	return n;
}

/* Return: the entry for the next process; CHILDREN_MAX if there is no room. */
static size_t find_free(const struct clients *cl)
{
	size_t i = 0;

	while (i < CHILDREN_MAX && cl->children[i].pid)
		i++;
	return i;
}

/* A process counts for the limit of its standing, and for those of all higher ones. */
static bool may_start(const struct clients *cl, enum kind kind, const struct account *a)
{
	for (enum standing s = a->standing; s <= STANDING_TRUSTED; s++)
		if (count_up_to(cl, kind, s) >= limits[s])
			return false;
	return count_of(cl, kind, a) < CLIENTS_PER_ACCOUNT && find_free(cl) < CHILDREN_MAX;
}

static void note_child(struct clients *cl, pid_t pid, enum kind kind, const struct account *a)
{
	size_t i = find_free(cl);

	if (i < CHILDREN_MAX)
		cl->children[i] = (struct child){ .pid = pid, .kind = kind, .account = *a };
}

static int compare(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* Closes everything except the standard files and @fds. Sorts @fds. */
static void keep_only(int *fds, size_t n)
{
	int next = 3;

	qsort(fds, n, sizeof(*fds), compare);
	for (size_t i = 0; i < n; i++) {
		if (fds[i] > next)
			close_range((unsigned int)next, (unsigned int)fds[i] - 1, 0);
		next = fds[i] + 1;
	}
	close_range((unsigned int)next, ~0U, 0);
}

/* Waits until the other end of the pipe is closed. */
static void wait_for_end(int fd)
{
	char byte;

	while (read(fd, &byte, 1) < 0 && errno == EINTR)
		;
}

/* Runs the child. It keeps only @fds of the service's files; @fds has room for two more. */
static void become(const struct clients *cl, int *fds, size_t n, int ready, int go,
		   const struct client *c)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	systemd_forget();
	fds[n] = ready;
	fds[n + 1] = go;
	keep_only(fds, n + 2);
	close(ready);
	wait_for_end(go);
	close(go);
	if (c && !sandbox_filter(SANDBOX_CLIENT))
		cl->answer(cl->arg, c);
	/* this closes the rest. Unlike close(), it does not wait for a socket that lingers. */
	_exit(EXIT_DONE);
}

/*
 * Starts a child that gets the sockets @fds, to answer @c, or to close them if @c is NULL.
 * First the child closes its copies of other clients' sockets, because it must not have the
 * last copy of these. Then this process closes its copies of @fds. Only then does the child
 * go on. Return: its process ID, or -1 if nothing has changed.
 */
static pid_t start(const struct clients *cl, int *fds, size_t n, const struct client *c)
{
	int ready[2], go[2];
	pid_t pid;

	if (pipe2(ready, O_CLOEXEC))
		return -1;
	if (pipe2(go, O_CLOEXEC)) {
		close(ready[0]);
		close(ready[1]);
		return -1;
	}
	pid = fork();
	if (pid == 0) {
		close(ready[0]);
		close(go[1]);
		become(cl, fds, n, ready[1], go[0], c);
	}
	close(ready[1]);
	close(go[0]);
	if (pid > 0) {
		wait_for_end(ready[0]);
		for (size_t i = 0; i < n; i++)
			close(fds[i]);
	}
	close(ready[0]);
	close(go[1]);
	return pid;
}

static void start_client(struct clients *cl, const struct client *c)
{
	int fds[3] = { c->fd };
	struct account account = account_of(c);
	struct client own = *c;
	pid_t pid;

	own.places = cl->places;
	own.number = find_free(cl);
	if (own.number < CHILDREN_MAX) {
		places_enter(cl->places, own.number, account.uid, limits[account.standing]);
		pid = start(cl, fds, 1, &own);
		if (pid > 0) {
			note_child(cl, pid, ANSWERS, &account);
			return;
		}
	}
	cl->waiting = *c;
	cl->stalled = true;
}

int clients_start(struct clients *cl, const struct client *c)
{
	struct account account = account_of(c);

	if (!may_start(cl, ANSWERS, &account))
		return -EAGAIN;
	start_client(cl, c);
	return 0;
}

/* Starts one process that closes all left sockets of an account. */
static void close_left(struct clients *cl, const struct account *a)
{
	cleanup_free int *fds = calloc(cl->left_count + 2, sizeof(*fds));
	size_t n = 0, kept = 0;
	pid_t pid;

	for (size_t i = 0; fds && i < cl->left_count; i++)
		if (same(&cl->left[i].account, a))
			fds[n++] = cl->left[i].fd;
	if (fds && !n)
		return;
	pid = fds ? start(cl, fds, n, NULL) : -1;
	if (pid <= 0) {
		cl->stalled = true;
		return;
	}
	note_child(cl, pid, CLOSES, a);
	for (size_t i = 0; i < cl->left_count; i++)
		if (!same(&cl->left[i].account, a))
			cl->left[kept++] = cl->left[i];
	cl->left_count = kept;
}

/* Starts one process at a time; another one if that is stuck and many sockets have come since. */
static void close_if_due(struct clients *cl, const struct account *a)
{
	size_t n = 0;

	if (!may_start(cl, CLOSES, a))
		return;
	if (count_of(cl, CLOSES, a)) {
		for (size_t i = 0; i < cl->left_count; i++)
			n += same(&cl->left[i].account, a);
		if (n < cl->left_max / 4)
			return;
	}
	close_left(cl, a);
}

void clients_drop(struct clients *cl, const struct client *c)
{
	struct account account = account_of(c);

	/* there is room, see clients_ready() */
	cl->left[cl->left_count++] = (struct left){ .fd = c->fd, .account = account };
	close_if_due(cl, &account);
}

bool clients_ready(const struct clients *cl)
{
	return !cl->stalled && cl->left_count < cl->left_max;
}

void clients_stall(struct clients *cl)
{
	cl->stalled = true;
}

bool clients_stalled(const struct clients *cl)
{
	return cl->stalled;
}

void clients_retry(struct clients *cl)
{
	struct client c = cl->waiting;
	struct account account;
	size_t i = 0;

	cl->stalled = false;
	cl->waiting.fd = -1;
	if (c.fd >= 0)
		start_client(cl, &c);
	while (!cl->stalled && i < cl->left_count) {
		account = cl->left[i].account;
		if (!count_of(cl, CLOSES, &account) && may_start(cl, CLOSES, &account)) {
			close_left(cl, &account);
			i = 0;
		} else {
			i++;
		}
	}
}

void clients_reap(struct clients *cl)
{
	struct account account;
	pid_t pid;

	while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
		for (size_t i = 0; i < CHILDREN_MAX; i++) {
			if (cl->children[i].pid != pid)
				continue;
			account = cl->children[i].account;
			cl->children[i].pid = 0;
			places_leave(cl->places, i, pid);
			close_if_due(cl, &account);
		}
	clients_retry(cl);
}

bool clients_idle(const struct clients *cl)
{
	for (size_t i = 0; i < CHILDREN_MAX; i++)
		if (cl->children[i].pid && cl->children[i].kind == ANSWERS)
			return false;
	return cl->waiting.fd < 0;
}

void clients_leave(struct clients *cl, int listen)
{
	size_t n = 0;
	cleanup_free int *fds = calloc(cl->left_count + 4, sizeof(*fds));

	if (!fds)
		return;
	for (; n < cl->left_count; n++)
		fds[n] = cl->left[n].fd;
	if (listen >= 0)
		fds[n++] = listen;
	/* a client that waits can get a process until the last call */
	else if (cl->waiting.fd >= 0)
		fds[n++] = cl->waiting.fd;
	if (n && start(cl, fds, n, NULL) > 0)
		cl->left_count = 0;
}
