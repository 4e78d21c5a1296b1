// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Plays the kernel's part in a fake tree, preloaded into tsmctl: it changes drivers, fills a
 * new directory in configfs, and connects a TSM. It can also lose power.
 *
 * A write to an attribute that is a FIFO ends when the test reads it. A write to "unbind" of
 * a driver removes the link "driver" before that, as the driver core does.
 *
 * SYSFS_PATH	the tree; default_driver in a device's directory names the driver
 *		that takes it without an override; a driver with a file takes_nothing
 *		takes no device
 * FAKE_LOG	file to which each change is appended: "ATTRIBUTE VALUE"
 * FAKE_REFUSE	"GLOB ERRNO": writes whose "PATH=VALUE" matches fail with that number
 * FAKE_MEANWHILE "GLOB COMMAND": COMMAND runs once, before the first such write
 * FAKE_LATER	the same, for a second command; both get the value as FAKE_VALUE
 * FAKE_OPEN	"GLOB COMMAND": COMMAND runs before each open of a PATH that matches
 * FAKE_STUCK	a new directory in configfs is of a quarantined device, and cannot be removed
 * POWER_CUT	number of the change below TSMCTL_ETC at which power is lost: a file
 *		that was written and not synced is empty afterwards
 * LOCK_REMOVED	the first lock file below TSMCTL_ETC is removed as soon as it is open, as if
 *		another save ended; then this file is made
 */
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fake.h"

#define UNSYNCED 8

static int unsynced[UNSYNCED];
static int unsynced_count;

/* --- the tree -------------------------------------------------------------- */

static bool path_of(int fd, char *path)
{
	char link[64];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, PATH_MAX - 1);
	path[n < 0 ? 0 : n] = '\0';
	return n > 0;
}

static bool is_below(const char *path, const char *variable)
{
	const char *root = getenv(variable);

	return root && strncmp(path, root, strlen(root)) == 0 && path[strlen(root)] == '/';
}

static bool ends_with(const char *path, const char *end)
{
	size_t n = strlen(path), m = strlen(end);

	return n >= m && strcmp(path + n - m, end) == 0;
}

static void put(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	if (fd < 0)
		return;
	REAL(write)(fd, value, strlen(value));
	REAL(write)(fd, "\n", 1);
	close(fd);
}

static void get(const char *path, char *value, size_t size)
{
	int fd = open(path, O_RDONLY);
	ssize_t n = fd < 0 ? 0 : read(fd, value, size - 1);

	value[n < 0 ? 0 : n] = '\0';
	value[strcspn(value, "\n")] = '\0';
	if (fd >= 0)
		close(fd);
}

static void device_file(char *path, const char *addr, const char *name)
{
	snprintf(path, PATH_MAX, "%s/devices/pci0000:00/%s/%s", getenv("SYSFS_PATH"), addr, name);
}

static void set_driver(const char *addr, const char *driver)
{
	char path[PATH_MAX], link[PATH_MAX], target[PATH_MAX];
	ssize_t n;

	device_file(path, addr, "driver");
	n = readlink(path, target, sizeof(target) - 1);
	if (n > 0) {
		target[n] = '\0';
		snprintf(link, sizeof(link), "%.2000s/bus/pci/drivers%.1000s/%.60s",
			 getenv("SYSFS_PATH"), strrchr(target, '/'), addr);
		REAL(unlinkat)(AT_FDCWD, link, 0);
		REAL(unlinkat)(AT_FDCWD, path, 0);
	}
	if (!driver)
		return;
	snprintf(target, sizeof(target), "../../../bus/pci/drivers/%s", driver);
	if (symlink(target, path))
		abort();
	snprintf(target, sizeof(target), "../../../../devices/pci0000:00/%s", addr);
	snprintf(link, sizeof(link), "%.2000s/bus/pci/drivers/%.1000s/%.60s", getenv("SYSFS_PATH"),
		 driver, addr);
	if (symlink(target, link))
		abort();
}

