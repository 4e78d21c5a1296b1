// SPDX-License-Identifier: GPL-2.0-or-later
/* tsmctl events: the entries of the journal about devices. */
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/wait.h>

#include "common/json.h"
#include "journal.h"
#include "report.h"
#include "verbs/event.h"
#include "verbs/common.h"

#define JOURNALCTL "/usr/bin/journalctl"
/* SyslogIdentifier of the units of tsm-bind-helper */
#define SERVICE "tsmctl-helper"
#define HOLDER "tsmctl-hold"
#define KERNEL "kernel"
/* An entry is an object; a field that is there twice is an array, of arrays if it is not text. */
#define DEPTH 4

static const char *opt_since;

static const struct poptOption options[] = {
	{ "since", 0, POPT_ARG_STRING, &opt_since, 0,
	  "only entries since this time, in a form of journalctl --since", "TIME" },
	POPT_TABLEEND
};

/**
 * struct entry - an entry of the journal; NULL for what it does not have
 * @time: when it was received
 * @source: what wrote it: tsmctl, tsmctl-helper, tsmctl-hold or kernel
 * @device: PCI address
 * @message: its text, without driver and address at the beginning
 * @root: owns the strings
 */
struct entry {
	char time[EVENT_TIME_LEN];
	const char *source;
	char device[PCI_NAME_LEN];
	const char *message;
	struct json_object *root;
};

/* A text field. NULL for an array: a field that is not UTF-8, or that is there twice. */
static const char *field(struct json_object *root, const char *key)
{
	struct json_object *value;

	return json_object_object_get_ex(root, key, &value) &&
			       json_object_is_type(value, json_type_string) ?
		       json_object_get_string(value) :
		       NULL;
}

static void take_time(struct ctx *ctx, struct entry *e)
{
	const char *text = field(e->root, "__REALTIME_TIMESTAMP");
	unsigned long long us = text ? strtoull(text, NULL, 10) : 0;
	const struct timespec time = { .tv_sec = (time_t)(us / 1000000),
				       .tv_nsec = (long)(us % 1000000) * 1000 };

	event_time(ctx, &time, e->time);
}

/* Reads "ADDRESS: " at the beginning of @text. Return: what follows, or NULL. */
static const char *take_device(struct entry *e, const char *text)
{
	const char *end = strstr(text, ": ");

	if (!end || snprintf(e->device, sizeof(e->device), "%.*s", (int)(end - text), text) >=
			    (int)sizeof(e->device))
		return NULL;
	return end + strlen(": ");
}

/* Takes a line of the kernel, if it is "vfio-pci-tsm 0000:01:00.0: ...". */
static bool take_kernel(struct entry *e)
{
	if (!starts_with(e->message, TSM_DRIVER " "))
		return false;
	e->message = take_device(e, e->message + strlen(TSM_DRIVER " "));
	return e->message;
}

/* The lines of tsm-bind-helper are JSON themselves. */
static void take_helper(struct entry *e)
{
	struct json_object *line;
	struct json_fault f;

	json_read(e->message, strlen(e->message), DEPTH, &line, &f);
	if (field(line, "device"))
		util_copy(e->device, sizeof(e->device), field(line, "device"));
	json_object_put(line);
}

/* A line that tsmctl has written to standard error as a service: "tsmctl: 0000:01:00.0: ..." */
static void take_error(struct entry *e)
{
	struct pci_addr addr;

	if (!starts_with(e->message, "tsmctl: "))
		return;
	e->message += strlen("tsmctl: ");
	if (!take_device(e, e->message) || pci_addr_parse(e->device, &addr))
		e->device[0] = '\0';
}

static bool take(struct ctx *ctx, struct entry *e)
{
	e->source = field(e->root, "SYSLOG_IDENTIFIER");
	e->message = field(e->root, "MESSAGE");
	if (!e->source || !e->message)
		return false;
	take_time(ctx, e);
	if (streq(e->source, KERNEL))
		return take_kernel(e);
	if (streq(e->source, SERVICE) || streq(e->source, HOLDER))
		take_helper(e);
	else if (field(e->root, "TSM_DEVICE"))
		util_copy(e->device, sizeof(e->device), field(e->root, "TSM_DEVICE"));
	else
		take_error(e);
	if (e->device[0] && starts_with(e->message, e->device))
		e->message += strlen(e->device) + strspn(e->message + strlen(e->device), ": ");
	return true;
}

static bool is_selected(struct ctx *ctx, const struct selection *s, const struct entry *e)
{
	struct pci_addr addr;

	if (s->implied)
		return true;
	if (pci_addr_parse(e->device, &addr))
		return false;
	for (size_t i = 0; i < s->count; i++)
		if (select_matches(ctx, &s->selectors[i], &addr))
			return true;
	return false;
}

