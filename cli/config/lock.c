// SPDX-License-Identifier: GPL-2.0-or-later
/* Locks between runs of tsmctl, see lock.h. */
#include <errno.h>
#include <fcntl.h>

#include "common/process.h"
#include "common/rundir.h"
#include "config/lock.h"
#include "interrupt.h"
#include "report.h"
#include "waiting.h"

/* How long to wait for a run that changes a device or modules. */
#define USUAL_SECONDS 60
#define COMMAND_LEN 96

/* Opens the file. Refuses one that other users can open: they could also lock it. */
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

/* Whether the file still has its name: the process that had the lock may have removed it. */
static bool is_current(int fd, int dir, const char *name)
{
	struct stat a, b;

	return fstat(fd, &a) == 0 && fstatat(dir, name, &b, AT_SYMLINK_NOFOLLOW) == 0 &&
	       a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* Reads the command of a process; "" if it cannot be read. */
static void read_command(unsigned int pid, char command[COMMAND_LEN])
{
	cleanup_fd int fd = -1;
	char path[32];
	ssize_t n = 0;

	snprintf(path, sizeof(path), "/proc/%u/cmdline", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		n = read(fd, command, COMMAND_LEN - 1);
	/* each argument ends with a NUL */
	while (n > 0 && !command[n - 1])
		n--;
	for (ssize_t i = 0; i < n; i++)
		if (!command[i])
			command[i] = ' ';
	command[n > 0 ? n : 0] = '\0';
}

/**
 * struct lock_wait - a wait for a lock
 * @ctx: this run
 * @device: what the lock is for, or NULL
 * @path: its file
 * @seconds: how long: for a device in all, otherwise for each owner
 * @begun: there was something to wait for
 * @owner: the process that has the lock
 * @shown: ps(1) can show @owner
 * @wait: the wait, if it has begun
 */
struct lock_wait {
	struct ctx *ctx;
	const char *device;
	const char *path;
	unsigned int seconds;
	bool begun;
	struct run_owner owner;
	bool shown;
	struct wait wait;
};

/*
 * Describes the owner: "process 123 (tsmctl bind 01:00.0)". The process ID in the file may be
 * that of another process by now.
 */
static void describe(struct lock_wait *l, char *text, size_t size)
{
	const struct run_owner *o = &l->owner;
	unsigned long long space = o->space ? process_space() : 0;
	char command[COMMAND_LEN] = "";
	cleanup_free char *safe = NULL;

	l->shown = false;
	if (!o->pid) {
		util_copy(text, size, "another process");
	} else if (space && space != o->space) {
		snprintf(text, size, "process %u of another PID namespace", o->pid);
	} else if (o->start && process_start((pid_t)o->pid) != o->start) {
		/* tsmctl was killed, and its writer is still in the kernel */
		util_copy(text, size, "the rest of a tsmctl that was killed");
	} else {
		l->shown = true;
		read_command(o->pid, command);
		safe = command[0] ? util_printable(command) : NULL;
		snprintf(text, size, "process %u%s%s%s", o->pid, safe ? " (" : "", safe ?: "",
			 safe ? ")" : "");
	}
}

/* Begins the wait, or goes on with it for another owner. */
static void follow(struct lock_wait *l, int fd)
{
	char text[COMMAND_LEN * 2], what[sizeof(l->wait.what)];
	struct run_owner now;

	if (run_file_read_owner(fd, &now))
		now = (struct run_owner){ 0 };
	if (l->begun && now.pid == l->owner.pid && now.start == l->owner.start)
		return;
	l->owner = now;
	describe(l, text, sizeof(text));
	if (l->device)
		snprintf(what, sizeof(what), "%s, which is changing it", text);
	else
		snprintf(what, sizeof(what), "%s, which has locked %s", text, l->path);
	if (l->begun && l->device) {
		util_copy(l->wait.what, sizeof(l->wait.what), what);
		return;
	}
	if (l->begun)
		wait_end(&l->wait);
	l->begun = true;
	wait_begin(&l->wait, l->ctx, l->device, l->seconds, "%s", what);
}

/* Waits until this run has the lock on @fd. */
static int wait_for_lock(struct lock_wait *l, int fd)
{
	int ret;

	while ((ret = run_file_lock(fd)) == -EBUSY) {
		follow(l, fd);
		ret = wait_step(&l->wait, -1);
		if (ret)
			break;
	}
	return ret;
}

/* Reports that the owner did not release the lock in time, or that a signal came. */
static int report_owned(const struct lock_wait *l, struct problem *p)
{
	char hint[96], text[512];

	wait_given_up(&l->wait, p->err, text, sizeof(text));
	if (p->err == -EINTR) {
		p->hint = l->device ? "it was not changed" : "nothing was changed";
		p->code = EXIT_FAILED;
		return report_error(l->ctx, p, "%s", text);
	}
	p->err = -EBUSY;
	snprintf(hint, sizeof(hint), "'ps -fp %u' shows that process; try again when it has ended",
		 l->owner.pid);
	p->hint = l->shown ? hint : "try again";
	return report_error(l->ctx, p, "%s", text);
}

/* Whether a change goes on without a lock: it lacks a permission or a place. */
static bool is_closed(int err)
{
	static const int errors[] = { -EACCES, -EPERM, -EROFS, -ENOENT, -ENOSPC, -EDQUOT, -ENOTDIR };

	for (size_t i = 0; i < ARRAY_SIZE(errors); i++)
		if (errors[i] == err)
			return true;
	return false;
}

/* Notes a missing place once. A user who may not lock a device may still change it. */
static int do_without(const struct ctx *ctx, const char *path, int err)
{
	static bool said;

	if (!said && err != -EACCES && err != -EPERM && !ctx->quiet && !ctx->json)
		fprintf(stderr, "tsmctl: note: no lock is taken: %s: %s\n", path, strerror(-err));
	said = true;
	return 0;
}

/* @needed: a lock that cannot be taken is an error. Return: 0 if none was taken. */
static int take(struct ctx *ctx, int dir, const char *name, const char *path, const char *device,
		unsigned int seconds, bool needed)
{
	struct lock_wait l = { .ctx = ctx, .device = device, .path = path, .seconds = seconds };
	struct problem p = { .device = device, .attribute = "lock", .value = path, .stage = "lock" };
	bool held = interrupt_held();
	struct trust_fault fault;
	int fd;

	do {
		fd = open_file(dir, name, path, &fault);
		p.err = fd < 0 ? fd : wait_for_lock(&l, fd);
		if (!p.err && is_current(fd, dir, name))
			break;
		util_close(&fd);
	} while (!p.err);
	if (l.begun)
		wait_end(&l.wait);
	if (p.err == -ETIMEDOUT || p.err == -EINTR)
		return report_owned(&l, &p);
	/* nothing has been changed yet */
	if (!held)
		interrupt_release();
	if (!p.err) {
		/* the lock also works if there is no space for the process ID */
		run_file_write_owner(fd, getpid());
		return fd;
	}
	if (fault.why[0]) {
		p.hint = fault.mend;
		return report_error(ctx, &p, "the lock file %s is not trusted: %s", path,
				    fault.why);
	}
	if (!needed && is_closed(p.err))
		return do_without(ctx, path, p.err);
	return report_error(ctx, &p, "cannot lock %s: %s", path, strerror(-p.err));
}

int lock_take(struct ctx *ctx, int dir, const char *name, const char *path, unsigned int seconds)
{
	return take(ctx, dir, name, path, NULL, seconds, true);
}

/* Opens the run directory once. Return: its descriptor, or negative errno. */
static int run_dir(struct ctx *ctx, const char *device, struct trust_fault *fault)
{
	static int dir = -1;

	if (dir >= 0)
		return dir;
	/* the trace of a device only has changes of the device */
	if (!device && access(ctx->run.path, F_OK))
		act(ctx, "create %s", ctx->run.path);
	return dir = run_dir_open(ctx->run.path, true, fault);
}

static int lock_in_run(struct ctx *ctx, const char *name, const char *device, unsigned int seconds,
		       bool needed)
{
	struct problem p = {
		.device = device, .attribute = "run", .value = ctx->run.path, .stage = "lock"
	};
	cleanup_free char *path = NULL;
	struct trust_fault fault;
	int dir = run_dir(ctx, device, &fault);

	if (dir < 0 && fault.why[0]) {
		p.err = dir;
		p.hint = fault.mend;
		return report_error(ctx, &p, "%s is not trusted: %s", ctx->run.path, fault.why);
	}
	if (dir < 0 && !needed && is_closed(dir))
		return do_without(ctx, ctx->run.path, dir);
	if (dir < 0) {
		p.err = dir;
		return report_error(ctx, &p, "cannot use %s: %s", ctx->run.path, strerror(-dir));
	}
	if (asprintf(&path, "%s/%s", ctx->run.path, name) < 0)
		return -ENOMEM;
	return take(ctx, dir, name, path, device, seconds, needed);
}

int lock_run(struct ctx *ctx, const char *name, unsigned int seconds)
{
	return lock_in_run(ctx, name, NULL, seconds, true);
}

int lock_modules(struct ctx *ctx, int *fd)
{
	int lock;

	if (ctx->dry_run)
		return 0;
	lock = lock_in_run(ctx, "modules.lock", NULL, USUAL_SECONDS, false);
	*fd = lock ?: -1;
	return lock < 0 ? lock : 0;
}

static void device_file(const struct pci_device *dev, char *name, size_t size)
{
	/* ADDRESS.lock is the lock of tsm-bind-helper */
	snprintf(name, size, "%s.change", dev->name);
}

int lock_device(struct ctx *ctx, struct pci_device *dev)
{
	struct problem p = { .device = dev->name, .stage = "open" };
	const struct pci_addr addr = dev->addr;
	bool present = dev->present;
	char name[PCI_NAME_LEN + sizeof(".change")];
	int fd;

	if (ctx->dry_run)
		return 0;
	ctx->unfinished = 0;
	ctx->gave_up = false;
	device_file(dev, name, sizeof(name));
	fd = lock_in_run(ctx, name, dev->name, USUAL_SECONDS, false);
	if (fd < 0)
		return fd;
	/* 0 means no lock: descriptor 0 is standard input */
	ctx->device_lock = fd ?: -1;
	pci_close(dev);
	p.err = pci_open(ctx, &addr, dev);
	if (!p.err && (dev->present || !present))
		return 0;
	unlock_device(ctx, dev);
	if (!p.err) {
		p.err = -ENODEV;
		return report_error(ctx, &p, "it has vanished");
	}
	return report_error(ctx, &p, "cannot open it in sysfs: %s", strerror(-p.err));
}

void unlock_device(struct ctx *ctx, const struct pci_device *dev)
{
	char name[PCI_NAME_LEN + sizeof(".change")];
	struct trust_fault fault;

	if (ctx->device_lock < 0)
		return;
	device_file(dev, name, sizeof(name));
	/* the writer still has the lock, and its process ID is in the file */
	if (!ctx->unfinished)
		run_file_remove(run_dir(ctx, dev->name, &fault), name);
	close(ctx->device_lock);
	ctx->device_lock = -1;
}