static void probe(const char *addr)
{
	char path[PATH_MAX], driver[64];

	device_file(path, addr, "driver");
	if (access(path, F_OK) == 0)
		return;
	device_file(path, addr, "driver_override");
	get(path, driver, sizeof(driver));
	if (!driver[0] || strcmp(driver, "(null)") == 0) {
		device_file(path, addr, "default_driver");
		get(path, driver, sizeof(driver));
	}
	snprintf(path, sizeof(path), "%s/bus/pci/drivers/%s", getenv("SYSFS_PATH"), driver);
	if (!driver[0] || access(path, F_OK))
		return;
	strncat(path, "/takes_nothing", sizeof(path) - strlen(path) - 1);
	if (access(path, F_OK))
		set_driver(addr, driver);
}

/* Does what follows from a write. Returns true if the write itself is not to be done. */
static bool react(const char *path, const char *value)
{
	char other[PATH_MAX];

	if (ends_with(path, "/bus/pci/drivers_probe")) {
		probe(value);
		return true;
	}
	if (strstr(path, "/bus/pci/drivers/") && ends_with(path, "/unbind")) {
		set_driver(value, NULL);
		return true;
	}
	if (ends_with(path, "/driver_override") && !value[0]) {
		put(path, "(null)");
		return true;
	}
	if (ends_with(path, "/tsm/disconnect")) {
		snprintf(other, sizeof(other), "%.*sconnect",
			 (int)(strlen(path) - strlen("disconnect")), path);
		put(other, "");
		return true;
	}
	return false;
}

static void note(const char *path, const char *value)
{
	const char *log = getenv("FAKE_LOG");
	int fd = log ? open(log, O_WRONLY | O_CREAT | O_APPEND, 0644) : -1;

	if (fd < 0)
		return;
	path += strlen(getenv("SYSFS_PATH"));
	dprintf(fd, "%s %s\n", path, value);
	close(fd);
}

/* Like system(3), which would ignore SIGINT, and so lose a pending one. */
static int shell(const char *command)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		execl("/bin/sh", "sh", "-c", command, NULL);
		_exit(127);
	}
	return pid < 0 || waitpid(pid, &status, 0) < 0 ? -1 : status;
}

/* Runs the command of another process before a write. */
static void meanwhile(const char *variable, const char *path, const char *value)
{
	char glob[PATH_MAX], what[PATH_MAX + 256], command[PATH_MAX];
	const char *rule = getenv(variable);

	if (!rule || sscanf(rule, "%4095s %4095[^\n]", glob, command) != 2)
		return;
	snprintf(what, sizeof(what), "%s=%s", path, value);
	if (fnmatch(glob, what, FNM_EXTMATCH))
		return;
	unsetenv(variable);
	setenv("FAKE_VALUE", value, 1);
	if (shell(command))
		abort();
}

/* Runs the command of another process, which opens files itself, before an open. */
static void before_open(const char *path)
{
	char glob[PATH_MAX], command[PATH_MAX], rule[2 * PATH_MAX];
	const char *given = getenv("FAKE_OPEN");

	if (!given || sscanf(given, "%4095s %4095[^\n]", glob, command) != 2 ||
	    fnmatch(glob, path, FNM_EXTMATCH))
		return;
	snprintf(rule, sizeof(rule), "%s", given);
	unsetenv("FAKE_OPEN");
	if (shell(command))
		abort();
	setenv("FAKE_OPEN", rule, 1);
}

/* Whether a driver is to be detached from a device that it does not have. */
static bool has_not(const char *path, const char *value)
{
	char device[PATH_MAX];
	struct stat st;

	if (!strstr(path, "/bus/pci/drivers/") || !ends_with(path, "/unbind"))
		return false;
	snprintf(device, sizeof(device), "%.*s%.64s", (int)(strlen(path) - strlen("unbind")), path,
		 value);
	return fstatat(AT_FDCWD, device, &st, AT_SYMLINK_NOFOLLOW) != 0;
}