/* An empty text is one that the line does not have. */
static const char *known(const char *text)
{
	return text && *text ? text : NULL;
}

static void add_number(struct json_object *obj, const char *key, const char *text)
{
	unsigned int number;

	json_object_object_add(
		obj, key,
		text && !util_parse_u32(text, &number) ? json_object_new_int64(number) : NULL);
}

/* Any user can write to the journal: only user and process are certain. */
static void print_text(const struct entry *e, const char *uid, const char *pid)
{
	/* the user of the session, if sudo or su has changed the user since */
	const char *login = field(e->root, "_AUDIT_LOGINUID");
	cleanup_free char *message = util_printable(e->message);
	cleanup_free char *device = util_printable(e->device);
	const char *name = field(e->root, "TSM_VERB");
	cleanup_free char *verb = util_printable(name ?: "");

	printf("%s  %-12s  %s", e->time, device && *device ? device : "-", message ?: "");
	if (streq(e->source, KERNEL))
		printf("  (kernel)\n");
	else
		printf("  (%s%s%s, user %s%s%s, process %s)\n", e->source, name ? " " : "",
		       verb ?: "", uid, login && !streq(login, uid) ? ", login of user " : "",
		       login && !streq(login, uid) ? login : "", pid);
}

static void print(struct ctx *ctx, const struct entry *e)
{
	static const struct {
		const char *key;
		const char *name;
	} texts[] = { { "verb", "TSM_VERB" },	{ "attribute", "TSM_ATTRIBUTE" },
		      { "from", "TSM_FROM" },	{ "to", "TSM_TO" },
		      { "errno", "TSM_ERRNO" }, { "note", "TSM_NOTE" } };
	const char *uid = field(e->root, "_UID"), *pid = field(e->root, "_PID");
	struct json_object *obj;

	if (!ctx->json) {
		print_text(e, uid ?: "-", pid ?: "-");
		return;
	}
	obj = json_object_new_object();
	report_add_text(obj, "time", e->time);
	report_add_text(obj, "device", known(e->device));
	report_add_text(obj, "source", e->source);
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		report_add_text(obj, texts[i].key, known(field(e->root, texts[i].name)));
	report_add_text(obj, "message", known(e->message));
	add_number(obj, "uid", uid);
	add_number(obj, "login_uid", field(e->root, "_AUDIT_LOGINUID"));
	add_number(obj, "pid", pid);
	report_object(ctx, obj);
}

/* Starts journalctl. @out: the end of a pipe from which its output can be read. */
static int start(const char *path, pid_t *pid, int *out)
{
	char *argv[] = { (char *)"journalctl",
			 (char *)"--output=json",
			 (char *)"--all",
			 (char *)"--no-pager",
			 (char *)"--quiet",
			 (char *)"SYSLOG_IDENTIFIER=" JOURNAL_IDENTIFIER,
			 (char *)"SYSLOG_IDENTIFIER=" SERVICE,
			 (char *)"SYSLOG_IDENTIFIER=" HOLDER,
			 (char *)"+",
			 (char *)"SYSLOG_IDENTIFIER=" KERNEL,
			 (char *)"_KERNEL_SUBSYSTEM=pci",
			 opt_since ? (char *)"--since" : NULL,
			 (char *)opt_since,
			 NULL };
	/* colours or a pager of the caller would change the lines */
	char *envp[] = { (char *)"LC_ALL=C.UTF-8", (char *)"SYSTEMD_COLORS=0", NULL, NULL };
	const char *zone = getenv("TZ");
	cleanup_free char *tz = NULL;
	posix_spawn_file_actions_t fa;
	posix_spawnattr_t attr;
	sigset_t set;
	int fds[2], ret;

	if (zone && asprintf(&tz, "TZ=%s", zone) < 0)
		return -ENOMEM;
	envp[2] = tz;
	if (pipe2(fds, O_CLOEXEC))
		return -errno;
	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_addopen(&fa, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&fa, fds[1], 1);
	/* journalctl ends when the reader of the pipe is gone */
	sigemptyset(&set);
	sigaddset(&set, SIGPIPE);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigdefault(&attr, &set);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF);
	ret = posix_spawn(pid, path, &fa, &attr, argv, envp);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&fa);
	close(fds[1]);
	if (ret)
		close(fds[0]);
	else
		*out = fds[0];
	return -ret;
}

