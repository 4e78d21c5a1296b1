/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The configfs side of a device: /sys/kernel/config/vfio_tsm/ADDRESS/tsm/. */
#ifndef TSMCTL_POLICY_H
#define TSMCTL_POLICY_H

#include <sys/types.h>

#include "host/pci.h"

struct problem;

#define POLICY_DIR "vfio_tsm"
/* @policy_fd of struct ctx before the directory is opened */
#define POLICY_UNKNOWN (-4096)
/* The file with the mode of devices whose own is default; beside their directories. */
#define DEFAULT_MODE "default_region_mode"
#define CONFIGFS_PATH "/sys/kernel/config"

/* The words of the attribute "state"; NULL at the end. */
extern const char *const policy_states[];

/**
 * policy_init() - find out where configfs is
 * @ctx: this run, after pci_init(); @ctx->configfs is filled in
 *
 * Return: 0, or negative errno, reported. It need not be mounted.
 */
int policy_init(struct ctx *ctx);

/**
 * policy_mounted() - whether there is a configfs
 * @ctx: this run
 *
 * Return: true if configfs is mounted, or a moved root is a directory.
 */
bool policy_mounted(const struct ctx *ctx);

/**
 * policy_available() - whether the vfio_tsm subsystem is there
 * @ctx: this run
 *
 * Return: true if it can be used.
 */
bool policy_available(struct ctx *ctx);

/**
 * policy_require() - report it if the vfio_tsm subsystem is not there
 * @ctx: this run
 * @device: device concerned, or NULL, for the error
 *
 * Return: 0, or negative errno, reported.
 */
int policy_require(struct ctx *ctx, const char *device);

/**
 * policy_close() - close the subsystem's directory; the next use opens it again
 * @ctx: this run
 */
void policy_close(struct ctx *ctx);

/**
 * policy_has() - whether a device has a directory
 * @ctx: this run
 * @name: address in the kernel's form
 *
 * Return: true if so; false also without the subsystem.
 */
bool policy_has(struct ctx *ctx, const char *name);

/**
 * policy_scan() - call back for every device that has a directory
 * @ctx: this run
 * @fn: callback; a return value other than 0 ends the scan
 * @arg: passed to @fn
 *
 * Return: 0, what @fn returned, or negative errno; 0 without the subsystem.
 */
int policy_scan(struct ctx *ctx,
		int (*fn)(const struct ctx *ctx, const struct pci_addr *addr, void *arg),
		void *arg);

/**
 * policy_create() - make sure that a device has a directory
 * @ctx: this run
 * @dev: the device, which need not be present
 *
 * Return: 0, or negative errno, reported.
 */
int policy_create(struct ctx *ctx, const struct pci_device *dev);

/**
 * policy_forget() - remove a device's directory
 * @ctx: this run
 * @name: address in the kernel's form
 *
 * Return: 0, also when it has none, or negative errno, reported.
 */
int policy_forget(struct ctx *ctx, const char *name);

/**
 * policy_get() - read an attribute of a device
 * @ctx: this run
 * @dev: the device
 * @attr: attribute
 * @buf: out, ATTR_MAX bytes; "" on failure
 *
 * A device without a directory has the default of each attribute that has one.
 * Other attributes are read from the driver's own directory in sysfs.
 *
 * Return: 0, or negative errno; -ENOENT if it is not known.
 */
int policy_get(struct ctx *ctx, const struct pci_device *dev, const char *attr, char *buf);

/**
 * policy_get_usual() - the value of an attribute for a device without a directory and a driver
 * @ctx: this run, after policy_available()
 * @dev: the device
 * @attr: attribute
 * @buf: out, ATTR_MAX bytes; "" on failure
 *
 * Return: 0, or -ENOENT if it has none, or there is no vfio_tsm subsystem.
 */
int policy_get_usual(struct ctx *ctx, const struct pci_device *dev, const char *attr, char *buf);

/**
 * policy_lacks() - whether the loaded module is too old for an attribute
 * @ctx: this run
 * @dev: the device
 * @attr: attribute of every device's directory
 *
 * Return: true if the device has a directory, and the attribute is not there.
 */
bool policy_lacks(struct ctx *ctx, const struct pci_device *dev, const char *attr);

/**
 * policy_read() - read an attribute of a device, with a report
 * @ctx: this run
 * @dev: the device
 * @attr: attribute that has a default
 * @buf: out, ATTR_MAX bytes
 *
 * Return: 0, or negative errno, reported.
 */
int policy_read(struct ctx *ctx, const struct pci_device *dev, const char *attr, char *buf);

/**
 * policy_report() - report that an attribute could not be read or set
 * @ctx: this run
 * @dev: the device
 * @p: the error, with its attribute, and its value if it was to be set
 *
 * Return: @p->err.
 */
int policy_report(struct ctx *ctx, const struct pci_device *dev, struct problem *p);

/**
 * policy_set() - write an attribute of a device that has a directory
 * @ctx: this run
 * @dev: the device
 * @attr: attribute
 * @value: text without a newline
 *
 * Return: 0 or negative errno.
 */
int policy_set(struct ctx *ctx, const struct pci_device *dev, const char *attr, const char *value);

/**
 * policy_set_slow() - write an attribute whose write may take the TSM long
 * @dev: the device
 * @attr: attribute
 * @value: text without a newline
 * @w: the wait, begun
 *
 * Return: 0 or negative errno. See slow_write().
 */
int policy_set_slow(const struct pci_device *dev, const char *attr, const char *value,
		    struct wait *w);

/**
 * policy_get_default() - read the mode of devices whose own is default
 * @ctx: this run
 * @buf: out, ATTR_MAX bytes
 *
 * Return: 0, or negative errno, reported.
 */
int policy_get_default(struct ctx *ctx, char *buf);

/**
 * policy_set_default() - write the mode of devices whose own is default
 * @ctx: this run, after policy_get_default()
 * @value: exclusive or shared
 *
 * Return: 0, or negative errno, reported.
 */
int policy_set_default(struct ctx *ctx, const char *value);

/**
 * policy_owner() - the process that has a device open
 * @ctx: this run
 * @dev: the device
 *
 * Return: its process ID, or 0 if there is none or it is not known.
 */
pid_t policy_owner(struct ctx *ctx, const struct pci_device *dev);

#endif