/* Returns an errno if this write is to fail. */
static int refused(const char *path, const char *value)
{
	char glob[PATH_MAX], what[PATH_MAX + 256];
	const char *rule = getenv("FAKE_REFUSE");
	int err;

	if (has_not(path, value))
		return ENODEV;
	if (!rule || sscanf(rule, "%4095s %d", glob, &err) != 2)
		return 0;
	snprintf(what, sizeof(what), "%s=%s", path, value);
	return fnmatch(glob, what, FNM_EXTMATCH) ? 0 : err;
}

/* --- loss of power --------------------------------------------------------- */

/* Counts a change of the configuration; the last one may be made in part. */
static bool is_last(const char *path)
{
	static int changes;
	const char *cut = getenv("POWER_CUT");

	return cut && is_below(path, "TSMCTL_ETC") && ++changes == atoi(cut);
}

static void lose_power(void)
{
	for (int i = 0; i < unsynced_count; i++)
		if (ftruncate(unsynced[i], 0))
			abort();
	_exit(137);
}

static void written(int fd)
{
	if (getenv("POWER_CUT") && unsynced_count < UNSYNCED)
		unsynced[unsynced_count++] = dup(fd);
}

static void synced(int fd)
{
	struct stat a, b;

	fstat(fd, &a);
	for (int i = 0; i < unsynced_count; i++) {
		fstat(unsynced[i], &b);
		if (a.st_ino == b.st_ino && a.st_dev == b.st_dev)
			unsynced[i--] = unsynced[--unsynced_count];
	}
}

static void full_path(int dir, const char *name, char *path)
{
	char base[PATH_MAX] = "";

	if (name[0] != '/' && (dir == AT_FDCWD || !path_of(dir, base)) &&
	    !getcwd(base, sizeof(base)))
		abort();
	if (snprintf(path, PATH_MAX, "%s%s%s", base, name[0] == '/' ? "" : "/", name) >= PATH_MAX)
		abort();
}

/* --- another save ---------------------------------------------------------- */

static void remove_lock(const char *path)
{
	const char *mark = getenv("LOCK_REMOVED");

	if (!mark || !is_below(path, "TSMCTL_ETC") || !ends_with(path, ".lock") ||
	    access(mark, F_OK) == 0)
		return;
	put(mark, path);
	REAL(unlinkat)(AT_FDCWD, path, 0);
}

/* --- drivers that take their time ------------------------------------------ */

static bool is_slow(const char *path)
{
	struct stat st;

	return strstr(path, "/bus/pci/drivers/") && ends_with(path, "/unbind") &&
	       is_below(path, "SYSFS_PATH") && !fstatat(AT_FDCWD, path, &st, 0) &&
	       S_ISFIFO(st.st_mode);
}

static void wait_for_reader(const char *path)
{
	close(REAL(openat)(AT_FDCWD, path, O_WRONLY));
}

/* --- what tsmctl calls ----------------------------------------------------- */

ssize_t write(int fd, const void *buf, size_t n)
{
	char path[PATH_MAX], value[256];
	int err;

	if (!path_of(fd, path))
		return REAL(write)(fd, buf, n);
	if (is_last(path)) {
		REAL(write)(fd, buf, n / 2);
		written(fd);
		lose_power();
	}
	if (is_below(path, "TSMCTL_ETC"))
		written(fd);
	if (!is_below(path, "SYSFS_PATH"))
		return REAL(write)(fd, buf, n);
	snprintf(value, sizeof(value), "%.*s", (int)(n && n < sizeof(value) ? n - 1 : 0),
		 (const char *)buf);
	meanwhile("FAKE_MEANWHILE", path, value);
	meanwhile("FAKE_LATER", path, value);
	err = refused(path, value);
	if (err) {
		errno = err;
		return -1;
	}
	note(path, value);
	if (react(path, value)) {
		if (is_slow(path))
			wait_for_reader(path);
		return (ssize_t)n;
	}
	/* a FIFO has nothing to be cut off */
	if (ftruncate(fd, 0) && errno != EINVAL)
		return -1;
	return REAL(write)(fd, buf, n);
}

