/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A device's vfio cdev, and its attributes in sysfs. */
#ifndef TSM_HELPER_CDEV_H
#define TSM_HELPER_CDEV_H

#include "helper/session.h"

/**
 * cdev_find() - find the device's vfio cdev in sysfs
 * @s: session; @s->cdev_name and @s->cdev_number are filled in
 *
 * Return: 0, -ENODEV if there is no such device, -ENXIO if it is not on a vfio driver, or
 * negative errno.
 */
int cdev_find(struct session *s);

/**
 * cdev_open() - open the cdev, if the node in /dev has the number in sysfs
 * @s: session; @s->cdev is opened
 *
 * Return: 0, -ENOENT if there is no node, -ENXIO if the node is something else, or
 * negative errno.
 */
int cdev_open(struct session *s);

/**
 * cdev_in_use() - whether a file is the one that was given to an iommufd
 * @fd: an open file of the cdev, which may be open more than once
 *
 * Return: true if so.
 */
bool cdev_in_use(int fd);

/**
 * cdev_watch() - have the kernel signal that it wants the device back, or that a bind is lost
 * @s: session; @s->request and @s->event are opened
 *
 * Return: 0 or negative errno.
 */
int cdev_watch(struct session *s);

/**
 * cdev_is_lost() - whether the bind was lost
 * @s: session
 * @reason: out if true, the word in last_unbind
 * @size: of @reason, 16 or more
 *
 * When a device is removed, its directory in sysfs goes first. configfs shows the state
 * until the last user has closed the device.
 *
 * Return: true if the kernel had to unbind the device. False if the state cannot be read:
 * the caller then reports a request of the kernel to close the device.
 */
bool cdev_is_lost(const struct session *s, char *reason, size_t size);

/**
 * cdev_enable() - enable memory decode and bus mastering
 * @s: session
 *
 * A bind needs both, and there is no guest that would enable them.
 *
 * Return: 0 or negative errno.
 */
int cdev_enable(struct session *s);

/**
 * cdev_attr() - read an attribute of the driver
 * @s: session
 * @name: attribute in the device's directory vfio_tsm
 * @text: out, its first line
 * @size: of @text
 *
 * Return: 0 or negative errno.
 */
int cdev_attr(const struct session *s, const char *name, char *text, size_t size);

/**
 * cdev_is() - whether an open file is the cdev that sysfs names
 * @s: session, after cdev_find()
 * @fd: the file
 *
 * Return: true if so.
 */
bool cdev_is(const struct session *s, int fd);

/**
 * cdev_refused_at() - the check at which the driver refused the last bind
 * @s: session
 * @err: negative errno of that bind
 * @stage: out, the driver's word for the check; "" if last_error has another errno or none
 * @size: of @stage
 */
void cdev_refused_at(const struct session *s, int err, char *stage, size_t size);

#endif
