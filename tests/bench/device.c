// SPDX-License-Identifier: GPL-2.0-or-later
/* The device that is measured, see device.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <linux/vfio_tsm.h>

#include "client.h"
#include "device.h"

void die(const char *what)
{
	perror(what);
	exit(1);
}

int64_t now(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

bool device_name_interface(const char *addr, uint8_t *message)
{
	unsigned int segment, bus, slot, function;

	if (sscanf(addr, "%x:%x:%x.%x", &segment, &bus, &slot, &function) != 4)
		return false;
	message[4] = slot << 3 | function;
	message[5] = bus;
	return true;
}

int device_open(const char *addr)
{
	static int (*const steps[])(struct client *c, const unsigned long long *args,
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
	if (ioctl(c.device, VFIO_DEVICE_GET_REGION_INFO, &config) ||
	    pwrite(c.device, &command, sizeof(command), config.offset + PCI_COMMAND) < 0)
		die(addr);
	return c.device;
}

bool device_bind(int device)
{
	struct vfio_pci_tsm_bind arg = { .argsz = sizeof(arg) };

	return !ioctl(device, VFIO_DEVICE_TSM_BIND, &arg);
}

bool device_unbind(int device)
{
	struct vfio_pci_tsm_unbind arg = { .argsz = sizeof(arg) };

	return !ioctl(device, VFIO_DEVICE_TSM_UNBIND, &arg);
}