int openat(int dir, const char *name, int flags, ...)
{
	mode_t mode = OPEN_MODE(flags);
	char path[PATH_MAX];
	int fd;

	full_path(dir, name, path);
	if ((flags & O_CREAT) && is_last(path))
		lose_power();
	/* attributes have no size: a write that fails does not change them */
	if (is_below(path, "SYSFS_PATH"))
		flags &= ~O_TRUNC;
	before_open(path);
	/* the write waits, and not the open */
	if ((flags & O_ACCMODE) == O_WRONLY && is_slow(path))
		flags = O_PATH | O_CLOEXEC;
	fd = REAL(openat)(dir, name, flags, mode);
	remove_lock(path);
	return fd;
}

/* With _FORTIFY_SOURCE, openat() is this if its flags are not constant. */
int __openat_2(int dir, const char *name, int flags);

int __openat_2(int dir, const char *name, int flags)
{
	return openat(dir, name, flags);
}

/* There is no openat2(), because its files would not be seen here. tsmctl does without. */
long syscall(long number, ...)
{
	(void)number;
	errno = ENOSYS;
	return -1;
}

int fsync(int fd)
{
	char path[PATH_MAX];
	struct stat st;

	if (path_of(fd, path) && !fstat(fd, &st) && !S_ISDIR(st.st_mode) && is_last(path))
		lose_power();
	synced(fd);
	return REAL(fsync)(fd);
}

int linkat(int from, const char *old, int to, const char *new, int flags)
{
	char path[PATH_MAX];

	full_path(to, new, path);
	if (is_last(path))
		lose_power();
	return REAL(linkat)(from, old, to, new, flags);
}

int renameat(int from, const char *old, int to, const char *new)
{
	char path[PATH_MAX];
	int ret;

	full_path(to, new, path);
	if (is_last(path))
		lose_power();
	ret = REAL(renameat)(from, old, to, new);
	/* the name may reach the disk before the contents */
	if (is_last(path))
		lose_power();
	return ret;
}

int mkdirat(int dir, const char *name, mode_t mode)
{
	static const char *const attributes[][2] = {
		{ "region_mode", "default" }, { "region_mode_active", "none" },
		{ "bar_mmap", "refuse" },     { "bind_allowed", "1" },
		{ "admission", "none" },      { "admitted", "0" },
		{ "guest_requests", "all" },  { "tdi_id", "none" },
		{ "state", "unassigned" },    { "bound", "0" },
		{ "origin", "none" },	      { "quarantine", "0" },
		{ "vdevice_id", "none" },     { "tsm", "none" },
		{ "owner", "none" },	      { "last_error", "0" },
		{ "generation", "0" },
	};
	char path[PATH_MAX - 64], file[PATH_MAX];
	int ret = REAL(mkdirat)(dir, name, mode);

	if (ret || !path_of(dir, file) || !ends_with(file, "/vfio_tsm"))
		return ret;
	snprintf(path, sizeof(path), "%.3000s/%.900s/tsm", file, name);
	REAL(mkdirat)(AT_FDCWD, path, 0755);
	for (size_t i = 0; i < sizeof(attributes) / sizeof(attributes[0]); i++) {
		snprintf(file, sizeof(file), "%s/%s", path, attributes[i][0]);
		put(file, attributes[i][1]);
	}
	if (getenv("FAKE_STUCK")) {
		snprintf(file, sizeof(file), "%s/quarantine", path);
		put(file, "1");
		snprintf(file, sizeof(file), "%s/../stuck", path);
		REAL(mkdirat)(AT_FDCWD, file, 0755);
	}
	note(path, "mkdir");
	return ret;
}

int unlinkat(int dir, const char *name, int flags)
{
	char path[PATH_MAX], command[2 * PATH_MAX];

	full_path(dir, name, path);
	if (!(flags & AT_REMOVEDIR) && is_last(path))
		lose_power();
	if ((flags & AT_REMOVEDIR) && is_below(path, "SYSFS_PATH")) {
		note(path, "rmdir");
		unsetenv("LD_PRELOAD");
		snprintf(command, sizeof(command), "rm -r '%s/tsm'", path);
		if (shell(command))
			return -1;
	}
	return REAL(unlinkat)(dir, name, flags);
}
