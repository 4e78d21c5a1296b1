/* SPDX-License-Identifier: GPL-2.0-or-later */
/* All that list and show print about a device. */
#ifndef TSMCTL_INFO_H
#define TSMCTL_INFO_H

#include "host/pci.h"

struct json_object;

/**
 * info_collect() - gather what is known of a device
 * @ctx: this run
 * @dev: the device
 * @keys: the keys that are needed, NULL-terminated; or NULL for all keys. Nothing is read
 *	for other keys, and the object may lack them; it always has address and driver
 *
 * The object has the same keys for every device. An unknown value is null.
 *
 * Return: the object, for the caller to put.
 */
struct json_object *info_collect(struct ctx *ctx, const struct pci_device *dev,
				 const char *const *keys);

/**
 * info_is_flag() - whether an attribute of policy is 1 or 0, for yes or no
 * @attr: the attribute
 *
 * Return: true if so.
 */
bool info_is_flag(const char *attr);

/**
 * info_cannot_bind() - whether a device cannot become a TDI, because of the host's TSM
 * @obj: the object, with can_bind and state
 *
 * If a TSM of the host cannot bind, only functions that are already bound are TDIs.
 *
 * Return: true if so.
 */
bool info_cannot_bind(struct json_object *obj);

/**
 * info_collect_all() - gather all that show prints of a device
 * @ctx: this run
 * @dev: the device
 * @use: how the host uses it, or NULL
 *
 * The object has all keys of info_collect(), then the use, and then what has happened to the
 * device since it was assigned.
 *
 * Return: the object, for the caller to put.
 */
struct json_object *info_collect_all(struct ctx *ctx, const struct pci_device *dev,
				     const char *use);

/**
 * info_text() - one member of the object as text
 * @obj: the object
 * @key: the member
 * @buf: buffer for what is not a string
 * @size: bytes in @buf
 *
 * Return: @buf or a string of @obj; "-" for null.
 */
const char *info_text(struct json_object *obj, const char *key, char *buf, size_t size);

/**
 * info_note_none() - print that there is nothing to show, if the output would be empty
 * @ctx: this run, after all devices were looked at
 */
void info_note_none(const struct ctx *ctx);

#endif
