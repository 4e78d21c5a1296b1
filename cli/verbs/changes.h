/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Connections and policies of devices, as processes change them. The kernel sends no uevent
 * for these, but they change when a process writes a file, and inotify(7) reports that.
 */
#ifndef TSMCTL_CHANGES_H
#define TSMCTL_CHANGES_H

#include "host/pci.h"
#include "verbs/event.h"

/**
 * struct changes - what is followed
 * @ctx: this run
 * @wanted: whether a device is to be followed; NULL is the host
 * @show: called for each event
 * @arg: passed to @wanted and @show
 * @fd: from inotify_init1(); to be waited for, -1 if nothing is followed
 * @began: changes_begin() has returned; what is new from then on is a change
 * @attached: the directory of the module vfio_tsm is watched
 * @busy: PCI/TSM is at work, and does not show connections
 * @default_mode: the mode of devices whose own is default, "" if it is not known
 * @devices: tree of the devices that are followed
 * @dirs: the directories that are watched
 * @count: how many
 */
struct changes {
	struct ctx *ctx;
	bool (*wanted)(void *arg, const struct pci_addr *addr);
	void (*show)(void *arg, const struct event *e);
	void *arg;
	int fd;
	bool began;
	bool attached;
	bool busy;
	char default_mode[ATTR_MAX];
	void *devices;
	struct changes_dir *dirs;
	size_t count;
};

/**
 * changes_begin() - follow the devices that are there
 * @c: with ctx, wanted, show and arg; the rest is zero, except fd, which is -1
 *
 * Return: 0, or negative errno, reported.
 */
int changes_begin(struct changes *c);

/**
 * changes_follow() - look at a device again
 * @c: from changes_begin(); nothing is done if nothing is followed
 * @addr: the device
 */
void changes_follow(struct changes *c, const struct pci_addr *addr);

/**
 * changes_take() - read the events of inotify, and look again at what could not be seen
 * @c: from changes_begin(); nothing is done if nothing is followed
 */
void changes_take(struct changes *c);

/**
 * changes_look() - look at all devices again
 * @c: from changes_begin(); nothing is done if nothing is followed
 */
void changes_look(struct changes *c);

/**
 * changes_timeout() - when changes_take() is to be called without an event
 * @c: from changes_begin()
 *
 * Return: milliseconds, as for poll().
 */
int changes_timeout(const struct changes *c);

/**
 * changes_end() - stop following devices
 * @c: from changes_begin()
 */
void changes_end(struct changes *c);

#endif
