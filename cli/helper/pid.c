// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The modes bind and unbind. A cdev can be open only once, so a bind must use the file that
 * the VMM has open. pidfd_getfd() copies it out of the VMM. The helper uses the copy and
 * closes it, and the VMM does not notice.
 */
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <limits.h>
#include <linux/capability.h>
#include <poll.h>
#include <stdint.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <syslog.h>

#include "common/exitcode.h"
#include "helper/cdev.h"
#include "helper/pid.h"
#include "helper/sandbox.h"
#include "helper/step.h"
#include "helper/vdevice.h"

/* A pidfd is readable if its process has ended. */
static bool is_gone(const struct session *s)
{
	struct pollfd pfd = { .fd = s->pidfd, .events = POLLIN };

	return poll(&pfd, 1, 0) != 0;
}

/*
 * The number of the process in /proc, which may show another pid namespace than the one of
 * this process. Return: the number; -1 if the process has ended; 0 if that process, or this
 * one, is not in that namespace.
 */
static int number_in_proc(int pidfd)
{
	char path[64], text[1024], *line;
	cleanup_fd int fd = -1;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", pidfd);
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
	if (n <= 0)
		return 0;
	text[n] = '\0';
	line = strstr(text, "\nPid:\t");
	return line ? (int)strtol(line + strlen("\nPid:\t"), NULL, 10) : -1;
}

static int open_process(struct session *s)
{
	char path[64];
	int number;

	s->pidfd = pidfd_open(s->pid, 0);
	if (s->pidfd < 0)
		return errno == ENOENT ? -EINVAL : -errno;
	number = number_in_proc(s->pidfd);
	if (number == 0)
		return -EXDEV;
	snprintf(path, sizeof(path), "/proc/%d/fd", number);
	if (number > 0)
		s->proc = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (s->proc < 0 && number > 0 && errno != ENOENT)
		return -errno;
	/* the process is still alive, so the directory belongs to it and to no later process */
	return s->proc < 0 || is_gone(s) ? -ESRCH : 0;
}

/* The device number of /dev/vfio/GROUP, which a VMM without iommufd has open. */
static dev_t group_number(const struct session *s)
{
	cleanup_free char *path = NULL;
	char target[PATH_MAX], text[32];
	unsigned int major, minor;
	cleanup_fd int fd = -1;
	char *name;
	ssize_t n;

	if (asprintf(&path, "%s/bus/pci/devices/%s/iommu_group", s->sysfs, s->name) < 0)
		return 0;
	n = readlink(path, target, sizeof(target) - 1);
	if (n <= 0)
		return 0;
	target[n] = '\0';
	name = strrchr(target, '/');
	free(path);
	path = NULL;
	if (!name || asprintf(&path, "%s/devices/virtual/vfio%s/dev", s->sysfs, name) < 0)
		return 0;
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
	if (n <= 0)
		return 0;
	text[n] = '\0';
	return sscanf(text, "%u:%u", &major, &minor) == 2 ? makedev(major, minor) : 0;
}

/* Only the kind of file matters, so a file system whose server is stuck is not asked. */
static int device_number(int dir, const char *name, dev_t *number)
{
	struct statx stx;

	if (statx(dir, name, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, STATX_TYPE, &stx))
		return -errno;
	*number = S_ISCHR(stx.stx_mode) ? makedev(stx.stx_rdev_major, stx.stx_rdev_minor) : 0;
	return 0;
}

static int take(struct session *s, unsigned int number)
{
	int fd = pidfd_getfd(s->pidfd, (int)number, 0);
	int ret = -ENOTCONN;

	if (fd < 0)
		return -errno;
	/*
	 * The VMM may have replaced the file just before. If the new file is on a file system
	 * that the VMM serves, the VMM can delay the close. Only this process waits for that.
	 */
	if (!cdev_is(s, fd))
		ret = -ENXIO;
	else if (cdev_in_use(fd))
		ret = 0;
	if (ret)
		close(fd);
	else
		s->cdev = fd;
	return ret;
}

/* Return: the more telling of two errors about files of a process. */
static int worse(int a, int b)
{
	static const int order[] = { -ENOTCONN, -EPERM, -EACCES, -EPROTOTYPE };

	for (size_t i = 0; i < ARRAY_SIZE(order); i++)
		if (a == order[i] || b == order[i])
			return order[i];
	return -ENXIO;
}

static int take_file(struct session *s)
{
	dev_t group = group_number(s), number;
	cleanup_dir DIR *dir = fdopendir(s->proc);
	unsigned int name;
	struct dirent *e;
	int ret = -ENXIO, err;

	if (!dir)
		return -errno;
	s->proc = -1;
	while ((e = readdir(dir))) {
		if (util_parse_u32(e->d_name, &name) || name > INT_MAX)
			continue;
		err = device_number(dirfd(dir), e->d_name, &number);
		if (!err && number == s->cdev_number)
			err = take(s, name);
		else if (!err && group && number == group)
			err = -EPROTOTYPE;
		else if (!err)
			continue;
		if (s->cdev >= 0)
			return 0;
		ret = worse(ret, err);
	}
	return is_gone(s) ? -ESRCH : ret;
}

/* The file is copied: check again that the device and the process are the same. */
static int check_again(struct session *s)
{
	dev_t before = s->cdev_number;
	int ret = cdev_find(s);

	if (ret)
		return ret;
	if (s->cdev_number != before || !cdev_is(s, s->cdev))
		return -ENXIO;
	return is_gone(s) ? -ESRCH : 0;
}

