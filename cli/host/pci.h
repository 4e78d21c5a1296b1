/* SPDX-License-Identifier: GPL-2.0-or-later */
/* PCI devices and drivers. Only pci.c uses libsysfs. */
#ifndef TSMCTL_PCI_H
#define TSMCTL_PCI_H

#include "common/bdf.h"
#include "ctx.h"
#include "host/attr.h"
#include "waiting.h"

#define TSM_DRIVER "vfio-pci-tsm"
#define DRIVER_NAME_LEN 64

/**
 * struct pci_device - a PCI function, present or not
 * @addr: its address
 * @name: its address in the kernel's form
 * @present: the kernel has such a device
 * @fd: its directory in sysfs, -1 if not present
 * @driver: its driver when it was opened or last looked at, "" for none
 * @has_id: it was opened by pci_open_with_id(), and has the following
 * @vendor: its vendor ID
 * @device: its device ID
 */
struct pci_device {
	struct pci_addr addr;
	char name[PCI_NAME_LEN];
	bool present;
	int fd;
	char driver[DRIVER_NAME_LEN];
	bool has_id;
	unsigned int vendor;
	unsigned int device;
};

#define cleanup_pci __attribute__((cleanup(pci_close)))

/**
 * pci_init() - find sysfs and open it
 * @ctx: this run; @ctx->sysfs is filled in
 *
 * Return: 0, or negative errno, reported.
 */
int pci_init(struct ctx *ctx);

/**
 * pci_open() - look at one function
 * @ctx: this run
 * @addr: its address
 * @dev: out, for pci_close(); @dev->present is false if there is no such device
 *
 * Return: 0, also for an absent device, or negative errno.
 */
int pci_open(const struct ctx *ctx, const struct pci_addr *addr, struct pci_device *dev);

/**
 * pci_open_with_id() - look at one function, and at its vendor and device ID
 * @ctx: this run
 * @addr: its address
 * @dev: out, for pci_close(). @dev->has_id is false if the IDs are not known
 *
 * Return: as pci_open().
 */
int pci_open_with_id(const struct ctx *ctx, const struct pci_addr *addr, struct pci_device *dev);

/**
 * pci_close() - close a device
 * @dev: the device
 */
void pci_close(struct pci_device *dev);

/**
 * pci_look_driver() - read again which driver a device has
 * @ctx: this run
 * @dev: the device; @dev->driver is brought up to date
 *
 * Return: 0, or -ENODEV if the device is gone.
 */
int pci_look_driver(const struct ctx *ctx, struct pci_device *dev);

/**
 * pci_scan() - call back for every function, in the order of sysfs
 * @ctx: this run
 * @fn: callback; a return value other than 0 ends the scan
 * @arg: passed to @fn
 *
 * Linear in the number of functions.
 *
 * Return: 0, what @fn returned, or negative errno; -ENOENT without a PCI bus.
 */
int pci_scan(const struct ctx *ctx,
	     int (*fn)(const struct ctx *ctx, const struct pci_addr *addr, void *arg), void *arg);

/**
 * pci_has_tsm_side() - whether a function has a TSM side, or is assigned
 * @ctx: this run
 * @name: address in the kernel's form
 *
 * Return: true if it has a tsm directory, or its driver is TSM_DRIVER.
 */
bool pci_has_tsm_side(const struct ctx *ctx, const char *name);

/**
 * pci_is_with() - whether a function has a certain driver
 * @ctx: this run
 * @name: address in the kernel's form
 * @driver: the driver's name
 *
 * Return: true if so.
 */
bool pci_is_with(const struct ctx *ctx, const char *name, const char *driver);

/**
 * pci_is_vf_of() - whether a function is a VF of another one
 * @ctx: this run
 * @name: address in the kernel's form
 * @pf: address of the PF
 *
 * Return: true if so.
 */
bool pci_is_vf_of(const struct ctx *ctx, const char *name, const struct pci_addr *pf);

/**
 * pci_has_id() - whether a function has a vendor and device ID
 * @ctx: this run
 * @name: address in the kernel's form
 * @vendor: vendor ID
 * @device: device ID
 *
 * Return: true if so.
 */
bool pci_has_id(const struct ctx *ctx, const char *name, unsigned int vendor, unsigned int device);

/**
 * pci_is_bridge() - whether a function is a bridge, which no VFIO driver takes
 * @ctx: this run
 * @name: address in the kernel's form
 *
 * Return: true if its header in config space is not of type 0.
 */
