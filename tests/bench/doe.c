// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * doe ADDR: do each command of the firmware some times, and measure how long the caller waits
 *
 * The device is on vfio-pci-tsm, with policy, and is not connected. Prints a line "TYPE N CPU" for
 * each command, in their order: its number in <linux/tsm_sim.h>, its time in ns, and the CPU time of
 * this thread alone.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include <linux/tsm_sim.h>
#include <linux/vfio_tsm.h>

#include "device.h"
#include "../tools/tdisp.h"

#define ROUNDS 8
#define ROOM 256

static const char *addr;
static int device;
static uint8_t message[TDISP_HEADER] = { TDISP_VERSION, GET_DEVICE_INTERFACE_STATE };

static int write_tsm(const char *name)
{
	char path[128];
	int fd, ok;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/tsm/%s", addr, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	ok = fd >= 0 && write(fd, "tsm0", 4) == 4;
	close(fd);
	return ok;
}

static int by_connect(void)
{
	return write_tsm("connect");
}

static int by_disconnect(void)
{
	return write_tsm("disconnect");
}

static int by_bind(void)
{
	return device_bind(device);
}

static int by_unbind(void)
{
	return device_unbind(device);
}

static int by_request(void)
{
	uint8_t response[ROOM];
	struct vfio_pci_tsm_req arg = {
		.argsz = sizeof(arg),
		.req_len = sizeof(message),
		.resp_len = sizeof(response),
		.req_uptr = (uintptr_t)message,
		.resp_uptr = (uintptr_t)response,
	};

	return ioctl(device, VFIO_DEVICE_TSM_REQ, &arg) >= 0;
}

static void measure(unsigned int type, int (*run)(void))
{
	int64_t took = now(CLOCK_MONOTONIC), cpu = now(CLOCK_THREAD_CPUTIME_ID);

	if (!run())
		die(addr);
	cpu = now(CLOCK_THREAD_CPUTIME_ID) - cpu;
	took = now(CLOCK_MONOTONIC) - took;
	printf("%u %lld %lld\n", type, (long long)took, (long long)cpu);
}

int main(int argc, char **argv)
{
	if (argc != 2 || !device_name_interface(argv[1], message))
		return 2;
	addr = argv[1];
	for (int i = 0; i < ROUNDS; i++) {
		measure(TSM_SIM_CONNECT, by_connect);
		measure(TSM_SIM_DISCONNECT, by_disconnect);
	}
	measure(TSM_SIM_CONNECT, by_connect);
	device = device_open(addr);
	for (int i = 0; i < ROUNDS; i++) {
		measure(TSM_SIM_BIND, by_bind);
		measure(TSM_SIM_REQUEST, by_request);
		measure(TSM_SIM_UNBIND, by_unbind);
	}
	return 0;
}
