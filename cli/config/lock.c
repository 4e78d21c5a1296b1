// SPDX-License-Identifier: GPL-2.0-or-later
/* Locks between several tsmctl, see lock.h. */
#include <errno.h>
#include <fcntl.h>
#include <time.h>

#include "common/rundir.h"
#include "config/lock.h"
#include "report.h"

#define STEP_MS 50

/* Opens the file; one that others may open they could also lock. */
static int open_file(int dir, const char *name, const char *path, struct trust_fault *fault)
{
	int fd = run_file_open(dir, name, path, 0600, fault);
	struct stat st;
	int ret;

	if (fd < 0)
		return fault->why[0] ? -EPERM : fd;
	ret = fstat(fd, &st) ? -errno : trust_check(fault, path, path, &st, TRUST_NO_ACCESS);
	if (!ret)
		return fd;
	close(fd);
	return ret;
}

/* Whether the name is still the file's: who had the lock may have removed it. */
static bool is_current(int fd, int dir, const char *name)
{
	struct stat a, b;

	return fstat(fd, &a) == 0 && fstatat(dir, name, &b, AT_SYMLINK_NOFOLLOW) == 0 &&
	       a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

static void say(const struct ctx *ctx, const char *path, unsigned int holder, unsigned int seconds)
{
	if (ctx->verbose || (!ctx->json && !ctx->quiet))
		fprintf(stderr, "tsmctl: waiting up to %u s for process %u, which has locked %s\n",
			seconds, holder, path);
}

/* Waits for @fd to be ours. */
static int wait_for(const struct ctx *ctx, int fd, const char *path, unsigned int seconds,
		    unsigned int *holder)
{
	const struct timespec step = { .tv_nsec = STEP_MS * 1000000L };
	unsigned int steps = 0, now;
	bool said = false;
	int ret;

	while ((ret = run_file_lock(fd))) {
		if (ret != -EBUSY)
			return ret;
		now = run_file_read_pid(fd);
		if (!said || now != *holder) {
			steps = 0;
			*holder = now;
			if (now) {
				say(ctx, path, now, seconds);
				said = true;
			}
		}
		if (steps++ >= seconds * (1000 / STEP_MS))
			return -EBUSY;
		nanosleep(&step, NULL);
	}
	return 0;
}

int lock_take(struct ctx *ctx, int dir, const char *name, const char *path, unsigned int seconds)
{
	struct problem p = { .attribute = "lock", .value = path, .stage = "lock" };
	unsigned int holder = 0;
	struct trust_fault fault;
	char hint[96];
	int fd;

	do {
		fd = open_file(dir, name, path, &fault);
		p.err = fd < 0 ? fd : wait_for(ctx, fd, path, seconds, &holder);
		if (!p.err && is_current(fd, dir, name)) {
			p.err = run_file_write_pid(fd);
			if (!p.err)
				return fd;
		}
		util_close(&fd);
	} while (!p.err);
	if (p.err == -EBUSY) {
		snprintf(hint, sizeof(hint), "see what it waits for, and try again: 'ps -fp %u'",
			 holder);
		p.hint = hint;
		return report_error(ctx, &p, "process %u has had %s locked for %u s", holder, path,
				    seconds);
	}
	if (fault.why[0]) {
		p.hint = fault.mend;
		return report_error(ctx, &p, "the lock file %s is not trusted: %s", path,
				    fault.why);
	}
	return report_error(ctx, &p, "cannot lock %s: %s", path, strerror(-p.err));
}
