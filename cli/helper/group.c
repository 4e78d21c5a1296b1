// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The IOMMU group of a device, see group.h. iommufd returns EPERM for three causes: another
 * function of the group belongs to another iommufd, or to a driver of the host; interrupts are
 * not isolated; or a process that this one cannot see has the group.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>

#include "common/exitcode.h"
#include "common/rundir.h"
#include "helper/group.h"

#define OUR_DRIVER "vfio-pci-tsm"
#define WORD_LEN 64

/* Reads the first line of a file of sysfs or configfs. Return: whether there is one. */
static bool read_word(const struct session *s, char text[WORD_LEN], const char *fmt,
		      const char *name)
{
	cleanup_free char *below = NULL, *path = NULL;
	cleanup_fd int fd = -1;
	ssize_t n;

	text[0] = '\0';
	if (asprintf(&below, fmt, name) < 0 || asprintf(&path, "%s/%s", s->sysfs, below) < 0)
		return false;
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	n = fd < 0 ? 0 : read(fd, text, WORD_LEN - 1);
	text[n > 0 ? n : 0] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return n > 0;
}

static void read_driver(const struct session *s, const char *name, char *driver, size_t size)
{
	cleanup_free char *path = NULL;
	char target[PATH_MAX];
	const char *slash;
	ssize_t n;

	driver[0] = '\0';
	if (asprintf(&path, "%s/bus/pci/devices/%s/driver", s->sysfs, name) < 0)
		return;
	n = readlink(path, target, sizeof(target) - 1);
	target[n > 0 ? n : 0] = '\0';
	slash = strrchr(target, '/');
	util_copy(driver, size, slash ? slash + 1 : "");
}

/* Whether a holder has the lock of a device. */
static bool is_locked(const struct session *s, const char *name)
{
	struct trust_fault fault;
	cleanup_fd int dir = run_dir_open(s->run_dir, false, &fault);
	cleanup_fd int lock = -1;
	char file[RUN_NAME_LEN];

	if (dir < 0)
		return false;
	run_file_name(file, name, RUN_LOCK);
	lock = run_file_look(dir, file, &fault);
	return lock >= 0 && run_file_is_locked(lock);
}

/* Bridges have no users; the kernel allows these drivers in a group of VFIO. */
static bool is_harmless(const struct session *s, const char *name, const char *driver)
{
	char class[WORD_LEN];

	return !driver[0] || streq(driver, "pci-stub") ||
	       (read_word(s, class, "bus/pci/devices/%s/class", name) &&
		starts_with(class, "0x0604"));
}

/* A device that is open, but not yet in an iommufd, has the state "closed". */
static bool is_open(const struct session *s, const char *name)
{
	char state[WORD_LEN];

	return read_word(s, state, "bus/pci/devices/%s/vfio_tsm/state", name) &&
	       !streq(state, "closed");
}

static void look_at(const struct session *s, const char *name, struct group_user *u)
{
	struct group_user found = {};
	char owner[WORD_LEN];

	read_driver(s, name, found.driver, sizeof(found.driver));
	if (streq(found.driver, OUR_DRIVER)) {
		if (!is_open(s, name))
			return;
		read_word(s, owner, "kernel/config/vfio_tsm/%s/tsm/owner", name);
		if (util_parse_u32(owner, &found.pid))
			found.pid = 0;
		found.held = is_locked(s, name);
	} else if (is_harmless(s, name, found.driver)) {
		return;
	}
	/* prefer what is certain */
	if (u->name[0] && (u->held || (!found.held && (u->pid || !found.pid))))
		return;
	util_copy(found.name, sizeof(found.name), name);
	*u = found;
}

void group_look(const struct session *s, struct group_user *u)
{
	cleanup_free char *path = NULL;
	cleanup_dir DIR *dir = NULL;
	struct pci_addr addr;
	struct dirent *e;

	*u = (struct group_user){};
	if (asprintf(&path, "%s/bus/pci/devices/%s/iommu_group/devices", s->sysfs, s->name) < 0)
		return;
	dir = opendir(path);
	while (dir && (e = readdir(dir)))
		if (!pci_addr_parse(e->d_name, &addr) && !streq(e->d_name, s->name))
			look_at(s, e->d_name, u);
}

enum isolation { ISOLATED, NOT_ISOLATED, NOT_KNOWN };

