// SPDX-License-Identifier: GPL-2.0-or-later
/* Starts tsm-bind-helper and reads its output, see helper.h. */
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#include "common/json.h"
#include "host/helper.h"
#include "host/refusal.h"
#include "report.h"
#include "waiting.h"

#ifndef LIBEXECDIR
#define LIBEXECDIR "/usr/libexec/tsmctl"
#endif

#define HELPER "tsm-bind-helper"
#define LINE_LEN 4096
/* Deeper than a line of any version of the helper */
#define LINE_DEPTH 4
/* A TSM may need long: firmware, measurements, IDE keys. */
#define START_SECONDS 60

/* Finds the helper beside this program, as in a build directory, or where it is installed. */
static int find_helper(char *path, size_t size)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	if (n > 0) {
		self[n] = '\0';
		slash = strrchr(self, '/');
		if (slash)
			*slash = '\0';
		if (snprintf(path, size, "%s/" HELPER, self) < (int)size && !access(path, X_OK))
			return 0;
	}
	util_copy(path, size, LIBEXECDIR "/" HELPER);
	return access(path, X_OK) ? -errno : 0;
}

/**
 * struct call - what the helper is to do
 * @mode: bind or unbind on a process's file; NULL to bind and hold
 * @pid: that process
 * @vdevice_id: vDEVICE in its iommufd, or NULL
 * @answer: the event that means success
 */
struct call {
	const char *mode;
	pid_t pid;
	const char *vdevice_id;
	const char *answer;
};

/* Starts the helper with @out as its output. Returns a positive errno, as posix_spawn(). */
static int spawn(const struct ctx *ctx, const char *path, const char *device,
		 const struct call *call, int out, pid_t *pid)
{
	char *argv[16] = { (char *)HELPER, (char *)"--device", (char *)device };
	char *envp[] = { NULL };
	posix_spawn_file_actions_t fa;
	posix_spawnattr_t attr;
	char number[16];
	sigset_t set;
	int argc = 3, ret;

	if (ctx->run.moved) {
		argv[argc++] = (char *)"--run-dir";
		argv[argc++] = (char *)ctx->run.path;
	}
	if (ctx->sysfs.moved) {
		argv[argc++] = (char *)"--sysfs";
		argv[argc++] = (char *)ctx->sysfs.path;
	}
	if (call->mode) {
		snprintf(number, sizeof(number), "%d", call->pid);
		argv[argc++] = (char *)"--pid";
		argv[argc++] = number;
		argv[argc++] = (char *)call->mode;
	}
	if (call->vdevice_id) {
		argv[argc++] = (char *)"--vdevice-id";
		argv[argc++] = (char *)call->vdevice_id;
	}
	posix_spawn_file_actions_init(&fa);
	posix_spawnattr_init(&attr);
	posix_spawn_file_actions_addopen(&fa, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&fa, out, 1);
	/* a caller that waits for the end of our output must not wait for the holder */
	posix_spawn_file_actions_addopen(&fa, 2, "/dev/null", O_WRONLY, 0);
	sigemptyset(&set);
	posix_spawnattr_setsigmask(&attr, &set);
	sigaddset(&set, SIGPIPE);
	posix_spawnattr_setsigdefault(&attr, &set);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK |
						POSIX_SPAWN_SETSIGDEF);
	ret = posix_spawn(pid, path, &fa, &attr, argv, envp);
	posix_spawn_file_actions_destroy(&fa);
	posix_spawnattr_destroy(&attr);
	return ret;
}

/* Waits for one line; it is "" if the helper ended without one. */
static int read_line(struct wait *w, int fd, char *line, size_t size)
{
	size_t used = 0;
	ssize_t n;
	int ret;

	for (;;) {
		ret = wait_for(w, fd);
		if (ret)
			return ret;
		n = read(fd, line + used, size - 1 - used);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n < 0)
			continue;
		used += (size_t)n;
		line[used] = '\0';
		if (n == 0 || strchr(line, '\n'))
			break;
		if (used == size - 1)
			return -EOVERFLOW;
	}
	line[strcspn(line, "\n")] = '\0';
	return 0;
}

