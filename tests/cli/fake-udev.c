// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Plays the events of a kernel, preloaded into tsmctl in the place of libudev. FAKE_UEVENTS
 * names a FIFO with one event a line:
 *
 *	ACTION SUBSYSTEM NAME [KEY=VALUE]...
 *
 * The line LOST stands for events that did not fit into the socket's buffer.
 *
 * Attributes of sysfs are files in a directory here, for which poll() is always ready: a
 * write to one takes the place of the kernel's notification.
 */
#include <errno.h>
#include <fcntl.h>
#include <libudev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define WORDS 16
#define WATCHED 64

static struct watched_file {
	int fd;
	void *arg;
} watches[WATCHED];
static int watched;

static int fifo = -1;
static char line[1024];
static char *words[WORDS];
static int count;

int epoll_ctl(int epoll, int op, int fd, struct epoll_event *event)
{
	struct epoll_event written;
	char path[64];
	struct stat st;

	if (fstat(fd, &st) || !S_ISREG(st.st_mode))
		return (int)syscall(SYS_epoll_ctl, epoll, op, fd, event);
	if (op != EPOLL_CTL_ADD || event->events != EPOLLPRI)
		abort();
	written = (struct epoll_event){ .events = EPOLLIN, .data = event->data };
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	/* the kernel needs no descriptor here: without a free one, open() has failed before */
	if (fd < 0)
		return -1;
	if (inotify_add_watch(fd, path, IN_CLOSE_WRITE) < 0)
		abort();
	if (watched == WATCHED)
		abort();
	watches[watched++] = (struct watched_file){ fd, event->data.ptr };
	return (int)syscall(SYS_epoll_ctl, epoll, op, fd, &written);
}

int epoll_wait(int epoll, struct epoll_event *events, int size, int timeout)
{
	int n = epoll_pwait(epoll, events, size, timeout, NULL);
	char told[4096];

	/* each write is reported once; then the file is read */
	for (int i = 0; i < n; i++)
		for (int w = 0; w < watched; w++)
			while (watches[w].arg == events[i].data.ptr &&
			       read(watches[w].fd, told, sizeof(told)) > 0)
				;
	return n;
}

struct udev_monitor *udev_monitor_new_from_netlink(struct udev *udev, const char *name)
{
	(void)udev;
	if (strcmp(name, "kernel") != 0)
		abort();
	/* an end for writing keeps it open between writers */
	fifo = open(getenv("FAKE_UEVENTS"), O_RDWR | O_NONBLOCK | O_CLOEXEC);
	return fifo < 0 ? NULL : (struct udev_monitor *)&fifo;
}

int udev_monitor_filter_add_match_subsystem_devtype(struct udev_monitor *m, const char *subsystem,
						    const char *devtype)
{
	(void)m;
	(void)devtype;
	return strcmp(subsystem, "pci") && strcmp(subsystem, "tsm") ? -EINVAL : 0;
}

int udev_monitor_enable_receiving(struct udev_monitor *m)
{
	(void)m;
	return 0;
}

int udev_monitor_set_receive_buffer_size(struct udev_monitor *m, int size)
{
	(void)m;
	return size > 0 ? 0 : -EINVAL;
}

int udev_monitor_get_fd(struct udev_monitor *m)
{
	(void)m;
	return fifo;
}

struct udev_monitor *udev_monitor_unref(struct udev_monitor *m)
{
	(void)m;
	return NULL;
}

struct udev_device *udev_monitor_receive_device(struct udev_monitor *m)
{
	size_t used = 0;

	(void)m;
	while (used < sizeof(line) - 1 && read(fifo, line + used, 1) == 1 && line[used] != '\n')
		used++;
	line[used] = '\0';
	if (!used) {
		errno = EAGAIN;
		return NULL;
	}
	if (strcmp(line, "LOST") == 0) {
		errno = ENOBUFS;
		return NULL;
	}
	count = 0;
	for (char *w = strtok(line, " "); w && count < WORDS; w = strtok(NULL, " "))
		words[count++] = w;
	return count < 3 ? NULL : (struct udev_device *)words;
}

struct udev_device *udev_device_unref(struct udev_device *d)
{
	(void)d;
	return NULL;
}

const char *udev_device_get_action(struct udev_device *d)
{
	(void)d;
	return words[0];
}

const char *udev_device_get_subsystem(struct udev_device *d)
{
	(void)d;
	return words[1];
}

const char *udev_device_get_sysname(struct udev_device *d)
{
	(void)d;
	return words[2];
}

const char *udev_device_get_property_value(struct udev_device *d, const char *key)
{
	size_t n = strlen(key);

	(void)d;
	for (int i = 3; i < count; i++)
		if (strncmp(words[i], key, n) == 0 && words[i][n] == '=')
			return words[i] + n + 1;
	return NULL;
}
