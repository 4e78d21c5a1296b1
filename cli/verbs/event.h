/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An event as tsmctl monitor prints it. */
#ifndef TSMCTL_EVENT_H
#define TSMCTL_EVENT_H

#include <libudev.h>

#include "ctx.h"

/* The driver of a device has changed; there is none if struct event::driver is NULL. */
#define EVENT_DRIVER "driver"
/* The TDISP state of its TDI has changed. */
#define EVENT_TDI "tdi-state"
/* A process has connected or disconnected a device, or has changed its policy. */
#define EVENT_CONNECTED "connected"
#define EVENT_DISCONNECTED "disconnected"
#define EVENT_POLICY "policy"

/* The names of all events; NULL at the end. */
extern const char *const event_words[];

/**
 * struct event - one line; NULL stands for an unknown value
 * @device: PCI address or TSM, NULL for an event of neither
 * @name: what has happened
 * @state: state of the device since then
 * @previous: the state before it; if there is only @tdi_state, the TDISP state before that;
 *	for EVENT_DRIVER, the driver before
 * @reason: why it was unbound
 * @generation: of @state
 * @tdi_id: requester ID in its guest
 * @driver: its driver
 * @tdi_state: TDISP state of its TDI
 * @tsm: the TSM that it is connected to now, or was until now
 * @attribute: attribute of policy that has changed
 * @value: its value now; then @previous is the one before
 */
struct event {
	const char *device;
	const char *name;
	const char *state;
	const char *previous;
	const char *reason;
	const char *generation;
	const char *tdi_id;
	const char *driver;
	const char *tdi_state;
	const char *tsm;
	const char *attribute;
	const char *value;
};

/**
 * event_listen() - begin to receive the kernel's events of PCI functions and TSMs
 * @ctx: this run
 * @udev: from udev_new(), or NULL
 * @monitor: out, for udev_monitor_unref(), whatever is returned
 *
 * Return: 0, or negative errno, reported.
 */
int event_listen(struct ctx *ctx, struct udev *udev, struct udev_monitor **monitor);

/* Bytes of a time as text */
#define EVENT_TIME_LEN 48

/**
 * event_time() - a time as text, as ISO 8601 has it, with milliseconds
 * @ctx: this run: UTC for --json, else the local time with its offset
 * @time: the time
 * @text: out
 */
void event_time(const struct ctx *ctx, const struct timespec *time, char text[EVENT_TIME_LEN]);

/**
 * event_print() - print an event that happens now
 * @ctx: this run, after report_stream()
 * @e: the event
 */
void event_print(struct ctx *ctx, const struct event *e);

#endif
