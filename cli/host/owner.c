// SPDX-License-Identifier: GPL-2.0-or-later
/* Finds the owner of a device, and has our helper give it back, see owner.h. */
#include <errno.h>
#include <fcntl.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "common/rundir.h"
#include "host/holder.h"
#include "host/owner.h"
#include "host/policy.h"
#include "host/quarantine.h"
#include "report.h"
#include "waiting.h"

#define STOP_SECONDS 30

int owner_init(struct ctx *ctx)
{
	return root_find(ctx, &ctx->run, "run", "TSMCTL_RUN", RUN_DIR);
}

static bool has_pid(int fd, pid_t pid)
{
	return fd >= 0 && pid > 0 && run_file_read_pid(fd) == (unsigned int)pid;
}

/*
 * A helper keeps a lock on ADDRESS.lock, with its process ID in it. If tsmctl may not open
 * that file, it cannot stop a helper either, and reads ADDRESS.pid.
 */
static bool is_helper(const struct ctx *ctx, const char *name, pid_t pid)
{
	struct trust_fault fault;
	cleanup_fd int dir = run_dir_open(ctx->run.path, false, &fault);
	cleanup_fd int lock = -1, told = -1;
	char file[RUN_NAME_LEN];

	if (dir < 0)
		return false;
	run_file_name(file, name, RUN_LOCK);
	lock = run_file_look(dir, file, &fault);
	if (lock >= 0)
		return has_pid(lock, pid) && run_file_is_locked(lock);
	if (lock != -EACCES)
		return false;
	run_file_name(file, name, RUN_PID);
	told = run_file_look(dir, file, &fault);
	return has_pid(told, pid);
}

void owner_describe(const struct ctx *ctx, const struct pci_device *dev, struct owner *h)
{
	cleanup_free char *safe = NULL;
	char name[32], comm[ATTR_MAX];
	cleanup_fd int proc = -1;

	h->name[0] = '\0';
	if (!h->pid && h->foreign) {
		util_copy(h->text, sizeof(h->text), "another module of the kernel");
		return;
	}
	if (!h->pid) {
		util_copy(h->text, sizeof(h->text), "a process out of sight, or a VM,");
		return;
	}
	proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	snprintf(name, sizeof(name), "%d/comm", h->pid);
	if (proc >= 0 && !attr_read(proc, name, comm, sizeof(comm)))
		safe = util_printable(comm);
	util_copy(h->name, sizeof(h->name), safe ?: "");
	snprintf(h->text, sizeof(h->text), "process %d (%s)", h->pid, *h->name ? h->name : "?");
	h->ours = is_helper(ctx, dev->name, h->pid);
}

/* The device number that an attribute contains as text, or 0. */
static dev_t read_number(int dir, const char *attr)
{
	unsigned int major, minor;
	char text[ATTR_MAX];

	if (attr_read(dir, attr, text, sizeof(text)) || sscanf(text, "%u:%u", &major, &minor) != 2)
		return 0;
	return makedev(major, minor);
}

/* The entry of a directory whose name begins with @start; "" for none. */
static void find_entry(const struct pci_device *dev, const char *dirname, const char *start,
		       char *name)
{
	cleanup_dir DIR *dir = util_opendirat(dev->fd, dirname);
	struct dirent *e;

	name[0] = '\0';
	while (!name[0] && dir && (e = readdir(dir)))
		if (starts_with(e->d_name, start))
			util_copy(name, CDEV_NAME_LEN, e->d_name);
}

bool owner_cdev(const struct pci_device *dev, char *name)
{
	find_entry(dev, "vfio-dev", "vfio", name);
	return name[0];
}

/*
 * The device number of the cdev of a device on any vfio driver, or on a driver of UIO, such
 * as uio_pci_generic and igb_uio; 0 for none.
 */
static dev_t cdev_number(const struct pci_device *dev)
{
	char name[CDEV_NAME_LEN], attr[64];

	if (owner_cdev(dev, name)) {
		snprintf(attr, sizeof(attr), "vfio-dev/%s/dev", name);
		return read_number(dev->fd, attr);
	}
	find_entry(dev, "uio", "uio", name);
	if (!name[0])
		return 0;
	snprintf(attr, sizeof(attr), "uio/%s/dev", name);
	return read_number(dev->fd, attr);
}

/* The device number of the group's device, /dev/vfio/GROUP. */
static dev_t group_number(const struct ctx *ctx, const struct pci_device *dev)
{
	char attr[64];

	snprintf(attr, sizeof(attr), "devices/virtual/vfio/%d/dev", pci_group(ctx, dev));
	return read_number(ctx->sysfs_fd, attr);
}

/*
 * Whether a process has one of two devices open. The paths in its links belong to its own
 * mount namespace, where any file can have any path: so only numbers are compared.
 */