bool pci_is_bridge(const struct ctx *ctx, const char *name);

/**
 * pci_link() - the function that a link of a device leads to
 * @dev: the device
 * @link: name of the link, as virtfn0
 * @addr: out, address of the function
 *
 * Return: true if there is such a link.
 */
bool pci_link(const struct pci_device *dev, const char *link, struct pci_addr *addr);

/**
 * pci_group() - a function's IOMMU group
 * @ctx: this run
 * @dev: the device
 *
 * Return: its number, or -1 if it is in none.
 */
int pci_group(const struct ctx *ctx, const struct pci_device *dev);

/**
 * pci_group_scan() - call back for every function of an IOMMU group
 * @ctx: this run
 * @group: group number
 * @fn: callback; a return value other than 0 ends the scan
 * @arg: passed to @fn
 *
 * Return: 0, what @fn returned, or negative errno; -ENOENT without such a group.
 */
int pci_group_scan(const struct ctx *ctx, int group,
		   int (*fn)(const struct ctx *ctx, const struct pci_addr *addr, void *arg),
		   void *arg);

/**
 * pci_group_strangers() - functions of a device's IOMMU group on other drivers
 * @ctx: this run
 * @group: group number
 * @dev: the device, not counted
 * @buf: out, "ADDRESS (DRIVER), ..."
 * @size: bytes in @buf
 *
 * Bridges, functions without a driver and those on vfio-pci-tsm do not count.
 *
 * Return: how many there are.
 */
unsigned int pci_group_strangers(const struct ctx *ctx, int group, const struct pci_device *dev,
				 char *buf, size_t size);

/**
 * pci_has_driver() - whether a PCI driver is registered
 * @ctx: this run
 * @name: driver
 *
 * Return: true if so.
 */
bool pci_has_driver(const struct ctx *ctx, const char *name);

/**
 * pci_driver_devices() - the functions that have a driver
 * @ctx: this run
 * @name: driver
 * @buf: out, addresses separated by blanks
 * @size: bytes in @buf
 *
 * Return: how many there are.
 */
unsigned int pci_driver_devices(const struct ctx *ctx, const char *name, char *buf, size_t size);

/**
 * pci_unbind() - detach a device from its present driver
 * @ctx: this run
 * @dev: the device
 * @w: out, the wait, for slow_report()
 *
 * Return: 0, also when it has no driver, or negative errno. See slow_write().
 */
int pci_unbind(struct ctx *ctx, const struct pci_device *dev, struct wait *w);

/**
 * pci_probe() - let the kernel find a driver for a device
 * @ctx: this run
 * @dev: the device
 * @driver: the driver that is to take it, if that is known, or NULL
 * @w: out, the wait, for slow_report()
 *
 * Success does not mean that a driver has it: call pci_look_driver() afterwards.
 *
 * Return: 0 or negative errno. See slow_write().
 */
int pci_probe(struct ctx *ctx, const struct pci_device *dev, const char *driver, struct wait *w);

/**
 * pci_get() - read an attribute of a device
 * @dev: the device
 * @name: attribute below its directory
 * @buf: out, ATTR_MAX bytes; "" on failure
 *
 * Return: 0 or negative errno.
 */
int pci_get(const struct pci_device *dev, const char *name, char *buf);

/**
 * pci_set() - write an attribute of a device
 * @ctx: this run
 * @dev: the device
 * @name: attribute below its directory
 * @value: text without a newline
 *
 * Return: 0 or negative errno.
 */
int pci_set(const struct ctx *ctx, const struct pci_device *dev, const char *name,
	    const char *value);

/**
 * pci_get_slow() - read an attribute of a device whose read may take long
 * @dev: the device
 * @name: attribute below its directory
 * @buf: out, ATTR_MAX bytes; "" on failure
 * @w: the wait, begun
 *
 * Return: 0 or negative errno. See slow_read().
 */
int pci_get_slow(const struct pci_device *dev, const char *name, char *buf, struct wait *w);

/**
 * pci_set_slow() - write an attribute of a device whose write may take long
 * @dev: the device
 * @name: attribute below its directory
 * @value: text without a newline
 * @w: the wait, begun
 *
 * Return: 0 or negative errno. See slow_write().
 */
int pci_set_slow(const struct pci_device *dev, const char *name, const char *value, struct wait *w);

#endif