static const char *member(struct json_object *obj, const char *key)
{
	struct json_object *v;

	if (!json_object_object_get_ex(obj, key, &v))
		return NULL;
	return json_object_get_string(v);
}

/* The process ID in a line of the helper, or 0. */
static pid_t pid_in(struct json_object *obj)
{
	struct json_object *v;
	int64_t pid;

	if (!json_object_object_get_ex(obj, "pid", &v) || !json_object_is_type(v, json_type_int))
		return 0;
	pid = json_object_get_int64(v);
	return pid > 0 && pid <= INT32_MAX ? (pid_t)pid : 0;
}

static int errno_by_name(const char *name)
{
	for (int e = 1; name && e < 256; e++) {
		const char *n = strerrorname_np(e);

		if (n && streq(n, name))
			return -e;
	}
	return -EIO;
}

/* Reports the failure that the helper has printed. The helper has ended, or soon will. */
static int report_failure(struct ctx *ctx, const struct pci_device *dev, struct json_object *obj,
			  const struct call *call, pid_t pid)
{
	const char *refused_at = member(obj, "stage");
	struct problem p = {
		.device = dev->name,
		.err = errno_by_name(member(obj, "errno")),
		.stage = member(obj, "step"),
		.hint = member(obj, "hint"),
	};
	const struct stage *s = refused_at ? stage_find(refused_at, p.err) : NULL;
	char hint[REFUSAL_HINT_LEN];
	int status;

	/* EIO: the device is quarantined, but the bind has ended */
	p.changed = call->mode && streq(call->mode, "unbind") && p.err == -EIO;
	if (waitpid(pid, &status, 0) == pid && WIFEXITED(status))
		p.code = WEXITSTATUS(status);
	if (s) {
		p.attribute = "bound";
		p.value = "1";
		p.stage = s->name;
		refusal_hint(ctx, dev, s, hint);
		p.hint = hint;
		p.code = s->code;
		return report_error(ctx, &p, "bind refused: %s (%s)", s->message,
				    strerrorname_np(-p.err) ?: "?");
	}
	return report_error(ctx, &p, "%s", member(obj, "message") ?: "the helper failed");
}

/* Gives up. On a VMM's file, the helper ends by itself, and undoes what it cannot report. */
static int report_left(struct ctx *ctx, struct problem *p, const struct call *call, pid_t pid,
		       const struct wait *w)
{
	char text[384], hint[256];

	if (!call->pid)
		kill(pid, SIGTERM);
	p->changed = true;
	wait_given_up(w, p->err, text, sizeof(text));
	snprintf(hint, sizeof(hint), "%s, process %d, %s: 'tsmctl show @'", HELPER, pid,
		 call->mode && streq(call->mode, "unbind") ?
			 "ends when the TSM has unbound it" :
			 "ends, and unbinds it, when the TSM has answered");
	p->hint = hint;
	p->code = p->err == -EINTR ? EXIT_FAILED : EXIT_BUSY;
	return report_error(ctx, p, "%s", text);
}

/*
 * Reports a helper without readable output, with the mistake in it or "". What the helper did
 * on a VMM's file is not known.
 */
static int report_silence(struct ctx *ctx, struct problem *p, const struct call *call, pid_t pid,
			  const char *why)
{
	int status;

	p->err = p->err ?: -EPROTO;
	p->changed = call->pid;
	kill(pid, SIGTERM);
	/* SIGTERM: it was still alive */
	if (waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) && WTERMSIG(status) != SIGTERM)
		return report_error(ctx, p, HELPER " was killed by signal %d", WTERMSIG(status));
	return report_error(ctx, p, HELPER " printed nothing that can be read%s%s",
			    *why ? ": " : "", why);
}