static bool has_open(int proc, const char *pid, const dev_t numbers[2])
{
	cleanup_dir DIR *dir = NULL;
	struct statx stx;
	struct dirent *e;
	char path[32];
	dev_t number;

	if (snprintf(path, sizeof(path), "%s/fd", pid) >= (int)sizeof(path))
		return false;
	dir = util_opendirat(proc, path);
	if (!dir)
		return false;
	while ((e = readdir(dir))) {
		/* do not ask a file server, which might not respond */
		if (statx(dirfd(dir), e->d_name, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, STATX_TYPE,
			  &stx) ||
		    !S_ISCHR(stx.stx_mode))
			continue;
		number = makedev(stx.stx_rdev_major, stx.stx_rdev_minor);
		if (number && (number == numbers[0] || number == numbers[1]))
			return true;
	}
	return false;
}

static pid_t search_processes(const struct ctx *ctx, const struct pci_device *dev)
{
	const dev_t numbers[2] = { cdev_number(dev), group_number(ctx, dev) };
	cleanup_dir DIR *proc = NULL;
	struct dirent *e;
	unsigned int pid;

	if (!numbers[0] && !numbers[1])
		return 0;
	proc = opendir("/proc");
	if (!proc)
		return 0;
	while ((e = readdir(proc)))
		if (util_parse_u32(e->d_name, &pid) == 0 &&
		    has_open(dirfd(proc), e->d_name, numbers))
			return (pid_t)pid;
	return 0;
}

/* Whether it is open, for a state that does not show that: an open sets the mode of regions. */
static bool is_open(struct ctx *ctx, const struct pci_device *dev)
{
	char mode[ATTR_MAX];

	return policy_get(ctx, dev, "region_mode_active", mode) == 0 && !streq(mode, "none");
}

int owner_find(struct ctx *ctx, const struct pci_device *dev, struct owner *h)
{
	char state[ATTR_MAX];
	bool held;

	*h = (struct owner){ 0 };
	h->pid = policy_owner(ctx, dev);
	held = h->pid != 0;
	if (policy_get(ctx, dev, "state", state))
		state[0] = '\0';
	h->foreign = streq(state, "bound") && foreign_is_bound(ctx, dev);
	if (!held)
		held = streq(state, "open") || streq(state, "bound") || streq(state, "lost") ||
		       (streq(state, QUARANTINED) && is_open(ctx, dev));
	/* igb_uio and others, whatever their names */
	if (!held && dev->present && !streq(dev->driver, TSM_DRIVER) &&
	    (strstr(dev->driver, "vfio") || !faccessat(dev->fd, "uio", F_OK, 0))) {
		h->pid = search_processes(ctx, dev);
		held = h->pid != 0;
	}
	if (held)
		owner_describe(ctx, dev, h);
	return held;
}

int owner_refuse(struct ctx *ctx, const struct pci_device *dev, const char *what)
{
	struct problem p = { .device = dev->name,
			     .attribute = "owner",
			     .err = -EBUSY,
			     .stage = "in-use",
			     .hint = STOP_HINT };
	char pid[16];
	struct owner h;

	if (!owner_find(ctx, dev, &h))
		return 0;
	snprintf(pid, sizeof(pid), "%d", h.pid);
	if (h.pid)
		p.value = pid;
	if (h.ours)
		p.hint = UNBIND_HINT;
	else if (h.foreign && !h.pid)
		p.hint = "run 'tsmctl revoke @' first";
	return report_error(ctx, &p, "cannot %s while %s uses it", what, h.text);
}

int owner_stop(struct ctx *ctx, const struct pci_device *dev, const struct owner *h)
{
	struct problem p = { .device = dev->name, .attribute = "owner", .stage = "stop" };
	cleanup_fd int pidfd = pidfd_open(h->pid, 0);
	struct owner again;
	char text[384], why[HOLDER_WHY_LEN];
	struct wait w;

	if (pidfd < 0) {
		p.err = -errno;
		return p.err == -ESRCH ? 0 :
					 report_error(ctx, &p, "cannot watch %s: %s", h->text,
						      strerror(errno));
	}
	/* the number may have passed to another process before it was opened */
	if (!owner_find(ctx, dev, &again) || again.pid != h->pid || !again.ours)
		return 0;
	if (!act(ctx, "have %s unbind %s", h->text, dev->name))
		return 0;
	wait_begin(&w, ctx, dev->name, STOP_SECONDS, "%s to unbind it", h->text);
	p.err = wait_may_step(&w) ?: holder_give_back(ctx, dev, &w, pidfd, why);
	if (!p.err)
		return 0;
	if (!w.refused && (p.err == -ETIMEDOUT || p.err == -EINTR)) {
		p.changed = true;
		wait_given_up(&w, p.err, text, sizeof(text));
		p.hint =
			"it was told to unbind it, and does so when the TSM answers: see 'tsmctl show @'; 'tsmctl revoke @' unbinds without it";
		p.code = p.err == -EINTR ? EXIT_FAILED : EXIT_BUSY;
		return report_error(ctx, &p, "%s", text);
	}
	/* It has closed the device; the caller looks for a quarantine, and reports that. */
	if (p.err == -EIO && quarantine_is_on(ctx, dev))
		return 0;
	if (p.err == -EIO && why[0]) {
		p.changed = true;
		return report_error(ctx, &p, "%s reports: %s", h->text, why);
	}
	return report_error(ctx, &p, "cannot have %s unbind it: %s", h->text, wait_why(&w, p.err));
}