static int enter(struct session *s)
{
	static const unsigned int caps[] = { CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH };

	(void)s;
	return sandbox_caps(caps, ARRAY_SIZE(caps)) ?: sandbox_filter(SANDBOX_PID);
}

static int drop_caps(struct session *s)
{
	(void)s;
	return sandbox_caps(NULL, 0);
}

/* If the process has ended, the copy is the last reference, and its close frees the device. */
static int check_process(struct session *s)
{
	return is_gone(s) ? -ESRCH : 0;
}

static int close_cdev(struct session *s)
{
	util_close(&s->cdev);
	s->cdev = -1;
	return check_process(s);
}

/* Reads the id while the device is bound, so that the output shows which one the bind took. */
static int note_id(struct session *s)
{
	if (cdev_attr(s, "tdi_id", s->tdi_id, sizeof(s->tdi_id)))
		s->tdi_id[0] = '\0';
	return 0;
}

static const struct cause process_causes[] = {
	{ -ESRCH, EXIT_FAILED, "there is no such process, or it has ended",
	  "'tsmctl show @' shows the owner; if it is in another pid namespace, run this on the host" },
	{ -EINVAL, EXIT_FAILED, "this is a thread, not a process",
	  "'tsmctl show @' shows the owner" },
	{ -EXDEV, EXIT_FAILED, "/proc does not show this process: it is in another pid namespace",
	  "run this on the host, or mount /proc of this pid namespace" },
	{ -EACCES, EXIT_NOT_PERMITTED, "no permission to read the process's list of files",
	  "run it as root on the host: it needs CAP_SYS_PTRACE" },
	{ -EPERM, EXIT_NOT_PERMITTED, "no permission to read the process's list of files",
	  "run it as root on the host: it needs CAP_SYS_PTRACE" },
	{}
};

static const struct cause file_causes[] = {
	{ -ESRCH, EXIT_FAILED, "the process has ended", "'tsmctl show @' shows the state" },
	{ -ENXIO, EXIT_FAILED, "this process does not have the device open",
	  "'tsmctl show @' shows the owner; if there is none, bind without a process" },
	{ -ENOTCONN, EXIT_FAILED,
	  "the process has the device open, but has not bound it to an iommufd yet",
	  "try again when the VMM has started; 'tsmctl show @' shows if another process is the owner" },
	{ -EPROTOTYPE, EXIT_UNSUPPORTED,
	  "the process has it open through the VFIO group API, which cannot bind it",
	  "start the VMM with an iommufd: -object iommufd,id=i, and -device vfio-pci,iommufd=i,..." },
	{ -EACCES, EXIT_NOT_PERMITTED, "no permission to read the process's list of files",
	  "run it as root on the host: it needs CAP_SYS_PTRACE" },
	{ -EPERM, EXIT_NOT_PERMITTED, "no permission to copy the process's file",
	  "run it as root; kernel.yama.ptrace_scope=3 or another security module forbids it even to root" },
	{}
};

static const struct cause again_causes[] = {
	{ -ESRCH, EXIT_FAILED, "the process has ended", "'tsmctl show @' shows the state" },
	{ -ENODEV, EXIT_NO_DEVICE, "the device was removed meanwhile", NULL },
	{ -ENXIO, EXIT_FAILED, "the device was detached from its driver or replaced meanwhile",
	  "try again" },
	{}
};

#define OPENING                                                                                    \
	{ "restrict itself", enter, NULL, false }, { "find cdev", cdev_find, find_causes, false }, \
		{ "open process", open_process, process_causes, false },                           \
		{ "take file", take_file, file_causes, false },                                    \
		{ "check again", check_again, again_causes, false },                               \
	{                                                                                          \
		"drop privileges", drop_caps, NULL, false                                          \
	}

static const struct step bind_steps[] = {
	OPENING,
	{ "bind", vdevice_bind, bind_causes, true },
	{ "read id", note_id, NULL, false },
	{ "check process", check_process, again_causes, false },
	{},
};

static const struct step unbind_steps[] = {
	OPENING,
	{ "unbind", tdi_unbind, unbind_causes, false },
	{ "close cdev", close_cdev, again_causes, false },
	{},
};

int pid_bind(struct invocation *in)
{
	struct session *s = &in->s;
	struct verdict v;
	int ret, err;

	/* the id can only name a vDEVICE of the VMM */
	s->mode = VDEVICE_ALWAYS;
	ret = steps_run(s, bind_steps, &v);
	err = ret ? 0 : say_bound(s, s->pid);
	/* the caller has gone and does not see the bind: undo it */
	if (err)
		tdi_unbind(s);
	session_drop(s);
	if (ret)
		return say_verdict(s->name, &v);
	return err ? EXIT_FAILED : EXIT_DONE;
}

int pid_unbind(struct invocation *in)
{
	struct session *s = &in->s;
	struct json_object *obj;
	struct verdict v;

	if (steps_run(s, unbind_steps, &v)) {
		session_drop(s);
		return say_verdict(s->name, &v);
	}
	obj = say_event("unbound", s->name);
	json_object_object_add(obj, "reason", json_object_new_string("command"));
	return say(LOG_INFO, obj) ? EXIT_FAILED : EXIT_DONE;
}