/* The kernel names no isolation in sysfs, but the chips of remapped interrupts. */
static enum isolation look_at_interrupts(const struct session *s)
{
	enum isolation found = NOT_KNOWN;
	cleanup_free char *path = NULL;
	cleanup_dir DIR *dir = NULL;
	char text[WORD_LEN];
	struct dirent *e;

	if (read_word(s, text, "module/%s/parameters/allow_unsafe_interrupts", "iommufd") &&
	    streq(text, "Y"))
		return ISOLATED;
	if (asprintf(&path, "%s/kernel/irq", s->sysfs) < 0)
		return NOT_KNOWN;
	dir = opendir(path);
	while (dir && (e = readdir(dir))) {
		if (e->d_name[0] == '.' ||
		    !read_word(s, text, "kernel/irq/%s/chip_name", e->d_name))
			continue;
		if (starts_with(text, "IR-"))
			return ISOLATED;
		/* other machines have other chips, and isolate without remapping */
		if (starts_with(text, "IO-APIC") || starts_with(text, "PCI-MSI"))
			found = NOT_ISOLATED;
	}
	return found;
}

static void set(struct verdict *v, int code, const char *hint, const char *name)
{
	v->code = code;
	util_fill(v->filled, sizeof(v->filled), hint, name);
	v->hint = v->filled;
}

static void explain_user(const struct session *s, const struct group_user *u, struct verdict *v)
{
	char user[32] = "a process", hint[sizeof(v->filled)];

	if (u->pid)
		snprintf(user, sizeof(user), "process %u", u->pid);
	if (u->held || streq(u->driver, OUR_DRIVER)) {
		snprintf(v->message, sizeof(v->message),
			 "%s %s %s of its IOMMU group, and a group can have only one iommufd", user,
			 u->held ? "holds" : "has opened", u->name);
		util_copy(
			hint, sizeof(hint),
			u->held ?
				"run 'tsmctl bind @', which has that process hold it; tsm-bind-helper(8) has a unit for several functions" :
				"stop that process; or have it open @ with the same iommufd, and run 'tsmctl bind @'");
	} else {
		snprintf(v->message, sizeof(v->message),
			 "%s of its IOMMU group is on the driver %s, which may use the group",
			 u->name, u->driver);
		snprintf(hint, sizeof(hint), "run 'tsmctl assign %s', and bind again", u->name);
	}
	set(v, EXIT_BUSY, hint, s->name);
}

/* Whether another function belongs to a function 0. */
static bool relies_on(const char *name, const char *f0)
{
	struct pci_addr a = {}, b = {};

	pci_addr_parse(name, &a);
	pci_addr_parse(f0, &b);
	return !b.fn && a.fn && a.domain == b.domain && a.bus == b.bus && a.dev == b.dev;
}

static void explain_busy(const struct session *s, const struct group_user *u, struct verdict *v)
{
	char hint[sizeof(v->filled)];

	if (!u->name[0] || !streq(u->driver, OUR_DRIVER) || !relies_on(u->name, s->name))
		return;
	snprintf(v->message, sizeof(v->message),
		 "%s relies on it and is bound, and an open would reset it", u->name);
	snprintf(hint, sizeof(hint), "run 'tsmctl unbind %s', and then 'tsmctl bind @ %s'", u->name,
		 u->name);
	set(v, EXIT_BUSY, hint, s->name);
}

void group_explain(const struct session *s, const struct group_user *u, struct verdict *v)
{
	enum isolation found = look_at_interrupts(s);

	if (v->err == -EBUSY)
		return explain_busy(s, u, v);
	if (v->err != -EPERM)
		return;
	if (u->name[0]) {
		explain_user(s, u, v);
	} else if (found == ISOLATED) {
		util_copy(v->message, sizeof(v->message),
			  "a process out of sight has its IOMMU group");
		set(v, EXIT_BUSY,
		    "stop the process, perhaps in a container, that has a device of the group or /dev/vfio/GROUP open",
		    s->name);
	} else if (found == NOT_ISOLATED) {
		util_copy(v->message, sizeof(v->message),
			  "its IOMMU does not isolate interrupts: no interrupt is remapped");
		set(v, EXIT_UNSUPPORTED,
		    "enable interrupt remapping (on a test host: iommufd.allow_unsafe_interrupts=1)",
		    s->name);
	}
}
