// SPDX-License-Identifier: GPL-2.0-or-later
/* Operations of root beside the owner: the TSM, policy, sysfs. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "attack.h"

static char tsm[64];

/* Returns the length, or a negative errno. */
int read_text(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t length;
	int ret;

	if (fd < 0)
		return -errno;
	length = read(fd, text, size - 1);
	ret = length < 0 ? -errno : (int)length;
	text[ret < 0 ? 0 : ret] = '\0';
	close(fd);
	return ret;
}

int write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), ret;

	if (fd < 0)
		return -errno;
	ret = write(fd, text, strlen(text)) < 0 ? -errno : 0;
	close(fd);
	return ret;
}

static void in_sysfs(char *path, size_t size, const char *name)
{
	snprintf(path, size, "/sys/bus/pci/devices/%s/%s", victim.addr, name);
}

static void of_connector(char *path, size_t size, const char *name)
{
	snprintf(path, size, "/sys/bus/pci/devices/%s/%s", connector, name);
}

static void in_config(char *path, size_t size, const char *name)
{
	snprintf(path, size, "/sys/kernel/config/vfio_tsm/%s/%s", victim.addr, name);
}

/* Finds the TSM to which the victim is connected, and the sizes of its BARs. */
void host_init(void)
{
	char path[128], text[1024], *line = text;

	of_connector(path, sizeof(path), "tsm/connect");
	if (read_text(path, tsm, sizeof(tsm)) <= 0 || tsm[0] == '\n')
		fail("%s is not connected to a TSM", victim.addr);
	tsm[strcspn(tsm, "\n")] = '\0';

	in_sysfs(path, sizeof(path), "resource");
	if (read_text(path, text, sizeof(text)) < 0)
		fail("%s cannot be read", path);
	for (int bar = 0; bar < MAX_BARS && line; bar++) {
		unsigned long long start, end, flags;

		/* 0x200: memory */
		if (sscanf(line, "%llx %llx %llx", &start, &end, &flags) == 3 && flags & 0x200)
			bar_size[bar] = end - start + 1;
		line = strchr(line, '\n');
		line += line ? 1 : 0;
	}
}

/*
 * A connect and a disconnect remove the attributes of PCI/TSM from the other functions of the DSM,
 * and wait for their readers, which wait for them, see vfio-pci-tsm(4).
 */
static pthread_rwlock_t dependent = PTHREAD_RWLOCK_INITIALIZER;

int host_connect(void)
{
	char path[128];
	int ret;

	of_connector(path, sizeof(path), "tsm/connect");
	pthread_rwlock_wrlock(&dependent);
	ret = write_text(path, tsm);
	pthread_rwlock_unlock(&dependent);
	return ret;
}

/* A bound TDI is then lost. */
int tsm_disconnect(struct thread *t)
{
	bool again = !one_in(t, 4);
	char path[128];
	int ret;

	note(t, "%s", again ? ", and connect" : "");
	of_connector(path, sizeof(path), "tsm/disconnect");
	pthread_rwlock_wrlock(&dependent);
	excuse_begin(&disconnects);
	ret = write_text(path, tsm);
	excuse_end(&disconnects);
	pthread_rwlock_unlock(&dependent);
	if (again)
		host_connect();
	return ret;
}

int tsm_connect(__attribute__((unused)) struct thread *t)
{
	return host_connect();
}

int tsm_revoke(__attribute__((unused)) struct thread *t)
{
	char path[128];
	int ret;

	in_config(path, sizeof(path), "tsm/bound");
	excuse_begin(&unbinds);
	ret = write_text(path, "0");
	excuse_end(&unbinds);
	return ret;
}

/* For a moment. It is refused while the victim is bound. */
int quarantine(__attribute__((unused)) struct thread *t)
{
	char path[128];
	int ret;

	in_config(path, sizeof(path), "tsm/quarantine");
	ret = write_text(path, "1");
	write_text(path, "0");
	return ret;
}

/* Writes any word to any attribute, and then mostly a word with which binds succeed. */
int policy(struct thread *t)
{
	static const char *const names[] = { "region_mode", "bar_mmap", "bind_allowed", "tdi_id" };
	static const char *const words[] = {
		"default", "exclusive", "shared",  "refuse", "revoke", "0",
		"1",	   "none",	"00:05.0", "0x123",  "",       "\xff\xfe, and so on",
	};
	static const char *const good[] = { "exclusive", "revoke", "1", "00:05.0" };
	unsigned int which = below(t, 4);
	const char *word = words[below(t, sizeof(words) / sizeof(*words))];
	bool back = !one_in(t, 8);
	char path[128], name[32];
	int ret;

	note(t, " %s '%s'%s", names[which], word, back ? ", and back" : "");
	snprintf(name, sizeof(name), "tsm/%s", names[which]);
	in_config(path, sizeof(path), name);
	ret = write_text(path, word);
	if (back)
		write_text(path, good[which]);
	return ret;
}

/* The directory of the victim, which stays while it is open, or of another device */
int policy_dir(struct thread *t)
{
	char path[128];
	int ret;

	if (one_in(t, 2)) {
		snprintf(path, sizeof(path), "/sys/kernel/config/vfio_tsm/0000:fe:%02x.0",
			 (unsigned int)below(t, 4));
		note(t, " %s", path);
		mkdir(path, 0755);
		return rmdir(path) ? -errno : 0;
	}

	in_config(path, sizeof(path), "");
	note(t, " %s", path);
	ret = rmdir(path) ? -errno : 0;
	mkdir(path, 0755);
	in_config(path, sizeof(path), "tsm/tdi_id");
	write_text(path, "00:05.0");
	return ret;
}

