/* SPDX-License-Identifier: GPL-2.0-or-later */
/* All that the module vfio_tsm has of a device, in one read; or file by file from an older one. */
#ifndef TSMCTL_SUMMARY_H
#define TSMCTL_SUMMARY_H

#include "host/pci.h"

/* A page, which is the longest text of an attribute, and its end. */
#define SUMMARY_MAX (4096 + 1)

/**
 * struct summary - what was read of a device
 * @ctx: this run
 * @dev: the device
 * @read: whether it was read, which is done when it is needed first
 * @unknown: the module has nothing of the device: no directory, and another driver
 * @text: a line KEY=VALUE for each attribute; "" if there is no such text
 */
struct summary {
	struct ctx *ctx;
	const struct pci_device *dev;
	bool read;
	bool unknown;
	char text[SUMMARY_MAX];
};

/**
 * summary_begin() - prepare to read the attributes of a device
 * @s: out
 * @ctx: this run
 * @dev: the device, which must live as long as @s
 */
void summary_begin(struct summary *s, struct ctx *ctx, const struct pci_device *dev);

/**
 * summary_get() - an attribute of a device's directory in configfs
 * @s: its summary
 * @attr: attribute
 * @buf: out, ATTR_MAX bytes; "" on failure
 *
 * Return: as policy_get().
 */
int summary_get(struct summary *s, const char *attr, char *buf);

/**
 * summary_get_driver() - an attribute of the driver's directory in sysfs
 * @s: the summary of the device
 * @attr: attribute of one line
 * @buf: out, ATTR_MAX bytes; "" on failure
 *
 * Return: 0 or negative errno; -ENODEV if the device is not on the driver.
 */
int summary_get_driver(struct summary *s, const char *attr, char *buf);

/**
 * summary_get_lines() - the same for an attribute of several lines
 * @s: the summary of the device, where commas stand for the newlines between them
 * @attr: attribute
 * @buf: out, the lines
 * @size: bytes in @buf
 *
 * Return: as summary_get_driver().
 */
int summary_get_lines(struct summary *s, const char *attr, char *buf, size_t size);

/**
 * summary_owner() - the process that has a device open
 * @s: the summary of the device
 *
 * Return: its process ID, or 0 if there is none or it is not known.
 */
pid_t summary_owner(struct summary *s);

#endif
