/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The device that requests.c and doe.c measure. Each error ends the program. */
#ifndef BENCH_DEVICE_H
#define BENCH_DEVICE_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/**
 * die() - end the program because of errno
 * @what: what has failed
 */
void die(const char *what) __attribute__((noreturn));

/**
 * now() - the time of a clock
 * @clock: the clock
 *
 * Return: the time in ns.
 */
int64_t now(clockid_t clock);

/**
 * device_name_interface() - put the requester ID of a device into a TDISP message
 * @addr: its address
 * @message: gets the ID at the place of the interface
 *
 * Return: false if @addr is not an address.
 */
bool device_name_interface(const char *addr, uint8_t *message);

/**
 * device_open() - open a device for a VM, ready for a bind
 * @addr: its address; it is on vfio-pci-tsm
 *
 * Return: its cdev, with memory decode and bus mastering on.
 */
int device_open(const char *addr);

/**
 * device_bind() - bind a device
 * @device: from device_open()
 *
 * Return: whether that succeeded.
 */
bool device_bind(int device);

/**
 * device_unbind() - unbind a device
 * @device: from device_open()
 *
 * Return: whether that succeeded.
 */
bool device_unbind(int device);

#endif
