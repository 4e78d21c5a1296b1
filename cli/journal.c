// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Changes in the journal, see journal.h. An entry is one datagram of lines KEY=VALUE, which
 * is the native protocol of journald for values of one line. libsystemd could send it, but
 * always uses the journal of this host, even in a test.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#include "common/util.h"
#include "journal.h"

#define SOCKET "/run/systemd/journal/socket"

bool journal_path(const struct ctx *ctx, const char *name, char *path, size_t size)
{
	/* changes of this host go to its own journal */
	const bool moved = ctx->sysfs.moved || ctx->configfs.moved;
	const char *root = moved ? secure_getenv("TSMCTL_ROOT") : "";

	return root && snprintf(path, size, "%s%s", root, name) < (int)size;
}

/* Adds a field. A value may come from a file name of the user, and must not add more fields. */
static void add(FILE *entry, const char *key, const char *value)
{
	cleanup_free char *safe = value && *value ? util_printable(value) : NULL;

	if (safe)
		fprintf(entry, "%s=%s\n", key, safe);
}

static void send_entry(const struct ctx *ctx, const char *text, size_t size)
{
	static const struct timeval moment = { .tv_usec = 100000 };
	/* an entry timed out, and the next one would wait as long */
	static bool lost;
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	cleanup_fd int fd = -1;

	if (lost || !journal_path(ctx, SOCKET, addr.sun_path, sizeof(addr.sun_path)))
		return;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	/* a journal that does not keep up, or is not there, stops no change */
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &moment, sizeof(moment)))
		return;
	if (sendto(fd, text, size, MSG_NOSIGNAL, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		lost = errno == EAGAIN;
	if (lost)
		fprintf(stderr,
			"tsmctl: the journal does not keep up: further changes of this run are not in it\n");
}

struct field {
	const char *key;
	const char *value;
};

/* Writes an entry: the fields of every entry, and those of @fields that have a value. */
static void write_entry(const struct ctx *ctx, int priority, const char *message,
			const struct field *fields, size_t count)
{
	cleanup_free char *text = NULL;
	size_t size;
	FILE *entry = open_memstream(&text, &size);

	if (!entry)
		return;
	add(entry, "MESSAGE", message);
	fprintf(entry, "PRIORITY=%d\nSYSLOG_IDENTIFIER=%s\n", priority, JOURNAL_IDENTIFIER);
	add(entry, "TSM_VERB", ctx->verb);
	for (size_t i = 0; i < count; i++)
		add(entry, fields[i].key, fields[i].value);
	if (!fclose(entry))
		send_entry(ctx, text, size);
}

void journal_change(const struct ctx *ctx, const struct outcome *o)
{
	const struct field fields[] = {
		{ "TSM_DEVICE", o->device }, { "TSM_ATTRIBUTE", o->attribute },
		{ "TSM_FROM", o->previous }, { "TSM_TO", o->value },
		{ "TSM_NOTE", o->note },
	};
	char message[512], was[192] = "";

	if (o->previous || o->device)
		snprintf(was, sizeof(was), " (was %.150s)", o->previous ?: "none");
	snprintf(message, sizeof(message), "%s%s%s: %.150s%s", o->device ?: "",
		 o->device ? ": " : "", o->attribute, o->value ?: "none", was);
	write_entry(ctx, LOG_NOTICE, message, fields, ARRAY_SIZE(fields));
}

void journal_problem(const struct ctx *ctx, const struct problem *p, const char *message)
{
	const struct field fields[] = {
		{ "TSM_DEVICE", p->device },
		{ "TSM_ATTRIBUTE", p->attribute },
		{ "TSM_ERRNO", strerrorname_np(-p->err) },
	};
	char line[512];

	snprintf(line, sizeof(line), "%s%s%.400s", p->device ?: "", p->device ? ": " : "", message);
	write_entry(ctx, LOG_WARNING, line, fields, ARRAY_SIZE(fields));
}
