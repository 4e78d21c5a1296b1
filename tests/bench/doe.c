// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * doe ADDR: do each command of the firmware some times, and measure how long the caller waits
 *
 * The device is on vfio-pci-tsm, with policy, and is not connected. Prints a line "TYPE N CPU" for
 * each command, in their order: its number in <linux/tsm_sim.h>, its time in ns, and the CPU time of
 * this thread alone.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include <linux/pci_regs.h>
#include <linux/tsm_sim.h>
#include <linux/vfio.h>
#include <linux/vfio_tsm.h>

#include "client.h"
#include "../tools/tdisp.h"

#define ROUNDS 8
#define ROOM 256

static const char *addr;
static int device;
static uint8_t message[TDISP_HEADER] = { TDISP_VERSION, GET_DEVICE_INTERFACE_STATE };

static void die(const char *what)
{
	perror(what);
	exit(1);
}

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
	struct vfio_pci_tsm_bind arg = { .argsz = sizeof(arg) };

	return !ioctl(device, VFIO_DEVICE_TSM_BIND, &arg);
}

static int by_unbind(void)
{
	struct vfio_pci_tsm_unbind arg = { .argsz = sizeof(arg) };

	return !ioctl(device, VFIO_DEVICE_TSM_UNBIND, &arg);
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

static int64_t now(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
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

static void open_device(void)
{
	static int (*const steps[])(struct client * c, const unsigned long long *args,
				    const char *text, char *answer, size_t size) = {
		step_cdev, step_kvm, step_bind_iommufd, step_ioas, step_attach,
	};
	struct client c = CLIENT_INIT(addr);
	const unsigned long long args[MAX_ARGS] = { 0 };
	uint16_t command = PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;
	struct vfio_region_info config = { .argsz = sizeof(config),
					   .index = VFIO_PCI_CONFIG_REGION_INDEX };
	char answer[64];

	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		errno = -steps[i](&c, args, "", answer, sizeof(answer));
		if (errno)
			die(addr);
	}
	device = c.device;
	if (ioctl(device, VFIO_DEVICE_GET_REGION_INFO, &config) ||
	    pwrite(device, &command, sizeof(command), config.offset + PCI_COMMAND) < 0)
		die(addr);
}

int main(int argc, char **argv)
{
	unsigned int segment, bus, slot, function;

	if (argc != 2 || sscanf(argv[1], "%x:%x:%x.%x", &segment, &bus, &slot, &function) != 4)
		return 2;
	message[4] = slot << 3 | function;
	message[5] = bus;
	addr = argv[1];
	for (int i = 0; i < ROUNDS; i++) {
		measure(TSM_SIM_CONNECT, by_connect);
		measure(TSM_SIM_DISCONNECT, by_disconnect);
	}
	measure(TSM_SIM_CONNECT, by_connect);
	open_device();
	for (int i = 0; i < ROUNDS; i++) {
		measure(TSM_SIM_BIND, by_bind);
		measure(TSM_SIM_REQUEST, by_request);
		measure(TSM_SIM_UNBIND, by_unbind);
	}
	return 0;
}
