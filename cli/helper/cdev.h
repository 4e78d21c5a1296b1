/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A device's vfio cdev, and what sysfs shows of it. */
#ifndef TSM_HELPER_CDEV_H
#define TSM_HELPER_CDEV_H

#include "helper/session.h"

/**
 * cdev_find() - find the device's vfio cdev in sysfs
 * @s: session; @s->cdev_name and @s->cdev_number are filled in
 *
 * Return: 0, -ENODEV if there is no such device, -ENXIO if no vfio driver has it,
 * or negative errno.
 */
int cdev_find(struct session *s);

/**
 * cdev_open() - open it, if the node is the one that sysfs means
 * @s: session; @s->cdev is opened
 *
 * Return: 0, -ENOENT without a node, -ENXIO if the node is something else, or
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
 * cdev_watch() - have the kernel tell when it wants the device back
 * @s: session; @s->request and @s->event are opened
 *
 * Return: 0 or negative errno.
 */
int cdev_watch(struct session *s);

/**
 * cdev_is_lost() - whether the bind was lost
 * @s: session
 * @reason: gets the word of last_unbind then
 * @size: of @reason, 16 or more
 *
 * Its directory in sysfs goes first when a device goes; configfs has the state until
 * the last user has gone.
 *
 * Return: true if the kernel had to unbind the device; what it does not say is
 * taken for a request to leave it.
 */
bool cdev_is_lost(const struct session *s, char *reason, size_t size);

/**
 * cdev_enable() - switch memory decode and bus mastering on
 * @s: session
 *
 * A bind wants both on, and no guest is here to do it.
 *
 * Return: 0 or negative errno.
 */
int cdev_enable(struct session *s);

/**
 * cdev_attr() - what the driver says of the device
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
 * @stage: out, the driver's name of the check; "" if it tells of another errno, or none
 * @size: of @stage
 */
void cdev_refused_at(const struct session *s, int err, char *stage, size_t size);

#endif
