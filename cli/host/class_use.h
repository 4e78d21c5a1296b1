/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Uses of a device that one attribute of a class device shows: consoles, watchdogs, displays. */
#ifndef TSMCTL_CLASS_USE_H
#define TSMCTL_CLASS_USE_H

#include <stdbool.h>

/**
 * struct class_use - a use, and how it is recognized
 * @class: the class or the bus of the device below the function
 * @attribute: its attribute
 * @value: the value of the attribute while the device is used; NULL if any device of this class
 *	is a use, and @attribute only has to exist
 * @boot_display: only if the function is the display that the firmware used
 * @message: what it is, after its name
 * @hint: the next step; @ is its name
 */
struct class_use {
	const char *class;
	const char *attribute;
	const char *value;
	bool boot_display;
	const char *message;
	const char *hint;
};

/**
 * class_use_find() - whether a device below a function is in use by the host
 * @function: directory of the function in sysfs
 * @fd: directory of the device
 * @class: its class or bus
 *
 * Return: the use, or NULL.
 */
const struct class_use *class_use_find(int function, int fd, const char *class);

#endif