/* Return: 0; -EBADMSG for a line with the mistake @f; -EPIPE if the reader is gone. */
static int read_all(struct ctx *ctx, const struct selection *s, FILE *file, struct json_fault *f)
{
	cleanup_free char *line = NULL;
	struct json_fault fault;
	size_t size = 0;
	ssize_t len;
	int ret = 0;

	while (ret != -EPIPE && (len = getline(&line, &size, file)) > 0) {
		struct entry e = { 0 };
		int err = json_read(line, (size_t)len, DEPTH, &e.root, &fault);

		if (err) {
			ret = err == -EINVAL ? -EBADMSG : err;
			*f = fault;
		} else if (take(ctx, &e) && is_selected(ctx, s, &e)) {
			print(ctx, &e);
		}
		json_object_put(e.root);
		if (!ctx->json && !report_flush(ctx))
			ret = -EPIPE;
	}
	return ret ?: ferror(file) ? -EIO : 0;
}

/* Whether journalctl has ended without an error. */
static bool has_succeeded(pid_t pid)
{
	int status;
	pid_t ret;

	do {
		ret = waitpid(pid, &status, 0);
	} while (ret < 0 && errno == EINTR);
	return ret == pid && status == 0;
}

/* Whether this user may not read a journal of the system below a directory. */
static bool is_denied_in(const struct ctx *ctx, const char *name)
{
	char path[PATH_MAX];
	cleanup_dir DIR *dir = NULL;
	struct dirent *e;

	if (!journal_path(ctx, name, path, sizeof(path)))
		return false;
	dir = util_opendirat(AT_FDCWD, path);
	while (dir && (e = readdir(dir))) {
		snprintf(path, sizeof(path), "%s/system.journal", e->d_name);
		if (faccessat(dirfd(dir), path, R_OK, AT_EACCESS) && errno == EACCES)
			return true;
	}
	return false;
}

static bool is_denied(const struct ctx *ctx)
{
	return is_denied_in(ctx, "/run/log/journal") || is_denied_in(ctx, "/var/log/journal");
}

/* @f is set for -EBADMSG. */
static int report_failure(struct ctx *ctx, struct problem *p, const struct json_fault *f)
{
	if (p->err == -EACCES) {
		p->hint = "run it as root, or as a user in the group systemd-journal";
		return report_error(ctx, p,
				    "this user may read only the entries of its own commands");
	}
	p->code = EXIT_FAILED;
	if (opt_since)
		p->hint = "'journalctl -n 0 --since=TIME' shows whether TIME can be read";
	else
		p->hint = "'journalctl -t " JOURNAL_IDENTIFIER "' shows the error";
	if (p->err == -EBADMSG)
		return report_error(ctx, p, "journalctl has printed a line that cannot be read: %s",
				    f->message);
	return report_error(ctx, p, "journalctl failed");
}

static int run(struct ctx *ctx, const struct verb *verb, int argc, const char **argv)
{
	struct problem p = { .attribute = "journal", .value = JOURNALCTL, .stage = "read" };
	struct selection s cleanup_selection;
	char path[PATH_MAX];
	struct json_fault f;
	FILE *file;
	pid_t pid;
	int out = -1, ret;

	ret = verb_select(ctx, verb, argc, argv, &s);
	if (ret)
		return ret;
	/* a reader that has seen enough is not a failure */
	if (!ctx->json)
		report_stream(ctx);
	/* if it were ignored, there would be no exit status */
	signal(SIGCHLD, SIG_DFL);
	p.err = journal_path(ctx, JOURNALCTL, path, sizeof(path)) ? start(path, &pid, &out) :
								    -ENOENT;
	if (p.err == -ENOENT)
		p.hint = "this host has no journal of systemd: see its own system log";
	if (p.err)
		return report_error(ctx, &p, "cannot run journalctl: %s", strerror(-p.err));
	file = fdopen(out, "re");
	p.err = file ? read_all(ctx, &s, file, &f) : -ENOMEM;
	/* journalctl must not wait for a reader */
	if (file)
		fclose(file);
	else
		close(out);
	if (!has_succeeded(pid) && !p.err)
		p.err = -EIO;
	if (p.err == -EPIPE)
		return 0;
	if ((!p.err || p.err == -EIO) && is_denied(ctx))
		p.err = -EACCES;
	return p.err ? report_failure(ctx, &p, &f) : 0;
}

const struct verb verb_events = {
	.name = "events",
	.synopsis = "[DEVICE...] [--since TIME]",
	.summary = "show the entries of the journal about devices",
	.help = "Shows, oldest first, each change that tsmctl has made, with the user and the "
		"process; the messages of tsm-bind-helper as a service; and those of the kernel "
		"about devices of the driver " TSM_DRIVER ", such as a TDI that was lost.",
	.options = options,
	.flags = VERB_DEVICES | VERB_ALL | VERB_ABSENT | VERB_FUTURE | VERB_OTHER_TIMES,
	.run = run,
};