/* Runs the helper up to its first line, and interprets that. @owner: the process that has the device. */
static int run_helper(struct ctx *ctx, const struct pci_device *dev, const struct call *call,
		      pid_t *pid, pid_t *owner)
{
	struct problem p = { .device = dev->name, .attribute = HELPER, .stage = "helper" };
	char path[PATH_MAX + sizeof(HELPER)], line[LINE_LEN];
	struct json_object *obj;
	struct json_fault f;
	cleanup_fd int in = -1;
	const char *event;
	int pipefd[2];
	struct wait w;
	int ret;

	*pid = 0;
	*owner = 0;
	p.err = find_helper(path, sizeof(path));
	if (p.err) {
		p.hint = "'make install' puts it into " LIBEXECDIR;
		p.code = EXIT_FAILED;
		return report_error(ctx, &p, "cannot find " HELPER ": %s", strerror(-p.err));
	}
	if (call->mode ? !act(ctx, "run %s --device %s --pid %d %s", path, dev->name, call->pid,
			      call->mode) :
			 !act(ctx, "start %s --device %s", path, dev->name))
		return 0;
	wait_begin(&w, ctx, dev->name, START_SECONDS, HELPER);
	p.err = wait_may_step(&w);
	if (p.err)
		return report_error(ctx, &p, "cannot %s it: %s", call->mode ?: "bind",
				    wait_why(&w, p.err));
	if (pipe2(pipefd, O_CLOEXEC)) {
		p.err = -errno;
		return report_error(ctx, &p, "cannot make a pipe: %s", strerror(errno));
	}
	in = pipefd[0];
	p.err = -spawn(ctx, path, dev->name, call, pipefd[1], pid);
	close(pipefd[1]);
	if (p.err)
		return report_error(ctx, &p, "cannot start %s: %s", path, strerror(-p.err));

	snprintf(w.what, sizeof(w.what), "the TSM to %s it (" HELPER ", process %d)",
		 call->mode ?: "bind", *pid);
	p.err = read_line(&w, in, line, sizeof(line));
	wait_end(&w);
	if (p.err == -ETIMEDOUT || p.err == -EINTR)
		return report_left(ctx, &p, call, *pid, &w);
	if (p.err)
		return report_silence(ctx, &p, call, *pid, "");
	json_read(line, strlen(line), LINE_DEPTH, &obj, &f);
	event = member(obj, "event");
	*owner = pid_in(obj) ?: *pid;
	if (event && streq(event, call->answer))
		ret = 0;
	else if (event && streq(event, "error"))
		ret = report_failure(ctx, dev, obj, call, *pid);
	else
		ret = report_silence(ctx, &p, call, *pid, *line ? f.message : "");
	json_object_put(obj);
	return ret;
}

int helper_hold(struct ctx *ctx, const struct pci_device *dev, pid_t *pid, bool *joined)
{
	const struct call call = { .answer = "bound" };
	pid_t started;
	int ret = run_helper(ctx, dev, &call, &started, pid);

	/* then the helper that was started ends by itself */
	*joined = *pid != started;
	return ret;
}

int helper_bind(struct ctx *ctx, const struct pci_device *dev, pid_t vmm, const char *vdevice_id)
{
	const struct call call = {
		.mode = "bind", .pid = vmm, .vdevice_id = vdevice_id, .answer = "bound"
	};
	pid_t pid, owner;
	int ret = run_helper(ctx, dev, &call, &pid, &owner);

	/* it ends by itself, and closes its copy of the VMM's file */
	if (!ret && pid)
		waitpid(pid, NULL, 0);
	return ret;
}

int helper_unbind(struct ctx *ctx, const struct pci_device *dev, pid_t vmm)
{
	const struct call call = { .mode = "unbind", .pid = vmm, .answer = "unbound" };
	pid_t pid, owner;
	int ret = run_helper(ctx, dev, &call, &pid, &owner);

	if (!ret && pid)
		waitpid(pid, NULL, 0);
	return ret;
}