static int read_all(struct thread *t, const char *directory)
{
	DIR *dir = opendir(directory);
	const struct dirent *entry;
	char path[PATH_MAX], text[4096];
	int ret = 0;

	if (!dir)
		return -errno;
	while ((entry = readdir(dir))) {
		int one;

		if (entry->d_type != DT_REG || one_in(t, 2))
			continue;
		snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name);
		one = read_text(path, text, sizeof(text));
		/* Some attributes can only be written. */
		ret = one < 0 && one != -EACCES ? one : ret;
	}
	closedir(dir);
	return ret;
}

static int read_dependent(struct thread *t)
{
	char path[128];
	int ret;

	in_sysfs(path, sizeof(path), "tsm");
	note(t, " %s", path);
	pthread_rwlock_rdlock(&dependent);
	ret = read_all(t, path);
	pthread_rwlock_unlock(&dependent);
	return ret;
}

int read_state(struct thread *t)
{
	char path[128];

	switch (below(t, 3)) {
	case 0:
		in_config(path, sizeof(path), "tsm");
		break;
	case 1:
		in_sysfs(path, sizeof(path), "vfio_tsm");
		break;
	default:
		return read_dependent(t);
	}
	note(t, " %s", path);
	return read_all(t, path);
}

int sysfs_power(struct thread *t)
{
	bool automatic = one_in(t, 2);
	char path[128];

	note(t, " %s", automatic ? "auto" : "on");
	in_sysfs(path, sizeof(path), "power/control");
	return write_text(path, automatic ? "auto" : "on");
}

int sysfs_enable(struct thread *t)
{
	bool on = one_in(t, 2);
	char path[128];

	note(t, " %d", on);
	in_sysfs(path, sizeof(path), "enable");
	return write_text(path, on ? "1" : "0");
}

/* Root maps a BAR, which is refused for an exclusive one. */
int sysfs_resource(__attribute__((unused)) struct thread *t)
{
	char path[128];
	void *at;
	int fd, ret = 0;

	in_sysfs(path, sizeof(path), "resource0");
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	at = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED)
		ret = -errno;
	else
		munmap(at, 4096);
	close(fd);
	return ret;
}

/* The kernel enables the BAR of a ROM to read it. */
int sysfs_rom(__attribute__((unused)) struct thread *t)
{
	char path[128], text[64];
	int ret;

	in_sysfs(path, sizeof(path), "rom");
	ret = write_text(path, "1");
	if (ret)
		return ret;
	ret = read_text(path, text, sizeof(text));
	write_text(path, "0");
	return ret < 0 ? ret : 0;
}

int sysfs_rescan(__attribute__((unused)) struct thread *t)
{
	return write_text("/sys/bus/pci/rescan", "1");
}

/*
 * A detach from the driver waits until the owner, which is the oracle's thread, closes the
 * device. The wait cannot be frozen, and a frozen owner does not close. So a detach and a
 * suspend exclude each other, as on any vfio driver.
 */
static pthread_mutex_t rebinding = PTHREAD_MUTEX_INITIALIZER;

/* A thread that waits in the kernel for another one cannot be frozen either. */
static pthread_rwlock_t freezing = PTHREAD_RWLOCK_INITIALIZER;

/* False while the system is about to suspend */
bool freeze_forbid(void)
{
	return !pthread_rwlock_tryrdlock(&freezing);
}

void freeze_allow(void)
{
	pthread_rwlock_unlock(&freezing);
}

int driver_rebind(struct thread *t)
{
	const char *addr = sibling.addr && one_in(t, 2) ? sibling.addr : victim.addr;
	char path[128];
	int ret;

	note(t, " %s", addr);
	if (pthread_mutex_trylock(&rebinding))
		return -EAGAIN;
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/driver/unbind", addr);
	excuse_begin(&rebinds);
	letting_go++;
	ret = write_text(path, addr);
	letting_go--;
	write_text("/sys/bus/pci/drivers_probe", addr);
	excuse_end(&rebinds);
	pthread_mutex_unlock(&rebinding);
	return ret;
}

/*
 * Suspends only up to the freezing of tasks: the kernel decides before that whether the
 * system may suspend. Does nothing if the kernel cannot stop at that point.
 */
int system_suspend(__attribute__((unused)) struct thread *t)
{
	char text[256];
	int ret = -EOPNOTSUPP;

	if (pthread_mutex_trylock(&rebinding))
		return -EAGAIN;
	if (pthread_rwlock_trywrlock(&freezing)) {
		pthread_mutex_unlock(&rebinding);
		return -EAGAIN;
	}
	if (!write_text("/sys/power/pm_test", "freezer") &&
	    !write_text("/sys/module/suspend/parameters/pm_test_delay", "0") &&
	    read_text("/sys/power/pm_test", text, sizeof(text)) > 0 && strstr(text, "[freezer]"))
		ret = write_text("/sys/power/state", "freeze");
	pthread_rwlock_unlock(&freezing);
	pthread_mutex_unlock(&rebinding);
	return ret;
}
