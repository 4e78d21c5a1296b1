// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * requests ADDR: measure a request of the guest, a bind and an unbind, and PCI/TSM alone
 *
 * Opens the device for a VM, binds it, and asks for the state of its TDI: 16 bytes, and 17
 * in the response. For comparison it writes to the file tdisp of tsm_sim, which copies a
 * message and calls pci_tsm_guest_req(). A write that is too long ends before both, so the
 * difference of the two is the bare call. In the same way it compares a bind and an unbind
 * with those of other_bind, minus one of a function that does not exist.
 *
 * Prints a line "NAME N" for each, in ns. A bind and an unbind wait for other threads of the
 * kernel, which is not counted: their clock is that of this thread.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include <linux/vfio_tsm.h>

#include "device.h"
#include "../tools/tdisp.h"

#define REQUEST TDISP_HEADER
#define RESPONSE (TDISP_HEADER + 1)
/* More than tdisp accepts */
#define TOO_LONG 129
#define ROOM 256

/* Few enough that most batches end before the next timer interrupt. */
#define BATCH 16
#define BATCHES 64

#define OTHER_BIND "/sys/module/other_bind/parameters/"
#define NO_FUNCTION "0000:ff:1f.7"

static int device, tdisp, other_bind, other_unbind;
static const char *addr;
static uint8_t message[TOO_LONG] = { TDISP_VERSION, GET_DEVICE_INTERFACE_STATE };
static uint8_t response[ROOM];

static int by_ioctl(void)
{
	struct vfio_pci_tsm_req arg = {
		.argsz = sizeof(arg),
		.req_len = REQUEST,
		.resp_len = ROOM,
		.req_uptr = (uintptr_t)message,
		.resp_uptr = (uintptr_t)response,
	};

	return ioctl(device, VFIO_DEVICE_TSM_REQ, &arg) == ROOM - RESPONSE;
}

static int by_tdisp(void)
{
	return write(tdisp, message, REQUEST) == REQUEST;
}

static int refused(void)
{
	return write(tdisp, message, TOO_LONG) < 0 && errno == E2BIG;
}

static int by_bind(void)
{
	return device_bind(device);
}

static int by_unbind(void)
{
	return device_unbind(device);
}

static int by_other_bind(void)
{
	return write(other_bind, addr, strlen(addr)) > 0;
}

static int by_other_unbind(void)
{
	return write(other_unbind, addr, strlen(addr)) > 0;
}

static int no_function(void)
{
	return write(other_unbind, NO_FUNCTION, strlen(NO_FUNCTION)) < 0 && errno == ENODEV;
}

static int nothing(void)
{
	return 1;
}

/* The shortest time of one, in ns */
static long long measure(const char *name, int (*run)(void))
{
	int64_t best = INT64_MAX;

	for (int i = 0; i < BATCHES; i++) {
		int64_t took = now(CLOCK_MONOTONIC);

		for (int j = 0; j < BATCH; j++)
			if (!run())
				die(name);
		took = now(CLOCK_MONOTONIC) - took;
		best = took < best ? took : best;
	}
	return best / BATCH;
}

/* The same for one that another one, @undo, must follow, which is not measured */
static long long measure_pair(const char *name, int (*run)(void), int (*undo)(void))
{
	int64_t best = INT64_MAX;

	for (int i = 0; i < BATCHES; i++) {
		int64_t took = now(CLOCK_THREAD_CPUTIME_ID);

		if (!run())
			die(name);
		took = now(CLOCK_THREAD_CPUTIME_ID) - took;
		if (!undo())
			die(name);
		best = took < best ? took : best;
	}
	return best;
}

static void print_pairs(void)
{
	long long start = measure_pair("clock", nothing, nothing);
	long long find = measure_pair("find", no_function, nothing);

	/* The device is bound. */
	printf("unbind %lld\n", measure_pair("unbind", by_unbind, by_bind) - start);
	if (!by_unbind())
		die("unbind");
	printf("bind %lld\n", measure_pair("bind", by_bind, by_unbind) - start);
	printf("bare-bind %lld\n", measure_pair("bind", by_other_bind, by_other_unbind) - find);
	if (!by_other_bind())
		die("bind");
	printf("bare-unbind %lld\n", measure_pair("unbind", by_other_unbind, by_other_bind) - find);
}

static int open_file(const char *path)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		die(path);
	return fd;
}

int main(int argc, char **argv)
{
	char path[128];

	if (argc != 2 || !device_name_interface(argv[1], message))
		return 2;
	snprintf(path, sizeof(path), "/sys/kernel/debug/tsm_sim/%s/tdisp", argv[1]);
	addr = argv[1];
	tdisp = open_file(path);
	other_bind = open_file(OTHER_BIND "bind");
	other_unbind = open_file(OTHER_BIND "unbind");
	device = device_open(addr);
	if (!by_bind())
		die(addr);
	printf("ioctl %lld\n", measure("ioctl", by_ioctl));
	printf("bare %lld\n", measure("tdisp", by_tdisp) - measure("refused", refused));
	print_pairs();
	return 0;
}
